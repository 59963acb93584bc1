//! Names of files in a snapshot's folder: the only place that makes or accepts them.

use crate::error::WorkDirError;
use proto::TableName;
use uuid::Uuid;

/// Name of the file that makes a folder a snapshot.
pub const MANIFEST: &str = "manifest.json";
/// Name of the file that says what an unfinished snapshot is to become.
pub const PLAN: &str = "plan.json";
/// Longest part of a file's name that is taken from a schema or a table.
const MAX_PART: usize = 60;
/// Longest name.
const MAX_NAME: usize = 200;

/// The beginning of the names of an article's files: its number and as much of the table's name as is safe in a file name.
/// The number alone makes it unique.
pub fn stem(number: usize, table: &TableName) -> String {
    format!("{number:04}.{}.{}", safe(&table.schema), safe(&table.table))
}

/// Name of the file with a part's rows; parts count from 1.
pub fn data(stem: &str, part: usize) -> String {
    format!("{stem}.{part:03}.bcp")
}

/// Name of the file that says that a part is finished, while the snapshot is not.
pub fn finished(stem: &str, part: usize) -> String {
    format!("{stem}.{part:03}.json")
}

/// Name of the file with the boundary of what was read in one view, while the snapshot is not finished.
pub fn view(token: Uuid) -> String {
    format!("view.{token}.json")
}

fn safe(part: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let safe: String = part.chars().take(MAX_PART).map(|c| if allowed(c) { c } else { '_' }).collect();
    if safe.is_empty() { "_".to_owned() } else { safe }
}

/// Accepts a name that this module could have made: ASCII letters, digits, `_`, `-` and single dots, not at either end.
pub fn check(name: &str) -> Result<&str, WorkDirError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let whole = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
    if !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(allowed) && whole {
        Ok(name)
    } else {
        Err(WorkDirError::damaged(format!("{name:?} is not the name of a file of a snapshot")))
    }
}

/// The snapshot whose folder has this name: an id written as [`Uuid`] displays it, and no other way.
pub(crate) fn snapshot(folder: &str) -> Option<Uuid> {
    Uuid::try_parse(folder).ok().filter(|id| id.to_string() == folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{check, stem};
    use proptest::prelude::*;
    use proto::TableName;

    proptest! {
        #[test]
        fn whatever_a_table_is_called_its_files_stay_in_the_folder(schema: String, table: String) {
            let name = format!("{}.001.bcp", stem(7, &TableName { schema, table }));
            prop_assert!(check(&name).is_ok());
        }
    }

    #[test]
    fn names_stay_readable() {
        let table = TableName { schema: "sales".into(), table: "order lines".into() };
        assert_eq!(stem(12, &table), "0012.sales.order_lines");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "a..b", "a.", "a\0b", "a:b", "ä"] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
