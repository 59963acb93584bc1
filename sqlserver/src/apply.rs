//! Changing many rows of a table by one statement.
//!
//! An [`Operation`] is a set of rows of one [`Target`]: keys to delete, keys with new values, or whole rows. It is carried out by
//! joining the target with the rows, which are either parameters of the statement (`JOIN (VALUES …)`, [`by_values`]) or bulk-loaded
//! into a temporary table first ([`crate::staging`]). No `MERGE`.
//!
//! Keys are compared as the target's column compares: a parameter is cast to the column's type under its collation, so that the
//! server can seek in the index and neither code page nor collation gets in between.

use crate::catalog::Table;
use crate::client::{Client, MAX_PARAMETERS, Parameter};
use crate::error::{Error, ErrorKind};
use crate::{quote, value, variant};
use proto::{Article, ColumnType, Lsn, Row, TableName, Value};
use std::fmt::Write;

/// Raised by our own statements when they did not touch as many rows as they should; below 50,000 are the server's own
/// (<https://learn.microsoft.com/sql/t-sql/language-elements/throw-transact-sql>).
pub const ROWS_MISSING: u32 = 50_410;

/// A table as changes are applied to it.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) name: TableName,
    pub(crate) columns: Vec<TargetColumn>,
    key: Vec<usize>,
    has_identity: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct TargetColumn {
    pub(crate) name: String,
    /// Type of the values.
    pub(crate) column_type: ColumnType,
    /// Type of the column.
    pub(crate) target_type: ColumnType,
    pub(crate) collation: Option<String>,
    identity: bool,
}

impl Target {
    /// The table that an article arrives in; an error says why it cannot take its changes.
    pub fn new(article: &Article, table: &Table) -> Result<Self, String> {
        let mut columns = Vec::with_capacity(article.columns.len());
        for column in &article.columns {
            let found = table.column(&column.name).ok_or_else(|| format!("it has no column {}", column.name))?;
            if found.computed.is_some() {
                return Err(format!("its column {} is computed", column.name));
            }
            if found.row_version {
                return Err(format!("its column {} is a rowversion, which only the server itself writes", column.name));
            }
            let target_type = found.column_type.clone();
            let target_type = target_type
                .map_err(|name| format!("its column {} is of type {name}, which is not handled", column.name))?;
            columns.push(TargetColumn {
                name: found.name.clone(),
                column_type: column.column_type,
                target_type,
                collation: found.collation.clone(),
                identity: found.identity.is_some(),
            });
        }
        let has_identity = columns.iter().any(|column| column.identity);
        Ok(Self { name: table.name.clone(), columns, key: article.key(), has_identity })
    }

    /// Its name, as the server spells it.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// Indices of the key columns, in key order.
    pub fn key(&self) -> &[usize] {
        &self.key
    }

    /// Whether a column is the identity column, which cannot be updated.
    pub fn is_identity(&self, column: usize) -> bool {
        self.columns[column].identity
    }

    /// The condition that the target `t` and the rows `v` have the same key.
    pub(crate) fn key_join(&self) -> String {
        let equal = |(i, column): (usize, &usize)| {
            let column = &self.columns[*column];
            let collate =
                column.collation.as_ref().map(|c| format!(" COLLATE {}", collation_name(c))).unwrap_or_default();
            format!("t.{} = {}{collate}", quote::identifier(&column.name), column.converted(&format!("v.c{i}")))
        };
        self.key.iter().enumerate().map(equal).collect::<Vec<_>>().join(" AND ")
    }
}

impl TargetColumn {
    /// A value of the rows, staged or not, as the column takes it: most types convert by themselves
    /// (<https://learn.microsoft.com/sql/t-sql/functions/cast-and-convert-transact-sql#implicit-conversions>). White space in `xml` stays.
    fn converted(&self, value: &str) -> String {
        use ColumnType as T;
        match self.target_type {
            T::Xml => format!("CONVERT(xml, {value}, 1)"),
            T::HierarchyId | T::Geometry | T::Geography | T::Json => format!("CAST({value} AS {})", self.target_type),
            _ => value.to_owned(),
        }
    }
}

/// Collation names cannot be quoted; those of the server consist of these characters.
pub(crate) fn collation_name(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// What is done with the rows of an [`Operation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rows are keys, in key order.
    Delete,
    /// The rows are keys, followed by the new values of the [`Operation::set`] columns.
    Update,
    /// The rows are all columns of the article.
    Insert,
}

/// Rows to delete, update or insert.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What is done.
    pub kind: Kind,
    /// Columns that an update sets, as indices into the article's columns; otherwise empty.
    pub set: Vec<usize>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Operation {
    /// The columns of its rows, as indices into the article's columns.
    pub(crate) fn columns(&self, target: &Target) -> Vec<usize> {
        match self.kind {
            Kind::Delete => target.key.clone(),
            Kind::Update => target.key.iter().chain(&self.set).copied().collect(),
            Kind::Insert => (0..target.columns.len()).collect(),
        }
    }

    /// Parameters that it takes as values.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// The statement, whose rows come from the table expression `source` with columns `c0`, `c1` ….
    pub(crate) fn statement(&self, target: &Target, source: &str) -> String {
        let table = quote::table(&target.name);
        let join = target.key_join();
        match self.kind {
            Kind::Delete => format!("DELETE t FROM {table} AS t JOIN {source} ON {join}"),
            Kind::Update => {
                let offset = target.key.len();
                let set = |(i, column): (usize, &usize)| {
                    let column = &target.columns[*column];
                    let value = column.converted(&format!("v.c{}", offset + i));
                    format!("{} = {value}", quote::identifier(&column.name))
                };
                let set = self.set.iter().enumerate().map(set).collect::<Vec<_>>().join(", ");
                format!("UPDATE t SET {set} FROM {table} AS t JOIN {source} ON {join}")
            }
            Kind::Insert => {
                let names = quote::list(target.columns.iter().map(|column| &column.name));
                let value = |(i, column): (usize, &TargetColumn)| column.converted(&format!("v.c{i}"));
                let values = target.columns.iter().enumerate().map(value).collect::<Vec<_>>().join(", ");
                format!("INSERT INTO {table} ({names}) SELECT {values} FROM {source}")
            }
        }
    }

    pub(crate) fn wants_identity_insert(&self, target: &Target) -> bool {
        self.kind == Kind::Insert && target.has_identity
    }

    fn what(&self, target: &Target) -> String {
        let verb = match self.kind {
            Kind::Delete => "deleting from",
            Kind::Update => "updating",
            Kind::Insert => "inserting into",
        };
        format!("{verb} {}", target.name)
    }
}

/// `SET IDENTITY_INSERT`, which only one table of a session can have on
/// (<https://learn.microsoft.com/sql/t-sql/statements/set-identity-insert-transact-sql>).
pub(crate) fn identity_insert(target: &Target, on: bool) -> String {
    format!("SET IDENTITY_INSERT {} {};", quote::table(&target.name), if on { "ON" } else { "OFF" })
}

/// Statements and parameters, put together.
#[derive(Default)]
struct Text<'a> {
    sql: String,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Text<'a> {
    /// `(VALUES (…), …) AS v (c0, …)` of rows `rows` of an operation; the error names a column with a value that makes no sense.
    /// <https://learn.microsoft.com/sql/t-sql/queries/table-value-constructor-transact-sql>
    fn values(&mut self, target: &Target, operation: &Operation, rows: &'a [Row]) -> Result<String, String> {
        let columns = operation.columns(target);
        let keys = if operation.kind == Kind::Insert { 0 } else { target.key.len() };
        let mut source = String::from("(VALUES ");
        for (r, row) in rows.iter().enumerate() {
            source.push_str(if r == 0 { "(" } else { ", (" });
            for (i, (value, column)) in row.iter().zip(&columns).enumerate() {
                let column = &target.columns[*column];
                let parameter = format!("@P{}", self.parameters.len() + 1);
                if i > 0 {
                    source.push_str(", ");
                }
                if let (ColumnType::SqlVariant, Value::String(text)) = (column.column_type, value) {
                    let held = variant::parse(text).map_err(|why| format!("column {}: {why}", column.name))?;
                    self.parameters.push(Parameter::held(&held));
                    source.push_str(&held.cast(&parameter));
                    continue;
                }
                self.parameters.push(Parameter::typed(value, column.column_type));
                source.push_str(&if i < keys {
                    key_parameter(column, &parameter)
                } else {
                    value_parameter(column, value, parameter)
                });
            }
            source.push(')');
        }
        source.push_str(") AS v (");
        for i in 0..columns.len() {
            let _ = write!(source, "{}c{i}", if i == 0 { "" } else { ", " });
        }
        source.push(')');
        Ok(source)
    }
}

/// A key's parameter, cast to its column's type where that makes a difference to comparing or seeking.
fn key_parameter(column: &TargetColumn, parameter: &str) -> String {
    use ColumnType as T;
    match (column.target_type, &column.collation) {
        (T::Char(_) | T::VarChar(_), Some(collation)) => {
            format!("CAST({parameter} COLLATE {} AS {})", collation_name(collation), column.target_type)
        }
        (
            T::Bit | T::TinyInt | T::SmallInt | T::Int | T::BigInt | T::Real | T::Float | T::UniqueIdentifier | T::Date,
            _,
        ) if column.target_type == column.column_type => parameter.to_owned(),
        _ => format!("CAST({parameter} AS {})", column.target_type),
    }
}

/// A value's parameter. A column of the values has one type, so NULL and long text must not decide it.
fn value_parameter(column: &TargetColumn, value: &Value, parameter: String) -> String {
    use ColumnType as T;
    match (column.column_type, value) {
        (T::SqlVariant, Value::Null) => format!("CAST({parameter} AS sql_variant)"),
        (ty, Value::Null) if matches!(value::bulk_type(ty), T::NVarChar(_)) => {
            format!("CAST({parameter} AS nvarchar(1))")
        }
        (ty, Value::Null) if matches!(value::bulk_type(ty), T::VarBinary(_)) => {
            format!("CAST({parameter} AS varbinary(1))")
        }
        (T::Decimal { .. } | T::Money | T::SmallMoney, _) => format!("CAST({parameter} AS {})", column.target_type),
        _ => parameter,
    }
}

/// Carries out an operation with its rows as parameters, in as few statements as they fit in, and returns the number of rows
/// touched.
pub async fn by_values(client: &mut Client, target: &Target, operation: &Operation) -> Result<u64, Error> {
    let width = operation.rows.first().map_or(1, Vec::len).max(1);
    let what = operation.what(target);
    let mut touched = 0;
    for rows in operation.rows.chunks((MAX_PARAMETERS / width).max(1)) {
        let mut text = Text::default();
        let source = text.values(target, operation, rows).map_err(|why| client.error(ErrorKind::Type, &what, why))?;
        let statement = operation.statement(target, &source);
        let sql = counted(target, operation, &statement);
        let counts = client.query(&what, &sql, &text.parameters).await?;
        touched += count(client, &what, &counts)?;
    }
    Ok(touched)
}

/// The statement with the number of rows it touched as a result: row counts of the protocol also count what triggers did.
pub(crate) fn counted(target: &Target, operation: &Operation, statement: &str) -> String {
    if operation.wants_identity_insert(target) {
        let (on, off) = (identity_insert(target, true), identity_insert(target, false));
        format!("{on} {statement}; SELECT @@ROWCOUNT; {off}")
    } else {
        format!("{statement}; SELECT @@ROWCOUNT;")
    }
}

pub(crate) fn count(client: &Client, what: &str, rows: &[Row]) -> Result<u64, Error> {
    match rows.last().map(Vec::as_slice) {
        Some([Value::I32(count)]) => Ok(u64::try_from(*count).unwrap_or(0)),
        _ => Err(client.error(ErrorKind::Type, what, "the server did not say how many rows it touched")),
    }
}

/// Carries out several operations and moves the subscription's position, all in one database transaction and one round trip. An
/// operation that does not touch exactly its rows raises [`ROWS_MISSING`], and nothing of any of them stays.
pub async fn at_once(
    client: &mut Client,
    operations: &[(&Target, Operation)],
    subscription: &str,
    position: Lsn,
) -> Result<(), Error> {
    const WHAT: &str = "applying a batch";
    let mut text = Text::default();
    let mut body = String::from("BEGIN TRY BEGIN TRANSACTION; ");
    for (target, operation) in operations {
        let source = text.values(target, operation, &operation.rows);
        let source = source.map_err(|why| client.error(ErrorKind::Type, WHAT, format!("{}: {why}", target.name)))?;
        let identity = operation.wants_identity_insert(target);
        if identity {
            body.push_str(&identity_insert(target, true));
        }
        let _ = write!(
            body,
            " {}; IF @@ROWCOUNT <> {} THROW {ROWS_MISSING}, {}, 1; ",
            operation.statement(target, &source),
            operation.rows.len(),
            quote::literal(&format!("rows of {} are missing", target.name)),
        );
        if identity {
            body.push_str(&identity_insert(target, false));
        }
    }
    text.parameters.push(subscription.into());
    text.parameters.push(position.into());
    let (s, p) = (text.parameters.len() - 1, text.parameters.len());
    let _ = write!(
        body,
        "{} IF @@ROWCOUNT <> 1 THROW {ROWS_MISSING}, N'the subscription''s state row is missing', 1; COMMIT TRANSACTION; END TRY \
         BEGIN CATCH IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; THROW; END CATCH",
        crate::state::move_statement(&format!("@P{s}"), &format!("@P{p}")),
    );
    text.sql = body;
    client.execute(WHAT, &text.sql, &text.parameters).await.map(|_| ())
}

/// Parameters of [`at_once`] that are not rows.
pub const STATE_PARAMETERS: usize = 2;
