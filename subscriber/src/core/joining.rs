//! From what is loaded to one stream: what that applies to, where it goes on once more is loaded, when all tables are as of one moment,
//! and which loads go on after an interruption.

use super::parts::{Part, Parts};
use proto::{ArticleId, Lsn, TableName};
use sqlserver::state::{self, Load, PartState, Stage};
use uuid::Uuid;

/// The definitions that the stream applies to, and what the snapshots contain of them.
pub fn streamed(parts: &[state::Part]) -> (Vec<ArticleId>, Parts) {
    let streamed = || parts.iter().filter(is_streamed);
    let mut articles: Vec<ArticleId> = streamed().map(|part| part.article).collect();
    articles.sort_unstable();
    articles.dedup();
    let contained =
        streamed().map(|part| (part.article, Part { range: part.range.clone(), boundary: part.boundary })).collect();
    (articles, contained)
}

/// Where the stream goes on with the parts that are loaded: at their earliest boundary, or where it is `applied` up to if that is
/// before. `None` if there is nothing at all.
pub fn goes_on_at(parts: &[state::Part], applied: Option<Lsn>) -> Option<Lsn> {
    let loaded = parts.iter().filter(|part| part.state == PartState::Loaded);
    loaded.map(|part| part.boundary).chain(applied).min()
}

/// Whether a subscription that is `synchronizing` has come to where all its tables are as the publisher was at one moment.
pub fn is_together(stage: Stage, position: Option<Lsn>, parts: &[state::Part]) -> bool {
    let last = parts.iter().filter(is_streamed).map(|part| part.boundary).max();
    stage == Stage::Synchronizing && position >= last
}

fn is_streamed(part: &&state::Part) -> bool {
    matches!(part.state, PartState::Streamed | PartState::Complete)
}

/// What a subscription's database says of earlier loads.
#[derive(Debug, Clone)]
pub struct Known {
    loads: Vec<Load>,
    parts: Vec<state::Part>,
}

/// An article as a snapshot offers it.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// Its definition.
    pub article: ArticleId,
    /// The snapshot.
    pub snapshot: Uuid,
    /// Its parts, all of them waiting.
    pub parts: &'a [state::Part],
}

impl Known {
    /// From what is recorded.
    pub fn new(mut loads: Vec<Load>, parts: Vec<state::Part>) -> Self {
        let streamed =
            |load: &Load| parts.iter().any(|part| part.article == load.article && part.state == PartState::Streamed);
        // Those that only wait for their scripts are none of ours here.
        loads.retain(|load| !streamed(load));
        Self { loads, parts }
    }

    /// Whether the article's load from this very snapshot has been begun, and so goes on.
    pub fn goes_on(&self, offered: &Offered<'_>) -> bool {
        let begun = |load: &Load| load.article == offered.article && load.snapshot == offered.snapshot;
        let there = self.parts.iter().filter(|part| part.article == offered.article);
        let there = there.map(|part| state::Part { state: PartState::Waiting, ..part.clone() });
        self.loads.iter().any(begun) && there.eq(offered.parts.iter().cloned())
    }

    /// Whether a table holds nothing but what an interrupted load of ours put there.
    pub fn is_ours(&self, table: &TableName) -> bool {
        self.loads.iter().any(|load| load.table == *table)
    }

    /// The loads that have been begun but do not go on: another snapshot has taken the place of theirs.
    pub fn forgotten(&self, offered: &[Offered<'_>]) -> Vec<ArticleId> {
        let goes_on = |load: &&Load| offered.iter().any(|o| o.article == load.article && self.goes_on(o));
        self.loads.iter().filter(|load| !goes_on(load)).map(|load| load.article).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::KeyRange;

    const A: Lsn = Lsn::new(1, 0, 0);
    const B: Lsn = Lsn::new(2, 0, 0);
    const C: Lsn = Lsn::new(3, 0, 0);
    const ONE: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn part(article: u32, boundary: Lsn, snapshot: Uuid, state: PartState) -> state::Part {
        let (article, range) = (ArticleId(article), KeyRange::default());
        state::Part { article, number: 1, range, boundary, snapshot: Some(snapshot), state }
    }

    fn load(article: u32, snapshot: Uuid) -> Load {
        let table = TableName { schema: "dbo".to_owned(), table: format!("t{article}") };
        Load { article: ArticleId(article), table, snapshot, location: "file:///s".to_owned() }
    }

    #[test]
    fn the_stream_goes_back_to_what_is_loaded_and_never_past_what_is_applied() {
        let complete = part(1, A, ONE, PartState::Complete);
        let with = |boundary, state| [complete.clone(), part(2, boundary, OTHER, state)];
        assert_eq!(goes_on_at(&with(B, PartState::Loaded), Some(C)), Some(B));
        assert_eq!(goes_on_at(&with(C, PartState::Loaded), Some(B)), Some(B));
        assert_eq!(goes_on_at(&with(B, PartState::Loaded), None), Some(B), "what is streamed already does not count");
        assert_eq!(goes_on_at(&with(A, PartState::Waiting), Some(B)), Some(B), "nor what is not loaded");
        let two = [part(1, C, ONE, PartState::Loaded), part(2, B, ONE, PartState::Loaded)];
        assert_eq!(goes_on_at(&two, None), Some(B));
        assert_eq!(goes_on_at(&[], None), None);
    }

    #[test]
    fn all_tables_are_of_one_moment_past_the_last_boundary_of_those_that_are_streamed() {
        let parts = [
            part(1, A, ONE, PartState::Complete),
            part(2, B, ONE, PartState::Streamed),
            part(3, C, OTHER, PartState::Loaded),
        ];
        assert!(!is_together(Stage::Synchronizing, Some(A), &parts));
        assert!(is_together(Stage::Synchronizing, Some(B), &parts));
        assert!(!is_together(Stage::Active, Some(B), &parts), "then there is nothing to be done any more");
    }

    #[test]
    fn what_is_streamed_is_what_the_stream_is_asked_for_with() {
        let parts = [
            part(2, B, ONE, PartState::Streamed),
            part(1, A, ONE, PartState::Complete),
            part(2, C, ONE, PartState::Streamed),
            part(3, C, OTHER, PartState::Loaded),
            part(4, C, OTHER, PartState::Waiting),
        ];
        let (articles, contained) = streamed(&parts);
        assert_eq!(articles, [ArticleId(1), ArticleId(2)]);
        assert_eq!(contained.last_of_all(), C);
        assert!(!contained.has(ArticleId(3)) && !contained.has(ArticleId(4)));
    }

    #[test]
    fn a_load_goes_on_from_the_snapshot_and_with_the_parts_that_it_began_with_and_is_forgotten_otherwise() {
        let begun = vec![part(1, A, ONE, PartState::Loaded), part(2, A, ONE, PartState::Waiting)];
        let known = Known::new(vec![load(1, ONE), load(2, ONE)], begun);
        let parts = [
            [part(1, A, ONE, PartState::Waiting)],
            [part(2, B, ONE, PartState::Waiting)],
            [part(1, A, OTHER, PartState::Waiting)],
        ];
        let [same, moved, replaced] = parts.each_ref().map(|parts| {
            let [part] = parts;
            Offered { article: part.article, snapshot: part.snapshot.unwrap_or_default(), parts }
        });
        assert!(known.goes_on(&same));
        assert!(!known.goes_on(&replaced), "it is another snapshot");
        assert!(!known.goes_on(&Offered { snapshot: OTHER, ..same }), "also where the parts happen to be the same");
        assert!(!known.goes_on(&moved), "a part is as of another moment");
        assert_eq!(known.forgotten(&[same]), [ArticleId(2)]);
        assert_eq!(known.forgotten(&[same, moved]), [ArticleId(2)]);
        assert_eq!(known.forgotten(&[replaced]), [ArticleId(1), ArticleId(2)]);
    }

    #[test]
    fn a_table_that_is_streamed_to_already_is_none_that_an_interrupted_load_left() {
        let parts = vec![part(1, A, ONE, PartState::Streamed), part(2, A, OTHER, PartState::Waiting)];
        let known = Known::new(vec![load(1, ONE), load(2, OTHER)], parts);
        assert!(!known.is_ours(&load(1, ONE).table) && known.is_ours(&load(2, OTHER).table));
        assert_eq!(known.forgotten(&[]), [ArticleId(2)]);
    }
}
