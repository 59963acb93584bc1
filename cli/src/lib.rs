//! What the programs of the three roles share: settings, logging, output, passwords, the end of the process.
//!
//! A setting has one name. It is the key in the TOML file (`--config FILE` or `REPL_CONFIG`), the flag `--<name>` and the
//! environment variable `REPL_<NAME>`; the flag wins over the environment, the environment over the file, the file over what is
//! built in. [`parse`] does this for any clap parser, so a program only declares its flags.
//!
//! - [`settings`]: [`parse`] and the list of settings.
//! - [`distributor`], [`server`], [`working_directory`]: how to reach the distributor, a SQL Server, the snapshots.
//! - [`secret`]: passwords, from a file or the environment and never from a flag.
//! - [`output`]: results, to stdout. [`logging`]: everything else, to stderr. [`progress`]: how far tables have come, there too.
//! - [`duration`], [`size`], [`time`]: `1h30m`, `64MiB`, `2026-02-28 13:05:09 UTC`.
//! - [`process`]: the end: exit codes and signals.
#![forbid(unsafe_code)]

pub mod distributor;
pub mod duration;
mod error;
pub mod logging;
pub mod output;
pub mod process;
pub mod progress;
pub mod secret;
pub mod server;
pub mod settings;
pub mod size;
pub mod time;
pub mod working_directory;

pub use distributor::DistributorArgs;
pub use error::CliError;
pub use logging::{LogArgs, init_logging};
pub use output::OutputArgs;
pub use process::{main, shutdown_signal};
pub use server::{Encrypt, ServerArgs};
pub use settings::parse;
pub use working_directory::{WorkingDirectoryAccess, WorkingDirectoryArgs};
