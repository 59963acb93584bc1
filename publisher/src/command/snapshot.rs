//! `publisher snapshot`, and the snapshot of an article that comes to a publication in use.

use crate::error::{Error, ErrorKind};
use crate::publication::{request, unexpected};
use crate::snapshot::schedule::{self, Schedule};
use crate::snapshot::{LOCK_ATTEMPTS, SnapshotAgent};
use crate::{article, settings};
use chrono::Local;
use clap::Args;
use cli::output::{count, print};
use cli::{DistributorArgs, ServerArgs, WorkingDirectoryAccess, WorkingDirectoryArgs};
use croner::Cron;
use proto::catalog::{PublicationKind, Request, Response, Snapshot};
use proto::transport::ConnectOptions;
use proto::{Article, TableName};
use sqlserver::ServerOptions;
use std::collections::BTreeSet;
use std::time::Duration;
use workdir::Compression;

/// Sessions that read at once, unless set.
const SESSIONS: u16 = 4;
/// Rows of a data file, unless set.
const ROWS_PER_FILE: u64 = 500_000;

/// What a snapshot is taken of, and how.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// Publication
    #[arg(long)]
    publication: String,
    /// Sessions that read at once: each a table, or a range of keys of a large one
    #[arg(long, default_value_t = SESSIONS, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "NUMBER")]
    snapshot_sessions: u16,
    /// Rows that a data file holds at most, about: a larger table is cut into ranges of its first key column, each in a file of its own
    #[arg(long, default_value_t = ROWS_PER_FILE, value_parser = clap::value_parser!(u64).range(1..), value_name = "NUMBER")]
    rows_per_file: u64,
    /// Compression of the data files: none or zstd
    #[arg(long, default_value_t, value_name = "METHOD")]
    compression: Compression,
    /// Only the article of this table, as schema.table; may be given more than once
    #[arg(long = "article", value_name = "TABLE")]
    articles: Vec<String>,
    /// Discard an unfinished snapshot instead of going on with it
    #[arg(long)]
    restart: bool,
    /// Attempts to lock the tables for the moment that fixes the point of the snapshot; each waits up to 5 s for a table
    #[arg(long, default_value_t = LOCK_ATTEMPTS, value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    lock_attempts: u32,
    /// Take one now, and again so long after each was begun, until stopped
    #[arg(long, value_parser = cli::duration::parse_pause, value_name = "DURATION", conflicts_with = "cron")]
    every: Option<Duration>,
    /// Take one at each of these times, until stopped: minute, hour, day of month, month, day of week, by this machine's clock
    #[arg(long, value_parser = schedule::parse_cron, value_name = "PATTERN")]
    cron: Option<Box<Cron>>,
    // Whatever follows stands under a heading of its own.
    #[command(flatten)]
    folder: WorkingDirectoryArgs,
    /// The publication server.
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    distributor: DistributorArgs,
}

/// Where the snapshot of an article goes that is added to a publication with subscriptions.
#[derive(Debug, Args)]
#[command(next_help_heading = "Working directory")]
pub struct LateArgs {
    /// Where the publication has subscriptions, take the snapshot that brings them the article's rows at once, into this folder
    #[arg(long, value_name = "URL")]
    working_directory: Option<String>,
    #[command(flatten)]
    access: WorkingDirectoryAccess,
}

/// Takes a snapshot.
pub async fn run(args: SnapshotArgs) -> Result<(), Error> {
    let tables: Vec<TableName> = args.articles.iter().map(|t| article::parse_table(t)).collect::<Result<_, _>>()?;
    let agent = SnapshotAgent {
        server: settings::server(&args.server)?,
        distributor: settings::distributor(&args.distributor)?,
        work_dir: settings::work_dir(&args.folder.working_directory, &args.folder.access)?,
        sessions: usize::from(args.snapshot_sessions),
        rows_per_file: args.rows_per_file,
        compression: args.compression,
        lock_attempts: args.lock_attempts,
        restart: args.restart,
    };
    let tables = (!tables.is_empty()).then_some(&*tables);
    let schedule = args.every.map(Schedule::Every).or_else(|| args.cron.map(Schedule::Cron));
    match schedule {
        None => take(&agent, &args.publication, tables).await,
        Some(schedule) => on_schedule(&agent, &args.publication, tables, &schedule).await,
    }
}

/// Takes snapshots until the process is asked to end. One that fails is said and tried again when the next is due; the first must not fail,
/// since what is wrong then is likely to be wrong for good.
async fn on_schedule(
    agent: &SnapshotAgent,
    publication: &str,
    tables: Option<&[TableName]>,
    schedule: &Schedule,
) -> Result<(), Error> {
    let mut last = None;
    let mut taken_before = false;
    let mut stop = std::pin::pin!(cli::shutdown_signal());
    loop {
        let wait = schedule.wait(Local::now(), last).map_err(Error::invalid)?;
        if !wait.is_zero() {
            say(&format!("the next snapshot of publication {publication} begins in {}", whole_seconds(wait)));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = &mut stop => return Ok(()),
        }
        last = Some(Local::now());
        let taken = tokio::select! {
            taken = agent.take(publication, tables) => taken,
            () = &mut stop => return Err(stopped()),
        };
        match taken {
            Ok(snapshot) => say(&summary(&snapshot)),
            Err(error) if taken_before => {
                tracing::error!(publication, %error, "a snapshot could not be taken; tried again when the next is due");
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        taken_before = true;
    }
}

/// Rounded up, so that nothing is said to begin in no time.
fn whole_seconds(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

fn stopped() -> Error {
    let message = "stopped; what is finished of the snapshot is kept: `publisher snapshot` goes on with it";
    Error::new(ErrorKind::Transient, message)
}

async fn take(agent: &SnapshotAgent, publication: &str, tables: Option<&[TableName]>) -> Result<(), Error> {
    let snapshot = tokio::select! {
        taken = agent.take(publication, tables) => taken?,
        () = cli::shutdown_signal() => return Err(stopped()),
    };
    say(&summary(&snapshot));
    Ok(())
}

fn summary(snapshot: &Snapshot) -> String {
    let articles: BTreeSet<_> = snapshot.boundaries.iter().map(|(article, _)| *article).collect();
    format!(
        "snapshot {} of publication {}: {}, {}, {} in {}",
        snapshot.id,
        snapshot.publication,
        count(articles.len(), "article"),
        count(snapshot.rows as usize, "row"),
        cli::size::format(snapshot.bytes),
        snapshot.location
    )
}

/// Takes the snapshot that brings an article, which was just added, to the subscriptions that there are; or says how to.
pub async fn of_late_article(
    server: &ServerOptions,
    distributor: &ConnectOptions,
    article: &Article,
    args: &LateArgs,
) -> Result<(), Error> {
    let publication = crate::publication::find(distributor, &article.publication).await?;
    let subscriptions = subscriptions(distributor, &publication.name).await?;
    if subscriptions.is_empty() || publication.kind != PublicationKind::Transactional {
        return Ok(());
    }
    let command =
        format!("publisher snapshot --publication {} --article {}", publication.name, argument(&article.source));
    let Some(url) = &args.working_directory else {
        say(&format!(
            "{} get its rows, and what changes in them, from a snapshot of it: {command} --working-directory URL",
            subscriptions.join(", ")
        ));
        return Ok(());
    };
    let agent = SnapshotAgent {
        server: server.clone(),
        distributor: distributor.clone(),
        work_dir: settings::work_dir(url, &args.access)?,
        sessions: usize::from(SESSIONS),
        rows_per_file: ROWS_PER_FILE,
        compression: Compression::None,
        lock_attempts: LOCK_ATTEMPTS,
        restart: false,
    };
    take(&agent, &publication.name, Some(std::slice::from_ref(&article.source))).await.map_err(|error| {
        let message = format!(
            "article {} is added, but {} do not have its rows: {error}. To take the snapshot that brings them: {command}",
            article.source,
            subscriptions.join(", ")
        );
        Error::because(error.kind, message, error)
    })
}

/// Names of a publication's subscriptions.
async fn subscriptions(distributor: &ConnectOptions, publication: &str) -> Result<Vec<String>, Error> {
    let all = match request(distributor, Request::SubscriptionList).await? {
        Response::Subscriptions(all) => all,
        other => return Err(unexpected(&other)),
    };
    let of_it = all.into_iter().filter(|s| s.publication.to_lowercase() == publication.to_lowercase());
    Ok(of_it.map(|subscription| format!("subscription {}", subscription.name)).collect())
}

/// A table as an argument of a command.
fn argument(table: &TableName) -> String {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain(&table.schema) && plain(&table.table) {
        return table.to_string();
    }
    let quoted = |name: &str| name.replace(']', "]]").replace('\'', "'\\''");
    format!("'[{}].[{}]'", quoted(&table.schema), quoted(&table.table))
}

/// Results go to stdout; one that nobody reads is no reason to fail.
fn say(text: &str) {
    let _ = print(format_args!("{text}\n"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::argument;
    use crate::article::parse_table;
    use proto::TableName;

    #[test]
    fn a_table_is_named_so_that_a_shell_and_the_flag_take_it() {
        let name = |schema: &str, table: &str| TableName { schema: schema.into(), table: table.into() };
        assert_eq!(argument(&name("sales", "orders")), "sales.orders");
        let odd = name("my schema", "a.b]");
        assert_eq!(argument(&odd), "'[my schema].[a.b]]]'");
        assert_eq!(parse_table(argument(&odd).trim_matches('\'')).unwrap(), odd);
        assert_eq!(argument(&name("dbo", "it's")), "'[dbo].[it'\\''s]'");
    }
}
