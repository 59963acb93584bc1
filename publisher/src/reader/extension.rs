//! Makes new columns of a table join its articles: what the server has to do for an [`Extension`].
//!
//! Done beside the reading, over connections of its own. Nothing here lasts but the second capture instance, which the next attempt
//! takes up.

use super::log::Published;
use crate::article::PREFIX;
use crate::article::options::check_commands;
use crate::columns::{self, Chosen};
use crate::core::{Backfill, Extension, Given, joins};
use crate::error::{Error, ErrorKind};
use proto::{Article, Change, Column, Lsn, Marker, MarkerKind, TableName, Value};
use sqlserver::catalog::Table;
use sqlserver::cdc::{self, CaptureInstance};
use sqlserver::{Client, ServerOptions, catalog, constraint, database, extension, marker, snapshot};
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

/// How long each lock is waited for. While it is, new writers queue up behind it, so it must be short.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Attempts to get a lock, with a pause after each in which those who waited go first.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);
/// Changes of a batch.
const BATCH: usize = 256;

/// What is to be done for which table.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub server: ServerOptions,
    /// `object_id` of the table.
    pub source: i32,
    /// Its articles.
    pub articles: Vec<Article>,
    pub unreplicated: Vec<String>,
    /// Goes into the marker.
    pub token: Uuid,
}

/// The marker is committed.
#[derive(Debug)]
pub(super) struct Prepared {
    /// With everything but the marker's place in the log.
    pub extension: Extension,
    /// Sees the table as it was at the marker; `None` where nothing has to be read.
    pub view: Option<Client>,
}

/// The tables of articles that new columns are to join, of those that have any: `object_id`s.
pub(super) async fn wanted(
    client: &mut Client,
    articles: &[Published],
    unreplicated: &[String],
    grown: &[i32],
) -> Result<Vec<i32>, Error> {
    let mut wanted = Vec::new();
    for source in grown {
        let of = |a: &&Article| a.capture.source == *source && joins(a, unreplicated);
        let articles: Vec<&Article> = articles.iter().map(|p| &p.article).filter(of).collect();
        let Some(first) = articles.first() else { continue };
        let chosen = chosen(client, *source, &first.source).await?;
        for article in articles {
            let new: Vec<&Column> =
                chosen.columns.iter().filter(|c| !article.columns.iter().any(|a| a.name == c.name)).collect();
            if !new.is_empty()
                && let Err(why) = check_commands(&article.options, &chosen.columns)
            {
                return Err(cannot_join(&why, article));
            }
            for column in &new {
                let why = if column.identity.is_some() {
                    "it is an identity column".to_owned()
                } else if column.column_type.is_max() && article.filter.is_some() {
                    format!("it is {}, of which a filtered article can have none", column.column_type)
                } else {
                    continue;
                };
                let message = format!("column {} was added to {}: {why}", column.name, article.source);
                return Err(cannot_join(&message, article));
            }
            let computed = chosen.computed.iter().any(|c| !article.computed.iter().any(|a| a.name == c.name));
            if (computed || !new.is_empty()) && !wanted.contains(source) {
                wanted.push(*source);
            }
        }
    }
    Ok(wanted)
}

fn cannot_join(why: &str, article: &Article) -> Error {
    Error::new(
        ErrorKind::Problem,
        format!(
            "new columns of {} cannot join its article in publication {}: {why}. Drop the column; or drop the subscriptions and the \
             article, add it again with --columns and take a new snapshot",
            article.source, article.publication
        ),
    )
}

/// All columns of a table, as an article of them has them.
async fn chosen(client: &mut Client, object_id: i32, name: &TableName) -> Result<Chosen, Error> {
    let columns = catalog::columns(client, object_id).await?;
    let table = Table { object_id, name: name.clone(), is_tracked_by_cdc: true, columns };
    columns::choose(&table, &[]).map_err(|error| {
        let message = format!("{name} was changed, and that cannot be replicated: {error}");
        Error::because(ErrorKind::Problem, message, error)
    })
}

/// Makes the second capture instance if it is not there, and writes the marker while writers of the table wait.
pub(super) async fn prepare(plan: Plan) -> Result<Prepared, Error> {
    let server = plan.server.with_command_timeout(None);
    let mut client = Client::connect(&server).await?;
    let facts = database::facts(&mut client).await?;
    let mut view = if facts.snapshot_isolation { Some(Client::connect(&server).await?) } else { None };
    let table = extension::table_name(&mut client, plan.source).await?.ok_or_else(|| gone(&plan))?;
    for _ in 0..ATTEMPTS {
        let instance = instance(&mut client, &plan, &table).await?;
        let attempt = Box::pin(mark(&mut client, view.as_mut(), &plan, &table, &instance)).await;
        match attempt {
            Ok(Some(extension)) => {
                tracing::info!("{table} has new columns: its articles go over to capture instance {}", instance.name);
                return Ok(Prepared { extension, view });
            }
            // It changed again meanwhile.
            Ok(None) => snapshot::rollback(&mut client).await?,
            Err(Failed::Server(error)) if error.is_transient() && client.is_usable() => {
                tracing::info!(%error, "{table} could not be locked for its new columns; trying again");
                snapshot::rollback(&mut client).await?;
                if view.is_some() {
                    view = Some(Client::connect(&server).await?);
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(Failed::Server(error)) => return Err(error.into()),
            Err(Failed::Other(error)) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::Transient, format!("{table} could not be locked for its new columns")))
}

fn gone(plan: &Plan) -> Error {
    let name = plan.articles.first().map(|a| a.source.to_string()).unwrap_or_default();
    Error::new(ErrorKind::Transient, format!("{name} is not there any more"))
}

enum Failed {
    Server(sqlserver::Error),
    Other(Error),
}

impl From<sqlserver::Error> for Failed {
    fn from(error: sqlserver::Error) -> Self {
        Self::Server(error)
    }
}

/// A capture instance with all columns of the table.
async fn instance(client: &mut Client, plan: &Plan, table: &TableName) -> Result<CaptureInstance, Error> {
    extension::be_patient(client, LOCK_PATIENCE).await?;
    let mut there: Vec<CaptureInstance> = cdc::capture_instances(client).await?;
    let names: Vec<String> = there.iter().map(|i| i.name.to_lowercase()).collect();
    there.retain(|i| i.source_object_id == plan.source);
    for i in (0..there.len()).rev() {
        let used = plan.articles.iter().any(|a| a.capture.instance == there[i].name);
        if used || !there[i].name.starts_with(PREFIX) {
            continue;
        }
        if extension::captures_all(client, &there[i]).await? {
            return Ok(there.swap_remove(i));
        }
        // Left over from before: a table has room for two.
        cdc::disable_table(client, table, &there[i].name).await?;
        there.remove(i);
    }
    if let [first, second] = &there[..] {
        return Err(Error::new(
            ErrorKind::Problem,
            format!(
                "{table} has new columns, for which it needs another capture instance; {} and {} take both places that a table has. \
                 Drop the one that is not replication's (sys.sp_cdc_disable_table), then start again",
                first.name, second.name
            ),
        ));
    }
    let base = format!("{PREFIX}{}", plan.source);
    let candidates = [format!("{base}_a"), format!("{base}_b")];
    let free = |name: &&String| !names.contains(&name.to_lowercase());
    let name = candidates.iter().find(free).cloned().unwrap_or(base);
    cdc::enable_table(client, table, &name).await.map_err(|error| {
        if error.is_transient() {
            return error.into();
        }
        let message = format!(
            "{table} has new columns, for which it needs another capture instance, and that cannot be made: {}. It takes a login with \
             the role db_owner: have one run EXEC sys.sp_cdc_enable_table for the table once, with @capture_instance = N'{name}' and \
             @role_name = NULL, then start again",
            error.message()
        );
        Error::because(ErrorKind::Problem, message, error)
    })?;
    let made = cdc::capture_instances(client).await?.into_iter().find(|i| i.name == name && i.start_lsn > Lsn::ZERO);
    made.ok_or_else(|| Error::new(ErrorKind::Transient, format!("the capture instance {name} is not there yet")))
}

/// Locks the table, looks at it, opens the view, writes the marker and commits. `None` if the instance lacks a column.
async fn mark(
    client: &mut Client,
    view: Option<&mut Client>,
    plan: &Plan,
    table: &TableName,
    instance: &CaptureInstance,
) -> Result<Option<Extension>, Failed> {
    snapshot::begin_locking(client, LOCK_PATIENCE).await?;
    snapshot::lock_table(client, table).await?;
    if !extension::captures_all(client, instance).await? {
        return Ok(None);
    }
    let Chosen { columns, computed } = chosen(client, plan.source, table).await.map_err(Failed::Other)?;
    let constraints = constraint::constraints(client).await?.remove(&plan.source).map(|table| table.constraints);
    let extension = Extension {
        // Known once it is captured.
        lsn: Lsn::MAX,
        committed_at: 0,
        table: table.clone(),
        columns,
        computed,
        defaults: extension::defaults(client, plan.source).await?,
        constraints: constraints.unwrap_or_default(),
        instance: instance.clone(),
        unreplicated: plan.unreplicated.clone(),
    };
    match view {
        Some(view) => snapshot::begin_view(view, None).await?,
        None => {
            let (sender, mut receiver) = mpsc::channel(1);
            let backfills = extension.backfills(&plan.articles);
            let any = async {
                let first = receiver.recv().await;
                receiver.close();
                first
            };
            let (read, first) = tokio::join!(Box::pin(read(client, table, &backfills, &sender, true)), any);
            read.map_err(Failed::Other)?;
            if first.is_some_and(|changes| changes.is_ok_and(|changes| !changes.is_empty())) {
                return Err(Failed::Other(Error::new(
                    ErrorKind::Problem,
                    format!(
                        "{table} has new columns whose values must be read as of one moment, for which the database has to allow \
                         snapshot isolation: ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, then start again"
                    ),
                )));
            }
        }
    }
    marker::insert(client, Marker { kind: MarkerKind::Heartbeat, token: plan.token }).await?;
    snapshot::commit(client).await?;
    Ok(Some(extension))
}

/// Changes of articles by index.
pub(super) type Changes = Vec<(usize, Change)>;

/// Reads what new columns hold where it is not what was given. With `only_first`, the first one ends it.
pub(super) async fn read(
    client: &mut Client,
    table: &TableName,
    backfills: &[(Article, Backfill)],
    batches: &mpsc::Sender<Result<Changes, Error>>,
    only_first: bool,
) -> Result<(), Error> {
    let mut batch = Changes::new();
    'articles: for (article, backfill) in backfills {
        let columns: Vec<usize> = backfill.columns.iter().map(|(i, _)| usize::from(*i)).collect();
        let mut given = Vec::new();
        for (i, given_by) in &backfill.columns {
            given.push(match given_by {
                Given::Null => Some(Value::Null),
                Given::Default(definition) => {
                    extension::constant(client, definition, &article.columns[usize::from(*i)]).await?
                }
            });
        }
        let published = Published::new(article)?;
        let not_null = given.iter().all(|given| *given == Some(Value::Null));
        let mut rows =
            extension::values(client, table, article, published.predicate.as_ref(), &columns, not_null).await?;
        while let Some(mut key) = rows.next().await? {
            let values = key.split_off(key.len().saturating_sub(columns.len()));
            let columns = backfill.columns.iter().map(|(i, _)| *i);
            let differs = columns.zip(values).zip(&given).filter(|((_, value), given)| Some(value) != given.as_ref());
            let changed: Vec<(u16, Value)> = differs.map(|(changed, _)| changed).collect();
            if !changed.is_empty() {
                batch.push((backfill.article, Change::Update { key, changed }));
            }
            if batch.len() >= BATCH || (only_first && !batch.is_empty()) {
                if batches.send(Ok(std::mem::take(&mut batch))).await.is_err() {
                    return Ok(());
                }
                if only_first {
                    // The rest is read to its end, which leaves the connection usable.
                    while rows.next().await?.is_some() {}
                    break 'articles;
                }
            }
        }
    }
    // Nobody listens when it was given up.
    let _ = batches.send(Ok(batch)).await;
    Ok(())
}

/// Drops the capture instances of ours that no article is read from any more, of tables that have articles.
pub(super) async fn tidy(server: ServerOptions, articles: Vec<Article>) -> Result<(), Error> {
    let mut client = Client::connect(&server).await?;
    for instance in cdc::capture_instances(&mut client).await? {
        let published = articles.iter().any(|a| a.capture.source == instance.source_object_id);
        let used = articles.iter().any(|a| a.capture.instance == instance.name);
        if !published || used || !instance.name.starts_with(PREFIX) {
            continue;
        }
        let Some(table) = extension::table_name(&mut client, instance.source_object_id).await? else { continue };
        extension::be_patient(&mut client, LOCK_PATIENCE).await?;
        cdc::disable_table(&mut client, &table, &instance.name).await?;
        tracing::info!("capture instance {} of {table} is not read any more and was dropped", instance.name);
    }
    Ok(())
}
