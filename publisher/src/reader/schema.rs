//! What the server says about schema changes, and what the distributor says about changes of row filters.

use super::Session;
use super::log::Log;
use crate::core::constraints::Observed;
use crate::core::{Earlier, FilterSwitch, LogReader, SchemaHistory, Source, Statement};
use crate::error::Error;
use crate::publication::{request, unexpected, unreplicated};
use proto::Lsn;
use proto::catalog::{Request, Response};
use sqlserver::{catalog, cdc, marker};
use std::collections::{BTreeMap, BTreeSet};

/// The changes of published tables' definitions in `(after, up_to]`, of which these sources are `active`.
pub(super) async fn history(
    session: &mut Session<'_>,
    active: &[Source],
    after: Lsn,
    up_to: Lsn,
    observed: Option<Observed>,
) -> Result<SchemaHistory, Error> {
    let mut history = statements(session, after, up_to, observed).await?;
    if active.contains(&Source::Markers) {
        history.filters = filters(session, after, up_to).await?;
    }
    Ok(history)
}

/// The statements on published tables, and, if there are any or anything was `observed`, what it takes to know what became of the tables.
async fn statements(
    session: &mut Session<'_>,
    after: Lsn,
    up_to: Lsn,
    observed: Option<Observed>,
) -> Result<SchemaHistory, Error> {
    let earlier = earlier(session, after).await?;
    let (log, articles) = (&mut session.log, &session.articles);
    let mut records = cdc::ddl_history(log.client(), after, up_to).await.map_err(super::log::dropped)?;
    records.retain(|record| articles.iter().any(|p| p.article.capture.source == record.source_object_id));
    if records.is_empty() && observed.is_none() && earlier.is_none() {
        return Ok(SchemaHistory::default());
    }
    let statements: Vec<Statement> = records.into_iter().map(statement).collect();
    let before = earlier.iter().flat_map(|earlier| &earlier.statements);
    let altered: BTreeSet<i32> = statements.iter().chain(before).map(|statement| statement.source).collect();
    let mut columns = BTreeMap::new();
    for article in articles.iter().map(|p| &p.article) {
        if altered.contains(&article.capture.source) {
            for table in [article.capture.source, article.capture.change_table] {
                columns.insert(table, catalog::columns(log.client(), table).await?);
            }
        }
    }
    let unreplicated = unreplicated(&session.options.distributor).await?;
    Ok(SchemaHistory { statements, columns, unreplicated, observed, earlier, ..SchemaHistory::default() })
}

fn statement(record: cdc::DdlRecord) -> Statement {
    Statement {
        source: record.source_object_id,
        lsn: record.lsn,
        committed_at: record.committed_at,
        text: record.statement,
    }
}

/// Statements on tables of unread articles up to `after`, if there are any.
async fn earlier(session: &mut Session<'_>, after: Lsn) -> Result<Option<Box<Earlier>>, Error> {
    let statements = unfollowed(&session.core, &mut session.log, after).await?;
    if statements.is_empty() {
        return Ok(None);
    }
    let first = cdc::first_after(session.log.client(), after).await.map_err(super::log::dropped)?;
    Ok(first.map(|first| Box::new(Earlier { statements, first })))
}

/// The same before there is a slice.
pub(super) async fn unfollowed(core: &LogReader, log: &mut Log, after: Lsn) -> Result<Vec<Statement>, Error> {
    let unread: Vec<(i32, Lsn)> = core.unread().map(|a| (a.capture.source, a.capture.start_lsn)).collect();
    let Some(begin) = unread.iter().map(|(_, begin)| *begin).min() else { return Ok(Vec::new()) };
    let mut records = cdc::ddl_history(log.client(), begin, after).await.map_err(super::log::dropped)?;
    records.retain(|record| unread.iter().any(|(source, _)| *source == record.source_object_id));
    let own_place = |record: cdc::DdlRecord| Statement { lsn: record.ddl_lsn, ..statement(record) };
    Ok(records.into_iter().map(own_place).collect())
}

/// The changes of filters whose markers are there. A change is at the distributor before its marker is written, so whatever the
/// distributor does not have (any more) was replaced or taken back.
async fn filters(session: &mut Session<'_>, after: Lsn, up_to: Lsn) -> Result<Vec<FilterSwitch>, Error> {
    let markers = marker::filters(session.log.client(), after, up_to).await.map_err(super::log::dropped)?;
    if markers.is_empty() {
        return Ok(Vec::new());
    }
    let asked = Request::FilterChangeList { database: session.database.clone() };
    let changes = match request(&session.options.distributor, asked).await? {
        Response::FilterChanges(changes) => changes,
        other => return Err(unexpected(&other)),
    };
    let switch = |(lsn, committed_at, token)| {
        let change = changes.iter().find(|change| change.token == token)?.clone();
        Some(FilterSwitch { lsn, committed_at, change })
    };
    Ok(markers.into_iter().filter_map(switch).collect())
}
