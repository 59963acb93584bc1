//! Which tables are being filled from which snapshot, and where that lies: what is found again after an interruption.
//!
//! A row of `replication.subscription_load` says that the table is the subscription's own while it is being loaded: whatever is in it
//! then was put there by us. It stays until the scripts that follow the rows have run, which are found by it.

use super::parts::insert_parts;
use super::{Part, begin, commit, one_row};
use crate::client::Client;
use crate::decode::Fields;
use crate::error::Error;
use proto::{ArticleId, TableName};
use uuid::Uuid;

/// An article that is being loaded, or whose scripts have not run yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The definition that the snapshot has.
    pub article: ArticleId,
    /// The table at the subscriber.
    pub table: TableName,
    /// The snapshot.
    pub snapshot: Uuid,
    /// Its folder as a URL, as the distributor told it.
    pub location: String,
}

/// The loads of a subscription that have not come to their end, in the order of their articles.
pub async fn loads(client: &mut Client, subscription: &str) -> Result<Vec<Load>, Error> {
    const WHAT: &str = "reading what is being loaded";
    const SQL: &str = "SELECT snapshot_id, article, table_schema, table_name, location FROM [replication].subscription_load \
        WHERE subscription = @P1 ORDER BY article";
    let mut loads = Vec::new();
    for row in client.query(WHAT, SQL, &[subscription.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        loads.push(Load {
            snapshot: fields.uuid()?,
            article: ArticleId(u32::try_from(fields.integer()?).unwrap_or(u32::MAX)),
            table: TableName { schema: fields.text()?, table: fields.text()? },
            location: fields.text()?,
        });
    }
    Ok(loads)
}

/// Says that the subscription as a whole is being initialised, from this snapshot among others.
pub async fn begin_initializing(client: &mut Client, subscription: &str, snapshot: Uuid) -> Result<(), Error> {
    const WHAT: &str = "recording the beginning of the initialisation";
    const SQL: &str = "UPDATE [replication].subscription_state SET state = 'initializing', snapshot_id = @P2, position = NULL, \
        updated_at = SYSUTCDATETIME() WHERE subscription = @P1; SELECT @@ROWCOUNT;";
    let rows = client.query(WHAT, SQL, &[subscription.into(), snapshot.into()]).await?;
    one_row(client, WHAT, subscription, &rows)
}

/// Says that nothing of these articles is loaded any more: their tables, which stay the subscription's own, are about to be emptied.
/// In one transaction.
pub async fn forget_loaded(client: &mut Client, subscription: &str, articles: &[ArticleId]) -> Result<(), Error> {
    const WHAT: &str = "recording that a load begins anew";
    const SQL: &str = "DELETE FROM [replication].subscription_part WHERE subscription = @P1 AND article = @P2 \
        AND state IN ('waiting', 'loaded')";
    begin(client).await?;
    for article in articles {
        let id = super::parts::number(client, WHAT, article.0)?;
        client.execute(WHAT, SQL, &[subscription.into(), id.into()]).await?;
    }
    commit(client).await
}

/// Records loads that begin, with the parts that they wait for, in the place of the `forgotten` ones. Their tables are there, and from
/// here on whatever is in them is the subscription's own. In one transaction.
pub async fn begin_loads(
    client: &mut Client,
    subscription: &str,
    forgotten: &[ArticleId],
    loads: &[(Load, Vec<Part>)],
) -> Result<(), Error> {
    const WHAT: &str = "recording what is being loaded";
    const CLEAR: &str = "DELETE FROM [replication].subscription_load WHERE subscription = @P1 AND article = @P2";
    const LOAD: &str = "INSERT INTO [replication].subscription_load \
        (subscription, article, snapshot_id, table_schema, table_name, location) VALUES (@P1, @P2, @P3, @P4, @P5, @P6)";
    begin(client).await?;
    for article in forgotten.iter().chain(loads.iter().map(|(load, _)| &load.article)) {
        let id = super::parts::number(client, WHAT, article.0)?;
        client.execute(WHAT, CLEAR, &[subscription.into(), id.into()]).await?;
    }
    for (load, parts) in loads {
        let id = super::parts::number(client, WHAT, load.article.0)?;
        let parameters = [
            subscription.into(),
            id.into(),
            load.snapshot.into(),
            (&*load.table.schema).into(),
            (&*load.table.table).into(),
            (&*load.location).into(),
        ];
        client.execute(WHAT, LOAD, &parameters).await?;
        insert_parts(client, subscription, load.article, parts).await?;
    }
    commit(client).await
}
