//! The program itself, killed at random moments under load: what it acknowledged is there, in order, once.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::*;
use proto::catalog::Request;
use proto::message::{ClientMessage, ServerMessage};
use proto::{Chunk, Lsn};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

async fn start(directory: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_distributor"))
        .args(["run", "--no-tls", "--listen", "127.0.0.1:0", "--segment-size", "64KiB", "--log", "warn", "--data-dir"])
        .arg(directory)
        .env_remove("REPL_CONFIG")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(SOON, lines.next_line()).await.expect("it starts in time").unwrap().unwrap();
    let address = line.strip_prefix("listening on ").unwrap().to_owned();
    (child, address)
}

/// Sends transactions after the queue's position until the connection breaks; returns the highest LSN acknowledged.
async fn feed(reader: LogReader, articles: &[proto::ArticleId]) -> Option<Lsn> {
    let LogReader { epoch, position, sender, mut receiver, .. } = reader;
    let first = position.map_or(1, number) + 1;
    let sending = async {
        for n in first.. {
            let chunks: Vec<Chunk> = transaction(n, articles, 1 + n % 4);
            // In two messages, so that a kill can fall between them.
            let (a, b) = chunks.split_at(chunks.len() / 2);
            for chunks in [a, b] {
                let message = ClientMessage::Append { epoch, chunks: chunks.to_vec() };
                if sender.send(&message).await.is_err() || sender.flush().await.is_err() {
                    return;
                }
            }
        }
    };
    let mut acknowledged = position;
    let receiving = async {
        while let Ok(message) = receiver.next().await {
            if let ServerMessage::Durable { lsn } = message {
                acknowledged = Some(lsn);
            }
        }
    };
    tokio::join!(sending, receiving);
    acknowledged
}

fn number(lsn: Lsn) -> u32 {
    (u128::from(lsn) >> 16) as u32
}

#[tokio::test]
async fn killed_at_any_moment_it_loses_nothing_that_it_acknowledged() {
    let directory = data_directory();
    let mut rng = StdRng::seed_from_u64(7);
    let mut articles = Vec::new();
    let mut acknowledged: Option<Lsn> = None;
    let mut round = 0;
    // On a busy machine it may be killed before it has acknowledged anything.
    while round < 6 || acknowledged <= Some(lsn(10)) {
        assert!(round < 60, "it acknowledges next to nothing: {acknowledged:?}");
        let (mut child, address) = start(directory.path()).await;
        if round == 0 {
            let mut connection = connect(&address, "admin", PASSWORD).await.unwrap();
            connection.request(Request::PublicationAdd(publication("p"))).await.unwrap();
            for table in ["t1", "t2"] {
                let added = connection.request(Request::ArticleAdd(Box::new(article("p", table)))).await.unwrap();
                let proto::catalog::Response::ArticleAdded(id) = added else { panic!("{added:?}") };
                articles.push(id);
            }
            connection.request(Request::SubscriptionAdd(subscription("s", "p"))).await.unwrap();
        }
        // Logging in takes long on a busy machine; what may be killed at any moment begins after it.
        let feeding = feed(LogReader::attach(&address, Uuid::new_v4()).await.unwrap(), &articles);
        let killing = async {
            tokio::time::sleep(Duration::from_millis(rng.random_range(100..600))).await;
            child.kill().await.unwrap();
        };
        let (now, ()) = tokio::join!(feeding, killing);
        assert!(now >= acknowledged, "round {round}");
        acknowledged = now;
        round += 1;
    }
    let (_child, address) = start(directory.path()).await;
    let position = LogReader::attach(&address, Uuid::new_v4()).await.unwrap().position.unwrap();
    assert!(Some(position) >= acknowledged);
    let mut subscriber = Subscriber::open(&address, "s", Lsn::ZERO).await.unwrap();
    let delivered = subscriber.until(position).await;
    let expected: Vec<Chunk> = (2..=number(position)).flat_map(|n| transaction(n, &articles, 1 + n % 4)).collect();
    assert!(delivered == expected, "{} chunks delivered, {} expected", delivered.len(), expected.len());
}
