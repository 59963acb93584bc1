//! The server and the distributor as they are reached from here.

use super::Findings;
use crate::error::Error;
use crate::publication::now;
use proto::Article;
use proto::catalog::{Publication, Request, Response};
use proto::message::RefusalKind;
use proto::transport::{ConnectOptions, Connection, TransportError};
use sqlserver::{Client, Encryption, ErrorKind, ServerOptions, database};

const REACHABLE: &str = "server reachable";
const TLS: &str = "server TLS";
const LOGIN: &str = "server login";
const DATABASE: &str = "database";
const DISTRIBUTOR: &str = "distributor reachable";
const DISTRIBUTOR_LOGIN: &str = "distributor login";
const DISTRIBUTOR_VERSION: &str = "distributor version";
const CLOCK: &str = "clock difference";

/// Clocks further apart than this are worth a word.
const CLOCK_LIMIT: i64 = 5_000_000;

/// Connects to the server; one line for each step of that, up to the one that fails.
pub(super) async fn server(options: &ServerOptions, findings: &mut Findings) -> Option<Client> {
    let connected = Client::connect(options).await;
    let place = options.place();
    let error = connected.as_ref().err();
    let failed_at = error.map(|error| match error.kind {
        ErrorKind::Tls => TLS,
        ErrorKind::Login => LOGIN,
        ErrorKind::NoDatabase => DATABASE,
        _ => REACHABLE,
    });
    for step in [REACHABLE, TLS, LOGIN, DATABASE] {
        if failed_at == Some(step) {
            let said = error.map(ToString::to_string).unwrap_or_default();
            let more = match step {
                DATABASE => ". It exists? Then: CREATE USER for the login there",
                _ => "",
            };
            let said = if more.is_empty() { said.as_str() } else { said.trim_end_matches('.') };
            findings.fail(step, format!("{said}{more}"));
            return None;
        }
        match step {
            TLS => encryption(options, findings),
            LOGIN => findings.pass(step, format!("logged in as {}", options.login)),
            DATABASE => findings.pass(step, options.database.clone()),
            _ => findings.pass(step, place.clone()),
        }
    }
    connected.ok()
}

fn encryption(options: &ServerOptions, findings: &mut Findings) {
    match options.encryption {
        Encryption::Required if options.trust_server_certificate => {
            findings.advice(TLS, "encrypted, but whoever answers is trusted: `trust-server-certificate` is set");
        }
        Encryption::Required => findings.pass(TLS, "encrypted, certificate verified"),
        Encryption::LoginOnly => findings.advice(TLS, "only the login is encrypted: rows can be read on the network"),
        Encryption::Off => findings.advice(TLS, "nothing is encrypted: password and rows can be read on the network"),
    }
}

/// What the distributor knows.
pub(super) struct Distributor {
    pub publications: Vec<Publication>,
    pub articles: Vec<Article>,
    /// The distributor's clock less this machine's, microseconds.
    pub clock_ahead: i64,
}

/// Connects to the distributor and asks it what it knows.
pub(super) async fn distributor(options: &ConnectOptions, findings: &mut Findings) -> Option<Distributor> {
    let mut connection = match Connection::connect(options).await {
        Ok(connection) => connection,
        Err(error) => {
            let denied = error.refusal().is_some_and(|refusal| refusal.kind == RefusalKind::Denied);
            if denied {
                findings.pass(DISTRIBUTOR, options.address.clone());
            }
            findings.fail(if denied { DISTRIBUTOR_LOGIN } else { DISTRIBUTOR }, error.to_string());
            return None;
        }
    };
    findings.pass(DISTRIBUTOR, options.address.clone());
    version(connection.software(), env!("CARGO_PKG_VERSION"), findings);
    match ask(&mut connection).await {
        Ok(known) => {
            findings.pass(DISTRIBUTOR_LOGIN, format!("logged in as {}", options.login));
            Some(known)
        }
        Err(error) => {
            findings.fail(DISTRIBUTOR_LOGIN, error.to_string());
            None
        }
    }
}

async fn ask(connection: &mut Connection) -> Result<Distributor, TransportError> {
    let before = now();
    let status = connection.request(Request::Status).await?;
    let middle = before + (now() - before) / 2;
    let clock_ahead = if let Response::Status(status) = status { status.now - middle } else { 0 };
    let publications = match connection.request(Request::PublicationList).await? {
        Response::Publications(publications) => publications,
        _ => Vec::new(),
    };
    let articles = match connection.request(Request::ArticleList { publication: None }).await? {
        Response::Articles(articles) => articles,
        _ => Vec::new(),
    };
    Ok(Distributor { publications, articles, clock_ahead })
}

/// A distributor is at least as new as its publishers, as with SQL Server's own replication
/// (<https://learn.microsoft.com/sql/relational-databases/replication/replication-backward-compatibility>).
fn version(distributor: &str, publisher: &str, findings: &mut Findings) {
    let parts = |version: &str| -> Vec<u64> {
        version.split(['.', '-', '+']).take(3).map(|part| part.parse().unwrap_or(0)).collect()
    };
    if parts(distributor) < parts(publisher) {
        findings.fail(
            DISTRIBUTOR_VERSION,
            format!(
                "the distributor is version {distributor}, this publisher {publisher}: upgrade the distributor first"
            ),
        );
    } else {
        findings.pass(DISTRIBUTOR_VERSION, format!("{distributor}, this publisher {publisher}"));
    }
}

/// Compares the server's clock with the distributor's.
pub(super) async fn clocks(client: &mut Client, distributor_ahead: i64, findings: &mut Findings) -> Result<(), Error> {
    let before = now();
    let clock = database::clock(client).await?;
    let ahead = clock.utc - (before + (now() - before) / 2) - distributor_ahead;
    let shown = format!("the server's clock is {:+.1} s against the distributor's", ahead as f64 / 1e6);
    if ahead.abs() > CLOCK_LIMIT {
        findings
            .advice(CLOCK, format!("{shown}; latencies take it into account, but times of the two cannot be compared"));
    } else {
        findings.pass(CLOCK, shown);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Findings, Verdict};
    use super::version;

    #[test]
    fn a_distributor_older_than_the_publisher_fails() {
        for (distributor, publisher, verdict) in [
            ("1.2.0", "1.2.0", Verdict::Pass),
            ("1.10.0", "1.9.3", Verdict::Pass),
            ("1.9.3", "1.10.0", Verdict::Fail),
            ("0.1.0", "1.0.0-beta", Verdict::Fail),
        ] {
            let mut findings = Findings::default();
            version(distributor, publisher, &mut findings);
            assert_eq!(findings.0[0].verdict, verdict, "{distributor} {publisher}");
        }
    }
}
