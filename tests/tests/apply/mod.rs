//! A subscription database in a sandbox of this process, and changes to apply to it.
#![allow(clippy::unwrap_used, dead_code)]

use proto::codec::encode_change;
use proto::{
    Article, ArticleId, Capture, Change, Chunk, KeyRange, Lsn, SchemaChange, Segment, TableChange, TableName, Value,
};
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::server::{InProcess, ServerOptions as Listen, TlsMode, start_in_process};
use sqlserver::state::{Part, PartState, Stage, SubscriptionRow};
use sqlserver::{Client, Encryption, ServerOptions, catalog, state};
use std::time::Duration;
use subscriber::apply::Applier;

pub const SUBSCRIPTION: &str = "to-the-shop";

/// A database with a subscription that has been initialised at LSN 0.
pub struct Database {
    server: InProcess,
    articles: Vec<Article>,
    _folder: tempfile::TempDir,
}

pub fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

impl Database {
    /// Made by these statements; every user table they make is an article.
    pub async fn new(statements: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(folder.path(), EngineOptions::new("Pa55 word!")).unwrap();
        let server = start_in_process(engine, Listen { tls: TlsMode::Off, ..Listen::default() }).unwrap();
        let mut this = Self { server, articles: Vec::new(), _folder: folder };
        let mut master = this.connect("master").await;
        for statement in ["CREATE DATABASE shop", "ALTER DATABASE shop SET ALLOW_SNAPSHOT_ISOLATION ON"] {
            master.batch("creating", statement).await.unwrap();
        }
        let mut client = this.client().await;
        for statement in statements {
            client.batch("preparing", statement).await.unwrap();
        }
        const TABLES: &str = "SELECT name FROM sys.tables ORDER BY name";
        let tables = client.query("listing", TABLES, &[]).await.unwrap();
        for (row, id) in tables.into_iter().zip(1..) {
            let Value::String(table) = &row[0] else { panic!("a name") };
            let name = TableName { schema: "dbo".to_owned(), table: table.clone() };
            let found = catalog::table(&mut client, &name).await.unwrap().unwrap();
            let columns = found.columns.iter().map(|column| column.published().unwrap()).collect();
            this.articles
                .push(Article { id: ArticleId(id), ..Article::new("shop", name, columns, Capture::default()) });
        }
        state::create_tables(&mut client).await.unwrap();
        let row = SubscriptionRow {
            subscription: SUBSCRIPTION.to_owned(),
            publication: "shop".to_owned(),
            publication_server: "SANDBOX".to_owned(),
            publication_database: "shop".to_owned(),
            stage: Stage::Uninitialized,
            position: None,
            snapshot: None,
        };
        state::add(&mut client, &row).await.unwrap();
        for article in &this.articles {
            let part = Part {
                article: article.id,
                number: 1,
                range: KeyRange::ALL,
                boundary: lsn(0),
                snapshot: None,
                state: PartState::Loaded,
            };
            state::prepare_parts(&mut client, SUBSCRIPTION, article.id, &[part]).await.unwrap();
        }
        state::join(&mut client, SUBSCRIPTION, lsn(0), None).await.unwrap();
        state::complete(&mut client, SUBSCRIPTION).await.unwrap();
        this
    }

    async fn connect(&self, database: &str) -> Client {
        let options = ServerOptions {
            host: "127.0.0.1".to_owned(),
            port: self.server.local_addr().port(),
            database: database.to_owned(),
            login: "sa".to_owned(),
            password: "Pa55 word!".to_owned().into(),
            encryption: Encryption::Off,
            trust_server_certificate: true,
            server_ca: None,
            application_name: "test".to_owned(),
            connect_timeout: Duration::from_secs(10),
            command_timeout: Some(Duration::from_secs(60)),
        };
        Client::connect(&options).await.unwrap()
    }

    pub async fn client(&self) -> Client {
        self.connect("shop").await
    }

    pub async fn applier(&self) -> Applier {
        let articles = self.articles.iter().cloned().collect();
        Applier::open(self.client().await, SUBSCRIPTION, articles).await.unwrap()
    }

    fn article(&self, table: &str) -> ArticleId {
        self.articles.iter().rev().find(|article| article.source.table == table).unwrap().id
    }

    /// Gives a table's article a new definition, with which [`Database::transaction`] goes on, and what the stream says of it.
    pub fn redefine(
        &mut self,
        table: &str,
        changes: Vec<TableChange>,
        redefine: impl FnOnce(&mut Article),
    ) -> SchemaChange {
        let before = self.article(table);
        let mut article = self.articles.iter().find(|article| article.id == before).unwrap().clone();
        article.id = ArticleId(self.articles.len() as u32 + 1);
        article.supersedes = Some(before);
        redefine(&mut article);
        self.articles.push(article.clone());
        SchemaChange { article, changes, ddl: String::new() }
    }

    /// Up to where the snapshot contained each definition, by the subscription's state.
    pub async fn parts(&self) -> Vec<(u32, Lsn)> {
        let parts = state::parts(&mut self.client().await, SUBSCRIPTION).await.unwrap();
        parts.into_iter().map(|part| (part.article.0, part.boundary)).collect()
    }

    /// A whole transaction.
    pub fn transaction(&self, n: u32, changes: &[(&str, Change)]) -> Chunk {
        let mut segments: Vec<Segment> = Vec::new();
        for (table, change) in changes {
            let article = self.article(table);
            if segments.last().is_none_or(|segment| segment.article != article) {
                segments.push(Segment { article, changes: 0, payload: Vec::new() });
            }
            let segment = segments.last_mut().unwrap();
            segment.changes += 1;
            encode_change(change, &mut segment.payload).unwrap();
        }
        Chunk { lsn: lsn(n), part: 0, last: true, committed_at: 0, read_at: 0, marker: None, schema: vec![], segments }
    }

    pub async fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        self.client().await.query("looking", sql, &[]).await.unwrap()
    }

    pub async fn position(&self) -> Lsn {
        state::read(&mut self.client().await, SUBSCRIPTION).await.unwrap().unwrap().position.unwrap()
    }
}

pub fn int(n: i32) -> Value {
    Value::I32(n)
}

pub fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub fn insert(row: impl IntoIterator<Item = Value>) -> Change {
    Change::Insert(row.into_iter().collect())
}

pub fn delete(key: impl IntoIterator<Item = Value>) -> Change {
    Change::Delete(key.into_iter().collect())
}

pub fn update(key: impl IntoIterator<Item = Value>, changed: impl IntoIterator<Item = (u16, Value)>) -> Change {
    Change::Update { key: key.into_iter().collect(), changed: changed.into_iter().collect() }
}

pub fn move_key(
    key: impl IntoIterator<Item = Value>,
    new_key: impl IntoIterator<Item = Value>,
    changed: impl IntoIterator<Item = (u16, Value)>,
) -> Change {
    let (key, new_key) = (key.into_iter().collect(), new_key.into_iter().collect());
    Change::UpdateKey { key, new_key, changed: changed.into_iter().collect() }
}
