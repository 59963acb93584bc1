//! Point access by key stays a search of the key's index, whatever the parameter's type.

use super::World;
use crate::types::{Datum, Length, SqlType};

fn searches(plan: &str, table: &str) {
    assert!(
        plan.lines().any(|line| line.starts_with("SEARCH") && (line.contains("INDEX") || line.contains("PRIMARY KEY"))),
        "{table} is not searched:\n{plan}"
    );
}

#[test]
fn every_key_type_is_searched_by_index() {
    let decimal = |precision, scale| SqlType::Decimal { precision, scale };
    let cases: Vec<(&str, Vec<SqlType>)> = vec![
        ("int", vec![SqlType::Int, SqlType::BigInt, SqlType::SmallInt, decimal(10, 0), decimal(18, 2), decimal(38, 0)]),
        ("bigint", vec![SqlType::BigInt, SqlType::Int, decimal(38, 4)]),
        ("decimal(10,2)", vec![decimal(10, 2), decimal(12, 4), SqlType::Int, decimal(30, 2)]),
        ("decimal(30,2)", vec![decimal(30, 2), decimal(10, 4), SqlType::BigInt]),
        ("money", vec![SqlType::Money, decimal(19, 4)]),
        ("varchar(20)", vec![SqlType::VarChar(Length::N(20)), SqlType::NVarChar(Length::N(4000)), SqlType::Char(5)]),
        ("nvarchar(20)", vec![SqlType::NVarChar(Length::Max), SqlType::VarChar(Length::N(3))]),
        ("date", vec![SqlType::Date, SqlType::DateTime, SqlType::DateTime2(7), SqlType::VarChar(Length::N(10))]),
        ("datetime", vec![SqlType::DateTime, SqlType::DateTime2(7), SqlType::Date, SqlType::NVarChar(Length::N(30))]),
        ("datetime2(3)", vec![SqlType::DateTime2(7), SqlType::DateTime2(3), SqlType::DateTime]),
        ("datetimeoffset(7)", vec![SqlType::DateTimeOffset(7), SqlType::DateTime2(7)]),
        ("time(3)", vec![SqlType::Time(7)]),
        ("uniqueidentifier", vec![SqlType::UniqueIdentifier, SqlType::VarChar(Length::N(36))]),
        ("binary(10)", vec![SqlType::Binary(10), SqlType::VarBinary(Length::N(10))]),
        ("float", vec![SqlType::Float, SqlType::Int]),
        ("bit", vec![SqlType::Bit]),
    ];
    for (column, parameters) in cases {
        let mut world = World::new();
        world.table(&format!("CREATE TABLE K (k {column} NOT NULL, v int NULL)"));
        for ty in parameters {
            world.set("@p", ty, Datum::Null);
            for sql in ["SELECT v FROM K WHERE k = @p", "UPDATE K SET v = 1 WHERE k = @p", "DELETE FROM K WHERE k = @p"]
            {
                searches(&world.explain(sql), &format!("{column} = {ty:?}"));
            }
        }
    }
}

#[test]
fn staged_changes_search_the_target() {
    let mut world = World::new();
    world.table("CREATE TABLE T (Id int NOT NULL, Name nvarchar(20) NULL)");
    world.table("CREATE TABLE D (Id decimal(12,2) NOT NULL, Name nvarchar(20) NULL)");
    world.table("CREATE TABLE #S (Id int NOT NULL, Name nvarchar(4000) NULL)");
    for sql in [
        "UPDATE t SET t.Name = s.Name FROM T AS t INNER JOIN #S AS s ON s.Id = t.Id",
        "UPDATE t SET t.Name = s.Name FROM #S AS s INNER JOIN T AS t ON s.Id = t.Id",
        "UPDATE d SET Name = s.Name FROM D AS d INNER JOIN #S AS s ON d.Id = s.Id",
        "DELETE t FROM T AS t JOIN #S s ON s.Id = t.Id",
        "DELETE FROM T WHERE Id IN (SELECT Id FROM #S)",
        "UPDATE t SET Name = v.n FROM T AS t JOIN (VALUES (1, N'a'), (2, N'b')) AS v(id, n) ON v.id = t.Id",
        "UPDATE T SET Name = v.n FROM (VALUES (1, N'a'), (2, N'b')) AS v(id, n) WHERE v.id = T.Id",
        "DELETE t FROM T t JOIN (VALUES (1), (2)) AS v(id) ON v.id = t.Id",
        "SELECT t.Name FROM T t JOIN (VALUES (1), (2)) AS v(id) ON t.Id = v.id",
        "INSERT INTO T (Id, Name) SELECT s.Id, s.Name FROM #S s WHERE NOT EXISTS (SELECT 1 FROM T t WHERE t.Id = s.Id)",
        "SELECT s.Id FROM #S s LEFT JOIN T t ON t.Id = s.Id WHERE t.Id IS NULL",
    ] {
        let plan = world.explain(sql);
        let searched =
            plan.contains("sqlite_autoindex_dbo.T_1 (Id=?)") || plan.contains("sqlite_autoindex_dbo.D_1 (Id=?)");
        assert!(searched && !plan.contains("AUTOMATIC"), "{sql}:\n{plan}");
    }
}

#[test]
fn rows_computed_first_are_found_by_index_too() {
    let mut world = World::new();
    world.table("CREATE TABLE T (Id int NOT NULL, Name nvarchar(20) NULL)");
    world.table("CREATE TABLE #S (Id int NOT NULL, Name nvarchar(4000) NULL)");
    for sql in [
        "UPDATE t SET Name = s.Name OUTPUT deleted.Name, s.Id FROM T AS t JOIN #S AS s ON s.Id = t.Id",
        "DELETE t OUTPUT deleted.Name, s.Id FROM T AS t JOIN #S AS s ON s.Id = t.Id",
        "WITH c AS (SELECT Id, Name FROM T) UPDATE c SET Name = N'x' WHERE Id = 5",
        "MERGE T AS t USING #S AS s ON t.Id = s.Id WHEN MATCHED THEN UPDATE SET Name = s.Name \
         WHEN NOT MATCHED THEN INSERT (Id, Name) VALUES (s.Id, s.Name);",
        "MERGE T AS t USING (VALUES (1, N'a'), (2, N'b')) AS s(Id, Name) ON t.Id = s.Id WHEN MATCHED THEN DELETE \
         WHEN NOT MATCHED THEN INSERT (Id, Name) VALUES (s.Id, s.Name);",
    ] {
        let plan = world.explain_staged(sql);
        let scanned =
            plan.lines().any(|line| line.starts_with("SCAN t1 ") || line == "SCAN t1" || line.contains("AUTOMATIC"));
        assert!(plan.contains("sqlite_autoindex_dbo.T_1 (Id=?)") && !scanned, "{sql}:\n{plan}");
    }
}

#[test]
fn a_merge_searches_its_source_for_rows_that_are_gone() {
    let mut world = World::new();
    world.table("CREATE TABLE T (Id int NOT NULL, Name nvarchar(20) NULL)");
    world.table("CREATE TABLE #S (Id int NOT NULL, Name nvarchar(4000) NULL)");
    let plan = world.explain_staged(
        "MERGE T AS t USING #S AS s ON t.Id = s.Id WHEN NOT MATCHED BY SOURCE THEN UPDATE SET Name = N'gone';",
    );
    assert!(plan.contains("sqlite_autoindex_dbo.#S_1 (Id=?)"), "{plan}");
}
