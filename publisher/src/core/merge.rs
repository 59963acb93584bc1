//! Merging the tables of a slice of the log back into its order.

use super::Source;
use super::article::Translator;
use super::problem::Problem;
use super::switch::Due;
use proto::{Change, Lsn, Marker, SchemaChange};
use sqlserver::change::{ChangeRow, Operation, Place};
use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

/// The sources of a slice, merged by place in the log. A source is asked for more when it has run dry, and nothing comes out while
/// any source is dry: it could hold what comes next.
#[derive(Debug)]
pub(super) struct Merge {
    /// One per article, then the markers, then the values of new columns.
    inputs: Vec<Input>,
    /// The first item of each input that has one.
    heads: BinaryHeap<Reverse<(Place, usize)>>,
    /// Inputs that have run dry and not ended.
    dry: usize,
    commits: VecDeque<(Lsn, i64)>,
    commits_asked: bool,
    commits_ended: bool,
    last_commit: i64,
    /// A schema change that comes before the first transaction which is not before it.
    due: Option<Due>,
    /// What comes after its transaction's changes.
    after: Option<(Lsn, i64, Vec<SchemaChange>)>,
    /// Sources to ask for more.
    asked: Vec<Source>,
}

#[derive(Debug, Default)]
struct Input {
    items: VecDeque<(Place, Item)>,
    ended: bool,
}

#[derive(Debug)]
enum Item {
    Change(Change),
    /// Of the article with this index.
    Backfill(usize, Change),
    Marker(Option<Marker>),
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// A change of the article with this index.
    Change { lsn: Lsn, committed_at: i64, article: usize, change: Change },
    /// A marker row, of a kind that this version knows or not.
    Marker { lsn: Lsn, committed_at: i64, marker: Option<Marker> },
    /// A schema change.
    Schema { lsn: Lsn, committed_at: i64, changes: Vec<SchemaChange> },
    /// Not known before a source has given more.
    Dry,
    /// Nothing.
    End,
}

impl Merge {
    /// A slice in which these articles (by index) and perhaps the marker table have rows, and a schema change its place.
    pub fn new(articles: usize, active: &[Source], due: Option<Due>) -> Self {
        let mut inputs: Vec<Input> = (0..articles + 2).map(|_| Input { ended: true, ..Input::default() }).collect();
        let mut asked = Vec::new();
        for source in active {
            match source {
                Source::Article(i) if *i < articles => inputs[*i].ended = false,
                Source::Markers => inputs[articles].ended = false,
                Source::Article(_) | Source::Backfill | Source::Commits => continue,
            }
            asked.push(*source);
        }
        if due.as_ref().is_some_and(|due| due.backfill) {
            inputs[articles + 1].ended = false;
            asked.push(Source::Backfill);
        }
        let dry = inputs.iter().filter(|input| !input.ended).count();
        let commits_ended = dry == 0;
        if !commits_ended {
            asked.push(Source::Commits);
        }
        Self {
            inputs,
            heads: BinaryHeap::new(),
            dry,
            commits: VecDeque::new(),
            commits_asked: true,
            commits_ended,
            last_commit: 0,
            due,
            after: None,
            asked,
        }
    }

    /// Sources that should give more, since last asked.
    pub fn asked(&mut self) -> Vec<Source> {
        std::mem::take(&mut self.asked)
    }

    pub fn changes(
        &mut self,
        article: usize,
        translator: &mut Translator,
        rows: Vec<ChangeRow>,
    ) -> Result<(), Problem> {
        let Some(input) = self.inputs.get_mut(article).filter(|input| !input.ended) else { return Ok(()) };
        let was_dry = input.items.is_empty();
        for row in rows {
            translator.take(row, |place, change| input.items.push_back((place, Item::Change(change))))?;
        }
        self.refilled(article, was_dry, Source::Article(article));
        Ok(())
    }

    pub fn markers(&mut self, rows: Vec<(Lsn, Option<Marker>)>) {
        let index = self.marker_input();
        let input = &mut self.inputs[index];
        let was_dry = input.items.is_empty();
        for (lsn, marker) in rows {
            // Where a marker stands within its transaction does not matter.
            let place = Place { lsn, command: 0, sequence: Lsn::ZERO, operation: Operation::Insert };
            input.items.push_back((place, Item::Marker(marker)));
        }
        self.refilled(index, was_dry, Source::Markers);
    }

    /// Values of new columns at a schema change.
    pub fn backfill(&mut self, rows: Vec<(usize, Change)>) {
        let Some(lsn) = self.due.as_ref().map(|due| due.lsn).or(self.after.as_ref().map(|(lsn, ..)| *lsn)) else {
            return;
        };
        let index = self.marker_input() + 1;
        let input = &mut self.inputs[index];
        let was_dry = input.items.is_empty();
        // They come before what anything else of the transaction says.
        let place = Place { lsn, command: i32::MIN, sequence: Lsn::ZERO, operation: Operation::After };
        input.items.extend(rows.into_iter().map(|(article, change)| (place, Item::Backfill(article, change))));
        self.refilled(index, was_dry, Source::Backfill);
    }

    fn marker_input(&self) -> usize {
        self.inputs.len() - 2
    }

    pub fn commits(&mut self, rows: Vec<(Lsn, i64)>) {
        self.commits.extend(rows);
        self.commits_asked = false;
    }

    pub fn end(&mut self, source: Source) {
        let index = match source {
            Source::Commits => {
                self.commits_ended = true;
                return;
            }
            Source::Article(i) => i,
            Source::Markers => self.marker_input(),
            Source::Backfill => self.marker_input() + 1,
        };
        if let Some(input) = self.inputs.get_mut(index).filter(|input| !input.ended) {
            input.ended = true;
            if input.items.is_empty() {
                self.dry -= 1;
            }
        }
    }

    fn refilled(&mut self, index: usize, was_dry: bool, source: Source) {
        if !was_dry {
            return;
        }
        match self.inputs[index].items.front() {
            Some((place, _)) => {
                self.heads.push(Reverse((*place, index)));
                self.dry -= 1;
            }
            // Nothing of what came is published: it is still dry.
            None => self.asked.push(source),
        }
    }

    pub fn next(&mut self) -> Next {
        if self.dry > 0 {
            return Next::Dry;
        }
        let first = self.heads.peek().map(|Reverse((place, _))| place.lsn);
        if let Some(due) = self.due.take_if(|due| first.is_none_or(|first| first >= due.lsn)) {
            // Kept also when it is empty: the place of what is yet to be read of the backfill.
            self.after = Some((due.lsn, due.committed_at, due.after));
            return Next::Schema { lsn: due.lsn, committed_at: due.committed_at, changes: due.changes };
        }
        if let Some((lsn, committed_at, changes)) =
            self.after.take_if(|(lsn, ..)| first.is_none_or(|first| first > *lsn)).filter(|(.., c)| !c.is_empty())
        {
            return Next::Schema { lsn, committed_at, changes };
        }
        let Some(Reverse((place, index))) = self.heads.peek().copied() else { return Next::End };
        let Some(committed_at) = self.commit_time(place.lsn) else { return Next::Dry };
        let markers = self.marker_input();
        let input = &mut self.inputs[index];
        let (_, item) = input.items.pop_front().expect("an input with a head has an item");
        let mut head = self.heads.peek_mut().expect("there is a head");
        if let Some((next, _)) = input.items.front() {
            // Mostly it stays the first one, which costs less than taking it out and putting it in again.
            head.0.0 = *next;
        } else {
            PeekMut::pop(head);
            if !input.ended {
                self.dry += 1;
                self.asked.push(match index.checked_sub(markers) {
                    None => Source::Article(index),
                    Some(0) => Source::Markers,
                    Some(_) => Source::Backfill,
                });
            }
        }
        match item {
            Item::Change(change) => Next::Change { lsn: place.lsn, committed_at, article: index, change },
            Item::Backfill(article, change) => Next::Change { lsn: place.lsn, committed_at, article, change },
            Item::Marker(marker) => Next::Marker { lsn: place.lsn, committed_at, marker },
        }
    }

    /// Commit time of a transaction; `None` while it may still come.
    fn commit_time(&mut self, lsn: Lsn) -> Option<i64> {
        while let Some((committed, time)) = self.commits.front().copied() {
            if committed > lsn {
                break;
            }
            self.last_commit = time;
            if committed == lsn {
                return Some(time);
            }
            self.commits.pop_front();
        }
        if self.commits.is_empty() && !self.commits_ended {
            if !self.commits_asked {
                self.commits_asked = true;
                self.asked.push(Source::Commits);
            }
            return None;
        }
        // The server forgot this one's time, as cleanup may: that of the one before is near enough for display.
        Some(self.last_commit)
    }
}
