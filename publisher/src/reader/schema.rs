//! What the server says about schema changes, and what the distributor says about changes of row filters.

use super::Session;
use crate::core::constraints::Observed;
use crate::core::{FilterSwitch, SchemaHistory, Source, Statement};
use crate::error::Error;
use crate::publication::{request, unexpected, unreplicated};
use proto::Lsn;
use proto::catalog::{Request, Response};
use sqlserver::{catalog, cdc, marker};
use std::collections::BTreeMap;

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
    let (log, articles) = (&mut session.log, &session.articles);
    let mut records = cdc::ddl_history(log.client(), after, up_to).await.map_err(super::log::dropped)?;
    records.retain(|record| articles.iter().any(|p| p.article.capture.source == record.source_object_id));
    if records.is_empty() && observed.is_none() {
        return Ok(SchemaHistory::default());
    }
    let mut columns = BTreeMap::new();
    for article in articles.iter().map(|p| &p.article) {
        if records.iter().any(|record| record.source_object_id == article.capture.source) {
            for table in [article.capture.source, article.capture.change_table] {
                columns.insert(table, catalog::columns(log.client(), table).await?);
            }
        }
    }
    let unreplicated = unreplicated(&session.options.distributor).await?;
    let statement = |record: cdc::DdlRecord| Statement {
        source: record.source_object_id,
        lsn: record.lsn,
        committed_at: record.committed_at,
        text: record.statement,
    };
    let statements = records.into_iter().map(statement).collect();
    Ok(SchemaHistory { statements, columns, unreplicated, observed, ..SchemaHistory::default() })
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
