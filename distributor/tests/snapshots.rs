//! Snapshots: the queue is kept for those that are being taken and for who is to load them; several together hold a publication's
//! articles; a late article comes to a running subscription.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use distributor::service::Options;
use harness::*;
use proto::catalog::{Request, Response, Snapshot, SubscriptionState};
use proto::message::{ClientMessage, RefusalKind, Report, ServerMessage};
use proto::snapshot::{SnapshotProgress, TableProgress};
use proto::{ArticleId, Chunk, Lsn, TableName};
use std::time::Duration;
use uuid::Uuid;

fn begin(snapshot: Uuid, tables: Option<&[&str]>) -> Request {
    let table = |table: &&str| TableName { schema: "dbo".to_owned(), table: (*table).to_owned() };
    let articles = tables.map(|tables| tables.iter().map(table).collect());
    Request::SnapshotBegin { publication: "p".to_owned(), snapshot, articles }
}

/// What a snapshot that begins is told.
async fn begun(distributor: &Distributor, request: Request) -> (Vec<ArticleId>, Option<Lsn>) {
    match distributor.admin(request).await.unwrap() {
        Response::SnapshotBegun { articles, kept_after, .. } => (articles.iter().map(|a| a.id).collect(), kept_after),
        other => panic!("{other:?}"),
    }
}

fn register(snapshot: &Snapshot) -> Request {
    Request::SnapshotRegister(snapshot.clone())
}

/// Appends transactions, of which some ten fill a file of the queue.
async fn fill(reader: &mut LogReader, numbers: std::ops::RangeInclusive<u32>, articles: &[ArticleId]) {
    for n in numbers.clone() {
        reader.append(transaction(n, articles, 10)).await;
    }
    reader.until_durable(lsn(*numbers.end())).await;
}

/// Waits until as much of the queue is gone as may go, where what follows this position may not.
async fn dropped_up_to(distributor: &Distributor, after: u32) {
    // A file of 4 KiB holds less than three of these transactions.
    let near = lsn(after.saturating_sub(4));
    let status = distributor.until(|s| s.databases[0].oldest > Some(near)).await;
    let oldest = status.databases[0].oldest.unwrap();
    assert!(oldest <= lsn(after + 1), "what follows {after} is gone: the queue begins with {oldest}");
}

fn small_files() -> Options {
    Options { segment_size: 4 << 10, ..options() }
}

#[tokio::test]
async fn the_queue_is_kept_for_a_snapshot_that_is_being_taken_also_across_a_restart() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), small_files()).await;
    let p = distributor.publish(2).await;
    let mut reader = distributor.attach().await;
    fill(&mut reader, 1..=20, &p).await;
    let mut taken = snapshot("p", &p, lsn(25));
    assert_eq!(begun(&distributor, begin(taken.id, None)).await, (p.clone(), Some(lsn(20))));
    fill(&mut reader, 21..=60, &p).await;
    dropped_up_to(&distributor, 20).await;
    // It goes on after a restart of both sides, from where it was first begun.
    drop(reader);
    distributor.stop().await;
    let distributor = Distributor::start(directory.path(), small_files()).await;
    assert_eq!(distributor.status().await.snapshots[0].snapshot, taken.id);
    let mut reader = distributor.attach().await;
    fill(&mut reader, 61..=90, &p).await;
    assert_eq!(begun(&distributor, begin(taken.id, None)).await, (p.clone(), Some(lsn(20))));
    dropped_up_to(&distributor, 20).await;
    // Its parts are as of where they were finished.
    taken.boundaries.push((p[1], lsn(88)));
    distributor.admin(register(&taken)).await.unwrap();
    assert_eq!(distributor.status().await.snapshots, []);
    // Once more, as after an answer that was lost, changes nothing; another one of this name is refused.
    distributor.admin(register(&taken)).await.unwrap();
    taken.rows += 1;
    assert_eq!(distributor.admin(register(&taken)).await.unwrap_err().kind, RefusalKind::Exists);
    assert_eq!(distributor.admin(begin(taken.id, None)).await.unwrap_err().kind, RefusalKind::Exists);
    // Nobody is there to load it: it pins nothing any more, and cannot be used from then on.
    fill(&mut reader, 91..=95, &p).await;
    distributor.until(|s| s.databases[0].segments == 1).await;
    assert_eq!(distributor.latest(&[]).await, None);
    distributor.stop().await;
}

#[tokio::test]
async fn a_snapshot_that_was_given_up_pins_nothing_and_is_not_registered() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), small_files()).await;
    let p = distributor.publish(2).await;
    let mut reader = distributor.attach().await;
    fill(&mut reader, 1..=20, &p).await;
    // It waits for a snapshot, so the queue is kept for it.
    distributor.subscribe_to("p", "s").await.unwrap();
    let abandoned = snapshot("p", &p, lsn(25));
    distributor.begin(&abandoned).await.unwrap();
    for _ in 0..2 {
        distributor.admin(Request::SnapshotAbandon { snapshot: abandoned.id }).await.unwrap();
    }
    let refusal = distributor.admin(register(&abandoned)).await.unwrap_err();
    assert!(refusal.kind == RefusalKind::Expired && refusal.message.contains("take it again"), "{refusal}");
    // Another one of the same articles comes in the place of one whose agent must be gone, one of others does not.
    let (old, beside) = (snapshot("p", &p[..1], lsn(25)), snapshot("p", &p[1..], lsn(25)));
    assert_eq!(begun(&distributor, begin(old.id, Some(&["T1"]))).await.0, p[..1]);
    assert_eq!(begun(&distributor, begin(beside.id, Some(&["t2"]))).await.0, p[1..]);
    fill(&mut reader, 21..=40, &p).await;
    let new = snapshot("p", &p[..1], lsn(45));
    distributor.admin(begin(new.id, Some(&["t1", "t1"]))).await.unwrap();
    assert_eq!(distributor.admin(register(&old)).await.unwrap_err().kind, RefusalKind::Expired);
    let refusal =
        distributor.admin(register(&Snapshot { boundaries: old.boundaries, ..new.clone() })).await.unwrap_err();
    assert!(refusal.kind == RefusalKind::Invalid && refusal.message.contains(&lsn(25).to_string()), "{refusal}");
    distributor.admin(register(&new)).await.unwrap();
    distributor.admin(register(&beside)).await.unwrap();
    assert_eq!(distributor.latest(&[]).await.unwrap().len(), 2);
    distributor.stop().await;
}

#[tokio::test]
async fn past_the_maximum_retention_a_snapshot_is_given_up_visibly() {
    let directory = data_directory();
    let options = Options { max_retention: Duration::from_millis(1), ..small_files() };
    let distributor = Distributor::start(directory.path(), options).await;
    let p = distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    fill(&mut reader, 1..=5, &p).await;
    let slow = snapshot("p", &p, lsn(50));
    distributor.begin(&slow).await.unwrap();
    fill(&mut reader, 6..=40, &p).await;
    let status = distributor.until(|s| s.snapshots.first().is_some_and(|s| s.error.is_some())).await;
    assert!(status.snapshots[0].error.as_ref().unwrap().contains("maximum retention"), "{:?}", status.snapshots);
    let refusal = distributor.admin(register(&slow)).await.unwrap_err();
    assert!(refusal.message.contains("maximum retention") && refusal.message.contains("again"), "{refusal}");
    // Begun again it is of now.
    let (_, kept_after) = begun(&distributor, begin(slow.id, None)).await;
    assert_eq!(kept_after, Some(lsn(40)));
    assert_eq!(distributor.status().await.snapshots[0].error, None);
    distributor.admin(register(&slow)).await.unwrap();
    distributor.stop().await;
}

#[tokio::test]
async fn a_snapshot_of_what_is_not_published_is_refused_by_name() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let refusal = distributor.admin(begin(Uuid::new_v4(), Some(&["t1", "t9"]))).await.unwrap_err();
    assert!(refusal.kind == RefusalKind::NotFound && refusal.message.contains("dbo.t9"), "{refusal}");
    assert_eq!(distributor.admin(begin(Uuid::new_v4(), Some(&[]))).await.unwrap_err().kind, RefusalKind::Invalid);
    let none = snapshot("p", &[], lsn(1));
    assert_eq!(distributor.register(&none).await.unwrap_err().kind, RefusalKind::Invalid);
    let unknown = snapshot("p", &[p[0], ArticleId(99)], lsn(1));
    assert_eq!(distributor.register(&unknown).await.unwrap_err().kind, RefusalKind::Invalid);
    distributor.stop().await;
}

#[tokio::test]
async fn the_fewest_newest_snapshots_that_hold_what_is_lacking_are_given() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(3).await;
    let [first, second, third] = [p[0], p[1], p[2]];
    let two = snapshot("p", &[first, second], lsn(5));
    distributor.register(&two).await.unwrap();
    assert_eq!(distributor.latest(&[]).await, None, "the third is in none");
    assert_eq!(distributor.latest(&[third]).await, Some(vec![(two.id, vec![first, second])]));
    let one = snapshot("p", &[second], lsn(7));
    distributor.register(&one).await.unwrap();
    assert_eq!(distributor.latest(&[first, third]).await, Some(vec![(one.id, vec![second])]), "the newest");
    let rest = snapshot("p", &[third], lsn(6));
    distributor.register(&rest).await.unwrap();
    let both = vec![(two.id, vec![first, second]), (rest.id, vec![third])];
    assert_eq!(distributor.latest(&[]).await, Some(both), "two are fewer than three");
    assert_eq!(distributor.latest(&p).await, Some(vec![]));
    // Who has some is not held up by what is in none.
    distributor.add_article("p", "t4").await.unwrap();
    assert_eq!(distributor.latest(&[]).await, None);
    assert_eq!(distributor.latest(&[first, second]).await, Some(vec![(rest.id, vec![third])]));
    assert_eq!(distributor.latest(&p).await, None);
    distributor.stop().await;
}

#[tokio::test]
async fn a_new_subscription_keeps_the_queue_for_all_the_snapshots_it_begins_with() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), small_files()).await;
    let p = distributor.publish(2).await;
    let mut reader = distributor.attach().await;
    fill(&mut reader, 1..=10, &p).await;
    let (early, late) = (snapshot("p", &p[..1], lsn(20)), snapshot("p", &p[1..], lsn(40)));
    distributor.admin(begin(early.id, Some(&["t1"]))).await.unwrap();
    fill(&mut reader, 11..=30, &p).await;
    distributor.admin(register(&early)).await.unwrap();
    distributor.admin(begin(late.id, Some(&["t2"]))).await.unwrap();
    // While the second article is being taken: what follows the first one's boundary is kept.
    distributor.subscribe_to("p", "s").await.unwrap();
    fill(&mut reader, 31..=60, &p).await;
    distributor.admin(register(&late)).await.unwrap();
    fill(&mut reader, 61..=70, &p).await;
    dropped_up_to(&distributor, 20).await;
    assert_eq!(distributor.latest(&[]).await.unwrap().len(), 2);
    let mut subscriber = Subscriber::with(&distributor.address, "s", lsn(20), &p).await.unwrap();
    assert_eq!(subscriber.until(lsn(70)).await[0].lsn, lsn(21));
    distributor.stop().await;
}

#[tokio::test]
async fn a_late_article_comes_to_a_running_subscription_with_all_that_follows_its_snapshot() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), small_files()).await;
    let old = distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    fill(&mut reader, 1..=10, &old).await;
    let mut running = Subscriber::with(&distributor.address, "s", lsn(5), &old).await.unwrap();
    running.until(lsn(10)).await;
    running.report(SubscriptionState::Active, Some(lsn(10))).await;

    let late = distributor.add_article("p", "t2").await.unwrap();
    let both = [old[0], late];
    let version = loop {
        if let ServerMessage::Articles { version, articles } = next(&mut reader.receiver).await {
            assert_eq!(articles.len(), 2);
            break version;
        }
    };
    let in_use = ClientMessage::ArticlesInUse { epoch: reader.epoch, version };
    reader.sender.send(&in_use).await.unwrap();
    reader.sender.flush().await.unwrap();
    let taken = snapshot("p", &[late], lsn(20));
    distributor.admin(begin(taken.id, Some(&["t2"]))).await.unwrap();
    fill(&mut reader, 11..=40, &both).await;
    let delivered = running.until(lsn(40)).await;
    let of_late = |chunk: &Chunk| chunk.segments.iter().any(|segment| segment.article == late);
    assert!(delivered.len() == 300 && !delivered.iter().any(of_late), "what it lacks is not delivered");
    running.report(SubscriptionState::Active, Some(lsn(40))).await;

    distributor.admin(register(&taken)).await.unwrap();
    assert_eq!(next(&mut running.receiver).await, ServerMessage::SnapshotReady);
    assert_eq!(distributor.latest(&old).await, Some(vec![(taken.id, vec![late])]));
    // It loads beside the stream, for as long as it takes, over restarts of everybody.
    fill(&mut reader, 41..=60, &both).await;
    running.until(lsn(60)).await;
    running.report(SubscriptionState::Active, Some(lsn(60))).await;
    dropped_up_to(&distributor, 20).await;
    drop((running, reader));
    distributor.stop().await;
    let distributor = Distributor::start(directory.path(), small_files()).await;
    let mut reader = distributor.attach().await;
    fill(&mut reader, 61..=80, &both).await;
    let mut running = Subscriber::with(&distributor.address, "s", lsn(60), &old).await.unwrap();
    assert_eq!(next(&mut running.receiver).await, ServerMessage::SnapshotReady, "it is told at the beginning as well");
    running.until(lsn(80)).await;
    running.report(SubscriptionState::Active, Some(lsn(80))).await;
    distributor.until(|s| s.subscriptions[0].position == Some(lsn(80))).await;
    dropped_up_to(&distributor, 20).await;
    drop(running);
    distributor.until(|s| s.subscriptions[0].connected.is_none()).await;

    // It goes back to the boundary, and gets everything of the new article that follows.
    let mut joined = Subscriber::with(&distributor.address, "s", lsn(20), &both).await.unwrap();
    let delivered = joined.until(lsn(80)).await;
    assert_eq!((delivered.len(), delivered[0].lsn), (600, lsn(21)));
    assert!(delivered.iter().all(of_late));
    drop(joined);
    distributor.until(|s| s.subscriptions[0].connected.is_none()).await;
    // From then on the queue is kept from where it went back to, until it says more.
    drop(reader);
    distributor.stop().await;
    let distributor = Distributor::start(directory.path(), small_files()).await;
    let mut reader = distributor.attach().await;
    fill(&mut reader, 81..=90, &both).await;
    dropped_up_to(&distributor, 20).await;
    let joined = Subscriber::with(&distributor.address, "s", lsn(20), &both).await.unwrap();
    joined.report(SubscriptionState::Active, Some(lsn(85))).await;
    dropped_up_to(&distributor, 85).await;
    distributor.stop().await;
}

#[tokio::test]
async fn nobody_gets_articles_of_another_publication() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    distributor.admin(Request::PublicationAdd(publication("q"))).await.unwrap();
    let secret = distributor.add_article("q", "t9").await.unwrap();
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    reader.append(transaction(1, &[p[0], secret], 1)).await;
    reader.until_durable(lsn(1)).await;
    let mut curious = Subscriber::with(&distributor.address, "s", Lsn::ZERO, &[p[0], secret]).await.unwrap();
    assert_eq!(curious.until(lsn(1)).await, transaction(1, &p, 1));
    distributor.stop().await;
}

async fn listed(distributor: &Distributor) -> Vec<(Uuid, bool, Vec<String>, bool)> {
    match distributor.admin(Request::SnapshotList { publication: None }).await.unwrap() {
        Response::Snapshots(all) => {
            all.into_iter().map(|s| (s.snapshot.id, s.current, s.needed_by, s.removable)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Now, microseconds since 1970-01-01 UTC.
fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64
}

#[tokio::test]
async fn a_snapshot_may_go_when_it_is_old_and_nobody_needs_it() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let forget = |id: Uuid| distributor.admin(Request::SnapshotForget { snapshot: id });
    let (old, mut young, current) = (snapshot("p", &p, lsn(5)), snapshot("p", &p, lsn(6)), snapshot("p", &p, lsn(7)));
    young.created_at = now();
    distributor.register(&old).await.unwrap();
    distributor.subscribe_to("p", "s").await.unwrap();
    let s = || vec!["s".to_owned()];
    assert_eq!(listed(&distributor).await, [(old.id, true, s(), false)]);
    assert_eq!(forget(old.id).await.unwrap_err().kind, RefusalKind::Busy);
    distributor.register(&young).await.unwrap();
    distributor.register(&current).await.unwrap();
    // It waits, so it will begin with the newest.
    let expected = [(old.id, false, vec![], true), (young.id, false, vec![], false), (current.id, true, s(), false)];
    assert_eq!(listed(&distributor).await, expected);
    // While it loads, from whichever it is, none goes.
    for state in [SubscriptionState::Initializing, SubscriptionState::Failed] {
        let report = Report {
            subscription: "s".to_owned(),
            state,
            position: None,
            snapshot: None,
            transactions: 0,
            changes: 0,
            error: None,
            loading: vec![],
            tracers: vec![],
            sent_at: 0,
        };
        let (sender, receiver) = distributor.connect().await.into_split();
        sender.send(&ClientMessage::Report(report)).await.unwrap();
        sender.flush().await.unwrap();
        distributor.until(|status| status.subscriptions[0].state == state).await;
        drop((sender, receiver));
        assert_eq!(listed(&distributor).await[0], (old.id, false, s(), false), "{state:?}");
        assert_eq!(forget(old.id).await.unwrap_err().kind, RefusalKind::Busy);
    }
    let subscriber = Subscriber::with(&distributor.address, "s", lsn(7), &p).await.unwrap();
    // Nor while the scripts are yet to be run that come after, or it is not known whether they are.
    let reports = [None, Some(SubscriptionState::Synchronizing), Some(SubscriptionState::Failed)];
    for state in reports {
        match state {
            Some(state) => {
                subscriber.report(state, Some(lsn(7))).await;
                distributor.until(|status| status.subscriptions[0].state == state).await;
            }
            None => {
                distributor.until(|status| status.subscriptions[0].connected.is_some()).await;
            }
        }
        assert_eq!(listed(&distributor).await[0], (old.id, false, s(), false), "{state:?}");
    }
    subscriber.report(SubscriptionState::Active, Some(lsn(7))).await;
    distributor.until(|status| status.subscriptions[0].state == SubscriptionState::Active).await;
    let expected = [(old.id, false, vec![], true), (young.id, false, vec![], false), (current.id, true, vec![], false)];
    assert_eq!(listed(&distributor).await, expected);
    let Response::Snapshots(all) = distributor.admin(Request::SnapshotList { publication: None }).await.unwrap() else {
        panic!("no snapshots");
    };
    let retention = options().snapshot_retention.as_micros() as i64;
    assert!(retention > 0 && all.iter().all(|s| s.kept_until == s.snapshot.created_at + retention));
    forget(old.id).await.unwrap();
    assert_eq!(forget(old.id).await.unwrap_err().kind, RefusalKind::NotFound);
    assert_eq!(listed(&distributor).await.len(), 2);
    // Those of a publication that is gone stay listed until their files are, also with another one of its name.
    drop(subscriber);
    distributor.admin(Request::SubscriptionDrop { name: "s".to_owned() }).await.unwrap();
    distributor.admin(Request::PublicationDrop { name: "p".to_owned() }).await.unwrap();
    assert_eq!(listed(&distributor).await, [(young.id, false, vec![], true), (current.id, false, vec![], true)]);
    distributor.publish(1).await;
    assert_eq!(listed(&distributor).await, [(young.id, false, vec![], false), (current.id, false, vec![], true)]);
    forget(current.id).await.unwrap();
    let unknown = Request::SnapshotList { publication: Some("q".to_owned()) };
    assert_eq!(distributor.admin(unknown).await.unwrap_err().kind, RefusalKind::NotFound);
    distributor.stop().await;
}

#[tokio::test]
async fn the_progress_of_snapshots_is_shown_until_they_end_and_their_errors_until_the_next_one() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let taken = snapshot("p", &p, lsn(5));
    let progress = |error: Option<&str>| SnapshotProgress {
        snapshot: taken.id,
        publication: "p".to_owned(),
        begun_at: 1,
        reported_at: 1,
        tables: vec![TableProgress {
            table: TableName { schema: "dbo".to_owned(), table: "t1".to_owned() },
            rows: 5,
            rows_expected: 10,
            bytes: 50,
            rows_before: 0,
            bytes_before: 0,
            elapsed: 1,
            done: false,
        }],
        error: error.map(str::to_owned),
    };
    let report = |error| distributor.admin(Request::SnapshotProgress(progress(error)));
    assert_eq!(report(None).await.unwrap_err().kind, RefusalKind::NotFound);
    distributor.begin(&taken).await.unwrap();
    report(None).await.unwrap();
    let shown = distributor.status().await.snapshots;
    assert_eq!((shown.len(), &shown[0].tables), (1, &progress(None).tables));
    assert!(shown[0].begun_at > 1 && shown[0].reported_at >= shown[0].begun_at, "by the distributor's clock");
    report(Some("the disk is full")).await.unwrap();
    distributor.admin(Request::SnapshotAbandon { snapshot: taken.id }).await.unwrap();
    assert_eq!(distributor.status().await.snapshots[0].error.as_deref(), Some("the disk is full"));
    let next = snapshot("p", &p, lsn(6));
    distributor.begin(&next).await.unwrap();
    let shown = distributor.status().await.snapshots;
    assert_eq!(shown.iter().map(|s| (s.snapshot, s.error.clone())).collect::<Vec<_>>(), [(next.id, None)]);
    distributor.admin(Request::SnapshotRegister(next)).await.unwrap();
    assert_eq!(distributor.status().await.snapshots, []);
    distributor.stop().await;
}

#[tokio::test]
async fn why_the_log_reader_stopped_is_shown_until_the_next_one_attaches() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    let reader = distributor.attach().await;
    let stopped = |epoch, error: &str| ClientMessage::Stopped { epoch, error: error.to_owned() };
    reader.sender.send(&stopped(reader.epoch - 1, "long ago")).await.unwrap();
    reader.sender.send(&stopped(reader.epoch, "the log has a gap")).await.unwrap();
    reader.sender.flush().await.unwrap();
    drop(reader);
    let status = distributor.until(|s| s.databases[0].log_reader.is_none()).await;
    assert_eq!(status.databases[0].log_reader_error.as_ref().unwrap().0, "the log has a gap");
    let reader = distributor.attach().await;
    assert_eq!(distributor.status().await.databases[0].log_reader_error, None);
    drop(reader);
    distributor.stop().await;
}
