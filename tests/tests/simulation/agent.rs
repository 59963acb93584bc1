//! The snapshot agent of a publication, over a working directory that outlives it: parts that were finished keep the boundary of the
//! view that they were read in, the others are read in another view.

use super::network::{Call, Network};
use super::source::{KEYS, Key, Source, table_of};
use proto::catalog::{Request, Response, Snapshot};
use proto::message::{Refusal, RefusalKind};
use proto::{Article, ArticleId, KeyRange, Lsn, Row, TableName, Value};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows with their keys.
pub type Read = Vec<(Key, Row)>;

/// A part of an article.
#[derive(Debug, Clone)]
pub struct PartFile {
    pub article: ArticleId,
    pub range: KeyRange,
    /// Its rows and of when they are; `None` while it is to be read.
    pub read: Option<(Lsn, Read)>,
}

/// A snapshot's folder.
#[derive(Debug, Clone)]
pub struct Folder {
    publication: String,
    tables: Option<Vec<TableName>>,
    pub articles: Vec<Article>,
    pub parts: Vec<PartFile>,
    finished: bool,
    registered: bool,
    created_at: i64,
}

/// The working directory.
#[derive(Debug, Default)]
pub struct WorkDir {
    pub folders: BTreeMap<Uuid, Folder>,
    /// Snapshots that were finished, and those of them with several boundaries.
    pub finished: usize,
    pub of_several: usize,
    last: u128,
}

#[derive(Debug)]
pub struct Agent {
    publication: String,
    /// Articles are read in several parts.
    splits: bool,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    snapshot: Uuid,
    tables: Option<Vec<TableName>>,
    step: Step,
    call: Option<Call>,
}

#[derive(Debug)]
enum Step {
    Begin,
    View,
    /// What a view shows of the parts that are missing, by their index.
    Read(Lsn, BTreeMap<usize, Read>),
    Register,
    GiveUp {
        begins_anew: bool,
    },
    List,
    Forget(Vec<Uuid>),
}

impl Agent {
    pub fn new(publication: &str, splits: bool) -> Self {
        Self { publication: publication.to_owned(), splits, process: None }
    }

    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Whether it is in the middle of reading.
    pub fn is_reading(&self) -> bool {
        matches!(&self.process, Some(Process { step: Step::Read(_, missing), .. }) if !missing.is_empty())
    }

    /// SIGKILL.
    pub fn kill(&mut self, network: &mut Network, rng: &mut StdRng) {
        if let Some(call) = self.process.take().and_then(|process| process.call) {
            call.end(network, rng);
        }
    }

    /// Begins a snapshot of some tables, or goes on with one of them.
    pub fn start(&mut self, tables: Option<Vec<TableName>>, work_dir: &mut WorkDir) {
        if self.process.is_some() {
            return;
        }
        let same = |f: &Folder| f.publication == self.publication && f.tables == tables && !f.registered;
        let found = work_dir.folders.iter().find(|(_, folder)| same(folder));
        let (snapshot, step) = match found {
            Some((id, folder)) if folder.finished => (*id, Step::Register),
            Some((id, _)) => (*id, Step::Begin),
            None => (work_dir.new_id(), Step::Begin),
        };
        self.process = Some(Process { snapshot, tables, step, call: None });
    }

    /// Begins to clean up.
    pub fn clean_up(&mut self) {
        let (snapshot, tables) = (Uuid::nil(), None);
        self.process.get_or_insert(Process { snapshot, tables, step: Step::List, call: None });
    }

    /// One step; gives the articles of a view that was opened, if that was it.
    pub fn step(
        &mut self,
        work_dir: &mut WorkDir,
        source: &mut Source,
        network: &mut Network,
        distributor_runs: bool,
        rng: &mut StdRng,
    ) {
        let Some(process) = &mut self.process else { return };
        let goes_on = match &mut process.step {
            Step::View => process.view(work_dir, source),
            Step::Read(boundary, rows) => {
                let missing: Vec<usize> = rows.keys().copied().collect();
                let folder = work_dir.folders.get_mut(&process.snapshot).expect("it has been made");
                if missing.is_empty() {
                    if source.has_captured(*boundary) {
                        folder.finished = true;
                        let first = folder.parts[0].read.as_ref().map(|(lsn, _)| *lsn);
                        let several = folder.parts.iter().any(|p| p.read.as_ref().map(|(lsn, _)| *lsn) != first);
                        work_dir.finished += 1;
                        work_dir.of_several += usize::from(several);
                        process.step = Step::Register;
                    }
                } else {
                    let part = missing[rng.random_range(0..missing.len())];
                    folder.parts[part].read = rows.remove(&part).map(|rows| (*boundary, rows));
                }
                true
            }
            _ => match Self::ask(&self.publication, process, work_dir, network, distributor_runs) {
                None => true,
                Some(Err(())) => false,
                Some(Ok(answer)) => process.answered(answer, &self.publication, self.splits, work_dir, rng),
            },
        };
        if !goes_on {
            self.kill(network, rng);
        }
    }

    /// Asks the distributor what the step is about; what it answered, or that the connection is gone.
    fn ask(
        publication: &str,
        process: &mut Process,
        work_dir: &WorkDir,
        network: &mut Network,
        distributor_runs: bool,
    ) -> Option<Result<Result<Response, Refusal>, ()>> {
        if let Some(call) = &mut process.call {
            let answer = call.answer(network)?;
            process.call = None;
            return Some(answer);
        }
        let snapshot = process.snapshot;
        let publication = publication.to_owned();
        let request = match &process.step {
            Step::Begin => Request::SnapshotBegin { publication, snapshot, articles: process.tables.clone() },
            Step::Register => Request::SnapshotRegister(work_dir.folders[&snapshot].snapshot(snapshot)),
            Step::GiveUp { .. } => Request::SnapshotAbandon { snapshot },
            Step::List => Request::SnapshotList { publication: Some(publication) },
            Step::Forget(ids) => Request::SnapshotForget { snapshot: *ids.first()? },
            Step::View | Step::Read(..) => return None,
        };
        if distributor_runs {
            process.call = Some(Call::new(network, request));
        }
        None
    }
}

impl Process {
    /// Takes an answer; false if the agent is done.
    fn answered(
        &mut self,
        answer: Result<Response, Refusal>,
        publication: &str,
        splits: bool,
        work_dir: &mut WorkDir,
        rng: &mut StdRng,
    ) -> bool {
        match (&mut self.step, answer) {
            (Step::Begin, Ok(Response::SnapshotBegun { articles, kept_after, .. })) => {
                let created_at = i64::try_from(work_dir.last).unwrap_or(i64::MAX);
                let old = work_dir.folders.remove(&self.snapshot);
                let begun_anew = old.is_none();
                let mut kept = old.map_or(Vec::new(), |old| old.kept(&articles, kept_after));
                // All its articles may have been dropped a moment ago.
                if articles.is_empty() || !begun_anew && kept.is_empty() {
                    self.step = Step::GiveUp { begins_anew: !articles.is_empty() };
                    return true;
                }
                for article in &articles {
                    if !kept.iter().any(|part| part.article == article.id) {
                        kept.extend(split(article.id, splits, rng));
                    }
                }
                let (publication, tables) = (publication.to_owned(), self.tables.clone());
                let (finished, registered) = (false, false);
                let folder = Folder { publication, tables, articles, parts: kept, finished, registered, created_at };
                work_dir.folders.insert(self.snapshot, folder);
                self.step = Step::View;
                true
            }
            (Step::Register, Ok(_)) => {
                let folder = work_dir.folders.get_mut(&self.snapshot).expect("it has been made");
                folder.registered = true;
                false
            }
            (Step::Register, Err(refusal)) if refusal.kind != RefusalKind::Internal => {
                let dropped = refusal.message.contains("but the queue is kept only after");
                assert!(!dropped, "what a snapshot that is being taken needs was dropped: {refusal}");
                self.step = Step::GiveUp { begins_anew: false };
                true
            }
            (Step::GiveUp { begins_anew }, Ok(_)) => {
                work_dir.folders.remove(&self.snapshot);
                let again = *begins_anew;
                self.snapshot = work_dir.new_id();
                self.step = Step::Begin;
                again
            }
            (Step::List, Ok(Response::Snapshots(listed))) => {
                let removable = listed.into_iter().filter(|listed| listed.removable);
                let ids: Vec<Uuid> = removable.map(|listed| listed.snapshot.id).collect();
                let any = !ids.is_empty();
                self.step = Step::Forget(ids);
                any
            }
            (Step::Forget(ids), answer) => {
                let id = ids.remove(0);
                if answer.is_ok() {
                    work_dir.folders.remove(&id);
                }
                !ids.is_empty()
            }
            (_, Err(_)) => false,
            (step, Ok(unexpected)) => panic!("{unexpected:?} is no answer to {step:?}"),
        }
    }

    /// Opens a view of the parts that are missing, whose boundary is the marker's commit. False if it cannot be: then the agent
    /// fails, and what is finished is kept.
    fn view(&mut self, work_dir: &mut WorkDir, source: &mut Source) -> bool {
        let folder = work_dir.folders.get_mut(&self.snapshot).expect("it has been made");
        let missing: Vec<usize> = (0..folder.parts.len()).filter(|part| folder.parts[*part].read.is_none()).collect();
        let article_of = |id: ArticleId| folder.articles.iter().find(|a| a.id == id).expect("its articles are there");
        if !missing.iter().all(|part| source.fits(article_of(folder.parts[*part].article))) {
            if folder.parts.iter().any(|part| part.read.is_some()) {
                return false;
            }
            self.step = Step::GiveUp { begins_anew: false };
            return true;
        }
        let rows = |part: usize| {
            let part = &folder.parts[part];
            let published = source.published(table_of(article_of(part.article)));
            let within = |key: &Key| part.range.contains(&[Value::I32(key[0])]).expect("keys are ordered");
            published.into_iter().filter(|(key, _)| within(key)).collect()
        };
        let rows = missing.iter().map(|part| (*part, rows(*part))).collect();
        self.step = Step::Read(if missing.is_empty() { Lsn::ZERO } else { source.mark() }, rows);
        true
    }
}

impl WorkDir {
    fn new_id(&mut self) -> Uuid {
        self.last += 1;
        Uuid::from_u128(self.last)
    }

    /// Whether there is something that was not finished, of a publication.
    pub fn unfinished(&self, publication: &str) -> Option<&Folder> {
        self.folders.values().find(|folder| folder.publication == publication && !folder.registered)
    }
}

impl Folder {
    /// Of which tables.
    pub fn tables(&self) -> Option<Vec<TableName>> {
        self.tables.clone()
    }

    /// The parts of the articles of which something is of use.
    fn kept(self, articles: &[Article], kept_after: Option<Lsn>) -> Vec<PartFile> {
        let mut kept = Vec::new();
        for article in articles.iter().filter(|article| self.articles.contains(article)) {
            let mut parts: Vec<PartFile> =
                self.parts.iter().filter(|part| part.article == article.id).cloned().collect();
            parts
                .iter_mut()
                .for_each(|part| part.read.take_if(|(boundary, _)| Some(*boundary) < kept_after).map_or((), drop));
            if parts.iter().any(|part| part.read.is_some()) {
                kept.extend(parts);
            }
        }
        kept
    }

    fn snapshot(&self, id: Uuid) -> Snapshot {
        let boundary = |part: &PartFile| (part.article, part.read.as_ref().expect("it is finished").0);
        let mut boundaries: Vec<(ArticleId, Lsn)> = self.parts.iter().map(boundary).collect();
        boundaries.sort_unstable();
        boundaries.dedup();
        Snapshot {
            id,
            publication: self.publication.clone(),
            location: "memory".to_owned(),
            boundaries,
            rows: 0,
            bytes: 0,
            created_at: self.created_at,
        }
    }
}

/// The parts of an article that is to be read.
fn split(article: ArticleId, splits: bool, rng: &mut StdRng) -> Vec<PartFile> {
    let mut bounds: Vec<i32> =
        (0..if splits { rng.random_range(0..3) } else { 0 }).map(|_| rng.random_range(0..KEYS)).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let value = |bound: Option<&i32>| bound.map(|bound| Value::I32(*bound)).into_iter().collect();
    let range =
        |i: usize| KeyRange { lower: value(i.checked_sub(1).and_then(|i| bounds.get(i))), upper: value(bounds.get(i)) };
    (0..=bounds.len()).map(|i| PartFile { article, range: range(i), read: None }).collect()
}
