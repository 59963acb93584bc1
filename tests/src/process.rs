//! Processes that a test starts and ends.

use crate::wait;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A running program whose output goes to files; killed when dropped, and its output shown when the test fails.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Mutex<Child>,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// How a program ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its status.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

impl Process {
    /// Starts a program, with its output in `folder`, in files named after it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let mut number = 0;
        let (stdout, stderr) = loop {
            let stdout = folder.join(format!("{name}.{number}.out"));
            if !stdout.exists() {
                break (stdout, folder.join(format!("{name}.{number}.err")));
            }
            number += 1;
        };
        let file = |path: &Path| File::create(path).expect("the test's folder can be written");
        command.stdin(Stdio::null()).stdout(file(&stdout)).stderr(file(&stderr));
        let child = command.spawn().unwrap_or_else(|e| panic!("{name} cannot be started: {e}"));
        Self { name: name.to_owned(), child: Mutex::new(child), stdout, stderr }
    }

    /// What it printed so far.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it said beside so far.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Waits for a line on its standard output that starts with `prefix`, and gives the rest of the line.
    ///
    /// # Panics
    /// When the process ends first, or the limit passes.
    pub async fn line(&self, prefix: &str) -> String {
        wait::until(&format!("a line `{prefix}…` of {}", self.name), async || {
            // What it has printed is asked for afterwards, so that it is all of it if it has ended.
            let status = self.status();
            let said = self.stdout();
            let complete = said.rfind('\n').map_or("", |end| &said[..end]);
            let found = complete.lines().find_map(|line| line.strip_prefix(prefix)).map(|rest| rest.trim().to_owned());
            if found.is_none()
                && let Some(status) = status
            {
                panic!("{} ended with {status} before it was ready:\n{}", self.name, self.stderr());
            }
            found
        })
        .await
    }

    /// Waits until its standard error contains `text`.
    ///
    /// # Panics
    /// When the process ends without it, or the limit passes.
    pub async fn says(&self, text: &str) {
        wait::until(&format!("{} to say `{text}`", self.name), async || {
            let status = self.status();
            let said = self.stderr();
            if said.contains(text) {
                return Some(());
            }
            assert!(status.is_none(), "{} ended without saying `{text}`:\n{said}", self.name);
            None
        })
        .await;
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.status().is_none()
    }

    /// Asserts that it has not failed.
    ///
    /// # Panics
    /// When it has ended otherwise than well.
    pub fn assert_sound(&self) {
        if let Some(status) = self.status() {
            assert!(status.success(), "{} ended with {status}", self.name);
        }
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    /// Most memory it has had, in KiB, where `/proc` tells.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
    }

    /// SIGKILL: it gets no chance to say goodbye.
    pub fn kill(self) {
        self.end();
    }

    /// SIGTERM, then waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn terminate(self) -> Outcome {
        let status = Command::new("kill").arg(self.id().to_string()).status().expect("kill can be run");
        assert!(status.success(), "{} was not there to be ended", self.name);
        self.outcome().await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(self) -> Outcome {
        self.outcome().await
    }

    async fn outcome(&self) -> Outcome {
        let status = wait::until(&format!("the end of {}", self.name), async || self.status()).await;
        Outcome { status, stdout: self.stdout(), stderr: self.stderr() }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended, if it has.
    fn status(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a child can be asked")
    }

    fn end(&self) {
        let mut child = self.child();
        // One that ended by itself needs no killing.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            let stderr = self.stderr();
            let lines: Vec<&str> = stderr.lines().collect();
            eprintln!("── last words of {} ──\n{}", self.name, lines[lines.len().saturating_sub(25)..].join("\n"));
        }
    }
}

/// Runs a program to its end.
///
/// # Panics
/// When it cannot be started or does not end.
pub async fn run(name: &str, command: Command, folder: &Path) -> Outcome {
    Process::start(name, command, folder).ended().await
}
