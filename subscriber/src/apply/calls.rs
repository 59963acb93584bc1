//! Changes as calls of the procedures that an article names, with their parameters as [`sqlserver::procedure`] lays them out.

use proto::{Article, CallFormat, Change, Column, Command, Row, TableName, Value};
use sqlserver::call::Argument;
use sqlserver::procedure::bitmask_bytes;

/// A call of a procedure.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'a> {
    pub procedure: &'a TableName,
    pub arguments: Vec<Argument<'a>>,
}

/// The command that carries out a change of an article.
pub(super) fn command<'a>(article: &'a Article, change: &Change) -> &'a Command {
    match change {
        Change::Insert(_) => &article.options.insert,
        Change::Update { .. } | Change::UpdateKey { .. } | Change::UpdateImages { .. } => &article.options.update,
        Change::Delete(_) | Change::DeleteImage(_) => &article.options.delete,
    }
}

/// Whether an article's changes are applied one by one, since a procedure takes them.
pub(super) fn calls(article: &Article) -> bool {
    let options = &article.options;
    [&options.insert, &options.update, &options.delete].iter().any(|command| matches!(command, Command::Call { .. }))
}

/// The call that carries out a change; `None` where it is a statement's matter. `key` are the indices of the key columns.
///
/// A change of single columns for a procedure that takes whole images is no update of the publisher's: it brings the values of a column
/// that joined the article.
pub(super) fn call<'a>(article: &'a Article, key: &[usize], change: &'a Change) -> Option<Call<'a>> {
    let Command::Call { format, procedure, .. } = command(article, change) else { return None };
    if matches!(change, Change::Update { .. } | Change::UpdateKey { .. }) && *format != CallFormat::Scall {
        return None;
    }
    let columns = &article.columns;
    let mut arguments = Vec::with_capacity(2 * columns.len() + 1);
    match change {
        Change::Insert(row) | Change::DeleteImage(row) => arguments.extend(whole(columns, row)),
        Change::Delete(values) => arguments.extend(of_key(columns, key, values)),
        Change::UpdateImages { before, after, changed } => {
            if *format == CallFormat::Xcall {
                arguments.extend(whole(columns, before));
                arguments.extend(whole(columns, after));
            } else {
                arguments.extend(whole(columns, after));
                arguments.extend(of_key(columns, key, before));
            }
            if *format == CallFormat::Mcall {
                arguments.push(bitmask(columns.len(), changed.iter().map(|column| usize::from(*column))));
            }
        }
        Change::Update { key: old, changed } => arguments.extend(changed_only(columns, key, old, &[], changed)),
        Change::UpdateKey { key: old, new_key, changed } => {
            arguments.extend(changed_only(columns, key, old, new_key, changed));
        }
    }
    Some(Call { procedure, arguments })
}

fn whole<'a>(columns: &'a [Column], row: &'a Row) -> impl Iterator<Item = Argument<'a>> {
    row.iter().zip(columns).map(|(value, column)| Argument::Value(value, column.column_type))
}

fn of_key<'a>(columns: &[Column], key: &[usize], values: &'a Row) -> Vec<Argument<'a>> {
    values.iter().zip(key).map(|(value, column)| Argument::Value(value, columns[*column].column_type)).collect()
}

/// `SCALL`: the changed columns, the key as it was, the bitmask.
fn changed_only<'a>(
    columns: &[Column],
    key: &[usize],
    old: &'a Row,
    new_key: &'a [Value],
    changed: &'a [(u16, Value)],
) -> Vec<Argument<'a>> {
    let mut arguments: Vec<Argument<'_>> = columns.iter().map(|_| Argument::Default).collect();
    let mut touched = Vec::with_capacity(changed.len() + new_key.len());
    let moved = key.iter().zip(old).zip(new_key).filter(|((_, old), new)| old != new);
    let moved = moved.map(|((column, _), new)| (*column, new));
    for (column, value) in changed.iter().map(|(column, value)| (usize::from(*column), value)).chain(moved) {
        arguments[column] = Argument::Value(value, columns[column].column_type);
        touched.push(column);
    }
    arguments.extend(of_key(columns, key, old));
    arguments.push(bitmask(columns.len(), touched));
    arguments
}

fn bitmask(columns: usize, changed: impl IntoIterator<Item = usize>) -> Argument<'static> {
    let mut mask = vec![0; bitmask_bytes(columns)];
    for column in changed {
        mask[column / 8] |= 1 << (column % 8);
    }
    Argument::Bitmask(Value::Bytes(mask))
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
