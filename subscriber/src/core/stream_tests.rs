#![allow(clippy::unwrap_used)]
use super::net_tests::article;
use super::stream::{Input, Limits, Output, Stream};
use super::{Articles, CoreError};
use proptest::prelude::*;
use proto::codec::encode_change;
use proto::{ArticleId, Change, Chunk, Lsn, Segment, Value};
use std::collections::HashMap;

const LIMITS: Limits = Limits { changes: 10, bytes: 1_000, millis: 200, move_millis: 1_000 };

fn lsn(n: u32) -> Lsn {
    Lsn::new(1, n, 1)
}

fn chunk(n: u32, part: u32, last: bool, article: u32, bytes: usize) -> Chunk {
    let mut payload = Vec::new();
    let row = vec![Value::String(format!("{n}/{part}")), Value::String("x".repeat(bytes)), Value::Null];
    encode_change(&Change::Insert(row), &mut payload).unwrap();
    let segments = vec![Segment { article: ArticleId(article), changes: 1, payload }];
    Chunk { lsn: lsn(n), part, last, committed_at: 0, read_at: 0, marker: None, schema: vec![], segments }
}

fn whole(n: u32) -> Chunk {
    chunk(n, 0, true, 1, 10)
}

/// Articles 1 and 2 of table t (2 is the newer definition), 3 of table u; the snapshot contains 1 up to 0, 2 and 3 up to 5.
fn stream(limits: Limits) -> Stream {
    let articles: Articles =
        [(1, "t"), (2, "T"), (3, "u")].into_iter().map(|(id, t)| (*article(id, t)).clone()).collect();
    let boundaries = HashMap::from([(ArticleId(1), lsn(0)), (ArticleId(2), lsn(5)), (ArticleId(3), lsn(5))]);
    Stream::new(lsn(0), boundaries, &articles, limits)
}

fn feed(stream: &mut Stream, inputs: impl IntoIterator<Item = Input>) -> Vec<Output> {
    inputs.into_iter().flat_map(|input| stream.handle(0, input).unwrap()).collect()
}

fn lsns(output: &Output) -> Vec<Lsn> {
    match output {
        Output::Batch { chunks, .. } | Output::Part { chunks, .. } => chunks.iter().map(|c| c.lsn).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_waits_is_applied_together_and_at_once_when_nothing_more_waits() {
    let mut stream = stream(LIMITS);
    assert_eq!(feed(&mut stream, [Input::Chunk(whole(1)), Input::Chunk(whole(2))]), []);
    let outputs = feed(&mut stream, [Input::Drained]);
    assert!(matches!(&outputs[..], [Output::Batch { position, .. }] if *position == lsn(2)), "{outputs:?}");
    assert_eq!(lsns(&outputs[0]), [lsn(1), lsn(2)]);
    assert_eq!(stream.position(), lsn(0));
    assert_eq!(feed(&mut stream, [Input::Done]), [Output::Report { position: lsn(2), transactions: 2, changes: 2 }]);
}

#[test]
fn the_next_batch_gathers_while_one_is_applied() {
    let mut stream = stream(LIMITS);
    assert_eq!(feed(&mut stream, [Input::Chunk(whole(1)), Input::Drained]).len(), 1);
    let more = (2..5).map(|n| Input::Chunk(whole(n))).chain([Input::Drained]);
    assert_eq!(feed(&mut stream, more), []);
    let outputs = feed(&mut stream, [Input::Done]);
    assert_eq!(lsns(&outputs[1]), [lsn(2), lsn(3), lsn(4)]);
}

#[test]
fn a_batch_is_closed_by_changes_by_bytes_and_by_time() {
    let mut by_changes = stream(LIMITS);
    let outputs = feed(&mut by_changes, (1..11).map(|n| Input::Chunk(whole(n))));
    assert_eq!(lsns(&outputs[0]).len(), 10);
    let mut by_bytes = stream(LIMITS);
    let outputs = feed(&mut by_bytes, (1..3).map(|n| Input::Chunk(chunk(n, 0, true, 1, 600))));
    assert_eq!(lsns(&outputs[0]).len(), 2);
    let mut by_time = stream(LIMITS);
    assert_eq!(by_time.handle(0, Input::Chunk(whole(1))).unwrap(), []);
    assert_eq!(lsns(&by_time.handle(200, Input::Chunk(whole(2))).unwrap()[0]), [lsn(1), lsn(2)]);
}

#[test]
fn a_transaction_beyond_memory_is_applied_in_pieces_and_commits_with_its_end() {
    let mut stream = stream(LIMITS);
    let outputs =
        feed(&mut stream, [whole(1), chunk(2, 0, false, 1, 700), chunk(2, 1, false, 1, 700)].map(Input::Chunk));
    assert_eq!(lsns(&outputs[0]), [lsn(1)]);
    let outputs = feed(&mut stream, [Input::Done]);
    assert!(matches!(outputs[1], Output::Part { first: true, .. }), "{outputs:?}");
    let outputs = feed(&mut stream, [Input::Done, Input::Chunk(chunk(2, 2, true, 1, 10))]);
    assert!(matches!(outputs[..], [Output::Part { first: false, .. }]), "{outputs:?}");
    assert_eq!(stream.position(), lsn(1));
    assert_eq!(feed(&mut stream, [Input::Done]), [Output::Commit { position: lsn(2) }]);
    assert_eq!(feed(&mut stream, [Input::Done]), [Output::Report { position: lsn(2), transactions: 2, changes: 4 }]);
}

#[test]
fn a_stream_lost_inside_a_large_transaction_is_rolled_back_and_begins_again() {
    for done_before in [false, true] {
        let mut stream = stream(LIMITS);
        let large = [chunk(1, 0, false, 1, 700), chunk(1, 1, false, 1, 700)].map(Input::Chunk);
        assert!(matches!(feed(&mut stream, large)[..], [Output::Part { first: true, .. }]));
        let end = if done_before { [Input::Done, Input::Lost] } else { [Input::Lost, Input::Done] };
        assert_eq!(feed(&mut stream, end), [Output::Rollback]);
        assert_eq!(feed(&mut stream, [Input::Done]), []);
        assert!(stream.is_idle());
        let again = feed(&mut stream, [Input::Chunk(whole(1)), Input::Drained]);
        assert_eq!(lsns(&again[0]), [lsn(1)]);
    }
}

#[test]
fn what_commits_by_itself_is_not_asked_for_again_after_a_loss() {
    let mut stream = stream(LIMITS);
    feed(&mut stream, [Input::Chunk(whole(1)), Input::Drained, Input::Chunk(whole(2)), Input::Lost]);
    assert!(matches!(feed(&mut stream, [Input::Done])[..], [Output::Report { .. }]));
    assert_eq!(stream.position(), lsn(1));
    assert!(stream.handle(0, Input::Chunk(whole(1))).is_err());
    assert!(stream.handle(0, Input::Chunk(whole(2))).is_ok());
}

#[test]
fn what_the_snapshot_contains_is_not_applied_again() {
    let mut stream = stream(LIMITS);
    let outputs = feed(
        &mut stream,
        [
            Input::Chunk(chunk(4, 0, true, 3, 10)),
            Input::Chunk(chunk(5, 0, true, 3, 10)),
            Input::Chunk(chunk(6, 0, true, 3, 10)),
            Input::Drained,
        ],
    );
    assert_eq!(lsns(&outputs[0]), [lsn(6)]);
}

#[test]
fn definitions_of_one_table_never_meet_in_a_batch() {
    let mut stream = stream(LIMITS);
    let outputs = feed(
        &mut stream,
        [
            Input::Chunk(chunk(6, 0, true, 1, 10)),
            Input::Chunk(chunk(7, 0, true, 3, 10)),
            Input::Chunk(chunk(8, 0, true, 2, 10)),
            Input::Drained,
        ],
    );
    assert_eq!(lsns(&outputs[0]), [lsn(6), lsn(7)]);
    assert_eq!(lsns(&feed(&mut stream, [Input::Done])[1]), [lsn(8)]);
}

#[test]
fn an_article_without_a_snapshot_stops_the_stream() {
    let error = stream(LIMITS).handle(0, Input::Chunk(chunk(1, 0, true, 9, 10))).unwrap_err();
    assert!(matches!(error, CoreError::UnknownArticle { .. }), "{error}");
}

#[test]
fn missing_doubled_and_reordered_chunks_stop_the_stream() {
    for wrong in [
        vec![chunk(1, 1, true, 1, 1)],
        vec![whole(2), whole(1)],
        vec![whole(1), whole(1)],
        vec![chunk(1, 0, false, 1, 1), chunk(1, 2, true, 1, 1)],
        vec![chunk(1, 0, false, 1, 1), whole(2)],
        vec![whole(0)],
    ] {
        let mut stream = stream(LIMITS);
        let results: Vec<_> = wrong.into_iter().map(|c| stream.handle(0, Input::Chunk(c))).collect();
        assert!(matches!(results.last(), Some(Err(CoreError::OutOfOrder { .. }))), "{results:?}");
    }
    let mut stream = stream(LIMITS);
    stream.handle(0, Input::Chunk(chunk(1, 0, false, 1, 1))).unwrap();
    assert!(stream.handle(0, Input::CaughtUp(lsn(1))).is_err());
}

#[test]
fn a_position_that_moves_without_changes_is_written_now_and_then() {
    let mut stream = stream(LIMITS);
    assert_eq!(stream.handle(10, Input::CaughtUp(lsn(7))).unwrap(), []);
    assert_eq!(stream.handle(999, Input::Tick).unwrap(), []);
    assert_eq!(stream.handle(1_000, Input::Tick).unwrap(), [Output::Move { position: lsn(7) }]);
    assert_eq!(
        stream.handle(1_001, Input::Done).unwrap(),
        [Output::Report { position: lsn(7), transactions: 0, changes: 0 }]
    );
    assert_eq!(stream.handle(5_000, Input::Tick).unwrap(), []);
}

proptest! {
    /// Whatever the sizes of transactions and the moments of answers and losses: every change is applied once, in order, and the
    /// position moves only at commit boundaries.
    #[test]
    fn every_change_is_applied_once_and_in_order(
        transactions in prop::collection::vec(prop::collection::vec(1..900_usize, 1..4), 1..20),
        script in prop::collection::vec(0..8_u8, 0..200),
    ) {
        let chunks: Vec<Chunk> = transactions.iter().zip(1..).flat_map(|(parts, n)| {
            let count = parts.len();
            parts.iter().enumerate().map(move |(part, bytes)| chunk(n, part as u32, part + 1 == count, 1, *bytes))
        }).collect();
        let mut stream = stream(LIMITS);
        let mut database: Vec<(Lsn, u32)> = Vec::new();
        let mut open: Option<Vec<(Lsn, u32)>> = None;
        let mut durable = lsn(0);
        let mut working: Option<Output> = None;
        let mut next = 0;
        let mut script = script.into_iter().chain(std::iter::repeat_n([0, 0, 1, 2], 400).flatten());
        while durable < lsn(transactions.len() as u32) {
            let act = script.next().expect("it ends");
            let input = match act {
                1 if working.is_some() => {
                    match working.take().unwrap() {
                        Output::Batch { chunks, position } => {
                            prop_assert!(open.is_none());
                            database.extend(chunks.iter().map(|c| (c.lsn, c.part)));
                            durable = position;
                        }
                        Output::Part { chunks, first } => {
                            prop_assert_eq!(first, open.is_none());
                            open.get_or_insert_default().extend(chunks.iter().map(|c| (c.lsn, c.part)));
                        }
                        Output::Commit { position } => {
                            database.extend(open.take().expect("a transaction is open"));
                            durable = position;
                        }
                        Output::Rollback => open = None,
                        Output::Move { position } => durable = position,
                        Output::Report { .. } => {}
                    }
                    Input::Done
                }
                2 => Input::Drained,
                // Rarely, and only when idle does the new connection know where to go on.
                3 if working.is_none() => {
                    let outputs = stream.handle(0, Input::Lost).unwrap();
                    working = outputs.into_iter().find(Output::wants_answer);
                    next = chunks.iter().position(|c| c.lsn > durable).unwrap_or(chunks.len());
                    continue;
                }
                _ if next < chunks.len() && stream.wants_more() => {
                    next += 1;
                    Input::Chunk(chunks[next - 1].clone())
                }
                _ => Input::Tick,
            };
            for output in stream.handle(0, input).unwrap() {
                if output.wants_answer() {
                    prop_assert!(working.is_none());
                    working = Some(output);
                }
            }
        }
        let all: Vec<(Lsn, u32)> = chunks.iter().map(|c| (c.lsn, c.part)).collect();
        prop_assert_eq!(database, all);
        prop_assert_eq!(stream.position() <= durable, true);
    }
}
