//! Going from one definition of an article to the next.
//!
//! ```text
//! Read (after, up_to] ─Active with a schema change at D─▶ Read (after, D) … its end ─▶ AlterArticle … ─Altered─▶ Read [D, up_to]
//! ```
//!
//! What comes before the change is read with the definitions before it. Then the new ones are registered, and only when the distributor
//! has them durably does the transaction at D go out, the change in front of its rows. Whatever ends the reader in between leaves the
//! queue before D, where the next one finds the change again; the distributor forgets a definition that D did not follow.
//!
//! D is a statement of the log's history, the marker of an [extension](super::Extension) or of a [changed filter](super::FilterSwitch), or
//! where [constraints](super::constraints) go or come.

use super::extension::Backfill;
use super::schema::{Alteration, History, Upcoming};
use super::{LogReader, Output, Phase, Problem, filter, translator};
use proto::{Article, Lsn, SchemaChange};
use std::collections::VecDeque;

/// A schema change that is sent in its place: before the rows of its transaction.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub lsn: Lsn,
    /// When the transaction was committed.
    pub committed_at: i64,
    pub changes: Vec<SchemaChange>,
    /// Whether values of new columns follow in the same transaction.
    pub backfill: bool,
    /// What comes after these.
    pub after: Vec<SchemaChange>,
}

/// New definitions on their way to the distributor.
#[derive(Debug)]
pub(super) struct Altering {
    lsn: Lsn,
    committed_at: i64,
    /// How far the log is captured, and when that was committed.
    captured: (Lsn, i64),
    waiting: VecDeque<Alteration>,
    registered: Vec<(Article, Alteration)>,
}

/// Why a slice ends before a schema change, which comes next.
#[derive(Debug)]
pub(super) struct Halt {
    lsn: Lsn,
    /// `None` for that of the planned extension.
    upcoming: Option<Upcoming>,
    captured: (Lsn, i64),
}

impl LogReader {
    /// Looks whether the slice that is being opened holds a schema change. If so, it is cut before that, and this is all for now.
    pub(super) fn halts(&mut self, history: &History, outputs: &mut Vec<Output>) -> Result<bool, Problem> {
        let Phase::Opening { up_to, committed_at, .. } = self.phase else { return Ok(false) };
        let (None, Some(after)) = (&self.halt, self.sent) else {
            return Ok(false);
        };
        let articles: Vec<&Article> = self.articles().collect();
        let upcoming = filter::with_filters(history.first(&articles, &self.unread), &history.filters, &articles);
        self.looked_back();
        let planned = self.planned.as_ref().map(|extension| extension.lsn).filter(|lsn| *lsn <= up_to);
        let (lsn, upcoming) = match (upcoming, planned) {
            (Some(upcoming), planned) if planned.is_none_or(|planned| upcoming.lsn <= planned) => {
                // A transaction has one change in front of it: the new columns join at another marker.
                self.planned.take_if(|extension| extension.lsn == upcoming.lsn);
                (upcoming.lsn, Some(upcoming))
            }
            (_, Some(planned)) => (planned, None),
            _ => return Ok(false),
        };
        let halt = Halt { lsn, upcoming, captured: (up_to, committed_at) };
        match lsn.previous().filter(|before| *before > after) {
            Some(before) => {
                self.halt = Some(Box::new(halt));
                self.phase = Phase::Opening { up_to: before, committed_at, verified: false };
                outputs.push(Output::Read { after, up_to: before });
            }
            None => self.alter(halt, outputs)?,
        }
        Ok(true)
    }

    /// What comes before a schema change was read.
    pub(super) fn alter(&mut self, halt: Halt, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let Halt { lsn, upcoming, captured } = halt;
        let (committed_at, waiting) = match upcoming {
            Some(Upcoming { committed_at, outcome, .. }) => (committed_at, outcome?),
            None => {
                let Some(extension) = self.planned.take() else { return self.reopen(captured, outputs) };
                self.instances.retain(|instance| instance.name != extension.instance.name);
                self.instances.push(extension.instance.clone());
                let altered = self.articles().filter_map(|article| extension.altered(article)).collect();
                (extension.committed_at, altered)
            }
        };
        if waiting.is_empty() {
            return self.reopen(captured, outputs);
        }
        outputs.extend(waiting.iter().map(|alteration: &Alteration| Output::AlterArticle {
            epoch: self.epoch,
            article: Box::new(alteration.article.clone()),
        }));
        let (waiting, registered) = (waiting.into(), Vec::new());
        self.phase = Phase::Altering(Box::new(Altering { lsn, committed_at, captured, waiting, registered }));
        Ok(())
    }

    /// A definition has its id. Answers come in the order in which they were asked for.
    pub(super) fn registered(&mut self, article: Article, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let Phase::Altering(altering) = &mut self.phase else { return Ok(()) };
        let Some(alteration) = altering.waiting.pop_front() else { return Ok(()) };
        altering.registered.push((article, alteration));
        if !altering.waiting.is_empty() {
            return Ok(());
        }
        let Altering { lsn, committed_at, captured, .. } = **altering;
        let (mut early, mut changes, mut late, mut after) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        self.backfill.clear();
        for (article, alteration) in std::mem::take(&mut altering.registered) {
            let superseded = self.articles.iter().position(|t| Some(t.article().id) == article.supersedes);
            if let Some(i) = superseded {
                self.articles[i] = translator(article.clone(), &self.instances)?;
                if !alteration.given.is_empty() {
                    self.backfill.push(Backfill { article: i, columns: alteration.given });
                }
            }
            self.altered.push(article.clone());
            let apart = [(&mut early, alteration.early), (&mut late, alteration.late), (&mut after, alteration.after)];
            for (list, changes) in apart {
                if !changes.is_empty() {
                    list.push(SchemaChange { article: article.clone(), changes, ddl: alteration.ddl.clone() });
                }
            }
            changes.push(SchemaChange { article, changes: alteration.changes, ddl: alteration.ddl });
        }
        // A key that foreign keys of other tables refer to goes after them and comes before them.
        let changes = [early, changes, late].concat();
        self.generation += 1;
        self.due = Some(Due { lsn, committed_at, changes, backfill: !self.backfill.is_empty(), after });
        self.reopen(captured, outputs)
    }

    fn reopen(&mut self, (up_to, committed_at): (Lsn, i64), outputs: &mut Vec<Output>) -> Result<(), Problem> {
        self.phase = Phase::Opening { up_to, committed_at, verified: false };
        outputs.push(Output::Read { after: self.sent.unwrap_or_default(), up_to });
        Ok(())
    }
}

/// Articles as the distributor told them, which may have been before it took the definitions that were made since.
pub(super) fn brought_up_to_date(mut articles: Vec<Article>, altered: &[Article]) -> Vec<Article> {
    for newer in altered {
        if !articles.iter().any(|a| a.id == newer.id)
            && let Some(older) = articles.iter_mut().find(|a| Some(a.id) == newer.supersedes)
        {
            *older = newer.clone();
        }
    }
    articles
}
