//! Loading the rows: parts of tables, several at once.

use super::sources::Source;
use super::tables;
use crate::error::{Error, ErrorKind};
use crate::progress::{Loading, Size};
use crate::session::Settings;
use proto::{ArticleId, Row, TableName};
use sqlserver::apply::Target;
use sqlserver::state::PartState;
use sqlserver::{Client, ServerOptions, schema, session, staging, state};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::{JoinError, JoinSet};
use workdir::{RowReader, SnapshotReader};

/// Parts that are loaded at once.
const SESSIONS: usize = 4;
/// Rows and bytes of one staged slice: what a part's load holds in memory.
const SLICE_ROWS: usize = 10_000;
const SLICE_BYTES: usize = 8 << 20;

/// A part that waits.
#[derive(Debug, Clone)]
struct Waiting {
    article: ArticleId,
    number: u32,
    target: Arc<Target>,
    reader: Arc<SnapshotReader>,
}

/// Parts that are loaded one after the other.
type Lane = Vec<Waiting>;

/// Loads the parts that wait. `sources` have referenced tables first.
pub(super) async fn load(
    client: &mut Client,
    settings: &Settings,
    subscription: &str,
    sources: &[Source],
    loading: &Loading,
) -> Result<(), Error> {
    let known = state::parts(client, subscription).await?;
    let is_loaded = |article: ArticleId, number: u32| {
        known.iter().any(|p| p.article == article && p.number == number && p.state != PartState::Waiting)
    };
    let mut lanes: VecDeque<Lane> = VecDeque::new();
    let mut figures = Vec::new();
    for source in sources {
        let (id, target) = (source.article.id, Arc::new(tables::target(client, &source.article).await?));
        let data = (1..).zip(&source.reader.article(id)?.data);
        let sizes = data.map(|(number, data)| (Size { rows: data.rows, bytes: data.bytes }, is_loaded(id, number)));
        figures.push((target.name().clone(), sizes.collect::<Vec<_>>()));
        let waiting = source.parts().into_iter().filter(|part| !is_loaded(id, part.number)).map(|part| Waiting {
            article: id,
            number: part.number,
            target: Arc::clone(&target),
            reader: Arc::clone(&source.reader),
        });
        lanes.extend(waiting.map(|part| vec![part]));
    }
    // Where foreign keys are enforced already, referenced rows must be there first.
    let names: BTreeSet<&TableName> = sources.iter().map(|source| &source.article.destination).collect();
    let keys = tables::foreign_keys(client).await?;
    if keys.iter().any(|key| names.contains(&key.child) && names.contains(&key.parent)) {
        lanes = VecDeque::from([lanes.into_iter().flatten().collect::<Lane>()]);
    }
    loading.begin(figures);
    let sessions = SESSIONS.min(lanes.len());
    let lanes = Arc::new(Mutex::new(lanes));
    let mut loads: JoinSet<Result<(), Error>> = JoinSet::new();
    for _ in 0..sessions {
        let (server, subscription) = (settings.server.clone(), subscription.to_owned());
        loads.spawn(load_lanes(server, subscription, Arc::clone(&lanes), loading.clone()));
    }
    while let Some(load) = loads.join_next().await {
        load.unwrap_or_else(|ended: JoinError| {
            Err(Error::because(ErrorKind::Invalid, "loading a table ended abnormally", ended))
        })?;
    }
    Ok(())
}

/// One session: takes one lane after the other.
async fn load_lanes(
    server: ServerOptions,
    subscription: String,
    lanes: Arc<Mutex<VecDeque<Lane>>>,
    loading: Loading,
) -> Result<(), Error> {
    let next = || lanes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let mut client = Client::connect(&server).await?;
    session::for_replication(&mut client, &subscription).await?;
    while let Some(lane) = next() {
        for part in lane {
            load_part(&mut client, &subscription, &part, &loading).await?;
        }
    }
    Ok(())
}

/// One transaction: the file's checksum is known only at its end.
async fn load_part(client: &mut Client, subscription: &str, part: &Waiting, loading: &Loading) -> Result<(), Error> {
    let target = &*part.target;
    let mut rows = part.reader.part(part.article, part.number)?;
    let mut progress = loading.part(target.name());
    staging::begin_load(client, target).await?;
    state::begin(client).await?;
    // What is loaded was written long ago: triggers that are there already have nothing to do with it.
    let triggers = schema::disable_triggers(client, target.name()).await?;
    loop {
        let slice = next_slice(&mut rows).await?;
        if slice.is_empty() {
            break;
        }
        let expected = slice.len() as u64;
        let loaded = staging::load(client, target, slice).await?;
        if loaded != expected {
            let message = format!("{loaded} rows of {expected} arrived in table {}", target.name());
            return Err(Error::new(ErrorKind::Row, message));
        }
        progress.add(loaded, rows.bytes());
    }
    schema::enable_triggers(client, target.name(), &triggers).await?;
    state::part_loaded(client, subscription, part.article, part.number).await?;
    state::commit(client).await?;
    progress.keep();
    Ok(staging::end_load(client, target).await?)
}

async fn next_slice(rows: &mut RowReader) -> Result<Vec<Row>, Error> {
    let (mut slice, mut bytes) = (Vec::new(), 0);
    while slice.len() < SLICE_ROWS && bytes < SLICE_BYTES {
        let Some(row) = rows.next().await? else { break };
        bytes += row.iter().map(|value| size_of_val(value) + value.heap_size()).sum::<usize>();
        slice.push(row);
    }
    Ok(slice)
}
