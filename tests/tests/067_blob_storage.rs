//! A snapshot goes from publisher to subscriber by a container of Azure Blob Storage (Azurite), over TLS and compressed: the publisher
//! writes it with the account's key, the subscriber reads it with a signature that allows nothing else.

#![allow(clippy::unwrap_used)]

#[path = "../../workdir/tests/azurite/mod.rs"]
mod azurite;

use azurite::{Azurite, NEVER, key, signature};
use std::process::Command;
use tests::line::{At, Line, succeeded};
use tests::process::{Outcome, run};
use tests::server::write_secret;

const CONTAINER: &str = "snapshots";
const ROWS: &str = "SELECT * FROM dbo.orders ORDER BY id";

/// A command that finds the secret in a file and the working directory at this URL, or is told it by the distributor. It trusts no
/// certificate but the distributor's, which Azurite has too.
fn command(line: &Line, role: &str, at: At, secret: &str, url: Option<&str>) -> Command {
    let mut command = line.command(role, at);
    command.env("REPL_WORKING_DIRECTORY_PASSWORD_FILE", line.path(secret)).env_remove("REPL_WORKING_DIRECTORY");
    command.env("SSL_CERT_FILE", line.path("queue/tls/cert.pem"));
    if let Some(url) = url {
        command.env("REPL_WORKING_DIRECTORY", url);
    }
    command
}

async fn load(line: &Line, secret: &str) -> Outcome {
    let mut subscriber = command(line, "subscriber", At::Target, secret, None);
    subscriber.args(["run", "--once"]);
    run("subscriber-once", subscriber, line.folder()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_snapshot_travels_by_blob_storage() {
    let mut line = Line::start().await;
    line.source.run("CREATE TABLE dbo.orders (id int NOT NULL PRIMARY KEY, note nvarchar(max) NULL)").await;
    for thousand in 0..5 {
        let rows: Vec<String> =
            (1..=1000).map(|n| format!("({}, N'order {n} of {thousand} thousand ü')", thousand * 1000 + n)).collect();
        line.source.run(&format!("INSERT INTO dbo.orders VALUES {}", rows.join(", "))).await;
    }
    let azurite = Azurite::start(Some((&line.path("queue/tls/cert.pem"), &line.path("queue/tls/key.pem"))));
    azurite.make_container(CONTAINER);
    let url = format!("{}/shop", azurite.url(CONTAINER));
    write_secret(&line.path("key"), &key());
    write_secret(&line.path("read.sas"), &signature(CONTAINER, "r", NEVER));
    write_secret(&line.path("expired.sas"), &signature(CONTAINER, "r", "2020-01-01T00:00:00Z"));

    line.publish("p", &["dbo.orders"]).await;
    line.start_publisher();
    let mut snapshot = command(&line, "publisher", At::Source, "key", Some(&url));
    snapshot.args(["snapshot", "--publication", "p", "--compression", "zstd"]);
    let said = succeeded(run("snapshot", snapshot, line.folder()).await);
    assert!(said.contains(&url), "{said}");
    // Nobody is talked to who shows a certificate that is not trusted, and without any to trust there is no TLS.
    let other = sandbox::server::Certificate::generate(&[]).unwrap();
    std::fs::write(line.path("other.pem"), other.authority_pem()).unwrap();
    std::fs::write(line.path("none.pem"), "").unwrap();
    for (trusted, said) in [("other.pem", "invalid peer certificate"), ("none.pem", "ca-certificates")] {
        let mut stranger = command(&line, "publisher", At::Source, "key", Some(&url));
        stranger.env("SSL_CERT_FILE", line.path(trusted)).env("SSL_CERT_DIR", line.path("no-folder"));
        stranger.args(["snapshot", "--publication", "p"]);
        let stranger = run("stranger", stranger, line.folder()).await;
        assert!(stranger.status.code() == Some(1) && stranger.stderr.contains(said), "{}", stranger.stderr);
    }
    // What may only read cannot write one, and is told so without being repeated.
    let mut refused = command(&line, "publisher", At::Source, "read.sas", Some(&url));
    refused.args(["snapshot", "--publication", "p"]);
    let refused = run("refused", refused, line.folder()).await;
    assert!(!refused.status.success() && refused.stderr.contains("access denied"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("sig="), "{}", refused.stderr);

    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    let expired = load(&line, "expired.sas").await;
    assert!(!expired.status.success() && expired.stderr.contains("has expired"), "{}", expired.stderr);
    assert!(!expired.stderr.contains("sig="), "{}", expired.stderr);
    succeeded(load(&line, "read.sas").await);
    assert_eq!(line.assert_equal(ROWS).await, 5000);
}
