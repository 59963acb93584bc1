//! An engine that follows a small script in place of T-SQL, to test the wire alone, and ways to connect to it.
#![allow(clippy::unwrap_used, dead_code)]

use sandbox::error::{SqlError, SqlResult};
use sandbox::server::{InProcess, ServerOptions, start_in_process};
use sandbox::session::{
    Cancelled, ColumnMeta, Engine, LoginRequest, Param, RpcOutcome, Session, Sink, TransactionChange,
    TransactionRequest,
};
use sandbox::types::{Datum, Length, SqlType};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

/// A connected client.
pub type Connection = Client<Compat<TcpStream>>;

/// Longest that a test waits for anything.
pub const LIMIT: Duration = Duration::from_secs(120);

pub const PASSWORD: &str = "Pa55 wörd!";

/// What the engine saw and what it is to answer.
#[derive(Default)]
pub struct Script {
    /// Result of the batch `table`.
    pub columns: Vec<ColumnMeta>,
    pub rows: Vec<Vec<Datum>>,
    /// Rows that a bulk load brought.
    pub loaded: Vec<Vec<Datum>>,
    /// Calls in order.
    pub calls: Vec<(String, Vec<Param>)>,
    pub transactions: Vec<TransactionRequest>,
    pub resets: usize,
    /// Times that `sleep` was started.
    pub sleeping: usize,
    /// Rows that a running `endless` has produced.
    pub produced: u64,
}

pub type SharedScript = Arc<Mutex<Script>>;

pub struct ScriptedEngine(pub SharedScript);

impl Engine for ScriptedEngine {
    fn login(&self, login: &LoginRequest) -> SqlResult<Box<dyn Session>> {
        if login.user != "sa" || login.password != PASSWORD {
            return Err(SqlError::new(18456, format!("Login failed for user '{}'.", login.user)).severity(14));
        }
        Ok(Box::new(ScriptedSession { script: self.0.clone(), login: login.clone(), transaction: 0, bulk: false }))
    }
}

struct ScriptedSession {
    script: SharedScript,
    login: LoginRequest,
    transaction: u64,
    bulk: bool,
}

pub fn column(name: &str, ty: SqlType, nullable: bool) -> ColumnMeta {
    ColumnMeta { name: name.into(), ty, nullable, identity: false, computed: false }
}

impl ScriptedSession {
    fn one(&self, sink: &mut dyn Sink, value: &str) -> Result<(), Cancelled> {
        sink.columns(&[column("value", SqlType::NVarChar(Length::N(200)), true)])?;
        sink.row(&[Datum::String(value.into())])?;
        sink.statement_done(Some(1), true)
    }

    fn table(&self, sink: &mut dyn Sink, with_rows: bool) -> Result<(), Cancelled> {
        let (columns, rows) = {
            let script = self.script.lock().unwrap();
            (script.columns.clone(), script.rows.clone())
        };
        sink.columns(&columns)?;
        for row in rows.iter().filter(|_| with_rows) {
            sink.row(row)?;
        }
        sink.statement_done(Some(rows.len() as u64), true)
    }

    fn count_up(&self, sink: &mut dyn Sink, count: u64) -> Result<(), Cancelled> {
        sink.columns(&[column("n", SqlType::BigInt, false), column("text", SqlType::NVarChar(Length::N(50)), true)])?;
        let mut row = [Datum::BigInt(0), Datum::String("some text in the row".into())];
        for n in 0..count {
            row[0] = Datum::BigInt(n as i64);
            sink.row(&row)?;
            if n % 1000 == 0 {
                self.script.lock().unwrap().produced = n;
            }
        }
        sink.statement_done(Some(count), true)
    }
}

impl Session for ScriptedSession {
    fn batch(&mut self, sql: &str, sink: &mut dyn Sink) -> Result<(), Cancelled> {
        let (command, argument) = sql.split_once(' ').unwrap_or((sql, ""));
        match command {
            "table" => self.table(sink, true),
            "SELECT" => self.table(sink, false),
            "INSERT" => {
                self.bulk = true;
                sink.statement_done(None, false)
            }
            "user" => self.one(sink, &self.login.user),
            "database" => self.one(sink, &self.login.database),
            "length" => self.one(sink, &argument.len().to_string()),
            "count" => self.count_up(sink, argument.parse().unwrap()),
            "endless" => self.count_up(sink, u64::MAX),
            "sleep" => {
                // As a statement that waits for a lock: it only looks at the flag.
                let flag = sink.cancellation().unwrap();
                self.script.lock().unwrap().sleeping += 1;
                let start = Instant::now();
                while !flag.load(std::sync::atomic::Ordering::Acquire) && start.elapsed() < LIMIT {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                if sink.is_cancelled() { Err(Cancelled) } else { Ok(()) }
            }
            "print" => {
                sink.message(&SqlError::new(0, argument).severity(0))?;
                self.one(sink, "printed")
            }
            "fail" => {
                self.one(sink, "before")?;
                sink.message(&SqlError::new(547, "a constraint says no").at_line(3))
            }
            "counts" => {
                for count in [3, 0, 7] {
                    sink.statement_done(Some(count), false)?;
                }
                Ok(())
            }
            "misfit" => {
                sink.columns(&[column("n", SqlType::Int, false)])?;
                sink.row(&[Datum::Null])?;
                sink.statement_done(Some(1), true)
            }
            "panic" => panic!("as scripted"),
            "use" => {
                sink.database_changed("master", argument)?;
                sink.statement_done(None, false)
            }
            other => sink.message(&SqlError::new(2812, format!("no script for {other}"))),
        }
    }

    fn rpc(&mut self, procedure: &str, params: Vec<Param>, sink: &mut dyn Sink) -> Result<RpcOutcome, Cancelled> {
        let outputs = params
            .iter()
            .filter(|param| param.output)
            .map(|param| Param { value: Datum::Int(77), ty: SqlType::Int, ..param.clone() })
            .collect();
        // The parameters after the statement and their declarations come back as a row.
        if params.len() > 2 {
            let echoed = &params[2..];
            let columns: Vec<_> = echoed.iter().map(|param| column(&param.name, param.ty, true)).collect();
            sink.columns(&columns)?;
            sink.row(&echoed.iter().map(|param| param.value.clone()).collect::<Vec<_>>())?;
            sink.statement_done(Some(1), true)?;
        }
        self.script.lock().unwrap().calls.push((procedure.into(), params));
        Ok(RpcOutcome { status: 5, outputs })
    }

    fn transaction(&mut self, request: TransactionRequest, sink: &mut dyn Sink) -> Result<(), Cancelled> {
        let change = match &request {
            TransactionRequest::Begin { .. } => {
                self.transaction = 4711;
                Some(TransactionChange::Began(4711))
            }
            TransactionRequest::Commit { .. } => Some(TransactionChange::Committed(4711)),
            TransactionRequest::Rollback { .. } => Some(TransactionChange::RolledBack(4711)),
            TransactionRequest::Save { .. } => None,
        };
        self.script.lock().unwrap().transactions.push(request);
        change.map_or(Ok(()), |change| sink.transaction_changed(change))
    }

    fn bulk_columns(&self) -> Option<Vec<ColumnMeta>> {
        self.bulk.then(|| self.script.lock().unwrap().columns.clone())
    }

    fn bulk_load(
        &mut self,
        _: &[ColumnMeta],
        rows: &mut dyn FnMut() -> SqlResult<Option<Vec<Datum>>>,
        sink: &mut dyn Sink,
    ) -> Result<(), Cancelled> {
        self.bulk = false;
        let mut count = 0;
        loop {
            match rows() {
                Ok(Some(row)) => {
                    count += 1;
                    if row.first() == Some(&Datum::Int(-1)) {
                        return sink.message(&SqlError::new(2627, "a duplicate key"));
                    }
                    self.script.lock().unwrap().loaded.push(row);
                }
                Ok(None) => return sink.statement_done(Some(count), false),
                Err(error) => return sink.message(&error),
            }
        }
    }

    fn reset(&mut self) {
        self.script.lock().unwrap().resets += 1;
    }
}

/// A server over a new script.
pub fn start(options: ServerOptions) -> (InProcess, SharedScript) {
    let script = SharedScript::default();
    (start_in_process(Arc::new(ScriptedEngine(script.clone())), options).unwrap(), script)
}

/// How to reach a server, in the clear.
pub fn config(server: &InProcess) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.local_addr().port());
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(EncryptionLevel::NotSupported);
    config.database("shop");
    config
}

/// Connects or says why not.
pub async fn try_connect(config: Config) -> tiberius::Result<Connection> {
    let stream = TcpStream::connect(config.get_addr()).await?;
    stream.set_nodelay(true)?;
    let connecting = Box::pin(Client::connect(config, stream.compat_write()));
    tokio::time::timeout(LIMIT, connecting).await.expect("login within the limit")
}

/// Connects in the clear.
pub async fn connect(server: &InProcess) -> Connection {
    try_connect(config(server)).await.unwrap()
}

/// The only value of a batch's only row.
pub async fn value(client: &mut Connection, batch: &str) -> String {
    let row = client.simple_query(batch).await.unwrap().into_row().await.unwrap().unwrap();
    row.get::<&str, _>(0).unwrap().to_owned()
}
