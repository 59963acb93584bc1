//! Logs, to stderr.

use crate::error::CliError;
use crate::progress;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Never logged.
const SILENT: &str = "tiberius=off";
/// What a filter does not ask for by name: the client of Blob Storage tells of each attempt, in words for programmers.
const QUIET: &str = "typespec_client_core=warn";

/// How the program logs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// What is logged: a level, or `module=level` pairs
    #[arg(long, global = true, default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// Form of the log on stderr
    #[arg(long, global = true, default_value = "text", value_enum)]
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Starts logging; once a process. From then on [`progress`] may draw bars, unless programs read the log.
pub fn init_logging(args: &LogArgs) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", args.log)).map_err(|error| {
        CliError::because(format!("`{}` is not a log filter such as info or distributor=debug", args.log), error)
    })?;
    // The TDS client logs rows and the server's messages, which quote values; no filter may bring them out.
    let filter = filter.add_directive(SILENT.parse().expect("it is a directive"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| progress::Lines)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match args.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| CliError::because("logging was started already", error))?;
    // Between JSON objects bars have no place.
    if args.log_format == LogFormat::Text {
        progress::allow_bars();
    }
    Ok(())
}
