//! `subscriber subscription add|list|drop`.

mod existing;

use crate::distributor::{Distributor, same_name};
use crate::error::Error;
use proto::catalog::{PublicationKind, Status, Subscription, SyncType};
use proto::transport::ConnectOptions;
use serde::Serialize;
use sqlserver::state::{Stage, SubscriptionRow};
use sqlserver::{Client, ServerOptions, database, state, switch};
use std::time::{SystemTime, UNIX_EPOCH};

/// Subscribes the database to a publication: registers at the distributor and makes the row of its state. Done again after a crash
/// between the two, it does what is missing.
///
/// With another [`SyncType`] than automatic, the tables must be there and fit; the subscription is active at once.
pub async fn add(
    server: &ServerOptions,
    distributor: &ConnectOptions,
    name: &str,
    publication: &str,
    sync: SyncType,
) -> Result<(), Error> {
    check_name(name)?;
    let mut client = Client::connect(server).await?;
    let here = database::facts(&mut client).await?.name;
    let mut distributor = Distributor::connect(distributor).await?;
    let publication = distributor.publication(publication).await?;
    state::create_tables(&mut client).await?;
    if let Some(row) = state::read(&mut client, name).await? {
        let place = client.place();
        return Err(Error::invalid(format!("subscription {} exists at {place} already", row.subscription)));
    }
    if sync != SyncType::Automatic && publication.kind == PublicationKind::Snapshot {
        return Err(Error::invalid(format!(
            "publication {} is of type snapshot: its rows come anew with each snapshot, so the sync type can only be automatic",
            publication.name
        )));
    }
    if sync != SyncType::Automatic {
        // Before anything is registered, though looked at again with the articles that the registration gives.
        existing::check(&mut client, &distributor.articles(&publication.name).await?).await?;
    }
    let registered = distributor.subscriptions().await?.into_iter().find(|other| same_name(&other.name, name));
    let mine = registered.filter(|other| other.database == here && same_name(&other.publication, &publication.name));
    let row = SubscriptionRow {
        subscription: name.to_owned(),
        publication: publication.name.clone(),
        publication_server: publication.database.server,
        publication_database: publication.database.database,
        stage: Stage::Uninitialized,
        position: None,
        snapshot: None,
    };
    if let Some(other) = mine {
        if other.sync == SyncType::Automatic && sync == SyncType::Automatic {
            tracing::info!(subscription = name, "was registered at the distributor already");
            return Ok(state::add(&mut client, &row).await?);
        }
        // Where it was to begin is not known any more, or is another place now.
        distributor.drop(&other.name).await?;
    }
    let created_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
    let subscription =
        Subscription { name: name.to_owned(), publication: publication.name, database: here, sync, created_at };
    let (position, articles) = distributor.add(subscription).await?;
    let Some(position) = position else { return Ok(state::add(&mut client, &row).await?) };
    let begun = existing::begin(&mut client, row, position, &articles).await;
    if begun.is_err()
        && let Err(error) = distributor.drop(name).await
    {
        tracing::warn!(subscription = name, %error, "the distributor still has the subscription; `subscriber subscription drop` removes it");
    }
    begun
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
        return Err(Error::invalid("a subscription's name has 1 to 128 characters, none of them a control character"));
    }
    Ok(())
}

/// Ends a subscription: removes it from the distributor and its state from the database. The tables and their rows stay.
pub async fn drop(server: &ServerOptions, distributor: &ConnectOptions, name: &str) -> Result<(), Error> {
    let mut client = Client::connect(server).await?;
    let row = state::read(&mut client, name).await?;
    let mut distributor = Distributor::connect(distributor).await?;
    let here = database::facts(&mut client).await?.name;
    let registered = distributor.subscriptions().await?.into_iter().find(|other| same_name(&other.name, name));
    let mine = registered.as_ref().is_some_and(|other| other.database == here);
    if row.is_none() && !mine {
        return Err(Error::invalid(format!("there is no subscription {name} of {}", client.place())));
    }
    if row.is_some() && !state::lock(&mut client, name).await? {
        return Err(Error::invalid(format!("subscription {name} is being run; stop `subscriber run` first")));
    }
    if mine {
        distributor.drop(name).await?;
    }
    if let Some(row) = row {
        // Tables under names of ours are of no use to anybody.
        let loading: Vec<_> = state::loads(&mut client, name).await?.into_iter().map(|load| load.table).collect();
        switch::drop_waiting(&mut client, &loading).await?;
        state::drop(&mut client, &row.subscription).await?;
    }
    Ok(())
}

/// A subscription of this database, as both sides know it.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Name.
    pub subscription: String,
    /// Publication.
    pub publication: String,
    /// `server/database` of the publication.
    pub publication_database: String,
    /// How far it has come: uninitialized, initializing, active; what the distributor knows beyond that: failed, expired.
    pub state: String,
    /// Everything up to here is applied.
    pub position: Option<String>,
    /// Transactions that wait in the queue.
    pub pending_transactions: Option<u64>,
    /// Last error.
    pub error: Option<String>,
}

/// The database's subscriptions.
pub async fn list(server: &ServerOptions, distributor: &ConnectOptions) -> Result<Vec<Listed>, Error> {
    let mut client = Client::connect(server).await?;
    let rows = state::list(&mut client).await?;
    let status = Distributor::connect(distributor).await?.status().await?;
    Ok(rows.into_iter().map(|row| listed(row, &status)).collect())
}

fn listed(row: SubscriptionRow, status: &Status) -> Listed {
    use proto::catalog::SubscriptionState::{Expired, Failed};
    let known = status.subscriptions.iter().find(|other| same_name(&other.subscription.name, &row.subscription));
    let state = match known.map(|known| known.state) {
        Some(Failed) => "failed",
        Some(Expired) => "expired",
        _ => row.stage.name(),
    };
    Listed {
        state: state.to_owned(),
        position: row.position.map(|position| position.to_string()),
        publication_database: format!("{}/{}", row.publication_server, row.publication_database),
        pending_transactions: known.map(|known| known.pending_transactions),
        error: known.and_then(|known| known.error.clone()),
        subscription: row.subscription,
        publication: row.publication,
    }
}
