//! Mistakes have SQL Server's numbers; what the sandbox leaves out is refused.

use super::World;
use crate::types::{Datum, SqlType};

#[test]
fn mistakes_have_their_numbers() {
    let mut world = World::new();
    world.table("CREATE TABLE T (Id int NOT NULL, Name varchar(10) NULL)");
    world.table("CREATE TABLE U (Id int NOT NULL, D date NULL)");
    let cases = [
        ("SELECT Nope FROM T", 207),
        ("SELECT x.Id FROM T", 4104),
        ("SELECT T.Nope FROM T", 207),
        ("SELECT Id FROM T JOIN U ON T.Id = U.Id", 209),
        ("SELECT * FROM Missing", 208),
        ("SELECT @nope", 137),
        ("SELECT Name, COUNT(*) FROM T", 8120),
        ("SELECT Name FROM T GROUP BY Id", 8120),
        ("SELECT COUNT(*) FROM T WHERE COUNT(*) > 1", 147),
        ("SELECT NOSUCH(1)", 195),
        ("SELECT LEN()", 174),
        ("SELECT D + 1 FROM U", 206),
        ("SELECT CAST(D AS int) FROM U", 529),
        ("SELECT Id FROM T WHERE Id IN (SELECT Id, Name FROM T)", 116),
        ("SELECT 1 UNION SELECT 1, 2", 205),
        ("SELECT DISTINCT Name FROM T ORDER BY Id", 145),
        ("SELECT Id FROM T ORDER BY 5", 108),
        ("SELECT Id FROM (SELECT Id FROM T ORDER BY Id) x", 1033),
        ("SELECT a FROM (SELECT 1) x", 8155),
        ("SELECT ROW_NUMBER() OVER (PARTITION BY Id) FROM T", 4112),
        ("SELECT Id FROM T WHERE ROW_NUMBER() OVER (ORDER BY Id) = 1", 4108),
        ("SELECT Name COLLATE Nonsense FROM T", 448),
        ("SELECT 1 FROM T a JOIN T a ON 1 = 1", 1011),
        ("UPDATE T SET Nope = 1", 207),
    ];
    for (sql, number) in cases {
        match world.run(sql) {
            Err(error) => assert_eq!(error.number, number, "{sql}: {error}"),
            Ok(rows) => panic!("{sql} gave {rows:?}"),
        }
    }
}

#[test]
fn what_is_left_out_is_refused() {
    let mut world = World::new();
    world.set("@v", SqlType::Int, Datum::Null);
    world.table("CREATE TABLE T (Id int NOT NULL, Name varchar(10) NULL)");
    let cases = [
        "SELECT FORMAT(1, 'N')",
        "SELECT CHECKSUM(Id) FROM T",
        "SELECT ISNUMERIC('1')",
        "SELECT Id FROM T WITH (READPAST)",
        "UPDATE T SET @v = Id, Name = @v",
        "INSERT TOP (1) INTO T (Id) VALUES (1), (2)",
        "WITH c AS (SELECT a.Id FROM T AS a JOIN T AS b ON a.Id = b.Id) DELETE FROM c",
        "SELECT HASHBYTES('MD5', 'x')",
        "SELECT 'x' COLLATE Japanese_CI_AS",
    ];
    for sql in cases {
        match world.run(sql) {
            Err(error) => assert_eq!(error.number, 50_000, "{sql}: {error}"),
            Ok(rows) => panic!("{sql} gave {rows:?}"),
        }
    }
}
