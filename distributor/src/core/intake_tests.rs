#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn lsn(n: u32) -> Lsn {
    Lsn::new(n, 0, 0)
}

fn chunk(n: u32, part: u32, last: bool) -> Chunk {
    Chunk { lsn: lsn(n), part, last, committed_at: 0, read_at: 0, marker: None, schema: vec![], segments: vec![] }
}

fn append(intake: &mut Intake, epoch: u64, chunks: &[Chunk]) -> Vec<Output> {
    intake.handle(Input::Append { epoch, chunks: chunks.to_vec() })
}

fn refused(outputs: &[Output]) -> Option<RefusalKind> {
    match outputs {
        [Output::Refuse { refusal, .. }] => Some(refusal.kind),
        _ => None,
    }
}

fn attached() -> Intake {
    let mut intake = Intake::recovered(3, Some(lsn(10)));
    let outputs = intake.handle(Input::Attach { epoch: 4 });
    assert_eq!(outputs, [Output::Attached { epoch: 4, position: Some(lsn(10)) }]);
    intake
}

#[test]
fn nothing_is_acknowledged_before_it_is_synced_nor_before_its_end() {
    let mut intake = attached();
    let chunks = [chunk(11, 0, true), chunk(12, 0, false)];
    assert_eq!(append(&mut intake, 4, &chunks), [Output::Write(chunks.to_vec())]);
    assert_eq!(intake.durable(), Some(lsn(10)));
    assert_eq!(intake.handle(Input::Synced), [Output::Durable { lsn: lsn(11) }]);
    append(&mut intake, 4, &[chunk(12, 1, true)]);
    assert_eq!(intake.handle(Input::Synced), [Output::Durable { lsn: lsn(12) }]);
    assert_eq!(intake.handle(Input::Synced), []);
}

#[test]
fn chunks_that_do_not_follow_are_refused_as_a_whole() {
    for wrong in [
        vec![chunk(10, 0, true)],
        vec![chunk(9, 0, true)],
        vec![chunk(11, 1, true)],
        vec![chunk(11, 0, false), chunk(11, 2, true)],
        vec![chunk(11, 0, false), chunk(12, 0, true)],
        vec![chunk(11, 0, true), chunk(11, 0, true)],
        vec![chunk(11, 0, true), chunk(11, 1, true)],
    ] {
        let mut intake = attached();
        let before = intake.clone();
        assert_eq!(refused(&append(&mut intake, 4, &wrong)), Some(RefusalKind::Invalid), "{wrong:?}");
        assert_eq!(intake, before);
    }
}

#[test]
fn an_epoch_ends_with_the_next_one_and_with_its_connection() {
    let mut intake = attached();
    assert_eq!(refused(&append(&mut intake, 3, &[chunk(11, 0, true)])), Some(RefusalKind::Fenced));
    assert_eq!(refused(&intake.handle(Input::Attach { epoch: 4 })), Some(RefusalKind::Fenced));
    append(&mut intake, 4, &[chunk(11, 0, false)]);
    // The unfinished transaction goes, and its LSN may come again.
    let outputs = intake.handle(Input::Attach { epoch: 5 });
    assert_eq!(outputs, [Output::Rewind, Output::Attached { epoch: 5, position: Some(lsn(10)) }]);
    assert_eq!(refused(&append(&mut intake, 4, &[chunk(11, 1, true)])), Some(RefusalKind::Fenced));
    // The old connection's end is heard late and means nothing.
    assert_eq!(intake.handle(Input::Detach { epoch: 4 }), []);
    append(&mut intake, 5, &[chunk(11, 0, false)]);
    assert_eq!(intake.handle(Input::Detach { epoch: 5 }), [Output::Rewind]);
    assert_eq!(refused(&append(&mut intake, 5, &[chunk(11, 1, true)])), Some(RefusalKind::Fenced));
}

#[test]
fn progress_moves_the_position_between_transactions_only() {
    let mut intake = attached();
    assert_eq!(intake.handle(Input::Progress { epoch: 4, lsn: lsn(10), committed_at: 0 }), []);
    assert_eq!(
        intake.handle(Input::Progress { epoch: 4, lsn: lsn(12), committed_at: 7 }),
        [Output::WriteProgress(lsn(12), 7)]
    );
    assert_eq!(refused(&append(&mut intake, 4, &[chunk(12, 0, true)])), Some(RefusalKind::Invalid));
    assert_eq!(
        refused(&intake.handle(Input::Progress { epoch: 4, lsn: lsn(11), committed_at: 0 })),
        Some(RefusalKind::Invalid)
    );
    append(&mut intake, 4, &[chunk(13, 0, false)]);
    assert_eq!(
        refused(&intake.handle(Input::Progress { epoch: 4, lsn: lsn(14), committed_at: 0 })),
        Some(RefusalKind::Invalid)
    );
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let epoch = 0..6u64;
    let chunk = (0..12u32, 0..3u32, any::<bool>()).prop_map(|(n, part, last)| chunk(n, part, last));
    let input = prop_oneof![
        2 => epoch.clone().prop_map(|epoch| Input::Attach { epoch }),
        8 => (epoch.clone(), prop::collection::vec(chunk, 0..4)).prop_map(|(epoch, chunks)| Input::Append { epoch, chunks }),
        2 => (epoch.clone(), 0..12u32).prop_map(|(epoch, n)| Input::Progress { epoch, lsn: lsn(n), committed_at: 0 }),
        1 => epoch.prop_map(|epoch| Input::Detach { epoch }),
        3 => Just(Input::Synced),
    ];
    prop::collection::vec(input, 0..60)
}

proptest! {
    #[test]
    fn whatever_is_sent_only_whole_transactions_in_order_are_acknowledged(inputs in inputs()) {
        let mut intake = Intake::recovered(0, None);
        // What the log holds: (lsn, part, last), progress as a whole transaction.
        let mut log: Vec<(Lsn, u32, bool)> = Vec::new();
        let mut acknowledged = None;
        for input in inputs {
            for output in intake.handle(input) {
                match output {
                    Output::Write(chunks) => log.extend(chunks.iter().map(|c| (c.lsn, c.part, c.last))),
                    Output::WriteProgress(lsn, _) => log.push((lsn, 0, true)),
                    Output::Rewind => {
                        let end = log.iter().rposition(|(_, _, last)| *last).map_or(0, |index| index + 1);
                        prop_assert!(end < log.len(), "there was nothing to forget");
                        log.truncate(end);
                    }
                    Output::Durable { lsn } => {
                        prop_assert!(acknowledged < Some(lsn));
                        acknowledged = Some(lsn);
                        let last = log.iter().rev().find(|(_, _, last)| *last);
                        prop_assert_eq!(last.map(|(lsn, _, _)| *lsn), acknowledged);
                    }
                    Output::Attached { position, .. } => {
                        let last = log.iter().rev().find(|(_, _, last)| *last);
                        prop_assert_eq!(last.map(|(lsn, _, _)| *lsn), position);
                    }
                    Output::Refuse { .. } => {}
                }
            }
            for pair in log.windows(2) {
                let ((a, part_a, last), (b, part_b, _)) = (pair[0], pair[1]);
                let follows = if last { a < b && part_b == 0 } else { a == b && part_b == part_a + 1 };
                prop_assert!(follows);
            }
        }
    }
}
