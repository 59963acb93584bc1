//! Queries over a few rows.

use super::World;
use crate::types::{Datum, SqlType};

fn shop() -> World {
    let mut world = World::new();
    world.table("CREATE TABLE Orders (Id int NOT NULL, Customer varchar(20) NOT NULL, Total decimal(10,2) NOT NULL, Placed datetime NULL)");
    world.table("CREATE TABLE Lines (Id int NOT NULL, OrderId int NOT NULL, Amount decimal(10,2) NOT NULL, Note nvarchar(50) NULL)");
    world
        .change("INSERT INTO Orders VALUES (1, 'ann', 10, '2024-01-01'), (2, 'Bob', 20.5, NULL), (3, 'ANN', 5.25, '2024-01-02 12:00')")
        .unwrap();
    world
        .change(
            "INSERT INTO Lines (Id, OrderId, Amount, Note) VALUES (1, 1, 4, N'x'), (2, 1, 6, NULL), (3, 2, 20.5, N'ÿ')",
        )
        .unwrap();
    world
}

#[test]
fn joins_filters_and_orders() {
    let world = shop();
    assert_eq!(
        world.text(
            "SELECT o.Id, l.Amount FROM Orders o JOIN Lines AS l ON l.OrderId = o.Id ORDER BY o.Id DESC, l.Amount"
        ),
        ["2|20.50", "1|4.00", "1|6.00"]
    );
    assert_eq!(
        world.text("SELECT o.Id, l.Id FROM dbo.Orders o LEFT JOIN Lines l ON l.OrderId = o.Id WHERE l.Id IS NULL"),
        ["3|NULL"]
    );
    assert_eq!(world.text("SELECT Orders.Id FROM dbo.Orders WHERE customer = 'Ann ' ORDER BY 1"), ["1", "3"]);
    assert_eq!(world.text("SELECT Id FROM Orders ORDER BY Placed, Id"), ["2", "1", "3"]);
    assert_eq!(world.text("SELECT TOP (2) Id FROM Orders ORDER BY Total DESC"), ["2", "1"]);
    assert_eq!(world.text("SELECT Id FROM Orders ORDER BY Id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY"), ["2"]);
    assert_eq!(world.text("SELECT o.Id FROM Orders o, Lines l WHERE o.Id = l.OrderId AND l.Note = N'X'"), ["1"]);
}

#[test]
fn groups_by_collation_and_types_aggregates() {
    let world = shop();
    assert_eq!(
        world.text("SELECT COUNT(*), SUM(Total), MIN(Placed), AVG(Total) FROM Orders GROUP BY Customer ORDER BY 1"),
        ["1|20.50|NULL|20.500000", "2|15.25|2024-01-01 00:00:00.000|7.625000"]
    );
    assert_eq!(world.text("SELECT COUNT(DISTINCT Customer), COUNT(Placed), COUNT_BIG(*) FROM Orders"), ["2|2|3"]);
    assert_eq!(world.text("SELECT DISTINCT UPPER(Customer) FROM Orders ORDER BY UPPER(Customer)"), ["ANN", "BOB"]);
    assert_eq!(
        world.text("SELECT YEAR(Placed), COUNT(*) FROM Orders WHERE Placed IS NOT NULL GROUP BY YEAR(Placed) HAVING COUNT(*) > 1"),
        ["2024|2"]
    );
    assert_eq!(world.text("SELECT SUM(Id), AVG(Id), MAX(Customer) FROM Orders WHERE Id > 100"), ["NULL|NULL|NULL"]);
    let compiled = world.compile("SELECT SUM(Total), SUM(Id), AVG(Total), COUNT_BIG(*) FROM Orders").unwrap();
    let types: Vec<SqlType> = compiled.columns.iter().map(|c| c.ty).collect();
    let decimal = |scale| SqlType::Decimal { precision: 38, scale };
    assert_eq!(types, [decimal(2), SqlType::Int, decimal(6), SqlType::BigInt]);
}

#[test]
fn subqueries_derived_tables_and_ctes() {
    let world = shop();
    assert_eq!(
        world.text("SELECT Id FROM Orders o WHERE EXISTS (SELECT 1 FROM Lines l WHERE l.OrderId = o.Id) ORDER BY Id"),
        ["1", "2"]
    );
    assert_eq!(world.text("SELECT Id FROM Orders WHERE Id NOT IN (SELECT OrderId FROM Lines)"), ["3"]);
    assert_eq!(
        world.text(
            "SELECT Id FROM Orders o WHERE Total = (SELECT SUM(Amount) FROM Lines l WHERE l.OrderId = o.Id) ORDER BY Id"
        ),
        ["1", "2"]
    );
    assert_eq!(
        world.text("SELECT v.a, v.b FROM (VALUES (1, N'x'), (2, NULL)) AS v(a, b) ORDER BY v.a"),
        ["1|x", "2|NULL"]
    );
    assert_eq!(
        world.text("WITH big AS (SELECT Id, Total FROM Orders WHERE Total > 6), n(c) AS (SELECT COUNT(*) FROM big) SELECT c FROM n"),
        ["2"]
    );
    assert_eq!(
        world.text("WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT SUM(i) FROM n"),
        ["15"]
    );
    let endless = "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
    assert_eq!(world.run(endless).unwrap_err().number, 530);
}

#[test]
fn set_operations_take_the_common_type() {
    let world = shop();
    assert_eq!(world.text("SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a"), ["1.0", "2.5"]);
    assert_eq!(world.text("SELECT COUNT(*) FROM (SELECT 'a' AS x UNION SELECT 'A ') AS u"), ["1"]);
    assert_eq!(world.text("SELECT Id FROM Orders EXCEPT SELECT OrderId FROM Lines"), ["3"]);
    assert_eq!(world.text("SELECT Id FROM Orders INTERSECT SELECT OrderId FROM Lines ORDER BY Id"), ["1", "2"]);
}

#[test]
fn windows_count_and_rank() {
    let world = shop();
    assert_eq!(
        world.text("SELECT Id, ROW_NUMBER() OVER (PARTITION BY Customer ORDER BY Id DESC) FROM Orders ORDER BY Id"),
        ["1|2", "2|1", "3|1"]
    );
    assert_eq!(
        world.text("SELECT Id, SUM(Total) OVER (ORDER BY Id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM Orders ORDER BY Id"),
        ["1|10.00", "2|30.50", "3|35.75"]
    );
    assert_eq!(world.text("SELECT Id, COUNT(*) OVER () FROM Orders WHERE Id = 1"), ["1|1"]);
}

#[test]
fn variables_are_bound_once_and_converted() {
    let world = shop();
    world.set("@id", SqlType::BigInt, Datum::BigInt(2));
    world.set("@d", SqlType::Decimal { precision: 12, scale: 4 }, Datum::Decimal { unscaled: 205_000, scale: 4 });
    assert_eq!(world.text("SELECT Id, @id FROM Orders WHERE Id = @id AND Id >= @ID"), ["2|2"]);
    assert_eq!(world.text("SELECT Id FROM Orders WHERE Total = @d"), ["2"]);
    world.set("@d", SqlType::Decimal { precision: 12, scale: 4 }, Datum::Decimal { unscaled: 205_001, scale: 4 });
    assert_eq!(world.text("SELECT Id FROM Orders WHERE Total < @d ORDER BY Id"), ["1", "2", "3"]);
    assert!(world.text("SELECT Id FROM Orders WHERE Total = @d").is_empty());
    assert_eq!(world.text("SELECT Id FROM Orders WHERE NOT (Total = @d) AND Id = 2"), ["2"]);
}

#[test]
fn columns_carry_their_names_and_nullability() {
    let world = shop();
    let compiled =
        world.compile("SELECT o.Id, Total AS t, 1 + 1, n = l.Note FROM Orders o LEFT JOIN Lines l ON 1 = 1").unwrap();
    let names: Vec<&str> = compiled.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["Id", "t", "", "n"]);
    let nullable: Vec<bool> = compiled.columns.iter().map(|c| c.nullable).collect();
    assert_eq!(nullable, [false, false, false, true]);
}

#[test]
fn having_without_groups_is_one_group() {
    let world = shop();
    assert_eq!(world.text("SELECT COUNT(*) FROM Orders WHERE Id > 99 HAVING COUNT(*) = 0"), ["0"]);
    assert!(world.text("SELECT COUNT(*) FROM Orders HAVING COUNT(*) > 99").is_empty());
}

#[test]
fn odd_shapes_of_queries_still_answer() {
    let world = shop();
    world.set("@n", SqlType::Int, Datum::Int(1));
    assert_eq!(world.text("SELECT TOP (@n) Id FROM Orders ORDER BY Id DESC"), ["3"]);
    assert_eq!(
        world.text("SELECT x.Id FROM (SELECT TOP 2 Id FROM Orders ORDER BY Total DESC) AS x ORDER BY x.Id"),
        ["1", "2"]
    );
    assert_eq!(world.text("SELECT 1 WHERE 1 = 2 UNION ALL SELECT 3"), ["3"]);
    assert_eq!(world.text("SELECT COUNT(*) FROM Orders a CROSS JOIN Orders b"), ["9"]);
    assert_eq!(
        world.text(
            "SELECT o.Id, (SELECT COUNT(*) FROM Lines l WHERE l.OrderId = o.Id) AS n FROM Orders o ORDER BY n DESC, 1"
        ),
        ["1|2", "2|1", "3|0"]
    );
    assert_eq!(world.text("SELECT Customer AS Id FROM Orders WHERE Id = 2 ORDER BY Id"), ["Bob"]);
    assert_eq!(world.text("SELECT a.Id FROM Orders a FULL JOIN Lines b ON a.Id = b.Id AND b.Id > 1 WHERE a.Id IS NOT NULL ORDER BY a.Id"), ["1", "2", "3"]);
    assert_eq!(world.text("SELECT SUM(CASE WHEN Placed IS NULL THEN 1 ELSE 0 END) FROM Orders"), ["1"]);
    assert_eq!(
        world.text("SELECT STRING_AGG(Customer, ', ') FROM (SELECT TOP 5 Customer FROM Orders ORDER BY Id) AS t"),
        ["ann, Bob, ANN"]
    );
    assert_eq!(
        world.text("SELECT Id, LAG(Total, 1, 0) OVER (ORDER BY Id) FROM Orders ORDER BY Id"),
        ["1|0.00", "2|10.00", "3|20.50"]
    );
    assert_eq!(
        world.text("SELECT Customer + '!' FROM Orders GROUP BY Customer + '!' ORDER BY Customer + '!'").len(),
        2
    );
    let rows: Vec<String> = (0..900).map(|i| format!("({i}, N'x{i}')")).collect();
    assert_eq!(
        world.text(&format!("SELECT COUNT(*), MAX(v.a) FROM (VALUES {}) AS v(a, b)", rows.join(","))),
        ["900|899"]
    );
}
