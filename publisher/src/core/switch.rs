//! Going from one definition of an article to the next.
//!
//! ```text
//! Read (after, up_to] ─Active with a schema change at D─▶ Read (after, D) … its end ─▶ AlterArticle … ─Altered─▶ Read [D, up_to]
//! ```
//!
//! What comes before the change is read with the definitions before it. Then the new ones are registered, and only when the distributor
//! has them durably does the transaction at D go out, the change in front of its rows. Whatever ends the reader in between leaves the
//! queue before D, where the next one finds the change again; the distributor forgets a definition that D did not follow.

use super::schema::{Alteration, History, Upcoming};
use super::{LogReader, Output, Phase, Problem, translator};
use proto::{Article, Lsn, SchemaChange};
use std::collections::VecDeque;

/// A schema change that is sent in its place: before the rows of its transaction.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub lsn: Lsn,
    /// When the transaction was committed.
    pub committed_at: i64,
    pub changes: Vec<SchemaChange>,
}

/// New definitions on their way to the distributor.
#[derive(Debug)]
pub(super) struct Altering {
    lsn: Lsn,
    committed_at: i64,
    /// How far the log is captured, and when that was committed.
    captured: (Lsn, i64),
    waiting: VecDeque<Alteration>,
    registered: Vec<SchemaChange>,
}

/// A slice that ends before a schema change.
#[derive(Debug)]
pub(super) struct Halt {
    upcoming: Upcoming,
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
        let Some(upcoming) = history.first(&articles) else { return Ok(false) };
        let halt = Halt { captured: (up_to, committed_at), upcoming };
        match halt.upcoming.lsn.previous().filter(|before| *before > after) {
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
        let Halt { upcoming: Upcoming { lsn, committed_at, outcome }, captured } = halt;
        let waiting: VecDeque<Alteration> = outcome?.into();
        outputs.extend(waiting.iter().map(|alteration| Output::AlterArticle {
            epoch: self.epoch,
            article: Box::new(alteration.article.clone()),
        }));
        self.phase =
            Phase::Altering(Box::new(Altering { lsn, committed_at, captured, waiting, registered: Vec::new() }));
        Ok(())
    }

    /// A definition has its id. Answers come in the order in which they were asked for.
    pub(super) fn registered(&mut self, article: Article, outputs: &mut Vec<Output>) -> Result<(), Problem> {
        let Phase::Altering(altering) = &mut self.phase else { return Ok(()) };
        let Some(Alteration { changes, ddl, .. }) = altering.waiting.pop_front() else { return Ok(()) };
        altering.registered.push(SchemaChange { article, changes, ddl });
        if !altering.waiting.is_empty() {
            return Ok(());
        }
        let Altering { lsn, committed_at, captured, .. } = **altering;
        let changes = std::mem::take(&mut altering.registered);
        for SchemaChange { article, .. } in &changes {
            let superseded = self.articles.iter_mut().find(|t| Some(t.article().id) == article.supersedes);
            if let Some(superseded) = superseded {
                *superseded = translator(article.clone(), &self.instances)?;
            }
            self.altered.push(article.clone());
        }
        self.generation += 1;
        self.due = Some(Due { lsn, committed_at, changes });
        self.phase = Phase::Opening { up_to: captured.0, committed_at: captured.1, verified: false };
        outputs.push(Output::Read { after: self.sent.unwrap_or_default(), up_to: captured.0 });
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
