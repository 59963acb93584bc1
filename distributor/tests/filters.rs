//! Changes of row filters that are under way: one of an article, durable, carried out only while it is known, and no snapshot meanwhile.

#![allow(clippy::unwrap_used)]

mod harness;

use harness::*;
use proto::catalog::{FilterChange, LoginRole, Request, Response};
use proto::message::{ClientMessage, Refusal, RefusalKind, ServerMessage};
use proto::{Article, ArticleId, TableName};
use uuid::Uuid;

fn to(before: Option<&str>, filter: Option<&str>) -> FilterChange {
    FilterChange {
        token: Uuid::new_v4(),
        publication: "P".to_owned(),
        source: TableName { schema: "DBO".to_owned(), table: "t1".to_owned() },
        before: before.map(str::to_owned),
        filter: filter.map(str::to_owned),
    }
}

async fn add(distributor: &Distributor, change: &FilterChange) -> Result<Response, Refusal> {
    distributor.admin(Request::FilterChangeAdd(change.clone())).await
}

async fn known(distributor: &Distributor) -> Vec<Uuid> {
    match distributor.admin(Request::FilterChangeList { database: database() }).await.unwrap() {
        Response::FilterChanges(changes) => changes.iter().map(|c| c.token).collect(),
        other => panic!("{other:?}"),
    }
}

async fn alter(reader: &mut LogReader, of: &Article, filter: Option<&str>, n: u32) -> Result<Article, Refusal> {
    let (supersedes, since, filter) = (Some(of.id), Some(lsn(n)), filter.map(str::to_owned));
    let article = Box::new(Article { id: ArticleId(0), supersedes, since, filter, ..of.clone() });
    reader.sender.send(&ClientMessage::AlterArticle { epoch: reader.epoch, article }).await.unwrap();
    reader.sender.flush().await.unwrap();
    loop {
        if let ServerMessage::ArticleAltered(altered) = next(&mut reader.receiver).await {
            return altered.map(|article| *article);
        }
    }
}

#[tokio::test]
async fn an_article_has_one_change_of_its_filter_under_way() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(2).await;
    let (first, second) = (to(None, Some("id > 1")), to(None, Some("id > 2")));
    add(&distributor, &first).await.unwrap();
    add(&distributor, &second).await.unwrap();
    assert_eq!(known(&distributor).await, [second.token], "the newer one is there in its place");
    let other = TableName { schema: "dbo".to_owned(), table: "t2".to_owned() };
    let of_another = FilterChange { source: other, ..to(None, Some("id > 1")) };
    add(&distributor, &of_another).await.unwrap();
    assert_eq!(known(&distributor).await, [second.token, of_another.token]);
    distributor.stop().await;

    let distributor = Distributor::start(directory.path(), options()).await;
    assert_eq!(known(&distributor).await, [second.token, of_another.token], "it is durable");
    for token in [first.token, second.token, second.token] {
        distributor.admin(Request::FilterChangeDrop { token }).await.unwrap();
    }
    assert_eq!(known(&distributor).await, [of_another.token]);
    let dropped = Request::ArticleDrop { publication: "p".to_owned(), source: of_another.source.clone() };
    distributor.admin(dropped).await.unwrap();
    assert!(known(&distributor).await.is_empty(), "it goes with its article");
    add(&distributor, &first).await.unwrap();
    distributor.admin(Request::PublicationDrop { name: "p".to_owned() }).await.unwrap();
    distributor.publish(1).await;
    assert!(known(&distributor).await.is_empty(), "and with its publication");
    distributor.stop().await;
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    let good = to(None, Some("id > 1"));
    let missing = TableName { schema: "dbo".to_owned(), table: "t9".to_owned() };
    for (change, kind) in [
        (FilterChange { publication: "q".to_owned(), ..good.clone() }, RefusalKind::NotFound),
        (FilterChange { source: missing, ..good.clone() }, RefusalKind::NotFound),
        (to(Some("id > 0"), Some("id > 1")), RefusalKind::Invalid),
    ] {
        assert_eq!(add(&distributor, &change).await.unwrap_err().kind, kind, "{change:?}");
    }
    add_login(&distributor, "sub", LoginRole::Subscriber).await;
    let mut connection = connect(&distributor.address, "sub", "sub-password").await.unwrap();
    let refused = connection.request(Request::FilterChangeAdd(good)).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().kind, RefusalKind::Denied);
    assert!(known(&distributor).await.is_empty());
    distributor.stop().await;
}

#[tokio::test]
async fn a_definition_with_another_filter_is_taken_only_while_that_change_is_under_way() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    distributor.publish(1).await;
    let mut reader = distributor.attach().await;
    let article = reader.articles[0].clone();
    let (first, second) = (to(None, Some("id > 1")), to(None, Some("id > 2")));
    add(&distributor, &first).await.unwrap();
    add(&distributor, &second).await.unwrap();
    // The first one was replaced after the log reader had heard of it.
    let refused = alter(&mut reader, &article, Some("id > 1"), 3).await.unwrap_err();
    assert!(refused.kind == RefusalKind::Invalid && refused.message.contains("replaced"), "{refused}");
    let altered = alter(&mut reader, &article, Some("id > 2"), 4).await.unwrap();
    // Before its transaction is durable the reader dies: it finds the change again.
    drop(reader);
    distributor.until(|s| s.databases[0].log_reader.is_none()).await;
    let mut reader = distributor.attach().await;
    assert_eq!(reader.articles[0], article);
    assert_eq!(known(&distributor).await, [second.token]);
    let again = alter(&mut reader, &article, Some("id > 2"), 4).await.unwrap();
    assert!(again.id > altered.id);
    distributor.admin(Request::FilterChangeDrop { token: second.token }).await.unwrap();
    // What else changes needs no change of the filter.
    alter(&mut reader, &again, Some("id > 2"), 5).await.unwrap();
    distributor.stop().await;
}

#[tokio::test]
async fn no_snapshot_is_taken_while_a_filter_may_change_at_a_marker_ahead() {
    let directory = data_directory();
    let distributor = Distributor::start(directory.path(), options()).await;
    let p = distributor.publish(1).await;
    let change = to(None, Some("id > 1"));
    add(&distributor, &change).await.unwrap();
    let refused = distributor.begin(&snapshot("p", &p, lsn(5))).await.unwrap_err();
    assert!(refused.kind == RefusalKind::Busy && refused.message.contains("article set"), "{refused}");
    // Nor is one made known that was begun before.
    distributor.admin(Request::FilterChangeDrop { token: change.token }).await.unwrap();
    let begun = snapshot("p", &p, lsn(5));
    distributor.begin(&begun).await.unwrap();
    add(&distributor, &change).await.unwrap();
    let register = distributor.admin(Request::SnapshotRegister(begun.clone())).await;
    assert_eq!(register.unwrap_err().kind, RefusalKind::Busy);
    let mut reader = distributor.attach().await;
    let article = reader.articles[0].clone();
    let altered = alter(&mut reader, &article, Some("id > 1"), 4).await.unwrap();
    // With the old filter from after the change it would have too many rows; whoever began the change need not have seen its end.
    let register = distributor.admin(Request::SnapshotRegister(begun)).await;
    assert_eq!(register.unwrap_err().kind, RefusalKind::Invalid);
    distributor.register(&snapshot("p", &[altered.id], lsn(5))).await.unwrap();
    distributor.stop().await;
}
