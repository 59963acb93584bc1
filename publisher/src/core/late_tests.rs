#![allow(clippy::unwrap_used)]
use super::super::switch_tests::to_be_registered;
use super::super::tests::{TIME, article, attached, chunks, feed, insert, instance, lsn};
use super::super::{Earlier, Input, LogReader, Output, SchemaHistory, Source, Statement};
use proto::{Article, ArticleId, Lsn};

/// `data` of the first table was dropped before the slice, which begins with this transaction.
fn dropped_before(first: u32) -> SchemaHistory {
    let text = "ALTER TABLE t0 DROP COLUMN data".into();
    let statement = Statement { source: 0, lsn: lsn(15), committed_at: 1, text };
    let earlier = Earlier { statements: vec![statement], first: (lsn(first), 25_000) };
    SchemaHistory { earlier: Some(Box::new(earlier)), ..SchemaHistory::default() }
}

/// Attached where everything up to 20 is in the queue.
fn attached_at_20(articles: Vec<Article>, unread: Vec<ArticleId>) -> LogReader {
    let mut reader = LogReader::new();
    reader.handle(attached(Some(lsn(20)), articles, unread), 0);
    reader
}

fn inspected(reader: &mut LogReader) -> Vec<Output> {
    reader.handle(Input::Instances(vec![instance(0, 10), instance(1, 10)]), 0)
}

fn unread(reader: &LogReader) -> Vec<ArticleId> {
    reader.unread().map(|article| article.id).collect()
}

fn captured(reader: &mut LogReader, n: u32) -> Vec<Output> {
    reader.handle(Input::Captured(Some((lsn(n), TIME))), 0)
}

fn told(articles: Vec<Article>) -> Input {
    Input::Articles { version: 2, articles }
}

#[test]
fn a_statement_from_before_an_article_was_taken_up_is_followed_at_the_first_transaction_after() {
    let mut reader = attached_at_20(vec![article(0), article(1)], vec![ArticleId(0)]);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [ArticleId(0)]);
    assert_eq!(captured(&mut reader, 30), [Output::Read { after: lsn(20), up_to: lsn(30) }]);
    let outputs = feed(&mut reader, Input::Active(vec![Source::Article(0)], dropped_before(25)), 0);
    let before = lsn(25).previous().unwrap();
    assert_eq!(outputs, [Output::Read { after: lsn(20), up_to: before }]);
    assert_eq!(unread(&reader), [], "once is enough");
    let outputs = feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    let definitions = to_be_registered(&outputs);
    assert_eq!(definitions.len(), 1);
    assert_eq!((definitions[0].supersedes, definitions[0].since), (Some(ArticleId(0)), Some(lsn(25))));
    let registered = Article { id: ArticleId(9), ..definitions[0].clone() };
    let outputs = reader.handle(Input::Altered(Box::new(registered)), 0);
    assert_eq!(outputs, [Output::Read { after: before, up_to: lsn(30) }]);
    let mut outputs = feed(&mut reader, Input::Active(vec![Source::Article(0)], SchemaHistory::default()), 0);
    let mut row = insert(26, 1, 1);
    row.values.truncate(1);
    for input in [
        Input::Commits(vec![(lsn(26), 26_000)]),
        Input::End(Source::Commits),
        Input::Changes { article: 0, rows: vec![row] },
        Input::End(Source::Article(0)),
    ] {
        outputs.extend(feed(&mut reader, input, 0));
    }
    let sent = chunks(outputs);
    let shapes: Vec<_> = sent.iter().map(|c| (c.lsn, c.committed_at, c.schema.len(), c.segments.len())).collect();
    assert_eq!(shapes, [(lsn(25), 25_000, 1, 0), (lsn(26), 26_000, 0, 1)]);
    assert_eq!((sent[0].schema[0].article.id, &sent[0].schema[0].changes[..]), (ArticleId(9), &[][..]));
    assert_eq!(sent[1].segments[0].article, ArticleId(9));
}

#[test]
fn an_article_that_is_added_while_others_are_read_is_looked_back_for_once() {
    let mut reader = attached_at_20(vec![article(1)], Vec::new());
    inspected(&mut reader);
    reader.handle(told(vec![article(1), article(0)]), 0);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [ArticleId(0)]);
    captured(&mut reader, 30);
    // One more, which is taken up once the slice is over.
    reader.handle(told(vec![article(1), article(0), Article { id: ArticleId(2), ..article(0) }]), 0);
    assert_eq!(unread(&reader), [ArticleId(0)]);
    feed(&mut reader, Input::Active(Vec::new(), SchemaHistory::default()), 0);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [ArticleId(2)]);
}

#[test]
fn an_article_that_is_told_again_before_it_is_in_use_is_as_it_was_told_first() {
    let mut reader = attached_at_20(vec![article(0), article(1)], vec![ArticleId(1)]);
    reader.handle(told(vec![article(0), article(1), Article { id: ArticleId(2), ..article(1) }]), 0);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [ArticleId(1), ArticleId(2)]);
}

#[test]
fn only_what_could_be_read_from_before_the_slice_is_looked_back_for() {
    let mut reader = attached_at_20(vec![article(0), later(article(1), 20)], vec![ArticleId(0), ArticleId(1)]);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [ArticleId(0)]);
    // A definition with a place in the log has followed everything before it.
    let altered = Article { id: ArticleId(4), since: Some(lsn(18)), supersedes: Some(ArticleId(3)), ..article(0) };
    reader.handle(told(vec![article(0), later(article(1), 20), altered]), 0);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [ArticleId(0)]);
}

fn later(mut article: Article, start: u32) -> Article {
    article.capture.start_lsn = lsn(start);
    article
}

#[test]
fn an_article_that_is_read_does_not_follow_a_statement_again() {
    let mut reader = attached_at_20(vec![article(0), article(1)], Vec::new());
    inspected(&mut reader);
    captured(&mut reader, 30);
    let outputs = feed(&mut reader, Input::Active(Vec::new(), dropped_before(25)), 0);
    assert_eq!(to_be_registered(&outputs), []);
    assert!(outputs.contains(&Output::Progress { epoch: 5, lsn: lsn(30), committed_at: TIME }));
    let nowhere: Option<Lsn> = None;
    let mut reader = LogReader::new();
    reader.handle(attached(nowhere, vec![article(0), article(1)], vec![ArticleId(0), ArticleId(1)]), 0);
    inspected(&mut reader);
    assert_eq!(unread(&reader), [], "everything from the beginning of their capture is in the slice");
}
