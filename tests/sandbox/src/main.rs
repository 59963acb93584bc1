//! `sandbox`: the stand-in for SQL Server as a program.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand, ValueEnum};
use cli::{CliError, LogArgs};
use sandbox::cdc::ChangeDataCapture;
use sandbox::demo::{self, DemoArgs};
use sandbox::engine::{EngineOptions, SqliteEngine};
use sandbox::server::{Certificate, ServerOptions, TlsMode, serve};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Environment variable of the password of `sa`.
const PASSWORD_VARIABLE: &str = "SANDBOX_SA_PASSWORD";

/// A disposable stand-in for SQL Server
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until Ctrl-C or SIGTERM; prints `listening on ADDRESS:PORT` when ready
    Serve(ServeArgs),
    /// Replicate a sports retail database from one server to another while its shops stay open
    Demo(DemoArgs),
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// Address to listen on
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST.into())]
    bind: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 1433)]
    port: u16,
    /// What the server calls itself (`@@SERVERNAME`); must differ between servers that replicate to each other
    #[arg(long, default_value = "SANDBOX")]
    server_name: String,
    /// Folder of the databases; a temporary one, removed at the end, if not given
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// File with the password of the login sa; without it, the environment variable SANDBOX_SA_PASSWORD
    #[arg(long)]
    sa_password_file: Option<PathBuf>,
    /// Encryption
    #[arg(long, value_enum, default_value = "on")]
    tls: Tls,
    /// Host name or address that the certificate is to be valid for, besides localhost; may be repeated
    #[arg(long)]
    tls_name: Vec<String>,
    /// Write the authority that signed the server's certificate to this file (PEM), for clients to trust
    #[arg(long)]
    tls_cert_out: Option<PathBuf>,
}

/// Encryption of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tls {
    /// None
    Off,
    /// As the client likes
    On,
    /// Only encrypted connections
    Required,
}

impl From<Tls> for TlsMode {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Off => Self::Off,
            Tls::On => Self::On,
            Tls::Required => Self::Required,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    cli::main(async {
        cli::init_logging(&arguments.logging)?;
        match arguments.command {
            Command::Serve(args) => Box::pin(run_server(args)).await,
            Command::Demo(args) => Box::pin(run_demo(args)).await,
        }
    })
}

async fn run_demo(args: DemoArgs) -> Result<(), CliError> {
    match demo::run(args).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::new("the two databases are not equal")),
        Err(error) => Err(CliError::because("the demo could not go on", error)),
    }
}

async fn run_server(args: ServeArgs) -> Result<(), CliError> {
    let password = cli::secret::password(args.sa_password_file.as_deref(), PASSWORD_VARIABLE, "the login sa")?;
    let temporary;
    let data_dir = match args.data_dir {
        Some(folder) => folder,
        None => {
            temporary = tempfile::Builder::new()
                .prefix("sandbox-")
                .tempdir()
                .map_err(|error| CliError::because("cannot make a temporary folder", error))?;
            temporary.path().to_owned()
        }
    };
    let certificate = match args.tls {
        Tls::Off => None,
        _ => Some(
            Certificate::generate(&args.tls_name)
                .map_err(|error| CliError::because("cannot make a certificate", error))?,
        ),
    };
    if let (Some(path), Some(certificate)) = (&args.tls_cert_out, &certificate) {
        std::fs::write(path, certificate.authority_pem())
            .map_err(|error| CliError::because(format!("cannot write {}", path.display()), error))?;
    }
    let options = EngineOptions { server_name: args.server_name, ..EngineOptions::new(password.as_str()) };
    let engine = SqliteEngine::open_with(&data_dir, options, Arc::new(ChangeDataCapture::default()))
        .map_err(|error| CliError::because(format!("cannot open the databases in {}", data_dir.display()), error))?;
    let address = SocketAddr::new(args.bind, args.port);
    let server =
        serve(engine, ServerOptions { address, tls: args.tls.into(), certificate, ..ServerOptions::default() })
            .await
            .map_err(|error| CliError::because(format!("cannot listen on {address}"), error))?;
    // Listening before the line is out: whoever reads it can connect.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", server.local_addr())
        .and_then(|()| stdout.flush())
        .map_err(|error| CliError::because("cannot write to the standard output", error))?;
    cli::shutdown_signal().await;
    tracing::info!("stopping");
    server.shutdown().await;
    Ok(())
}
