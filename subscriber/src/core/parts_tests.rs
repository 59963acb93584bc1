#![allow(clippy::unwrap_used)]
use super::parts::{Part, Parts};
use super::stream::{Input, Limits, Output, Stream};
use super::{Articles, CoreError, decode};
use proptest::prelude::*;
use proto::codec::encode_change;
use proto::{
    Article, ArticleId, ArticleOptions, CallFormat, Capture, Change, Chunk, Column, ColumnType, Command, KeyRange, Lsn,
    Row, Segment, TableName, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every transaction a batch of its own.
const LIMITS: Limits = Limits { changes: 1, bytes: 1 << 20, millis: 0, move_millis: 0 };

fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

fn number(value: i32) -> Value {
    Value::I32(value)
}

fn call(format: CallFormat, verb: &str) -> Command {
    let procedure = TableName { schema: "dbo".into(), table: verb.into() };
    Command::Call { format, procedure, generated: true }
}

/// Article 1: columns `a`, then the key `id`, then `b`.
fn article(key: ColumnType, options: ArticleOptions) -> Article {
    let column = |name: &str, column_type, key_ordinal: Option<u16>| Column {
        nullable: key_ordinal.is_none(),
        key_ordinal,
        ..Column::new(name, column_type)
    };
    let columns =
        vec![column("a", ColumnType::Int, None), column("id", key, Some(0)), column("b", ColumnType::Int, None)];
    let name = TableName { schema: "dbo".into(), table: "t".into() };
    Article { id: ArticleId(1), options, ..Article::new("p", name, columns, Capture::default()) }
}

fn images(update: CallFormat, delete: Command) -> ArticleOptions {
    ArticleOptions { update: call(update, "upd"), delete, ..ArticleOptions::default() }
}

/// Ranges that meet at `bounds`, each contained up to its boundary.
fn parts(bounds: &[i32], boundaries: &[u32]) -> Vec<Part> {
    let bound = |n: Option<usize>| n.and_then(|n| bounds.get(n)).map(|bound| number(*bound)).into_iter().collect();
    let range = |n: usize| KeyRange { lower: bound(n.checked_sub(1)), upper: bound(Some(n)) };
    (0..=bounds.len()).map(|n| Part { range: range(n), boundary: lsn(boundaries[n]) }).collect()
}

fn known(parts: &[Part]) -> Parts {
    parts.iter().cloned().map(|part| (ArticleId(1), part)).collect()
}

fn segment(changes: &[Change]) -> Segment {
    let mut payload = Vec::new();
    changes.iter().for_each(|change| encode_change(change, &mut payload).unwrap());
    Segment { article: ArticleId(1), changes: changes.len() as u32, payload }
}

fn row(key: i32) -> Row {
    vec![number(7), number(key), number(9)]
}

/// What is left at 5 of a change in the parts before 100, which is as of 3, and from 100 on, which is as of 8.
fn rest(article: Article, change: Change) -> Result<Option<Change>, CoreError> {
    rest_in(&parts(&[100], &[3, 8]), article, change)
}

fn rest_in(parts: &[Part], article: Article, change: Change) -> Result<Option<Change>, CoreError> {
    let parts = known(parts);
    let article = Arc::new(article);
    let Some(rest) = parts.rest(&article, segment(&[change]), lsn(5))? else { return Ok(None) };
    let mut changes = Vec::new();
    decode::changes_of(&rest, &article, lsn(5), |change| {
        changes.push(change);
        Ok::<(), CoreError>(())
    })?;
    assert_eq!(changes.len(), 1);
    Ok(changes.pop())
}

fn by_statements() -> Article {
    article(ColumnType::Int, ArticleOptions::default())
}

#[test]
fn between_the_boundaries_a_change_goes_to_the_part_of_its_key_alone() {
    let inserted = Change::Insert(row(1));
    let updated = Change::Update { key: vec![number(99)], changed: vec![(0, number(1))] };
    let deleted = Change::Delete(vec![number(-1)]);
    for needed in [inserted, updated, deleted] {
        assert_eq!(rest(by_statements(), needed.clone()), Ok(Some(needed)));
    }
    let inserted = Change::Insert(row(100));
    let updated = Change::Update { key: vec![number(100)], changed: vec![(0, number(1))] };
    let deleted = Change::Delete(vec![number(1_000)]);
    for contained in [inserted, updated, deleted] {
        assert_eq!(rest(by_statements(), contained), Ok(None));
    }
    let with_image = article(ColumnType::Int, images(CallFormat::Xcall, call(CallFormat::Xcall, "del")));
    assert_eq!(
        rest(with_image.clone(), Change::DeleteImage(row(1))),
        Ok(Some(Change::DeleteImage(row(1)))),
        "the key is the second column"
    );
    assert_eq!(rest(with_image, Change::DeleteImage(row(100))), Ok(None));
}

#[test]
fn a_row_that_leaves_a_part_is_deleted_and_one_that_enters_it_is_inserted() {
    let moved = |from, to, changed: Vec<(u16, Value)>| Change::UpdateKey {
        key: vec![number(from)],
        new_key: vec![number(to)],
        changed,
    };
    let both = || vec![(0, number(7)), (2, number(9))];
    let of = |change| rest(by_statements(), change);
    assert_eq!(of(moved(1, 2, vec![])), Ok(Some(moved(1, 2, vec![]))));
    assert_eq!(of(moved(101, 102, vec![])), Ok(None));
    assert_eq!(of(moved(1, 101, vec![])), Ok(Some(Change::Delete(vec![number(1)]))));
    assert_eq!(of(moved(101, 1, both())), Ok(Some(Change::Insert(row(1)))));
}

#[test]
fn a_row_that_enters_a_part_without_all_of_its_columns_stops_the_stream_and_names_table_key_and_position() {
    let change = Change::UpdateKey { key: vec![number(101)], new_key: vec![number(1)], changed: vec![(0, number(7))] };
    let error = rest(by_statements(), change).unwrap_err();
    assert!(matches!(error, CoreError::PartsApart { .. }), "{error}");
    let text = error.to_string();
    for named in ["dbo.t", "column(s) id", "00000001:00000005:0001", "make a new snapshot"] {
        assert!(text.contains(named), "{text}");
    }
}

#[test]
fn updates_that_bring_images_are_split_by_them() {
    let update = |before: Row, to: i32| Change::UpdateImages { before, after: row(to), changed: vec![1] };
    for (format, delete) in [(CallFormat::Call, Command::Sql), (CallFormat::Mcall, call(CallFormat::Call, "del"))] {
        let of = |from: i32, to| {
            let article = article(ColumnType::Int, images(format, delete.clone()));
            rest(article, update(vec![number(from)], to))
        };
        assert_eq!(of(1, 101), Ok(Some(Change::Delete(vec![number(1)]))));
        assert_eq!(of(101, 1), Ok(Some(Change::Insert(row(1)))));
        assert_eq!(of(1, 2), Ok(Some(update(vec![number(1)], 2))));
        assert_eq!(of(101, 102), Ok(None));
    }
    let of = |delete, from, to| {
        let article = article(ColumnType::Int, images(CallFormat::Xcall, delete));
        rest(article, update(row(from), to))
    };
    assert_eq!(of(Command::Sql, 1, 101), Ok(Some(Change::Delete(vec![number(1)]))));
    assert_eq!(of(Command::Sql, 101, 1), Ok(Some(Change::Insert(row(1)))));
    assert_eq!(of(call(CallFormat::Xcall, "del"), 1, 101), Ok(Some(Change::DeleteImage(row(1)))));
    // The procedure for deletes takes all columns, the one for updates not.
    let article = article(ColumnType::Int, images(CallFormat::Call, call(CallFormat::Xcall, "del")));
    let error = rest(article, update(vec![number(1)], 101)).unwrap_err();
    assert!(matches!(error, CoreError::PartsApart { .. }), "{error}");
}

#[test]
fn parts_may_meet_within_a_value_of_the_first_key_column() {
    // The key is `id`, then `a`.
    let mut article = article(ColumnType::Int, ArticleOptions::default());
    (article.columns[0].key_ordinal, article.columns[0].nullable) = (Some(1), false);
    let middle = || vec![number(100), number(5)];
    let ranges = [KeyRange { lower: vec![], upper: middle() }, KeyRange { lower: middle(), upper: vec![] }];
    let parts = ranges.into_iter().zip([3, 8]).map(|(range, n)| Part { range, boundary: lsn(n) }).collect::<Vec<_>>();
    let inserted = |id, a| Change::Insert(vec![number(a), number(id), number(9)]);
    let deleted = |id, a| Change::Delete(vec![number(id), number(a)]);
    for needed in [inserted(100, 4), deleted(100, 4), deleted(99, 1_000)] {
        assert_eq!(rest_in(&parts, article.clone(), needed.clone()), Ok(Some(needed)));
    }
    for contained in [inserted(100, 5), deleted(100, 5), inserted(101, 0)] {
        assert_eq!(rest_in(&parts, article.clone(), contained), Ok(None));
    }
    // From one part into the other.
    let moved = Change::UpdateKey {
        key: vec![number(100), number(9)],
        new_key: vec![number(100), number(1)],
        changed: vec![(2, number(9))],
    };
    assert_eq!(rest_in(&parts, article, moved), Ok(Some(inserted(100, 1))));
}

#[test]
fn keys_whose_order_only_the_server_knows_have_one_boundary_or_none_of_their_changes_is_guessed() {
    let text = |key: &str| Value::String(key.into());
    let article = Arc::new(article(ColumnType::NVarChar(Some(9)), ArticleOptions::default()));
    let middle = || vec![text("m")];
    let ranges = [KeyRange { lower: vec![], upper: middle() }, KeyRange { lower: middle(), upper: vec![] }];
    let with = |boundaries: [u32; 2]| -> Parts {
        let part = |(range, n): (&KeyRange, u32)| (ArticleId(1), Part { range: range.clone(), boundary: lsn(n) });
        ranges.iter().zip(boundaries).map(part).collect()
    };
    let change = || segment(&[Change::Delete(vec![text("ä")])]);
    assert_eq!(with([5, 5]).rest(&article, change(), lsn(5)), Ok(None));
    assert_eq!(with([5, 5]).rest(&article, change(), lsn(6)), Ok(Some(change())));
    let error = with([3, 8]).rest(&article, change(), lsn(5)).unwrap_err();
    assert!(matches!(error, CoreError::PartsApart { .. }) && !error.to_string().contains('ä'), "{error}");
}

#[test]
fn a_key_that_no_part_holds_stops_the_stream() {
    let mut holed = parts(&[100, 200], &[3, 3, 8]);
    holed.remove(1);
    let error = known(&holed).rest(&Arc::new(by_statements()), segment(&[Change::Delete(vec![number(150)])]), lsn(5));
    assert!(matches!(error, Err(CoreError::PartsApart { .. })), "{error:?}");
}

/// A table, by key.
type Rows = BTreeMap<i32, Row>;

fn key_of(value: &Value) -> i32 {
    let Value::I32(key) = value else { panic!("{value:?}") };
    *key
}

/// Carries out a change, which must fit what is there.
fn apply(rows: &mut Rows, change: &Change) {
    let mut take = |key: &Value| rows.remove(&key_of(key)).expect("the row is there");
    let after = match change {
        Change::Insert(row) => Some(row.clone()),
        Change::Delete(key) => {
            take(&key[0]);
            None
        }
        Change::Update { key, changed } => {
            let mut row = take(&key[0]);
            changed.iter().for_each(|(column, value)| row[usize::from(*column)] = value.clone());
            Some(row)
        }
        Change::UpdateKey { key, new_key, changed } => {
            let mut row = take(&key[0]);
            row[1] = new_key[0].clone();
            changed.iter().for_each(|(column, value)| row[usize::from(*column)] = value.clone());
            Some(row)
        }
        Change::UpdateImages { before, after, .. } => {
            take(&before[0]);
            Some(after.clone())
        }
        Change::DeleteImage(_) => panic!("nobody made one"),
    };
    if let Some(row) = after {
        assert!(rows.insert(key_of(&row[1]), row).is_none(), "the key is free");
    }
}

const KEYS: i32 = 12;

/// A transaction of the publisher, from random numbers: which key, what happens to it, and to where it moves.
fn transaction(state: &mut Rows, stamp: i32, with_images: bool, script: &[(i32, u8, i32)]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (n, (key, what, to)) in (0..).zip(script) {
        // Every value is new, so that a change that is left out shows.
        let stamp = stamp * 100 + n;
        let row = |key: i32| vec![number(stamp), number(key), number(-stamp)];
        let change = match (state.contains_key(key), what) {
            (false, _) => Change::Insert(row(*key)),
            (true, 0) => Change::Delete(vec![number(*key)]),
            (true, 1) if !state.contains_key(to) && with_images => {
                Change::UpdateImages { before: vec![number(*key)], after: row(*to), changed: vec![0, 1, 2] }
            }
            (true, 1) if !state.contains_key(to) => {
                let changed = vec![(0, number(stamp)), (2, number(-stamp))];
                Change::UpdateKey { key: vec![number(*key)], new_key: vec![number(*to)], changed }
            }
            (true, _) if with_images => {
                Change::UpdateImages { before: vec![number(*key)], after: row(*key), changed: vec![0, 2] }
            }
            (true, _) => Change::Update { key: vec![number(*key)], changed: vec![(2, number(stamp))] },
        };
        apply(state, &change);
        changes.push(change);
    }
    changes
}

proptest! {
    /// Each part as the publisher was at its boundary, then the stream from the earliest: every change fits what it meets, so it is
    /// applied once and to nothing that contains it, and from the last boundary on each commit shows the publisher's state.
    #[test]
    fn parts_as_of_different_positions_become_the_publishers_table_at_the_last_boundary(
        history in prop::collection::vec(prop::collection::vec((0..KEYS, 0..4_u8, 0..KEYS), 1..6), 2..25),
        bounds in prop::collection::btree_set(1..KEYS, 0..4),
        boundaries in prop::collection::vec(0..25_u32, 4),
        with_images in any::<bool>(),
        restarts in prop::collection::vec(any::<bool>(), 25),
    ) {
        let options = if with_images { images(CallFormat::Mcall, Command::Sql) } else { ArticleOptions::default() };
        let article = article(ColumnType::Int, options);
        let articles: Articles = [article.clone()].into_iter().collect();
        let mut state = Rows::new();
        let mut states = vec![state.clone()];
        let mut transactions = Vec::new();
        for (n, script) in (1..).zip(&history) {
            transactions.push(transaction(&mut state, n, with_images, script));
            states.push(state.clone());
        }
        let bounds: Vec<i32> = bounds.into_iter().collect();
        let boundaries: Vec<u32> = boundaries.into_iter().map(|n| n.min(history.len() as u32)).collect();
        let parts = parts(&bounds, &boundaries);
        let used = &boundaries[..parts.len()];
        let (first, last) = (*used.iter().min().unwrap(), *used.iter().max().unwrap());
        let mut rows = Rows::new();
        for (part, boundary) in parts.iter().zip(used) {
            let held = states[*boundary as usize].iter();
            rows.extend(held.filter(|(key, _)| part.range.contains(&[number(**key)]).unwrap()).map(|(k, r)| (*k, r.clone())));
        }
        let mut stream = Stream::new(lsn(first), known(&parts), &articles, LIMITS);
        prop_assert_eq!(stream.last_boundary(), lsn(last));
        for n in first + 1..=history.len() as u32 {
            if restarts[n as usize - 1] {
                stream = Stream::new(stream.position(), known(&parts), &articles, LIMITS);
            }
            let segments = vec![segment(&transactions[n as usize - 1])];
            let chunk = Chunk {
                lsn: lsn(n), part: 0, last: true, committed_at: 0, read_at: 0, marker: None, schema: vec![], segments,
            };
            let mut outputs = stream.handle(u64::from(n), Input::Chunk(chunk)).unwrap();
            while let Some(output) = outputs.pop() {
                if let Output::Batch { chunks, .. } = &output {
                    for chunk in chunks {
                        decode::each_change(chunk, &articles, |_, change| {
                            apply(&mut rows, &change);
                            Ok::<(), CoreError>(())
                        }).unwrap();
                    }
                }
                if output.wants_answer() {
                    outputs.extend(stream.handle(u64::from(n), Input::Done).unwrap());
                }
            }
            prop_assert_eq!(stream.position(), lsn(n));
            if n >= last {
                prop_assert_eq!(&rows, &states[n as usize]);
            }
        }
        if first == last {
            prop_assert_eq!(&rows, states.last().unwrap());
        }
    }
}
