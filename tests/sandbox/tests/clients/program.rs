//! A client's program as a child process, with a limit on its time.

use super::{Protection, Sandbox, installed, scripts};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longest that a client may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What a program left behind.
pub struct Ended {
    /// It ended with 0.
    pub success: bool,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// Runs a program to its end with this input; past the limit it is killed and the test fails.
pub async fn run(mut command: Command, input: &str) -> Ended {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let what = format!("{:?}", command.as_std().get_program());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("{what}: {error}: run tests/run, which installs it"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeding = tokio::spawn(async move {
        // A program may end without reading everything.
        let _ = stdin.write_all(input.as_bytes()).await;
    });
    let ended = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    feeding.abort();
    let output = ended.unwrap_or_else(|_| panic!("{what} did not end within {LIMIT:?}")).unwrap();
    Ended {
        success: output.status.success(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The interpreter of the scripts in Python.
pub fn python() -> Command {
    let mut command = Command::new(present(installed().join("python/bin/python")));
    // No compiled files beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The interpreter of the scripts in JavaScript.
pub fn node() -> Command {
    let mut command = Command::new("node");
    command.env("NODE_PATH", present(installed().join("node/node_modules")));
    command
}

fn present(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run tests/run, which makes it", path.display());
    path
}

/// Lets a script run its session against a server, and compares the steps that held.
pub async fn run_script(mut interpreter: Command, script: &str, protection: Protection, steps: &[&str]) {
    let sandbox = Sandbox::start(protection);
    interpreter.arg(scripts().join(Path::new(script))).envs(sandbox.environment());
    let ended = run(interpreter, "").await;
    let held: Vec<&str> = ended.output.lines().collect();
    assert!(ended.success, "{script}, {protection:?}: after {held:?}:\n{}", ended.errors);
    assert_eq!(held, steps, "{script}, {protection:?}\n{}", ended.errors);
}
