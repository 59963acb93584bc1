//! `SET` options.
//!
//! Source: <https://learn.microsoft.com/sql/t-sql/statements/set-statements-transact-sql>. Options whose other setting would
//! change results that the sandbox cannot change are refused in that setting.

use super::frame::Frame;
use super::plans::Batch;
use super::session::SqlSession;
use super::session_state::Isolation;
use super::stop::Exec;
use crate::error::SqlError;
use crate::tsql::ast::{ObjectName, SetValue};
use crate::types::Datum;

/// Options that are always on; turning them off is refused.
const ALWAYS_ON: &[&str] = &[
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "QUOTED_IDENTIFIER",
    "CONCAT_NULL_YIELDS_NULL",
    "ANSI_NULL_DFLT_ON",
];
/// Options that are always off; turning them on is refused.
const ALWAYS_OFF: &[&str] = &[
    "NUMERIC_ROUNDABORT",
    "ANSI_NULL_DFLT_OFF",
    "NOEXEC",
    "PARSEONLY",
    "SHOWPLAN_ALL",
    "SHOWPLAN_TEXT",
    "SHOWPLAN_XML",
    "STATISTICS XML",
    "STATISTICS PROFILE",
    "FORCEPLAN",
    "REMOTE_PROC_TRANSACTIONS",
    "CURSOR_CLOSE_ON_COMMIT",
    "ANSI_DEFAULTS",
];
/// Options without effect on results here.
const WITHOUT_EFFECT: &[&str] =
    &["ARITHABORT", "ARITHIGNORE", "STATISTICS IO", "STATISTICS TIME", "DISABLE_DEF_CNST_CHK"];

impl SqlSession {
    pub(super) fn set_option(
        &mut self,
        batch: &Batch,
        names: &[String],
        value: &SetValue,
        frame: &mut Frame,
    ) -> Exec<()> {
        for name in names {
            match value {
                SetValue::On | SetValue::Off => self.set_switch(name, *value == SetValue::On)?,
                SetValue::Words(words) => self.set_words(name, words)?,
                SetValue::Expr(expr) => {
                    let value = self.scalar(batch, expr, frame)?.0;
                    self.set_value(name, &value)?;
                }
            }
        }
        self.finished(0);
        Ok(())
    }

    fn set_switch(&mut self, name: &str, on: bool) -> Exec<()> {
        let is = |list: &[&str]| list.contains(&name);
        let mut state = self.shared.state();
        match name {
            "NOCOUNT" => state.options.no_count = on,
            "XACT_ABORT" => state.options.xact_abort = on,
            "FMTONLY" => state.options.format_only = on,
            "IMPLICIT_TRANSACTIONS" => state.options.implicit_transactions = on,
            _ if is(WITHOUT_EFFECT) || (on && is(ALWAYS_ON)) || (!on && is(ALWAYS_OFF)) => {}
            _ => {
                let setting = if on { "ON" } else { "OFF" };
                return Err(SqlError::unsupported(format!("SET {name} {setting}")).into());
            }
        }
        Ok(())
    }

    fn set_words(&mut self, name: &str, words: &str) -> Exec<()> {
        let upper = words.to_ascii_uppercase();
        let refused = || SqlError::unsupported(format!("SET {name} {words}"));
        match name {
            "TRANSACTION ISOLATION LEVEL" => {
                let level = match upper.as_str() {
                    "READ UNCOMMITTED" => Isolation::ReadUncommitted,
                    "READ COMMITTED" => Isolation::ReadCommitted,
                    "REPEATABLE READ" => Isolation::RepeatableRead,
                    "SERIALIZABLE" => Isolation::Serializable,
                    "SNAPSHOT" => Isolation::Snapshot,
                    _ => return Err(refused().into()),
                };
                self.shared.state().options.isolation = level;
            }
            "DEADLOCK_PRIORITY" => {
                let priority = match upper.as_str() {
                    "LOW" => -5,
                    "NORMAL" => 0,
                    "HIGH" => 5,
                    _ => return Err(refused().into()),
                };
                self.shared.state().options.deadlock_priority = priority;
            }
            "LANGUAGE" if matches!(upper.as_str(), "US_ENGLISH" | "ENGLISH") => {}
            "DATEFORMAT" if upper == "MDY" => {}
            _ => return Err(refused().into()),
        }
        Ok(())
    }

    fn set_value(&mut self, name: &str, value: &Datum) -> Exec<()> {
        let number = match value {
            Datum::Bit(v) => Some(i64::from(*v)),
            Datum::TinyInt(v) => Some(i64::from(*v)),
            Datum::SmallInt(v) => Some(i64::from(*v)),
            Datum::Int(v) => Some(i64::from(*v)),
            Datum::BigInt(v) => Some(*v),
            _ => None,
        };
        let refused = || SqlError::unsupported(format!("this value of SET {name}"));
        if let Datum::String(words) = value {
            return self.set_words(name, words);
        }
        let mut state = self.shared.state();
        if let (Datum::Binary(bytes), "CONTEXT_INFO") = (value, name) {
            state.context_info = bytes.clone();
            state.context_info.resize(128, 0);
            return Ok(());
        }
        let number = number.ok_or_else(refused)?;
        match name {
            "LOCK_TIMEOUT" => state.options.lock_timeout = number.try_into().map_err(|_| refused())?,
            "DATEFIRST" if number == 7 => {}
            "TEXTSIZE" if number == -1 || number >= i64::from(i32::MAX) => state.options.text_size = i32::MAX,
            "TEXTSIZE" if number == 0 => state.options.text_size = 4096,
            "TEXTSIZE" => state.options.text_size = number.try_into().map_err(|_| refused())?,
            "ROWCOUNT" if number == 0 => {}
            "DEADLOCK_PRIORITY" if (-10..=10).contains(&number) => state.options.deadlock_priority = number as i32,
            "QUERY_GOVERNOR_COST_LIMIT" if number == 0 => {}
            _ => return Err(refused().into()),
        }
        Ok(())
    }

    /// `SET IDENTITY_INSERT`: one table of a session at a time.
    pub(super) fn set_identity_insert(&mut self, name: &ObjectName, on: bool) -> Exec<()> {
        let table = self.find_table(name).map_err(|error| if error.number == 208 { not_found(name) } else { error })?;
        let full = format!("{}.{}", table.schema, table.name);
        if !table.columns.iter().any(|c| c.identity.is_some()) {
            let text = format!("Table '{full}' does not have the identity property. Cannot perform SET operation.");
            return Err(SqlError::new(8106, text).into());
        }
        let current = self.shared.state().options.identity_insert;
        match (current, on) {
            (Some(other), true) if other != table.object_id => {
                let catalog = self.catalog();
                let other = catalog
                    .table_by_id(other)
                    .map_or_else(String::new, |t| format!("{}.{}", catalog.database, t.full_name()));
                let text = format!(
                    "IDENTITY_INSERT is already ON for table '{other}'. Cannot perform SET operation for table '{full}'."
                );
                return Err(SqlError::new(8107, text).into());
            }
            (_, true) => self.shared.state().options.identity_insert = Some(table.object_id),
            (Some(other), false) if other == table.object_id => self.shared.state().options.identity_insert = None,
            _ => {}
        }
        self.finished(0);
        Ok(())
    }
}

/// Error 1088.
pub(super) fn not_found(name: &ObjectName) -> SqlError {
    let written = super::scope::written(name);
    let text =
        format!("Cannot find the object \"{written}\" because it does not exist or you do not have permissions.");
    SqlError::new(1088, text)
}
