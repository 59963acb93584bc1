//! What the snapshots' scripts make once the rows are there.

use super::sources::open_one;
use crate::error::Error;
use crate::session::Settings;
use proto::ArticleId;
use sqlserver::state::{PartState, SubscriptionRow};
use sqlserver::{Client, schema, state, switch};
use uuid::Uuid;
use workdir::SnapshotReader;

/// Makes indexes, constraints and procedures (post-scripts), then foreign keys and triggers (last-scripts), of the articles with
/// parts that are in the state `of`: [`PartState::Streamed`], or [`PartState::Loaded`] where nothing is streamed. The snapshots are found by `replication.subscription_load`, which keeps their locations until
/// [`state::complete`], so also after a restart; article ids there are those of the snapshot, whatever definition has taken their place
/// since. The scripts make what is missing only: an interrupted call is simply made again.
pub async fn scripts(
    client: &mut Client,
    settings: &Settings,
    subscription: &SubscriptionRow,
    of: PartState,
) -> Result<(), Error> {
    let name = &subscription.subscription;
    let parts = state::parts(client, name).await?;
    let wanted = |id: ArticleId| parts.iter().any(|part| part.article == id && part.state == of);
    let loads: Vec<_> = state::loads(client, name).await?.into_iter().filter(|load| wanted(load.article)).collect();
    let mut readers: Vec<(Uuid, SnapshotReader)> = Vec::new();
    for load in &loads {
        if !readers.iter().any(|(id, _)| *id == load.snapshot) {
            readers.push((load.snapshot, open_one(&settings.snapshots, &load.location, load.snapshot).await?));
        }
    }
    let articles = || {
        let find = |id: Uuid| readers.iter().find(move |(snapshot, _)| *snapshot == id).map(|(_, reader)| reader);
        loads.iter().filter_map(move |load| Some((load, find(load.snapshot)?)))
    };
    for (load, reader) in articles() {
        let what = format!("making indexes, constraints and procedures of {}", switch::own(&load.table));
        schema::run_script(client, &what, &reader.post_script(load.article).await?).await?;
    }
    for (load, reader) in articles() {
        let what = format!("making foreign keys and triggers of {}", switch::own(&load.table));
        schema::run_script(client, &what, &reader.last_script(load.article).await?).await?;
    }
    Ok(())
}
