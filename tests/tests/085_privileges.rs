//! Each command works with the permissions that README.md lists for it, no more are needed, and one that is missing is named with the
//! statement that gives it. The statements are taken from README.md itself.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, Process, run};
use tests::server::{TestDatabase, write_secret};

const PASSWORD: &str = "Least-Privilege-1!";

/// The T-SQL block under a heading of README.md's section on permissions, for this database's tables.
fn documented(heading: &str) -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let section = readme.split("\n### Permissions\n").nth(1).expect("README.md has a section on permissions");
    let section = section.split("\n### ").next().unwrap();
    let part = section.split(&format!("**{heading}**")).nth(1).unwrap_or_else(|| panic!("no part {heading}"));
    let block =
        part.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("it has a block of T-SQL");
    block.replace("sales", "dbo")
}

/// A login with a user of the same name in the database, and what `statements` grant to it.
async fn login(database: &TestDatabase, name: &str, statements: &str) {
    let mut master = database.server.connect("master").await.unwrap();
    // On a real server it may be there from an earlier run.
    let _ = master.run(&format!("DROP LOGIN [{name}]")).await;
    master.run(&format!("CREATE LOGIN [{name}] WITH PASSWORD = '{PASSWORD}'")).await.unwrap();
    database.run(&format!("CREATE USER [{name}] FOR LOGIN [{name}]")).await;
    grant(database, name, statements).await;
}

async fn grant(database: &TestDatabase, name: &str, statements: &str) {
    for statement in statements.split_inclusive(';').map(str::trim).filter(|s| !s.is_empty()) {
        database.run(&statement.replace("[repl]", &format!("[{name}]"))).await;
    }
}

fn with_login(line: &Line, role: &str, at: At, login: &str, arguments: &[&str]) -> Command {
    let password = line.path("least.password");
    write_secret(&password, PASSWORD);
    let mut command = line.command(role, at);
    command.args(arguments).env("REPL_LOGIN", login).env("REPL_PASSWORD_FILE", password);
    command
}

async fn tried(line: &Line, role: &str, at: At, login: &str, arguments: &[&str]) -> Outcome {
    run("least", with_login(line, role, at, login, arguments), line.folder()).await
}

fn lacks(outcome: &Outcome, expected: &[&str]) {
    assert_eq!(outcome.status.code(), Some(1), "{}{}", outcome.stdout, outcome.stderr);
    for part in expected {
        assert!(outcome.stderr.contains(part), "`{part}` is not in: {}", outcome.stderr);
    }
}

/// A published table with its fence, all made by an administrator.
async fn published() -> Line {
    let line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL)").await;
    line.source.run("INSERT INTO dbo.items VALUES (1, N'one')").await;
    line.publish("p", &["dbo.items", "dbo.fence"]).await;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_line_runs_with_the_documented_permissions() {
    let mut line = published().await;
    login(&line.source, "repl_reader", &documented("publisher run, snapshot, article set, tracer post")).await;
    login(&line.target, "repl_writer", &documented("subscriber")).await;
    let read = with_login(&line, "publisher", At::Source, "repl_reader", &["run"]);
    line.publisher = Some(Process::start("publisher", read, line.folder()));
    succeeded(tried(&line, "publisher", At::Source, "repl_reader", &["snapshot", "--publication", "p"]).await);
    let add = ["subscription", "add", "--subscription", "s", "--publication", "p"];
    succeeded(tried(&line, "subscriber", At::Target, "repl_writer", &add).await);
    let apply = with_login(&line, "subscriber", At::Target, "repl_writer", &["run", "--continuous"]);
    line.subscriber = Some(Process::start("subscriber", apply, line.folder()));
    line.source.run("INSERT INTO dbo.items VALUES (2, N'two'); UPDATE dbo.items SET name = N'1' WHERE id = 1").await;
    line.drain().await;
    line.assert_equal("SELECT * FROM dbo.items ORDER BY id").await;
    let set = ["article", "set", "--publication", "p", "--table", "dbo.items", "--filter", "id > 0"];
    succeeded(tried(&line, "publisher", At::Source, "repl_reader", &set).await);
    let post = ["tracer", "post", "--publication", "p", "--wait"];
    succeeded(tried(&line, "publisher", At::Source, "repl_reader", &post).await);
    let list = succeeded(tried(&line, "subscriber", At::Target, "repl_writer", &["subscription", "list"]).await);
    assert!(list.contains("active"), "{list}");

    // Once it is initialised, less will do.
    line.subscriber.take().unwrap().terminate().await;
    login(&line.target, "repl_applier", &documented("subscriber run, once initialised")).await;
    let apply = with_login(&line, "subscriber", At::Target, "repl_applier", &["run", "--continuous"]);
    line.subscriber = Some(Process::start("subscriber", apply, line.folder()));
    line.source.run("DELETE FROM dbo.items WHERE id = 1; INSERT INTO dbo.items VALUES (3, N'three')").await;
    line.drain().await;
    line.assert_equal("SELECT * FROM dbo.items ORDER BY id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_of_the_log_reader_and_the_snapshot_is_needed_and_named_when_it_is_missing() {
    let line = published().await;
    let all = documented("publisher run, snapshot, article set, tracer post");
    let take = ["snapshot", "--publication", "p"];
    let missing: [(&str, &str, &[&str], &[&str]); 5] = [
        // What is taken away, from whom, for which command, and what is said.
        (
            "SELECT ON SCHEMA::dbo",
            "r1",
            &take,
            &["`publisher snapshot`", "login r1", "GRANT SELECT ON [dbo].[", "TO [r1]"],
        ),
        ("SELECT ON SCHEMA::cdc", "r2", &["run"], &["`publisher run`", "GRANT SELECT ON SCHEMA::[cdc] TO [r2]"]),
        (
            "INSERT ON SCHEMA::[replication]",
            "r3",
            &take,
            &["`publisher snapshot`", "GRANT INSERT ON SCHEMA::[replication] TO [r3]"],
        ),
        ("SELECT ON SCHEMA::cdc", "r4", &take, &["`publisher snapshot`", "GRANT SELECT ON SCHEMA::[cdc] TO [r4]"]),
        (
            "VIEW DEFINITION ON SCHEMA::dbo",
            "r5",
            &take,
            &["`publisher snapshot`", "GRANT VIEW DEFINITION ON [dbo].[", "TO [r5]"],
        ),
    ];
    for (revoked, name, command, expected) in missing {
        login(&line.source, name, &all).await;
        line.source.run(&format!("REVOKE {revoked} TO [{name}]")).await;
        lacks(&tried(&line, "publisher", At::Source, name, command).await, expected);
    }
    // What is said to be missing is enough to give.
    grant(&line.source, "r3", "GRANT INSERT ON SCHEMA::[replication] TO [repl];").await;
    succeeded(tried(&line, "publisher", At::Source, "r3", &take).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_and_the_capture_job_take_the_owners_role_and_the_first_article_an_administrator() {
    let line = Line::start().await;
    line.make_fence().await;
    line.source.run("CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL)").await;
    let owner = documented("publisher article add, article drop, capture, run --drive-capture");
    login(&line.source, "nobody", "").await;
    login(&line.source, "owner", &owner).await;
    succeeded(tried(&line, "publisher", At::Source, "nobody", &["publication", "add", "--publication", "p"]).await);

    let add = ["article", "add", "--publication", "p", "--table", "dbo.items"];
    let first = tried(&line, "publisher", At::Source, "owner", &add).await;
    lacks(&first, &["`publisher article add`", "ALTER SERVER ROLE sysadmin ADD MEMBER [owner]", "sp_cdc_enable_db"]);
    line.source.run("EXEC sys.sp_cdc_enable_db").await;
    succeeded(tried(&line, "publisher", At::Source, "owner", &add).await);
    succeeded(tried(&line, "publisher", At::Source, "owner", &["capture", "show"]).await);
    succeeded(tried(&line, "publisher", At::Source, "owner", &["capture", "set", "--polling-interval", "0s"]).await);

    grant(&line.source, "nobody", "GRANT SELECT ON SCHEMA::dbo TO [repl]; GRANT SELECT ON SCHEMA::cdc TO [repl];")
        .await;
    let role = "ALTER ROLE db_owner ADD MEMBER [nobody]";
    let fence = ["article", "add", "--publication", "p", "--table", "dbo.fence"];
    lacks(&tried(&line, "publisher", At::Source, "nobody", &fence).await, &["`publisher article add`", role]);
    lacks(
        &tried(&line, "publisher", At::Source, "nobody", &["capture", "show"]).await,
        &["`publisher capture show`", role],
    );
    let set = ["capture", "set", "--maxscans", "5"];
    lacks(&tried(&line, "publisher", At::Source, "nobody", &set).await, &["`publisher capture set`", role]);
    let drive = ["run", "--drive-capture"];
    lacks(&tried(&line, "publisher", At::Source, "nobody", &drive).await, &["`publisher run --drive-capture`", role]);

    line.source.run("EXEC sys.sp_cdc_stop_job @job_type = N'capture'").await;
    line.source.run("EXEC sys.sp_cdc_drop_job @job_type = N'capture'").await;
    let driving = with_login(&line, "publisher", At::Source, "owner", &drive);
    let driving = Process::start("driving", driving, line.folder());
    line.source.run("INSERT INTO dbo.items VALUES (1, N'one')").await;
    tests::wait::until("the owner to capture the row", async || {
        (line.source.number("SELECT COUNT(*) FROM cdc.replication_dbo_items_CT").await == 1).then_some(())
    })
    .await;
    driving.terminate().await;
    let drop = ["article", "drop", "--publication", "p", "--table", "dbo.items"];
    succeeded(tried(&line, "publisher", At::Source, "owner", &drop).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_of_the_subscriber_is_needed_and_named_when_it_is_missing() {
    let mut line = published().await;
    line.start_publisher();
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    let add = ["subscription", "add", "--subscription", "s", "--publication", "p"];
    login(&line.target, "w0", "").await;
    lacks(
        &tried(&line, "subscriber", At::Target, "w0", &add).await,
        &["`subscriber subscription add`", "CREATE SCHEMA TO [w0]"],
    );
    line.subscriber_does(&add).await;
    line.subscriber_does(&["run", "--once"]).await;

    let all = documented("subscriber run, once initialised");
    let once = ["run", "--once"];
    for (n, (revoked, change)) in [
        ("INSERT", "INSERT INTO dbo.items VALUES (10, N'ten')"),
        ("UPDATE", "UPDATE dbo.items SET name = N'new' WHERE id = 1"),
        ("DELETE", "DELETE FROM dbo.items WHERE id = 1"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("w{}", n + 1);
        login(&line.target, &name, &all).await;
        line.target.run(&format!("REVOKE {revoked} ON SCHEMA::dbo TO [{name}]")).await;
        line.source.run(change).await;
        // The change has to be in the queue before one run over it can fail.
        line.source.run("INSERT INTO dbo.fence VALUES (NEWID())").await;
        let committed = line.source.number("SELECT COUNT(*) FROM dbo.fence").await;
        tests::wait::until("the change to be in the queue", async || {
            (line.status().await["databases"][0]["changes"].as_i64()? >= 2 * committed).then_some(())
        })
        .await;
        let outcome = tried(&line, "subscriber", At::Target, &name, &once).await;
        lacks(&outcome, &["`subscriber run`", &format!("GRANT {revoked} ON [dbo].[items] TO [{name}]")]);
        grant(&line.target, &name, &format!("GRANT {revoked} ON SCHEMA::dbo TO [repl];")).await;
        succeeded(tried(&line, "subscriber", At::Target, &name, &once).await);
    }
    let state = format!("REVOKE UPDATE ON SCHEMA::[replication] TO [{}]", "w3");
    line.target.run(&state).await;
    line.source.run("INSERT INTO dbo.items VALUES (11, N'eleven')").await;
    tests::wait::until("the last change to be in the queue", async || {
        (line.status().await["databases"][0]["changes"].as_i64()? >= 7).then_some(())
    })
    .await;
    let outcome = tried(&line, "subscriber", At::Target, "w3", &once).await;
    lacks(&outcome, &["GRANT UPDATE ON SCHEMA::[replication] TO [w3]"]);
}

/// What others may do with a table outlives its replacement, or the refresh is refused: with the permissions that are documented, or one less.
#[tokio::test(flavor = "multi_thread")]
async fn snapshot_publications_keep_what_is_granted_with_the_documented_permissions() {
    let line = Line::start().await;
    line.source.run("CREATE TABLE dbo.items (id int NOT NULL PRIMARY KEY); INSERT INTO dbo.items VALUES (1);").await;
    line.publisher_does(&["publication", "add", "--publication", "p", "--type", "snapshot"]).await;
    line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.items"]).await;
    let statements = documented("subscriber, with snapshot publications");
    let grants = "ALTER ROLE db_securityadmin ADD MEMBER [repl];";
    assert!(statements.contains(grants));
    login(&line.target, "repl_writer", &statements.replace(grants, "")).await;
    let does = async |arguments: &[&str]| tried(&line, "subscriber", At::Target, "repl_writer", arguments).await;
    succeeded(does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await);
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    // db_ddladmin does not have it: https://learn.microsoft.com/previous-versions/sql/sql-server-2008/ms189612(v=sql.100)
    lacks(&does(&["run", "--once"]).await, &["GRANT VIEW DEFINITION TO [repl_writer]"]);
    line.target.run("GRANT VIEW DEFINITION TO repl_writer").await;
    succeeded(does(&["run", "--once"]).await);
    line.target
        .run("CREATE ROLE shops; GRANT SELECT ON dbo.items TO shops; GRANT SELECT ON dbo.items TO repl_writer;")
        .await;
    let granted = "SELECT COUNT(*) FROM sys.database_permissions WHERE major_id = OBJECT_ID('dbo.items') AND class = 1 \
                   AND USER_NAME(grantee_principal_id) = 'shops'";
    line.source.run("INSERT INTO dbo.items VALUES (2)").await;
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
    lacks(&does(&["run", "--once"]).await, &["ALTER ROLE db_securityadmin ADD MEMBER"]);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.items").await, 1, "the old table stays");
    assert_eq!(line.target.number(granted).await, 1);
    grant(&line.target, "repl_writer", grants).await;
    succeeded(does(&["run", "--once"]).await);
    assert_eq!(line.target.number("SELECT COUNT(*) FROM dbo.items").await, 2);
    assert_eq!(line.target.number(granted).await, 1);
}
