//! The query compiler against a SQLite connection with a scope of its own, without sessions or catalogs.
#![allow(clippy::unwrap_used)]

mod changes;
mod expressions;
mod plans;
mod queries;
mod refusals;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::compiled::{Compiled, compile_delete, compile_insert, compile_query, compile_update};
use super::constraint_errors::{ConstraintNames, UniqueName, to_sql_error};
use super::encode::{decode, encode, sqlite_type};
use super::meta::{Column, Scope, SessionFunction, Table};
use crate::error::{SqlError, SqlResult};
use crate::tsql::ast::{Expr, ObjectName, StmtKind};
use crate::types::{Datum, SqlType};

/// A database of one schema.
pub(super) struct World {
    pub connection: Connection,
    tables: Vec<Arc<Table>>,
    variables: RefCell<HashMap<String, (SqlType, Datum)>>,
}

impl World {
    pub fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        super::functions::register(&connection).unwrap();
        let counter = std::sync::atomic::AtomicI64::new(0);
        connection
            .create_scalar_function(
                "sandbox_next_identity",
                1,
                rusqlite::functions::FunctionFlags::SQLITE_UTF8,
                move |_| Ok(counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1),
            )
            .unwrap();
        connection
            .create_scalar_function("sandbox_note_identity", 2, rusqlite::functions::FunctionFlags::SQLITE_UTF8, |c| {
                c.get::<i64>(1)
            })
            .unwrap();
        Self { connection, tables: Vec::new(), variables: RefCell::default() }
    }

    /// Makes a table from column definitions `name type [NOT NULL] [IDENTITY] [DEFAULT …]`, the first one its key.
    pub fn table(&mut self, definition: &str) {
        let stmts = crate::tsql::parse_batch(definition).unwrap();
        let StmtKind::CreateTable(create) = &stmts[0].kind else { panic!("CREATE TABLE expected") };
        let columns: Vec<Column> = create
            .elements
            .iter()
            .map(|element| {
                let crate::tsql::ast::TableElement::Column(c) = element else { panic!("columns only") };
                Column {
                    name: c.name.clone(),
                    ty: c.ty.unwrap_or(SqlType::Int),
                    nullable: c.nullable.unwrap_or(true),
                    identity: c.identity,
                    collation: c
                        .ty
                        .is_some_and(|ty| super::type_rules::is_text(&ty))
                        .then(|| c.collation.clone().unwrap_or_else(|| self.default_collation())),
                    default: c.default.as_ref().map(|(_, _, text)| text.clone()),
                    computed: c.computed.as_ref().map(|(_, text, _)| text.clone()),
                    sqlite_name: super::quoting::quote(&c.name),
                }
            })
            .collect();
        let name = create.name.name.clone();
        let sqlite_name = super::quoting::quote(&format!("dbo.{name}"));
        let texts: Vec<String> = columns
            .iter()
            .map(|c| {
                let not_null = if c.nullable { "" } else { " NOT NULL" };
                format!("{} {}{not_null}", c.sqlite_name, sqlite_type(&c.ty, c.collation.as_deref()))
            })
            .collect();
        let key = columns[0].sqlite_name.clone();
        self.connection
            .execute_batch(&format!("CREATE TABLE {sqlite_name} ({}, PRIMARY KEY ({key}))", texts.join(", ")))
            .unwrap();
        self.tables.push(Arc::new(Table {
            database: "shop".into(),
            schema: "dbo".into(),
            name,
            object_id: 1000 + self.tables.len() as i32,
            sqlite_name,
            writable: true,
            columns,
            primary_key: vec![0],
        }));
    }

    pub fn set(&self, name: &str, ty: SqlType, value: Datum) {
        self.variables.borrow_mut().insert(name.to_ascii_lowercase(), (ty, value));
    }

    fn bind(&self, statement: &mut rusqlite::Statement<'_>, compiled: &Compiled) {
        for (i, (name, ty)) in compiled.variables.iter().enumerate() {
            let value = self.variables.borrow()[&name.to_ascii_lowercase()].1.clone();
            statement.raw_bind_parameter(i + 1, encode(&value, ty)).unwrap();
        }
    }

    pub fn rows_of(&self, compiled: &Compiled) -> SqlResult<Vec<Vec<Datum>>> {
        let fail = |error: rusqlite::Error| to_sql_error(&error, None, self);
        let mut statement = self.connection.prepare(&compiled.sql).unwrap_or_else(|e| panic!("{e}: {}", compiled.sql));
        self.bind(&mut statement, compiled);
        let mut rows = statement.raw_query();
        let mut result = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            let mut values = Vec::new();
            for (i, column) in compiled.columns.iter().enumerate() {
                values.push(decode(row.get_ref(i).unwrap(), &column.ty)?);
            }
            result.push(values);
        }
        Ok(result)
    }

    /// Compiles one statement.
    pub fn compile(&self, sql: &str) -> SqlResult<Compiled> {
        let stmts = crate::tsql::parse_batch(sql)?;
        match &stmts[0].kind {
            StmtKind::Select(query) => compile_query(query, self),
            StmtKind::Insert(insert) => Ok(compile_insert(insert, self, false)?.statement),
            StmtKind::Update(update) => Ok(compile_update(update, self)?.statement),
            StmtKind::Delete(delete) => Ok(compile_delete(delete, self)?.statement),
            other => panic!("{other:?}"),
        }
    }

    /// Runs one statement; its rows.
    pub fn run(&self, sql: &str) -> SqlResult<Vec<Vec<Datum>>> {
        self.rows_of(&self.compile(sql)?)
    }

    /// Runs a statement that changes rows; how many.
    pub fn change(&self, sql: &str) -> SqlResult<usize> {
        let compiled = self.compile(sql)?;
        let mut statement = self.connection.prepare(&compiled.sql).unwrap_or_else(|e| panic!("{e}: {}", compiled.sql));
        self.bind(&mut statement, &compiled);
        let kind = match sql.split_whitespace().next().unwrap().to_ascii_uppercase().as_str() {
            "UPDATE" => super::compiled::DmlKind::Update,
            "DELETE" => super::compiled::DmlKind::Delete,
            _ => super::compiled::DmlKind::Insert,
        };
        statement.raw_execute().map_err(|error| to_sql_error(&error, Some(kind), self))
    }

    /// The rows as text, columns joined by `|`.
    pub fn text(&self, sql: &str) -> Vec<String> {
        let compiled = self.compile(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
        let rows = self.rows_of(&compiled).unwrap_or_else(|e| panic!("{e}: {sql} → {}", compiled.sql));
        rows.iter()
            .map(|row| {
                row.iter()
                    .zip(&compiled.columns)
                    .map(|(value, column)| shown(value, &column.ty))
                    .collect::<Vec<_>>()
                    .join("|")
            })
            .collect()
    }

    /// How SQLite means to find the rows of a statement that computes them into a temporary table first.
    pub fn explain_staged(&self, sql: &str) -> String {
        let stmts = crate::tsql::parse_batch(sql).unwrap();
        let dml = match &stmts[0].kind {
            StmtKind::Update(update) => compile_update(update, self),
            StmtKind::Delete(delete) => compile_delete(delete, self),
            StmtKind::Merge(merge) => super::compiled::compile_merge(merge, self, false),
            other => panic!("{other:?}"),
        }
        .unwrap_or_else(|e| panic!("{e}: {sql}"));
        let staged = dml.staged.unwrap();
        let table = super::compiled::Staged::TABLE;
        self.connection
            .execute_batch(&format!(
                "DROP TABLE IF EXISTS {table}; CREATE TABLE {table}(seq INTEGER PRIMARY KEY, row_id INTEGER UNIQUE, action, {})",
                staged.columns.join(", ")
            ))
            .unwrap();
        let plans = staged.fills.into_iter().map(|sql| self.plan(&Compiled { sql, ..dml.statement.clone() }));
        plans.collect::<Vec<_>>().join("\n")
    }

    /// How SQLite means to run a statement.
    pub fn explain(&self, sql: &str) -> String {
        self.plan(&self.compile(sql).unwrap_or_else(|e| panic!("{e}: {sql}")))
    }

    fn plan(&self, compiled: &Compiled) -> String {
        let mut statement = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", compiled.sql)).unwrap();
        self.bind(&mut statement, compiled);
        let mut rows = statement.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push_str(&row.get::<_, String>(3).unwrap());
            plan.push('\n');
        }
        plan
    }
}

/// A value as text, `NULL` for NULL.
pub(super) fn shown(value: &Datum, ty: &SqlType) -> String {
    use crate::types::Length;
    if *value == Datum::Null {
        return "NULL".into();
    }
    let style = match ty {
        SqlType::Binary(_) | SqlType::VarBinary(_) => Some(1),
        SqlType::Float | SqlType::Real => {
            return match value {
                Datum::Float(v) => format!("{v}"),
                Datum::Real(v) => format!("{v}"),
                _ => panic!(),
            };
        }
        SqlType::DateTime | SqlType::SmallDateTime => Some(121),
        SqlType::Money | SqlType::SmallMoney => Some(2),
        _ => None,
    };
    match super::convert::convert(value, ty, &SqlType::NVarChar(Length::Max), style).unwrap() {
        Datum::String(text) => text,
        other => panic!("{other:?}"),
    }
}

impl Scope for World {
    fn table(&self, name: &ObjectName) -> SqlResult<Arc<Table>> {
        self.tables
            .iter()
            .find(|t| t.name.eq_ignore_ascii_case(&name.name))
            .cloned()
            .ok_or_else(|| SqlError::new(208, format!("Invalid object name '{}'.", name.name)))
    }

    fn variable(&self, name: &str) -> Option<SqlType> {
        self.variables.borrow().get(&name.to_ascii_lowercase()).map(|(ty, _)| *ty)
    }

    fn table_function(&self, name: &ObjectName, _: &[Expr]) -> SqlResult<Arc<Table>> {
        Err(SqlError::new(208, format!("Invalid object name '{}'.", name.name)))
    }

    fn session_function(&self, _: &ObjectName, _: &[SqlType]) -> SqlResult<Option<SessionFunction>> {
        Ok(None)
    }

    fn default_collation(&self) -> String {
        super::collation::DEFAULT_COLLATION.to_owned()
    }
}

impl ConstraintNames for World {
    fn unique(&self, sqlite_table: &str, _: &[String]) -> Option<UniqueName> {
        Some(UniqueName { name: "PK_T".into(), constraint: Some("PRIMARY KEY"), object: sqlite_table.to_owned() })
    }

    fn table(&self, sqlite_table: &str) -> Option<String> {
        Some(format!("shop.{sqlite_table}"))
    }

    fn check(&self, _: &str) -> Option<String> {
        None
    }

    fn foreign_key(&self) -> Option<SqlError> {
        None
    }
}
