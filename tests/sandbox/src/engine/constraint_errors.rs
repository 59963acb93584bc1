//! SQLite's errors as SQL Server's.

use rusqlite::ErrorCode;

use crate::error::SqlError;

use super::compiled::DmlKind;

/// Marks a T-SQL error inside a SQLite error message.
const MARK: &str = "\u{1}tsql:";

/// A T-SQL error as text that SQLite carries, e.g. in `RAISE(ABORT, …)`.
pub fn encode_error(error: &SqlError) -> String {
    format!("{MARK}{}:{}:{}:{}", error.number, error.severity, error.state, error.message)
}

/// The T-SQL error in a SQLite error message, if there is one.
pub fn decode_error(message: &str) -> Option<SqlError> {
    let start = message.find(MARK)? + MARK.len();
    let mut parts = message[start..].splitn(4, ':');
    let number = parts.next()?.parse().ok()?;
    let severity = parts.next()?.parse().ok()?;
    let state = parts.next()?.parse().ok()?;
    Some(SqlError::new(number, parts.next()?).severity(severity).with_state(state))
}

/// The name behind a violated uniqueness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueName {
    /// Constraint or index name.
    pub name: String,
    /// `PRIMARY KEY` or `UNIQUE KEY` for a constraint, `None` for a unique index.
    pub constraint: Option<&'static str>,
    /// `schema.table`.
    pub object: String,
}

/// Looks up what SQLite's messages leave out. The session implements it over its catalog.
pub trait ConstraintNames {
    /// The key of a SQLite table over these columns (both as SQLite names them, unquoted).
    fn unique(&self, sqlite_table: &str, columns: &[String]) -> Option<UniqueName>;
    /// `database.schema.table` of a SQLite table.
    fn table(&self, sqlite_table: &str) -> Option<String>;
    /// Where a CHECK constraint stands: `table "schema.table"`, with `, column 'name'` if it is a column's.
    fn check(&self, constraint: &str) -> Option<String>;
    /// The error for a violated foreign key, which SQLite does not name.
    fn foreign_key(&self) -> Option<SqlError>;
}

/// Maps what SQLite reported while a statement ran.
pub fn to_sql_error(error: &rusqlite::Error, kind: Option<DmlKind>, names: &dyn ConstraintNames) -> SqlError {
    let text = error.to_string();
    if let Some(raised) = decode_error(&text) {
        return raised;
    }
    let statement = kind.map_or("INSERT", DmlKind::word);
    if let Some(columns) = text.strip_prefix("UNIQUE constraint failed: ") {
        return unique_violation(columns, names);
    }
    if let Some(column) = text.strip_prefix("NOT NULL constraint failed: ") {
        let (table, column) = split_column(column);
        let table = names.table(table).unwrap_or_else(|| table.to_owned());
        return SqlError::new(
            515,
            format!("Cannot insert the value NULL into column '{column}', table '{table}'; column does not allow nulls. {statement} fails."),
        )
        .with_state(2);
    }
    if let Some(constraint) = text.strip_prefix("CHECK constraint failed: ") {
        let place = names.check(constraint).unwrap_or_default();
        return SqlError::new(
            547,
            format!("The {statement} statement conflicted with the CHECK constraint \"{constraint}\". The conflict occurred in {place}."),
        )
        .with_state(0);
    }
    if text.starts_with("FOREIGN KEY constraint failed") {
        let word = if kind == Some(DmlKind::Delete) { "REFERENCE" } else { "FOREIGN KEY" };
        return names.foreign_key().unwrap_or_else(|| {
            SqlError::new(547, format!("The {statement} statement conflicted with a {word} constraint.")).with_state(0)
        });
    }
    if text.contains("integer overflow") {
        return SqlError::new(8115, "Arithmetic overflow error converting expression to data type bigint.")
            .with_state(2);
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            SqlError::new(1222, "Lock request time out period exceeded.").with_state(51)
        }
        Some(ErrorCode::DiskFull) => {
            SqlError::new(1105, "Could not allocate space in database because the disk is full.").severity(17)
        }
        _ => SqlError::new(8180, format!("sandbox: statement could not be run: {text}")),
    }
}

/// `table.column` at the last dot of the table: SQLite's table names here hold one dot (`schema.table`), temp tables none.
fn split_column(qualified: &str) -> (&str, &str) {
    qualified.rsplit_once('.').unwrap_or(("", qualified))
}

fn unique_violation(columns: &str, names: &dyn ConstraintNames) -> SqlError {
    let parts: Vec<(&str, &str)> = columns.split(", ").map(split_column).collect();
    let table = parts.first().map_or("", |(table, _)| table);
    let columns: Vec<String> = parts.iter().map(|(_, column)| (*column).to_owned()).collect();
    match names.unique(table, &columns) {
        Some(UniqueName { name, constraint: Some(kind), object }) => SqlError::new(
            2627,
            format!("Violation of {kind} constraint '{name}'. Cannot insert duplicate key in object '{object}'."),
        )
        .severity(14),
        Some(UniqueName { name, constraint: None, object }) => SqlError::new(
            2601,
            format!("Cannot insert duplicate key row in object '{object}' with unique index '{name}'."),
        )
        .severity(14),
        None => SqlError::new(
            2627,
            format!("Violation of UNIQUE KEY constraint. Cannot insert duplicate key in object '{table}'."),
        )
        .severity(14),
    }
}
