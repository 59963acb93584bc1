#![allow(clippy::unwrap_used)]
use super::*;
use proto::codec::decode_changes;
use proto::{ArticleId, Change, Column, ColumnType, Marker, TableName, Value};
use sqlserver::change::{ChangeRow, Operation, Place};
use uuid::Uuid;

pub(super) fn article(id: u32) -> Article {
    let table = TableName { schema: "dbo".into(), table: format!("t{id}") };
    let column = |name: &str, key_ordinal| Column {
        name: name.to_owned(),
        column_type: ColumnType::VarBinary(Some(8000)),
        nullable: false,
        identity: None,
        sparse: false,
        collation: None,
        key_ordinal,
    };
    let columns = vec![column("id", Some(0)), column("data", None)];
    Article { id: ArticleId(id), ..Article::new("p", table, columns, instance(id, 10).as_capture()) }
}

pub(super) fn instance(id: u32, start: u32) -> CaptureInstance {
    CaptureInstance {
        name: format!("i{id}"),
        change_table: id as i32 + 1_000,
        source_object_id: id as i32,
        start_lsn: lsn(start),
        columns: vec![("id".into(), 1), ("data".into(), 2)],
    }
}

pub(super) fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

/// The change tables of the two articles, which cleanup has come to.
pub(super) fn tables(begin: u32) -> Input {
    let table = |id| ChangeTable { object_id: id + 1_000, start_lsn: lsn(begin) };
    Input::ChangeTables(vec![table(0), table(1), ChangeTable { object_id: 7, start_lsn: lsn(99_999) }])
}

/// Handles an input, and verifies whatever is to be verified by it.
pub(super) fn feed(reader: &mut LogReader, input: Input, now: i64) -> Vec<Output> {
    let mut outputs = reader.handle(input, now);
    while let Some(asked) = outputs.iter().position(|output| *output == Output::Verify) {
        outputs.remove(asked);
        outputs.extend(reader.handle(tables(10), now));
    }
    outputs
}

/// When what is captured was committed.
pub(super) const TIME: i64 = 77;

pub(super) fn insert(at: u32, sequence: u32, size: usize) -> ChangeRow {
    let place = Place { lsn: lsn(at), command: 1, sequence: lsn(sequence), operation: Operation::Insert };
    let id = Value::Bytes(sequence.to_be_bytes().to_vec());
    ChangeRow { place, mask: vec![3], published: true, values: vec![id, Value::Bytes(vec![7; size])] }
}

/// The distributor took the reader on with these articles, of which some are unread.
pub(super) fn attached(position: Option<Lsn>, articles: Vec<Article>, unread: Vec<ArticleId>) -> Input {
    Input::Attached { epoch: 5, position, position_time: None, version: 1, articles, unread }
}

/// Attached with two articles, and asking how far the log is captured.
pub(super) fn reader(position: Option<Lsn>) -> LogReader {
    let mut reader = LogReader::new();
    let attached = attached(position, vec![article(0), article(1)], Vec::new());
    assert_eq!(reader.handle(attached, 0), [Output::Inspect]);
    let outputs = reader.handle(Input::Instances(vec![instance(0, 10), instance(1, 10)]), 0);
    assert_eq!(outputs, [Output::Poll { idle: 0 }]);
    reader
}

/// Opens a slice with rows in both articles.
fn reading(up_to: u32) -> LogReader {
    let mut reader = reader(Some(lsn(10)));
    let outputs = reader.handle(Input::Captured(Some((lsn(up_to), TIME))), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(10), up_to: lsn(up_to) }]);
    let outputs =
        reader.handle(Input::Active(vec![Source::Article(0), Source::Article(1)], SchemaHistory::default()), 0);
    let fetches = [Source::Article(0), Source::Article(1), Source::Commits].map(Output::Fetch);
    assert_eq!(outputs, fetches);
    let times = (11..=up_to).map(|n| (lsn(n), i64::from(n) * 1_000)).collect();
    assert_eq!(reader.handle(Input::Commits(times), 0), []);
    assert_eq!(reader.handle(Input::End(Source::Commits), 0), []);
    reader
}

pub(super) fn chunks(outputs: Vec<Output>) -> Vec<Chunk> {
    let of = |output| if let Output::Append { epoch: 5, chunks } = output { chunks } else { Vec::new() };
    outputs.into_iter().flat_map(of).collect()
}

/// Sequence numbers of the inserted rows, in order.
pub(super) fn inserted(chunk: &Chunk) -> Vec<u32> {
    let changes = chunk.segments.iter().flat_map(|s| decode_changes(&s.payload).map(Result::unwrap));
    changes
        .map(|change| match change {
            Change::Insert(row) => match &row[0] {
                Value::Bytes(id) => u32::from_be_bytes(id[..].try_into().unwrap()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn tables_are_merged_into_transactions_in_commit_order() {
    let mut reader = reading(20);
    let mut out = Vec::new();
    out.extend(reader.handle(Input::Changes { article: 0, rows: vec![insert(11, 2, 1), insert(13, 5, 1)] }, 0));
    assert_eq!(out, [], "nothing can go before it is known what the other table has");
    let rows = vec![insert(11, 1, 1), insert(11, 3, 1), insert(12, 4, 1)];
    out.extend(reader.handle(Input::Changes { article: 1, rows }, 9));
    out.extend(reader.handle(Input::End(Source::Article(1)), 9));
    out.extend(reader.handle(Input::End(Source::Article(0)), 9));
    let more = [Source::Article(1), Source::Article(0)].map(Output::Fetch);
    assert_eq!(out, [&more[..], &[Output::Verify]].concat(), "nothing is sent before it is verified");
    out.extend(reader.handle(tables(10), 9));
    assert_eq!(out.last(), Some(&Output::Poll { idle: 0 }));
    assert!(out.contains(&Output::Progress { epoch: 5, lsn: lsn(20), committed_at: TIME }));
    let chunks = chunks(out);
    let shapes: Vec<_> = chunks.iter().map(|c| (c.lsn, c.part, c.last, c.committed_at, inserted(c))).collect();
    assert_eq!(
        shapes,
        [
            (lsn(11), 0, true, 11_000, vec![1, 2, 3]),
            (lsn(12), 0, true, 12_000, vec![4]),
            (lsn(13), 0, true, 13_000, vec![5])
        ]
    );
    assert_eq!(chunks[0].segments.iter().map(|s| s.article.0).collect::<Vec<_>>(), [1, 0, 1]);
}

#[test]
fn a_large_transaction_goes_out_in_parts_before_its_end_is_known() {
    let mut reader = reading(12);
    reader.handle(Input::End(Source::Article(1)), 0);
    let mut parts = Vec::new();
    let mut rows = 0;
    for batch in 0..90 {
        let batch: Vec<ChangeRow> = (0..10).map(|n| insert(12, batch * 10 + n, 8_000)).collect();
        rows += batch.len();
        parts.extend(chunks(feed(&mut reader, Input::Changes { article: 0, rows: batch }, 0)));
    }
    assert!(parts.len() >= 2 && parts.iter().all(|c| !c.last), "sent while it is read");
    parts.extend(chunks(feed(&mut reader, Input::End(Source::Article(0)), 0)));
    assert_eq!(parts.iter().map(|c| c.part).collect::<Vec<_>>(), (0..parts.len() as u32).collect::<Vec<_>>());
    assert_eq!(parts.iter().filter(|c| c.last).count(), 1);
    assert!(parts.last().unwrap().last);
    assert_eq!(parts.iter().flat_map(inserted).collect::<Vec<_>>(), (0..rows as u32).collect::<Vec<_>>());
    assert!(parts.iter().all(|c| c.payload_bytes() < proto::chunk::CHUNK_TARGET_BYTES + 10_000));
}

#[test]
fn transactions_with_nothing_for_us_are_progress() {
    let mut reader = reader(Some(lsn(10)));
    reader.handle(Input::Captured(Some((lsn(30), TIME))), 0);
    assert_eq!(reader.handle(tables(10), 0), []);
    let outputs = reader.handle(Input::Active(Vec::new(), SchemaHistory::default()), 0);
    assert_eq!(outputs, [Output::Progress { epoch: 5, lsn: lsn(30), committed_at: TIME }, Output::Poll { idle: 0 }]);
    assert_eq!(reader.handle(Input::Captured(Some((lsn(30), TIME))), 0), [Output::Poll { idle: 1 }]);
}

#[test]
fn without_a_position_reading_begins_where_the_first_article_does() {
    let mut reader = reader(None);
    let outputs = reader.handle(Input::Captured(Some((lsn(11), TIME))), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(10), up_to: lsn(11) }]);
}

#[test]
fn a_marker_ends_its_transaction_also_without_changes() {
    let mut reader = reader(Some(lsn(10)));
    reader.handle(Input::Captured(Some((lsn(12), TIME))), 0);
    reader.handle(Input::Active(vec![Source::Markers], SchemaHistory::default()), 0);
    reader.handle(Input::Commits(vec![(lsn(11), 5), (lsn(12), 6)]), 0);
    let marker = Marker { kind: MarkerKind::Snapshot, token: Uuid::from_u128(7) };
    let heartbeat = Marker { kind: MarkerKind::Heartbeat, token: Uuid::from_u128(8) };
    let filter = Marker { kind: MarkerKind::Filter, token: Uuid::from_u128(9) };
    let markers = vec![(lsn(11), Some(heartbeat)), (lsn(11), Some(filter)), (lsn(12), Some(marker))];
    let mut out = reader.handle(Input::Markers(markers), 0);
    out.extend(feed(&mut reader, Input::End(Source::Markers), 0));
    let chunks = chunks(out);
    assert_eq!(chunks.len(), 1);
    assert_eq!((chunks[0].lsn, chunks[0].last, chunks[0].marker), (lsn(12), true, Some(marker)));
}

#[test]
fn new_articles_are_used_from_the_next_slice_on() {
    let mut reader = reading(12);
    let articles = vec![article(0), article(1), article(2)];
    assert_eq!(reader.handle(Input::Articles { version: 2, articles }, 0), [], "not in the middle of a slice");
    reader.handle(Input::End(Source::Article(0)), 0);
    let outputs = feed(&mut reader, Input::End(Source::Article(1)), 0);
    assert_eq!(outputs, [Output::Progress { epoch: 5, lsn: lsn(12), committed_at: TIME }, Output::Inspect]);
    let instances = vec![instance(0, 10), instance(1, 10), instance(2, 12)];
    let mut third = article(2);
    third.capture.start_lsn = lsn(12);
    let outputs = reader.handle(Input::Instances(instances), 0);
    assert_eq!(outputs, [Output::ArticlesInUse { epoch: 5, version: 2 }, Output::Poll { idle: 0 }]);
    assert_eq!(reader.articles().count(), 3);
}

#[test]
fn reading_waits_while_too_much_is_not_durable() {
    let mut reader = reading(20_000);
    reader.handle(Input::End(Source::Article(1)), 0);
    let mut at = 11;
    let mut asked = true;
    let mut batches = 0;
    while asked {
        let rows: Vec<ChangeRow> = (0..100).map(|n| insert(at + n, n, 8_000)).collect();
        at += 100;
        batches += 1;
        asked = feed(&mut reader, Input::Changes { article: 0, rows }, 0).contains(&Output::Fetch(Source::Article(0)));
        assert!(batches * 100 * 8_000 < WINDOW * 2, "the window is bounded");
    }
    assert!(batches * 100 * 8_000 > WINDOW);
    let outputs = reader.handle(Input::Durable(lsn(at)), 0);
    assert_eq!(outputs, [Output::Fetch(Source::Article(0))]);
}

#[test]
fn after_a_new_attachment_reading_goes_on_from_the_durable_position() {
    let mut reader = reading(20);
    reader.handle(Input::Changes { article: 0, rows: vec![insert(12, 1, 1)] }, 0);
    assert_eq!(reader.handle(Input::Detached, 0), []);
    assert_eq!(reader.handle(Input::End(Source::Article(0)), 0), [], "what was on its way is forgotten");
    let attached = Input::Attached {
        epoch: 6,
        position: Some(lsn(11)),
        position_time: None,
        version: 1,
        articles: vec![article(0)],
        unread: Vec::new(),
    };
    reader.handle(attached, 0);
    reader.handle(Input::Instances(vec![instance(0, 10)]), 0);
    let outputs = reader.handle(Input::Captured(Some((lsn(20), TIME))), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(11), up_to: lsn(20) }]);
}

#[path = "gap_tests.rs"]
mod gaps;
