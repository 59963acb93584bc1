//! The layouts of <https://learn.microsoft.com/sql/relational-databases/replication/transactional/transactional-articles-specify-how-changes-are-propagated>.
use super::*;
use proto::{Capture, ColumnType};

/// `c1` … `c9`; the key is `c3`, `c1`, in this order.
fn article(format: CallFormat) -> Article {
    let mut columns: Vec<Column> = (1..=9).map(|n| Column::new(&format!("c{n}"), ColumnType::Int)).collect();
    columns[2].key_ordinal = Some(0);
    columns[0].key_ordinal = Some(1);
    let name = |table: &str| TableName { schema: "dbo".to_owned(), table: table.to_owned() };
    let mut article = Article::new("p", name("t"), columns, Capture::default());
    let call = |procedure| Command::Call { format, procedure: name(procedure), generated: false };
    article.options.insert = call("ins");
    article.options.update = call("upd");
    article.options.delete = call("del");
    article
}

fn row(from: i32) -> Row {
    (from..from + 9).map(Value::I32).collect()
}

/// The procedure and its arguments as text; a bitmask in hexadecimal, a default as nothing.
fn called(format: CallFormat, change: &Change) -> (String, String) {
    let article = article(format);
    let call = call(&article, &article.key(), change).expect("all kinds have a procedure");
    let text = |argument: &Argument<'_>| match argument {
        Argument::Value(Value::I32(n), ColumnType::Int) => n.to_string(),
        Argument::Value(other, _) => panic!("{other:?}"),
        Argument::Bitmask(Value::Bytes(mask)) => mask.iter().map(|byte| format!("{byte:02x}")).collect(),
        Argument::Bitmask(other) => panic!("{other:?}"),
        Argument::Default => String::new(),
    };
    (call.procedure.table.clone(), call.arguments.iter().map(text).collect::<Vec<_>>().join(","))
}

fn images(before: Row) -> Change {
    Change::UpdateImages { before, after: row(21), changed: vec![0, 3, 8] }
}

#[test]
fn inserts_pass_all_columns_and_deletes_the_key_or_with_xcall_all_columns_as_they_were() {
    let of = |table: &str, arguments: &str| (table.to_owned(), arguments.to_owned());
    assert_eq!(called(CallFormat::Call, &Change::Insert(row(1))), of("ins", "1,2,3,4,5,6,7,8,9"));
    assert_eq!(called(CallFormat::Call, &Change::Delete(vec![Value::I32(3), Value::I32(1)])), of("del", "3,1"));
    assert_eq!(called(CallFormat::Xcall, &Change::DeleteImage(row(1))), of("del", "1,2,3,4,5,6,7,8,9"));
}

#[test]
fn updates_pass_what_their_format_says() {
    let key = || vec![Value::I32(3), Value::I32(1)];
    let new = "21,22,23,24,25,26,27,28,29";
    assert_eq!(called(CallFormat::Call, &images(key())).1, format!("{new},3,1"));
    // c1, c4 and c9: bits 1 and 8 of the first byte, the first of the second.
    assert_eq!(called(CallFormat::Mcall, &images(key())).1, format!("{new},3,1,0901"));
    assert_eq!(called(CallFormat::Xcall, &images(row(1))).1, format!("1,2,3,4,5,6,7,8,9,{new}"));
    let changed = vec![(1, Value::I32(5)), (7, Value::I32(6))];
    let update = Change::Update { key: key(), changed: changed.clone() };
    assert_eq!(called(CallFormat::Scall, &update).1, ",5,,,,,,6,,3,1,8200");
    let moved = Change::UpdateKey { key: key(), new_key: vec![Value::I32(3), Value::I32(11)], changed };
    assert_eq!(called(CallFormat::Scall, &moved).1, "11,5,,,,,,6,,3,1,8300", "of the key only what changed");
}

#[test]
fn a_kind_of_change_without_a_procedure_is_not_a_call() {
    let mut article = article(CallFormat::Call);
    article.options.insert = Command::Sql;
    assert_eq!(call(&article, &article.key(), &Change::Insert(row(1))), None);
    assert!(calls(&article), "the others have one");
    article.options.update = Command::Sql;
    article.options.delete = Command::None;
    assert!(!calls(&article));
}
