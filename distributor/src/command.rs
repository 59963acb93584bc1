//! The commands.

mod progress;
mod status;

use clap::{Args, Parser, Subcommand};
use cli::output::Table;
use cli::{DistributorArgs, LogArgs, OutputArgs, secret};
use distributor::log::DEFAULT_SEGMENT_SIZE;
use distributor::service::{DataDirectory, Options, Server, Tls};
use proto::catalog::{LoginRole, Request, Response};
use proto::transport::Connection;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Keeps the changes of publications in a durable queue until every subscription has them
#[derive(Debug, Parser)]
#[command(name = "distributor", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a data directory with a certificate and a first login
    Init(InitArgs),
    /// Serve publishers and subscribers
    Run(RunArgs),
    /// Manage the logins that publishers, subscribers and people use here
    Login {
        #[command(subcommand)]
        command: LoginCommand,
    },
    /// Show databases, log readers, queues, subscriptions and snapshots under way
    Status(status::StatusArgs),
}

#[derive(Debug, Args)]
struct InitArgs {
    /// Directory to make
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// Host name or address that clients connect to, for the certificate, beside localhost; can be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Name of the first login, which may do everything
    #[arg(long, value_name = "LOGIN")]
    admin_login: String,
    /// File with that login's password (or set REPL_ADMIN_PASSWORD)
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Directory that `distributor init` made
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4710", value_name = "HOST:PORT")]
    listen: String,
    /// Keep transactions at least this long, also when every subscription has them
    #[arg(long, default_value = "0h", value_parser = cli::duration::parse, value_name = "DURATION")]
    min_retention: Duration,
    /// Keep transactions no longer than this for a subscription that does not take them; it expires then
    #[arg(long, default_value = "72h", value_parser = cli::duration::parse, value_name = "DURATION")]
    max_retention: Duration,
    /// Keep the files of a snapshot that no subscription needs at least this long
    #[arg(long, default_value = "24h", value_parser = cli::duration::parse, value_name = "DURATION")]
    snapshot_retention: Duration,
    /// Size after which a file of the queue is finished; only finished files can be dropped
    #[arg(long, default_value_t = DEFAULT_SEGMENT_SIZE, value_parser = segment_size, value_name = "BYTES")]
    segment_size: u64,
    /// PEM file with a certificate chain, instead of the data directory's own certificate
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// PEM file with that certificate's private key
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Serve in the clear: passwords and rows can be read on the network
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    no_tls: bool,
}

#[derive(Debug, Subcommand)]
enum LoginCommand {
    /// Add a login
    Add {
        /// Name of the new login
        #[arg(long, value_name = "LOGIN")]
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: Role,
        /// File with the new login's password (or set REPL_NEW_PASSWORD)
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
        #[command(flatten)]
        distributor: DistributorArgs,
    },
    /// List the logins
    List {
        #[command(flatten)]
        output: OutputArgs,
        #[command(flatten)]
        distributor: DistributorArgs,
    },
    /// Drop a login
    Drop {
        /// Name of the login
        #[arg(long, value_name = "LOGIN")]
        name: String,
        #[command(flatten)]
        distributor: DistributorArgs,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Role {
    /// Everything, and the logins themselves
    Admin,
    /// Publications, articles, snapshots, and the log reader
    Publisher,
    /// Subscriptions and their streams
    Subscriber,
    /// Only to look
    Monitor,
}

impl From<Role> for LoginRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Publisher => Self::Publisher,
            Role::Subscriber => Self::Subscriber,
            Role::Monitor => Self::Monitor,
        }
    }
}

/// Runs what was asked for.
pub async fn run(arguments: Arguments) -> Outcome {
    cli::init_logging(&arguments.log)?;
    match arguments.command {
        Command::Init(args) => init(args),
        Command::Run(args) => serve(args).await,
        Command::Login { command } => login(command).await,
        Command::Status(args) => status::run(args).await,
    }
}

fn init(args: InitArgs) -> Outcome {
    let what = format!("login {}", args.admin_login);
    let password = secret::password(args.admin_password_file.as_deref(), "REPL_ADMIN_PASSWORD", &what)?;
    let directory = DataDirectory::init(&args.data_dir, &args.host, &args.admin_login, &password)?;
    cli::output::print(format_args!(
        "data directory {} is ready; clients need its certificate {}\n",
        directory.path().display(),
        directory.certificate().display()
    ))?;
    Ok(())
}

async fn serve(args: RunArgs) -> Outcome {
    let directory = DataDirectory::open(&args.data_dir)?;
    let tls = match (args.no_tls, args.tls_cert, args.tls_key) {
        (true, ..) => Tls::Off,
        (false, Some(certificate), Some(key)) => Tls::Files { certificate, key },
        _ => Tls::Own,
    };
    let options = Options {
        listen: args.listen,
        tls,
        segment_size: args.segment_size,
        min_retention: args.min_retention,
        max_retention: args.max_retention,
        snapshot_retention: args.snapshot_retention,
        ..Options::default()
    };
    let server = Server::open(directory, options).await?;
    cli::output::print(format_args!("listening on {}\n", server.address()?))?;
    server.run(cli::shutdown_signal()).await?;
    Ok(())
}

async fn login(command: LoginCommand) -> Outcome {
    match command {
        LoginCommand::Add { distributor, name, role, new_password_file } => {
            let what = format!("the new login {name}");
            let password = secret::password(new_password_file.as_deref(), "REPL_NEW_PASSWORD", &what)?;
            let request = Request::LoginAdd { name, password: password.to_string(), role: role.into() };
            connect(&distributor).await?.request(request).await?;
        }
        LoginCommand::Drop { distributor, name } => {
            connect(&distributor).await?.request(Request::LoginDrop { name }).await?;
        }
        LoginCommand::List { distributor, output } => {
            let Response::Logins(logins) = connect(&distributor).await?.request(Request::LoginList).await? else {
                return Err("the distributor answered something else".into());
            };
            let shown: Vec<_> = logins.iter().map(|(name, role)| ShownLogin { name, role: *role }).collect();
            output.print(&shown, |shown| {
                let mut table = Table::new(["LOGIN", "ROLE"]);
                for login in shown {
                    table.row([login.name.to_owned(), format!("{:?}", login.role).to_lowercase()]);
                }
                table
            })?;
        }
    }
    Ok(())
}

#[derive(Debug, serde::Serialize)]
struct ShownLogin<'a> {
    name: &'a str,
    role: LoginRole,
}

async fn connect(args: &DistributorArgs) -> Result<Connection, Box<dyn Error + Send + Sync>> {
    Ok(Connection::connect(&args.connect_options("distributor")?).await?)
}

/// Small enough that retention can work, large enough that files stay few.
fn segment_size(text: &str) -> Result<u64, String> {
    match cli::size::parse(text)? {
        size @ 0x1_0000..=0x1_0000_0000 => Ok(size),
        _ => Err("a segment size is 64KiB to 4GiB".to_owned()),
    }
}
