//! Schema changes: new definitions of articles are durable before they are used, never happened if what they are for did not arrive,
//! and go with the queue that needed them.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::*;
use proto::catalog::{Request, Response, SubscriptionState};
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::{Article, ArticleId, Chunk, Lsn, SchemaChange, TableChange};

/// The next definition of an article, in force since a transaction.
fn next_definition(of: &Article, since: Lsn) -> Article {
    Article { id: ArticleId(0), supersedes: Some(of.id), since: Some(since), ..of.clone() }
}

async fn alter(reader: &mut LogReader, article: Article) -> Result<Article, Refusal> {
    let epoch = reader.epoch;
    reader.sender.send(&ClientMessage::AlterArticle { epoch, article: Box::new(article) }).await.unwrap();
    reader.sender.flush().await.unwrap();
    loop {
        if let ServerMessage::ArticleAltered(altered) = next(&mut reader.receiver).await {
            return altered.map(|article| *article);
        }
    }
}

/// The transaction of a schema change, with a row of the new definition.
fn change(n: u32, article: &Article) -> Vec<Chunk> {
    let changes = vec![TableChange::DropColumn { name: "gone".to_owned() }];
    let schema = vec![SchemaChange { article: article.clone(), changes, ddl: "ALTER TABLE".to_owned() }];
    let mut chunks = transaction(n, &[article.id], 1);
    chunks[0].schema = schema;
    chunks
}

async fn listed(distributor: &Distributor) -> Vec<ArticleId> {
    match distributor.admin(Request::ArticleList { publication: None }).await.unwrap() {
        Response::Articles(articles) => articles.iter().map(|a| a.id).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_definition_reaches_running_and_new_streams_in_its_place() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(2).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    let mut running = distributor.stream("s", lsn(1)).await;
    reader.append(transaction(2, &p, 1)).await;
    let first = reader.articles.iter().find(|a| a.id == p[0]).unwrap().clone();
    let second = alter(&mut reader, next_definition(&first, lsn(3))).await.unwrap();
    assert!(second.id > p[1]);
    assert_eq!(listed(&distributor).await, [p[1], second.id], "the present definition is listed");
    reader.append(change(3, &second)).await;
    reader.append(transaction(4, &[second.id], 1)).await;
    reader.until_durable(lsn(4)).await;

    let chunks = running.until(lsn(4)).await;
    let seen: Vec<_> = chunks.iter().map(|c| (c.lsn, c.schema.len(), c.segments[0].article)).collect();
    assert_eq!(seen, [(lsn(2), 0, p[0]), (lsn(3), 1, second.id), (lsn(4), 0, second.id)]);
    drop(running);
    distributor.until(|s| s.subscriptions[0].connected.is_none()).await;
    // A new one gets all definitions that it may need, and the change again where it begins before it.
    let mut again = distributor.stream("s", lsn(2)).await;
    let known: Vec<_> = again.articles.iter().map(|a| a.id).collect();
    assert_eq!(known, [p[0], p[1], second.id]);
    let chunks = again.until(lsn(4)).await;
    assert_eq!(chunks.iter().map(|c| c.schema.len()).collect::<Vec<_>>(), [1, 0]);
    distributor.stop().await;
}

#[tokio::test]
async fn a_definition_whose_transaction_did_not_arrive_never_happened() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    reader.append(transaction(2, &p, 1)).await;
    reader.until_durable(lsn(2)).await;
    let first = reader.articles[0].clone();
    let second = alter(&mut reader, next_definition(&first, lsn(5))).await.unwrap();
    // It may be forgotten, so that nothing is to be loaded with it.
    let begin = Request::SnapshotBegin { publication: "p".to_owned(), snapshot: uuid::Uuid::new_v4(), articles: None };
    match distributor.admin(begin).await.unwrap() {
        Response::SnapshotBegun { articles, .. } => assert_eq!(articles, std::slice::from_ref(&first)),
        other => panic!("{other:?}"),
    }
    // The next one attaches without it, and may register it anew; ids are never used again.
    drop(reader);
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;
    let mut reader = distributor.attach().await;
    assert_eq!(reader.articles.iter().map(|a| a.id).collect::<Vec<_>>(), p);
    assert_eq!(listed(&distributor).await, p);
    let third = alter(&mut reader, next_definition(&first, lsn(4))).await.unwrap();
    assert!(third.id > second.id);
    reader.append(change(4, &third)).await;
    reader.until_durable(lsn(4)).await;
    drop(reader);
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;
    distributor.stop().await;
    // Once its transaction is durable, so is the definition.
    let distributor = Distributor::start(directory.path(), options()).await;
    let reader = distributor.attach().await;
    assert_eq!(reader.articles.iter().map(|a| a.id).collect::<Vec<_>>(), [third.id]);
    distributor.stop().await;
}

#[tokio::test]
async fn a_definition_that_cannot_be_is_refused() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    reader.append(transaction(2, &p, 1)).await;
    reader.until_durable(lsn(2)).await;
    let first = reader.articles[0].clone();
    let good = next_definition(&first, lsn(3));
    let mut elsewhere = good.clone();
    elsewhere.destination.table = "other".to_owned();
    let mut keyless = good.clone();
    keyless.columns[0].key_ordinal = None;
    for (article, kind) in [
        (next_definition(&first, lsn(2)), RefusalKind::Invalid),
        (Article { since: None, ..good.clone() }, RefusalKind::Invalid),
        (Article { supersedes: None, ..good.clone() }, RefusalKind::NotFound),
        (Article { publication: "q".to_owned(), ..good.clone() }, RefusalKind::NotFound),
        (elsewhere, RefusalKind::Invalid),
        (keyless, RefusalKind::Invalid),
    ] {
        assert_eq!(alter(&mut reader, article).await.unwrap_err().kind, kind);
    }
    assert_eq!(listed(&distributor).await, p);
    alter(&mut reader, good.clone()).await.unwrap();
    assert_eq!(alter(&mut reader, good.clone()).await.unwrap_err().kind, RefusalKind::NotFound, "it has a newer one");
    // A log reader whose time is over changes nothing.
    reader.epoch -= 1;
    let second = next_definition(&Article { id: listed(&distributor).await[0], ..first }, lsn(9));
    assert_eq!(alter(&mut reader, second).await.unwrap_err().kind, RefusalKind::Fenced);
    distributor.stop().await;
}

#[tokio::test]
async fn a_snapshot_of_earlier_definitions_fits_as_long_as_the_queue_has_what_follows() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(2).await;
    let mut reader = distributor.attach().await;
    reader.append(transaction(2, &p, 1)).await;
    let taken = snapshot("p", &p, lsn(2));
    distributor.register(&taken).await.unwrap();
    let first = reader.articles.iter().find(|a| a.id == p[0]).unwrap().clone();
    let second = alter(&mut reader, next_definition(&first, lsn(4))).await.unwrap();
    reader.append(change(4, &second)).await;
    reader.until_durable(lsn(4)).await;
    let latest = || distributor.admin(Request::SnapshotLatest { publication: "p".to_owned(), has: vec![] });
    assert_eq!(latest().await.unwrap(), to_load(Some(taken)));
    // One that says to be of the earlier definition, but was taken after the change, would miss it.
    let late = snapshot("p", &p, lsn(4));
    assert_eq!(distributor.register(&late).await.unwrap_err().kind, RefusalKind::Invalid);
    let present = snapshot("p", &[second.id, p[1]], lsn(5));
    distributor.register(&present).await.unwrap();
    assert_eq!(latest().await.unwrap(), to_load(Some(present)));
    // Dropped as a whole, with its past.
    let dropping = Request::ArticleDrop { publication: "p".to_owned(), source: first.source.clone() };
    distributor.admin(dropping).await.unwrap();
    assert_eq!(listed(&distributor).await, [p[1]]);
    distributor.stop().await;
}

#[tokio::test]
async fn what_was_loaded_before_the_log_reader_came_to_an_earlier_schema_change_is_not_streamed() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(2).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    reader.append(transaction(2, &p, 1)).await;
    reader.until_durable(lsn(2)).await;
    // From a snapshot of 6, where the log reader is not yet.
    let mut ahead = Subscriber::with(&distributor.address, "s", lsn(6), &p).await.unwrap();
    let first = reader.articles.iter().find(|a| a.id == p[0]).unwrap().clone();
    let second = alter(&mut reader, next_definition(&first, lsn(4))).await.unwrap();
    reader.append(change(4, &second)).await;
    reader.append(transaction(7, &[second.id], 1)).await;
    reader.until_durable(lsn(7)).await;
    let refusal = parting(&mut ahead.receiver).await;
    let says = refusal.message.contains(&first.source.to_string()) && refusal.message.contains(&lsn(4).to_string());
    assert!(refusal.kind == RefusalKind::Expired && says, "{refusal}");
    distributor.until(|s| s.subscriptions[0].connected.is_none()).await;
    let again = Subscriber::with(&distributor.address, "s", lsn(6), &p).await.err().unwrap();
    assert_eq!(again, refusal);
    // With the definition, or from before it, it is.
    for (position, has) in [(6, vec![second.id, p[1]]), (3, p.clone())] {
        let mut subscriber = Subscriber::with(&distributor.address, "s", lsn(position), &has).await.unwrap();
        let delivered = subscriber.until(lsn(7)).await;
        assert_eq!(delivered.last().unwrap().segments[0].article, second.id);
        drop(subscriber);
        distributor.until(|s| s.subscriptions[0].connected.is_none()).await;
    }
    distributor.stop().await;
}

#[tokio::test]
async fn superseded_definitions_go_once_the_queue_has_nothing_of_them() {
    let directory = data_directory();
    let mut options = options();
    (options.segment_size, options.min_retention) = (4 << 10, std::time::Duration::ZERO);
    let distributor = Distributor::start(directory.path(), options).await;
    let p = distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    reader.append(transaction(2, &p, 1)).await;
    let first = reader.articles[0].clone();
    let second = alter(&mut reader, next_definition(&first, lsn(3))).await.unwrap();
    reader.append(change(3, &second)).await;
    for n in 4..200 {
        reader.append(transaction(n, &[second.id], 1)).await;
    }
    reader.until_durable(lsn(199)).await;
    let subscriber = distributor.stream("s", lsn(1)).await;
    assert_eq!(subscriber.articles.len(), 2, "what is in the queue can be read");
    subscriber.report(SubscriptionState::Active, Some(lsn(190))).await;
    distributor.until(|s| s.databases[0].oldest > Some(lsn(3))).await;
    drop(subscriber);
    // It goes in the round after the one that drops the queue's beginning, or in that one.
    let retired = async {
        loop {
            distributor.until(|s| s.subscriptions[0].connected.is_none()).await;
            let subscriber = distributor.stream("s", lsn(190)).await;
            if subscriber.articles.len() == 1 {
                return subscriber.articles[0].id;
            }
        }
    };
    assert_eq!(tokio::time::timeout(std::time::Duration::from_secs(60), retired).await.unwrap(), second.id);
    distributor.stop().await;
}

#[tokio::test]
async fn a_subscription_goes_on_having_an_article_however_many_definitions_are_retired() {
    let directory = data_directory();
    let options = distributor::service::Options { segment_size: 4 << 10, ..options() };
    let distributor = Distributor::start(directory.path(), options).await;
    let p = distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut reader = distributor.attach().await;
    reader.append(transaction(1, &p, 1)).await;
    reader.until_durable(lsn(1)).await;
    let subscriber = Subscriber::with(&distributor.address, "s", lsn(1), &p).await.unwrap();
    let mut present = reader.articles[0].clone();
    for since in [2, 40] {
        present = alter(&mut reader, next_definition(&present, lsn(since))).await.unwrap();
        reader.append(change(since, &present)).await;
        for n in since + 1..since + 30 {
            reader.append(transaction(n, &[present.id], 10)).await;
        }
        reader.until_durable(lsn(since + 29)).await;
        subscriber.report(SubscriptionState::Active, Some(lsn(since + 28))).await;
        distributor.until(|s| s.databases[0].oldest > Some(lsn(since))).await;
    }
    // Of who still has the first one nothing is known any more once the second one is gone as well.
    let latest = || distributor.admin(Request::SnapshotLatest { publication: "p".to_owned(), has: p.clone() });
    let retired = async {
        loop {
            match latest().await {
                Err(refusal) => break refusal,
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    };
    assert_eq!(tokio::time::timeout(SOON, retired).await.unwrap().kind, RefusalKind::Expired);
    distributor.register(&snapshot("p", &[present.id], lsn(70))).await.unwrap();
    match distributor.admin(Request::SnapshotList { publication: None }).await.unwrap() {
        Response::Snapshots(listed) => assert_eq!(listed[0].needed_by, Vec::<String>::new()),
        other => panic!("{other:?}"),
    }
    distributor.stop().await;
}

#[tokio::test]
async fn whether_schema_changes_are_replicated_can_be_changed() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    let set = |name: &str| Request::PublicationSet { name: name.to_owned(), replicate_ddl: false };
    assert_eq!(distributor.admin(set("q")).await.unwrap_err().kind, RefusalKind::NotFound);
    distributor.admin(set("P")).await.unwrap();
    match distributor.admin(Request::PublicationList).await.unwrap() {
        Response::Publications(publications) => assert!(!publications[0].replicate_ddl && publications[0].name == "p"),
        other => panic!("{other:?}"),
    }
    distributor.stop().await;
}

/// Another log reader in the place of one that is gone.
async fn attached_again(distributor: &Distributor, reader: LogReader) -> LogReader {
    drop(reader);
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;
    distributor.attach().await
}

#[tokio::test]
async fn an_article_is_unread_until_the_queue_goes_on_from_where_it_was_taken_up() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    assert_eq!(reader.unread, p);
    reader.append(transaction(2, &p, 1)).await;
    reader.until_durable(lsn(2)).await;
    let late = distributor.add_article("p", "t2").await.unwrap();
    let version = loop {
        if let ServerMessage::Articles { version, .. } = next(&mut reader.receiver).await {
            break version;
        }
    };
    reader.sender.send(&ClientMessage::ArticlesInUse { epoch: reader.epoch, version }).await.unwrap();
    reader.sender.flush().await.unwrap();
    // That it is in use is known once a snapshot can begin.
    distributor.begin(&snapshot("p", &[late], lsn(9))).await.unwrap();
    for _ in 0..2 {
        reader = attached_again(&distributor, reader).await;
        assert_eq!(reader.unread, [late], "whoever attaches where it was taken up");
    }
    // A definition that is registered and has no place in the queue changes nothing about that.
    let first = reader.articles.iter().find(|a| a.id == late).unwrap().clone();
    alter(&mut reader, next_definition(&first, lsn(3))).await.unwrap();
    let mut reader = attached_again(&distributor, reader).await;
    assert_eq!(reader.unread, [late]);
    let second = alter(&mut reader, next_definition(&first, lsn(3))).await.unwrap();
    reader.append(change(3, &second)).await;
    reader.until_durable(lsn(3)).await;
    assert_eq!(attached_again(&distributor, reader).await.unread, []);
    distributor.stop().await;
}
