//! Many articles cost what the busy ones cost: hundreds of idle tables are one query a poll, raise no alarm and slow nothing down.

#![allow(clippy::unwrap_used)]

use proto::Article;
use proto::catalog::Request;
use proto::transport::{ClientTls, ConnectOptions, Connection};
use sqlserver::{Client, Encryption, ServerOptions, catalog, cdc};
use std::time::{Duration, Instant};
use tests::line::{At, Line};
use tests::process::Process;
use tests::wait;

const IDLE_TABLES: usize = 500;
/// Longest pause between two polls.
const POLL: Duration = Duration::from_millis(200);
/// What the log reader is called at the server.
const APPLICATION: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));

/// Makes the idle tables and publishes them, without a process for each.
async fn publish_idle_tables(line: &Line) {
    let tables: Vec<String> = (0..IDLE_TABLES).map(|n| format!("idle_{n}")).collect();
    for some in tables.chunks(25) {
        let sql: Vec<String> = some
            .iter()
            .map(|table| {
                format!(
                    "CREATE TABLE dbo.{table} (id int NOT NULL PRIMARY KEY, note nvarchar(50) NULL);
                     EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'{table}', @role_name = NULL,
                         @capture_instance = N'replication_dbo_{table}', @supports_net_changes = 0;"
                )
            })
            .collect();
        line.source.run(&sql.concat()).await;
    }
    let mut client = Client::connect(&ServerOptions {
        host: line.source.server.host.clone(),
        port: line.source.server.port,
        database: line.source.name.clone(),
        login: line.source.server.login.clone(),
        password: line.source.server.password.clone().into(),
        encryption: Encryption::Required,
        trust_server_certificate: true,
        server_ca: None,
        application_name: "test".to_owned(),
        connect_timeout: Duration::from_secs(60),
        command_timeout: None,
    })
    .await
    .unwrap();
    let password = std::fs::read_to_string(line.path("admin.password")).unwrap();
    let mut distributor = Connection::connect(&ConnectOptions {
        address: line.address.clone(),
        tls: ClientTls::Ca(line.path("queue/tls/cert.pem")),
        server_name: None,
        login: "admin".to_owned(),
        password: password.into(),
        client: "test".to_owned(),
    })
    .await
    .unwrap();
    let instances = cdc::capture_instances(&mut client).await.unwrap();
    for table in &tables {
        let name = proto::TableName { schema: "dbo".to_owned(), table: table.clone() };
        let found = catalog::table(&mut client, &name).await.unwrap().unwrap();
        let columns = found.columns.iter().map(|column| column.published().unwrap()).collect();
        let instance = instances.iter().find(|i| i.name == format!("replication_dbo_{table}")).unwrap();
        let article = Article::new("idle", name, columns, instance.as_capture());
        distributor.request(Request::ArticleAdd(article.into())).await.unwrap();
    }
}

fn start_publisher(line: &mut Line) {
    let mut command = line.command("publisher", At::Source);
    let poll = format!("{}ms", POLL.as_millis());
    // Heartbeats would be changes.
    command.args(["run", "--heartbeat-interval", "0s", "--poll-interval", &poll]);
    line.publisher = Some(Process::start("publisher", command, line.folder()));
}

/// Requests of the log reader since the last look, and those of its statements that touched tables.
async fn asked(line: &Line) -> (i64, i64) {
    let mut source = line.source.connect().await;
    let sql = format!("EXEC sys.sp_sandbox_statements @application = N'{APPLICATION}'");
    let rows = source.run(&sql).await.unwrap();
    let row = rows.first().expect("the log reader has logged in");
    (row.get(1).unwrap(), row.get(3).unwrap())
}

/// Waits for 40 requests of the idle log reader; gives how many there were at the end and in how many polls they can have been made.
async fn idle_requests(line: &Line) -> (i64, i64) {
    // The time begins before the count does: no request is counted whose poll is not.
    let started = Instant::now();
    line.source.run(&format!("EXEC sys.sp_sandbox_clear_statements @application = N'{APPLICATION}'")).await;
    let (requests, with_tables) = wait::until("the log reader to poll", async || {
        let now = asked(line).await;
        (now.0 >= 40).then_some(now)
    })
    .await;
    let polls = started.elapsed().as_millis() / POLL.as_millis();
    assert!(with_tables <= requests + 3, "a poll is one query: {with_tables} statements in {requests} requests");
    (requests, i64::try_from(polls).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_idle_tables_cost_one_query_a_poll_and_raise_no_alarm() {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.busy (id int NOT NULL PRIMARY KEY, note varchar(40) NOT NULL)").await;
    line.publish("busy", &["dbo.busy", "dbo.fence"]).await;
    // Nobody subscribes to them: what is asked here is what they cost the log reader.
    line.publisher_does(&["publication", "add", "--publication", "idle"]).await;
    let started = Instant::now();
    publish_idle_tables(&line).await;
    println!("{IDLE_TABLES} tables published: {:?}", started.elapsed());
    start_publisher(&mut line);
    line.publisher_does(&["snapshot", "--publication", "busy"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "busy"]).await;
    line.start_subscriber();
    line.drain().await;
    println!("all set up: {:?}", started.elapsed());

    // Once it has polled in vain for long enough, its pauses are as long as they may be.
    line.source.run(&format!("EXEC sys.sp_sandbox_clear_statements @application = N'{APPLICATION}'")).await;
    wait::until("the log reader to be idle", async || (asked(&line).await.0 >= 90).then_some(())).await;
    let (requests, polls) = idle_requests(&line).await;
    println!("idle: {requests} requests in {polls} polls, {:?}", started.elapsed());
    // An inspection may fall into that time: what the database says of itself, the position's history, the capture instances.
    assert!(requests <= polls + 5, "{requests} requests in the time of {polls} polls");

    // One busy table among them.
    let busy = Instant::now();
    let mut source = line.source.connect().await;
    for id in 0..200 {
        source.run(&format!("INSERT INTO dbo.busy VALUES ({id}, 'one of many transactions')")).await.unwrap();
    }
    line.drain().await;
    println!("200 transactions of one busy table among {IDLE_TABLES} idle ones: {:?}", busy.elapsed());
    assert_eq!(line.assert_equal("SELECT * FROM dbo.busy ORDER BY id").await, 200);

    // Cleanup comes to where the log reader is, again and again, and the log reader starts anew.
    for id in 1_000..1_003 {
        source.run(&format!("INSERT INTO dbo.busy VALUES ({id}, 'before cleanup')")).await.unwrap();
        line.drain().await;
        line.publisher.take().unwrap().terminate().await;
        clean_up(&line).await;
        start_publisher(&mut line);
    }
    line.drain().await;
    println!("cleaned up and started anew: {:?}", started.elapsed());
    assert_eq!(line.assert_equal("SELECT * FROM dbo.busy ORDER BY id").await, 203);
    assert!(line.publisher.as_ref().unwrap().is_running());
}

/// What the cleanup job does, up to where the queue has everything.
async fn clean_up(line: &Line) {
    let position = line.status().await["databases"][0]["position"].as_str().unwrap().replace(':', "");
    let mut source = line.source.connect().await;
    let instances = source.run("SELECT capture_instance FROM cdc.change_tables").await.unwrap();
    let clean: Vec<String> = instances
        .iter()
        .map(|row| {
            let instance: &str = row.get(0).unwrap();
            format!(
                "EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'{instance}', @low_water_mark = 0x{position};"
            )
        })
        .collect();
    assert!(clean.len() > IDLE_TABLES);
    for some in clean.chunks(100) {
        source.run(&some.concat()).await.unwrap();
    }
}
