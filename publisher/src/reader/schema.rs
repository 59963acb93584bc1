//! What the server says about schema changes.

use super::ReaderOptions;
use super::log::{Log, Published};
use crate::core::constraints::Observed;
use crate::core::{SchemaHistory, Statement};
use crate::error::Error;
use proto::Lsn;
use sqlserver::{catalog, cdc};
use std::collections::BTreeMap;

/// The statements on published tables in `(after, up_to]`, and, if there are any or anything was `observed`, what it takes to know what became of the tables.
pub(super) async fn history(
    log: &mut Log,
    options: &ReaderOptions,
    articles: &[Published],
    after: Lsn,
    up_to: Lsn,
    observed: Option<Observed>,
) -> Result<SchemaHistory, Error> {
    let mut records = cdc::ddl_history(log.client(), after, up_to).await.map_err(super::log::dropped)?;
    records.retain(|record| articles.iter().any(|p| p.article.capture.source == record.source_object_id));
    if records.is_empty() && observed.is_none() {
        return Ok(SchemaHistory::default());
    }
    let mut columns = BTreeMap::new();
    for Published { article, .. } in articles {
        if records.iter().any(|record| record.source_object_id == article.capture.source) {
            for table in [article.capture.source, article.capture.change_table] {
                columns.insert(table, catalog::columns(log.client(), table).await?);
            }
        }
    }
    let publications = crate::publication::list(&options.distributor).await?;
    let unreplicated = publications.into_iter().filter(|p| !p.replicate_ddl).map(|p| p.name).collect();
    let statement = |record: cdc::DdlRecord| Statement {
        source: record.source_object_id,
        lsn: record.lsn,
        committed_at: record.committed_at,
        text: record.statement,
    };
    Ok(SchemaHistory { statements: records.into_iter().map(statement).collect(), columns, unreplicated, observed })
}
