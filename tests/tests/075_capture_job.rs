//! The capture job is shown and tuned from here, what it caps is said, and where there is none the publisher does its work.

#![allow(clippy::unwrap_used)]

use tests::line::{At, Line};
use tests::process::{Process, run};
use tests::wait;

const STOP_JOB: &str = "EXEC sys.sp_cdc_stop_job @job_type = N'capture'";

async fn published() -> Line {
    let line = Line::start().await;
    line.make_fence().await;
    line.publisher_does(&["publication", "add", "--publication", "p"]).await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.fence"]).await;
    line
}

async fn shown(line: &Line) -> serde_json::Value {
    let said = line.publisher_does(&["capture", "show", "--output", "json"]).await;
    serde_json::from_str(&said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_defaults_are_shown_with_what_they_cap_and_the_log_reader_says_so_too() {
    let mut line = published().await;
    let defaults = shown(&line).await;
    // https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-add-job-transact-sql
    assert_eq!(defaults["capture"]["maxtrans"], 500);
    assert_eq!(defaults["capture"]["maxscans"], 10);
    assert_eq!(defaults["capture"]["continuous"], true);
    assert_eq!(defaults["capture"]["pollinginterval"], 5);
    assert_eq!(defaults["capture"]["ceiling"], 1000);
    assert_eq!(defaults["cleanup"]["retention"], 4320);
    assert_eq!(defaults["cleanup"]["threshold"], 5000);
    assert!(defaults["warnings"][0].as_str().unwrap().contains("1000 transactions a second"), "{defaults}");
    let text = line.publisher_does(&["capture", "show"]).await;
    assert!(text.contains("pollinginterval 5 s") && text.contains("warning: "), "{text}");
    line.start_publisher();
    line.publisher.as_ref().unwrap().says("1000 transactions a second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_in_force_at_once_and_the_others_stay() {
    let line = published().await;
    // A job that sleeps till tomorrow: only one that is started anew looks at the log again.
    line.source.run("EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 86399").await;
    line.source.run(STOP_JOB).await;
    line.source.run("EXEC sys.sp_cdc_start_job @job_type = N'capture'").await;
    line.publisher_does(&["capture", "set", "--polling-interval", "0s", "--maxtrans", "777"]).await;
    line.source.run("INSERT INTO dbo.fence VALUES (NEWID())").await;
    wait::until("the job to capture with its new pause", async || {
        (line.source.number("SELECT COUNT(*) FROM cdc.replication_dbo_fence_CT").await == 1).then_some(())
    })
    .await;
    line.publisher_does(&["capture", "set", "--retention", "1d", "--threshold", "100"]).await;
    let now = shown(&line).await;
    assert_eq!(now["capture"]["maxtrans"], 777);
    assert_eq!(now["capture"]["maxscans"], 10);
    assert_eq!(now["capture"]["pollinginterval"], 0);
    assert_eq!(now["capture"]["ceiling"], serde_json::Value::Null);
    assert_eq!(now["cleanup"]["retention"], 1440);
    assert_eq!(now["cleanup"]["threshold"], 100);
    assert_eq!(now["warnings"].as_array().unwrap().len(), 0, "{now}");
    let transactions: Vec<_> = now["scans"].as_array().unwrap().iter().map(|scan| &scan["transactions"]).collect();
    assert!(transactions.iter().any(|n| n.as_i64().unwrap() > 0), "{transactions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_does_not_run_is_started_and_what_cannot_be_set_is_refused() {
    let line = published().await;
    line.source.run(STOP_JOB).await;
    line.publisher_does(&["capture", "set", "--polling-interval", "0s", "--continuous", "true"]).await;
    line.source.run("INSERT INTO dbo.fence VALUES (NEWID())").await;
    wait::until("the started job to capture", async || {
        (line.source.number("SELECT COUNT(*) FROM cdc.replication_dbo_fence_CT").await == 1).then_some(())
    })
    .await;
    for wrong in [&["--polling-interval", "1d"], &["--retention", "30s"], &["--maxtrans", "0"]] {
        let outcome = line.publisher_tries(&[&["capture", "set"], &wrong[..]].concat()).await;
        assert_eq!(outcome.status.code(), Some(2), "{wrong:?}: {}", outcome.stderr);
    }
    assert_eq!(line.publisher_tries(&["capture", "set"]).await.status.code(), Some(2), "nothing to set");

    let mut elsewhere = line.command("publisher", At::Target);
    elsewhere.args(["capture", "show"]);
    let outcome = run("elsewhere", elsewhere, line.folder()).await;
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stderr.contains("not enabled"), "{}", outcome.stderr);
}

fn driving(line: &Line, name: &str) -> Process {
    let mut command = line.command("publisher", At::Source);
    command.args(["run", "--drive-capture"]);
    Process::start(name, command, line.folder())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_capture_job_the_publisher_reads_the_log_itself() {
    let mut line = published().await;
    line.source.run(STOP_JOB).await;
    line.source.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'").await;
    let warnings = shown(&line).await["warnings"].to_string();
    assert!(warnings.contains("--drive-capture"), "{warnings}");
    line.publisher = Some(driving(&line, "publisher"));
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    line.drain().await;

    // A second one waits for its turn and does not disturb the first.
    let second = driving(&line, "second-publisher");
    second.says("attached").await;
    line.drain().await;
    line.publisher.take().unwrap().kill();
    second.says("driving change data capture").await;
    line.publisher = Some(second);
    line.drain().await;
    line.assert_equal("SELECT id FROM dbo.fence ORDER BY id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_capture_job_driving_it_ends_with_the_jobs_name() {
    let line = published().await;
    line.source.capture_at_once().await;
    let outcome = driving(&line, "publisher").ended().await;
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    let job = format!("cdc.{}_capture", line.source.name);
    for part in ["error: ", "--drive-capture", &job, "sp_cdc_drop_job", "already running"] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
}
