//! A server in a temporary directory, and a client that records what it is told.

use crate::engine::session::SqlSession;
use crate::engine::{EngineOptions, SqliteEngine};
use crate::error::SqlError;
use crate::session::{Cancelled, ColumnMeta, LoginRequest, Param, RpcOutcome, Session, Sink, TransactionChange};
use crate::types::{Datum, Length, SqlType};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub const PASSWORD: &str = "Sandbox pass 1";

/// What a request produced.
#[derive(Debug, Default)]
pub struct Recorder {
    pub columns: Vec<Vec<ColumnMeta>>,
    pub rows: Vec<Vec<Datum>>,
    pub done: Vec<Option<u64>>,
    pub messages: Vec<SqlError>,
    pub changes: Vec<TransactionChange>,
    pub cancel: Arc<AtomicBool>,
}

impl Sink for Recorder {
    fn columns(&mut self, columns: &[ColumnMeta]) -> Result<(), Cancelled> {
        self.columns.push(columns.to_vec());
        Ok(())
    }
    fn row(&mut self, row: &[Datum]) -> Result<(), Cancelled> {
        self.rows.push(row.to_vec());
        Ok(())
    }
    fn statement_done(&mut self, rows: Option<u64>, _: bool) -> Result<(), Cancelled> {
        self.done.push(rows);
        Ok(())
    }
    fn message(&mut self, message: &SqlError) -> Result<(), Cancelled> {
        self.messages.push(message.clone());
        Ok(())
    }
    fn database_changed(&mut self, _: &str, _: &str) -> Result<(), Cancelled> {
        Ok(())
    }
    fn transaction_changed(&mut self, change: TransactionChange) -> Result<(), Cancelled> {
        self.changes.push(change);
        Ok(())
    }
    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
    fn cancellation(&self) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(&self.cancel))
    }
}

impl Recorder {
    pub fn errors(&self) -> Vec<i32> {
        self.messages.iter().filter(|m| m.severity > 10).map(|m| m.number).collect()
    }
}

/// A server that goes with the test.
pub struct TestServer {
    pub engine: Arc<SqliteEngine>,
    _directory: tempfile::TempDir,
}

impl TestServer {
    /// With a database `shop`.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(directory.path(), EngineOptions::new(PASSWORD)).unwrap();
        let server = Self { engine, _directory: directory };
        server.login("master").ok("CREATE DATABASE shop");
        server
    }

    pub fn login(&self, database: &str) -> Client {
        let request = LoginRequest {
            user: "sa".into(),
            password: PASSWORD.into(),
            database: database.into(),
            ..LoginRequest::default()
        };
        Client { session: self.engine.open_session(&request).unwrap() }
    }

    pub fn shop(&self) -> Client {
        self.login("shop")
    }
}

/// A session with shorthands.
pub struct Client {
    pub session: SqlSession,
}

impl Client {
    /// Runs a batch.
    pub fn run(&mut self, sql: &str) -> Recorder {
        let mut recorder = Recorder::default();
        self.session.batch(sql, &mut recorder).unwrap();
        recorder
    }

    /// Runs a batch that must not fail.
    pub fn ok(&mut self, sql: &str) -> Recorder {
        let recorder = self.run(sql);
        assert_eq!(recorder.errors(), Vec::<i32>::new(), "{sql}: {:?}", recorder.messages);
        recorder
    }

    /// Runs a batch that must fail with one error.
    pub fn error(&mut self, sql: &str) -> SqlError {
        let recorder = self.run(sql);
        let errors: Vec<_> = recorder.messages.into_iter().filter(|m| m.severity > 10).collect();
        assert_eq!(errors.len(), 1, "{sql}: {errors:?}");
        errors.into_iter().next().unwrap()
    }

    /// The rows of a query, each value as text.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        self.ok(sql).rows.iter().map(|row| row.iter().map(shown).collect()).collect()
    }

    /// The only value of a query, as text.
    pub fn value(&mut self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    /// `sp_executesql`.
    pub fn execute(&mut self, sql: &str, declared: &str, params: Vec<Param>) -> (Recorder, RpcOutcome) {
        let mut all = vec![text_param(sql)];
        if !declared.is_empty() {
            all.push(text_param(declared));
        }
        all.extend(params);
        self.rpc("sp_executesql", all)
    }

    pub fn rpc(&mut self, name: &str, params: Vec<Param>) -> (Recorder, RpcOutcome) {
        let mut recorder = Recorder::default();
        let outcome = self.session.rpc(name, params, &mut recorder).unwrap();
        (recorder, outcome)
    }
}

pub fn text_param(text: &str) -> Param {
    Param { name: String::new(), ty: SqlType::NVarChar(Length::Max), value: Datum::String(text.into()), output: false }
}

pub fn int_param(name: &str, value: i32) -> Param {
    Param { name: name.into(), ty: SqlType::Int, value: Datum::Int(value), output: false }
}

/// A value as a test writes it.
pub fn shown(value: &Datum) -> String {
    match value {
        Datum::Null => "NULL".into(),
        Datum::Variant(held) => shown(&held.value),
        Datum::Bit(v) => i32::from(*v).to_string(),
        Datum::TinyInt(v) => v.to_string(),
        Datum::SmallInt(v) => v.to_string(),
        Datum::Int(v) => v.to_string(),
        Datum::BigInt(v) | Datum::Money(v) => v.to_string(),
        Datum::String(v) => v.clone(),
        Datum::Decimal { unscaled, scale: 0 } => unscaled.to_string(),
        Datum::Decimal { unscaled, scale } => format!("{unscaled}e-{scale}"),
        other => format!("{other:?}"),
    }
}
