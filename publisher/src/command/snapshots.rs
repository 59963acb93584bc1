//! `publisher snapshot`, `publisher snapshot list|cleanup`, and the cleanup beside the log reader.

use super::snapshot::{self, SnapshotArgs};
use crate::error::Error;
use crate::publication::{request, unexpected};
use crate::settings;
use crate::snapshot::cleanup::Cleanup;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};
use cli::output::{Table, print};
use cli::{DistributorArgs, OutputArgs, ServerArgs, WorkingDirectoryAccess, WorkingDirectoryArgs};
use proto::catalog::{Request, Response};
use proto::snapshot::ListedSnapshot;
use proto::transport::ConnectOptions;
use serde::Serialize;
use sqlserver::ServerOptions;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

/// `publisher snapshot`: takes one, unless a subcommand says what else.
#[derive(Debug)]
pub enum SnapshotCommand {
    /// Takes one.
    Take(Box<SnapshotArgs>),
    /// Something with those that there are.
    Existing(SnapshotAction),
}

/// What to do with the snapshots that there are.
#[derive(Debug, Subcommand)]
pub enum SnapshotAction {
    /// List the snapshots that the distributor knows, and what becomes of them
    List(ListArgs),
    /// Remove snapshots that nobody needs, and what interrupted ones have left; also done at the end of each snapshot
    Cleanup(Box<CleanupArgs>),
}

/// Which snapshots are listed.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only those of this publication
    #[arg(long)]
    publication: Option<String>,
    #[command(flatten)]
    distributor: DistributorArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is cleaned up.
#[derive(Debug, Args)]
pub struct CleanupArgs {
    /// Publication
    #[arg(long)]
    publication: String,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    folder: WorkingDirectoryArgs,
    /// The publication server.
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    distributor: DistributorArgs,
}

#[derive(Debug, Args)]
struct RetentionArgs {
    /// How long an unfinished snapshot is kept, from when it was begun, for `publisher snapshot` to go on with it
    #[arg(long, default_value = "24h", value_parser = cli::duration::parse, value_name = "DURATION")]
    unfinished_retention: Duration,
}

/// The cleanup beside the log reader.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cleanup of snapshots")]
pub struct RegularCleanupArgs {
    /// Clean up the database's snapshots in this folder too, as `publisher snapshot cleanup` does
    #[arg(long, value_name = "URL")]
    working_directory: Option<String>,
    /// Pause between two cleanups; 0s for none
    #[arg(long, default_value = "1h", value_parser = cli::duration::parse, value_name = "DURATION")]
    cleanup_interval: Duration,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    access: WorkingDirectoryAccess,
}

// The flags that one without a subcommand takes are not asked for where there is one; what the environment sets of them does not count.
impl Args for SnapshotCommand {
    fn augment_args(command: Command) -> Command {
        let command = SnapshotAction::augment_subcommands(SnapshotArgs::augment_args(command));
        command.subcommand_required(false).args_conflicts_with_subcommands(true).subcommand_negates_reqs(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SnapshotCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(match matches.subcommand() {
            Some(_) => Self::Existing(SnapshotAction::from_arg_matches(matches)?),
            None => Self::Take(Box::new(SnapshotArgs::from_arg_matches(matches)?)),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl SnapshotCommand {
    /// Its name, and how it reaches the publication server, if it does.
    pub fn name_and_server(&self) -> (&'static str, Option<&ServerArgs>) {
        match self {
            Self::Take(args) => ("publisher snapshot", Some(&args.server)),
            Self::Existing(action) => match action {
                SnapshotAction::List(_) => ("publisher snapshot list", None),
                SnapshotAction::Cleanup(args) => ("publisher snapshot cleanup", Some(&args.server)),
            },
        }
    }
}

/// Carries it out.
pub async fn run(command: SnapshotCommand) -> Result<(), Error> {
    match command {
        SnapshotCommand::Take(args) => snapshot::run(*args).await,
        SnapshotCommand::Existing(action) => match action {
            SnapshotAction::List(args) => list(args).await,
            SnapshotAction::Cleanup(args) => clean_up(*args).await,
        },
    }
}

async fn list(args: ListArgs) -> Result<(), Error> {
    let distributor = settings::distributor(&args.distributor)?;
    let mut listed = match request(&distributor, Request::SnapshotList { publication: args.publication }).await? {
        Response::Snapshots(listed) => listed,
        other => return Err(unexpected(&other)),
    };
    listed.sort_by_key(|listed| (listed.snapshot.publication.to_lowercase(), listed.snapshot.created_at));
    let shown: Vec<Shown> = listed.into_iter().map(Shown::from).collect();
    args.output.print(&shown, |shown| table(shown))?;
    Ok(())
}

/// A snapshot as it is listed.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    publication: String,
    created_at: i64,
    articles: usize,
    rows: u64,
    bytes: u64,
    current: bool,
    needed_by: Vec<String>,
    kept_until: i64,
    removable: bool,
    location: String,
}

impl From<ListedSnapshot> for Shown {
    fn from(listed: ListedSnapshot) -> Self {
        let ListedSnapshot { snapshot, current, needed_by, kept_until, removable } = listed;
        let articles: BTreeSet<_> = snapshot.boundaries.iter().map(|(article, _)| *article).collect();
        Self {
            id: snapshot.id.to_string(),
            publication: snapshot.publication,
            created_at: snapshot.created_at,
            articles: articles.len(),
            rows: snapshot.rows,
            bytes: snapshot.bytes,
            current,
            needed_by,
            kept_until,
            removable,
            location: snapshot.location,
        }
    }
}

fn table(snapshots: &[Shown]) -> Table {
    let mut table =
        Table::new(["SNAPSHOT", "PUBLICATION", "TAKEN", "ARTICLES", "ROWS", "SIZE", "WHAT BECOMES OF IT", "LOCATION"]);
    for s in snapshots {
        let (taken, size) = (cli::time::format(s.created_at), cli::size::format(s.bytes));
        let (articles, rows) = (s.articles.to_string(), s.rows.to_string());
        table.row([&s.id, &s.publication, &taken, &articles, &rows, &size, &s.future(), &s.location]);
    }
    table
}

impl Shown {
    /// What becomes of it.
    fn future(&self) -> String {
        let needed = || format!("needed by {}", self.needed_by.join(", "));
        match (self.current, self.needed_by.is_empty()) {
            (true, true) => "current".to_owned(),
            (true, false) => format!("current, {}", needed()),
            (false, false) => needed(),
            (false, true) if self.removable => "removable".to_owned(),
            (false, true) => format!("kept until {}", cli::time::format(self.kept_until)),
        }
    }
}

async fn clean_up(args: CleanupArgs) -> Result<(), Error> {
    let cleanup = Cleanup {
        distributor: settings::distributor(&args.distributor)?,
        work_dir: settings::work_dir(&args.folder.working_directory, &args.folder.access)?,
        unfinished_retention: args.retention.unfinished_retention,
    };
    let server = settings::server(&args.server)?;
    if cleanup.of_publication(&server, &args.publication, &mut say).await? == 0 {
        say("nothing to remove");
    }
    Ok(())
}

/// Cleans up for as long as the log reader runs. Where that cannot be, it says why, and the log reader runs without.
pub async fn regularly(args: RegularCleanupArgs, server: &ServerOptions, distributor: &ConnectOptions) -> Infallible {
    let Some(url) = args.working_directory.filter(|_| !args.cleanup_interval.is_zero()) else {
        return std::future::pending().await;
    };
    match settings::work_dir(&url, &args.access) {
        Ok(work_dir) => {
            let (distributor, unfinished_retention) = (distributor.clone(), args.retention.unfinished_retention);
            let cleanup = Cleanup { distributor, work_dir, unfinished_retention };
            cleanup.again_and_again(server, args.cleanup_interval).await
        }
        Err(error) => {
            tracing::warn!(
                "snapshots are not cleaned up: {error}; correct working-directory and what it takes to get in, and start the log reader \
                 again"
            );
            std::future::pending().await
        }
    }
}

/// Results go to stdout; one that nobody reads is no reason to fail.
fn say(text: &str) {
    let _ = print(format_args!("{text}\n"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::snapshot::cleanup::UNFINISHED_RETENTION;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        snapshot: SnapshotCommand,
    }

    const CONNECTIONS: [&str; 8] =
        ["--distributor", "d:1", "--distributor-login", "l", "--server", "s", "--login", "l"];

    fn parse(arguments: &[&str]) -> Result<SnapshotCommand, String> {
        let arguments: Vec<_> = ["publisher"].iter().chain(arguments).map(Into::into).collect();
        cli::settings::parse_from::<Program>(&arguments, None)
            .map(|program| program.snapshot)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn without_a_subcommand_a_snapshot_is_taken() {
        let take =
            [&["--publication", "p", "--working-directory", "file:///w", "--database", "d"][..], &CONNECTIONS].concat();
        assert!(matches!(parse(&take), Ok(SnapshotCommand::Take(_))));
        assert!(parse(&CONNECTIONS).unwrap_err().contains("--publication"));
        let list = parse(&[&["list"][..], &CONNECTIONS[..4]].concat()).unwrap();
        assert_eq!(list.name_and_server().0, "publisher snapshot list");
        let clean_up = [&["cleanup"][..], &take].concat();
        let clean_up = parse(&clean_up).unwrap();
        assert_eq!(clean_up.name_and_server().0, "publisher snapshot cleanup");
        assert!(parse(&["--publication", "p", "list"]).is_err());
    }

    #[test]
    fn the_retention_is_the_one_that_is_built_in() {
        #[derive(Debug, Parser)]
        struct Program {
            #[command(flatten)]
            retention: RetentionArgs,
        }
        let program = Program::try_parse_from(["publisher"]).unwrap();
        assert_eq!(program.retention.unfinished_retention, UNFINISHED_RETENTION);
    }

    #[test]
    fn what_becomes_of_a_snapshot_is_told() {
        let shown = |current, needed_by: &[&str], removable| {
            let shown = Shown {
                id: String::new(),
                publication: String::new(),
                created_at: 0,
                articles: 1,
                rows: 1,
                bytes: 1,
                current,
                needed_by: needed_by.iter().map(|name| (*name).to_owned()).collect(),
                kept_until: 1_000_000,
                removable,
                location: String::new(),
            };
            shown.future()
        };
        assert_eq!(shown(true, &[], false), "current");
        assert_eq!(shown(true, &["s"], false), "current, needed by s");
        assert_eq!(shown(false, &["s", "t"], false), "needed by s, t");
        assert_eq!(shown(false, &[], true), "removable");
        assert_eq!(shown(false, &[], false), "kept until 1970-01-01 00:00:01 UTC");
    }
}
