//! The service over loopback: what log readers, subscribers and administrators are promised.
#![allow(clippy::unwrap_used, missing_docs)]

mod harness;

use harness::*;
use proto::catalog::{LoginRole, Request, Response, SubscriptionState};
use proto::message::{ClientMessage, RefusalKind, ServerMessage};
use proto::{Chunk, Lsn};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

#[tokio::test]
async fn a_subscription_gets_the_transactions_of_its_articles_in_order_and_across_restarts() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(2).await;
    distributor.admin(Request::PublicationAdd(publication("q"))).await.unwrap();
    let q = [distributor.add_article("q", "t1").await.unwrap()];
    distributor.subscribe_to("p", "both").await.unwrap();
    distributor.subscribe_to("q", "one").await.unwrap();

    let mut reader = distributor.attach().await;
    assert_eq!((reader.position, reader.articles.len()), (None, 3));
    reader.append(transaction(1, &p, 3)).await;
    reader.append([transaction(2, &q, 2), transaction(3, &[p[0], q[0]], 1)].concat()).await;
    reader.progress(lsn(4)).await;
    reader.until_durable(lsn(4)).await;

    let mut both = distributor.stream("both", Lsn::ZERO).await;
    assert_eq!(both.articles.len(), 2);
    let expected: Vec<Chunk> = [transaction(1, &p, 3), transaction(3, &[p[0]], 1)].concat();
    assert_eq!(both.until(lsn(4)).await, expected);
    let mut one = distributor.stream("one", lsn(2)).await;
    assert_eq!(one.until(lsn(4)).await, transaction(3, &q, 1));

    // Live, and left out where there is nothing for it.
    reader.append(transaction(5, &p, 1)).await;
    assert_eq!(both.until(lsn(5)).await, transaction(5, &p, 1));
    assert_eq!(one.until(lsn(5)).await, []);
    both.report(SubscriptionState::Active, Some(lsn(5))).await;
    distributor.until(|s| s.subscriptions[0].position == Some(lsn(5))).await;
    distributor.stop().await;

    let distributor = Distributor::start(directory.path(), options()).await;
    let status = distributor.status().await;
    assert_eq!(status.databases[0].position, Some(lsn(5)));
    assert_eq!(status.databases[0].last_commit, Some(5));
    assert_eq!(status.subscriptions[0].position, Some(lsn(5)));
    assert_eq!((status.subscriptions[0].pending_transactions, status.subscriptions[1].pending_transactions), (0, 2));
    let mut reader = distributor.attach().await;
    assert_eq!(reader.position, Some(lsn(5)));
    reader.append(transaction(6, &p, 1)).await;
    reader.until_durable(lsn(6)).await;
    let mut both = distributor.stream("both", lsn(3)).await;
    assert_eq!(both.until(lsn(6)).await, [transaction(5, &p, 1), transaction(6, &p, 1)].concat());
    distributor.stop().await;
}

#[tokio::test]
async fn a_transaction_whose_end_never_came_was_never_there() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut subscriber = distributor.stream("s", Lsn::ZERO).await;
    let mut reader = distributor.attach().await;
    let mut unfinished = transaction(2, &p, 50);
    unfinished.pop();
    reader.append([transaction(1, &p, 1), unfinished].concat()).await;
    reader.until_durable(lsn(1)).await;
    drop(reader);
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;

    let mut reader = distributor.attach().await;
    assert_eq!(reader.position, Some(lsn(1)));
    reader.append(transaction(2, &p, 2)).await;
    reader.until_durable(lsn(2)).await;
    let delivered = subscriber.until(lsn(2)).await;
    assert_eq!(delivered, [transaction(1, &p, 1), transaction(2, &p, 2)].concat());
    distributor.stop().await;
}

#[tokio::test]
async fn one_log_reader_at_a_time_and_the_same_process_may_come_back() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    let me = Uuid::new_v4();
    let mut first = LogReader::attach(&distributor.address, me).await.unwrap();
    let refusal = LogReader::attach(&distributor.address, Uuid::new_v4()).await.err().unwrap();
    assert_eq!(refusal.kind, RefusalKind::Busy);
    assert!(refusal.message.contains("test") && refusal.message.contains("attached"), "{refusal}");

    let again = LogReader::attach(&distributor.address, me).await.unwrap();
    assert!(again.epoch > first.epoch);
    assert_eq!(parting(&mut first.receiver).await.kind, RefusalKind::Fenced);
    distributor.stop().await;
}

#[tokio::test]
async fn what_is_out_of_order_is_refused_and_changes_nothing() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    reader.append(transaction(5, &p, 1)).await;
    reader.until_durable(lsn(5)).await;
    reader.append(transaction(5, &p, 1)).await;
    let refusal = parting(&mut reader.receiver).await;
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert!(refusal.message.contains(&lsn(5).to_string()), "{refusal}");
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;

    let mut stale = distributor.attach().await;
    stale.epoch -= 1;
    stale.append(transaction(6, &p, 1)).await;
    // Nobody has that epoch: its message does nothing.
    stale.epoch += 1;
    stale.append(transaction(7, &p, 1)).await;
    stale.until_durable(lsn(7)).await;
    assert_eq!(distributor.status().await.databases[0].transactions, 2);
    distributor.stop().await;
}

#[tokio::test]
async fn a_second_stream_of_a_subscription_is_busy_and_a_dropped_subscription_ends() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    let mut first = distributor.stream("s", Lsn::ZERO).await;
    let refusal = Subscriber::open(&distributor.address, "S", Lsn::ZERO).await.err().unwrap();
    assert_eq!(refusal.kind, RefusalKind::Busy);
    distributor.admin(Request::SubscriptionDrop { name: "s".to_owned() }).await.unwrap();
    assert_eq!(parting(&mut first.receiver).await.kind, RefusalKind::NotFound);
    distributor.stop().await;
}

#[tokio::test]
async fn publications_and_articles_cannot_go_under_a_subscription() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(2).await;
    assert_eq!(
        distributor.admin(Request::PublicationAdd(publication("P"))).await.unwrap_err().kind,
        RefusalKind::Exists
    );
    assert_eq!(distributor.add_article("p", "T1").await.unwrap_err().kind, RefusalKind::Exists);
    distributor.subscribe_to("p", "s").await.unwrap();
    assert_eq!(distributor.subscribe_to("p", "S").await.unwrap_err().kind, RefusalKind::Exists);
    let source = article("p", "t1").source;
    for refused in [
        distributor
            .admin(Request::ArticleDrop { publication: "p".to_owned(), source: source.clone() })
            .await
            .unwrap_err(),
        distributor.admin(Request::PublicationDrop { name: "p".to_owned() }).await.unwrap_err(),
    ] {
        assert!(refused.message.contains("`s`") && refused.message.contains("drop"), "{refused}");
    }
    distributor.admin(Request::SubscriptionDrop { name: "s".to_owned() }).await.unwrap();
    distributor.admin(Request::ArticleDrop { publication: "p".to_owned(), source }).await.unwrap();
    // An id is never used again.
    assert!(distributor.add_article("p", "t1").await.unwrap() > p[1]);
    distributor.admin(Request::PublicationDrop { name: "p".to_owned() }).await.unwrap();
    assert_eq!(distributor.admin(Request::PublicationList).await.unwrap(), Response::Publications(vec![]));
    distributor.stop().await;
}

#[tokio::test]
async fn a_snapshot_begins_once_the_log_reader_reads_with_the_articles_it_is_of() {
    let directory = data_directory();
    let distributor = Arc::new(Distributor::start(directory.path(), options()).await);
    distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    distributor.add_article("p", "t2").await.unwrap();
    let begin = {
        let distributor = distributor.clone();
        tokio::spawn(async move {
            distributor
                .admin(Request::SnapshotBegin { publication: "p".to_owned(), snapshot: Uuid::new_v4(), articles: None })
                .await
        })
    };
    let version = loop {
        if let ServerMessage::Articles { version, articles } = next(&mut reader.receiver).await {
            assert_eq!(articles.len(), 2);
            break version;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_millis(300), async {
            while !begin.is_finished() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .is_err()
    );
    reader.sender.send(&ClientMessage::ArticlesInUse { epoch: reader.epoch, version }).await.unwrap();
    reader.sender.flush().await.unwrap();
    let begun = tokio::time::timeout(SOON, begin).await.unwrap().unwrap().unwrap();
    assert!(matches!(begun, Response::SnapshotBegun { articles, .. } if articles.len() == 2));
}

#[tokio::test]
async fn only_snapshots_of_the_present_articles_are_given() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(2).await;
    let latest = || Request::SnapshotLatest { publication: "p".to_owned(), has: vec![] };
    assert_eq!(distributor.admin(latest()).await.unwrap(), to_load(None));
    let older = snapshot("p", &p, lsn(1));
    let newer = snapshot("p", &p, lsn(2));
    for snapshot in [&newer, &older] {
        distributor.register(snapshot).await.unwrap();
    }
    assert_eq!(distributor.admin(latest()).await.unwrap(), to_load(Some(newer)));
    distributor.add_article("p", "t3").await.unwrap();
    assert_eq!(distributor.admin(latest()).await.unwrap(), to_load(None));
    distributor.stop().await;
}

#[tokio::test]
async fn what_every_subscription_has_is_dropped_and_who_is_behind_that_is_told() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    distributor.subscribe_to("p", "s").await.unwrap();
    distributor.register(&snapshot("p", &p, lsn(1))).await.unwrap();
    let mut reader = distributor.attach().await;
    for n in 1..=400 {
        reader.append(transaction(n, &p, 10)).await;
    }
    reader.until_durable(lsn(400)).await;
    let full = distributor.status().await;
    assert!(full.databases[0].segments > 3);
    assert_eq!(full.subscriptions[0].pending_transactions, 400);

    let mut subscriber = distributor.stream("s", Lsn::ZERO).await;
    assert_eq!(subscriber.until(lsn(400)).await.len(), 4000);
    subscriber.report(SubscriptionState::Active, Some(lsn(400))).await;
    let emptied = distributor.until(|s| s.databases[0].segments == 1).await;
    assert!(emptied.databases[0].bytes < full.databases[0].bytes / 2);
    assert_eq!(emptied.databases[0].position, Some(lsn(400)));
    drop(subscriber);
    distributor.until(|s| s.subscriptions[0].connected.is_none()).await;

    let refusal = Subscriber::open(&distributor.address, "s", lsn(3)).await.err().unwrap();
    assert_eq!(refusal.kind, RefusalKind::Expired);
    assert!(refusal.message.contains("nitialise"), "{refusal}");
    // It had come further, so the queue goes on keeping for it what came after that.
    let status = distributor.status().await;
    assert_eq!(status.subscriptions[0].state, SubscriptionState::Active);
    assert_eq!(status.subscriptions[0].error.as_ref(), Some(&refusal.message));
    // Nor can anyone begin with a snapshot whose continuation is gone.
    let latest = distributor.admin(Request::SnapshotLatest { publication: "p".to_owned(), has: vec![] }).await.unwrap();
    assert_eq!(latest, to_load(None));
    distributor.stop().await;

    // The position outlives a restart of an empty queue.
    let distributor = Distributor::start(directory.path(), options()).await;
    assert_eq!(distributor.attach().await.position, Some(lsn(400)));
    distributor.stop().await;
}

#[tokio::test]
async fn past_the_maximum_retention_a_subscription_expires_visibly() {
    let directory = data_directory();
    let options = distributor::service::Options { max_retention: Duration::from_millis(1), ..options() };
    let distributor = Distributor::start(directory.path(), options).await;
    let p = distributor.publish(1).await;
    distributor.subscribe_to("p", "slow").await.unwrap();
    let mut reader = distributor.attach().await;
    for n in 1..=200 {
        reader.append(transaction(n, &p, 10)).await;
    }
    reader.until_durable(lsn(200)).await;
    let status = distributor.until(|s| s.subscriptions[0].state == SubscriptionState::Expired).await;
    assert_eq!(status.databases[0].position, Some(lsn(200)));
    let refusal = Subscriber::open(&distributor.address, "slow", Lsn::ZERO).await.err().unwrap();
    assert_eq!(refusal.kind, RefusalKind::Expired);
    distributor.stop().await;
}

#[tokio::test]
async fn a_full_disk_pauses_the_queue_visibly_and_loses_nothing() {
    for sync in [false, true] {
        let (directory, full) = (data_directory(), Arc::new(Full::default()));
        let options = distributor::service::Options { open_log: on_volume(&full), ..options() };
        let distributor = Distributor::start(directory.path(), options).await;
        let p = distributor.publish(1).await;
        distributor.subscribe_to("p", "s").await.unwrap();
        let mut subscriber = distributor.stream("s", Lsn::ZERO).await;
        let mut reader = distributor.attach().await;
        reader.append(transaction(1, &p, 1)).await;
        reader.until_durable(lsn(1)).await;

        let switch = if sync { &full.sync } else { &full.write };
        switch.store(true, Ordering::SeqCst);
        for n in 2..=20 {
            reader.append(transaction(n, &p, 2)).await;
        }
        let reason = loop {
            match next(&mut reader.receiver).await {
                ServerMessage::Paused { reason } => break reason,
                other => assert!(!matches!(other, ServerMessage::Durable { .. }), "{other:?}"),
            }
        };
        assert!(reason.contains("the volume"), "{reason}");
        let status = distributor.status().await;
        assert_eq!(status.paused, Some(reason));
        assert_eq!(status.databases[0].position, Some(lsn(1)));
        let busy = LogReader::attach(&distributor.address, Uuid::new_v4()).await.err().unwrap();
        assert_eq!(busy.kind, RefusalKind::Busy);

        switch.store(false, Ordering::SeqCst);
        while next(&mut reader.receiver).await != ServerMessage::Resumed {}
        distributor.until(|s| s.databases[0].position == Some(lsn(20)) && s.paused.is_none()).await;
        let expected: Vec<Chunk> = (1..=20).flat_map(|n| transaction(n, &p, if n == 1 { 1 } else { 2 })).collect();
        assert_eq!(subscriber.until(lsn(20)).await, expected);
        distributor.stop().await;
    }
}

#[tokio::test]
async fn roles_may_do_what_they_are_for_and_nothing_else() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    for (name, role) in [("pub", LoginRole::Publisher), ("sub", LoginRole::Subscriber), ("mon", LoginRole::Monitor)] {
        add_login(&distributor, name, role).await;
        let mut connection = connect(&distributor.address, name, &format!("{name}-password")).await.unwrap();
        assert!(matches!(connection.request(Request::Status).await, Ok(Response::Status(_))));
        for (request, allowed) in [
            (Request::PublicationAdd(publication("new")), "pub"),
            (Request::PublicationDrop { name: "new".to_owned() }, "pub"),
            (Request::SubscriptionAdd(subscription("s", "p")), "sub"),
            (Request::SubscriptionDrop { name: "s".to_owned() }, "sub"),
            (Request::LoginList, "nobody"),
            (Request::LoginDrop { name: "admin".to_owned() }, "nobody"),
        ] {
            let answer = connection.request(request).await;
            let refused = answer.as_ref().err().and_then(|e| e.refusal()).map(|r| r.kind);
            assert_eq!(refused, (name != allowed).then_some(RefusalKind::Denied), "{name}: {answer:?}");
        }
    }
    let wrong = connect(&distributor.address, "pub", "wrong").await.unwrap_err();
    let nobody = connect(&distributor.address, "nobody", "wrong").await.unwrap_err();
    assert_eq!(wrong.refusal().unwrap().kind, RefusalKind::Denied);
    assert_eq!(nobody.refusal().unwrap().kind, RefusalKind::Denied);
    let last = distributor.admin(Request::LoginDrop { name: "admin".to_owned() }).await.unwrap_err();
    assert!(last.message.contains("last"), "{last}");
    distributor.stop().await;
}

#[tokio::test]
async fn garbage_on_the_port_harms_nobody() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], &[0; 64]] {
        let mut stream = tokio::net::TcpStream::connect(&distributor.address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("it is closed");
        drop(read);
        assert!(answer.is_empty());
    }
    distributor.status().await;
    distributor.stop().await;
}

#[tokio::test]
async fn a_data_directory_serves_one_process_at_a_time() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let error = distributor::service::DataDirectory::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), distributor::error::ErrorKind::InUse);
    distributor.stop().await;
    distributor::service::DataDirectory::open(directory.path()).unwrap();
    let not_one = distributor::service::DataDirectory::open(&directory.path().join("queue")).unwrap_err();
    assert!(not_one.to_string().contains("distributor init"), "{not_one}");
}

#[tokio::test]
async fn after_the_last_publication_of_a_database_the_next_one_begins_a_new_queue() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let old = distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    reader.append(transaction(9, &old, 1)).await;
    reader.until_durable(lsn(9)).await;
    let (old_epoch, old_version) = (reader.epoch, reader.version);
    let drop_it = || distributor.admin(Request::PublicationDrop { name: "p".to_owned() });

    // While any other publication is there, the queue stays.
    distributor.admin(Request::PublicationAdd(publication("q"))).await.unwrap();
    drop_it().await.unwrap();
    distributor.publish(1).await;
    assert_eq!(distributor.status().await.databases[0].position, Some(lsn(9)));

    distributor.admin(Request::PublicationDrop { name: "q".to_owned() }).await.unwrap();
    drop_it().await.unwrap();
    let new = distributor.publish(1).await;
    let refusal = parting(&mut reader.receiver).await;
    assert_eq!(refusal.kind, RefusalKind::Busy, "the log reader attaches again: {refusal}");
    let mut reader = distributor.attach().await;
    assert_eq!((reader.position, reader.articles.len()), (None, 1));
    assert!(reader.epoch > old_epoch && reader.version > old_version);
    // Where the log begins anew, so do its positions.
    reader.append(transaction(2, &new, 1)).await;
    reader.until_durable(lsn(2)).await;
    drop(reader);
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;
    distributor.stop().await;

    let distributor = Distributor::start(directory.path(), options()).await;
    assert_eq!(distributor.attach().await.position, Some(lsn(2)));
    distributor.stop().await;
    let queues = std::fs::read_dir(directory.path().join("queue")).unwrap().count();
    assert_eq!(queues, 1, "the queue that was given up is gone");
}
