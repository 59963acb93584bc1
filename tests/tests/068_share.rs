//! A snapshot goes from publisher to subscriber by a share (Samba) that neither has mounted. Who may not log in, or finds the server gone, is
//! told so, and it goes on once that is mended.

#![allow(clippy::unwrap_used)]

#[path = "../../workdir/tests/samba/mod.rs"]
mod samba;

use samba::{PASSWORD, SHARE, Samba};
use std::process::Command;
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, run};
use tests::server::write_secret;

const ROWS: &str = "SELECT * FROM dbo.orders ORDER BY id";

/// A command whose working directory is this one, with the password from a file of this name.
fn command(line: &Line, role: &str, at: At, url: &str, login: &str, secret: &str) -> Command {
    let mut command = line.command(role, at);
    command
        .env("REPL_WORKING_DIRECTORY", url)
        .env("REPL_WORKING_DIRECTORY_LOGIN", login)
        .env("REPL_WORKING_DIRECTORY_PASSWORD_FILE", line.path(secret));
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_travels_by_a_share() {
    let mut line = Line::start().await;
    line.source.run("CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, note nvarchar(max) NULL)").await;
    for thousand in 0..5 {
        let rows: Vec<String> =
            (1..=1000).map(|n| format!("({}, N'order {n} of {thousand} thousand ü')", thousand * 1000 + n)).collect();
        line.source.run(&format!("INSERT INTO dbo.orders VALUES {}", rows.join(", "))).await;
    }
    let mut samba = Samba::start();
    let (url, login) = (samba.url(SHARE, "snapshots of/shops"), samba.login().to_owned());
    write_secret(&line.path("password"), PASSWORD);
    write_secret(&line.path("wrong"), "Tops3cret");

    line.publish("p", &["dbo.orders"]).await;
    line.start_publisher();
    let snapshot = async |line: &Line, secret: &str| -> Outcome {
        let mut snapshot = command(line, "publisher", At::Source, &url, &login, secret);
        snapshot.args(["snapshot", "--publication", "p"]);
        run("snapshot", snapshot, line.folder()).await
    };
    let refused = snapshot(&line, "wrong").await;
    assert!(!refused.status.success() && refused.stderr.contains("does not let this login in"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("Tops3cret"), "{}", refused.stderr);
    let said = succeeded(snapshot(&line, "password").await);
    assert!(said.contains(&url), "{said}");

    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    let load = async |line: &Line| -> Outcome {
        let mut subscriber = command(line, "subscriber", At::Target, &url, &login, "password");
        subscriber.args(["run", "--once"]);
        run("subscriber-once", subscriber, line.folder()).await
    };
    samba.go();
    let gone = load(&line).await;
    assert!(!gone.status.success() && gone.stderr.contains("cannot be reached on port"), "{}", gone.stderr);
    samba.come_back();
    succeeded(load(&line).await);
    assert_eq!(line.assert_equal(ROWS).await, 5000);
}
