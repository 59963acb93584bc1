//! The demo's processes: two sandbox servers and the three roles, each with a log file, ended with the demo.

use super::DemoError;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long a process may take to say that it is ready, or to end when asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the roles' programs are.
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Next to this program; built first when it was started by cargo, which built only this one.
    pub async fn find_or_build() -> Result<Self, DemoError> {
        let this = std::env::current_exe().map_err(|e| DemoError::new(format!("cannot find this program: {e}")))?;
        let folder = this.parent().unwrap_or(Path::new(".")).to_owned();
        if let Some(cargo) = std::env::var_os("CARGO") {
            println!("building the three roles (a few minutes the first time) …");
            let mut build = Command::new(cargo);
            build.args([
                "build",
                "--quiet",
                "--locked",
                "--bins",
                "-p",
                "publisher",
                "-p",
                "distributor",
                "-p",
                "subscriber",
            ]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            if let Some(target) = folder.parent() {
                build.arg("--target-dir").arg(target);
            }
            let status = build.status().await.map_err(|e| DemoError::new(format!("cannot run cargo: {e}")))?;
            if !status.success() {
                return Err(DemoError::new("cargo could not build the roles; its messages are above"));
            }
        }
        let programs = Self { folder };
        for role in ["publisher", "distributor", "subscriber"] {
            if !programs.path(role).is_file() {
                return Err(DemoError::new(format!(
                    "{} is not there; build it first: cargo build --release --workspace",
                    programs.path(role).display()
                )));
            }
        }
        Ok(programs)
    }

    /// Path of one of them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}

/// A child that is killed when dropped, and has ended by then: it makes no more files in a folder that is removed next.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // One that ended by itself needs no killing.
        let _ = self.0.start_kill();
        while matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A process that runs in the background; killed when dropped.
pub struct Process {
    /// What the demo calls it.
    pub name: String,
    child: Killed,
    log: PathBuf,
}

impl Process {
    /// Starts it with its standard error going to `log`. With `ready`, waits for a line on its standard output that starts
    /// so and returns the rest of that line.
    pub async fn start(
        name: &str,
        mut command: Command,
        log: PathBuf,
        ready: Option<&str>,
    ) -> Result<(Self, String), DemoError> {
        let file = std::fs::File::create(&log).map_err(|e| DemoError::new(format!("{}: {e}", log.display())))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let child = command.spawn().map_err(|e| DemoError::new(format!("cannot start the {name}: {e}")))?;
        let mut child = Killed(child);
        let stdout = child.0.stdout.take().expect("its standard output is piped");
        let mut lines = BufReader::new(stdout).lines();
        let mut said = String::new();
        if let Some(ready) = ready {
            let wait = async {
                while let Ok(Some(line)) = lines.next_line().await {
                    if let Some(rest) = line.strip_prefix(ready) {
                        return Some(rest.trim().to_owned());
                    }
                }
                None
            };
            match tokio::time::timeout(PATIENCE, wait).await {
                Ok(Some(rest)) => said = rest,
                _ => return Err(DemoError::new(format!("the {name} did not start:\n{}", tail(&log)))),
            }
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok((Self { name: name.to_owned(), child, log }, said))
    }

    /// The last lines of its log, if it ended by itself.
    pub fn has_ended(&mut self) -> Option<DemoError> {
        let status = self.child.0.try_wait().ok().flatten()?;
        Some(DemoError::new(format!("the {} ended ({status}):\n{}", self.name, tail(&self.log))))
    }

    /// Resident memory and its peak, in MiB, where the system tells.
    pub fn memory(&self) -> Option<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.0.id()?)).ok()?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
        };
        Some((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Ends it.
    pub async fn stop(mut self) {
        // A missing process is as good as a stopped one.
        let _ = self.child.0.kill().await;
    }
}

/// Runs a command of a role to its end and returns what it printed.
pub async fn run(name: &str, command: &mut Command) -> Result<String, DemoError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|e| DemoError::new(format!("cannot start {name}: {e}")))?;
    let mut child = Killed(child);
    let stdout = child.0.stdout.take().expect("its standard output is piped");
    let stderr = child.0.stderr.take().expect("its standard error is piped");
    let ended = async { tokio::try_join!(child.0.wait(), whole(stdout), whole(stderr)) };
    let (status, stdout, stderr) = tokio::time::timeout(PATIENCE * 3, ended)
        .await
        .map_err(|_| DemoError::new(format!("{name} did not end")))?
        .map_err(|e| DemoError::new(format!("cannot follow {name}: {e}")))?;
    if status.success() { Ok(stdout) } else { Err(DemoError::new(format!("{name} failed:\n{stderr}"))) }
}

/// What a program writes, to its end.
async fn whole(mut output: impl AsyncReadExt + Unpin) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
