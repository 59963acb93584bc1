//! `CROSS APPLY` and `OUTER APPLY`.
//!
//! SQLite has no lateral joins but for table-valued functions. So a correlated query becomes the argument of one: its rows are
//! packed into a JSON array by a scalar subquery, which may name the columns to its left, and `json_each` takes them apart again.
//! Values travel as text that keeps their bytes.

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::TableRef;

use super::binder::{Binder, Source};
use super::from::check_derived_columns;
use super::functions::{pure, raise};
use super::select::Plan;

impl Binder<'_> {
    /// `left APPLY right`.
    pub fn apply(&mut self, left: &TableRef, right: &TableRef, outer: bool) -> SqlResult<String> {
        self.frame().inner_only = false;
        let left_text = self.table_ref(left)?;
        let first = self.frame().sources.len();
        let right_text = match right {
            TableRef::Derived { query, alias, columns } => {
                let plan = self.subquery(query)?;
                check_derived_columns(&plan, columns, alias)?;
                self.applied(&plan, alias, columns)?
            }
            TableRef::Function { .. } => self.applied_function(right)?,
            TableRef::Join { .. } => format!("({})", self.table_ref(right)?),
            plain => self.table_ref(plain)?,
        };
        if outer {
            for source in &mut self.frame().sources[first..] {
                source.columns.iter_mut().for_each(|column| column.value.nullable = true);
            }
        }
        let word = if outer { "LEFT JOIN" } else { "JOIN" };
        let on = if outer { " ON 1" } else { "" };
        Ok(format!("{left_text} {word} {right_text}{on}"))
    }

    /// The rows of a query for each row to its left.
    fn applied(&mut self, plan: &Plan, exposed: &str, names: &[String]) -> SqlResult<String> {
        let inner = self.fresh_alias();
        let packed: Vec<String> = (1..=plan.outputs.len()).map(|n| format!("ts_pack({inner}.c{n})")).collect();
        let alias = self.fresh_alias();
        let mut columns = plan.source_columns("", names);
        for (n, column) in columns.iter_mut().enumerate() {
            column.value.sql = format!("ts_unpack(json_extract({alias}.value, '$[{n}]'))");
        }
        self.add_source(Source { small: true, ..Source::of_rows(exposed, alias.clone(), columns) })?;
        Ok(format!(
            "json_each((SELECT json_group_array(json_array({})) FROM ({}) AS {inner})) AS {alias}",
            packed.join(", "),
            plan.render()
        ))
    }

    /// A table-valued function whose arguments may name the columns to its left.
    fn applied_function(&mut self, function: &TableRef) -> SqlResult<String> {
        let text = self.table_ref(function)?;
        let Some(mut source) = self.frame().sources.pop() else { return Ok(text) };
        let inner = source.alias.clone();
        let packed: Vec<String> =
            source.columns.iter().map(|column| format!("ts_pack({})", column.value.sql)).collect();
        let alias = self.fresh_alias();
        for (n, column) in source.columns.iter_mut().enumerate() {
            column.value.sql = format!("ts_unpack(json_extract({alias}.value, '$[{n}]'))");
            column.value.shape = super::typed::Shape::Other;
        }
        debug_assert!(text.ends_with(&inner));
        self.add_source(Source { alias: alias.clone(), table: None, ..source })?;
        Ok(format!("json_each((SELECT json_group_array(json_array({})) FROM {text})) AS {alias}", packed.join(", ")))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// A value as text without NUL characters, which JSON functions would cut at.
fn pack(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(value) => format!("i{value}"),
        ValueRef::Real(value) => format!("r{}", value.to_bits()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => format!("t{text}"),
            _ => format!("h{}", hex(bytes)),
        },
        ValueRef::Blob(bytes) => format!("b{}", hex(bytes)),
    })
}

fn unpack(text: &str) -> Option<Value> {
    let (kind, rest) = text.split_at_checked(1)?;
    Some(match kind {
        "i" => Value::Integer(rest.parse().ok()?),
        "r" => Value::Real(f64::from_bits(rest.parse().ok()?)),
        "t" => Value::Text(rest.to_owned()),
        "h" => Value::Text(String::from_utf8(bytes_of(rest)?).ok()?),
        "b" => Value::Blob(bytes_of(rest)?),
        _ => return None,
    })
}

/// Registers the functions that pack and unpack values.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("ts_pack", 1, pure(), |context| Ok(pack(context.get_raw(0))))?;
    connection.create_scalar_function("ts_unpack", 1, pure(), |context| {
        let Some(text) = context.get_raw(0).as_str_or_null().map_err(|error| raise(unreadable(&error.to_string())))?
        else {
            return Ok(Value::Null);
        };
        unpack(text).ok_or_else(|| raise(unreadable("unknown form")))
    })
}

fn unreadable(why: &str) -> SqlError {
    SqlError::new(8180, format!("sandbox: packed value cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_come_back_bit_by_bit() {
        let values = [
            Value::Integer(i64::MIN),
            Value::Real(0.1 + 0.2),
            Value::Text("a\0\u{1F600}'\"".to_owned()),
            Value::Text(String::new()),
            Value::Blob(vec![0, 255, 7]),
        ];
        for value in values {
            let packed = pack(ValueRef::from(&value)).unwrap_or_default();
            assert!(!packed.contains('\0'));
            assert_eq!(unpack(&packed), Some(value));
        }
        assert_eq!(pack(ValueRef::Null), None);
        assert_eq!(unpack("?"), None);
    }
}
