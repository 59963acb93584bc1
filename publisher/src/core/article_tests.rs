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

/// With these commands for inserts, updates and deletes.
fn commanded(insert: Command, update: Command, delete: Command, rows: Vec<ChangeRow>) -> Vec<Change> {
    let Translator { mut article, ordinals, .. } = translator();
    article.options.insert = insert;
    article.options.update = update;
    article.options.delete = delete;
    let mut translator = Translator::new(article, ordinals);
    let mut changes = Vec::new();
    for row in rows {
        translator.take(row, |_, change| changes.push(change)).unwrap();
    }
    changes
}

fn by(format: CallFormat) -> Command {
    let procedure = TableName { schema: "dbo".into(), table: "p".into() };
    Command::Call { format, procedure, generated: false }
}

/// An update of all columns, with its before image.
fn touched(id: (i32, i32), name: (&str, &str)) -> Vec<ChangeRow> {
    let all = ID | NAME | NOTE;
    vec![
        row(Operation::Before, all, true, id.0, name.0, text("old")),
        row(Operation::After, all, true, id.1, name.1, text("new")),
    ]
}

#[test]
fn procedures_get_the_images_that_their_format_takes() {
    let whole = |id, name: &str, note: &str| vec![Value::I32(id), text(name), text(note)];
    let update = |format, rows| commanded(Command::Sql, by(format), Command::Sql, rows);
    for format in [CallFormat::Call, CallFormat::Mcall] {
        let sent =
            Change::UpdateImages { before: vec![Value::I32(1)], after: whole(2, "a", "new"), changed: vec![0, 2] };
        assert_eq!(update(format, touched((1, 2), ("a", "a"))), [sent], "{format:?}");
    }
    let sent = Change::UpdateImages { before: whole(1, "a", "old"), after: whole(1, "b", "new"), changed: vec![1, 2] };
    assert_eq!(update(CallFormat::Xcall, touched((1, 1), ("a", "b"))), [sent]);
    let Change::Update { changed, .. } = &update(CallFormat::Scall, touched((1, 1), ("a", "b")))[0] else {
        panic!("changed columns are enough")
    };
    assert_eq!(changed.len(), 2);
    let gone = vec![row(Operation::Delete, 0, true, 1, "a", text("old"))];
    assert_eq!(
        commanded(Command::Sql, Command::Sql, by(CallFormat::Xcall), gone.clone()),
        [Change::DeleteImage(whole(1, "a", "old"))]
    );
    assert_eq!(
        commanded(Command::Sql, Command::Sql, by(CallFormat::Call), gone),
        [Change::Delete(vec![Value::I32(1)])]
    );
}

#[test]
fn an_update_that_changes_nothing_published_passes_nothing_to_a_procedure() {
    let rows = vec![
        row(Operation::Before, UNPUBLISHED | NAME, true, 1, "a", Value::Null),
        row(Operation::After, UNPUBLISHED | NAME, true, 1, "a", Value::Null),
    ];
    assert_eq!(commanded(Command::Sql, by(CallFormat::Call), Command::Sql, rows), []);
}

#[test]
fn kinds_of_changes_with_none_are_not_sent() {
    let rows = || {
        let mut rows = vec![row(Operation::Insert, 0, true, 1, "a", Value::Null)];
        rows.extend(touched((1, 2), ("a", "b")));
        rows.push(row(Operation::Delete, 0, true, 2, "b", Value::Null));
        // Leaves the filter, which is a delete, and comes into it, which is an insert.
        rows.push(row(Operation::Before, NAME | NOTE, true, 5, "a", text("x")));
        rows.push(row(Operation::After, NAME | NOTE, false, 5, "b", text("x")));
        rows.push(row(Operation::Before, NAME | NOTE, false, 6, "a", text("x")));
        rows.push(row(Operation::After, NAME | NOTE, true, 6, "b", text("x")));
        rows
    };
    let kinds = |insert, update, delete| -> String {
        let letter = |change: &Change| match change {
            Change::Insert(_) => 'i',
            Change::Delete(_) | Change::DeleteImage(_) => 'd',
            _ => 'u',
        };
        commanded(insert, update, delete, rows()).iter().map(letter).collect()
    };
    assert_eq!(kinds(Command::Sql, Command::Sql, Command::Sql), "iuddi");
    assert_eq!(kinds(Command::None, Command::Sql, Command::Sql), "udd");
    assert_eq!(kinds(Command::Sql, Command::None, Command::Sql), "iddi");
    assert_eq!(kinds(Command::Sql, Command::Sql, Command::None), "iui");
}
