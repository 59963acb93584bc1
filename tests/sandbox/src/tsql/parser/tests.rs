#![allow(clippy::unwrap_used)]

use super::*;
use crate::tsql::ast::*;
use crate::types::Length;

fn one(sql: &str) -> StmtKind {
    let mut statements = parse_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(statements.len(), 1, "{sql}: {statements:?}");
    statements.remove(0).kind
}

fn refused(sql: &str) -> SqlError {
    match parse_batch(sql) {
        Ok(statements) => panic!("{sql} was accepted: {statements:?}"),
        Err(error) => error,
    }
}

#[test]
fn the_statements_of_the_subset_are_accepted() {
    for sql in [
        "SELECT 1",
        "(SELECT 1)",
        "SELECT TOP (10) PERCENT WITH TIES a, t.b c, [d e] AS 'f', g = x + 1, COUNT(*), t.* FROM dbo.t AS t WITH (NOLOCK) ORDER BY 1 DESC",
        "SELECT a FROM t ORDER BY a OFFSET 5 ROWS FETCH NEXT 10 ROWS ONLY OPTION (MAXDOP 1, RECOMPILE)",
        "SELECT DISTINCT a FROM t GROUP BY a HAVING COUNT(DISTINCT b) > 1 UNION ALL SELECT 2 EXCEPT (SELECT 3)",
        "SELECT * INTO #x FROM [db].[dbo].[t] WHERE a IN (1, 2) AND b NOT IN (SELECT c FROM u) OR NOT EXISTS (SELECT 1)",
        "SELECT * FROM a INNER JOIN b ON a.i = b.i LEFT OUTER JOIN c ON c.i = b.i CROSS JOIN d FULL JOIN e ON 1 = 1",
        "SELECT * FROM a JOIN b JOIN c ON b.i = c.i ON a.i = b.i",
        "SELECT * FROM (a JOIN b ON a.i = b.i)",
        "SELECT * FROM ((SELECT 1 AS i) AS x JOIN y ON x.i = y.i)",
        "SELECT * FROM ((SELECT 1) UNION (SELECT 2)) AS x(i)",
        "SELECT * FROM t CROSS APPLY (SELECT TOP 1 * FROM u WHERE u.i = t.i ORDER BY j) AS x OUTER APPLY dbo.f(t.i) y",
        "SELECT * FROM (VALUES (1, N'a'), (2, N'b')) AS v(i, s)",
        "SELECT * FROM cdc.fn_cdc_get_all_changes_dbo_t(@from, @to, N'all update old')",
        "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC), SUM(x) OVER (ORDER BY y ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t",
        "WITH c (a) AS (SELECT 1), d AS (SELECT 2 AS b) SELECT * FROM c, d",
        "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END, CASE WHEN a = 1 THEN 2 END, IIF(a > 1, 2, 3), LEFT(s, 2), COALESCE(a, b) FROM t",
        "SELECT CAST(a AS decimal(19, 4)), TRY_CAST(b AS int), CONVERT(varchar(30), c, 126), TRY_CONVERT(date, d) FROM t",
        "SELECT CURRENT_TIMESTAMP, SYSTEM_USER, @@ROWCOUNT, -1, +2, ~3, 5 % 2 ^ 1 & 7 | 8",
        "SELECT s COLLATE Latin1_General_BIN2 FROM t WHERE s LIKE N'a!_%' ESCAPE '!' AND d BETWEEN 1 AND 2 AND x IS NOT NULL",
        "SELECT d AT TIME ZONE 'UTC' FROM t WHERE a >= ALL (SELECT b FROM u) AND a = ANY (SELECT b FROM u)",
        "SELECT (SELECT MAX(a) FROM t) + 1, ((SELECT 1) + 2), sys.fn_cdc_get_max_lsn()",
        "SELECT @a = 1, @b += x FROM t WHERE c = 2 ORDER BY c",
        "INSERT INTO t (a, b) VALUES (1, DEFAULT), (NULL, N'x')",
        "INSERT t WITH (TABLOCK) (a) OUTPUT inserted.a, inserted.b AS c INTO @o (x, y) SELECT a FROM u",
        "INSERT t DEFAULT VALUES",
        "INSERT t EXEC dbo.p 1",
        "INSERT INTO t (SELECT 1)",
        "WITH c AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM c",
        "UPDATE t SET a = 1, b += 2, t.c = DEFAULT OUTPUT inserted.a, deleted.a FROM dbo.t AS t JOIN #s AS s ON s.k = t.k WHERE t.a > 0",
        "UPDATE TOP (5) dbo.t WITH (ROWLOCK) SET a = NULL",
        "DELETE t FROM dbo.t AS t JOIN (VALUES (@p1, @p2), (@p3, @p4)) AS v (a, b) ON t.a = v.a AND t.b = v.b",
        "DELETE TOP (100) FROM t OUTPUT deleted.* WHERE a = 1",
        "TRUNCATE TABLE dbo.t",
        "CREATE TABLE dbo.t (a int IDENTITY(1, 1) NOT NULL CONSTRAINT pk PRIMARY KEY CLUSTERED, b nvarchar(max) COLLATE Latin1_General_CI_AS NULL, \
            c AS (a * 2) PERSISTED, d datetime2(3) NOT NULL CONSTRAINT df DEFAULT (SYSUTCDATETIME()), e int NULL REFERENCES dbo.u (a) ON DELETE CASCADE, \
            CONSTRAINT uq UNIQUE NONCLUSTERED (b ASC, d DESC) WITH (FILLFACTOR = 90) ON [PRIMARY], CONSTRAINT ck CHECK (a > 0 AND a < 10), \
            FOREIGN KEY (e) REFERENCES u (a) ON UPDATE SET NULL NOT FOR REPLICATION) ON [PRIMARY]",
        "CREATE TABLE #t (a int NOT NULL DEFAULT 1 NOT NULL, b int PRIMARY KEY (b),)",
        "CREATE UNIQUE NONCLUSTERED INDEX ix ON dbo.t (a, b DESC) INCLUDE (c) WHERE a IS NOT NULL WITH (ONLINE = OFF)",
        "ALTER TABLE t ADD c int NULL, CONSTRAINT ck CHECK (c > 0), d bit NOT NULL DEFAULT 0 WITH VALUES",
        "ALTER TABLE t WITH NOCHECK ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES u (b)",
        "ALTER TABLE t ADD CONSTRAINT df DEFAULT (N'x') FOR c",
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS a, b",
        "ALTER TABLE t DROP COLUMN c",
        "ALTER TABLE t ALTER COLUMN c decimal(10, 2) NOT NULL",
        "ALTER TABLE t NOCHECK CONSTRAINT ALL",
        "ALTER TABLE t WITH CHECK CHECK CONSTRAINT fk",
        "DROP TABLE IF EXISTS #a, dbo.b",
        "DROP INDEX IF EXISTS ix ON dbo.t",
        "CREATE SCHEMA sales AUTHORIZATION dbo",
        "CREATE DATABASE shop COLLATE Latin1_General_CI_AS",
        "ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON",
        "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE",
        "DROP DATABASE IF EXISTS shop",
        "CREATE LOGIN reader WITH PASSWORD = N'p', CHECK_POLICY = OFF",
        "CREATE USER reader FOR LOGIN reader",
        "CREATE USER loner WITHOUT LOGIN WITH DEFAULT_SCHEMA = dbo",
        "ALTER LOGIN reader WITH PASSWORD = N'p' OLD_PASSWORD = N'q', DEFAULT_DATABASE = [shop]",
        "ALTER ROLE public ADD MEMBER reader",
        "GRANT SELECT, VIEW DEFINITION, EXEC ON OBJECT::dbo.t TO u, public WITH GRANT OPTION",
        "DENY VIEW DATABASE STATE TO u CASCADE",
        "REVOKE GRANT OPTION FOR CONTROL ON SCHEMA::s FROM u CASCADE",
        "EXECUTE AS USER = N'u'",
        "ALTER AUTHORIZATION ON SCHEMA::s TO dbo",
        "DECLARE @a int = 1, @b AS nvarchar(50), @t TABLE (i int PRIMARY KEY, s sysname NULL)",
        "SET @a += 1",
        "SET NOCOUNT, XACT_ABORT ON",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET LOCK_TIMEOUT -1",
        "SET DATEFORMAT ymd",
        "SET IDENTITY_INSERT dbo.t ON",
        "IF @a = 1 SELECT 1; ELSE SELECT 2",
        "WHILE @a < 10 BEGIN SET @a += 1 IF @a = 5 BREAK ELSE CONTINUE END",
        "BEGIN TRY SELECT 1 END TRY BEGIN CATCH THROW; END CATCH",
        "BEGIN TRY THROW 50001, N'x', 1; END TRY BEGIN CATCH END CATCH",
        "BEGIN TRANSACTION named",
        "SAVE TRAN here",
        "ROLLBACK TRANSACTION here",
        "COMMIT WORK",
        "EXEC @rc = sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N't', @role_name = NULL, @supports_net_changes = 0",
        "EXEC sp_executesql N'SELECT @x', N'@x int OUTPUT', @x = @y OUTPUT, @z = -5",
        "EXECUTE (N'SELECT ' + @a)",
        "sp_help 'dbo.t'",
        "RAISERROR (N'%s of %d', 16, 1, @a, 5) WITH NOWAIT",
        "PRINT N'a' + @b",
        "RETURN",
        "RETURN (1)",
        "WAITFOR DELAY '00:00:01'",
        "INSERT BULK [dbo].[t] ([a] int, [b] nvarchar(50) COLLATE Latin1_General_CI_AS, [c] varbinary(max)) WITH (TABLOCK, ROWS_PER_BATCH = 5)",
        "INSERT BULK #t(a int,b datetimeoffset)",
        "CHECKPOINT",
    ] {
        one(sql);
    }
}

#[test]
fn statements_end_where_the_next_begins_without_a_separator() {
    let statements = parse_batch(
        "DECLARE @a int = 1 SET @a = 2 SELECT a FROM t UPDATE t SET a = 1 WHERE b = 2 IF @a = 1 SELECT 1 ELSE SELECT 2
         DELETE t INSERT t VALUES (1) EXEC p 1, @a EXEC q COMMIT TRAN BEGIN TRAN SELECT 1 x SELECT 2 RETURN SELECT 3;;; PRINT 'x'",
    )
    .unwrap();
    assert_eq!(statements.len(), 16);
    assert_eq!((statements[0].line, statements[5].line), (1, 2));
}

#[test]
fn valid_tsql_outside_the_subset_is_refused_by_name() {
    for (sql, named) in [
        ("CREATE VIEW v AS SELECT 1 AS a WITH CHECK OPTION", "CHECK OPTION"),
        ("CREATE OR ALTER FUNCTION f() RETURNS int AS BEGIN RETURN 1 END", "CREATE OR ALTER FUNCTION"),
        ("CREATE TRIGGER x ON t INSTEAD OF INSERT AS SELECT 1", "INSTEAD OF"),
        ("GRANT SELECT (a) ON t TO u", "permissions on columns"),
        ("GRANT SELECT ON t TO u AS dbo", "AS another principal"),
        ("SELECT * FROM t FOR XML PATH", "FOR XML"),
        ("SELECT a FROM t GROUP BY ALL a", "GROUP BY ALL"),
        ("SELECT * FROM t PIVOT (SUM(a) FOR b IN ([x])) AS p", "PIVOT"),
        ("SELECT STRING_AGG(a, ',') WITHIN GROUP (ORDER BY a) FROM t", "WITHIN GROUP"),
        ("SELECT * FROM t TABLESAMPLE (1 PERCENT)", "TABLESAMPLE"),
        ("SELECT * FROM s.d.b.t", "server part"),
        ("DECLARE c CURSOR FOR SELECT 1", "cursors"),
        ("INSERT t SELECT a FROM (DELETE u OUTPUT deleted.a) AS d", "data modification"),
        ("DELETE t WHERE CURRENT OF c", "CURRENT OF"),
        ("CREATE TABLE t (a xml(dbo.s))", "typed xml"),
        ("CREATE TABLE t (a vector(3))", "data type vector"),
        ("CREATE TABLE t (a xml COLUMN_SET FOR ALL_SPARSE_COLUMNS)", "COLUMN_SET"),
        ("CREATE TABLE t (a int PRIMARY KEY WITH (IGNORE_DUP_KEY = ON))", "IGNORE_DUP_KEY"),
        ("ALTER TABLE t SWITCH TO u", "SWITCH"),
        ("WAITFOR TIME '10:00'", "WAITFOR TIME"),
        ("SELECT {fn NOW()}", "ODBC"),
        ("BEGIN DISTRIBUTED TRAN", "distributed"),
        ("EXEC p WITH RESULT SETS NONE", "RESULT SETS"),
    ] {
        let error = refused(sql);
        assert!(
            error.message.starts_with("sandbox: not supported:") && error.message.contains(named),
            "{sql}: {error}"
        );
    }
}

#[test]
fn syntax_errors_carry_sql_servers_number_text_and_line() {
    for (sql, number, line, message) in [
        ("SELECT 1; SELEC 2", 102, 1, "Incorrect syntax near 'SELEC'."),
        ("SELECT 1 +", 102, 1, "Incorrect syntax near '+'."),
        ("SELECT\n  FROM t", 156, 2, "Incorrect syntax near the keyword 'FROM'."),
        ("SELECT * FROM t WHERE a =\n= 1", 102, 2, "Incorrect syntax near '='."),
        ("SELECT 'x", 105, 1, "Unclosed quotation mark after the character string 'x'."),
        ("CREATE TABLE t (a int,, b int)", 102, 1, "Incorrect syntax near ','."),
        ("SELECT a FROM t WHERE a = 1 = 2", 102, 1, "Incorrect syntax near '='."),
        ("INSERT t VALUES (1", 102, 1, "Incorrect syntax near '1'."),
        ("SELECT (1, 2)", 102, 1, "Incorrect syntax near ','."),
        ("EXEC p @a = 'x' + 'y'", 102, 1, "Incorrect syntax near '+'."),
        ("BEGIN SELECT 1", 102, 1, "Incorrect syntax near '1'."),
        ("UPDATE t a = 1", 102, 1, "Incorrect syntax near 'a'."),
        (
            "DECLARE @a decimal(39, 2)",
            2750,
            1,
            "Column or parameter #1: Specified column precision 39 is greater than the maximum precision of 38.",
        ),
        ("SELECT CAST(1 AS nosuchtype)", 243, 1, "Type nosuchtype is not a defined system type."),
    ] {
        let error = refused(sql);
        assert_eq!((error.number, error.line, error.message.as_str()), (number, line, message), "{sql}");
    }
    assert_eq!(refused("SELECT 1 WITH c AS (SELECT 1 AS a) SELECT * FROM c").number, 319);
    assert_eq!(refused("SELECT @a = 1, b FROM t").number, 141);
}

#[test]
fn operators_bind_as_documented() {
    let text = |sql| format!("{:?}", parse_expr(sql).unwrap());
    assert_eq!(text("1 + 2 * 3"), text("1 + (2 * 3)"));
    assert_eq!(text("8 - 4 - 2"), text("(8 - 4) - 2"));
    assert_eq!(text("a = 1 OR b = 2 AND NOT c = 3"), text("(a = 1) OR ((b = 2) AND (NOT (c = 3)))"));
    assert_eq!(text("1 | 2 + 3"), text("(1 | 2) + 3"));
    assert_eq!(text("a BETWEEN 1 AND 2 AND b = 3"), text("(a BETWEEN 1 AND 2) AND b = 3"));
    assert_eq!(text("a !< 1"), text("a >= 1"));
}

#[test]
fn literals_keep_what_was_written() {
    let literal = |sql| match parse_expr(sql).unwrap() {
        Expr::Literal(literal) => literal,
        other => panic!("{other:?}"),
    };
    assert_eq!(literal("0xABC"), Literal::Binary(vec![0x0a, 0xbc]));
    assert_eq!(literal("0x"), Literal::Binary(Vec::new()));
    assert_eq!(literal("N'it''s'"), Literal::String { value: "it's".to_owned(), unicode: true });
    assert_eq!(literal("$12.50"), Literal::Money("12.50".to_owned()));
    assert_eq!(literal("1.50"), Literal::Decimal("1.50".to_owned()));
    assert_eq!(literal("1E3"), Literal::Float("1E3".to_owned()));
    assert_eq!(parse_expr("[a]]b].\"c\"\"d\"").unwrap(), Expr::Column(vec!["a]b".to_owned(), "c\"d".to_owned()]));
}

#[test]
fn types_have_their_documented_defaults() {
    for (sql, ty) in [
        ("varchar", SqlType::VarChar(Length::N(1))),
        ("nvarchar(max)", SqlType::NVarChar(Length::Max)),
        ("sys.datetime2", SqlType::DateTime2(7)),
        ("[decimal]", SqlType::Decimal { precision: 18, scale: 0 }),
        ("numeric(9, 2)", SqlType::Decimal { precision: 9, scale: 2 }),
        ("float(24)", SqlType::Real),
        ("double precision", SqlType::Float),
        ("national character varying(10)", SqlType::NVarChar(Length::N(10))),
        ("sysname", SqlType::NVarChar(Length::N(128))),
    ] {
        assert_eq!(parse_type(sql).unwrap(), ty, "{sql}");
    }
    let Expr::Cast { ty, .. } = parse_expr("CAST(a AS varchar)").unwrap() else { panic!() };
    assert_eq!(ty, SqlType::VarChar(Length::N(30)));
    assert_eq!(parse_type("varchar(9000)").unwrap_err().number, 131);
    assert_eq!(parse_type("time(8)").unwrap_err().number, 1002);
}

#[test]
fn constraint_and_default_texts_are_the_source() {
    let StmtKind::CreateTable(table) =
        one("CREATE TABLE t (a int NULL DEFAULT ((1) + 2) NOT NULL, b AS a * 2, CHECK (a  >  0))")
    else {
        panic!()
    };
    let TableElement::Column(a) = &table.elements[0] else { panic!() };
    assert_eq!(a.default.as_ref().unwrap().2, "((1) + 2)");
    assert_eq!(a.nullable, Some(false));
    let TableElement::Column(b) = &table.elements[1] else { panic!() };
    assert_eq!(b.computed.as_ref().unwrap().1, "a * 2");
    let TableElement::Constraint(ConstraintDef { kind: ConstraintKind::Check { text, .. }, .. }) = &table.elements[2]
    else {
        panic!()
    };
    assert_eq!(text, "(a  >  0)");
}

#[test]
fn parameter_declarations_are_parsed() {
    let parameters = parse_parameters("@a int, @b AS nvarchar(50) OUTPUT, @c decimal(9,2) = 1.5").unwrap();
    let shapes: Vec<_> = parameters.iter().map(|p| (p.name.as_str(), p.output, p.default.is_some())).collect();
    assert_eq!(shapes, [("@a", false, false), ("@b", true, false), ("@c", false, true)]);
    assert!(parse_parameters("  ").unwrap().is_empty());
    let of_table = parse_parameters("@t dbo.rows READONLY").unwrap();
    assert!(of_table[0].readonly && of_table[0].table_type.as_ref().is_some_and(|name| name.name == "rows"));
}

#[test]
fn nesting_is_bounded_instead_of_overflowing_the_stack() {
    let deep = |open: &str, middle: &str, close: &str| {
        format!("SELECT {}{middle}{}", open.repeat(50_000), close.repeat(50_000))
    };
    for sql in [
        deep("(", "1", ")"),
        deep("- ", "1", ""),
        deep("NOT ", "1 = 1", ""),
        deep("ABS(", "1", ")"),
        deep("CASE WHEN 1 = 1 THEN ", "1", " END"),
        deep("(SELECT ", "1", ")"),
        deep("1 + ", "1", ""),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(50_000)),
        format!("SELECT * FROM t{}", " CROSS JOIN t".repeat(50_000)),
        "IF 1 = 1 ".repeat(50_000),
        "BEGIN ".repeat(50_000),
    ] {
        assert_eq!(refused(&sql).number, 191, "{}", &sql[..40]);
    }
}

#[test]
fn long_flat_lists_are_not_deep() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("k = {n}")).collect();
    one(&format!("SELECT * FROM t WHERE {}", keys.join(" OR ")));
    // A fifth of a second on a machine with nothing else to do. A time that grows with the square of the length would be minutes.
    let rows: Vec<String> = (0..10_000).map(|n| format!("(@p{n}, @q{n})")).collect();
    let sql = format!("DELETE t FROM t JOIN (VALUES {}) AS v(a, b) ON t.a = v.a AND t.b = v.b", rows.join(", "));
    let started = std::time::Instant::now();
    one(&sql);
    println!("parsed in {:?}", started.elapsed());
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "took {:?}", started.elapsed());
}

/// Any prefix of valid text is either valid or a clean error: the parser never panics or hangs.
#[test]
fn truncated_and_spliced_batches_never_panic() {
    let sql = "CREATE TABLE t (a int IDENTITY(1, 1) PRIMARY KEY, b AS a * 2); INSERT t (b) OUTPUT inserted.a VALUES (N'x', 0x1F); \
        WITH c AS (SELECT CASE WHEN a IN (1) THEN $1 END x FROM t WITH (NOLOCK)) UPDATE c SET x += 1; EXEC @r = p @a = -1, @b = DEFAULT; \
        IF EXISTS (SELECT 1) BEGIN TRY RAISERROR('x', 1, 1) END TRY BEGIN CATCH THROW END CATCH";
    for end in 0..=sql.len() {
        let _ = parse_batch(&sql[..end]);
        let _ = parse_batch(&sql[end..]);
    }
}
