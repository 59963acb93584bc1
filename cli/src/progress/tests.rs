#![allow(clippy::unwrap_used)]

use super::{Shown, shortened};
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use proto::{TableName, TableProgress};
use std::io;
use std::sync::{Arc, Mutex};

/// A table of rows of 100 bytes that takes so many seconds so far.
pub(super) fn table(name: &str, rows: u64, rows_expected: u64, seconds: i64, done: bool) -> TableProgress {
    let table = TableName { schema: "sales".to_owned(), table: name.to_owned() };
    TableProgress {
        table,
        rows,
        rows_expected,
        bytes: rows * 100,
        rows_before: 0,
        bytes_before: 0,
        elapsed: seconds * 1_000_000,
        done,
    }
}

/// A terminal that keeps what is written to it, a string for each drawing.
#[derive(Debug, Clone)]
struct Terminal {
    width: u16,
    written: Arc<Mutex<Vec<String>>>,
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.width
    }
    fn height(&self) -> u16 {
        24
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.written.lock().unwrap().last_mut().unwrap().push_str(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        self.written.lock().unwrap().push(String::new());
        Ok(())
    }
}

/// The lines that are drawn last of these tables, on a terminal so many columns wide.
fn drawn(width: u16, looks: &[&[TableProgress]]) -> Vec<String> {
    let terminal = Terminal { width, written: Arc::new(Mutex::new(vec![String::new()])) };
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
    let mut shown = Shown::new(Some(&bars), "read", looks[0]);
    for tables in looks {
        shown.look(tables);
    }
    let written = terminal.written.lock().unwrap();
    let last: Vec<char> = written.iter().rfind(|text| !text.is_empty()).unwrap().chars().collect();
    last.chunks(usize::from(width)).map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
}

#[test]
fn tables_under_way_have_bars_and_all_together_one() {
    let long = "a_table_whose_name_is_longer_than_any_line_has_room_for_2026";
    let tables = [
        table(long, 250_000, 1_000_000, 10, false),
        table("orders", 1_900_000, 2_000_000, 19, false),
        table("waits", 0, 500, 0, false),
    ];
    let expected = [
        "sales.a_tab…oom_for_2026 ██░░░░░░  25%    25k rows/s     2.4 MiB/s     30 s left",
        "sales.orders             ███████░  95%   100k rows/s     9.5 MiB/s      1 s left",
        "0 of 3 tables            █████░░░  71%   125k rows/s    11.9 MiB/s      6 s left",
    ];
    assert_eq!(drawn(80, &[&tables]), expected);
    let wide = drawn(120, &[&tables]);
    assert!(wide.iter().all(|line| line.chars().count() == 120), "{wide:#?}");
    assert!(wide[0].contains("████████████░░░░░░░░░░░░░░░░░░"), "{wide:#?}");
}

#[test]
fn a_table_that_is_done_has_no_bar_any_more() {
    let under_way = [table("a", 1, 2, 1, false), table("b", 1, 2, 1, false)];
    let one_done = [table("a", 2, 2, 1, true), table("b", 1, 2, 1, false)];
    let lines = drawn(80, &[&under_way, &one_done]);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("sales.b") && lines[1].starts_with("1 of 2 tables"), "{lines:?}");
    let alone = drawn(80, &[&under_way[..1]]);
    assert_eq!(alone.len(), 1, "one table is all together: {alone:?}");
}

#[test]
fn names_that_are_too_long_lose_their_middle() {
    assert_eq!(shortened("dbo.größe", 9), "dbo.größe");
    assert_eq!(shortened("dbo.größe", 8), "dbo…röße");
    assert_eq!(shortened("dbo.orders", 1), "…");
}
