//! `publisher check` says of everything that publishing takes whether it is there, and what to do where it is not.

#![allow(clippy::unwrap_used)]

use serde::Deserialize;
use std::process::Command;
use tests::line::{At, Line};
use tests::process::{Outcome, run};
use tests::server::write_secret;

#[derive(Debug, Deserialize)]
struct Finding {
    check: String,
    verdict: String,
    detail: String,
}

fn checking(line: &Line) -> Command {
    let mut command = line.command("publisher", At::Source);
    command.args(["check", "--output", "json"]);
    command
}

async fn checked(line: &Line, command: Command) -> (Outcome, Vec<Finding>) {
    let outcome = run("check", command, line.folder()).await;
    let findings = serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {}", outcome.stderr));
    (outcome, findings)
}

/// Asserts that a check came out so and said all of this, and that the exit code fits.
fn found(result: &(Outcome, Vec<Finding>), check: &str, verdict: &str, said: &[&str]) {
    let (outcome, findings) = result;
    let of = |f: &&Finding| f.check == check && f.verdict == verdict && said.iter().all(|part| f.detail.contains(part));
    assert!(findings.iter().any(|f| of(&f)), "{check} {verdict} {said:?} is not among {findings:#?}");
    let fails = findings.iter().any(|f| f.verdict == "fail");
    assert_eq!(outcome.status.code(), Some(i32::from(fails)), "{}", outcome.stderr);
}

async fn published() -> Line {
    let line = Line::start().await;
    line.make_fence().await;
    line.publish("p", &["dbo.fence"]).await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_nothing_fails_and_every_check_has_its_line() {
    let line = published().await;
    let result = checked(&line, checking(&line)).await;
    for check in [
        "server reachable",
        "server login",
        "database",
        "distributor reachable",
        "distributor login",
        "distributor version",
        "clock difference",
        "version and edition",
        "snapshot isolation",
        "change data capture",
        "capture job",
        "capture throughput",
        "published table",
        "max text repl size",
        "permissions",
    ] {
        found(&result, check, "pass", &[]);
    }
    // The tests trust whatever certificate the server shows.
    found(&result, "server TLS", "advice", &["trust-server-certificate"]);
    assert_eq!(result.0.status.code(), Some(0));
    let text = line.publisher_does(&["check"]).await;
    assert!(text.starts_with("RESULT") && text.contains("pass    capture job"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_or_entered_is_told_step_by_step() {
    let line = published().await;
    write_secret(&line.path("wrong.password"), "Not-The-Password-1!");
    let with = |settings: &[(&str, &str)]| {
        let mut command = checking(&line);
        command.envs(settings.iter().copied());
        command
    };
    let wrong = line.path("wrong.password");
    let wrong = wrong.to_str().unwrap();

    let result = checked(&line, with(&[("REPL_SERVER", "127.0.0.1,1")])).await;
    found(&result, "server reachable", "fail", &["127.0.0.1,1"]);
    found(&result, "distributor login", "pass", &[]);
    let result = checked(&line, with(&[("REPL_TRUST_SERVER_CERTIFICATE", "false")])).await;
    found(&result, "server reachable", "pass", &[]);
    found(&result, "server TLS", "fail", &["server-ca"]);
    let result = checked(&line, with(&[("REPL_PASSWORD_FILE", wrong)])).await;
    found(&result, "server reachable", "pass", &[]);
    found(&result, "server login", "fail", &["18456"]);
    let result = checked(&line, with(&[("REPL_DATABASE", "nowhere")])).await;
    found(&result, "server login", "pass", &[]);
    found(&result, "database", "fail", &["nowhere"]);
    let result = checked(&line, with(&[("REPL_DISTRIBUTOR", "127.0.0.1:1")])).await;
    found(&result, "distributor reachable", "fail", &["127.0.0.1:1"]);
    found(&result, "version and edition", "pass", &["16."]);
    let result = checked(&line, with(&[("REPL_DISTRIBUTOR_PASSWORD_FILE", wrong)])).await;
    found(&result, "distributor reachable", "pass", &[]);
    found(&result, "distributor login", "fail", &["admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_set_up_or_not_captured_any_more_is_told() {
    let line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    let result = checked(&line, checking(&line)).await;
    found(&result, "change data capture", "advice", &["article add", "sp_cdc_enable_db"]);

    line.source
        .run("CREATE TABLE dbo.texts (id int NOT NULL CONSTRAINT pk_texts PRIMARY KEY, body nvarchar(max) NULL)")
        .await;
    line.publish("p", &["dbo.fence", "dbo.texts"]).await;
    let result = checked(&line, checking(&line)).await;
    found(&result, "max text repl size", "advice", &["65536", "dbo.texts.body", "7139", "sp_configure"]);
    let mut master = line.source.server.connect("master").await.unwrap();
    master.run("EXEC sp_configure 'max text repl size (B)', -1; RECONFIGURE;").await.unwrap();
    master.run(&format!("ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION OFF", line.source.name)).await.unwrap();

    line.source.run("EXEC sys.sp_cdc_change_job @job_type = N'capture', @pollinginterval = 5").await;
    line.source.run("EXEC sys.sp_cdc_stop_job @job_type = N'capture'").await;
    line.source.run("INSERT INTO dbo.fence VALUES (NEWID())").await;
    let result = checked(&line, checking(&line)).await;
    found(&result, "max text repl size", "pass", &["no limit"]);
    found(&result, "snapshot isolation", "advice", &["ALLOW_SNAPSHOT_ISOLATION ON"]);
    found(&result, "capture job", "fail", &["does not run", "sp_cdc_start_job"]);
    found(&result, "capture throughput", "advice", &["1000 transactions a second"]);
    found(&result, "log reuse", "advice", &["REPLICATION"]);

    let disable =
        "EXEC sys.sp_cdc_disable_table @source_schema = N'dbo', @source_name = N'texts', @capture_instance = N'all'";
    line.source.run(disable).await;
    line.source.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'").await;
    let result = checked(&line, checking(&line)).await;
    found(&result, "published table", "fail", &["dbo.texts", "is gone"]);
    found(&result, "published table", "pass", &["dbo.fence"]);
    found(&result, "capture job", "fail", &["--drive-capture"]);
    line.source.run("ALTER TABLE dbo.texts DROP CONSTRAINT pk_texts").await;
    let result = checked(&line, checking(&line)).await;
    found(&result, "published table", "fail", &["dbo.texts", "no primary key"]);
    line.source.run("EXEC sys.sp_cdc_disable_db").await;
    let result = checked(&line, checking(&line)).await;
    found(&result, "change data capture", "fail", &["2 articles"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_that_are_missing_are_told_with_the_statements_that_give_them() {
    let line = published().await;
    line.source
        .run("CREATE LOGIN checker WITH PASSWORD = 'Check-Reader-1!'; CREATE USER checker FOR LOGIN checker")
        .await;
    write_secret(&line.path("checker.password"), "Check-Reader-1!");
    let with_login = || {
        let mut command = checking(&line);
        command.env("REPL_LOGIN", "checker").env("REPL_PASSWORD_FILE", line.path("checker.password"));
        command
    };
    let result = checked(&line, with_login()).await;
    let grants = [
        "GRANT SELECT ON SCHEMA::[cdc] TO [checker]",
        "GRANT SELECT ON SCHEMA::[replication] TO [checker]",
        "GRANT INSERT ON SCHEMA::[replication] TO [checker]",
        "GRANT DELETE ON SCHEMA::[replication] TO [checker]",
        "GRANT SELECT ON [dbo].[fence] TO [checker]",
        "GRANT VIEW DEFINITION ON [dbo].[fence] TO [checker]",
    ];
    for grant in grants {
        found(&result, "permissions", "fail", &[grant]);
    }
    found(&result, "permissions", "advice", &["ALTER ROLE db_owner ADD MEMBER [checker]"]);
    found(&result, "capture job", "advice", &["db_owner"]);
    // What is told is all that is missing.
    for grant in grants {
        line.source.run(grant).await;
    }
    let result = checked(&line, with_login()).await;
    found(&result, "permissions", "pass", &["`run`, `snapshot`"]);
    assert_eq!(result.0.status.code(), Some(0), "{:?}", result.1);
    line.source.run("ALTER ROLE db_owner ADD MEMBER checker").await;
    let result = checked(&line, with_login()).await;
    found(&result, "permissions", "pass", &["db_owner"]);
    found(&result, "capture job", "advice", &["msdb"]);
}
