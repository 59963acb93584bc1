//! Watches the constraints and names of the published tables, see [`crate::core::constraints`].

use super::log::{Log, Published, dropped};
use crate::core::constraints::{Observed, Seen};
use crate::error::Error;
use proto::{Article, Lsn, Marker, MarkerKind};
use sqlserver::permission::Missing;
use sqlserver::{ServerOptions, catalog, cdc, constraint, marker};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What was seen and has no place in the log yet.
#[derive(Debug, Default)]
pub(super) struct Watch {
    underway: Option<Underway>,
    /// The login may not write markers, which was said.
    barred: bool,
}

#[derive(Debug)]
struct Underway {
    token: Uuid,
    /// Constraints that were seen before the marker was written.
    seen: BTreeSet<i32>,
}

impl Watch {
    /// Looks at the catalog after the end of the slice `(after, up_to]` was fixed; `None` if everything is as the articles have it.
    pub async fn observe(
        &mut self,
        log: &mut Log,
        server: &ServerOptions,
        articles: &[Published],
        after: Lsn,
        up_to: Lsn,
    ) -> Result<Option<Observed>, Error> {
        let articles: Vec<&Article> = articles.iter().map(|p| &p.article).collect();
        let tables = constraint::constraints(log.client()).await?;
        let mut observed = Observed { tables, ..Observed::default() };
        if let Some(Underway { token, seen }) = &self.underway
            && let Some((lsn, committed_at)) = marker::commit(log.client(), *token).await.map_err(dropped)?
        {
            if lsn <= after {
                self.underway = None;
            } else if lsn <= up_to {
                observed.marker = Some(Seen { lsn, committed_at, constraints: seen.clone() });
            }
        }
        let unknown = observed.unknown(&articles);
        if observed.marker.as_ref().is_some_and(|seen| seen.constraints.is_disjoint(&unknown)) {
            // The articles have gone over to it, or what it was written for is gone.
            (self.underway, observed.marker) = (None, None);
        }
        if observed.marker.is_some() {
            let tables = articles.iter().map(|article| article.capture.source);
            let tables: BTreeSet<i32> = tables
                .filter(|id| {
                    observed.tables.get(id).is_some_and(|t| t.constraints.iter().any(|c| unknown.contains(&c.id)))
                })
                .collect();
            for table in tables {
                let columns = catalog::columns(log.client(), table).await?;
                observed.columns.insert(table, columns.into_iter().map(|column| column.name).collect());
            }
        }
        let outdated = observed.outdated(&articles);
        if outdated {
            observed.first = cdc::first_after(log.client(), after).await.map_err(dropped)?;
        }
        let any = outdated || !unknown.is_empty();
        if !unknown.is_empty() {
            self.mark(log, server, unknown).await?;
        }
        Ok(any.then_some(observed))
    }

    /// Looks without a slice: what has changed makes one, and so do statements that are to be followed `late`.
    pub async fn look(
        &mut self,
        log: &mut Log,
        server: &ServerOptions,
        articles: &[Published],
        late: bool,
    ) -> Result<(), Error> {
        if articles.is_empty() || self.underway.is_some() {
            return Ok(());
        }
        let articles: Vec<&Article> = articles.iter().map(|p| &p.article).collect();
        let tables = constraint::constraints(log.client()).await?;
        let observed = Observed { tables, ..Observed::default() };
        let unknown = observed.unknown(&articles);
        if late || !unknown.is_empty() || observed.outdated(&articles) {
            self.mark(log, server, unknown).await?;
        }
        Ok(())
    }

    /// Writes a marker, unless one is on its way.
    async fn mark(&mut self, log: &mut Log, server: &ServerOptions, seen: BTreeSet<i32>) -> Result<(), Error> {
        if self.underway.is_some() || self.barred {
            return Ok(());
        }
        let token = Uuid::new_v4();
        match marker::insert(log.client(), Marker { kind: MarkerKind::Heartbeat, token }).await {
            Ok(()) => self.underway = Some(Underway { token, seen }),
            Err(error) => {
                let Some(missing) = Missing::of(&error) else { return Err(error.into()) };
                self.barred = true;
                tracing::warn!(
                    "new constraints of published tables are not made at the subscribers: login {} lacks {}. To give it: {}; then start \
                     again",
                    server.login,
                    missing.name(),
                    missing.grant(&server.login)
                );
            }
        }
        Ok(())
    }
}
