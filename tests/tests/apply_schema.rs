//! Schema changes are carried out in their place in the stream, together with the rows and the position of their transaction.
#![allow(clippy::unwrap_used)]

mod apply;

use apply::{Database, delete, insert, int, lsn, text, update};
use proto::schema::DefaultConstraint;
use proto::{Chunk, Column, ColumnType, ComputedColumn, SchemaChange, TableChange, Value};
use subscriber::ErrorKind;
use subscriber::apply::Applier;

const TABLE: &str = "CREATE TABLE t (id int NOT NULL PRIMARY KEY, a int NULL, b nvarchar(10) NULL)";

fn column(name: &str, column_type: ColumnType, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        column_type,
        nullable,
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal: None,
    }
}

fn add(name: &str, default: Option<&str>, nullable_first: bool) -> TableChange {
    let named = |definition: &str| DefaultConstraint { name: format!("DF_{name}"), definition: definition.to_owned() };
    TableChange::AddColumn { name: name.to_owned(), default: default.map(named), nullable_first }
}

fn drop(name: &str) -> TableChange {
    TableChange::DropColumn { name: name.to_owned() }
}

fn alter(name: &str) -> TableChange {
    TableChange::AlterColumn { name: name.to_owned() }
}

fn constraint(name: &str, definition: &str) -> TableChange {
    TableChange::AddConstraint { name: name.to_owned(), definition: definition.to_owned(), unchecked: false }
}

/// A chunk that begins with schema changes.
fn with(schema: Vec<SchemaChange>, chunk: Chunk) -> Chunk {
    Chunk { schema, ..chunk }
}

async fn filled(size: i32) -> (Database, Applier) {
    let database = Database::new(&[TABLE]).await;
    let mut applier = database.applier().await;
    let changes: Vec<_> = (0..size).map(|n| ("t", insert([int(n), int(n), text("x")]))).collect();
    applier.batch(&[database.transaction(1, &changes)], lsn(1)).await.unwrap();
    (database, applier)
}

/// Applies a transaction of one chunk, as the stream hands it out.
async fn whole(applier: &mut Applier, chunk: Chunk) -> Result<(), subscriber::Error> {
    let position = chunk.lsn;
    applier.part(&[chunk], true).await?;
    applier.commit(position).await
}

#[tokio::test]
async fn columns_come_with_the_rows_of_their_transaction_and_not_before_it_commits() {
    for size in [3, 3_000] {
        let (mut database, mut applier) = filled(size).await;
        let changes = vec![add("c", None, false), add("d", Some("((7))"), false), add("e", None, false)];
        let change = database.redefine("t", changes, |article| {
            article.columns.push(column("c", ColumnType::BigInt, true));
            article.columns.push(column("d", ColumnType::Int, false));
            let (definition, persisted, nullable) = ("([a]+(1))".to_owned(), true, true);
            article.computed.push(ComputedColumn { name: "e".to_owned(), definition, persisted, nullable });
        });
        let mut changes: Vec<_> =
            (0..size).map(|n| ("t", update([int(n)], [(3, Value::I64(i64::from(n) << 33))]))).collect();
        changes.push(("t", insert([int(-1), int(1), Value::Null, Value::Null, int(8)])));
        applier.part(&[with(vec![change], database.transaction(2, &changes))], true).await.unwrap();
        // Until then everybody waits for the table, and the position has not moved.
        let look = "SET LOCK_TIMEOUT 1; SELECT COUNT(*) FROM t";
        let refused = database.client().await.query("looking", look, &[]).await.unwrap_err();
        assert_eq!(refused.kind, sqlserver::ErrorKind::LockTimeout);
        assert_eq!(database.position().await, lsn(1));
        applier.commit(lsn(2)).await.unwrap();
        let rows =
            "SELECT COUNT(*) FROM t WHERE id >= 0 AND c = CAST(id AS bigint) * 8589934592 AND d = 7 AND e = id + 1";
        assert_eq!(database.rows(rows).await, [[int(size)]]);
        assert_eq!(database.rows("SELECT d, e FROM t WHERE id = -1").await, [[int(8), int(2)]]);
        assert_eq!(database.position().await, lsn(2));
        assert_eq!(
            database.parts().await,
            [(1, lsn(0)), (2, lsn(0))],
            "the new definition goes on where the old one stood"
        );
        // And on with the new definition; another process too.
        let next = [("t", update([int(1)], [(4, int(9))])), ("t", delete([int(2)]))];
        applier.batch(&[database.transaction(3, &next)], lsn(3)).await.unwrap();
        let mut applier = database.applier().await;
        applier.batch(&[database.transaction(4, &[("t", update([int(1)], [(1, int(5))]))])], lsn(4)).await.unwrap();
        assert_eq!(database.rows("SELECT a, d, e FROM t WHERE id = 1").await, [[int(5), int(9), int(6)]]);
    }
}

#[tokio::test]
async fn a_column_that_cannot_hold_null_comes_in_parts_and_its_last_one_says_so() {
    let (mut database, mut applier) = filled(300).await;
    let first = database.redefine("t", vec![add("c", None, true)], |article| {
        article.columns.push(column("c", ColumnType::NVarChar(Some(20)), false));
    });
    let last = SchemaChange { changes: vec![alter("c")], ..first.clone() };
    let value = |n: i32| ("t", update([int(n)], [(3, text(&format!("value {n}")))]));
    let changes: Vec<_> = (0..150).map(value).collect();
    applier.part(&[with(vec![first], database.transaction(2, &changes))], true).await.unwrap();
    let changes: Vec<_> = (150..300).map(value).collect();
    applier.part(&[database.transaction(2, &changes)], false).await.unwrap();
    applier
        .part(
            &[with(
                vec![last],
                database.transaction(2, &[("t", insert([int(300), int(0), Value::Null, text("new")]))]),
            )],
            false,
        )
        .await
        .unwrap();
    applier.commit(lsn(2)).await.unwrap();
    assert_eq!(database.rows("SELECT COUNT(*) FROM t WHERE c = CONCAT('value ', id)").await, [[int(300)]]);
    let nullable = "SELECT CAST(is_nullable AS int) FROM sys.columns WHERE object_id = OBJECT_ID('t') AND name = 'c'";
    assert_eq!(database.rows(nullable).await, [[int(0)]]);
}

#[tokio::test]
async fn columns_go_with_what_hangs_on_them_alone_and_take_wider_types() {
    let (mut database, mut applier) = filled(10).await;
    database
        .rows("ALTER TABLE t ADD CONSTRAINT df DEFAULT (N'q') FOR b; ALTER TABLE t ADD own int NULL; SELECT 1")
        .await;
    let change = database.redefine("t", vec![alter("a"), drop("b")], |article| {
        article.columns[1] = column("a", ColumnType::BigInt, false);
        article.columns.remove(2);
    });
    let changes = [("t", update([int(1)], [(1, Value::I64(1 << 40))])), ("t", insert([int(11), Value::I64(5)]))];
    whole(&mut applier, with(vec![change], database.transaction(2, &changes))).await.unwrap();
    assert_eq!(database.rows("SELECT a FROM t WHERE id = 1").await, [[Value::I64(1 << 40)]]);
    let columns =
        "SELECT name, CAST(is_nullable AS int) FROM sys.columns WHERE object_id = OBJECT_ID('t') ORDER BY column_id";
    let named = |name: &str, nullable| vec![text(name), int(nullable)];
    assert_eq!(
        database.rows(columns).await,
        [named("id", 0), named("a", 0), named("own", 1)],
        "what is the subscriber's own stays"
    );
}

#[tokio::test]
async fn constraints_come_and_go() {
    let (mut database, mut applier) = filled(3).await;
    let changes = vec![
        constraint("CK_a", "CHECK ([a]>=(0))"),
        constraint("UQ_a", "UNIQUE ([a])"),
        constraint("DF_b", "DEFAULT (N'none') FOR [b]"),
        constraint("FK_a", "FOREIGN KEY ([a]) REFERENCES [dbo].[t] ([id])"),
    ];
    let change = database.redefine("t", changes, |_| {});
    whole(&mut applier, with(vec![change], database.transaction(2, &[]))).await.unwrap();
    let count =
        "SELECT COUNT(*) FROM sys.objects WHERE parent_object_id = OBJECT_ID('t') AND type IN ('C', 'D', 'F', 'UQ')";
    assert_eq!(database.rows(count).await, [[int(4)]]);
    assert_eq!(
        database.rows("INSERT INTO t (id, a) VALUES (9, 9); SELECT b FROM t WHERE id = 9").await,
        [[text("none")]]
    );
    let gone = |name: &str| TableChange::DropConstraint { name: name.to_owned() };
    let changes = vec![gone("CK_a"), gone("UQ_a"), gone("DF_b"), gone("FK_a"), gone("never_was_here")];
    let change = database.redefine("t", changes, |_| {});
    whole(&mut applier, with(vec![change], database.transaction(3, &[("t", update([int(1)], [(1, int(-5))]))])))
        .await
        .unwrap();
    assert_eq!(database.rows(count).await, [[int(0)]]);
    assert_eq!(database.rows("SELECT a FROM t WHERE id = 1").await, [[int(-5)]]);
}

#[tokio::test]
async fn what_is_there_already_counts_as_done() {
    let (mut database, mut applier) = filled(3).await;
    database.rows("ALTER TABLE t ADD c int NULL, d AS a * 2; ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD CONSTRAINT CK CHECK (a < 99); SELECT 1").await;
    let changes =
        vec![add("c", None, false), add("d", None, false), drop("b"), constraint("CK", "CHECK ([a]<(99))"), alter("a")];
    let change = database.redefine("t", changes, |article| {
        article.columns[2] = column("c", ColumnType::Int, true);
        let (definition, persisted, nullable) = ("([a]*(2))".to_owned(), false, true);
        article.computed.push(ComputedColumn { name: "d".to_owned(), definition, persisted, nullable });
    });
    whole(&mut applier, with(vec![change], database.transaction(2, &[("t", update([int(1)], [(2, int(4))]))])))
        .await
        .unwrap();
    assert_eq!(database.rows("SELECT c, d FROM t WHERE id = 1").await, [[int(4), int(2)]]);
}

#[tokio::test]
async fn a_change_that_cannot_be_carried_out_names_table_column_and_position_and_leaves_nothing() {
    let hostile = "(0)); DROP TABLE t; --";
    let cases: [(&str, Vec<TableChange>, &[&str]); 7] = [
        (
            "ALTER TABLE t ADD c varchar(5) NULL",
            vec![add("z", None, false), add("c", None, false)],
            &["column c", "varchar(5)"],
        ),
        (
            "SELECT 1",
            vec![add("z", None, false), alter("a"), constraint("CK_a", "CHECK ([a]>(1))")],
            &["constraint CK_a", "547"],
        ),
        ("CREATE INDEX i ON t (b)", vec![add("z", None, false), drop("b")], &["column b", "5074", "dropped"]),
        ("UPDATE t SET a = NULL WHERE id = 1", vec![alter("a")], &["column a", "515", "as bigint NOT NULL"]),
        ("SELECT 1", vec![add("z", None, false), add("c", Some(hostile), false)], &["column c", "did not open"]),
        ("SELECT 1", vec![constraint("evil", "CHECK (1=1); DROP TABLE t")], &["constraint evil", "semicolon"]),
        ("SELECT 1", vec![drop("id")], &["column id", "primary key"]),
    ];
    for (before, changes, parts) in cases {
        let (mut database, mut applier) = filled(3).await;
        database.rows(&format!("{before}; SELECT 1")).await;
        let columns = "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('t')";
        let count = database.rows(columns).await;
        let change = database.redefine("t", changes, |article| {
            article.columns[1] = column("a", ColumnType::BigInt, false);
            article.columns.push(column("z", ColumnType::Int, true));
            article.columns.push(column("c", ColumnType::Int, true));
        });
        let change = SchemaChange { ddl: "ALTER TABLE dbo.t\n  DO SOMETHING".to_owned(), ..change };
        let rows = [("t", update([int(0)], [(2, text("y"))]))];
        let error = applier.part(&[with(vec![change], database.transaction(2, &rows))], true).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Schema, "{error}");
        let message = error.to_string();
        for part in ["dbo.t", &lsn(2).to_string(), "ALTER TABLE dbo.t DO SOMETHING", "start the subscriber again"]
            .iter()
            .chain(parts)
        {
            assert!(message.contains(part), "{part}: {message}");
        }
        applier.rollback().await.unwrap();
        assert_eq!(database.rows(columns).await, count);
        assert_eq!(database.position().await, lsn(1));
        assert_eq!(database.parts().await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_undone_is_undone_for_the_applier_too() {
    let (mut database, mut applier) = filled(3).await;
    let before = database.transaction(2, &[("t", update([int(1)], [(2, text("old"))]))]);
    let change = database.redefine("t", vec![drop("b"), add("c", None, false)], |article| {
        article.columns[2] = column("c", ColumnType::Int, true);
    });
    let after = with(vec![change], database.transaction(3, &[("t", update([int(1)], [(2, int(3))]))]));
    // The stream is lost in the middle of it, and comes again with what was before.
    applier.part(std::slice::from_ref(&after), true).await.unwrap();
    applier.rollback().await.unwrap();
    applier.batch(&[before], lsn(2)).await.unwrap();
    assert_eq!(database.rows("SELECT b FROM t WHERE id = 1").await, [[text("old")]]);
    whole(&mut applier, after).await.unwrap();
    assert_eq!(database.rows("SELECT c FROM t WHERE id = 1").await, [[int(3)]]);
}

#[tokio::test]
async fn a_row_that_fails_after_a_schema_change_of_its_transaction_is_named_and_the_change_undone() {
    let (mut database, mut applier) = filled(3).await;
    let change = database.redefine("t", vec![add("c", None, false)], |article| {
        article.columns.push(column("c", ColumnType::Int, true));
    });
    let rows = [("t", insert([int(5), int(5), Value::Null, int(1)])), ("t", update([int(77)], [(3, int(3))]))];
    let error = applier.part(&[with(vec![change], database.transaction(2, &rows))], true).await.unwrap_err();
    assert!(error.kind == ErrorKind::Row && error.to_string().contains("id = 77;"), "{error}");
    applier.rollback().await.unwrap();
    assert_eq!(database.rows("SELECT COUNT(*) FROM sys.columns WHERE name = 'c'").await, [[int(0)]]);
}

#[tokio::test]
async fn a_narrower_filter_deletes_what_it_leaves_out() {
    let (mut database, mut applier) = filled(10).await;
    database.rows("UPDATE t SET a = NULL WHERE id = 4; SELECT 1").await;
    let change = TableChange::DeleteRowsOutside { filter: "t.a < 6".to_owned() };
    let change = database.redefine("t", vec![change], |article| article.filter = Some("t.a < 6".to_owned()));
    whole(&mut applier, with(vec![change], database.transaction(2, &[]))).await.unwrap();
    assert_eq!(database.rows("SELECT COUNT(*) FROM t WHERE a < 6").await, [[int(5)]]);
    assert_eq!(database.rows("SELECT COUNT(*) FROM t").await, [[int(5)]], "NULL is not true");
}

#[tokio::test]
async fn a_definition_changes_also_where_the_table_does_not() {
    let (mut database, mut applier) = filled(3).await;
    // Schema changes are not replicated: the column went at the publisher, and stays here.
    let change = database.redefine("t", Vec::new(), |article| drop_last(&mut article.columns));
    whole(&mut applier, with(vec![change], database.transaction(2, &[("t", insert([int(8), int(8)]))]))).await.unwrap();
    assert_eq!(database.rows("SELECT a, b FROM t WHERE id = 8").await, [[int(8), Value::Null]]);
    assert_eq!(database.parts().await.len(), 2);
}

fn drop_last(columns: &mut Vec<Column>) {
    columns.pop();
}
