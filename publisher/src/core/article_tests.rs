#![allow(clippy::unwrap_used)]
use super::*;
use proto::{ArticleId, Capture, Column, ColumnType, Lsn, TableName};

/// `id` (key), `name`, `note` (max), in a table whose capture instance has another column before `note`.
fn translator() -> Translator {
    let column = |name: &str, column_type, key_ordinal: Option<u16>| Column {
        name: name.to_owned(),
        column_type,
        nullable: key_ordinal.is_none(),
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal,
    };
    let table = TableName { schema: "dbo".into(), table: "t".into() };
    let columns = vec![
        column("id", ColumnType::Int, Some(0)),
        column("name", ColumnType::NVarChar(Some(10)), None),
        column("note", ColumnType::NVarChar(None), None),
    ];
    let article = Article { id: ArticleId(1), ..Article::new("p", table, columns, Capture::default()) };
    Translator::new(article, vec![1, 2, 4])
}

const ID: u8 = 1;
const NAME: u8 = 2;
const UNPUBLISHED: u8 = 4;
const NOTE: u8 = 8;

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn row(operation: Operation, mask: u8, published: bool, id: i32, name: &str, note: Value) -> ChangeRow {
    let place = Place { lsn: Lsn::new(1, 2, 3), command: 1, sequence: Lsn::new(1, 2, 1), operation };
    ChangeRow { place, mask: vec![mask], published, values: vec![Value::I32(id), text(name), note] }
}

fn changes(rows: Vec<ChangeRow>) -> Result<Vec<Change>, Problem> {
    let mut translator = translator();
    let mut changes = Vec::new();
    for row in rows {
        translator.take(row, |_, change| changes.push(change))?;
    }
    translator.end()?;
    Ok(changes)
}

fn update(mask: u8, before: (bool, i32, &str), after: (bool, i32, &str), note: Value) -> Result<Vec<Change>, Problem> {
    changes(vec![
        row(Operation::Before, mask, before.0, before.1, before.2, Value::Null),
        row(Operation::After, mask, after.0, after.1, after.2, note),
    ])
}

#[test]
fn inserts_carry_the_row_and_deletes_its_key() {
    let rows = vec![
        row(Operation::Insert, 15, true, 1, "a", text("n")),
        row(Operation::Delete, 15, true, 2, "b", Value::Null),
    ];
    let expected = [Change::Insert(vec![Value::I32(1), text("a"), text("n")]), Change::Delete(vec![Value::I32(2)])];
    assert_eq!(changes(rows).unwrap(), expected);
}

#[test]
fn an_update_carries_only_the_columns_that_changed() {
    let changed = update(NAME, (true, 1, "a"), (true, 1, "b"), Value::Null).unwrap();
    assert_eq!(changed, [Change::Update { key: vec![Value::I32(1)], changed: vec![(1, text("b"))] }]);
}

#[test]
fn an_untouched_max_column_is_never_written_as_null() {
    let changed = update(NAME, (true, 1, "a"), (true, 1, "b"), Value::Null).unwrap();
    assert!(matches!(&changed[..], [Change::Update { changed, .. }] if changed.iter().all(|(i, _)| *i != 2)));
    let changed = update(NOTE, (true, 1, "a"), (true, 1, "a"), Value::Null).unwrap();
    assert_eq!(changed, [Change::Update { key: vec![Value::I32(1)], changed: vec![(2, Value::Null)] }]);
}

#[test]
fn an_update_of_nothing_published_is_nothing() {
    assert_eq!(update(UNPUBLISHED, (true, 1, "a"), (true, 1, "a"), Value::Null).unwrap(), []);
    assert_eq!(update(NAME, (true, 1, "a"), (true, 1, "a"), Value::Null).unwrap(), []);
}

#[test]
fn rows_that_enter_leave_or_stay_out_of_the_filter() {
    let all = ID | NAME | UNPUBLISHED | NOTE;
    let entered = update(all, (false, 1, "a"), (true, 1, "b"), text("n")).unwrap();
    assert_eq!(entered, [Change::Insert(vec![Value::I32(1), text("b"), text("n")])]);
    assert_eq!(
        update(NAME, (true, 1, "a"), (false, 1, "b"), Value::Null).unwrap(),
        [Change::Delete(vec![Value::I32(1)])]
    );
    assert_eq!(update(NAME, (false, 1, "a"), (false, 1, "b"), Value::Null).unwrap(), []);
    assert_eq!(changes(vec![row(Operation::Insert, 15, false, 1, "a", Value::Null)]).unwrap(), []);
    assert_eq!(changes(vec![row(Operation::Delete, 15, false, 1, "a", Value::Null)]).unwrap(), []);
}

#[test]
fn a_changed_key_moves_the_row_with_what_else_changed_and_leaves_an_untouched_max_column_alone() {
    let moved = |changed| [Change::UpdateKey { key: vec![Value::I32(1)], new_key: vec![Value::I32(2)], changed }];
    assert_eq!(update(ID, (true, 1, "a"), (true, 2, "a"), Value::Null).unwrap(), moved(vec![]));
    let changed = update(ID | NAME, (true, 1, "a"), (true, 2, "b"), Value::Null).unwrap();
    assert_eq!(changed, moved(vec![(1, text("b"))]));
    let changed = update(ID | NOTE, (true, 1, "a"), (true, 2, "a"), Value::Null).unwrap();
    assert_eq!(changed, moved(vec![(2, Value::Null)]), "touched, and NULL now");
}

#[test]
fn a_key_that_changes_on_the_way_into_or_out_of_the_filter_is_that_of_its_side() {
    let all = ID | NAME | UNPUBLISHED | NOTE;
    let entered = update(all, (false, 1, "a"), (true, 2, "a"), text("n")).unwrap();
    assert_eq!(entered, [Change::Insert(vec![Value::I32(2), text("a"), text("n")])]);
    let left = update(ID, (true, 1, "a"), (false, 2, "a"), Value::Null).unwrap();
    assert_eq!(left, [Change::Delete(vec![Value::I32(1)])]);
}

#[test]
fn a_row_that_would_lack_a_value_stops_with_the_column_named() {
    let problem = update(NAME, (false, 1, "a"), (true, 1, "b"), Value::Null).unwrap_err().to_string();
    assert!(problem.contains("dbo.t") && problem.contains("note nvarchar(max)"), "{problem}");
    assert!(!problem.contains("\"b\""), "no values: {problem}");
}

#[test]
fn half_an_update_is_not_passed_over() {
    assert!(changes(vec![row(Operation::Before, NAME, true, 1, "a", Value::Null)]).is_err());
    assert!(changes(vec![row(Operation::After, NAME, true, 1, "a", Value::Null)]).is_err());
}
