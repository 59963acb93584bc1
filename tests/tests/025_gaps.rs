//! Whatever the publication database loses before it was read stops the log reader, with an error that says what to do; and nothing
//! else stops it: no idle table, no cleanup that keeps its distance, no restore to a later point.

#![allow(clippy::unwrap_used)]

use tests::line::Line;
use tests::process::Outcome;
use tests::wait;

const CONTENTS: &str = "SELECT id, note FROM dbo.goods ORDER BY id";

/// Two tables that are replicated, one of them idle, with a subscription that has come to the end.
async fn line() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.goods (id int NOT NULL PRIMARY KEY, note varchar(20) NULL);
             CREATE TABLE dbo.idle (id int NOT NULL PRIMARY KEY);
             INSERT INTO dbo.goods VALUES (1, 'first'); INSERT INTO dbo.idle VALUES (1);",
        )
        .await;
    line.replicate(&["dbo.goods", "dbo.idle", "dbo.fence"]).await;
    line.source.run("INSERT INTO dbo.goods VALUES (2, 'second')").await;
    line.drain().await;
    line
}

/// Commits a row of `goods` and waits until it is captured.
async fn captured(line: &Line, id: i32) {
    line.source.run(&format!("INSERT INTO dbo.goods VALUES ({id}, 'row {id}')")).await;
    wait::until("the row to be captured", async || {
        let count = format!("SELECT COUNT(*) FROM cdc.replication_dbo_goods_CT WHERE id = {id}");
        (line.source.number(&count).await == 1).then_some(())
    })
    .await;
}

/// What the cleanup job does, up to the newest transaction.
async fn clean_up(line: &Line) {
    let mut source = line.source.connect().await;
    let instances = source.run("SELECT capture_instance FROM cdc.change_tables").await.unwrap();
    let instances: Vec<String> = instances.iter().map(|row| row.get::<&str, _>(0).unwrap().to_owned()).collect();
    let clean: Vec<String> = instances
        .iter()
        .map(|instance| {
            format!("EXEC sys.sp_cdc_cleanup_change_table @capture_instance = N'{instance}', @low_water_mark = @low;")
        })
        .collect();
    source.run(&format!("DECLARE @low binary(10) = sys.fn_cdc_get_max_lsn(); {}", clean.concat())).await.unwrap();
}

async fn stop_publisher(line: &mut Line) {
    line.publisher.take().unwrap().terminate().await;
}

/// The log reader must end by itself, and say which database it is about and each of `parts`; so does the distributor's status.
async fn alarm(line: &mut Line, parts: &[&str]) -> Outcome {
    let outcome = line.publisher.take().unwrap().ended().await;
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    let error = outcome.stderr.lines().last().unwrap_or_default();
    for part in parts.iter().chain(&["SOURCE/shop"]) {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    wait::until("the distributor to be told why", async || {
        let status = line.status().await;
        let told = status["databases"][0]["log_reader_error"][0].as_str();
        told.filter(|told| parts.iter().all(|part| told.contains(part))).map(|_| ())
    })
    .await;
    outcome
}

/// Starts the log reader once more: it stops for the same reason.
async fn alarm_again(line: &mut Line, parts: &[&str]) {
    line.start_publisher();
    alarm(line, parts).await;
}

async fn restore(line: &Line, backup: &str) {
    /// "Exclusive access could not be obtained because the database is in use."
    const IN_USE: u32 = 3101;
    let mut master = line.source.server.connect("master").await.unwrap();
    let restore = format!(
        "ALTER DATABASE shop SET SINGLE_USER WITH ROLLBACK IMMEDIATE;
         RESTORE DATABASE shop FROM DISK = '{backup}' WITH REPLACE;
         ALTER DATABASE shop SET MULTI_USER;"
    );
    // A log reader that connects again may be the single user.
    wait::until("the database to be nobody else's", async || match master.run(&restore).await {
        Err(error) if error.number() == Some(IN_USE) => None,
        restored => Some(restored.unwrap()),
    })
    .await;
}

async fn add_capture_job(line: &Line) {
    line.source.run("EXEC sys.sp_cdc_add_job @job_type = N'capture', @start_job = 1, @pollinginterval = 0").await;
}

async fn back_up(line: &Line, backup: &str) {
    line.source.run(&format!("BACKUP DATABASE shop TO DISK = '{backup}'")).await;
}

async fn assert_goes_on(line: &mut Line) {
    line.drain().await;
    line.assert_equal(CONTENTS).await;
    assert!(line.publisher.as_ref().unwrap().is_running());
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_that_overtakes_the_log_reader_stops_it_until_the_articles_are_added_again() {
    let mut line = line().await;
    stop_publisher(&mut line).await;
    captured(&line, 3).await;
    captured(&line, 4).await;
    clean_up(&line).await;
    line.start_publisher();
    let told = ["dbo.goods and of 2 other tables may be lost", "the queue has everything up to", "take a new snapshot"];
    alarm(&mut line, &told).await;
    alarm_again(&mut line, &told).await;

    // What the error says.
    line.subscriber.take().unwrap().terminate().await;
    line.subscriber_does(&["subscription", "drop", "--subscription", "s"]).await;
    line.target.run("DROP TABLE dbo.goods; DROP TABLE dbo.idle; DROP TABLE dbo.fence;").await;
    for table in ["dbo.goods", "dbo.idle", "dbo.fence"] {
        line.publisher_does(&["article", "drop", "--publication", "p", "--table", table]).await;
        line.publisher_does(&["article", "add", "--publication", "p", "--table", table]).await;
    }
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    captured(&line, 5).await;
    assert_goes_on(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cleanup_of_what_was_read_and_idle_tables_stop_nothing_however_often_the_log_reader_starts() {
    let mut line = line().await;
    line.source
        .run("CREATE TABLE dbo.other (id int NOT NULL PRIMARY KEY, n int NOT NULL); INSERT dbo.other VALUES (1, 0);")
        .await;
    line.source
        .run("EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'other', @role_name = NULL;")
        .await;
    for round in 0..4 {
        // Time passes for the log, with nothing in it that is published.
        for _ in 0..20 {
            line.source.run("UPDATE dbo.other SET n = n + 1").await;
        }
        let captured = "SELECT COUNT(*) FROM cdc.dbo_other_CT WHERE __$operation = 4 AND n % 20 = 0";
        wait::until("the other table's changes to be captured", async || {
            (line.source.number(captured).await > 0).then_some(())
        })
        .await;
        // The queue has come there too.
        let newest = line.source.connect().await.run("SELECT sys.fn_cdc_get_max_lsn()").await.unwrap();
        let newest = proto::Lsn::try_from(newest[0].get::<&[u8], _>(0).unwrap()).unwrap().to_string();
        wait::until("the log reader to come to the end", async || {
            let status = line.status().await;
            (status["databases"][0]["position"].as_str()? >= newest.as_str()).then_some(())
        })
        .await;
        clean_up(&line).await;
        if round % 2 == 1 {
            stop_publisher(&mut line).await;
            line.start_publisher();
        }
    }
    captured(&line, 3).await;
    assert_goes_on(&mut line).await;
    assert_eq!(line.assert_equal("SELECT id FROM dbo.idle").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn capture_disabled_and_enabled_again_beside_a_running_log_reader_stops_it() {
    let mut line = line().await;
    // The rows come before, between and after; the one between is in no change table.
    line.source
        .run(
            "INSERT INTO dbo.goods VALUES (3, 'before');
             EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'goods', @capture_instance = N'replication_dbo_goods';
             INSERT INTO dbo.goods VALUES (4, 'between');
             EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'goods', @role_name = NULL,
                 @capture_instance = N'replication_dbo_goods', @supports_net_changes = 0;
             INSERT INTO dbo.goods VALUES (5, 'after');",
        )
        .await;
    alarm(&mut line, &["dbo.goods", "replication_dbo_goods", "Drop and add the article"]).await;
    alarm_again(&mut line, &["changes of dbo.goods may be lost", "disabled and enabled again"]).await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.goods WHERE id = 5").await, 0, "nothing was skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_dropped_and_made_again_while_the_log_reader_was_away_stops_it() {
    let mut line = line().await;
    stop_publisher(&mut line).await;
    line.source
        .run(
            "DROP TABLE dbo.goods;
             CREATE TABLE dbo.goods (id int NOT NULL PRIMARY KEY, note varchar(20) NULL);",
        )
        .await;
    line.start_publisher();
    alarm(&mut line, &["replication_dbo_goods of dbo.goods is gone", "Drop and add the article"]).await;
    line.source
        .run(
            "EXEC sys.sp_cdc_enable_table @source_schema = N'dbo', @source_name = N'goods', @role_name = NULL,
                 @capture_instance = N'replication_dbo_goods', @supports_net_changes = 0;",
        )
        .await;
    alarm_again(&mut line, &["changes of dbo.goods may be lost", "dropped and made again"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn capture_disabled_for_the_whole_database_stops_the_log_reader() {
    let mut line = line().await;
    line.source.run("EXEC sys.sp_cdc_disable_db").await;
    alarm(&mut line, &["is gone", "change data capture was disabled"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_to_an_earlier_time_stops_the_log_reader() {
    let mut line = line().await;
    back_up(&line, "earlier").await;
    captured(&line, 3).await;
    line.drain().await;
    restore(&line, "earlier").await;
    if !line.publisher.as_ref().unwrap().is_running() {
        // It came back while nobody was let in.
        line.start_publisher();
    }
    let told = ["the captured log ends at", "restored to an earlier time", "begins a new queue"];
    alarm(&mut line, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_and_written_to_beyond_the_position_stops_the_log_reader_until_a_new_queue_begins() {
    let mut line = line().await;
    back_up(&line, "earlier").await;
    captured(&line, 3).await;
    line.drain().await;
    stop_publisher(&mut line).await;
    restore(&line, "earlier").await;
    line.source.capture_at_once().await;
    for id in 10..30 {
        captured(&line, id).await;
    }
    line.start_publisher();
    let told = ["has no such transaction", "restored to an earlier time and written to since", "begins a new queue"];
    alarm(&mut line, &told).await;
    alarm_again(&mut line, &told).await;

    // What the error says.
    line.subscriber.take().unwrap().terminate().await;
    line.subscriber_does(&["subscription", "drop", "--subscription", "s"]).await;
    line.publisher_does(&["publication", "drop", "--publication", "p"]).await;
    line.target.run("DROP TABLE dbo.goods; DROP TABLE dbo.idle; DROP TABLE dbo.fence;").await;
    line.replicate(&["dbo.goods", "dbo.idle", "dbo.fence"]).await;
    captured(&line, 40).await;
    assert_goes_on(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_restored_to_a_later_point_of_the_same_history_stops_nothing() {
    let mut line = line().await;
    stop_publisher(&mut line).await;
    captured(&line, 3).await;
    // In the log, but not captured when the backup is made.
    line.source.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'").await;
    line.source.run("INSERT INTO dbo.goods VALUES (4, 'to be captured')").await;
    back_up(&line, "later").await;
    line.source.run("INSERT INTO dbo.goods VALUES (5, 'undone')").await;
    restore(&line, "later").await;
    line.start_publisher();
    add_capture_job(&line).await;
    assert_goes_on(&mut line).await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.goods").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn capture_behind_the_position_after_a_restore_is_waited_for() {
    let mut line = line().await;
    // The backup has the row in its log; that it is captured and replicated comes after.
    line.source.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'").await;
    line.source.run("INSERT INTO dbo.goods VALUES (3, 'in the log')").await;
    back_up(&line, "behind").await;
    add_capture_job(&line).await;
    wait::until("the row to arrive", async || {
        (line.target.number("SELECT COUNT(*) FROM dbo.goods WHERE id = 3").await == 1).then_some(())
    })
    .await;
    stop_publisher(&mut line).await;
    line.source.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'").await;
    restore(&line, "behind").await;
    line.start_publisher();
    line.publisher.as_ref().unwrap().says("behind what was read").await;
    add_capture_job(&line).await;
    captured(&line, 4).await;
    assert_goes_on(&mut line).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secondary_that_has_everything_may_take_over_and_one_that_went_on_by_itself_stops_the_log_reader() {
    const GOES_ON_ELSEWHERE: &str = "EXEC sys.sp_sandbox_skip_lsns @transactions = 1000";
    let mut line = line().await;
    stop_publisher(&mut line).await;
    back_up(&line, "has everything").await;
    restore(&line, "has everything").await;
    line.source.run(GOES_ON_ELSEWHERE).await;
    captured(&line, 3).await;
    line.start_publisher();
    assert_goes_on(&mut line).await;

    back_up(&line, "lacks a row").await;
    captured(&line, 4).await;
    line.drain().await;
    stop_publisher(&mut line).await;
    restore(&line, "lacks a row").await;
    line.source.run(GOES_ON_ELSEWHERE).await;
    captured(&line, 5).await;
    line.start_publisher();
    alarm(&mut line, &["has no such transaction", "another server took its place", "begins a new queue"]).await;
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.goods WHERE id = 5").await, 0, "nothing was skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_table_without_capture_stops_the_log_reader_with_the_statement_that_helps() {
    let mut line = line().await;
    line.source
        .run("EXEC sys.sp_cdc_disable_table @source_schema = N'replication', @source_name = N'marker', @capture_instance = N'replication_marker'")
        .await;
    line.source.run("INSERT INTO dbo.goods VALUES (3, 'after')").await;
    let stopped = alarm(&mut line, &["replication.marker", "Enable it again"]).await;
    let error = stopped.stderr.lines().last().unwrap();
    let (_, statement) = error.split_once("again: ").unwrap();
    line.source.run(statement.split_once(';').unwrap().0).await;
    line.start_publisher();
    assert_goes_on(&mut line).await;
}
