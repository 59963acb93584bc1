"""A session of Microsoft's ODBC driver 18, which PyPI's mssql-python brings along and uses."""

import datetime
import decimal
import time
import uuid

import mssql_python
from steps import LARGE, PASSWORD, PORT, PROTECTION, equal, same, step

ENCRYPT = {"plain": "no", "encrypted": "yes", "strict": "strict"}[PROTECTION]
UTC_5_30 = datetime.timezone(-datetime.timedelta(hours=5, minutes=30))


def connect(database, password=PASSWORD, **more):
    braced = password.replace("}", "}}")
    return mssql_python.connect(
        f"Server=localhost,{PORT};Database={database};UID=sa;PWD={{{braced}}};Encrypt={ENCRYPT};TrustServerCertificate=no",
        **more,
    )


# Name, declaration, value as a parameter, the same value in T-SQL, value that comes back where it is another.
COLUMNS = [
    ("a_bit", "bit", True, "1"),
    ("a_tinyint", "tinyint", 255, "255"),
    ("a_smallint", "smallint", -32768, "-32768"),
    ("a_int", "int", -(2**31), "-2147483648"),
    ("a_bigint", "bigint", 2**63 - 1, "9223372036854775807"),
    ("a_decimal", "decimal(38,10)", decimal.Decimal("-1234567890123456789012345678.0123456789"), "-1234567890123456789012345678.0123456789"),
    ("a_numeric", "numeric(9,2)", decimal.Decimal("1234567.89"), "1234567.89"),
    ("a_money", "money", decimal.Decimal("922337203685477.5807"), "922337203685477.5807"),
    ("a_smallmoney", "smallmoney", decimal.Decimal("-214748.3648"), "-214748.3648"),
    ("a_real", "real", -1.5, "-1.5E0"),
    ("a_float", "float", 0.1, "1E-1"),
    ("a_date", "date", datetime.date(9999, 12, 31), "'9999-12-31'"),
    ("a_time", "time(6)", datetime.time(23, 59, 59, 999999), "'23:59:59.999999'"),
    ("a_datetime", "datetime", datetime.datetime(2024, 2, 29, 1, 2, 3, 3000), "'2024-02-29T01:02:03.003'"),
    ("a_smalldatetime", "smalldatetime", datetime.datetime(2024, 2, 29, 1, 2), "'2024-02-29T01:02:00'"),
    ("a_datetime2", "datetime2(7)", datetime.datetime(1, 1, 1, 0, 0, 0, 1), "'0001-01-01T00:00:00.000001'"),
    ("a_datetimeoffset", "datetimeoffset(7)", datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, UTC_5_30), "'2024-05-06T07:08:09.123456-05:30'"),
    ("a_char", "char(5)", "ab", "'ab'", "ab   "),
    ("a_varchar", "varchar(50)", "Grüße €", "'Grüße €'"),
    ("a_varcharmax", "varchar(max)", "ÿ" * 9000, "REPLICATE(CAST('ÿ' AS varchar(max)), 9000)"),
    ("a_nchar", "nchar(5)", "日本", "N'日本'", "日本   "),
    ("a_nvarchar", "nvarchar(50)", "𝄞 clef", "N'𝄞 clef'"),
    ("a_nvarcharmax", "nvarchar(max)", "𝄞" * 5000, "REPLICATE(CAST(N'𝄞' AS nvarchar(max)), 5000)"),
    ("a_binary", "binary(4)", b"\x01\x02", "0x01020000", b"\x01\x02\x00\x00"),
    ("a_varbinary", "varbinary(50)", b"\x00\xff\x00", "0x00FF00"),
    ("a_varbinarymax", "varbinary(max)", b"z" * 10000, "CAST(REPLICATE(CAST('z' AS varchar(max)), 10000) AS varbinary(max))"),
    ("a_uniqueidentifier", "uniqueidentifier", uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF"), "'6F9619FF-8B86-D011-B42D-00C04FC964FF'"),
    ("a_text", "text", "Grüße", "'Grüße'"),
    ("a_ntext", "ntext", "𝄞 clef", "N'𝄞 clef'"),
    ("a_image", "image", b"\x00\xff", "0x00FF"),
    ("a_xml", "xml", "<a>ž</a>", "N'<a>ž</a>'"),
    ("a_sql_variant", "sql_variant", 5, "5"),
]
NAMES = ", ".join(column[0] for column in COLUMNS)
VALUES = [column[2] for column in COLUMNS]
BACK = [column[4] if len(column) > 4 else column[2] for column in COLUMNS]
NULLS = [None] * len(COLUMNS)
SLOTS = ", ".join("?" for _ in COLUMNS)
# True in T-SQL for a row of the values.
SAME = " AND ".join(same(name, ty, literal) for name, ty, _, literal, *_ in COLUMNS)


def table(name):
    declared = ", ".join(f"{column} {ty} NULL" for column, ty, *_ in COLUMNS)
    return f"CREATE TABLE {name} (id int IDENTITY PRIMARY KEY, {declared})"


def rows(sql, *parameters):
    return [tuple(row) for row in session.cursor().execute(sql, *parameters).fetchall()]


def error(sql, *parameters):
    try:
        session.cursor().execute(sql, *parameters)
    except mssql_python.Error as raised:
        return type(raised).__name__, raised.driver_error, raised.ddbc_error.rsplit("]", 1)[-1]
    raise AssertionError(f"no error: {sql}")


session = None


@step
def connect_():
    global session
    first = connect("master", autocommit=True)
    first.execute("CREATE DATABASE shop")
    first.close()
    session = connect("shop", autocommit=True)
    equal(rows("SELECT CAST(DB_NAME() AS varchar(20)), CAST(1 AS bit)"), [("shop", True)])


@step
def wrong_password():
    try:
        connect("shop", "guess")
    except mssql_python.Error as raised:
        assert "Login failed for user 'sa'" in str(raised), raised
    else:
        raise AssertionError("a wrong password was accepted")


@step
def create_a_table():
    session.execute(table("every_type"))


@step
def parameters_of_every_type():
    equal(session.execute(f"INSERT every_type ({NAMES}) VALUES ({SLOTS})", VALUES).rowcount, 1)
    # For NULL the driver asks the server what type the parameter has.
    session.execute(f"INSERT every_type ({NAMES}) VALUES ({SLOTS})", NULLS)
    equal(rows(f"SELECT {NAMES} FROM every_type ORDER BY id"), [BACK, NULLS])
    equal(rows(f"SELECT id FROM every_type WHERE {SAME}"), [(1,)])
    for name, _, value, *_ in COLUMNS[:17]:
        # The parameter is a datetime2: against it the datetime is the full third of a millisecond, 03.0033333.
        found = [] if name == "a_datetime" else [(1,)]
        equal(rows(f"SELECT id FROM every_type WHERE {name} = ?", value), found)


@step
def values_of_sql_variant():
    for literal, value in [
        ("CAST(1.50 AS decimal(5,2))", decimal.Decimal("1.50")),
        ("N'ž'", "ž"),
        ("'abc'", "abc"),
        ("CAST('2024-01-02T03:04:05' AS datetime)", datetime.datetime(2024, 1, 2, 3, 4, 5)),
        ("CAST('2024-01-02' AS date)", datetime.date(2024, 1, 2)),
        ("0x0102", b"\x01\x02"),
        ("CAST(1 AS bit)", True),
        ("CAST(2.5 AS float)", 2.5),
        ("CAST(12 AS money)", decimal.Decimal("12.0000")),
        ("CAST(NULL AS int)", None),
    ]:
        equal(rows(f"SELECT CAST({literal} AS sql_variant)"), [(value,)])


@step
def rowversion():
    session.execute("CREATE TABLE versions (id int PRIMARY KEY, v rowversion)")
    session.execute("INSERT versions (id) VALUES (1), (2)")
    (first,), (second,) = rows("SELECT v FROM versions ORDER BY id")
    assert len(first) == 8 and first < second, (first, second)
    equal(rows("SELECT id FROM versions WHERE v = ?", second), [(2,)])


@step
def declared_parameters():
    cursor = session.cursor()
    declared = [
        (mssql_python.SQL_WVARCHAR, 20, 0),
        (mssql_python.SQL_VARCHAR, 20, 0),
        (mssql_python.SQL_DECIMAL, 10, 4),
        (mssql_python.SQL_BIGINT, 0, 0),
        (mssql_python.SQL_VARBINARY, 20, 0),
    ]
    cursor.setinputsizes(declared)
    sql = "SELECT ?, ?, ?, ?, ?"
    cursor.execute(sql, "ž", "a", decimal.Decimal("1.5"), 7, b"\x01")
    equal(tuple(cursor.fetchone()), ("ž", "a", decimal.Decimal("1.5000"), 7, b"\x01"))


@step
def description():
    cursor = session.execute("SELECT id, a_decimal, a_nvarchar, a_varbinarymax, a_datetime2, a_uniqueidentifier FROM every_type WHERE 1 = 0")
    found = [(name, ty, precision, scale, nullable) for name, ty, _, _, precision, scale, nullable in cursor.description]
    equal(found, [
        ("id", int, 10, 0, False),
        ("a_decimal", decimal.Decimal, 38, 10, True),
        ("a_nvarchar", str, 50, 0, True),
        ("a_varbinarymax", bytes, 0, 0, True),
        ("a_datetime2", datetime.datetime, 27, 7, True),
        ("a_uniqueidentifier", uuid.UUID, 36, 0, True),
    ])


@step
def many_rows_of_parameters():
    session.execute("CREATE TABLE many (id int PRIMARY KEY, name nvarchar(20) NULL, at datetime2 NULL)")
    cursor = session.cursor()
    data = [(i, None if i % 3 == 0 else f"n{i}", datetime.datetime(2020, 1, 1, 0, 0, i % 60)) for i in range(300)]
    cursor.executemany("INSERT many VALUES (?, ?, ?)", data)
    equal(cursor.rowcount, 300)
    equal(rows("SELECT * FROM many ORDER BY id"), data)


@step
def prepared_statement():
    cursor = session.cursor()
    for i in (1, 2, 3):
        equal(cursor.execute("SELECT name FROM many WHERE id = ?", (i,)).fetchval(), None if i == 3 else f"n{i}")
    for i in (1, 2):
        equal(cursor.execute("UPDATE many SET name = ? WHERE id <= ?", (f"u{i}", i), reset_cursor=False).rowcount, i + 1)


@step
def several_results_and_counts():
    cursor = session.execute("SELECT 1 AS a; SELECT 'x' AS b, 2 AS c WHERE 1 = 0; UPDATE many SET name = N'q' WHERE id < 3; SELECT 3 AS d")
    found = []
    while True:
        found.append([tuple(row) for row in cursor.fetchall()] if cursor.description else None)
        if not cursor.nextset():
            break
    equal(found, [[(1,)], [], None, [(3,)]])
    equal(session.execute("UPDATE many SET name = N'q' WHERE id < 5").rowcount, 5)
    equal(session.execute("DELETE many WHERE id < 0").rowcount, 0)


@step
def stored_procedure():
    session.execute(
        "CREATE PROCEDURE dbo.raise_price @by decimal(9,2), @text nvarchar(20) = N'none' AS "
        "BEGIN SELECT @by AS raised_by, @text AS text; UPDATE many SET name = N'p' WHERE id < 2; SELECT 'end' AS last_one END"
    )
    for call in ["{CALL dbo.raise_price(?, ?)}", "EXEC dbo.raise_price ?, ?", "EXEC dbo.raise_price @by = ?, @text = ?"]:
        cursor = session.execute(call, decimal.Decimal("1.25"), "text")
        found = [[tuple(row) for row in cursor.fetchall()]]
        while cursor.nextset():
            found.append([tuple(row) for row in cursor.fetchall()] if cursor.description else None)
        equal(found, [[(decimal.Decimal("1.25"), "text")], None, [("end",)]])


@step
def messages():
    cursor = session.execute("PRINT N'žluť'; RAISERROR('note %d', 5, 3, 4); SELECT 1")
    said = [(state, text.rsplit("]", 1)[-1]) for state, text in cursor.messages]
    equal(said, [("[01000] (0)", "žluť"), ("[01000] (50000)", "note 4")])
    equal(tuple(cursor.fetchone()), (1,))


@step
def errors():
    # The driver turns the server's number into a SQLSTATE, which mssql-python shows as a class and a text.
    integrity, syntax = ("IntegrityError", "Integrity constraint violation"), ("ProgrammingError", "Syntax error or access violation")
    session.execute("CREATE TABLE once (id int CONSTRAINT pk_once PRIMARY KEY, name nvarchar(5) NOT NULL CHECK (name <> N'bad'))")
    session.execute("INSERT once VALUES (1, N'one')")
    found = error("INSERT once VALUES (1, N'two')")
    equal(found[:2], integrity)
    assert found[2].startswith("Violation of PRIMARY KEY constraint 'pk_once'."), found
    equal(error("INSERT once VALUES (2, NULL)")[:2], integrity)
    equal(error("INSERT once VALUES (2, N'bad')")[:2], integrity)
    equal(error("INSERT once VALUES (?, ?)", 1, "two")[:2], integrity)
    equal(error("SELECT * FROM missing"), ("ProgrammingError", "Base table or view not found", "Invalid object name 'missing'."))
    equal(error("SELECT missing FROM once"), ("ProgrammingError", "Column not found", "Invalid column name 'missing'."))
    equal(error("SELECT 1/0"), ("DataError", "Division by zero", "Divide by zero error encountered."))
    equal(error("SELECT CAST('x' AS int)")[:2], ("DataError", "Invalid character value for cast specification"))
    equal(error("SELECT CAST('2024-13-01' AS datetime)")[:2], ("DataError", "Invalid datetime format"))
    equal(error("SELECT CAST(3000000000 AS int)")[:2], ("DataError", "Numeric value out of range"))
    equal(error("CREATE TABLE once (id int)")[:2], ("ProgrammingError", "Base table or view already exists"))
    equal(error("RAISERROR('own', 16, 3)"), (*syntax, "own"))
    equal(error("THROW 51000, 'thrown', 2"), (*syntax, "thrown"))
    equal(error("SELECT FROM WHERE")[:2], syntax)
    equal(rows("SELECT COUNT(*) FROM once"), [(1,)])


@step
def transactions():
    other = connect("shop")
    cursor = other.cursor()
    state = lambda: tuple(cursor.execute("SELECT COUNT(*), @@TRANCOUNT FROM once").fetchone())
    cursor.execute("INSERT once VALUES (2, N'two')")
    equal(state(), (2, 1))
    other.rollback()
    equal(state(), (1, 1))
    cursor.execute("INSERT once VALUES (3, N'three')")
    other.commit()
    equal(rows("SELECT COUNT(*) FROM once"), [(2,)])
    cursor.execute("INSERT once VALUES (4, N'four')")
    other.close()
    equal(rows("SELECT COUNT(*) FROM once"), [(2,)])


@step
def isolation_level():
    other = connect("shop")
    other.set_attr(mssql_python.SQL_ATTR_TXN_ISOLATION, mssql_python.SQL_TXN_SERIALIZABLE)
    level = "SELECT CAST(transaction_isolation_level AS int) FROM sys.dm_exec_sessions WHERE session_id = @@SPID"
    equal(other.execute(level).fetchval(), 4)
    other.close()


@step
def timeout():
    other = connect("shop", autocommit=True)
    other.timeout = 1
    cursor = other.cursor()
    started = time.monotonic()
    try:
        cursor.execute("WAITFOR DELAY '00:01:00'")
    except mssql_python.Error as raised:
        equal(raised.driver_error, "Timeout expired")
    else:
        raise AssertionError("no timeout")
    assert time.monotonic() - started < 30, "the attention is answered long before the wait is over"
    equal(cursor.execute("SELECT 5").fetchval(), 5)
    other.close()


@step
def large_values():
    text, latin, binary = "ž" * (LARGE // 10), "v" * (LARGE // 10), b"\xab" * LARGE
    session.execute("CREATE TABLE large (n nvarchar(max), v varchar(max), b varbinary(max))")
    session.execute("INSERT large VALUES (?, ?, ?)", text, latin, binary)
    found = rows("SELECT n, v, b, LEN(n), DATALENGTH(b) FROM large")
    assert found == [(text, latin, binary, LARGE // 10, LARGE)], "large values"


@step
def bulk_copy():
    session.execute(table("loaded"))
    # mssql-tds 0.3 sends a datetimeoffset's local time where the protocol has UTC: an offset of zero shows the value all the same.
    at = COLUMNS.index(next(column for column in COLUMNS if column[0] == "a_datetimeoffset"))
    in_utc = lambda values: [value.astimezone(datetime.timezone.utc) if i == at else value for i, value in enumerate(values)]
    data = [tuple(NULLS if i % 2 else in_utc(VALUES)) for i in range(100)]
    copied = session.cursor().bulkcopy("loaded", data, column_mappings=[column[0] for column in COLUMNS])
    equal(copied["rows_copied"], 100)
    equal(rows(f"SELECT COUNT(*), COUNT(a_bit), SUM(IIF({SAME}, 1, 0)) FROM loaded"), [(100, 50, 50)])
    equal(rows(f"SELECT {NAMES} FROM loaded WHERE id <= 2 ORDER BY id"), [in_utc(BACK), NULLS])
    session.cursor().bulkcopy("loaded", [(1000, *VALUES)], keep_identity=True, table_lock=True)
    equal(rows("SELECT MAX(id) FROM loaded"), [(1000,)])


@step
def bulk_copy_that_breaks_a_constraint_leaves_nothing():
    try:
        session.cursor().bulkcopy("once", [(50, "a"), (51, "b"), (1, "c")], check_constraints=True)
    except Exception as raised:
        assert "2627" in str(raised), raised
    else:
        raise AssertionError("no error")
    equal(rows("SELECT COUNT(*) FROM once WHERE id >= 50"), [(0,)])


@step
def catalog_functions():
    session.execute("CREATE TABLE refers (b int, a date, once int CONSTRAINT fk_refers REFERENCES once (id), CONSTRAINT pk_refers PRIMARY KEY (a, b))")
    cursor = session.cursor()
    equal([tuple(row)[1:] for row in cursor.tables(table="ref%", tableType="TABLE").fetchall()], [("dbo", "refers", "TABLE", None)])
    equal([tuple(row)[1:] for row in cursor.primaryKeys("refers").fetchall()], [("dbo", "refers", "a", 1, "pk_refers"), ("dbo", "refers", "b", 2, "pk_refers")])
    found = [tuple(row) for row in cursor.foreignKeys(table="refers").fetchall()]
    equal(found, [("shop", "dbo", "once", "id", "shop", "dbo", "refers", "once", 1, 1, 1, "fk_refers", "pk_once", 7)])


@step
def pool():
    # A connection that is used again was reset: options, temporary tables and transactions are gone.
    for _ in range(2):
        other = connect("shop")
        cursor = other.cursor()
        equal(tuple(cursor.execute("SELECT @@LOCK_TIMEOUT, OBJECT_ID('tempdb..#mine')").fetchone()), (-1, None))
        cursor.execute("SET LOCK_TIMEOUT 5")
        cursor.execute("CREATE TABLE #mine (a int)")
        cursor.execute("DELETE once")
        other.close()
    equal(rows("SELECT COUNT(*) FROM once"), [(2,)])
