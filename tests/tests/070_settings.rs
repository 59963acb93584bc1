//! A setting has one name in file, environment and flag, and the programs say what is wrong with one.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::process::{Outcome, run};
use tests::programs;

fn example(role: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/{role}.toml"))
}

/// Runs a program that finds neither servers nor files, and says how it ended.
async fn tried(role: &str, config: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(programs::path(role));
    command.arg("--config").arg(config).args(arguments).envs(environment.iter().copied());
    run(role, command, folder.path()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_files_hold_what_the_programs_need() {
    // Everything is understood; what is missing is the password file that the example names.
    for (role, arguments, password) in [
        ("publisher", &["publication", "list"], "pub.password"),
        ("subscriber", &["subscription", "list"], "mi1.password"),
    ] {
        let outcome = tried(role, &example(role), arguments, &[]).await;
        assert_eq!(outcome.status.code(), Some(1), "{role}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(password), "{role}: {}", outcome.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let arguments = ["run", "--listen", "127.0.0.1:0", "--data-dir", nowhere.to_str().unwrap()];
    let outcome = tried("distributor", &example("distributor"), &arguments, &[]).await;
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("nowhere") && outcome.stderr.contains("init"), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let list = ["publication", "list"];
    let environment = [("REPL_DISTRIBUTOR_PASSWORD_FILE", "/nowhere/of-environment")];
    let outcome = tried("publisher", &example("publisher"), &list, &environment).await;
    assert!(outcome.stderr.contains("/nowhere/of-environment"), "{}", outcome.stderr);
    let flagged = ["publication", "list", "--distributor-password-file", "/nowhere/of-flag"];
    let outcome = tried("publisher", &example("publisher"), &flagged, &environment).await;
    assert!(outcome.stderr.contains("/nowhere/of-flag"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("of-environment"), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_setting_ends_each_program_with_its_nearest_names() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wrong.toml");
    std::fs::write(&config, "distributer = \"127.0.0.1:4710\"\n").unwrap();
    for (role, arguments) in [
        ("publisher", ["publication", "list"]),
        ("subscriber", ["subscription", "list"]),
        ("distributor", ["login", "list"]),
    ] {
        let outcome = tried(role, &config, &arguments, &[]).await;
        assert_eq!(outcome.status.code(), Some(2), "{role}: {}", outcome.stderr);
        for expected in ["`distributer`", "wrong.toml", "`distributor`"] {
            assert!(outcome.stderr.contains(expected), "{role}: {}", outcome.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_file_that_everybody_can_read_is_refused_and_its_content_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("open.password");
    std::fs::write(&path, "Hidden-Word-1!").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let arguments = ["publication", "list", "--distributor-password-file", path.to_str().unwrap()];
    let outcome = tried("publisher", &example("publisher"), &arguments, &[]).await;
    assert_eq!(outcome.status.code(), Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("chmod 600"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Hidden-Word") && !outcome.stdout.contains("Hidden-Word"));
}

/// Arguments of a command's own stand before those that many have, which stand under headings.
#[test]
fn help_puts_every_argument_under_its_own_heading() {
    for (program, command, argument) in [
        ("publisher", &["snapshot"][..], "--cron"),
        ("publisher", &["snapshot", "cleanup"], "--unfinished-retention"),
        ("distributor", &["status"], "--watch"),
        ("distributor", &["login", "add"], "--role"),
        ("distributor", &["login", "drop"], "--name"),
    ] {
        let output = Command::new(programs::path(program)).args(command).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("{text} is missing:\n{help}"));
        let first =
            ["\nWorking directory:", "\nDistributor:"].iter().filter_map(|heading| help.find(heading)).min().unwrap();
        assert!(at(&format!("      {argument}")) < first, "{program} {command:?}:\n{help}");
    }
}
