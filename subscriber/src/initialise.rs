//! Loading a snapshot into the subscription database.
//!
//! 1. The tables must be missing or empty, unless an earlier load of ours was interrupted or the article's pre-creation command says
//!    what happens to what is there.
//! 2. The state becomes `initializing`, with the snapshot's id. From here on whatever is in the tables is ours, and an interrupted load
//!    empties them and begins again.
//! 3. The pre-creation commands are carried out. Each article's table is made (pre-script) and loaded in one transaction, several
//!    tables at once.
//! 4. Indexes, constraints and procedures are made (post-scripts), then foreign keys and triggers.
//! 5. The state becomes `active`, with the earliest boundary as position and each article's boundary beside it.

mod pre_creation;

use crate::core::plan::ForeignKey;
use crate::error::{Error, ErrorKind};
use crate::progress::{Bars, Progress};
use crate::session::Settings;
use proto::{Article, ArticleId, KeyRange, Lsn, Row, TableName};
use sqlserver::apply::Target;
use sqlserver::state::{Part, PartState, Stage, SubscriptionRow};
use sqlserver::{Client, ServerOptions, catalog, schema, session, staging, state};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;
use workdir::{RowReader, SnapshotReader};

/// Tables that are loaded at once.
const PARALLEL_TABLES: usize = 4;
/// Rows and bytes of one staged slice: what a table's load holds in memory.
const SLICE_ROWS: usize = 10_000;
const SLICE_BYTES: usize = 8 << 20;

/// Loads a snapshot; `client` holds the subscription's lock and has said that it is for replication.
pub async fn initialise(
    client: &mut Client,
    settings: &Settings,
    subscription: &SubscriptionRow,
    snapshot: &proto::catalog::Snapshot,
) -> Result<(), Error> {
    let access = &settings.snapshots;
    let reader = match &access.working_directory {
        Some(url) => SnapshotReader::open_in(workdir::open(url, &access.credentials)?, snapshot.id).await?,
        None => SnapshotReader::open(&snapshot.location, &access.credentials).await?,
    };
    let reader = Arc::new(reader);
    let boundaries = boundaries(&reader, snapshot)?;
    let position = boundaries.iter().map(|(_, boundary)| *boundary).min().ok_or_else(|| {
        Error::invalid(format!(
            "the snapshot {} of publication {} holds no articles",
            snapshot.id, snapshot.publication
        ))
    })?;
    let articles: Vec<&Article> = reader.manifest().articles.iter().map(|article| &article.article).collect();
    pre_creation::refuse_missing_procedures(client, &articles).await?;
    if subscription.stage == Stage::Uninitialized {
        pre_creation::refuse_foreign_rows(client, &articles).await?;
    }
    state::begin_initializing(client, &subscription.subscription, snapshot.id).await?;
    let articles = prepare_tables(client, &reader, subscription.stage != Stage::Uninitialized).await?;
    load_tables(client, &settings.server, &reader, articles, &subscription.subscription).await?;
    let articles = || reader.manifest().articles.iter().map(|article| &article.article);
    for article in articles() {
        let what = format!("making indexes, constraints and procedures of {}", article.destination);
        schema::run_script(client, &what, &reader.post_script(article.id).await?).await?;
    }
    for article in articles() {
        let what = format!("making foreign keys and triggers of {}", article.destination);
        schema::run_script(client, &what, &reader.last_script(article.id).await?).await?;
    }
    for (article, boundary) in &boundaries {
        let part = Part {
            article: *article,
            number: 1,
            range: KeyRange::ALL,
            boundary: *boundary,
            snapshot: Some(snapshot.id),
            state: PartState::Loaded,
        };
        state::prepare_parts(client, &subscription.subscription, *article, &[part]).await?;
    }
    state::join(client, &subscription.subscription, position, None).await?;
    state::complete(client, &subscription.subscription).await?;
    tracing::info!(
        subscription = subscription.subscription, snapshot = %snapshot.id, rows = snapshot.rows, %position,
        "initialised from the snapshot"
    );
    Ok(())
}

/// Each article with the LSN up to which the snapshot contains it.
fn boundaries(reader: &SnapshotReader, snapshot: &proto::catalog::Snapshot) -> Result<Vec<(ArticleId, Lsn)>, Error> {
    let manifest = reader.manifest();
    if manifest.publication.name.to_lowercase() != snapshot.publication.to_lowercase() {
        return Err(Error::invalid(format!(
            "the snapshot at {} is of publication {}, not of {}",
            snapshot.location, manifest.publication.name, snapshot.publication
        )));
    }
    let mut boundaries = Vec::new();
    for article in &manifest.articles {
        let of_files: BTreeSet<Lsn> = article.data.iter().map(|data| data.boundary).collect();
        let mut of_files = of_files.into_iter();
        match (of_files.next(), of_files.next()) {
            (Some(boundary), None) => boundaries.push((article.article.id, boundary)),
            _ => {
                return Err(Error::invalid(format!(
                    "the data files of {} in the snapshot at {} do not have one boundary; make a new snapshot",
                    article.article.source, snapshot.location
                )));
            }
        }
    }
    Ok(boundaries)
}

/// Carries out the pre-creation commands and makes the tables that are missing. Gives the articles with their targets.
async fn prepare_tables(
    client: &mut Client,
    reader: &SnapshotReader,
    interrupted: bool,
) -> Result<Vec<(Article, Arc<Target>)>, Error> {
    let mut articles = Vec::new();
    let keys = foreign_keys(client).await?;
    let mut tables: Vec<&Article> = reader.manifest().articles.iter().map(|article| &article.article).collect();
    parents_first(&mut tables, &keys);
    pre_creation::carry_out(client, &tables, interrupted).await?;
    for article in tables {
        if catalog::table(client, &article.destination).await?.is_none() {
            let what = format!("making table {}", article.destination);
            schema::run_script(client, &what, &reader.pre_script(article.id).await?).await?;
        }
        let unfit = |why: String| {
            Error::invalid(format!("table {} cannot take the rows of {}: {why}", article.destination, article.source))
        };
        let table = catalog::table(client, &article.destination).await?;
        let table = table.ok_or_else(|| unfit("its script did not make it".to_owned()))?;
        articles.push((article.clone(), Arc::new(Target::new(article, &table).map_err(unfit)?)));
    }
    Ok(articles)
}

async fn foreign_keys(client: &mut Client) -> Result<Vec<ForeignKey>, Error> {
    let keys = catalog::foreign_keys(client).await?;
    Ok(keys.into_iter().map(|key| ForeignKey { child: key.from, columns: Vec::new(), parent: key.to }).collect())
}

/// Orders articles so that referenced tables come first.
fn parents_first(articles: &mut Vec<&Article>, keys: &[ForeignKey]) {
    let mut ordered: Vec<&Article> = Vec::with_capacity(articles.len());
    while !articles.is_empty() {
        let waits = |article: &&Article, others: &[&Article]| {
            let parents = keys.iter().filter(|key| key.child == article.destination && key.parent != key.child);
            parents.into_iter().any(|key| others.iter().any(|other| other.destination == key.parent))
        };
        // In a circle of foreign keys, any one goes first.
        let next = articles.iter().position(|article| !waits(article, articles)).unwrap_or(0);
        ordered.push(articles.remove(next));
    }
    *articles = ordered;
}

/// Loads the tables, in order; several at once where no foreign key is enforced between them.
async fn load_tables(
    client: &mut Client,
    server: &ServerOptions,
    reader: &Arc<SnapshotReader>,
    articles: Vec<(Article, Arc<Target>)>,
    subscription: &str,
) -> Result<(), Error> {
    let names: BTreeSet<TableName> = articles.iter().map(|(article, _)| article.destination.clone()).collect();
    let bound = foreign_keys(client).await?.iter().any(|key| names.contains(&key.child) && names.contains(&key.parent));
    let parallel = if bound { 1 } else { PARALLEL_TABLES };
    let bars = Bars::new();
    let mut loads: JoinSet<Result<(), Error>> = JoinSet::new();
    for (article, target) in articles {
        if loads.len() >= parallel {
            finished(loads.join_next().await)?;
        }
        let rows = reader.article(article.id)?.data.iter().map(|data| data.rows).sum();
        let progress = bars.table(article.destination.to_string(), rows);
        let (server, reader, subscription) = (server.clone(), reader.clone(), subscription.to_owned());
        loads.spawn(async move {
            let mut client = Client::connect(&server).await?;
            session::for_replication(&mut client, &subscription).await?;
            load_table(&mut client, &target, reader.rows(article.id)?, progress).await
        });
    }
    while let Some(load) = loads.join_next().await {
        finished(Some(load))?;
    }
    Ok(())
}

fn finished(load: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match load {
        Some(Ok(done)) => done,
        Some(Err(panicked)) => Err(Error::because(ErrorKind::Invalid, "loading a table ended abnormally", panicked)),
        None => Ok(()),
    }
}

/// One transaction: the files' checksums are known only at their ends.
async fn load_table(
    client: &mut Client,
    target: &Target,
    mut rows: RowReader,
    mut progress: Progress,
) -> Result<(), Error> {
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
        progress.add(loaded);
    }
    schema::enable_triggers(client, target.name(), &triggers).await?;
    state::commit(client).await?;
    staging::end_load(client, target).await?;
    progress.finish();
    Ok(())
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
