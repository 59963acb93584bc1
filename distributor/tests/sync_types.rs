//! How subscriptions begin: from a snapshot, with what is there, or from a position; and publications that nothing of is streamed.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use distributor::service::Options;
use harness::*;
use proto::catalog::{Publication, PublicationKind, Request, Response, Subscription, SubscriptionState, SyncType};
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::{ArticleId, Capture, Lsn};

async fn add(distributor: &Distributor, name: &str, sync: SyncType) -> Result<(Option<Lsn>, Vec<ArticleId>), Refusal> {
    let subscription = Subscription { sync, ..subscription(name, "p") };
    match distributor.admin(Request::SubscriptionAdd(subscription)).await? {
        Response::SubscriptionAdded { position, articles } => Ok((position, articles.iter().map(|a| a.id).collect())),
        other => panic!("{other:?}"),
    }
}

fn from(n: u32) -> SyncType {
    SyncType::InitializeFromLsn(lsn(n))
}

#[tokio::test]
async fn a_subscription_that_has_its_rows_begins_where_the_queue_ends() {
    let directory = data_directory();
    let options = Options { segment_size: 4 << 10, ..options() };
    let distributor = Distributor::start(directory.path(), options).await;
    let p = distributor.publish(2).await;
    let nobody_reads = add(&distributor, "s", SyncType::ReplicationSupportOnly).await.unwrap_err();
    assert!(nobody_reads.kind == RefusalKind::Busy && nobody_reads.message.contains("publisher run"), "{nobody_reads}");
    assert_eq!(add(&distributor, "automatic", SyncType::Automatic).await.unwrap(), (None, p.clone()));
    distributor.admin(Request::SubscriptionDrop { name: "automatic".to_owned() }).await.unwrap();

    let mut reader = distributor.attach().await;
    for n in 1..=20 {
        reader.append(transaction(n, &p, 10)).await;
    }
    reader.until_durable(lsn(20)).await;
    assert_eq!(add(&distributor, "s", SyncType::ReplicationSupportOnly).await.unwrap(), (Some(lsn(20)), p.clone()));
    let status = distributor.status().await;
    assert_eq!(status.subscriptions[0].state, SubscriptionState::Active);
    assert_eq!(status.subscriptions[0].position, Some(lsn(20)));
    assert_eq!(distributor.latest(&p).await, Some(vec![]), "it waits for no snapshot");
    // What comes after is kept for it, nothing else, also across a restart.
    for n in 21..=60 {
        reader.append(transaction(n, &p, 10)).await;
    }
    reader.until_durable(lsn(60)).await;
    drop(reader);
    distributor.stop().await;
    let distributor =
        Distributor::start(directory.path(), Options { segment_size: 4 << 10, ..harness::options() }).await;
    let status = distributor.until(|s| s.databases[0].oldest > Some(lsn(16))).await;
    assert!(status.databases[0].oldest <= Some(lsn(21)));
    let mut subscriber = distributor.stream("s", lsn(20)).await;
    assert_eq!(subscriber.until(lsn(60)).await.len(), 400);
    distributor.stop().await;
}

#[tokio::test]
async fn a_subscription_begins_from_a_position_only_where_the_queue_has_all_that_follows() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), Options { segment_size: 4 << 10, ..options() }).await;
    let p = distributor.publish(1).await;
    distributor.subscribe_to("p", "first").await.unwrap();
    let mut reader = distributor.attach().await;
    for n in 1..=40 {
        reader.append(transaction(n, &p, 10)).await;
    }
    reader.until_durable(lsn(40)).await;
    let ahead = add(&distributor, "s", from(41)).await.unwrap_err();
    assert!(ahead.kind == RefusalKind::Invalid && ahead.message.contains(&lsn(40).to_string()), "{ahead}");
    let subscriber = distributor.stream("first", lsn(30)).await;
    subscriber.report(SubscriptionState::Active, Some(lsn(30))).await;
    distributor.until(|s| s.databases[0].oldest > Some(lsn(25))).await;
    let gone = add(&distributor, "s", from(10)).await.unwrap_err();
    assert!(gone.kind == RefusalKind::Invalid && gone.message.contains("begins after"), "{gone}");
    assert_eq!(add(&distributor, "s", from(35)).await.unwrap(), (Some(lsn(35)), p.clone()));
    // Not from before its articles are all read: one that was added later, or is captured only since later.
    distributor.add_article("p", "t2").await.unwrap();
    let untaken = tokio::spawn({
        let address = distributor.address.clone();
        async move {
            let mut connection = connect(&address, "admin", PASSWORD).await.unwrap();
            let late = Subscription { sync: from(38), ..subscription("late", "p") };
            connection.request(Request::SubscriptionAdd(late)).await.map_err(|e| e.refusal().unwrap().clone())
        }
    });
    let version = loop {
        if let ServerMessage::Articles { version, .. } = next(&mut reader.receiver).await {
            break version;
        }
    };
    reader.append(transaction(41, &p, 1)).await;
    reader.sender.send(&ClientMessage::ArticlesInUse { epoch: reader.epoch, version }).await.unwrap();
    reader.sender.flush().await.unwrap();
    let refused = untaken.await.unwrap().unwrap_err();
    assert!(refused.message.contains(&lsn(41).to_string()), "{refused}");
    reader.append(transaction(42, &p, 1)).await;
    reader.until_durable(lsn(42)).await;
    assert_eq!(add(&distributor, "late", from(41)).await.unwrap().0, Some(lsn(41)));
    distributor.stop().await;
}

#[tokio::test]
async fn a_subscription_does_not_begin_before_its_tables_are_captured() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.admin(Request::PublicationAdd(publication("p"))).await.unwrap();
    let mut late = article("p", "t1");
    late.capture.start_lsn = lsn(5);
    distributor.admin(Request::ArticleAdd(Box::new(late))).await.unwrap();
    let mut reader = distributor.attach().await;
    let p = [reader.articles[0].id];
    for n in 6..=9 {
        reader.append(transaction(n, &p, 1)).await;
    }
    reader.until_durable(lsn(9)).await;
    let early = add(&distributor, "s", from(4)).await.unwrap_err();
    assert!(early.message.contains(&lsn(5).to_string()), "{early}");
    add(&distributor, "s", from(5)).await.unwrap();
    distributor.stop().await;
}

#[tokio::test]
async fn of_a_publication_of_the_type_snapshot_nothing_is_read_from_the_log() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), Options { segment_size: 4 << 10, ..options() }).await;
    let whole = Publication { kind: PublicationKind::Snapshot, ..publication("p") };
    distributor.admin(Request::PublicationAdd(whole)).await.unwrap();
    let mut ids = Vec::new();
    for table in ["t1", "t2"] {
        let mut article = article("p", table);
        article.capture = Capture::default();
        match distributor.admin(Request::ArticleAdd(Box::new(article))).await.unwrap() {
            Response::ArticleAdded(id) => ids.push(id),
            other => panic!("{other:?}"),
        }
    }
    let none = LogReader::attach(&distributor.address, uuid::Uuid::new_v4()).await.err().unwrap();
    assert!(none.kind == RefusalKind::Invalid && none.message.contains("snapshot"), "{none}");
    // Beside one that is read from the log, its articles are not among the log reader's.
    distributor.admin(Request::PublicationAdd(publication("q"))).await.unwrap();
    let q = [distributor.add_article("q", "t3").await.unwrap()];
    let mut reader = distributor.attach().await;
    assert_eq!(reader.articles.iter().map(|a| a.id).collect::<Vec<_>>(), q);

    for sync in [from(1), SyncType::ReplicationSupportOnly] {
        assert_eq!(add(&distributor, "s", sync).await.unwrap_err().kind, RefusalKind::Invalid);
    }
    assert_eq!(add(&distributor, "s", SyncType::Automatic).await.unwrap(), (None, ids.clone()));
    assert_eq!(distributor.latest(&[]).await, None);
    let mut taken = Vec::new();
    for at in [20, 10] {
        let mut next = snapshot("p", &ids, Lsn::ZERO);
        next.created_at = at;
        match distributor.begin(&next).await.unwrap() {
            Response::SnapshotBegun { kept_after, .. } => assert_eq!(kept_after, None),
            other => panic!("{other:?}"),
        }
        distributor.admin(Request::SnapshotRegister(next.clone())).await.unwrap();
        taken.push(next.id);
    }
    let part = snapshot("p", &ids[..1], Lsn::ZERO);
    distributor.register(&part).await.unwrap();
    // The newest with all articles, whatever one has.
    assert_eq!(distributor.latest(&ids).await, Some(vec![(taken[0], ids.clone())]));
    // Neither it nor what is being taken of it pins the queue.
    distributor.begin(&snapshot("p", &ids, Lsn::ZERO)).await.unwrap();
    for n in 1..=40 {
        reader.append(transaction(n, &q, 20)).await;
    }
    reader.until_durable(lsn(40)).await;
    let status = distributor.until(|s| s.databases[0].segments == 1).await;
    assert_eq!((status.subscriptions[0].pending_transactions, status.subscriptions[0].position), (0, None));
    assert_eq!(distributor.latest(&[]).await, Some(vec![(taken[0], ids.clone())]), "it can be used for ever");
    let streamed = Subscriber::open(&distributor.address, "s", Lsn::ZERO).await.err().unwrap();
    assert_eq!(streamed.kind, RefusalKind::Invalid);
    let tracer = Request::TracerPost { publication: "p".to_owned(), token: uuid::Uuid::new_v4() };
    assert_eq!(distributor.admin(tracer).await.unwrap_err().kind, RefusalKind::Invalid);
    distributor.stop().await;
}
