//! Loading a snapshot of a publication of type snapshot: all tables anew.
//!
//! The rows go into new tables, in schemas of ours ([`switch::waiting`]), while the old ones stay in use. Once everything is there,
//! indexes and keys too, the new tables take the old ones' places in one transaction, which also records the snapshot. An interrupted
//! refresh goes on like any load; what it made is seen by nobody until the switch.

use super::{load, pre_creation, scripts, sources};
use crate::error::{Error, ErrorKind};
use crate::session::Settings;
use cli::progress::Tables;
use proto::snapshot::SnapshotToLoad;
use proto::{Article, PreCreation, TableName};
use sqlserver::permission::{self, Securable};
use sqlserver::state::{PartState, SubscriptionRow};
use sqlserver::{Client, state, switch};
use std::time::Duration;

/// For those who read a table to finish before it is replaced. Who comes later waits behind the switch meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
/// Attempts to get all tables.
const ATTEMPTS: u32 = 150;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_secs(2);

/// Fills new tables from a snapshot and lets them take the places of those that are there.
pub async fn refresh(
    client: &mut Client,
    settings: &Settings,
    subscription: &SubscriptionRow,
    snapshot: &SnapshotToLoad,
    loading: &Tables,
) -> Result<(), Error> {
    refuse_unseen_grants(client, &settings.server.login).await?;
    let reader = sources::open_one(&settings.snapshots, &snapshot.snapshot.location, snapshot.snapshot.id).await?;
    let articles: Vec<&Article> = reader.manifest().articles.iter().map(|article| &article.article).collect();
    let name = &subscription.subscription;
    let own = state::tables(client, name).await?;
    let strangers: Vec<&Article> =
        articles.iter().filter(|article| !own.contains(&article.destination)).copied().collect();
    pre_creation::refuse_foreign_rows(client, &strangers).await?;
    load(client, settings, subscription, std::slice::from_ref(snapshot), loading).await?;
    scripts(client, settings, subscription, PartState::Loaded).await?;
    let tables: Vec<TableName> = articles.iter().map(|article| article.destination.clone()).collect();
    // Rows may have come while the new tables were loaded.
    pre_creation::refuse_foreign_rows(client, &strangers).await?;
    let mut attempt = 1;
    let locked = loop {
        match switch::switch(client, &tables, name, snapshot.snapshot.id, PATIENCE).await {
            Ok(locked) => break locked,
            Err(error) if error.is_transient() && client.is_usable() && attempt < ATTEMPTS => {
                tracing::warn!(subscription = name, attempt, %error, "the tables are in use; trying again");
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(refused(error)),
        }
    };
    tracing::info!(
        subscription = name,
        snapshot = %snapshot.snapshot.id,
        rows = snapshot.snapshot.rows,
        tables = tables.len(),
        locked_ms = locked.as_millis(),
        "refreshed"
    );
    Ok(())
}

/// Refuses a login that may not see what is granted to others on a table: with the table it would be lost, and nobody would know
/// (<https://learn.microsoft.com/sql/relational-databases/system-catalog-views/sys-database-permissions-transact-sql#permissions>).
async fn refuse_unseen_grants(client: &mut Client, login: &str) -> Result<(), Error> {
    let Some(missing) = permission::check(client, "VIEW DEFINITION", &Securable::Database).await? else {
        return Ok(());
    };
    Err(Error::invalid(format!(
        "`subscriber run` takes a permission that login {login} lacks, to see what is granted on tables that new ones take the places of: \
         {}. To give it: {}; all that the command takes stands in README.md under \"Permissions\"",
        missing.name(),
        missing.grant(login)
    )))
}

/// As what an article of such a snapshot is loaded.
pub(super) fn waiting(mut article: Article) -> Article {
    article.destination = switch::waiting(&article.destination);
    // What an earlier attempt left, perhaps with other columns, goes.
    article.options.pre_creation = PreCreation::Drop;
    article
}

/// Says what to do about a table that cannot be dropped.
fn refused(error: sqlserver::Error) -> Error {
    // 3726: a foreign key refers to it; 3729: a view or function is bound to it
    // (https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors-3000-to-3999).
    let hint = match error.number() {
        Some(3726) => "a foreign key of a table that the publication does not have refers to it: drop that foreign key",
        Some(3729) => "a view or function is bound to its schema: make that one without SCHEMABINDING",
        _ => return error.into(),
    };
    let message = format!(
        "a table cannot be replaced by that of the new snapshot: {}. {hint}; the old rows stay until then",
        error.message()
    );
    Error::because(ErrorKind::Invalid, message, error)
}
