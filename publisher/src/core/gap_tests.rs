//! What is lost stops the log reader, and nothing else does.

use super::*;

/// Attached at LSN 15, which was committed at `time`.
fn attached(time: Option<i64>, articles: Vec<Article>) -> LogReader {
    let mut reader = LogReader::new();
    let position = Some(lsn(15));
    reader.handle(
        Input::Attached { epoch: 1, position, position_time: time, version: 1, articles, unread: Vec::new() },
        0,
    );
    assert_eq!(reader.known(), position);
    reader
}

fn problem(outputs: &[Output]) -> &Problem {
    let [Output::Stop(problem)] = outputs else { panic!("{outputs:?}") };
    problem
}

fn change_tables(of: &[(u32, u32)]) -> Input {
    let table = |(id, begin): &(u32, u32)| ChangeTable { object_id: *id as i32 + 1_000, start_lsn: lsn(*begin) };
    Input::ChangeTables(of.iter().map(table).collect())
}

/// What the log knows of LSN 15.
fn history(committed_at: Option<i64>, first: u32, last: u32) -> Input {
    Input::History(History { committed_at, first: Some(lsn(first)), last: Some(lsn(last)) })
}

#[test]
fn changes_that_cleanup_removed_before_they_were_read_stop_with_tables_and_positions() {
    let mut reader = attached(None, vec![article(0), article(1)]);
    let outputs = reader.handle(Input::Instances(vec![instance(0, 16), instance(1, 16)]), 0);
    let text = problem(&outputs).to_string();
    for part in ["dbo.t0 and of one other table", &lsn(15).to_string(), &lsn(16).to_string(), "take a new snapshot"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(reader.handle(Input::Captured(Some((lsn(99), TIME))), 0), [], "nothing comes out after that");
}

#[test]
fn cleanup_up_to_the_position_and_tables_that_began_after_it_raise_no_alarm() {
    let mut late = article(1);
    late.capture.start_lsn = lsn(20);
    let mut reader = attached(None, vec![article(0), late]);
    let outputs = reader.handle(Input::Instances(vec![instance(0, 15), instance(1, 20)]), 0);
    assert_eq!(outputs, [Output::Poll { idle: 0 }]);
}

#[test]
fn cleanup_that_overtakes_the_reading_of_a_slice_stops_it_before_anything_is_sent() {
    // In the table that is read, and in one that had nothing in the slice when it was asked.
    for overtaken in [0, 1] {
        let mut reader = reader(Some(lsn(10)));
        reader.handle(Input::Captured(Some((lsn(20), TIME))), 0);
        assert_eq!(reader.handle(tables(10), 0), []);
        reader.handle(Input::Active(vec![Source::Article(0)], SchemaHistory::default()), 0);
        reader.handle(Input::Commits(vec![(lsn(14), 1)]), 0);
        reader.handle(Input::End(Source::Commits), 0);
        // The row at 12 was there when the slice was opened, and is gone when its turn comes.
        let outputs = reader.handle(Input::Changes { article: 0, rows: vec![insert(14, 1, 1)] }, 0);
        assert_eq!(outputs, [Output::Fetch(Source::Article(0))]);
        assert_eq!(reader.handle(Input::End(Source::Article(0)), 0), [Output::Verify]);
        let mut begins = [(0, 10), (1, 10)];
        begins[overtaken].1 = 13;
        let outputs = reader.handle(change_tables(&begins), 0);
        assert!(matches!(problem(&outputs), Problem::Gap { others: 0, .. }), "{outputs:?}");
    }
}

#[test]
fn cleanup_may_follow_the_reading_of_a_long_slice() {
    let mut reader = reading(2_000);
    reader.handle(Input::End(Source::Article(1)), 0);
    let mut sent = 10;
    for at in (11..1_900).step_by(100) {
        let rows: Vec<ChangeRow> = (at..at + 100).map(|at| insert(at, 1, 8_000)).collect();
        let outputs = reader.handle(Input::Changes { article: 0, rows }, 0);
        if outputs.contains(&Output::Verify) {
            let outputs = chunks(reader.handle(change_tables(&[(0, sent), (1, sent)]), 0));
            sent = at + 99;
            assert_eq!(outputs.last().map(|chunk| chunk.lsn), Some(lsn(sent - 1)), "the last one may go on");
            sent -= 1;
            reader.handle(Input::Durable(lsn(sent)), 0);
        }
    }
    assert!(sent > 1_500, "it was verified again and again: {sent}");
    reader.handle(Input::End(Source::Article(0)), 0);
    let outputs = reader.handle(change_tables(&[(0, sent + 1), (1, sent)]), 0);
    assert!(matches!(problem(&outputs), Problem::Gap { .. }), "but not overtake it");
}

#[test]
fn a_slice_without_changes_is_checked_as_well() {
    let open = || {
        let mut reader = reader(Some(lsn(10)));
        reader.handle(Input::Captured(Some((lsn(20), TIME))), 0);
        reader
    };
    let mut reader = open();
    let outputs = reader.handle(change_tables(&[(0, 10), (1, 11)]), 0);
    assert!(matches!(problem(&outputs), Problem::Gap { .. }), "{outputs:?}");
    // Asked for before it was known which tables changed, they would say nothing: then they are asked for.
    assert_eq!(open().handle(Input::Active(Vec::new(), SchemaHistory::default()), 0), [Output::Verify]);
}

#[test]
fn a_change_table_that_was_made_anew_stops_at_the_next_inspection_and_at_the_next_slice() {
    let mut anew = instance(1, 10);
    anew.change_table = 5_000;
    let mut reader = attached(None, vec![article(0), article(1)]);
    let outputs = reader.handle(Input::Instances(vec![instance(0, 10), anew]), 0);
    let text = problem(&outputs).to_string();
    assert!(text.contains("dbo.t1") && text.contains("i1") && text.contains("disabled and enabled again"), "{text}");

    let mut reader = super::reader(Some(lsn(10)));
    reader.handle(Input::Captured(Some((lsn(20), TIME))), 0);
    let outputs = reader.handle(change_tables(&[(0, 10), (4_000, 10)]), 0);
    assert!(matches!(problem(&outputs), Problem::Replaced { .. }), "{outputs:?}");

    let mut reader = reading(20);
    reader.handle(Input::End(Source::Article(0)), 0);
    assert_eq!(reader.handle(Input::End(Source::Article(1)), 0), [Output::Verify]);
    let outputs = reader.handle(change_tables(&[(4_000, 10), (1, 10)]), 0);
    assert!(matches!(problem(&outputs), Problem::Replaced { .. }), "{outputs:?}");
}

#[test]
fn a_capture_instance_that_is_gone_stops() {
    let mut reader = attached(None, vec![article(0)]);
    let outputs = reader.handle(Input::Instances(Vec::new()), 0);
    assert!(matches!(problem(&outputs), Problem::Gone { .. }), "{outputs:?}");
}

#[test]
fn a_log_that_ends_before_the_position_stops_unless_capture_still_goes_on() {
    const SECOND: i64 = 1_000_000;
    let back = || {
        let mut reader = attached(Some(7), vec![article(0)]);
        reader.handle(history(None, 3, 13), 0);
        assert_eq!(reader.handle(Input::Instances(vec![instance(0, 10)]), 0), [Output::Poll { idle: 0 }]);
        reader
    };
    let mut reader = back();
    for (at, captured) in [(0, 13), (19, 13), (21, 14), (40, 14)] {
        let outputs = reader.handle(Input::Captured(Some((lsn(captured), 1))), at * SECOND);
        assert!(matches!(outputs[..], [Output::Poll { .. }]), "it moved, or may still: {outputs:?}");
    }
    let outputs = reader.handle(Input::Captured(Some((lsn(14), 1))), 41 * SECOND);
    let text = problem(&outputs).to_string();
    for part in [&lsn(14).to_string(), &lsn(15).to_string(), "restored", "begins a new queue"] {
        assert!(text.contains(part), "{text}");
    }

    // Come to the position again, it shows whether it is the same.
    for (found, same) in [(7, true), (8, false)] {
        let mut reader = back();
        // Perhaps in the moment since the position was looked up.
        if same {
            reader.handle(Input::Captured(Some((lsn(13), 1))), 0);
        }
        assert_eq!(reader.handle(Input::Captured(Some((lsn(16), 9))), 0), [Output::Inspect]);
        reader.handle(history(Some(found), 3, 16), 0);
        let outputs = reader.handle(Input::Instances(vec![instance(0, 10)]), 0);
        assert_eq!(matches!(outputs[..], [Output::Poll { .. }]), same, "{outputs:?}");
    }
}

#[test]
fn a_log_that_went_on_from_before_the_position_stops() {
    // It has another transaction there, or none.
    for found in [Some(8), None] {
        let mut reader = attached(Some(7), vec![article(0)]);
        reader.handle(history(found, 3, 40), 0);
        let outputs = reader.handle(Input::Instances(vec![instance(0, 10)]), 0);
        let text = problem(&outputs).to_string();
        assert!(text.contains(&lsn(15).to_string()) && text.contains("begins a new queue"), "{text}");
    }
}

#[test]
fn the_same_history_raises_no_alarm_and_neither_does_one_that_cleanup_has_passed() {
    let same = (Some(7), 3, 40);
    let cleaned_up_to_the_position = (Some(7), 15, 40);
    let idle_since = (Some(7), 15, 15);
    let cleaned_beyond = (None, 16, 40);
    for (found, first, last) in [same, cleaned_up_to_the_position, idle_since, cleaned_beyond] {
        let mut late = article(0);
        late.capture.start_lsn = if found.is_none() { lsn(30) } else { lsn(10) };
        let mut reader = attached(Some(7), vec![late]);
        reader.handle(history(found, first, last), 0);
        let outputs = reader.handle(Input::Instances(vec![instance(0, 15)]), 0);
        assert_eq!(outputs, [Output::Poll { idle: 0 }], "{first} to {last}");
    }
    // A distributor that has kept no time for it.
    let mut reader = attached(None, vec![article(0)]);
    reader.handle(history(Some(8), 3, 40), 0);
    assert_eq!(reader.handle(Input::Instances(vec![instance(0, 10)]), 0), [Output::Poll { idle: 0 }]);
}

#[test]
fn a_position_that_no_article_goes_on_from_raises_no_alarm() {
    // All articles were dropped, capture was disabled and enabled, and articles were added: nothing is captured yet.
    let mut anew = article(0);
    anew.capture.start_lsn = lsn(20);
    let mut reader = attached(Some(7), vec![anew]);
    reader.handle(Input::History(History::default()), 0);
    assert_eq!(reader.handle(Input::Instances(vec![instance(0, 20)]), 0), [Output::Poll { idle: 0 }]);
    assert_eq!(reader.handle(Input::Captured(None), 0), [Output::Poll { idle: 1 }]);
    let outputs = reader.handle(Input::Captured(Some((lsn(21), TIME))), 0);
    assert_eq!(outputs, [Output::Read { after: lsn(15), up_to: lsn(21) }]);
}

#[test]
fn what_was_read_is_known_from_then_on() {
    let mut reader = reader(Some(lsn(10)));
    reader.handle(Input::Captured(Some((lsn(20), TIME))), 0);
    reader.handle(tables(10), 0);
    reader.handle(Input::Active(Vec::new(), SchemaHistory::default()), 0);
    assert_eq!(reader.known(), Some(lsn(20)));
    reader.handle(history(Some(TIME + 1), 3, 40), 0);
    let outputs = reader.handle(Input::Instances(vec![instance(0, 10), instance(1, 10)]), 0);
    assert!(matches!(problem(&outputs), Problem::OtherHistory { .. }), "{outputs:?}");
}
