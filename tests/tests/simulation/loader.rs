//! What a subscriber loads from snapshots, step by step: each a database transaction of its own.

use super::agent::WorkDir;
use super::database::Database;
use super::network::{Call, Network};
use super::source::{name_of, table_of};
use proto::catalog::Request;
use proto::message::RefusalKind;
use proto::snapshot::SnapshotToLoad;
use proto::{ArticleId, TableName};
use rand::Rng;
use rand::rngs::StdRng;
use sqlserver::state::{Load, Part, PartState};
use subscriber::core::joining::{Known, Offered};
use uuid::Uuid;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loaded {
    /// There are articles, and they are loaded.
    Articles,
    /// There are none, or their snapshot is not there yet.
    Nothing,
    /// It failed in a way that passes.
    Failed,
    /// The distributor does not know the definitions any more with which it was asked.
    Outdated,
}

#[derive(Debug)]
pub struct Loader {
    publication: String,
    has: Vec<ArticleId>,
    /// Whether the distributor knows that the first load is under way: all snapshots are kept then.
    announced: bool,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Ask,
    Asked(Call),
    /// There is something; the first load is announced meanwhile, and then it is asked again, since it may be gone.
    Found,
    Known(Vec<SnapshotToLoad>),
    Forget(Plan),
    Empty(Plan, usize),
    Begin(Plan),
    Parts(Vec<ArticleId>),
}

/// What is begun anew.
#[derive(Debug)]
struct Plan {
    offered: Vec<(ArticleId, Uuid, usize, Vec<Part>)>,
    fresh: Vec<usize>,
    known: Known,
    forgotten: Vec<ArticleId>,
}

impl Loader {
    /// Of what there is beyond some definitions.
    pub fn new(publication: &str, has: Vec<ArticleId>) -> Self {
        Self { publication: publication.to_owned(), has, announced: false, step: Step::Ask }
    }

    /// The definitions with which it asks.
    pub fn has(&self) -> &[ArticleId] {
        &self.has
    }

    /// Whether there is something to be loaded first, which is to be announced.
    pub fn has_found(&self) -> bool {
        matches!(self.step, Step::Found)
    }

    /// Whether something is loaded in part.
    pub fn is_loading(&self) -> bool {
        matches!(self.step, Step::Parts(_))
    }

    /// Whether it is about to take the place of loads that were begun from other snapshots.
    pub fn replaces(&self) -> bool {
        matches!(&self.step, Step::Begin(plan) if !plan.forgotten.is_empty())
    }

    /// Gives it up in order.
    pub fn close(self, network: &mut Network) {
        if let Step::Asked(call) = self.step {
            call.close(network);
        }
    }

    /// Gives it up.
    pub fn end(self, network: &mut Network, rng: &mut StdRng) {
        if let Step::Asked(call) = self.step {
            call.end(network, rng);
        }
    }

    /// One step. What it commits is committed in `databases`, the first of which is what is committed so far; the other, if there is one,
    /// has an open transaction of the stream, which has nothing to do with it.
    pub fn step(
        &mut self,
        first: bool,
        databases: &mut [&mut Database],
        work_dir: &WorkDir,
        network: &mut Network,
        distributor_runs: bool,
        rng: &mut StdRng,
    ) -> Option<Loaded> {
        let mut commit = |change: &dyn Fn(&mut Database)| databases.iter_mut().for_each(|database| change(database));
        let next = match std::mem::replace(&mut self.step, Step::Ask) {
            Step::Ask if !distributor_runs => Step::Ask,
            Step::Ask => {
                let (publication, has) = (self.publication.clone(), self.has.clone());
                Step::Asked(Call::new(network, Request::SnapshotLatest { publication, has }))
            }
            Step::Asked(call) => match call.answer(network) {
                None => Step::Asked(call),
                Some(Ok(Ok(proto::catalog::Response::SnapshotsToLoad(found)))) => {
                    let mut found = found.unwrap_or_default();
                    found.iter_mut().for_each(|found| found.articles.retain(|id| !self.has.contains(id)));
                    found.retain(|found| !found.articles.is_empty());
                    if found.is_empty() {
                        return Some(Loaded::Nothing);
                    }
                    if first && !self.announced { Step::Found } else { Step::Known(found) }
                }
                Some(Ok(Err(refusal))) => {
                    let outdated = refusal.kind == RefusalKind::Expired;
                    return Some(if outdated { Loaded::Outdated } else { Loaded::Failed });
                }
                _ => return Some(Loaded::Failed),
            },
            Step::Found => {
                self.announced = true;
                Step::Ask
            }
            Step::Known(found) => {
                let plan = Plan::new(&found, &databases[0].clone(), work_dir);
                if first {
                    databases.iter_mut().for_each(|database| database.begin_initializing());
                }
                if plan.fresh.is_empty() { Step::Parts(plan.articles()) } else { Step::Forget(plan) }
            }
            Step::Forget(plan) => {
                commit(&|database| database.forget_loaded(&plan.forgotten));
                Step::Empty(plan, 0)
            }
            Step::Empty(plan, at) => {
                let table = plan.offered[plan.fresh[at]].2;
                let ours = plan.known.is_ours(&name_of(table));
                commit(&|database| database.empty(table, ours));
                if at + 1 < plan.fresh.len() { Step::Empty(plan, at + 1) } else { Step::Begin(plan) }
            }
            Step::Begin(plan) => {
                let loads = plan.loads();
                commit(&|database| database.begin_loads(&plan.forgotten, &loads));
                Step::Parts(plan.articles())
            }
            Step::Parts(articles) => {
                let waits = |part: &&Part| articles.contains(&part.article) && part.state == PartState::Waiting;
                let waiting: Vec<Part> = databases[0].parts.iter().filter(waits).cloned().collect();
                if waiting.is_empty() {
                    return Some(Loaded::Articles);
                }
                let part = &waiting[rng.random_range(0..waiting.len())];
                let folder = part.snapshot.and_then(|id| work_dir.folders.get(&id));
                let folder = folder.expect("a snapshot that is being loaded is kept");
                let of = folder.parts.iter().filter(|file| file.article == part.article);
                let file = of.zip(1..).find(|(_, number)| *number == part.number).expect("it has the part").0;
                let (_, rows) = file.read.as_ref().expect("it is finished");
                let mut commit =
                    |change: &dyn Fn(&mut Database)| databases.iter_mut().for_each(|database| change(database));
                commit(&|database| database.load(part.article, part.number, rows));
                Step::Parts(articles)
            }
        };
        self.step = next;
        None
    }
}

impl Plan {
    fn new(found: &[SnapshotToLoad], database: &Database, work_dir: &WorkDir) -> Self {
        let known = Known::new(database.loads.clone(), database.parts.clone());
        let mut offered = Vec::new();
        for SnapshotToLoad { snapshot, articles } in found {
            let folder = work_dir.folders.get(&snapshot.id).expect("a snapshot that is to be loaded is kept");
            for id in articles {
                let article = folder.articles.iter().find(|a| a.id == *id).expect("the snapshot has the article");
                let files = folder.parts.iter().filter(|file| file.article == *id);
                let part = |(file, number): (&super::agent::PartFile, u32)| Part {
                    article: *id,
                    number,
                    range: file.range.clone(),
                    boundary: file.read.as_ref().expect("it is finished").0,
                    snapshot: Some(snapshot.id),
                    state: PartState::Waiting,
                };
                offered.push((*id, snapshot.id, table_of(article), files.zip(1..).map(part).collect::<Vec<_>>()));
            }
        }
        let offers: Vec<Offered<'_>> = offered
            .iter()
            .map(|(article, snapshot, _, parts)| Offered { article: *article, snapshot: *snapshot, parts })
            .collect();
        let fresh = (0..offers.len()).filter(|i| !known.goes_on(&offers[*i])).collect();
        let forgotten = known.forgotten(&offers);
        Self { offered, fresh, known, forgotten }
    }

    fn articles(&self) -> Vec<ArticleId> {
        self.offered.iter().map(|(article, ..)| *article).collect()
    }

    fn loads(&self) -> Vec<(Load, usize, Vec<Part>)> {
        let load = |i: &usize| {
            let (article, snapshot, table, parts) = self.offered[*i].clone();
            let table_name: TableName = name_of(table);
            let load = Load { article, table: table_name, snapshot, location: "memory".to_owned() };
            (load, table, parts)
        };
        self.fresh.iter().map(load).collect()
    }
}
