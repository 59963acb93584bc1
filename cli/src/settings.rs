//! Settings from flags, environment and file.

use crate::error::CliError;
use clap::builder::OsStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Every setting of every role. A file may hold any of them, so that one file can serve several programs; each program takes
/// those that it has a flag for. Flags that are not listed belong to one command and stand on the command line only.
pub const SETTINGS: &[&str] = &[
    // The distributor and a login there.
    "distributor",
    "distributor-ca",
    "distributor-login",
    "distributor-password-file",
    "distributor-server-name",
    "distributor-tls",
    // A SQL Server.
    "database",
    "encrypt",
    "login",
    "password-file",
    "server",
    "server-ca",
    "trust-server-certificate",
    // Publisher.
    "cleanup-interval",
    "drive-capture",
    "heartbeat-interval",
    "poll-interval",
    "publication",
    "unfinished-retention",
    "working-directory",
    "working-directory-login",
    "working-directory-password-file",
    // Distributor.
    "data-dir",
    "latency-threshold",
    "listen",
    "max-retention",
    "min-retention",
    "no-tls",
    "segment-size",
    "snapshot-retention",
    "tls-cert",
    "tls-key",
    // Subscriber.
    "batch-bytes",
    "batch-changes",
    "batch-time",
    "load-sessions",
    "subscription",
    // Everywhere.
    "log",
    "log-format",
    "output",
];

const CONFIG: &str = "config";
const CONFIG_ENV: &str = "REPL_CONFIG";

/// Parses the command line, with defaults from environment and file; ends the process with a message and exit code 2 when
/// something is wrong, and with 0 after `--help` or `--version`.
pub fn parse<T: clap::Parser>() -> T {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match parse_from(&arguments, std::env::var_os(CONFIG_ENV)) {
        Ok(parsed) => parsed,
        Err(error) => error.exit(),
    }
}

/// [`parse`] with the arguments (the program's name first) and the value of `REPL_CONFIG` given.
pub fn parse_from<T: clap::Parser>(arguments: &[OsString], config_env: Option<OsString>) -> Result<T, clap::Error> {
    let command = T::command();
    let file = match config_path(arguments, config_env).map(|path| SettingsFile::read(&path)).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(error) => {
            let text = crate::process::describe(&error);
            return Err(clap::Error::raw(ErrorKind::ValueValidation, text + "\n").with_cmd(&command));
        }
    };
    let command = with_defaults(command, &file).arg(
        Arg::new(CONFIG)
            .long(CONFIG)
            .env(CONFIG_ENV)
            .global(true)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("TOML file with settings, named like the flags"),
    );
    let mut matches = command.clone().try_get_matches_from(arguments).map_err(|error| file.blame(error))?;
    T::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command.clone()))
}

/// The file named on the command line, or else by the environment. It must be known before the command line is parsed, since
/// it changes what is required there.
fn config_path(arguments: &[OsString], config_env: Option<OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--") => break,
            Some("--config") => return arguments.next().map(PathBuf::from),
            Some(text) if text.starts_with("--config=") => return text.strip_prefix("--config=").map(PathBuf::from),
            _ => {}
        }
    }
    config_env.filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The environment variable of a setting.
pub fn environment_name(setting: &str) -> String {
    format!("REPL_{}", setting.replace('-', "_").to_uppercase())
}

fn with_defaults(command: Command, file: &SettingsFile) -> Command {
    let command = command.mut_args(|argument| match argument.get_long().map(str::to_owned) {
        Some(name) if SETTINGS.contains(&name.as_str()) => {
            let argument = argument.env(environment_name(&name)).hide_env_values(true);
            match file.values.get(&name) {
                Some(values) => argument.required(false).default_values(values.iter().map(OsStr::from)),
                None => argument,
            }
        }
        _ => argument,
    });
    command.mut_subcommands(|subcommand| with_defaults(subcommand, file))
}

/// A file's settings.
#[derive(Debug, Default)]
struct SettingsFile {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

impl SettingsFile {
    fn read(path: &Path) -> Result<Self, CliError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| CliError::because(format!("cannot read the settings in {shown}"), error))?;
        let table: toml::Table =
            text.parse().map_err(|error| CliError::because(format!("{shown} is not a TOML file"), error))?;
        let mut values = BTreeMap::new();
        for (key, value) in table {
            if !SETTINGS.contains(&key.as_str()) {
                return Err(unknown(&key, path));
            }
            let texts = match &value {
                toml::Value::Array(items) => items.iter().map(scalar).collect(),
                value => scalar(value).map(|text| vec![text]),
            };
            let texts = texts.ok_or_else(|| {
                CliError::new(format!("`{key}` in {shown} is a {}, where one value is expected", value.type_str()))
            })?;
            values.insert(key, texts);
        }
        Ok(Self { path: path.to_owned(), values })
    }

    /// Adds to an error about a value that it comes from the file.
    fn blame(&self, mut error: clap::Error) -> clap::Error {
        let (Some(ContextValue::String(argument)), Some(ContextValue::String(value))) =
            (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
        else {
            return error;
        };
        let name = argument.trim_start_matches('-').split(' ').next().unwrap_or_default();
        if self.values.get(name).is_some_and(|values| values.contains(value)) {
            let blamed = format!("{argument} (set in {})", self.path.display());
            error.insert(ContextKind::InvalidArg, ContextValue::String(blamed));
        }
        error
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

fn unknown(key: &str, path: &Path) -> CliError {
    let mut nearest: Vec<(usize, &str)> = SETTINGS.iter().map(|name| (distance(key, name), *name)).collect();
    nearest.sort();
    let names: Vec<String> = nearest.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
    CliError::new(format!("unknown setting `{key}` in {}; the nearest ones are {}", path.display(), names.join(", ")))
}

/// Levenshtein distance in which `_` and `-` are the same and case does not count.
fn distance(a: &str, b: &str) -> usize {
    let folded = |text: &str| -> Vec<char> { text.to_lowercase().replace('_', "-").chars().collect() };
    let (a, b) = (folded(a), folded(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
