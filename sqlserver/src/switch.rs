//! Tables that take the place of others at once: readers see all rows as they were or all as they are, never a table that is empty, half
//! full or missing.
//!
//! The new tables are made and loaded under their own names in schemas of ours. In one transaction the old ones are dropped and the new
//! ones transferred to their schemas; nothing but the catalog changes in it, so it takes milliseconds, whatever the tables hold. A
//! transfer keeps the names of constraints and indexes, which are unique in a schema only, and foreign keys between tables that are
//! transferred. What was granted on an old table is granted on the new one in the same transaction, since permissions go with the object
//! (<https://learn.microsoft.com/sql/t-sql/statements/alter-schema-transact-sql>).
//!
//! Whoever reads an old table while it is to be dropped finishes first (the transaction waits for its lock, not for long, and is tried
//! again); who comes meanwhile waits until the switch is done.

use crate::client::Client;
use crate::decode::Fields;
use crate::error::{Error, ErrorKind};
use crate::{alter, catalog, quote, schema, script, state};
use proto::TableName;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Begins the names of the schemas in which new tables wait.
const SCHEMA: &str = "replication.new.";

/// Under which name a table is made that will take another one's place.
pub fn waiting(table: &TableName) -> TableName {
    TableName { schema: format!("{SCHEMA}{}", table.schema), table: table.table.clone() }
}

/// The table's own name, by which people know it, also while it [waits](waiting).
pub fn own(table: &TableName) -> TableName {
    let schema = table.schema.strip_prefix(SCHEMA).unwrap_or(&table.schema);
    TableName { schema: schema.to_owned(), table: table.table.clone() }
}

/// Drops tables that wait and will take nobody's place any more.
/// <https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql>
pub async fn drop_waiting(client: &mut Client, tables: &[TableName]) -> Result<(), Error> {
    let waits = |table: &TableName| table.schema.starts_with(SCHEMA) && tables.contains(table);
    // They may refer to each other in a circle.
    for key in catalog::all_foreign_keys(client).await?.iter().filter(|key| waits(&key.from)) {
        alter::drop_constraint(client, &key.from, &key.name).await?;
    }
    for table in tables.iter().filter(|table| waits(table)) {
        if catalog::table(client, table).await?.is_some() {
            schema::drop_table(client, table).await?;
        }
    }
    Ok(())
}

/// A permission on a table, or on a column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Granted {
    /// `sys.database_permissions.state`: `D`eny, `R`evoke, `G`rant, `W`ith grant option.
    state: String,
    permission: String,
    column: Option<String>,
    grantee: String,
}

impl Granted {
    /// The statement that says the same of the table that has this name now.
    /// <https://learn.microsoft.com/sql/t-sql/statements/grant-object-permissions-transact-sql>
    fn statement(&self, table: &TableName) -> Option<String> {
        let is_word = |c: char| c.is_ascii_uppercase() || c == ' ';
        if self.permission.is_empty() || !self.permission.chars().all(is_word) {
            return None;
        }
        let (verb, to, tail) = match self.state.as_str() {
            "G" => ("GRANT", "TO", ""),
            "W" => ("GRANT", "TO", " WITH GRANT OPTION"),
            "D" => ("DENY", "TO", ""),
            "R" => ("REVOKE", "FROM", ""),
            _ => return None,
        };
        let column = self.column.as_ref().map(|c| format!(" ({})", quote::identifier(c))).unwrap_or_default();
        let (table, grantee) = (quote::table(table), quote::identifier(&self.grantee));
        Some(format!("{verb} {} ON OBJECT::{table}{column} {to} {grantee}{tail};\n", self.permission))
    }
}

/// What was granted and denied on a table, the whole table first. Not to ourselves: nobody can grant anything to himself.
/// <https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-database-permissions-transact-sql>
async fn granted(client: &mut Client, table: &TableName) -> Result<Vec<Granted>, Error> {
    const SQL: &str = "SELECT p.state, p.permission_name, p.minor_id, c.name, u.name FROM sys.database_permissions AS p \
        JOIN sys.database_principals AS u ON u.principal_id = p.grantee_principal_id \
        LEFT JOIN sys.columns AS c ON c.object_id = p.major_id AND c.column_id = p.minor_id \
        WHERE p.class = 1 AND p.major_id = OBJECT_ID(@P1) AND p.grantee_principal_id <> DATABASE_PRINCIPAL_ID() \
        ORDER BY p.minor_id, u.name, p.permission_name";
    let what = format!("asking what is granted on {table}");
    let name = quote::table(table);
    let mut granted = Vec::new();
    for row in client.query(&what, SQL, &[(&*name).into()]).await? {
        let mut fields = Fields::new(row, client, &what);
        let (state, permission) = (fields.text()?, fields.text()?);
        let of_column = fields.integer()? > 0;
        let column = fields.optional_text()?.filter(|_| of_column);
        granted.push(Granted { state, permission, column, grantee: fields.text()? });
    }
    Ok(granted)
}

/// Says again of the new tables what was granted on the old ones, in the transaction that is open.
/// <https://learn.microsoft.com/sql/t-sql/statements/grant-object-permissions-transact-sql#permissions>
async fn grant(client: &mut Client, grants: &str) -> Result<(), Error> {
    const WHAT: &str = "granting on the new tables what was granted on the old ones";
    let Err(error) = client.batch(WHAT, grants).await else { return Ok(()) };
    // The object is not to be found for whoever may not grant on it, or is and may not be passed on.
    if !matches!(error.number(), Some(15151 | 4613 | 4624)) {
        return Err(error);
    }
    let message = format!(
        "{}. To grant on the new tables what was granted on the old ones takes the database role db_securityadmin: ALTER ROLE \
         db_securityadmin ADD MEMBER, followed by the login's user",
        error.message()
    );
    Err(client.error(ErrorKind::Invalid, WHAT, message))
}

/// Lets the waiting tables take the places of `tables`, which may be missing, and records for the subscription that it has this snapshot.
/// Gives how long the tables were locked. Errors with the kind [`ErrorKind::LockTimeout`] where one is in use for longer than `patience`:
/// nothing has changed then.
/// <https://learn.microsoft.com/sql/t-sql/statements/alter-schema-transact-sql>,
/// <https://learn.microsoft.com/sql/t-sql/statements/drop-table-transact-sql>
pub async fn switch(
    client: &mut Client,
    tables: &[TableName],
    subscription: &str,
    snapshot: uuid::Uuid,
    patience: Duration,
) -> Result<Duration, Error> {
    let what = "putting the new tables in the places of the old ones";
    let mut grants = String::new();
    let mut drops = String::new();
    let old = |name: &TableName| tables.contains(name);
    for key in catalog::all_foreign_keys(client).await?.iter().filter(|key| old(&key.from) && old(&key.to)) {
        let (table, name) = (quote::table(&key.from), quote::identifier(&key.name));
        drops.push_str(&format!("ALTER TABLE {table} DROP CONSTRAINT {name};\n"));
    }
    for table in tables {
        for permission in granted(client, table).await? {
            let statement = permission.statement(table).ok_or_else(|| {
                let (permission, grantee) = (&permission.permission, &permission.grantee);
                let message = format!("what is granted on {table} to {grantee} ({permission}) is not known here");
                client.error(ErrorKind::Invalid, what, message)
            })?;
            grants.push_str(&statement);
        }
        if catalog::table(client, table).await?.is_some() {
            drops.push_str(&format!("DROP TABLE {};\n", quote::table(table)));
        }
    }
    let schemas: BTreeSet<&str> = tables.iter().map(|table| &*table.schema).collect();
    let makes: String = schemas.into_iter().filter_map(script::make_schema).map(|make| make + ";\n").collect();
    let transfer = |table: &TableName| {
        format!("ALTER SCHEMA {} TRANSFER {};\n", quote::identifier(&table.schema), quote::table(&waiting(table)))
    };
    let transfers: String = tables.iter().map(transfer).collect();
    let begin = format!("SET XACT_ABORT ON; SET LOCK_TIMEOUT {}; BEGIN TRANSACTION;", patience.as_millis());
    client.batch(what, &begin).await?;
    let began = Instant::now();
    let done = async {
        for sql in [drops, makes, transfers].iter().filter(|sql| !sql.is_empty()) {
            client.batch(what, sql).await?;
        }
        if !grants.is_empty() {
            grant(client, &grants).await?;
        }
        state::refreshed(client, subscription, snapshot, tables).await?;
        state::commit(client).await
    };
    let done = done.await;
    if done.is_err() && client.is_usable() {
        state::rollback(client).await?;
    }
    let locked = began.elapsed();
    if client.is_usable() {
        client.batch(what, "SET LOCK_TIMEOUT -1").await?;
    }
    done.map(|()| locked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_is_said_again() {
        let table = TableName { schema: "sales".into(), table: "orders".into() };
        let granted = |state: &str, column: Option<&str>| Granted {
            state: state.into(),
            permission: "SELECT".into(),
            column: column.map(str::to_owned),
            grantee: "shop]s".into(),
        };
        let said = |g: Granted| g.statement(&table);
        let expect = |text: &str| Some(format!("{text};\n"));
        assert_eq!(said(granted("G", None)), expect("GRANT SELECT ON OBJECT::[sales].[orders] TO [shop]]s]"));
        let with_option = "GRANT SELECT ON OBJECT::[sales].[orders] ([id]) TO [shop]]s] WITH GRANT OPTION";
        assert_eq!(said(granted("W", Some("id"))), expect(with_option));
        assert_eq!(said(granted("D", None)), expect("DENY SELECT ON OBJECT::[sales].[orders] TO [shop]]s]"));
        let revoked = "REVOKE SELECT ON OBJECT::[sales].[orders] ([id]) FROM [shop]]s]";
        assert_eq!(said(granted("R", Some("id"))), expect(revoked));
        assert_eq!(said(granted("X", None)), None);
        assert_eq!(said(Granted { permission: "SELECT; DROP".into(), ..granted("G", None) }), None);
    }
}
