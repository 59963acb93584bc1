//! What a subscription to a publication of type snapshot has: the snapshot, and the tables that are in their places.

use super::one_row;
use crate::client::Client;
use crate::decode::Fields;
use crate::error::Error;
use proto::TableName;
use uuid::Uuid;

/// The tables that the subscription has put in their places: nobody else's rows are in them.
pub async fn tables(client: &mut Client, subscription: &str) -> Result<Vec<TableName>, Error> {
    const WHAT: &str = "reading which tables are the subscription's own";
    const SQL: &str = "SELECT table_schema, table_name FROM [replication].subscription_table WHERE subscription = @P1";
    let mut tables = Vec::new();
    for row in client.query(WHAT, SQL, &[subscription.into()]).await? {
        let mut fields = Fields::new(row, client, WHAT);
        tables.push(TableName { schema: fields.text()?, table: fields.text()? });
    }
    Ok(tables)
}

/// Says that the tables are those of this snapshot, of a publication whose tables are made anew by each; in the transaction that is open.
pub async fn refreshed(
    client: &mut Client,
    subscription: &str,
    snapshot: Uuid,
    tables: &[TableName],
) -> Result<(), Error> {
    const WHAT: &str = "recording that the tables were refreshed";
    const SQL: &str = "UPDATE [replication].subscription_state SET state = 'active', snapshot_id = @P2, position = NULL, \
        updated_at = SYSUTCDATETIME() WHERE subscription = @P1; SELECT @@ROWCOUNT;";
    const LOADED: &str = "DELETE FROM [replication].subscription_part WHERE subscription = @P1; \
        DELETE FROM [replication].subscription_load WHERE subscription = @P1; \
        DELETE FROM [replication].subscription_table WHERE subscription = @P1;";
    const TABLE: &str =
        "INSERT INTO [replication].subscription_table (subscription, table_schema, table_name) VALUES (@P1, @P2, @P3)";
    client.execute(WHAT, LOADED, &[subscription.into()]).await?;
    for table in tables {
        client.execute(WHAT, TABLE, &[subscription.into(), (&*table.schema).into(), (&*table.table).into()]).await?;
    }
    let rows = client.query(WHAT, SQL, &[subscription.into(), snapshot.into()]).await?;
    one_row(client, WHAT, subscription, &rows)
}
