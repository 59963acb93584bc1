//! The log reader against a bare read of the same rows by the same client library. The distributor is one that keeps nothing and says
//! at once that everything is durable, so that only the log reader is measured: reading, merging, encoding, sending.

use crate::report::{Report, rate};
use futures::TryStreamExt;
use proto::catalog::DatabaseName;
use proto::message::{ClientMessage, ServerMessage};
use proto::transport::{ClientTls, ConnectOptions, server};
use proto::{Article, ArticleId, Capture, TableName};
use publisher::reader::{ReaderOptions, run};
use sqlserver::{Client, Encryption, ServerOptions, catalog, cdc};
use std::time::{Duration, Instant};
use tests::server::TestDatabase;
use tests::wait;
use tokio::net::TcpListener;

const TABLES: [&str; 2] = ["dbo.orders", "dbo.lines"];
/// Transactions, and rows of each table in each: so many that the log reader's logins, which the bare read has behind it, do not count.
const TRANSACTIONS: u64 = 2_000;
const ROWS: u64 = 250;

/// Measures a backlog of inserts of two tables.
pub async fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let database = TestDatabase::start("SOURCE", folder.path()).await;
    let (articles, name) = backlog(&database).await;
    let rows = TRANSACTIONS * ROWS * TABLES.len() as u64;
    let (mut reader, mut limit, mut sent) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..3 {
        limit = limit.min(bare(&database, &articles).await);
        let (time, bytes) = log_reader(&database, &articles, &name, rows).await;
        reader = reader.min(time);
        sent = bytes;
    }
    report.speed("log reader, inserts of 2 tables", "rows", rate(rows, reader), rate(rows, limit), 0.8);
    let megabytes = rate(sent, reader) / 1e6;
    report.figure("the same, in rows as they are sent", format!("{megabytes:.1} MB/s"), "");
}

fn options(database: &TestDatabase) -> ServerOptions {
    ServerOptions {
        host: database.server.host.clone(),
        port: database.server.port,
        database: database.name.clone(),
        login: database.server.login.clone(),
        password: database.server.password.clone().into(),
        encryption: Encryption::Required,
        trust_server_certificate: true,
        server_ca: None,
        application_name: "bench".to_owned(),
        connect_timeout: Duration::from_secs(10),
        command_timeout: None,
    }
}

/// Makes the tables, enables capture, commits the transactions, and waits until they are captured.
async fn backlog(database: &TestDatabase) -> (Vec<Article>, DatabaseName) {
    let mut client = Client::connect(&options(database)).await.expect("the server takes connections");
    let name = sqlserver::database::facts(&mut client).await.expect("facts can be had").name;
    cdc::enable_database(&mut client).await.expect("capture can be enabled");
    sqlserver::marker::create(&mut client).await.expect("the marker table can be made");
    let marker = sqlserver::marker::table_name();
    cdc::enable_table(&mut client, &marker, sqlserver::marker::CAPTURE_INSTANCE).await.expect("it can be captured");
    let mut articles = Vec::new();
    for (table, id) in TABLES.iter().zip(1..) {
        database
            .run(&format!(
                "CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, customer bigint NOT NULL, name nvarchar(60) NULL,
                     amount decimal(19,4) NOT NULL, at datetime2(3) NOT NULL, note varchar(40) NULL)"
            ))
            .await;
        let (schema, table) = table.split_once('.').expect("it has two parts");
        let source = TableName { schema: schema.to_owned(), table: table.to_owned() };
        cdc::enable_table(&mut client, &source, table).await.expect("capture can be enabled");
        let found = catalog::table(&mut client, &source).await.expect("asked").expect("it exists");
        let columns = found.columns.iter().map(|c| c.published().expect("its types are published")).collect();
        let capture = Capture { instance: table.to_owned(), ..Capture::default() };
        articles.push(Article { id: ArticleId(id), ..Article::new("bench", source, columns, capture) });
    }
    database.capture_at_once().await;
    let mut connection = database.connect().await;
    for transaction in 0..TRANSACTIONS {
        let rows: Vec<String> = (transaction * ROWS..(transaction + 1) * ROWS)
            .map(|id| {
                format!(
                    "({id}, {}, N'customer of order {id}', {id}.25, '2024-05-06T07:08:09.123', 'a note')",
                    id * 1_000
                )
            })
            .collect();
        let inserts: Vec<String> =
            TABLES.iter().map(|table| format!("INSERT INTO {table} VALUES {};", rows.join(", "))).collect();
        let sql = format!("BEGIN TRAN; {} COMMIT;", inserts.concat());
        connection.run(&sql).await.expect("the rows can be inserted");
    }
    wait::until("the backlog to be captured", async || {
        let count = database.number("SELECT COUNT(*) FROM cdc.lines_CT").await;
        (count == i64::try_from(TRANSACTIONS * ROWS).expect("it is small")).then_some(())
    })
    .await;
    for article in &mut articles {
        let instances = cdc::capture_instances(&mut client).await.expect("asked");
        let instance = instances.into_iter().find(|i| i.name == article.capture.instance);
        article.capture = instance.expect("it was made").as_capture();
    }
    (articles, name)
}

async fn bare(database: &TestDatabase, articles: &[Article]) -> Duration {
    let mut connection = database.connect().await;
    let started = Instant::now();
    for article in articles {
        let sql = format!("SELECT * FROM cdc.{}_CT", article.capture.instance);
        let mut rows = connection.stream(&sql).await.expect("it can be read");
        while let Some(row) = rows.try_next().await.expect("it can be read") {
            std::hint::black_box(row);
        }
    }
    started.elapsed()
}

async fn log_reader(database: &TestDatabase, articles: &[Article], name: &DatabaseName, rows: u64) -> (Duration, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port can be had");
    let distributor = ConnectOptions {
        address: listener.local_addr().expect("it has an address").to_string(),
        tls: ClientTls::Off,
        server_name: None,
        login: "bench".to_owned(),
        password: "bench".to_owned().into(),
        client: "bench".to_owned(),
    };
    let options = ReaderOptions {
        server: options(database),
        distributor,
        poll_interval: Duration::from_millis(500),
        drive_capture: false,
        heartbeat_interval: Duration::ZERO,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let reader = tokio::spawn(async move {
        run(&options, async {
            // Either way it is time to stop.
            let _ = stopped.await;
        })
        .await
    });
    let taken = Box::pin(take(&listener, articles, name, rows)).await;
    // The reader may have ended already, having lost the connection.
    let _ = stop.send(());
    let _ = reader.await;
    taken
}

/// Takes a log reader's changes until all have come: how long that took, and the bytes of their rows.
async fn take(listener: &TcpListener, articles: &[Article], name: &DatabaseName, rows: u64) -> (Duration, u64) {
    let (stream, peer) = listener.accept().await.expect("the log reader connects");
    let greeting = server::accept(stream, peer, None).await.expect("it says hello");
    let (sender, mut receiver) = greeting.welcome().await.expect("it listens");
    let mut started = Instant::now();
    let (mut taken, mut bytes) = (0, 0);
    while taken < rows {
        match receiver.next().await.expect("it goes on") {
            ClientMessage::Attach { database, .. } => {
                assert_eq!(database, *name);
                let articles = articles.to_vec();
                let attached = ServerMessage::Attached {
                    epoch: 1,
                    position: None,
                    position_time: None,
                    version: 1,
                    articles,
                    unread: Vec::new(),
                };
                started = Instant::now();
                sender.send(&attached).await.expect("it listens");
            }
            ClientMessage::Append { chunks, .. } => {
                taken += chunks.iter().map(proto::Chunk::changes).sum::<u64>();
                bytes += chunks.iter().map(|chunk| chunk.payload_bytes() as u64).sum::<u64>();
                let Some(last) = chunks.iter().rfind(|chunk| chunk.last) else { continue };
                sender.send(&ServerMessage::Durable { lsn: last.lsn }).await.expect("it listens");
            }
            _ => {}
        }
        sender.flush().await.expect("it listens");
    }
    (started.elapsed(), bytes)
}
