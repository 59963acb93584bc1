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
