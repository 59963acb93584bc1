//! Tracer tokens and latencies, with machines whose clocks and time zones differ.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::*;
use proto::catalog::{Request, Response, SubscriptionState, TracerToken};
use proto::message::{ClientMessage, RefusalKind, Report};
use proto::{Chunk, Lsn, Marker, MarkerKind};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// The publication server stands two hours east, and its clock is 100 s ahead of everybody's.
const SERVER_LOCAL: i64 = 2 * HOUR + 100 * SECOND;
const SERVER_UTC: i64 = 100 * SECOND;
/// The subscriber's clock is a day behind.
const SUBSCRIBER: i64 = -24 * HOUR;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64
}

/// A transaction with nothing but a token, which the publication server committed `ago`.
fn traced(n: u32, token: Uuid, ago: i64) -> Vec<Chunk> {
    let mut chunks = transaction(n, &[], 1);
    chunks[0].committed_at = now() - ago + SERVER_LOCAL;
    chunks[0].marker = Some(Marker { kind: MarkerKind::Tracer, token });
    chunks
}

/// Tells the server's clock, and progress to `lsn`. Gives how long the message may have been on its way: by that, latencies come out too small.
async fn clock(reader: &mut LogReader, lsn: Lsn) -> i64 {
    let sent_at = now();
    let clock = ClientMessage::Clock {
        epoch: reader.epoch,
        sent_at,
        local_ahead: SERVER_LOCAL,
        utc_ahead: SERVER_UTC,
        uncertainty: 1_000,
    };
    reader.sender.send(&clock).await.unwrap();
    reader.progress(lsn).await;
    reader.until_durable(lsn).await;
    now() - sent_at
}

async fn history(distributor: &Distributor, publication: &str) -> Vec<TracerToken> {
    let request = Request::TracerHistory { publication: publication.to_owned() };
    let Response::TracerHistory(tokens) = distributor.admin(request).await.unwrap() else { panic!("no history") };
    tokens
}

async fn until(distributor: &Distributor, publication: &str, what: impl Fn(&TracerToken) -> bool) -> TracerToken {
    let looking = async {
        loop {
            let newest = history(distributor, publication).await.into_iter().next();
            if let Some(newest) = newest.filter(|token| what(token)) {
                return newest;
            }
        }
    };
    tokio::time::timeout(SOON, looking).await.expect("the token to come so far in time")
}

async fn post(distributor: &Distributor, publication: &str) -> Uuid {
    let token = Uuid::new_v4();
    distributor.admin(Request::TracerPost { publication: publication.to_owned(), token }).await.unwrap();
    token
}

async fn arrive(subscriber: &Subscriber, position: Lsn, token: Uuid, ago: i64) {
    let sent_at = now() + SUBSCRIBER;
    let report = Report {
        subscription: subscriber.name.clone(),
        state: SubscriptionState::Active,
        position: Some(position),
        snapshot: None,
        transactions: 0,
        changes: 0,
        error: None,
        loading: vec![],
        tracers: vec![(token, sent_at - ago)],
        sent_at,
    };
    subscriber.sender.send(&ClientMessage::Report(report)).await.unwrap();
    subscriber.sender.flush().await.unwrap();
}

#[tokio::test]
async fn latencies_are_right_whatever_the_clocks_of_server_and_subscriber_say() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    distributor.admin(Request::PublicationAdd(publication("q"))).await.unwrap();
    let mut reader = distributor.attach().await;
    let least = 3 * SECOND - 10_000 - clock(&mut reader, lsn(0)).await;
    let token = post(&distributor, "p").await;
    assert_eq!(history(&distributor, "p").await[0].distributor_commit, None, "pending");

    reader.append(traced(1, token, 3 * SECOND)).await;
    reader.until_durable(lsn(1)).await;
    let mut subscriber = distributor.stream("s", Lsn::ZERO).await;
    let delivered = subscriber.until(lsn(1)).await;
    assert_eq!(delivered.len(), 1, "although nothing of the publication changed: {delivered:?}");
    assert_eq!(delivered[0].marker.unwrap().token, token);
    let there = until(&distributor, "p", |token| token.distributor_commit.is_some()).await;
    assert!(there.distributor_latency().unwrap() >= least, "{there:?}");
    assert!(there.distributor_latency().unwrap() < 63 * SECOND, "{there:?}");
    assert!(!there.subscriptions[0].passed && there.overall_latency(&there.subscriptions[0]).is_none(), "{there:?}");

    arrive(&subscriber, lsn(1), token, 0).await;
    let there = until(&distributor, "p", |token| token.subscriptions[0].subscriber_commit.is_some()).await;
    let arrival = &there.subscriptions[0];
    assert!((0..60 * SECOND).contains(&there.subscriber_latency(arrival).unwrap()), "{there:?}");
    let parts = there.distributor_latency().unwrap() + there.subscriber_latency(arrival).unwrap();
    assert_eq!(there.overall_latency(arrival), Some(parts));
    assert!(history(&distributor, "q").await.is_empty(), "a token of one publication is none of another");

    let status = distributor.status().await;
    let ahead = status.databases[0].clock_ahead.unwrap();
    assert!((ahead - SERVER_UTC).abs() < 10 * SECOND, "{ahead}");
    let latency = status.databases[0].latency.unwrap();
    assert!((least..63 * SECOND).contains(&latency), "{latency}");
    assert!(status.subscriptions[0].latency.unwrap() >= least);
    distributor.stop().await;

    let distributor = Distributor::start(directory.path(), options()).await;
    assert_eq!(history(&distributor, "p").await, [there], "it outlives the process");
    distributor.stop().await;
}

#[tokio::test]
async fn a_subscription_that_was_just_loaded_is_not_as_late_as_its_snapshot_is_old() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let articles = distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    let least = 60 * SECOND - 10_000 - clock(&mut reader, lsn(0)).await;
    let token = post(&distributor, "p").await;
    reader.append(traced(1, token, 60 * SECOND)).await;
    reader.until_durable(lsn(1)).await;
    distributor.register(&snapshot("p", &articles, lsn(1))).await.unwrap();
    let subscriber = distributor.stream("s", lsn(1)).await;
    arrive(&subscriber, lsn(1), token, 0).await;
    let status = distributor.until(|s| s.subscriptions[0].reported_at.is_some()).await;
    assert_eq!(status.subscriptions[0].latency, None, "{status:?}");

    reader.append(traced(2, token, 60 * SECOND)).await;
    reader.until_durable(lsn(2)).await;
    let waiting = distributor.status().await.subscriptions[0].latency;
    assert!(waiting.unwrap() >= least, "{waiting:?}");
    arrive(&subscriber, lsn(2), token, 0).await;
    let status = distributor.until(|s| s.subscriptions[0].pending_transactions == 0).await;
    assert!(status.subscriptions[0].latency.unwrap() >= least, "{status:?}");
    distributor.stop().await;
}

#[tokio::test]
async fn a_latency_that_the_clocks_contradict_is_unknown_and_never_negative() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    // Nothing is known of the server's clock yet.
    let token = post(&distributor, "p").await;
    reader.append(traced(1, token, 0)).await;
    let there = until(&distributor, "p", |token| token.distributor_commit.is_some()).await;
    assert_eq!(there.distributor_latency(), None);
    assert_eq!(distributor.status().await.databases[0].latency, None);
    // It was set a minute ahead since it was measured.
    clock(&mut reader, Lsn::new(1, 1, 2)).await;
    let token = post(&distributor, "p").await;
    reader.append(traced(2, token, -60 * SECOND)).await;
    reader.until_durable(lsn(2)).await;
    let there = until(&distributor, "p", |shown| shown.token == token && shown.distributor_commit.is_some()).await;
    assert_eq!(there.distributor_latency(), None, "{there:?}");
    assert_eq!(distributor.status().await.databases[0].latency, None);
    distributor.stop().await;
}

#[tokio::test]
async fn the_history_is_bounded_and_ends_with_its_publication() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.admin(Request::PublicationAdd(publication("p"))).await.unwrap();
    let mut connection = distributor.connect().await;
    let mut tokens = Vec::new();
    for _ in 0..205 {
        let token = Uuid::new_v4();
        connection.request(Request::TracerPost { publication: "p".to_owned(), token }).await.unwrap();
        tokens.push(token);
    }
    let kept: Vec<Uuid> = history(&distributor, "p").await.into_iter().map(|token| token.token).collect();
    let newest: Vec<Uuid> = tokens.iter().rev().take(200).copied().collect();
    assert_eq!(kept, newest);
    let again = Request::TracerPost { publication: "p".to_owned(), token: tokens[204] };
    assert_eq!(distributor.admin(again).await.unwrap_err().kind, RefusalKind::Exists);
    let nowhere = Request::TracerPost { publication: "nothing".to_owned(), token: Uuid::new_v4() };
    assert_eq!(distributor.admin(nowhere).await.unwrap_err().kind, RefusalKind::NotFound);
    distributor.admin(Request::PublicationDrop { name: "p".to_owned() }).await.unwrap();
    distributor.admin(Request::PublicationAdd(publication("p"))).await.unwrap();
    assert!(history(&distributor, "p").await.is_empty());
    distributor.stop().await;
}
