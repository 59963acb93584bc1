//! Another row filter for a live article: `publisher article set`.
//!
//! No rows have to be sent for a filter that has no row which the one before does not have: the subscribers let go of those that it leaves
//! out, and that is all. Whether it is so is found out while writers of the table wait, in a transaction that then writes a marker: the
//! filter changes there, see [`crate::core::FilterSwitch`]. The distributor knows of the change before the marker is written, so the log
//! reader finds out what the marker means whenever it comes to it. Whatever ends this in between, the marker is written or it is not.

use super::{existing, list, parse_filter, parse_table, refuse_max_columns, refused_filter, same_table};
use crate::error::{Error, ErrorKind};
use crate::publication::{connect, find, request, transactional, unexpected};
use crate::snapshot::CAPTURE_LIMIT;
use crate::snapshot::views::{ATTEMPTS, Patience, differs, lock_tables};
use proto::catalog::{DatabaseName, FilterChange, Publication, Request, Response, Status};
use proto::transport::ConnectOptions;
use proto::{Article, ColumnType, Command, Lsn, Marker, MarkerKind};
use sqlserver::catalog::{Table, table};
use sqlserver::predicate::{self, Predicate};
use sqlserver::{Client, ServerOptions, marker, snapshot};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long the log reader may take to come from what is captured to the marker, which may be far.
const READ_LIMIT: Duration = Duration::from_secs(600);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After this long, the user is told what is being waited for.
const SAY_AFTER: Duration = Duration::from_secs(15);

/// What a filter became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was that already.
    Same,
    /// It is in force from the transaction at this position on, and everything up to there is at the distributor.
    InForce(Lsn),
}

/// Gives the article of a table another row filter, or none. Fails, with nothing changed, if rows that the subscribers do not have would
/// belong to it. `say` is told what is waited for.
pub async fn set(
    server: &ServerOptions,
    distributor: &ConnectOptions,
    publication: &str,
    source: &str,
    filter: Option<&str>,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Outcome, Error> {
    let source = parse_table(source)?;
    let publication = find(distributor, publication).await?;
    transactional(&publication, "drop the article and add it again with the other filter, for the next snapshot")?;
    let article = existing(distributor, &publication, &source).await?;
    let (mut client, _) = connect(&server.with_command_timeout(None), &publication).await?;
    let table = table(&mut client, &article.source).await?.filter(|t| t.object_id == article.capture.source);
    let table = table.ok_or_else(|| {
        Error::invalid(format!(
            "there is no table {} any more, or the login may not see it: it was dropped or renamed, and its article with it cannot be given \
             another filter",
            article.source
        ))
    })?;
    let filter = filter.map(|text| parse_filter(&table, text)).transpose()?;
    if let Some(filter) = &filter {
        check(&article, &table, filter)?;
        predicate::check(&mut client, &table, filter).await.map_err(|error| refused_filter(&table, error))?;
    }
    let change = FilterChange {
        token: Uuid::new_v4(),
        publication: publication.name.clone(),
        source: article.source.clone(),
        before: article.filter.clone(),
        filter: filter.as_ref().map(|filter| filter.text().to_owned()),
    };
    if change.filter == change.before {
        forget_interrupted(distributor, &publication.database, &article).await?;
        return Ok(Outcome::Same);
    }
    if log_reader(distributor, &publication.database).await?.is_none() {
        say(&format!(
            "no log reader of {} is attached to the distributor: the filter changes once `publisher run` comes to it",
            publication.database
        ));
    }
    let token = change.token;
    request(distributor, Request::FilterChangeAdd(change)).await?;
    let marked = match Box::pin(mark(&mut client, &publication, &article, filter.as_ref(), token)).await {
        Ok(()) => Box::pin(follow(&mut client, distributor, &publication, &article, filter.as_ref(), token, say)).await,
        Err(error) => Err(error),
    };
    if !matches!(&marked, Err(error) if error.kind == ErrorKind::Busy) {
        // Without its marker it does nothing, and after it nothing again: it only need not be there any more.
        let taken_back = request(distributor, Request::FilterChangeDrop { token }).await;
        if let (Err(error), true) = (taken_back, marked.is_ok()) {
            tracing::warn!("the distributor could not be told that the change of the filter is over: {error}");
        }
    }
    marked.map(Outcome::InForce)
}

/// Whether the subscribers can go over to a filter.
fn check(article: &Article, table: &Table, filter: &Predicate) -> Result<(), Error> {
    refuse_max_columns(table, &article.columns)?;
    let refused =
        |why: String| Error::invalid(format!("the filter of {} cannot be changed to this one: {why}", table.name));
    for column in table.columns.iter().filter(|column| filter.mentions(&column.name)) {
        let published = article.columns.iter().find(|c| c.name == column.name).ok_or_else(|| {
            refused(format!(
                "it uses column {}, which is not published, and the subscribers have to find the rows that it leaves out",
                column.name
            ))
        })?;
        let is_text = matches!(
            published.column_type,
            ColumnType::Char(_) | ColumnType::VarChar(_) | ColumnType::NChar(_) | ColumnType::NVarChar(_)
        );
        if is_text && !article.options.schema.collation {
            return Err(refused(format!(
                "column {} has another collation at the subscribers (schema option -collation), where the filter would select other rows",
                column.name
            )));
        }
    }
    if matches!(article.options.delete, Command::Call { .. }) {
        return Err(refused(
            "its deletes are carried out by a procedure (--del-cmd), which the rows that a filter leaves out cannot be passed to".to_owned(),
        ));
    }
    Ok(())
}

/// What an interrupted change of the filter may have left at the distributor: it is not wanted any more.
async fn forget_interrupted(
    distributor: &ConnectOptions,
    database: &DatabaseName,
    article: &Article,
) -> Result<(), Error> {
    let changes = match request(distributor, Request::FilterChangeList { database: database.clone() }).await? {
        Response::FilterChanges(changes) => changes,
        other => return Err(unexpected(&other)),
    };
    let left = |c: &&FilterChange| c.publication == article.publication && same_table(&c.source, &article.source);
    for change in changes.iter().filter(left) {
        request(distributor, Request::FilterChangeDrop { token: change.token }).await?;
    }
    Ok(())
}

/// Writes the marker, if no row enters with the new filter.
async fn mark(
    client: &mut Client,
    publication: &Publication,
    article: &Article,
    filter: Option<&Predicate>,
    token: Uuid,
) -> Result<(), Error> {
    let source = &article.source;
    let before = article
        .filter
        .as_deref()
        .map(Predicate::parse)
        .transpose()
        .map_err(|why| Error::invalid(format!("the present filter of {source} cannot be used: {why}")))?;
    let patience = Patience { attempts: ATTEMPTS, say: &|text| tracing::warn!("{text}") };
    lock_tables(client, &[source], None, &patience).await?;
    // No statement can change the table while it is locked.
    if let Some(what) = differs(client, article, publication.replicate_ddl).await? {
        snapshot::rollback(client).await?;
        return Err(Error::invalid(format!(
            "{what} of {source} changed, and the log reader has not come to that yet; nothing was changed. Try again in a moment, with \
             the log reader running (`publisher run`)"
        )));
    }
    if let Some(before) = &before {
        let entering = snapshot::rows_entering(client, source, before, filter).await?;
        if entering > 0 {
            snapshot::rollback(client).await?;
            let rows = if entering == 1 { "row" } else { "rows" };
            return Err(Error::invalid(format!(
                "{entering} {rows} of {source} would enter with this filter, which the subscribers do not have; nothing was changed. To \
                 publish them too: drop the subscriptions of publication {publication} (`subscriber subscription drop`), drop the \
                 article (`publisher article drop`) and add it with the new filter, take a new snapshot and add the subscriptions again",
                publication = publication.name
            )));
        }
    }
    marker::insert(client, Marker { kind: MarkerKind::Filter, token }).await?;
    snapshot::commit(client).await.map_err(|error| {
        let message = format!(
            "whether the filter of {source} changes is not known: {error}. `publisher article list` shows the filter in force; run the \
             command again if that is not this one"
        );
        Error::because(ErrorKind::Transient, message, error)
    })
}

/// Waits until the log reader has come past the marker, and sees what became of the filter there. An error of the kind
/// [`ErrorKind::Busy`] leaves that open.
async fn follow(
    client: &mut Client,
    distributor: &ConnectOptions,
    publication: &Publication,
    article: &Article,
    filter: Option<&Predicate>,
    token: Uuid,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Lsn, Error> {
    let source = &article.source;
    let still = |why: String| {
        Error::new(
            ErrorKind::Busy,
            format!(
                "the filter of {source} has not changed yet: {why}. It changes once that goes on, without this command; `publisher article \
                 list` shows the filter in force"
            ),
        )
    };
    let lost = |error: Error| still(error.to_string());
    let started = Instant::now();
    let mut said = false;
    let lsn = loop {
        if let Some(lsn) = marker::commit_lsn(client, token).await.map_err(|error| lost(error.into()))? {
            break lsn;
        }
        if started.elapsed() > CAPTURE_LIMIT {
            return Err(still(format!(
                "the capture job at {} has not come to it for {} s; see whether it runs: `publisher capture show`",
                client.place(),
                CAPTURE_LIMIT.as_secs()
            )));
        }
        if !said && started.elapsed() > SAY_AFTER {
            say("waiting for the capture job to come to the place in the log where the filter changes");
            said = true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    let started = Instant::now();
    said = false;
    while position(distributor, &publication.database).await.map_err(lost)? < Some(lsn) {
        if started.elapsed() > READ_LIMIT {
            let reader = log_reader(distributor, &publication.database).await.map_err(lost)?;
            let reader = reader.map_or_else(
                || "no log reader is attached".to_owned(),
                |at| format!("the log reader at {at} is behind"),
            );
            return Err(still(format!(
                "{reader}, and has not come to position {lsn} for {} s; look at `distributor status` and its log",
                READ_LIMIT.as_secs()
            )));
        }
        if !said && started.elapsed() > SAY_AFTER {
            say(&format!("waiting for the log reader to come to position {lsn}, where the filter changes"));
            said = true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    // The definitions were asked for after that: if it happened, it shows.
    let articles = list(distributor, Some(&publication.name)).await.map_err(lost)?;
    let now = articles.iter().find(|a| same_table(&a.source, source));
    if now.is_some_and(|now| now.since >= Some(lsn) && now.filter.as_deref() == filter.map(Predicate::text)) {
        return Ok(lsn);
    }
    Err(Error::invalid(format!(
        "the filter of {source} is not this one, since another change of the article came between; `publisher article list` shows it"
    )))
}

/// Up to where everything is at the distributor.
async fn position(distributor: &ConnectOptions, database: &DatabaseName) -> Result<Option<Lsn>, Error> {
    let status = status(distributor).await?;
    Ok(status.databases.iter().find(|d| d.database == *database).and_then(|d| d.position))
}

/// Where the log reader of a database is attached from.
async fn log_reader(distributor: &ConnectOptions, database: &DatabaseName) -> Result<Option<String>, Error> {
    let status = status(distributor).await?;
    Ok(status.databases.into_iter().find(|d| d.database == *database).and_then(|d| d.log_reader).map(|(at, _)| at))
}

async fn status(distributor: &ConnectOptions) -> Result<Status, Error> {
    match request(distributor, Request::Status).await? {
        Response::Status(status) => Ok(*status),
        other => Err(unexpected(&other)),
    }
}
