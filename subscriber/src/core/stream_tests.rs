#![allow(clippy::unwrap_used)]
use super::net_tests::article;
use super::parts::{Part, Parts};
use super::stream::{Input, Limits, Output, Stream};
use super::{Articles, CoreError};
use proptest::prelude::*;
use proto::codec::encode_change;
use proto::{Article, ArticleId, Change, Chunk, KeyRange, Lsn, SchemaChange, Segment, TableChange, Value};

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

/// Whole articles, each up to an LSN.
fn contained(articles: &[(u32, u32)]) -> Parts {
    let part = |(id, boundary)| (ArticleId(id), Part { range: KeyRange::ALL, boundary: lsn(boundary) });
    articles.iter().copied().map(part).collect()
}

/// Articles 1 and 2 of table t (2 is the newer definition), 3 of table u; the snapshot contains 1 up to 0, 2 and 3 up to 5.
fn stream(limits: Limits) -> Stream {
    let articles: Articles =
        [(1, "t"), (2, "T"), (3, "u")].into_iter().map(|(id, t)| (*article(id, t)).clone()).collect();
    Stream::new(lsn(0), contained(&[(1, 0), (2, 5), (3, 5)]), &articles, limits)
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
    assert_eq!(outputs, [Output::Move { position: lsn(5) }]);
    assert_eq!(lsns(&feed(&mut stream, [Input::Done])[1]), [lsn(6)]);
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

/// The chunk, with a schema change before its rows: definition `to` of table t takes the place of `from`.
fn altering(chunk: Chunk, from: u32, to: u32, change: TableChange) -> Chunk {
    let article = Article { supersedes: Some(ArticleId(from)), ..(*article(to, "t")).clone() };
    Chunk { schema: vec![SchemaChange { article, changes: vec![change], ddl: String::new() }], ..chunk }
}

fn gone() -> TableChange {
    TableChange::DropColumn { name: "b".into() }
}

fn come() -> TableChange {
    TableChange::AddColumn { name: "b".into(), default: None, nullable_first: false }
}

/// Feeds, answering at once, and says what was done: `b` batch, `p` part, `P` the first part, `c` commit, each with its chunks'
/// parts; `*` where the schema changes.
fn done(stream: &mut Stream, inputs: impl IntoIterator<Item = Input>) -> Vec<String> {
    let mut said = Vec::new();
    for input in inputs {
        let mut outputs = feed(stream, [input]);
        while let Some(output) = outputs.pop() {
            let chunks = |chunks: &[Chunk]| -> String {
                let one = |(i, c): (usize, &Chunk)| {
                    assert!(c.schema.is_empty() || i == 0, "only the first chunk of a piece changes the schema");
                    format!(
                        " {}{}/{}",
                        if c.schema.is_empty() { "" } else { "*" },
                        u128::from(c.lsn) >> 16 & 0xffff_ffff,
                        c.part
                    )
                };
                chunks.iter().enumerate().map(one).collect()
            };
            said.push(match &output {
                Output::Batch { chunks: all, .. } => format!("b{}", chunks(all)),
                Output::Part { chunks: all, first } => format!("{}{}", if *first { "P" } else { "p" }, chunks(all)),
                Output::Commit { .. } => "c".to_owned(),
                Output::Rollback => "r".to_owned(),
                _ => continue,
            });
            outputs.extend(feed(stream, [Input::Done]));
        }
    }
    said
}

#[test]
fn a_schema_change_is_a_barrier_with_a_transaction_of_its_own() {
    let mut stream = stream(LIMITS);
    let chunks = [whole(1), whole(2), altering(chunk(3, 0, true, 7, 10), 1, 7, gone()), chunk(4, 0, true, 7, 10)];
    let inputs = chunks.map(Input::Chunk).into_iter().chain([Input::Drained]);
    assert_eq!(done(&mut stream, inputs), ["b 1/0 2/0", "P *3/0", "c", "b 4/0"]);
    assert_eq!(stream.position(), lsn(4));
}

#[test]
fn of_definitions_that_followed_one_another_the_subscription_has_the_last() {
    // What the distributor has retired meanwhile (9) is of no interest, what it has not (1) neither once another one is in its place.
    let known: Articles = [(1, "t"), (3, "u")].into_iter().map(|(id, t)| (*article(id, t)).clone()).collect();
    let mut stream = Stream::new(lsn(0), contained(&[(1, 0), (3, 0), (9, 0)]), &known, LIMITS);
    let has = |stream: &Stream| {
        let mut has = stream.has();
        has.sort_unstable();
        has
    };
    assert_eq!(has(&stream), [ArticleId(1), ArticleId(3)]);
    let chunks = [altering(chunk(1, 0, true, 7, 10), 1, 7, gone()), altering(chunk(2, 0, true, 8, 10), 7, 8, gone())];
    done(&mut stream, chunks.map(Input::Chunk));
    assert_eq!(has(&stream), [ArticleId(3), ArticleId(8)]);
}

#[test]
fn rows_before_a_schema_change_of_their_transaction_go_before_it_and_rows_behind_it_with_it() {
    let mut stream = stream(LIMITS);
    let chunks = [
        chunk(1, 0, false, 1, 10),
        altering(chunk(1, 1, false, 7, 10), 1, 7, come()),
        chunk(1, 2, false, 7, 10),
        // Without rows of its own.
        altering(Chunk { segments: vec![], ..chunk(1, 3, false, 8, 1) }, 7, 8, gone()),
        chunk(1, 4, true, 8, 10),
    ];
    assert_eq!(done(&mut stream, chunks.map(Input::Chunk)), ["P 1/0", "p *1/1 1/2", "p *1/3 1/4", "c"]);
}

#[test]
fn a_large_transaction_that_changes_a_schema_stays_within_bounds() {
    let mut stream = stream(LIMITS);
    let first = altering(chunk(1, 0, false, 7, 900), 1, 7, come());
    let rest = (1..6).map(|part| chunk(1, part, part == 5, 7, 900));
    let said = done(&mut stream, std::iter::once(first).chain(rest).map(Input::Chunk));
    assert_eq!(said, ["P *1/0 1/1", "p 1/2 1/3", "p 1/4 1/5", "c"]);
}

#[test]
fn a_stream_lost_at_a_schema_change_does_it_again() {
    let mut stream = stream(LIMITS);
    let change = || altering(chunk(1, 0, false, 7, 10), 1, 7, gone());
    let end = || chunk(1, 1, true, 7, 10);
    assert_eq!(feed(&mut stream, [Input::Chunk(change()), Input::Lost]), [], "nothing was handed out");
    let outputs = feed(&mut stream, [Input::Chunk(change()), Input::Chunk(end())]);
    assert!(matches!(outputs[..], [Output::Part { first: true, .. }]));
    assert_eq!(feed(&mut stream, [Input::Lost, Input::Done]), [Output::Rollback]);
    assert_eq!(feed(&mut stream, [Input::Done]), []);
    assert_eq!(done(&mut stream, [change(), end()].map(Input::Chunk)), ["P *1/0 1/1", "c"]);
}

#[test]
fn what_the_snapshot_has_of_definitions_and_rows_is_not_done_again() {
    // The snapshot was taken at 5 under definition 7, which took the place of 1 at 3.
    let articles: Articles =
        [Article { supersedes: Some(ArticleId(1)), ..(*article(7, "t")).clone() }, (*article(1, "t")).clone()]
            .into_iter()
            .chain([(*article(3, "u")).clone()])
            .collect();
    let mut stream = Stream::new(lsn(0), contained(&[(7, 5), (3, 0)]), &articles, LIMITS);
    let chunks = [
        whole(2),
        altering(chunk(3, 0, true, 7, 10), 1, 7, come()),
        chunk(4, 0, true, 3, 10),
        chunk(5, 0, true, 7, 10),
        chunk(6, 0, true, 7, 10),
    ];
    let inputs = chunks.map(Input::Chunk).into_iter().chain([Input::Drained]);
    assert_eq!(done(&mut stream, inputs).concat().replace('b', ""), " 4/0 6/0");
}

#[test]
fn a_snapshot_that_is_later_than_a_schema_change_lacks_the_column_that_it_adds() {
    for (change, stops) in [(come(), true), (gone(), false)] {
        let mut stream = stream(LIMITS);
        // The snapshot contains definition 2 up to 5.
        let result = stream.handle(0, Input::Chunk(altering(chunk(4, 0, true, 7, 10), 2, 7, change)));
        match result {
            Err(error) if stops => assert!(matches!(error, CoreError::SnapshotTooLate { .. }), "{error}"),
            Ok(outputs) if !stops => assert!(matches!(outputs[..], [Output::Part { .. }]), "{outputs:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_definition_that_supersedes_an_unknown_one_stops_the_stream() {
    let error = stream(LIMITS).handle(0, Input::Chunk(altering(whole(1), 9, 10, gone()))).unwrap_err();
    assert!(matches!(error, CoreError::UnknownArticle { .. }), "{error}");
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
    // What is of several moments before the last boundary, 5, is not kept waiting there.
    assert_eq!(stream.handle(8, Input::CaughtUp(lsn(4))).unwrap(), []);
    assert_eq!(stream.handle(9, Input::CaughtUp(lsn(5))).unwrap(), [Output::Move { position: lsn(5) }]);
    stream.handle(10, Input::Done).unwrap();
    assert_eq!(stream.handle(10, Input::CaughtUp(lsn(7))).unwrap(), []);
    assert_eq!(stream.handle(999, Input::Tick).unwrap(), []);
    assert_eq!(stream.handle(1_010, Input::Tick).unwrap(), [Output::Move { position: lsn(7) }]);
    assert_eq!(
        stream.handle(1_011, Input::Done).unwrap(),
        [Output::Report { position: lsn(7), transactions: 0, changes: 0 }]
    );
    assert_eq!(stream.handle(5_000, Input::Tick).unwrap(), []);
}

proptest! {
    /// Whatever the sizes of transactions and the moments of answers and losses: every change is applied once, in order, and the
    /// position moves only at commit boundaries.
    #[test]
    fn every_change_is_applied_once_and_in_order(
        transactions in prop::collection::vec(prop::collection::vec((1..900_usize, prop::bool::weighted(0.1)), 1..4), 1..20),
        script in prop::collection::vec(0..8_u8, 0..200),
    ) {
        let mut definition = 1;
        let chunks: Vec<Chunk> = transactions.iter().zip(1..).flat_map(|(parts, n)| {
            let count = parts.len();
            let made = parts.iter().enumerate().map(|(part, (bytes, alters))| {
                let before = definition;
                definition = match (definition, *alters) {
                    (1, true) => 100,
                    (other, true) => other + 1,
                    (other, false) => other,
                };
                let chunk = chunk(n, part as u32, part + 1 == count, definition, *bytes);
                if *alters { altering(chunk, before, definition, come()) } else { chunk }
            });
            made.collect::<Vec<_>>()
        }).collect();
        let all: Vec<(Lsn, u32)> = chunks.iter().map(|c| (c.lsn, c.part)).collect();
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
                            prop_assert!(chunks.iter().all(|c| c.schema.is_empty()));
                            database.extend(chunks.iter().map(|c| (c.lsn, c.part)));
                            durable = position;
                        }
                        Output::Part { chunks, first } => {
                            prop_assert_eq!(first, open.is_none());
                            prop_assert!(chunks.iter().skip(1).all(|c| c.schema.is_empty()));
                            let before: Vec<_> = open.iter().flatten().chain(&database).collect();
                            prop_assert!(all.iter().take_while(|c| **c < (chunks[0].lsn, chunks[0].part)).all(|c| before.contains(&c)));
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
        prop_assert_eq!(database, all);
        prop_assert_eq!(stream.position() <= durable, true);
    }
}

/// A transaction with nothing but a tracer token.
fn traced(n: u32) -> Chunk {
    let token = uuid::Uuid::from_u128(u128::from(n));
    let marker = Some(proto::Marker { kind: proto::MarkerKind::Tracer, token });
    Chunk { marker, segments: vec![], ..whole(n) }
}

#[test]
fn a_tracer_token_moves_the_position_at_once_and_arrives_once_that_is_committed() {
    let mut stream = stream(LIMITS);
    // Without it the position would move a second later.
    assert_eq!(feed(&mut stream, [Input::CaughtUp(lsn(1))]), []);
    assert_eq!(feed(&mut stream, [Input::Chunk(traced(2))]), [Output::Move { position: lsn(2) }]);
    assert!(stream.arrived_tracers().is_empty(), "it is not committed yet");
    feed(&mut stream, [Input::Done]);
    assert_eq!(stream.arrived_tracers(), [uuid::Uuid::from_u128(2)]);
    assert!(stream.arrived_tracers().is_empty(), "each arrives once");
}

#[test]
fn a_tracer_token_waits_for_the_transactions_before_it_and_comes_again_after_a_lost_connection() {
    let mut stream = stream(LIMITS);
    let outputs = feed(&mut stream, [Input::Chunk(whole(1)), Input::Chunk(traced(2)), Input::Drained]);
    assert!(matches!(&outputs[..], [Output::Batch { position, .. }] if *position == lsn(1)), "{outputs:?}");
    let outputs = feed(&mut stream, [Input::Lost, Input::Done]);
    assert!(matches!(&outputs[..], [Output::Report { .. }]), "{outputs:?}");
    assert!(stream.arrived_tracers().is_empty(), "only what came before it is committed");
    assert_eq!(feed(&mut stream, [Input::Chunk(traced(2))]), [Output::Move { position: lsn(2) }]);
    feed(&mut stream, [Input::Done]);
    assert_eq!(stream.arrived_tracers(), [uuid::Uuid::from_u128(2)]);
}
