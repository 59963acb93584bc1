//! The subscriber's program.
#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand, ValueEnum};
use cli::output::Table;
use cli::{DistributorArgs, LogArgs, OutputArgs, ServerArgs, WorkingDirectoryAccess};
use proto::Lsn;
use proto::catalog::SyncType;
use std::process::ExitCode;
use std::time::Duration;
use subscriber::core::stream::Limits;
use subscriber::run::Schedule;
use subscriber::session::Settings;
use subscriber::{Error, commands, run, settings};

/// Applies publications to a SQL Server database.
#[derive(Debug, Parser)]
#[command(name = "subscriber", version)]
struct Program {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add, list or drop subscriptions of the database
    Subscription {
        #[command(subcommand)]
        action: Action,
    },
    /// Initialise subscriptions and apply their transactions
    Run(RunArgs),
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Subscribe the database to a publication
    Add {
        /// Name of the new subscription
        #[arg(long)]
        subscription: String,
        /// Publication
        #[arg(long)]
        publication: String,
        #[command(flatten)]
        sync: SyncArgs,
        #[command(flatten)]
        sides: Sides,
    },
    /// List the database's subscriptions
    List {
        #[command(flatten)]
        sides: Sides,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// End a subscription; its tables and rows stay
    Drop {
        /// Its name
        #[arg(long)]
        subscription: String,
        #[command(flatten)]
        sides: Sides,
    },
}

#[derive(Debug, Args)]
struct SyncArgs {
    /// How the subscription gets its first rows
    #[arg(long, value_enum, default_value = "automatic")]
    sync_type: SyncTypeArg,
    /// Position in the publication database's log as of which the tables are, as 0x… or 0000002d:00000a68:0003
    #[arg(long, value_name = "LSN", required_if_eq("sync_type", "initialize-from-lsn"))]
    subscription_lsn: Option<Lsn>,
}

/// `@sync_type` of `sp_addsubscription`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SyncTypeArg {
    /// From a snapshot: tables and rows
    Automatic,
    /// Tables and rows are there and equal to the publisher's; what commits from now on is delivered
    ReplicationSupportOnly,
    /// Tables and rows are there as of --subscription-lsn; what comes after it is delivered
    InitializeFromLsn,
}

impl SyncArgs {
    fn sync(&self) -> Result<SyncType, Error> {
        match (self.sync_type, self.subscription_lsn) {
            (SyncTypeArg::Automatic, None) => Ok(SyncType::Automatic),
            (SyncTypeArg::ReplicationSupportOnly, None) => Ok(SyncType::ReplicationSupportOnly),
            (SyncTypeArg::InitializeFromLsn, Some(lsn)) => Ok(SyncType::InitializeFromLsn(lsn)),
            (SyncTypeArg::InitializeFromLsn, None) => {
                Err(Error::invalid("--sync-type initialize-from-lsn needs --subscription-lsn"))
            }
            (_, Some(_)) => Err(Error::invalid("--subscription-lsn belongs to --sync-type initialize-from-lsn alone")),
        }
    }
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
    #[command(flatten)]
    schedule: ScheduleArgs,
    /// Subscriptions to run; all of the database if not given
    #[arg(long)]
    subscription: Vec<String>,
    /// Row changes after which a batch is closed
    #[arg(long, default_value_t = Limits::default().changes, value_name = "NUMBER")]
    batch_changes: u64,
    /// Bytes after which a batch is closed; a transaction that is larger is applied in pieces
    #[arg(long, default_value = "6MiB", value_parser = cli::size::parse, value_name = "SIZE")]
    batch_bytes: u64,
    /// Time after which a batch is closed although more arrives
    #[arg(long, default_value = "200ms", value_parser = cli::duration::parse, value_name = "DURATION")]
    batch_time: Duration,
    /// Connections over which a snapshot is loaded at once, each with one part of a table
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64), value_name = "NUMBER")]
    load_sessions: u8,
    /// Working directory as a URL, where the snapshots are reached otherwise than at the publisher
    #[arg(long, value_name = "URL")]
    working_directory: Option<String>,
    #[command(flatten)]
    access: WorkingDirectoryAccess,
    #[command(flatten)]
    sides: Sides,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ScheduleArgs {
    /// Apply without a pause, until stopped
    #[arg(long)]
    continuous: bool,
    /// Apply what there is, again and again after this time
    #[arg(long, value_parser = cli::duration::parse_pause, value_name = "DURATION")]
    every: Option<Duration>,
    /// Apply what there is and end
    #[arg(long)]
    once: bool,
}

impl ScheduleArgs {
    fn schedule(&self) -> Schedule {
        match self.every {
            Some(pause) => Schedule::Every(pause),
            None if self.once => Schedule::Once,
            None => Schedule::Continuous,
        }
    }
}

fn main() -> ExitCode {
    let program: Program = cli::parse();
    cli::main(execute(program))
}

async fn execute(program: Program) -> Result<(), Error> {
    cli::init_logging(&program.log)?;
    let (name, sides) = match &program.command {
        Command::Run(args) => ("subscriber run", &args.sides),
        Command::Subscription { action: Action::Add { sides, .. } } => ("subscriber subscription add", sides),
        Command::Subscription { action: Action::List { sides, .. } } => ("subscriber subscription list", sides),
        Command::Subscription { action: Action::Drop { sides, .. } } => ("subscriber subscription drop", sides),
    };
    let login = sides.server.login.clone();
    let done = carry_out(program.command).await;
    done.map_err(|error| match sqlserver::permission::explain(&error, name, &login) {
        Some(explained) => Error::because(error.kind, explained, error),
        None => error,
    })
}

async fn carry_out(command: Command) -> Result<(), Error> {
    match command {
        Command::Run(args) => Box::pin(start(args)).await,
        Command::Subscription { action } => Box::pin(administer(action)).await,
    }
}

async fn administer(action: Action) -> Result<(), Error> {
    match action {
        Action::Add { subscription, publication, sync, sides } => {
            let sync = sync.sync()?;
            let (server, distributor) = sides.options()?;
            commands::add(&server, &distributor, &subscription, &publication, sync).await?;
            cli::output::print(format_args!("subscription {subscription} added\n"))?;
        }
        Action::List { sides, output } => {
            let (server, distributor) = sides.options()?;
            let subscriptions = commands::list(&server, &distributor).await?;
            output.print(&subscriptions, |subscriptions| {
                let mut table =
                    Table::new(["SUBSCRIPTION", "PUBLICATION", "OF", "STATE", "POSITION", "PENDING", "ERROR"]);
                for s in subscriptions {
                    table.row([
                        s.subscription.as_str(),
                        &s.publication,
                        &s.publication_database,
                        &s.state,
                        s.position.as_deref().unwrap_or("-"),
                        &s.pending_transactions.map_or_else(|| "-".to_owned(), |pending| pending.to_string()),
                        s.error.as_deref().unwrap_or(""),
                    ]);
                }
                table
            })?;
        }
        Action::Drop { subscription, sides } => {
            let (server, distributor) = sides.options()?;
            commands::drop(&server, &distributor, &subscription).await?;
            cli::output::print(format_args!("subscription {subscription} dropped\n"))?;
        }
    }
    Ok(())
}

async fn start(args: RunArgs) -> Result<(), Error> {
    let (server, distributor) = args.sides.options()?;
    let limits = Limits {
        changes: args.batch_changes.max(1),
        bytes: usize::try_from(args.batch_bytes).unwrap_or(usize::MAX).max(1),
        millis: u64::try_from(args.batch_time.as_millis()).unwrap_or(u64::MAX),
        ..Limits::default()
    };
    let (stop, stopping) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        cli::shutdown_signal().await;
        tracing::info!("stopping at the next commit");
        let _ = stop.send(true);
        // Keeps the channel open.
        stop.closed().await;
    });
    let snapshots = settings::snapshots(args.working_directory.clone(), &args.access)?;
    run::run(
        Settings { server, distributor, snapshots, limits, load_sessions: usize::from(args.load_sessions) },
        &args.subscription,
        args.schedule.schedule(),
        stopping,
    )
    .await
}

impl Sides {
    fn options(&self) -> Result<(sqlserver::ServerOptions, proto::transport::ConnectOptions), Error> {
        Ok((settings::server(&self.server)?, self.distributor.connect_options("subscriber")?))
    }
}
