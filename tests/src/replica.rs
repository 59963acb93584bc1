//! A subscriber in memory: takes a subscription's stream and makes of it what the stream says, strictly. It judges the stream itself,
//! without what the subscriber's program makes of it.

use crate::line::Line;
use crate::wait;
use proto::catalog::{DatabaseName, Request, Response, Subscription, SyncType};
use proto::codec::decode_changes;
use proto::message::{ClientMessage, ServerMessage};
use proto::transport::{ClientTls, ConnectOptions, Connection};
use proto::{
    Article, ArticleId, Change, Chunk, Column, ColumnType, KeyRange, Lsn, Row, SchemaChange, TableChange, TableName,
    Value,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

/// Rows of a table by key, and what they consist of.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The definition in force.
    pub definition: Option<ArticleId>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Rows by the text of their keys.
    pub rows: BTreeMap<String, Row>,
}

/// What arrived so far.
#[derive(Debug, Default)]
pub struct State {
    /// By the source's name when it was first published.
    pub tables: BTreeMap<TableName, Table>,
    /// Schema changes with their places.
    pub schema: Vec<(Lsn, SchemaChange)>,
    /// The last whole transaction.
    pub position: Lsn,
    /// Transactions.
    pub transactions: u64,
    known: BTreeMap<ArticleId, Article>,
    /// The transaction that is coming in: its number of chunks so far.
    open: Option<(Lsn, u32)>,
}

/// Looks at the state after each transaction; panics where that must not be.
pub type Judge = fn(&State);

/// A subscription in memory.
pub struct Replica {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
    /// To the distributor, as an administrator.
    pub options: ConnectOptions,
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Replica {
    /// Subscribes to a publication whose tables are empty, and takes the stream from its beginning.
    ///
    /// # Panics
    /// When it cannot; later, by [`Replica::drain`], when what arrives is not as it must be.
    pub async fn start(line: &Line, publication: &str, judge: Judge) -> Self {
        let options = ConnectOptions {
            address: line.address.clone(),
            tls: ClientTls::Ca(line.path("queue/tls/cert.pem")),
            server_name: None,
            login: "admin".to_owned(),
            password: "Distributor-Test-1!".to_owned().into(),
            client: "replica".to_owned(),
        };
        let database = DatabaseName { server: "memory".to_owned(), database: "replica".to_owned() };
        let subscription = Subscription {
            name: "replica".to_owned(),
            publication: publication.to_owned(),
            database,
            sync: SyncType::Automatic,
            created_at: 1,
        };
        let mut connection = Connection::connect(&options).await.expect("the distributor takes connections");
        connection.request(Request::SubscriptionAdd(subscription)).await.expect("a subscription can be added");
        let state = Arc::new(Mutex::new(State::default()));
        let task = tokio::spawn(take(options.clone(), state.clone(), judge));
        Self { state, task, options }
    }

    /// Looks at what arrived.
    ///
    /// # Panics
    /// When what arrived was not as it must be.
    pub fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().expect("the stream is as it must be"))
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When it does not become so, or the stream is not as it must be.
    pub async fn until(&self, what: &str, condition: impl Fn(&State) -> bool) {
        wait::until(what, async || {
            assert!(!self.task.is_finished(), "the stream ended");
            self.look(&condition).then_some(())
        })
        .await;
    }

    /// Commits a row to the source's table `fence`, which is published, and waits until it has arrived.
    pub async fn drain(&self, line: &Line) {
        let id = uuid::Uuid::new_v4();
        line.source.run(&format!("INSERT INTO dbo.fence (id) VALUES ('{id}')")).await;
        let value = Value::Guid(*id.as_bytes());
        let fence = TableName { schema: "dbo".to_owned(), table: "fence".to_owned() };
        self.until("the last committed row to arrive", |state| {
            state.tables.get(&fence).is_some_and(|t| t.rows.values().any(|row| row[0] == value))
        })
        .await;
    }

    /// Asserts that a table is what the source has of an article, and gives the number of rows.
    ///
    /// # Panics
    /// When it is not.
    pub async fn assert_equal(&self, line: &Line, table: &str) -> usize {
        let article = self.listed(table).await;
        let mut client = line.source_client().await;
        let predicate = article.filter.as_deref().map(|f| sqlserver::predicate::Predicate::parse(f).expect("a filter"));
        let mut stream =
            sqlserver::snapshot::rows(&mut client, &article, predicate.as_ref(), &KeyRange::ALL).await.expect("rows");
        let mut expected = BTreeMap::new();
        while let Some(row) = stream.next().await.expect("rows") {
            expected.insert(key_text(&article.columns, &row), row);
        }
        self.look(|state| {
            let held = &state.tables[&parsed(table)];
            let names =
                |columns: &[Column]| columns.iter().map(|c| (c.name.clone(), c.column_type)).collect::<Vec<_>>();
            assert_eq!(names(&held.columns), names(&article.columns), "columns of {table}");
            for (key, row) in &expected {
                assert_eq!(held.rows.get(key), Some(row), "row {key} of {table}");
            }
            assert_eq!(held.rows.len(), expected.len(), "rows of {table}");
            expected.len()
        })
    }

    /// An article as it is listed now.
    ///
    /// # Panics
    /// When there is none.
    pub async fn listed(&self, table: &str) -> Article {
        let articles = publisher::article::list(&self.options, None).await.expect("articles are listed");
        let wanted = parsed(table);
        articles.into_iter().find(|a| a.destination == wanted).expect("the article is there")
    }
}

fn parsed(table: &str) -> TableName {
    publisher::article::parse_table(table).expect("a table's name")
}

/// Takes the stream, over as many connections as it takes.
async fn take(options: ConnectOptions, state: Arc<Mutex<State>>, judge: Judge) {
    loop {
        let position = state.lock().expect("this task alone writes").position;
        if let Ok(mut connection) = Connection::connect(&options).await
            && let Ok(Response::Articles(there)) = connection.request(Request::ArticleList { publication: None }).await
        {
            let held = state.lock().expect("this task alone writes").held(&there);
            let (sender, mut receiver) = connection.into_split();
            let subscribe = ClientMessage::Subscribe { subscription: "replica".to_owned(), position, articles: held };
            if sender.send(&subscribe).await.is_ok() && sender.flush().await.is_ok() {
                while let Ok(message) = receiver.next().await {
                    let mut state = state.lock().expect("this task alone writes");
                    match message {
                        ServerMessage::Subscribed { articles } => state.begin(articles),
                        ServerMessage::Deliver { chunks } => chunks.into_iter().for_each(|c| state.apply(c, judge)),
                        _ => {}
                    }
                }
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

impl State {
    /// The definitions of its tables; at the very beginning, those that there are.
    fn held(&self, there: &[Article]) -> Vec<ArticleId> {
        match self.tables.is_empty() {
            true => there.iter().map(|article| article.id).collect(),
            false => self.tables.values().filter_map(|table| table.definition).collect(),
        }
    }

    fn begin(&mut self, articles: Vec<Article>) {
        assert!(self.open.take().is_none(), "this replica cannot undo half a transaction");
        for article in articles {
            let table = self.tables.entry(article.destination.clone()).or_default();
            // The first definition of an empty table is what it begins with.
            if article.supersedes.is_none() && self.transactions == 0 {
                table.definition = Some(article.id);
                table.columns.clone_from(&article.columns);
            }
            self.known.insert(article.id, article);
        }
    }

    fn apply(&mut self, chunk: Chunk, judge: Judge) {
        assert!(chunk.lsn > self.position, "{} came again", chunk.lsn);
        let (lsn, part) = self.open.unwrap_or((chunk.lsn, 0));
        assert_eq!((lsn, part), (chunk.lsn, chunk.part), "parts come in order");
        for change in chunk.schema {
            self.change(&change);
            self.schema.push((chunk.lsn, change));
        }
        for segment in &chunk.segments {
            let article = self.known[&segment.article].clone();
            let table = self.tables.get_mut(&article.destination).expect("its table is known");
            assert_eq!(table.definition, Some(article.id), "rows of {} have the definition in force", article.source);
            for change in decode_changes(&segment.payload) {
                table.apply(change.expect("payloads can be decoded"), &article);
            }
        }
        self.open = Some((lsn, part + 1));
        if chunk.last {
            self.open = None;
            self.position = lsn;
            self.transactions += 1;
            judge(self);
        }
    }

    fn change(&mut self, change: &SchemaChange) {
        let article = &change.article;
        let table = self.tables.get_mut(&article.destination).expect("its table is known");
        let follows = table.definition == article.supersedes || table.definition == Some(article.id);
        assert!(follows, "{} follows the definition in force", article.id);
        let old: Vec<Column> = std::mem::take(&mut table.columns);
        let mut expected: Vec<String> = old.iter().map(|c| c.name.clone()).collect();
        let mut added = BTreeMap::new();
        for change in &change.changes {
            match change {
                TableChange::DropColumn { name } => expected.retain(|column| column != name),
                TableChange::AddColumn { name, default, nullable_first } => {
                    let column = article.columns.iter().find(|c| c.name == *name).expect("it is described");
                    let given = default.as_ref().filter(|_| !column.nullable && !nullable_first);
                    let value = given.map_or(Value::Null, |d| constant(&d.definition, column.column_type));
                    added.insert(name.clone(), value);
                    expected.push(name.clone());
                }
                TableChange::AlterColumn { .. } => {}
                // Rows in memory are held against nothing.
                TableChange::AddConstraint { .. } | TableChange::DropConstraint { .. } => {}
                other => panic!("{other:?} is not made in memory"),
            }
        }
        let mut names: Vec<String> = article.columns.iter().map(|c| c.name.clone()).collect();
        names.sort();
        expected.sort();
        assert_eq!(names, expected, "the changes make the new definition of the old one");
        for row in table.rows.values_mut() {
            *row = article
                .columns
                .iter()
                .map(|column| match old.iter().position(|c| c.name == column.name) {
                    Some(at) => converted(&row[at], column.column_type),
                    None => added[&column.name].clone(),
                })
                .collect();
        }
        table.columns.clone_from(&article.columns);
        table.definition = Some(article.id);
        self.known.insert(article.id, article.clone());
    }
}

impl Table {
    fn apply(&mut self, change: Change, article: &Article) {
        for (column, value) in article.columns.iter().zip(values_of(&change)) {
            assert!(column.column_type.holds(value), "{value:?} is no {}", column.column_type);
        }
        match change {
            Change::Insert(row) => {
                let there = self.rows.insert(key_text(&article.columns, &row), row);
                assert!(there.is_none(), "a row is inserted a second time");
            }
            Change::Delete(key) => {
                self.rows.remove(&format!("{key:?}")).expect("the row is there");
            }
            Change::Update { key, changed } => self.update(&key, changed),
            Change::UpdateKey { key, new_key, changed } => {
                self.update(&key, changed);
                let mut row = self.rows.remove(&format!("{key:?}")).expect("the row is there");
                for (at, value) in article.key().into_iter().zip(new_key) {
                    row[at] = value;
                }
                let there = self.rows.insert(key_text(&article.columns, &row), row);
                assert!(there.is_none(), "a row moves to where one is");
            }
            Change::UpdateImages { .. } | Change::DeleteImage(_) => panic!("a change for a procedure"),
        }
    }

    fn update(&mut self, key: &Row, changed: Vec<(u16, Value)>) {
        let row = self.rows.get_mut(&format!("{key:?}")).expect("the row is there");
        for (column, value) in changed {
            assert!(self.columns[usize::from(column)].column_type.holds(&value), "{value:?} is of another type");
            row[usize::from(column)] = value;
        }
    }
}

fn values_of(change: &Change) -> &[Value] {
    if let Change::Insert(row) = change { row } else { &[] }
}

fn key_text(columns: &[Column], row: &Row) -> String {
    let mut key: Vec<usize> = (0..columns.len()).filter(|i| columns[*i].key_ordinal.is_some()).collect();
    key.sort_by_key(|i| columns[*i].key_ordinal);
    format!("{:?}", key.into_iter().map(|i| row[i].clone()).collect::<Row>())
}

/// As a server converts a value when its column is widened, for the types that the tests use.
fn converted(value: &Value, to: ColumnType) -> Value {
    match (value, to) {
        (Value::I32(n), ColumnType::BigInt) => Value::I64((*n).into()),
        (value, to) => {
            assert!(to.holds(value), "{value:?} to {to}");
            value.clone()
        }
    }
}

/// A constant as `sys.default_constraints` writes it, for the types that the tests use.
fn constant(definition: &str, column_type: ColumnType) -> Value {
    let text = definition.trim_matches(['(', ')']);
    match column_type {
        ColumnType::Int => Value::I32(text.parse().expect("a number")),
        ColumnType::VarChar(_) => Value::String(text.trim_start_matches('N').trim_matches('\'').to_owned()),
        // Every row's own value follows.
        ColumnType::UniqueIdentifier => Value::Guid([0; 16]),
        other => panic!("no test has a default of type {other}"),
    }
}
