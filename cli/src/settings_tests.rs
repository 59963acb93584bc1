#![allow(clippy::unwrap_used)]
use super::{environment_name, parse_from};
use clap::Parser;
use std::ffi::OsString;
use std::io::Write;

#[derive(Debug, Parser)]
#[command(name = "program")]
struct Program {
    #[command(flatten)]
    log: crate::LogArgs,
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    Run {
        #[command(flatten)]
        server: crate::ServerArgs,
        #[command(flatten)]
        distributor: crate::DistributorArgs,
        #[arg(long)]
        subscription: Vec<String>,
        #[arg(long)]
        table: Option<String>,
    },
}

const SERVER: &str = "server = \"sql1\"\ndatabase = \"Sports\"\nlogin = \"sa\"\ndistributor-login = \"pub\"\n";

fn parse(arguments: &[&str], file: &str) -> Result<Program, String> {
    let mut config = tempfile::NamedTempFile::new().unwrap();
    config.write_all(file.as_bytes()).unwrap();
    let mut all = vec!["program".to_owned(), "run".to_owned(), format!("--config={}", config.path().display())];
    all.extend(arguments.iter().map(|a| (*a).to_owned()));
    let all: Vec<OsString> = all.into_iter().map(OsString::from).collect();
    parse_from(&all, None).map_err(|error| error.to_string())
}

#[test]
fn the_file_gives_what_the_command_line_does_not() {
    let file = format!("{SERVER}trust-server-certificate = true\nlog = \"debug\"\nsubscription = [\"a\", \"b\"]\n");
    let program = parse(&["--database", "Other"], &file).unwrap();
    let Sub::Run { server, distributor, subscription, table } = program.command;
    assert_eq!((server.server.as_str(), server.database.as_str()), ("sql1", "Other"));
    assert!(server.trust_server_certificate);
    assert_eq!(distributor.distributor, "127.0.0.1:4710");
    assert_eq!(subscription, ["a", "b"]);
    assert_eq!(program.log.log, "debug");
    assert_eq!(table, None);
}

#[test]
fn a_flag_takes_back_what_the_file_switches_on() {
    let file = format!("{SERVER}trust-server-certificate = true\n");
    let Sub::Run { server, .. } = parse(&["--trust-server-certificate=false"], &file).unwrap().command;
    assert!(!server.trust_server_certificate);
}

#[test]
fn a_file_may_hold_settings_of_the_other_roles() {
    assert!(parse(&[], &format!("{SERVER}data-dir = \"/var/lib/distributor\"\n")).is_ok());
}

#[test]
fn an_unknown_key_is_refused_with_the_file_and_the_nearest_names() {
    let error = parse(&[], &format!("{SERVER}distributer_ca = \"x\"\n")).unwrap_err();
    assert!(error.contains("distributer_ca") && error.contains("`distributor-ca`"), "{error}");
    assert!(error.contains(" in /"), "{error}");
}

#[test]
fn a_flag_of_one_command_is_no_setting() {
    assert!(parse(&[], &format!("{SERVER}table = \"dbo.t\"\n")).unwrap_err().contains("unknown setting `table`"));
}

#[test]
fn a_wrong_value_names_the_file_it_comes_from() {
    let error = parse(&[], &format!("{SERVER}encrypt = \"maybe\"\n")).unwrap_err();
    assert!(error.contains("maybe") && error.contains("set in /"), "{error}");
}

#[test]
fn a_missing_setting_is_named() {
    assert!(parse(&[], "server = \"sql1\"\n").unwrap_err().contains("--database"));
}

#[test]
fn a_file_that_cannot_be_read_or_is_no_toml_is_refused() {
    assert!(parse(&[], "server = ").unwrap_err().contains("is not a TOML file"));
    let arguments = ["program", "run", "--config", "/nowhere.toml"].map(OsString::from);
    let error = parse_from::<Program>(&arguments, None).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("/nowhere.toml"));
}

#[test]
fn the_environment_may_name_the_file() {
    let mut config = tempfile::NamedTempFile::new().unwrap();
    config.write_all(SERVER.as_bytes()).unwrap();
    let arguments = ["program", "run"].map(OsString::from);
    assert!(parse_from::<Program>(&arguments, Some(config.path().into())).is_ok());
}

#[test]
fn a_setting_is_named_the_same_in_the_environment() {
    assert_eq!(environment_name("distributor-password-file"), "REPL_DISTRIBUTOR_PASSWORD_FILE");
}
