//! The subscription's state in the subscription database. Its position moves in the same transaction as the rows; this is the truth
//! about what has been applied. `replication` is a reserved word of T-SQL, hence the brackets
//! (<https://learn.microsoft.com/sql/t-sql/language-elements/reserved-keywords-transact-sql>).

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::{quote, session};
use proto::{Lsn, Value};
use uuid::Uuid;

mod loads;
mod parts;
mod refreshed;

/// A row of `replication.subscription_state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Name, unique in the database.
    pub subscription: String,
    /// Publication.
    pub publication: String,
    /// Server of the publication database.
    pub publication_server: String,
    /// The publication database.
    pub publication_database: String,
    /// How far it has come.
    pub stage: Stage,
    /// Everything up to here is applied; `None` before it is initialised.
    pub position: Option<Lsn>,
    /// Snapshot it was or is being initialised from.
    pub snapshot: Option<Uuid>,
}

/// How far a subscription has come in its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing of it is there.
    Uninitialized,
    /// Its tables are being loaded; what is in them is not complete.
    Initializing,
    /// Transactions are applied to parts that were loaded as of different positions: only past the last of these are the tables as they
    /// were at the publisher at one moment.
    Synchronizing,
    /// Transactions are applied.
    Active,
}

impl Stage {
    /// As the table holds it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uninitialized => "uninitialized",
            Self::Initializing => "initializing",
            Self::Synchronizing => "synchronizing",
            Self::Active => "active",
        }
    }
}

/// Makes the schema and the tables of the state where they are missing.
/// <https://learn.microsoft.com/sql/t-sql/statements/create-schema-transact-sql>
pub async fn create_tables(client: &mut Client) -> Result<(), Error> {
    const WHAT: &str = "making the tables for the subscriptions' state";
    const SCHEMA: &str = "IF SCHEMA_ID(N'replication') IS NULL EXEC(N'CREATE SCHEMA [replication]')";
    const STATE: &str = "IF OBJECT_ID(N'[replication].subscription_state') IS NULL \
        CREATE TABLE [replication].subscription_state ( \
        subscription nvarchar(128) NOT NULL CONSTRAINT PK_subscription_state PRIMARY KEY, \
        publication nvarchar(128) NOT NULL, publication_server nvarchar(128) NOT NULL, \
        publication_database nvarchar(128) NOT NULL, state varchar(20) NOT NULL, position binary(10) NULL, \
        snapshot_id uniqueidentifier NULL, updated_at datetime2(7) NOT NULL)";
    // Up to where the snapshot contains each part of an article: the stream applies to it what comes after.
    const PARTS: &str = "IF OBJECT_ID(N'[replication].subscription_part') IS NULL \
        CREATE TABLE [replication].subscription_part ( \
        subscription nvarchar(128) NOT NULL, article int NOT NULL, part int NOT NULL, boundary binary(10) NOT NULL, \
        lower_bound varbinary(200) NULL, upper_bound varbinary(200) NULL, snapshot_id uniqueidentifier NULL, \
        state varchar(10) NOT NULL, CONSTRAINT PK_subscription_part PRIMARY KEY (subscription, article, part))";
    // The tables that are being loaded, and from where.
    const LOADS: &str = "IF OBJECT_ID(N'[replication].subscription_load') IS NULL \
        CREATE TABLE [replication].subscription_load ( \
        subscription nvarchar(128) NOT NULL, article int NOT NULL, snapshot_id uniqueidentifier NOT NULL, \
        table_schema nvarchar(128) NOT NULL, table_name nvarchar(128) NOT NULL, location nvarchar(4000) NOT NULL, \
        CONSTRAINT PK_subscription_load PRIMARY KEY (subscription, article))";
    // The tables that snapshots of a publication of type snapshot have put in their places, and the next one may replace.
    const TABLES: &str = "IF OBJECT_ID(N'[replication].subscription_table') IS NULL \
        CREATE TABLE [replication].subscription_table ( \
        subscription nvarchar(128) NOT NULL, table_schema nvarchar(128) NOT NULL, table_name nvarchar(128) NOT NULL, \
        CONSTRAINT PK_subscription_table PRIMARY KEY (subscription, table_schema, table_name))";
    for sql in [SCHEMA, STATE, PARTS, LOADS, TABLES] {
        client.batch(WHAT, sql).await?;
    }
    Ok(())
}

/// All subscriptions of the database; none where the table is missing.
pub async fn list(client: &mut Client) -> Result<Vec<SubscriptionRow>, Error> {
    const WHAT: &str = "reading the subscriptions' state";
    const EXISTS: &str = "SELECT CASE WHEN OBJECT_ID(N'[replication].subscription_state') IS NULL THEN 0 ELSE 1 END";
    const SQL: &str = "SELECT subscription, publication, publication_server, publication_database, state, position, \
        snapshot_id FROM [replication].subscription_state ORDER BY subscription";
    let exists = client.query(WHAT, EXISTS, &[]).await?.into_iter().next();
    let exists = match exists {
        Some(row) => Fields::new(row, client, WHAT).flag()?,
        None => false,
    };
    if !exists {
        return Ok(Vec::new());
    }
    let mut subscriptions = Vec::new();
    for mut row in client.query(WHAT, SQL, &[]).await? {
        let snapshot = match row.pop() {
            Some(Value::Guid(bytes)) => Some(Uuid::from_bytes(bytes)),
            _ => None,
        };
        let mut fields = Fields::new(row, client, WHAT);
        subscriptions.push(SubscriptionRow {
            subscription: fields.text()?,
            publication: fields.text()?,
            publication_server: fields.text()?,
            publication_database: fields.text()?,
            stage: match fields.text()?.as_str() {
                "uninitialized" => Stage::Uninitialized,
                "initializing" => Stage::Initializing,
                "synchronizing" => Stage::Synchronizing,
                "active" => Stage::Active,
                other => {
                    let message = format!("replication.subscription_state holds the unknown state {other}");
                    return Err(client.error(ErrorKind::Invalid, WHAT, message));
                }
            },
            position: fields.optional_lsn()?,
            snapshot,
        });
    }
    Ok(subscriptions)
}

/// A subscription's state; `None` where there is no such row.
pub async fn read(client: &mut Client, subscription: &str) -> Result<Option<SubscriptionRow>, Error> {
    let lower = subscription.to_lowercase();
    Ok(list(client).await?.into_iter().find(|row| row.subscription.to_lowercase() == lower))
}

/// Adds a subscription, at the stage and the position that the row says.
pub async fn add(client: &mut Client, row: &SubscriptionRow) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO [replication].subscription_state \
        (subscription, publication, publication_server, publication_database, state, position, snapshot_id, updated_at) \
        VALUES (@P1, @P2, @P3, @P4, @P5, CAST(@P6 AS binary(10)), NULL, SYSUTCDATETIME())";
    let position = row.position.map_or(Value::Null, |position| Value::Bytes(position.to_bytes().to_vec()));
    let parameters = [
        (&*row.subscription).into(),
        (&*row.publication).into(),
        (&*row.publication_server).into(),
        (&*row.publication_database).into(),
        row.stage.name().into(),
        (&position).into(),
    ];
    client.execute("adding a subscription's state", SQL, &parameters).await.map(|_| ())
}

/// Removes a subscription's state; its tables and rows stay.
pub async fn drop(client: &mut Client, subscription: &str) -> Result<(), Error> {
    const SQL: &str = "DELETE FROM [replication].subscription_part WHERE subscription = @P1; \
        DELETE FROM [replication].subscription_load WHERE subscription = @P1; \
        DELETE FROM [replication].subscription_table WHERE subscription = @P1; \
        DELETE FROM [replication].subscription_state WHERE subscription = @P1;";
    client.execute("removing a subscription's state", SQL, &[subscription.into()]).await.map(|_| ())
}

pub use loads::{Load, begin_initializing, begin_loads, forget_loaded, loads};
pub use parts::{Part, PartState, complete, join, part_loaded, part_state, parts, prepare_parts, supersede_parts};
pub use refreshed::{refreshed, tables};

/// The statement that moves the position, with its parameters by name.
pub(crate) fn move_statement(subscription: &str, position: &str) -> String {
    format!(
        "UPDATE [replication].subscription_state SET position = CAST({position} AS binary(10)), \
         updated_at = SYSUTCDATETIME() WHERE subscription = {subscription} AND state IN ('active', 'synchronizing');"
    )
}

/// Moves the position; in the transaction that is open, if one is.
pub async fn move_position(client: &mut Client, subscription: &str, position: Lsn) -> Result<(), Error> {
    const WHAT: &str = "moving the subscription's position";
    let sql = format!("{} SELECT @@ROWCOUNT;", move_statement("@P1", "@P2"));
    let rows = client.query(WHAT, &sql, &[subscription.into(), position.into()]).await?;
    one_row(client, WHAT, subscription, &rows)
}

fn one_row(client: &Client, what: &str, subscription: &str, rows: &[proto::Row]) -> Result<(), Error> {
    if crate::apply::count(client, what, rows)? == 1 {
        return Ok(());
    }
    let message = format!(
        "the row of subscription {} in replication.subscription_state is missing or not active; \
         it was changed by somebody else: drop the subscription and add it again",
        quote::identifier(subscription)
    );
    Err(client.error(ErrorKind::Invalid, what, message))
}

/// Begins a transaction.
/// <https://learn.microsoft.com/sql/t-sql/language-elements/begin-transaction-transact-sql>
pub async fn begin(client: &mut Client) -> Result<(), Error> {
    client.batch("beginning a transaction", "BEGIN TRANSACTION;").await
}

/// Commits the open transaction.
pub async fn commit(client: &mut Client) -> Result<(), Error> {
    client.batch("committing", "COMMIT TRANSACTION;").await
}

/// Rolls the open transaction back, if one is open.
pub async fn rollback(client: &mut Client) -> Result<(), Error> {
    client.batch("rolling back", "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;").await
}

/// Marks a place in the open transaction to come back to. As text: the client library's own call for it is not usable.
/// <https://learn.microsoft.com/sql/t-sql/language-elements/save-transaction-transact-sql>
pub async fn save(client: &mut Client) -> Result<(), Error> {
    client.batch("setting a savepoint", "SAVE TRANSACTION step;").await
}

/// Comes back to that place. False if that cannot be done, since the error before ended the whole transaction, or doomed it; then
/// nothing of the transaction is left.
/// <https://learn.microsoft.com/sql/t-sql/functions/xact-state-transact-sql>
pub async fn roll_back_to_save(client: &mut Client) -> Result<bool, Error> {
    const WHAT: &str = "rolling back to the savepoint";
    const SQL: &str = "IF XACT_STATE() = 1 ROLLBACK TRANSACTION step; ELSE IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; \
        SELECT @@TRANCOUNT;";
    let rows = client.query(WHAT, SQL, &[]).await?;
    let row = rows.into_iter().next_back().unwrap_or_default();
    Ok(Fields::new(row, client, WHAT).integer()? > 0)
}

/// Takes the lock that keeps a second process from running the same subscription; it is held until the connection ends. False if
/// another process holds it.
pub async fn lock(client: &mut Client, subscription: &str) -> Result<bool, Error> {
    let resource = format!("replication.subscription.{}", subscription.to_lowercase());
    session::lock(client, "locking the subscription", &resource).await
}
