//! Server configuration: `sp_configure` and `RECONFIGURE`.
//!
//! Of all the options the sandbox has the one that decides whether an application's writes go through once change data capture is on:
//! `max text repl size`
//! (<https://learn.microsoft.com/sql/database-engine/configure-windows/configure-the-max-text-repl-size-server-configuration-option>).

use super::catalog_store;
use super::frame::Frame;
use super::procedures::{Argument, integer_argument, text_argument};
use super::session::SqlSession;
use super::stop::{Exec, Stop};
use super::storage_error;
use crate::error::{SqlError, SqlResult};
use crate::session::Sink;
use rusqlite::Connection;
use std::sync::atomic::{AtomicI64, Ordering};

/// The option's name.
const NAME: &str = "max text repl size (B)";
/// Under which it is kept in `master`.
const SETTING: &str = "max_text_repl_size";
/// What a new server has.
const DEFAULT: i64 = 65_536;
/// No limit.
const UNLIMITED: i64 = -1;

/// `max text repl size` of a server, in bytes; −1 is no limit.
#[derive(Debug)]
pub struct Configuration {
    /// As it was set.
    configured: AtomicI64,
    /// As it is in force, since the last `RECONFIGURE`.
    running: AtomicI64,
}

impl Configuration {
    /// Reads it from `master`.
    pub(super) fn load(master: &Connection) -> rusqlite::Result<Self> {
        let value = catalog_store::setting(master, SETTING)?.unwrap_or(DEFAULT);
        Ok(Self { configured: AtomicI64::new(value), running: AtomicI64::new(value) })
    }

    /// The rows of `sys.configurations`: the option of change data capture, and others that are as a new server has them. The real
    /// view has many more.
    /// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-configurations-transact-sql>
    pub(super) fn rows(&self) -> Vec<serde_json::Value> {
        let (configured, running) = (self.configured.load(Ordering::Acquire), self.running.load(Ordering::Acquire));
        let fixed = |id: i32, name: &str, value: i64, about: &str, advanced: i32| {
            serde_json::json!([id, name, value, value, 0, 1, about, advanced])
        };
        vec![
            fixed(115, "nested triggers", 1, "Allow triggers to be invoked within triggers", 0),
            fixed(518, "show advanced options", 0, "show advanced options", 0),
            serde_json::json!([
                1536,
                NAME,
                configured,
                running,
                UNLIMITED,
                i32::MAX,
                "Maximum size of a text field in replication.",
                0
            ]),
            fixed(1562, "clr enabled", 0, "CLR user code execution enabled in the server", 0),
            fixed(16384, "Agent XPs", 1, "Enable or disable Agent XPs", 1),
        ]
    }

    /// Error 7139 when a large value is longer than what may be captured.
    pub fn check_large_value(&self, bytes: usize) -> SqlResult<()> {
        let limit = self.running.load(Ordering::Acquire);
        if limit == UNLIMITED || i64::try_from(bytes).is_ok_and(|bytes| bytes <= limit) {
            return Ok(());
        }
        Err(SqlError::new(
            7139,
            format!(
                "Length of LOB data ({bytes}) to be replicated exceeds configured maximum {limit}. Use the stored procedure \
                 sp_configure to increase the configured maximum value for max text repl size option, which defaults to 65536. A \
                 configured value of -1 indicates no limit, other that the limit imposed by the data type."
            ),
        ))
    }
}

impl SqlSession {
    /// `sp_configure 'option' [, value]`.
    pub(super) fn sp_configure(&mut self, arguments: &[Argument], sink: &mut dyn Sink) -> Exec<i32> {
        let option = text_argument(arguments, "@configname", 0);
        // A part of the name will do, where it is of this option alone.
        let names_it = |option: &str| option.contains("text") && NAME.to_lowercase().contains(option);
        let Some(option) = option.filter(|option| names_it(&option.to_lowercase())) else {
            return Err(SqlError::unsupported(format!("sp_configure of other options than {NAME}")).into());
        };
        let Some(value) = integer_argument(arguments, "@configvalue", 1)? else { return self.show_configuration(sink) };
        if !self.is_sysadmin() {
            return Err(SqlError::new(15247, "User does not have permission to perform this action.").into());
        }
        if !(UNLIMITED..=i64::from(i32::MAX)).contains(&value) {
            let text = format!("'{value}' is not a valid value for configuration option '{option}'.");
            return Err(SqlError::new(15129, text).into());
        }
        let before = self.server().configuration.configured.swap(value, Ordering::AcqRel);
        let text = format!(
            "Configuration option '{NAME}' changed from {before} to {value}. Run the RECONFIGURE statement to install."
        );
        sink.message(&SqlError::new(15457, text).severity(0))?;
        Ok(0)
    }

    fn show_configuration(&mut self, sink: &mut dyn Sink) -> Exec<i32> {
        let (configured, running) = {
            let configuration = &self.server().configuration;
            (configuration.configured.load(Ordering::Acquire), configuration.running.load(Ordering::Acquire))
        };
        let text = format!(
            "SELECT CAST(N'{NAME}' AS nvarchar(35)) AS name, {UNLIMITED} AS minimum, {} AS maximum, {configured} AS config_value, \
             {running} AS run_value",
            i32::MAX
        );
        let batch = match self.inner_batch("", &text, sink) {
            Err(Stop::ScopeAborted(status)) => return Ok(status),
            other => other?,
        };
        self.run_level(&batch, &mut Frame::default(), sink)?;
        Ok(0)
    }

    /// `RECONFIGURE`: what was set is in force, and stays so when the server is started again.
    pub(super) fn reconfigure(&mut self) -> Exec<()> {
        if !self.is_sysadmin() {
            let text = "You do not have permission to run the RECONFIGURE statement.";
            return Err(SqlError::new(5812, text).severity(14).into());
        }
        let server = self.server();
        let value = server.configuration.configured.load(Ordering::Acquire);
        server.keep_setting(SETTING, value).map_err(storage_error)?;
        server.configuration.running.store(value, Ordering::Release);
        Ok(())
    }
}
