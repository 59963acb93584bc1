"""A session of PyPI's python-tds, which is TDS in Python alone."""

import datetime
import decimal
import time
import uuid

import pytds
from pytds import tds_base, tds_types
from steps import AUTHORITY, LARGE, PASSWORD, PORT, equal, same, step

UTC_5_30 = datetime.timezone(-datetime.timedelta(hours=5, minutes=30))


def connect(database, password=PASSWORD, **more):
    options = dict(
        server="localhost", port=PORT, database=database, user="sa", password=password, autocommit=True,
        cafile=AUTHORITY, timeout=60,
        # Its check of the host name calls a function that pyOpenSSL does not have any more; the chain is verified.
        validate_host=False,
    )
    return pytds.connect(**{**options, **more})


# Name, declaration, type for a bulk load, value, the same value in T-SQL, value that comes back where it is another.
COLUMNS = [
    ("a_bit", "bit", tds_types.BitType(), True, "1"),
    ("a_tinyint", "tinyint", tds_types.TinyIntType(), 255, "255"),
    ("a_smallint", "smallint", tds_types.SmallIntType(), -32768, "-32768"),
    ("a_int", "int", tds_types.IntType(), -(2**31), "-2147483648"),
    ("a_bigint", "bigint", tds_types.BigIntType(), 2**63 - 1, "9223372036854775807"),
    ("a_decimal", "decimal(38,10)", tds_types.DecimalType(38, 10), decimal.Decimal("-1234567890123456789012345678.0123456789"), "-1234567890123456789012345678.0123456789"),
    ("a_numeric", "numeric(9,2)", tds_types.DecimalType(9, 2), decimal.Decimal("1234567.89"), "1234567.89"),
    ("a_money", "money", tds_types.MoneyType(), decimal.Decimal("922337203685477.5807"), "922337203685477.5807"),
    ("a_smallmoney", "smallmoney", tds_types.SmallMoneyType(), decimal.Decimal("-214748.3648"), "-214748.3648"),
    ("a_real", "real", tds_types.RealType(), -1.5, "-1.5E0"),
    ("a_float", "float", tds_types.FloatType(), 0.1, "1E-1"),
    ("a_date", "date", tds_types.DateType(), datetime.date(9999, 12, 31), "'9999-12-31'"),
    ("a_time", "time(6)", tds_types.TimeType(6), datetime.time(23, 59, 59, 999999), "'23:59:59.999999'"),
    ("a_datetime", "datetime", tds_types.DateTimeType(), datetime.datetime(2024, 2, 29, 1, 2, 3, 500000), "'2024-02-29T01:02:03.500'"),
    ("a_smalldatetime", "smalldatetime", tds_types.SmallDateTimeType(), datetime.datetime(2024, 2, 29, 1, 2), "'2024-02-29T01:02:00'"),
    ("a_datetime2", "datetime2(7)", tds_types.DateTime2Type(7), datetime.datetime(1, 1, 1, 0, 0, 0, 1), "'0001-01-01T00:00:00.000001'"),
    ("a_datetimeoffset", "datetimeoffset(6)", tds_types.DateTimeOffsetType(6), datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, UTC_5_30), "'2024-05-06T07:08:09.123456-05:30'"),
    ("a_char", "char(5)", tds_types.CharType(5), "ab", "'ab'", "ab   "),
    ("a_varchar", "varchar(50)", tds_types.VarCharType(50), "Grüße €", "'Grüße €'"),
    ("a_varcharmax", "varchar(max)", tds_types.VarCharMaxType(), "ÿ" * 9000, "REPLICATE(CAST('ÿ' AS varchar(max)), 9000)"),
    ("a_nchar", "nchar(5)", tds_types.NCharType(5), "日本", "N'日本'", "日本   "),
    ("a_nvarchar", "nvarchar(50)", tds_types.NVarCharType(50), "𝄞 clef", "N'𝄞 clef'"),
    ("a_nvarcharmax", "nvarchar(max)", tds_types.NVarCharMaxType(), "𝄞" * 5000, "REPLICATE(CAST(N'𝄞' AS nvarchar(max)), 5000)"),
    # The client cannot write values of type binary.
    ("a_binary", "binary(4)", tds_types.VarBinaryType(4), b"\x01\x02\x00\x00", "0x01020000"),
    ("a_varbinary", "varbinary(50)", tds_types.VarBinaryType(50), b"\x00\xff\x00", "0x00FF00"),
    ("a_varbinarymax", "varbinary(max)", tds_types.VarBinaryMaxType(), b"z" * 10000, "CAST(REPLICATE(CAST('z' AS varchar(max)), 10000) AS varbinary(max))"),
    ("a_uniqueidentifier", "uniqueidentifier", tds_types.UniqueIdentifierType(), uuid.UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF"), "'6F9619FF-8B86-D011-B42D-00C04FC964FF'"),
    ("a_xml", "xml", tds_types.XmlType(), "<a>ž</a>", "N'<a>ž</a>'"),
]
NAMES = ", ".join(column[0] for column in COLUMNS)
VALUES = [column[3] for column in COLUMNS]
# The client takes bytes for text unless told otherwise.
SENT = [pytds.Binary(value) if isinstance(value, bytes) else value for value in VALUES]
BACK = [column[5] if len(column) > 5 else column[3] for column in COLUMNS]
NULLS = [None] * len(COLUMNS)
# True in T-SQL for a row of the values.
SAME = " AND ".join(same(column[0], column[1], column[4]) for column in COLUMNS)

session = None


def table(name):
    declared = ", ".join(f"{column} {ty} NULL" for column, ty, *_ in COLUMNS)
    return f"CREATE TABLE {name} (id int IDENTITY PRIMARY KEY, {declared})"


def rows(sql, parameters=None):
    with session.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row) for row in cursor.fetchall()]


def run(sql, parameters=None):
    with session.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.rowcount


def error(sql, parameters=None):
    try:
        rows(sql, parameters)
    except pytds.DatabaseError as raised:
        return raised.number, raised.severity, raised.state, raised.line, raised.text
    raise AssertionError(f"no error: {sql}")


@step
def connect_():
    global session
    with connect("master") as first, first.cursor() as cursor:
        cursor.execute("CREATE DATABASE shop")
    session = connect("shop")
    equal(session.tds_version, tds_base.TDS74)
    equal(rows("SELECT CAST(DB_NAME() AS varchar(20)), CAST(1 AS bit)"), [("shop", True)])


@step
def wrong_password():
    try:
        connect("shop", "guess")
    except pytds.DatabaseError as raised:
        equal((raised.number, raised.severity), (18456, 14))
    else:
        raise AssertionError("a wrong password was accepted")


@step
def create_a_table():
    run(table("every_type"))


@step
def parameters_of_every_type():
    slots = ", ".join("%s" for _ in COLUMNS)
    equal(run(f"INSERT every_type ({NAMES}) VALUES ({slots})", tuple(SENT)), 1)
    typed = lambda column, value: tds_base.Param(type=column[2], value=value)
    typed_nulls = tuple(typed(column, None) for column in COLUMNS)
    run(f"INSERT every_type ({NAMES}) VALUES ({slots})", typed_nulls)
    equal(rows(f"SELECT {NAMES} FROM every_type ORDER BY id"), [BACK, NULLS])
    equal(rows(f"SELECT id FROM every_type WHERE {SAME}"), [(1,)])
    for column, value in zip(COLUMNS, SENT):
        equal(rows(f"SELECT IIF({same('%s', column[1], column[4])}, 1, 0)", (typed(column, value),)), [(1,)])


@step
def text_ntext_image_and_sql_variant():
    # The client writes no table name for these in a bulk load, and no sql_variant at all.
    run("CREATE TABLE old (t text, n ntext, i image, v sql_variant, r rowversion)")
    sent = [(tds_types.TextType(), "Grüße"), (tds_types.NTextType(), "žluť"), (tds_types.ImageType(), pytds.Binary(b"\x00\xff"))]
    run("INSERT old (t, n, i, v) VALUES (%s, %s, %s, %s)", (*(tds_base.Param(type=ty, value=value) for ty, value in sent), 5))
    run("INSERT old (t) VALUES (NULL)")
    found = rows("SELECT t, n, i, v, r FROM old ORDER BY r")
    equal([row[:4] for row in found], [("Grüße", "žluť", b"\x00\xff", 5), (None, None, None, None)])
    assert found[0][4] < found[1][4]
    for literal, value in [
        ("CAST(1.5 AS decimal(5,2))", decimal.Decimal("1.5")), ("N'ž'", "ž"), ("0x0102", b"\x01\x02"),
        ("CAST('2024-01-02' AS date)", datetime.date(2024, 1, 2)), ("CAST(2.5 AS float)", 2.5),
    ]:
        equal(rows(f"SELECT CAST({literal} AS sql_variant)"), [(value,)])


@step
def results_typed_by_the_server():
    with session.cursor() as cursor:
        cursor.execute("SELECT id, a_decimal, a_nvarchar FROM every_type WHERE 1 = 0")
        found = [(name, precision, scale, bool(nullable)) for name, _, _, _, precision, scale, nullable in cursor.description]
    equal(found, [("id", None, None, False), ("a_decimal", 38, 10, True), ("a_nvarchar", None, None, True)])


@step
def procedure_with_output():
    with session.cursor() as cursor:
        double = pytds.output(param_type="int")
        text = pytds.output(value="ab", param_type="nvarchar(20)")
        body = "SET @double = @one * 2; SET @text = REPLICATE(@text, 2); RETURN 7"
        declared = "@one int, @double int OUTPUT, @text nvarchar(20) OUTPUT"
        found = cursor.callproc("sp_executesql", (body, declared, 21, double, text))
        equal((found[3:], cursor.get_proc_return_status()), ([42, "abab"], 7))


@step
def stored_procedure():
    run(
        "CREATE PROCEDURE dbo.raise_price @by decimal(9,2), @text nvarchar(20) = N'none', @total decimal(9,2) OUTPUT AS "
        "BEGIN SET @total = @by * 2; RETURN 3 END"
    )
    with session.cursor() as cursor:
        total = pytds.output(param_type="decimal(9,2)")
        found = cursor.callproc("dbo.raise_price", (decimal.Decimal("1.25"), "text", total))
        equal((found[2], cursor.get_proc_return_status()), (decimal.Decimal("2.5"), 3))


@step
def several_results_and_messages():
    with session.cursor() as cursor:
        cursor.execute("PRINT N'žluť'; SELECT 1 AS a; SELECT 'x' AS b, 2 AS c WHERE 1 = 0; RAISERROR('note %d', 5, 3, 4); SELECT 3 AS d")
        found = [cursor.fetchall()]
        said = [(one.number, one.severity, one.state, one.text) for _, one in cursor.messages]
        while cursor.nextset():
            found.append(cursor.fetchall())
            said += [(one.number, one.severity, one.state, one.text) for _, one in cursor.messages]
    equal([[tuple(row) for row in set_] for set_ in found], [[(1,)], [], [(3,)]])
    assert (0, 0, 1, "žluť") in said and (50000, 5, 3, "note 4") in said, said


@step
def errors():
    run("CREATE TABLE once (id int CONSTRAINT pk_once PRIMARY KEY)")
    run("INSERT once VALUES (1)")
    found = error("\nINSERT once VALUES (1)")
    equal(found[:4], (2627, 14, 1, 2))
    assert found[4].startswith("Violation of PRIMARY KEY constraint 'pk_once'."), found
    equal(error("SELECT 1/0")[:4], (8134, 16, 1, 1))
    equal(error("SELECT 1/%s", (0,))[:4], (8134, 16, 1, 1))
    equal(error("\n\nSELECT * FROM missing")[:4], (208, 16, 1, 3))
    equal(error("RAISERROR('own', 17, 3)"), (50000, 17, 3, 1, "own"))
    equal(error("THROW 51000, 'thrown', 2"), (51000, 16, 2, 1, "thrown"))
    equal(rows("SELECT COUNT(*) FROM once"), [(1,)])


@step
def transactions():
    with connect("shop", autocommit=False, isolation_level=4) as other, other.cursor() as cursor:
        count = lambda: cursor.execute_scalar("SELECT COUNT(*) FROM once")
        level = "SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID"
        equal(cursor.execute_scalar(level), 4)
        cursor.execute("INSERT once VALUES (2)")
        equal(count(), 2)
        other.rollback()
        equal(count(), 1)
        cursor.execute("INSERT once VALUES (3)")
        other.commit()
        equal(cursor.execute_scalar("SELECT @@TRANCOUNT"), 1)
        cursor.execute("INSERT once VALUES (4)")
    equal(rows("SELECT COUNT(*) FROM once"), [(2,)])


@step
def cancel_a_result_half_read():
    with session.cursor() as cursor:
        many = " CROSS JOIN ".join(f"sys.all_columns {alias}" for alias in "abcdefgh")
        cursor.execute(f"SELECT a.object_id FROM {many}")
        equal(len(cursor.fetchmany(10)), 10)
        cursor.cancel()
        equal(cursor.execute_scalar("SELECT 5"), 5)


@step
def timeout():
    started = time.monotonic()
    other = connect("shop", timeout=0.2)
    try:
        other.cursor().execute("WAITFOR DELAY '00:01:00'")
    except pytds.TimeoutError:
        pass
    else:
        raise AssertionError("no timeout")
    assert time.monotonic() - started < 30
    # The client closes such a connection; the server's session ends with it.
    while rows("SELECT COUNT(*) FROM sys.dm_exec_requests WHERE session_id <> @@SPID") != [(0,)]:
        assert time.monotonic() - started < 30, "the abandoned request goes on"
        time.sleep(0.02)


@step
def large_values():
    text, binary = "ž" * (LARGE // 20), b"\xab" * LARGE
    run("CREATE TABLE large (n nvarchar(max), b varbinary(max))")
    run("INSERT large VALUES (%s, %s)", (text, pytds.Binary(binary)))
    assert rows("SELECT n, b, LEN(n), DATALENGTH(b) FROM large") == [(text, binary, LARGE // 20, LARGE)], "large values"


@step
def bulk_load():
    run(table("loaded"))
    columns = [tds_base.Column(column[0], type=column[2], flags=tds_base.Column.fNullable) for column in COLUMNS]
    with session.cursor() as cursor:
        cursor.copy_to(data=[NULLS if i % 2 else VALUES for i in range(100)], table_or_view="loaded", columns=columns)
    equal(rows(f"SELECT COUNT(*), COUNT(a_bit), SUM(IIF({SAME}, 1, 0)) FROM loaded"), [(100, 50, 50)])
    equal(rows(f"SELECT {NAMES} FROM loaded WHERE id <= 2 ORDER BY id"), [BACK, NULLS])


@step
def bulk_load_that_breaks_a_constraint_leaves_nothing():
    columns = [tds_base.Column("id", type=tds_types.IntType(), flags=tds_base.Column.fNullable)]
    try:
        with session.cursor() as cursor:
            cursor.copy_to(data=[(50,), (51,), (1,)], table_or_view="once", columns=columns)
    except pytds.DatabaseError as raised:
        equal((raised.number, raised.severity), (2627, 14))
    else:
        raise AssertionError("no error")
    equal(rows("SELECT COUNT(*) FROM once WHERE id >= 50"), [(0,)])


@step
def tds_7_point_3():
    with connect("shop", tds_version=tds_base.TDS73) as other, other.cursor() as cursor:
        equal(other.tds_version, tds_base.TDS73)
        cursor.execute("SELECT %s, CAST(NULL AS int), a_datetimeoffset FROM every_type ORDER BY id", ("ž",))
        equal([tuple(row) for row in cursor.fetchall()], [("ž", None, BACK[16]), ("ž", None, None)])
