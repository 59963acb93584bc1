//! A snapshot goes from publisher to subscriber by storage that neither has mounted: a container of Azure Blob Storage (Azurite), over TLS
//! and compressed, which the publisher writes with the account's key and the subscriber reads with a signature that allows nothing else; and a
//! share (Samba). Who may not get in, or finds the server gone, is told so, and it goes on once that is mended.

#![allow(clippy::unwrap_used)]

#[path = "../../workdir/tests/azurite/mod.rs"]
mod azurite;
#[path = "../../workdir/tests/samba/mod.rs"]
mod samba;

use azurite::{Azurite, NEVER, key, signature};
use samba::{PASSWORD, SHARE, Samba};
use std::process::Command;
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, run};
use tests::server::write_secret;

const CONTAINER: &str = "snapshots";
const ROWS: &str = "SELECT * FROM dbo.orders ORDER BY id";

/// A published table, followed by the log reader.
async fn published() -> Line {
    let mut line = Line::start().await;
    line.source.run("CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, note nvarchar(max) NULL)").await;
    for thousand in 0..5 {
        let rows: Vec<String> =
            (1..=1000).map(|n| format!("({}, N'order {n} of {thousand} thousand ü')", thousand * 1000 + n)).collect();
        line.source.run(&format!("INSERT INTO dbo.orders VALUES {}", rows.join(", "))).await;
    }
    line.publish("p", &["dbo.orders"]).await;
    line.start_publisher();
    line
}

async fn subscribe(line: &Line) {
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
}

/// A command that finds the secret of the working directory in a file of this name.
fn command(line: &Line, role: &str, at: At, secret: &str) -> Command {
    let mut command = line.command(role, at);
    command.env("REPL_WORKING_DIRECTORY_PASSWORD_FILE", line.path(secret));
    command
}

async fn snapshot(line: &Line, mut command: Command, more: &[&str]) -> Outcome {
    command.args(["snapshot", "--publication", "p"]).args(more);
    run("snapshot", command, line.folder()).await
}

async fn load(line: &Line, mut command: Command) -> Outcome {
    command.args(["run", "--once"]);
    run("subscriber-once", command, line.folder()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_snapshot_travels_by_blob_storage() {
    let line = published().await;
    let azurite = Azurite::start(Some((&line.path("queue/tls/cert.pem"), &line.path("queue/tls/key.pem"))));
    azurite.make_container(CONTAINER);
    let url = format!("{}/shop", azurite.url(CONTAINER));
    write_secret(&line.path("key"), &key());
    write_secret(&line.path("read.sas"), &signature(CONTAINER, "r", NEVER));
    write_secret(&line.path("expired.sas"), &signature(CONTAINER, "r", "2020-01-01T00:00:00Z"));
    // They trust no certificate but the distributor's, which Azurite has too.
    let publisher = |secret: &str| {
        let mut command = command(&line, "publisher", At::Source, secret);
        command.env("REPL_WORKING_DIRECTORY", &url).env("SSL_CERT_FILE", line.path("queue/tls/cert.pem"));
        command
    };
    // The distributor tells it the URL.
    let subscriber = |secret: &str| {
        let mut command = command(&line, "subscriber", At::Target, secret);
        command.env_remove("REPL_WORKING_DIRECTORY").env("SSL_CERT_FILE", line.path("queue/tls/cert.pem"));
        command
    };

    let said = succeeded(snapshot(&line, publisher("key"), &["--compression", "zstd"]).await);
    assert!(said.contains(&url), "{said}");
    // Nobody is talked to who shows a certificate that is not trusted, and without any to trust there is no TLS.
    let other = sandbox::server::Certificate::generate(&[]).unwrap();
    std::fs::write(line.path("other.pem"), other.authority_pem()).unwrap();
    std::fs::write(line.path("none.pem"), "").unwrap();
    for (trusted, said) in [("other.pem", "invalid peer certificate"), ("none.pem", "ca-certificates")] {
        let mut stranger = publisher("key");
        stranger.env("SSL_CERT_FILE", line.path(trusted)).env("SSL_CERT_DIR", line.path("no-folder"));
        let stranger = snapshot(&line, stranger, &[]).await;
        assert!(stranger.status.code() == Some(1) && stranger.stderr.contains(said), "{}", stranger.stderr);
    }
    // What may only read cannot write one, and is told so without being repeated.
    let refused = snapshot(&line, publisher("read.sas"), &[]).await;
    assert!(!refused.status.success() && refused.stderr.contains("access denied"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("sig="), "{}", refused.stderr);

    subscribe(&line).await;
    let expired = load(&line, subscriber("expired.sas")).await;
    assert!(!expired.status.success() && expired.stderr.contains("has expired"), "{}", expired.stderr);
    assert!(!expired.stderr.contains("sig="), "{}", expired.stderr);
    succeeded(load(&line, subscriber("read.sas")).await);
    assert_eq!(line.assert_equal(ROWS).await, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_travels_by_a_share() {
    let line = published().await;
    let mut samba = Samba::start();
    let (url, login) = (samba.url(SHARE, "snapshots of/shops"), samba.login().to_owned());
    write_secret(&line.path("password"), PASSWORD);
    write_secret(&line.path("wrong"), "Tops3cret");
    let at_share = |role: &str, at: At, secret: &str| {
        let mut command = command(&line, role, at, secret);
        command.env("REPL_WORKING_DIRECTORY", &url).env("REPL_WORKING_DIRECTORY_LOGIN", &login);
        command
    };

    let refused = snapshot(&line, at_share("publisher", At::Source, "wrong"), &[]).await;
    assert!(!refused.status.success() && refused.stderr.contains("does not let this login in"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("Tops3cret"), "{}", refused.stderr);
    let said = succeeded(snapshot(&line, at_share("publisher", At::Source, "password"), &[]).await);
    assert!(said.contains(&url), "{said}");

    subscribe(&line).await;
    samba.go();
    let gone = load(&line, at_share("subscriber", At::Target, "password")).await;
    assert!(!gone.status.success() && gone.stderr.contains("cannot be reached on port"), "{}", gone.stderr);
    samba.come_back();
    succeeded(load(&line, at_share("subscriber", At::Target, "password")).await);
    assert_eq!(line.assert_equal(ROWS).await, 5000);
}
