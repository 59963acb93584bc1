//! `INSERT`, `UPDATE`, `DELETE`.

use super::World;

fn stock() -> World {
    let mut world = World::new();
    world.table(
        "CREATE TABLE Items (Id int NOT NULL, Name nvarchar(5) NOT NULL DEFAULT N'none', Price decimal(8,2) NULL DEFAULT ((1.5)), Code char(3) NULL)",
    );
    world.table("CREATE TABLE Auto (Id int NOT NULL IDENTITY(1,1), Name varchar(10) NULL)");
    world.table("CREATE TABLE Moves (Id int NOT NULL, Item int NOT NULL, Price decimal(18,4) NULL)");
    world.change("INSERT Items (Id, Name) VALUES (1, 'a'), (2, 'b'), (3, 'c')").unwrap();
    world
}

#[test]
fn inserts_fill_in_defaults_padding_and_identity() {
    let world = stock();
    world.change("INSERT INTO Items (Id, Price, Code) VALUES (10, DEFAULT, 'x'), (11, NULL, NULL)").unwrap();
    assert_eq!(
        world.text("SELECT Name, Price, Code + '|' FROM Items WHERE Id >= 10"),
        ["none|1.50|x  |", "none|NULL|NULL"]
    );
    world.change("INSERT INTO Auto (Name) SELECT Name FROM Items WHERE Id < 3 ORDER BY Id DESC").unwrap();
    assert_eq!(world.text("SELECT Id, Name FROM Auto ORDER BY Id"), ["1|b", "2|a"]);
    world.change("INSERT INTO Auto DEFAULT VALUES").unwrap();
    assert_eq!(world.text("SELECT COUNT(*) FROM Auto"), ["3"]);
    assert_eq!(world.text("INSERT INTO Auto (Name) OUTPUT inserted.Id, inserted.Name VALUES ('z')"), ["4|z"]);
}

#[test]
fn failed_inserts_have_their_numbers() {
    let world = stock();
    let number = |sql: &str| world.change(sql).unwrap_err().number;
    assert_eq!(number("INSERT INTO Items (Id, Name) VALUES (1, 'again')"), 2627);
    assert_eq!(number("INSERT INTO Items (Id, Name) VALUES (9, NULL)"), 515);
    assert_eq!(number("INSERT INTO Items (Id, Name) VALUES (9, 'abcdef')"), 2628);
    assert_eq!(number("INSERT INTO Items (Id, Price) VALUES (9, 12345678.5)"), 8115);
    assert_eq!(number("INSERT INTO Items (Id, Nope) VALUES (9, 1)"), 207);
    assert_eq!(number("INSERT INTO Items (Id, Name) VALUES (9)"), 109);
    assert_eq!(number("INSERT INTO Items VALUES (9)"), 213);
    assert_eq!(number("INSERT INTO Auto (Id, Name) VALUES (9, 'x')"), 544);
    assert_eq!(number("INSERT INTO Items (Id, Id) VALUES (9, 9)"), 264);
    let error = world.change("INSERT INTO Items (Id, Name) VALUES (9, NULL)").unwrap_err();
    assert_eq!(
        error.message,
        "Cannot insert the value NULL into column 'Name', table 'shop.dbo.Items'; column does not allow nulls. INSERT fails."
    );
}

#[test]
fn trailing_spaces_beyond_the_column_are_cut_without_error() {
    let world = stock();
    world.change("INSERT INTO Items (Id, Name) VALUES (9, 'abcde   ')").unwrap();
    assert_eq!(world.text("SELECT DATALENGTH(Name) FROM Items WHERE Id = 9"), ["10"]);
}

#[test]
fn updates_count_each_target_row_once() {
    let world = stock();
    assert_eq!(world.change("UPDATE Items SET Price = Price * 2, Name = 'z' WHERE Id IN (1, 2)").unwrap(), 2);
    assert_eq!(world.text("SELECT Id, Name, Price FROM Items ORDER BY Id"), ["1|z|3.00", "2|z|3.00", "3|c|1.50"]);
    world.change("INSERT INTO Moves VALUES (1, 1, 7), (2, 1, 7), (3, 3, 8.125)").unwrap();
    assert_eq!(world.change("UPDATE i SET Price = m.Price FROM Items AS i JOIN Moves m ON m.Item = i.Id").unwrap(), 2);
    assert_eq!(world.text("SELECT Price FROM Items ORDER BY Id"), ["7.00", "3.00", "8.13"]);
    assert_eq!(
        world
            .change("UPDATE Items SET Name = v.n FROM (VALUES (1, N'p'), (2, N'q')) AS v(id, n) WHERE Items.Id = v.id")
            .unwrap(),
        2
    );
    assert_eq!(
        world.change("UPDATE i SET Name = COALESCE(CAST(m.Id AS nvarchar(5)), N'no') FROM Items i LEFT JOIN Moves m ON m.Item = i.Id").unwrap(),
        3
    );
    assert_eq!(world.text("SELECT Name FROM Items WHERE Id = 2"), ["no"]);
    assert_eq!(world.change("UPDATE TOP (1) Items SET Price = 0").unwrap(), 1);
    assert_eq!(world.text("UPDATE Items SET Price = 4 OUTPUT inserted.Id, inserted.Price WHERE Id = 3"), ["3|4.00"]);
}

#[test]
fn deletes_by_join_filter_and_top() {
    let world = stock();
    world.change("INSERT INTO Moves VALUES (1, 1, 7), (2, 1, 7)").unwrap();
    assert_eq!(world.change("DELETE i FROM Items AS i JOIN Moves AS m ON m.Item = i.Id").unwrap(), 1);
    assert_eq!(world.text("DELETE FROM Items OUTPUT deleted.Id, deleted.Name WHERE Id = 2"), ["2|b"]);
    assert_eq!(world.change("DELETE TOP (1) FROM Moves").unwrap(), 1);
    assert_eq!(world.change("DELETE Items WHERE EXISTS (SELECT 1 FROM Moves m WHERE m.Item = 99)").unwrap(), 0);
    assert_eq!(world.change("DELETE FROM Items").unwrap(), 1);
}

#[test]
fn rows_of_one_values_clause_share_their_types() {
    let world = stock();
    assert_eq!(world.change("INSERT INTO Auto (Name) VALUES (1), ('a')").unwrap_err().number, 245);
    world.change("INSERT INTO Auto (Name) VALUES (1.5), (2), (NULL)").unwrap();
    assert_eq!(world.text("SELECT Name FROM Auto ORDER BY Name"), ["NULL", "1.5", "2.0"]);
}
