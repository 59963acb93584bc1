//! The publisher's program.
#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand, ValueEnum};
use cli::output::{Table, count, print};
use cli::{DistributorArgs, LogArgs, OutputArgs, ServerArgs};
use proto::catalog::PublicationKind;
use proto::{Article, PreCreation, SchemaOptions, TableName};
use publisher::article::Definition;
use publisher::article::filter::Outcome;
use publisher::article::options::{self, OptionTexts};
use publisher::command::capture::CaptureAction;
use publisher::command::check::CheckArgs;
use publisher::command::snapshot::LateArgs;
use publisher::command::snapshots::{RegularCleanupArgs, SnapshotCommand};
use publisher::command::tracer::TracerAction;
use publisher::reader::{self, ReaderOptions};
use publisher::{Error, ErrorKind, article, command, publication, settings};
use serde::Serialize;
use std::error::Error as StdError;
use std::process::ExitCode;
use std::time::Duration;

/// Publishes tables of a SQL Server database.
#[derive(Debug, Parser)]
#[command(name = "publisher", version)]
struct Program {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add, list or drop publications
    Publication {
        #[command(subcommand)]
        action: PublicationAction,
    },
    /// Add tables to a publication, list or drop them
    Article {
        #[command(subcommand)]
        action: ArticleAction,
    },
    /// Write the present rows of a publication to the working directory, for new subscriptions; list or clean up what is there
    Snapshot(SnapshotCommand),
    /// See whether server, database, distributor and permissions are as publishing takes them; changes nothing
    Check(CheckArgs),
    /// Send a tracer token through the line and see how long it takes
    Tracer {
        #[command(subcommand)]
        action: TracerAction,
    },
    /// Show or change the settings of the capture job, which fills the change tables
    Capture {
        #[command(subcommand)]
        action: CaptureAction,
    },
    /// Read the log of the database and send its transactions to the distributor
    Run(RunArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PublicationType {
    Transactional,
    Snapshot,
}

impl From<PublicationType> for PublicationKind {
    fn from(kind: PublicationType) -> Self {
        match kind {
            PublicationType::Transactional => Self::Transactional,
            PublicationType::Snapshot => Self::Snapshot,
        }
    }
}

impl Switch {
    fn is_on(self) -> bool {
        self == Self::On
    }
}

#[derive(Debug, Subcommand)]
enum PublicationAction {
    /// Make a publication of the database
    Add {
        /// Name of the new publication
        #[arg(long)]
        publication: String,
        /// Transactional: every committed transaction, in order; snapshot: all rows anew with each snapshot
        #[arg(long = "type", value_enum, default_value_t = PublicationType::Transactional)]
        kind: PublicationType,
        /// Whether schema changes of its tables are carried out at the subscribers too
        #[arg(long, value_enum, default_value_t = Switch::On)]
        replicate_ddl: Switch,
        #[command(flatten)]
        sides: Sides,
    },
    /// Change a publication
    Set {
        /// Its name
        #[arg(long)]
        publication: String,
        /// Whether the next schema changes of its tables are carried out at the subscribers too
        #[arg(long, value_enum)]
        replicate_ddl: Switch,
        #[command(flatten)]
        distributor: DistributorArgs,
    },
    /// List the publications at the distributor
    List {
        #[command(flatten)]
        distributor: DistributorArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Drop a publication with its articles
    Drop {
        /// Its name
        #[arg(long)]
        publication: String,
        #[command(flatten)]
        sides: Sides,
    },
}

#[derive(Debug, Subcommand)]
enum ArticleAction {
    /// Publish a table; enables change data capture for it
    Add {
        /// Publication
        #[arg(long)]
        publication: String,
        /// Table, as schema.table
        #[arg(long)]
        table: String,
        /// Columns to publish, with the primary key among them; all if not given
        #[arg(long, value_delimiter = ',')]
        columns: Vec<String>,
        /// T-SQL predicate over the table's columns: only rows for which it is true are published
        #[arg(long)]
        filter: Option<String>,
        #[command(flatten)]
        options: Box<ArticleOptionArgs>,
        #[command(flatten)]
        late: LateArgs,
        #[command(flatten)]
        sides: Sides,
    },
    /// Change the row filter of a table that is being replicated, where no rows enter with the new one
    #[command(group = clap::ArgGroup::new("what").required(true).args(["filter", "no_filter"]))]
    Set {
        /// Publication
        #[arg(long)]
        publication: String,
        /// Table, as schema.table
        #[arg(long)]
        table: String,
        /// T-SQL predicate over the published columns; the subscribers delete the rows for which it is not true
        #[arg(long)]
        filter: Option<String>,
        /// Publish all rows
        #[arg(long)]
        no_filter: bool,
        #[command(flatten)]
        sides: Sides,
    },
    /// List articles
    List {
        /// Only those of this publication
        #[arg(long)]
        publication: Option<String>,
        #[command(flatten)]
        distributor: DistributorArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Publish a table no longer
    Drop {
        /// Publication
        #[arg(long)]
        publication: String,
        /// Table, as schema.table
        #[arg(long)]
        table: String,
        #[command(flatten)]
        sides: Sides,
    },
}

/// How an article arrives.
#[derive(Debug, Args)]
#[command(next_help_heading = "At the subscriber")]
struct ArticleOptionArgs {
    /// Table at the subscriber, with or without its schema; the same name if not given
    #[arg(long, value_name = "TABLE")]
    dest_table: Option<String>,
    /// Schema of that table; the same as here if not given
    #[arg(long, value_name = "SCHEMA")]
    dest_owner: Option<String>,
    /// What happens to that table, if it is there already, when the snapshot is loaded: none (it must be empty), delete (its rows; with
    /// --filter those that the filter selects), drop, truncate
    #[arg(long, value_name = "COMMAND", value_parser = options::parse_pre_creation)]
    pre_creation_cmd: Option<PreCreation>,
    /// What is made there besides the columns: all, none, default or names, of unique-keys, foreign-keys, check-constraints,
    /// defaults, clustered-index, nonclustered-indexes, identity, user-triggers, collation; -name takes one away
    #[arg(long, value_name = "OPTIONS", value_parser = options::parse_schema_options)]
    schema_options: Option<SchemaOptions>,
    /// How inserts are carried out: SQL, NONE or CALL [procedure]; without a name, replication makes the procedure
    #[arg(long, value_name = "COMMAND")]
    ins_cmd: Option<String>,
    /// How updates are carried out: SQL, NONE, or CALL, SCALL, MCALL or XCALL [procedure]
    #[arg(long, value_name = "COMMAND")]
    upd_cmd: Option<String>,
    /// How deletes are carried out: SQL, NONE, or CALL or XCALL [procedure]
    #[arg(long, value_name = "COMMAND")]
    del_cmd: Option<String>,
}

#[derive(Debug, Args)]
struct Sides {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    distributor: DistributorArgs,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Longest pause between two looks at an idle database; while there are changes it is much shorter
    #[arg(long, default_value = "500ms", value_parser = cli::duration::parse, value_name = "DURATION")]
    poll_interval: Duration,
    /// Read the log into the change tables where no capture job can (no SQL Server Agent)
    #[arg(long, num_args = 0..=1, default_value_t = false, default_missing_value = "true", value_name = "true|false",
          action = clap::ArgAction::Set)]
    drive_capture: bool,
    /// In an idle database, write a marker this long after the last transaction, so that position and latency are known; 0s for none
    #[arg(long, default_value = "60s", value_parser = cli::duration::parse, value_name = "DURATION")]
    heartbeat_interval: Duration,
    #[command(flatten)]
    sides: Sides,
    #[command(flatten)]
    cleanup: RegularCleanupArgs,
}

type Done = Result<(), Box<dyn StdError + Send + Sync>>;

fn main() -> ExitCode {
    let program: Program = cli::parse();
    cli::main(execute(program))
}

async fn execute(program: Program) -> Done {
    cli::init_logging(&program.log)?;
    let (name, login) = program.command.name_and_login();
    let done = carry_out(program.command).await;
    done.map_err(|error| match sqlserver::permission::explain(&*error, name, &login) {
        Some(explained) => Error::because(ErrorKind::Refused, explained, error).into(),
        None => error,
    })
}

impl Command {
    /// Its name, and the login that it uses at the server, to say which permission it takes.
    fn name_and_login(&self) -> (&'static str, String) {
        let (name, server) = match self {
            Self::Publication { action } => match action {
                PublicationAction::Add { sides, .. } => ("publisher publication add", Some(&sides.server)),
                PublicationAction::Set { .. } => ("publisher publication set", None),
                PublicationAction::List { .. } => ("publisher publication list", None),
                PublicationAction::Drop { sides, .. } => ("publisher publication drop", Some(&sides.server)),
            },
            Self::Article { action } => match action {
                ArticleAction::Add { sides, .. } => ("publisher article add", Some(&sides.server)),
                ArticleAction::Set { sides, .. } => ("publisher article set", Some(&sides.server)),
                ArticleAction::List { .. } => ("publisher article list", None),
                ArticleAction::Drop { sides, .. } => ("publisher article drop", Some(&sides.server)),
            },
            Self::Snapshot(command) => command.name_and_server(),
            Self::Check(args) => ("publisher check", Some(&args.server)),
            Self::Tracer { action: TracerAction::Post { server, .. } } => ("publisher tracer post", Some(server)),
            Self::Tracer { action: TracerAction::History { .. } } => ("publisher tracer history", None),
            Self::Capture { action: CaptureAction::Show { server, .. } } => ("publisher capture show", Some(server)),
            Self::Capture { action: CaptureAction::Set { server, .. } } => ("publisher capture set", Some(server)),
            Self::Run(args) if args.drive_capture => ("publisher run --drive-capture", Some(&args.sides.server)),
            Self::Run(args) => ("publisher run", Some(&args.sides.server)),
        };
        (name, server.map(|server| server.login.clone()).unwrap_or_default())
    }
}

async fn carry_out(command: Command) -> Done {
    match command {
        Command::Publication { action } => Box::pin(on_publications(action)).await,
        Command::Article { action } => Box::pin(on_articles(action)).await,
        Command::Snapshot(command) => Ok(Box::pin(command::snapshots::run(command)).await?),
        Command::Check(args) => Ok(Box::pin(command::check::run(args)).await?),
        Command::Tracer { action } => Ok(Box::pin(command::tracer::run(action)).await?),
        Command::Capture { action } => Ok(Box::pin(command::capture::run(action)).await?),
        Command::Run(args) => Box::pin(run(args)).await,
    }
}

async fn on_publications(action: PublicationAction) -> Done {
    match action {
        PublicationAction::Add { publication, kind, replicate_ddl, sides } => {
            let server = settings::server(&sides.server)?;
            let distributor = settings::distributor(&sides.distributor)?;
            let added =
                publication::add(&server, &distributor, &publication, kind.into(), replicate_ddl.is_on()).await?;
            say(&format!("publication {} of {} added", added.name, added.database));
        }
        PublicationAction::Set { publication, replicate_ddl, distributor } => {
            publication::set(&settings::distributor(&distributor)?, &publication, replicate_ddl.is_on()).await?;
            let are = if replicate_ddl.is_on() { "are" } else { "are not" };
            say(&format!("schema changes of publication {publication} {are} replicated from now on"));
        }
        PublicationAction::List { distributor, output } => {
            let publications = publication::list(&settings::distributor(&distributor)?).await?;
            output.print(&publications, |publications| {
                let mut table = Table::new(["PUBLICATION", "TYPE", "SERVER", "DATABASE", "SCHEMA CHANGES"]);
                for p in publications {
                    let (kind, ddl) = match p.kind {
                        PublicationKind::Transactional if p.replicate_ddl => ("transactional", "replicated"),
                        PublicationKind::Transactional => ("transactional", "not replicated"),
                        PublicationKind::Snapshot => ("snapshot", "with each snapshot"),
                    };
                    table.row([p.name.as_str(), kind, &p.database.server, &p.database.database, ddl]);
                }
                table
            })?;
        }
        PublicationAction::Drop { publication, sides } => {
            let server = settings::server(&sides.server)?;
            let distributor = settings::distributor(&sides.distributor)?;
            for article in article::list(&distributor, Some(&publication)).await? {
                article::drop(&server, &distributor, &publication, &article.source, &mut say).await?;
            }
            publication::drop(&distributor, &publication).await?;
            say(&format!("publication {publication} dropped"));
        }
    }
    Ok(())
}

async fn on_articles(action: ArticleAction) -> Done {
    match action {
        ArticleAction::Add { publication, table, columns, filter, options, late, sides } => {
            let server = settings::server(&sides.server)?;
            let distributor = settings::distributor(&sides.distributor)?;
            let columns = columns.iter().map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
            let texts = OptionTexts {
                pre_creation: options.pre_creation_cmd,
                schema: options.schema_options,
                insert: options.ins_cmd,
                update: options.upd_cmd,
                delete: options.del_cmd,
            };
            let (destination, destination_owner) = (options.dest_table, options.dest_owner);
            let definition =
                Definition { publication, table, columns, filter, destination, destination_owner, options: texts };
            let added = article::add(&server, &distributor, &definition, &mut say).await?;
            let how = match added.capture.instance.as_str() {
                "" => "with each snapshot".to_owned(),
                instance => format!("read from capture instance {instance}"),
            };
            say(&format!(
                "article {} added to publication {}: {}, {how}",
                added.source,
                added.publication,
                count(added.columns.len(), "column")
            ));
            Box::pin(command::snapshot::of_late_article(&server, &distributor, &added, &late)).await?;
        }
        ArticleAction::Set { publication, table, filter, no_filter: _, sides } => {
            let server = settings::server(&sides.server)?;
            let distributor = settings::distributor(&sides.distributor)?;
            let filter = filter.as_deref();
            let outcome = article::filter::set(&server, &distributor, &publication, &table, filter, &mut say).await?;
            say(&match outcome {
                Outcome::Same => format!("the filter of {table} in publication {publication} is that already"),
                Outcome::InForce(lsn) => {
                    format!("the filter of {table} in publication {publication} is in force from position {lsn} on")
                }
            });
        }
        ArticleAction::List { publication, distributor, output } => {
            let articles = article::list(&settings::distributor(&distributor)?, publication.as_deref()).await?;
            let listed: Vec<Listed> = articles.into_iter().map(Listed::from).collect();
            output.print(&listed, |articles| {
                let head = [
                    "PUBLICATION",
                    "TABLE",
                    "DESTINATION",
                    "COLUMNS",
                    "FILTER",
                    "INS",
                    "UPD",
                    "DEL",
                    "PRE-CREATION",
                    "SCHEMA",
                ];
                let mut table = Table::new(head);
                for a in articles {
                    let filter = a.filter.clone().unwrap_or_default();
                    let (columns, schema) = (a.columns.join(","), a.schema_options.join(","));
                    table.row([
                        &a.publication,
                        &a.table,
                        &a.destination,
                        &columns,
                        &filter,
                        &a.ins_cmd,
                        &a.upd_cmd,
                        &a.del_cmd,
                        a.pre_creation_cmd,
                        &schema,
                    ]);
                }
                table
            })?;
        }
        ArticleAction::Drop { publication, table, sides } => {
            let server = settings::server(&sides.server)?;
            let distributor = settings::distributor(&sides.distributor)?;
            let source: TableName = article::parse_table(&table)?;
            article::drop(&server, &distributor, &publication, &source, &mut say).await?;
            say(&format!("article {source} dropped from publication {publication}"));
        }
    }
    Ok(())
}

async fn run(args: RunArgs) -> Done {
    let options = ReaderOptions {
        server: settings::server(&args.sides.server)?,
        distributor: settings::distributor(&args.sides.distributor)?,
        poll_interval: args.poll_interval,
        drive_capture: args.drive_capture,
        heartbeat_interval: args.heartbeat_interval,
    };
    tokio::select! {
        ended = reader::run(&options, cli::shutdown_signal()) => Ok(ended?),
        never = command::snapshots::regularly(args.cleanup, &options.server, &options.distributor) => match never {},
    }
}

/// Results go to stdout; one that nobody reads is no reason to fail.
fn say(text: &str) {
    let _ = print(format_args!("{text}\n"));
}

/// An article as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    id: u32,
    publication: String,
    table: String,
    destination: String,
    columns: Vec<String>,
    filter: Option<String>,
    pre_creation_cmd: &'static str,
    schema_options: Vec<&'static str>,
    ins_cmd: String,
    upd_cmd: String,
    del_cmd: String,
    capture_instance: String,
    start_lsn: String,
}

impl From<Article> for Listed {
    fn from(article: Article) -> Self {
        Self {
            id: article.id.0,
            publication: article.publication,
            table: article.source.to_string(),
            destination: article.destination.to_string(),
            columns: article.columns.into_iter().map(|c| c.name).collect(),
            filter: article.filter,
            pre_creation_cmd: options::pre_creation_name(article.options.pre_creation),
            schema_options: options::schema_option_names(&article.options.schema),
            ins_cmd: options::command_text(&article.options.insert),
            upd_cmd: options::command_text(&article.options.update),
            del_cmd: options::command_text(&article.options.delete),
            capture_instance: article.capture.instance,
            start_lsn: article.capture.start_lsn.to_string(),
        }
    }
}
