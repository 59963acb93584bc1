//! The README's first command: the demo gives its verdict, and leaves nothing behind however it ends.

#![allow(clippy::unwrap_used)]

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::process::Process;
use tests::{programs, wait};

/// Ends what a demo has started even where a failed test ends the demo by SIGKILL.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        // Mostly nobody is there any more.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0)]).stderr(Stdio::null()).status();
    }
}

fn demo(folder: &Path, seconds: &str) -> (Group, Process) {
    let mut command = Command::new(programs::path("sandbox"));
    // All programs are built already; and its temporary folders are to be seen.
    command.env_remove("CARGO").env("TMPDIR", folder).args(["demo", "--seconds", seconds]);
    let logs = folder.join("logs");
    std::fs::create_dir(&logs).unwrap();
    command.process_group(0);
    let demo = Process::start("demo", command, &logs);
    (Group(demo.id()), demo)
}

/// What the demo left in its temporary folder.
fn leftovers(folder: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "logs").collect()
}

/// Processes whose arguments or environment name a file in the folder.
fn processes(folder: &Path) -> usize {
    let folder = folder.to_string_lossy().into_owned();
    // One that has just ended has neither.
    let read = |pid: &str, file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let names = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).contains(&folder);
    let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let pids = pids.filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
    pids.filter(|pid| names(read(pid, "cmdline")) || names(read(pid, "environ"))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_agree_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (_group, demo) = demo(folder.path(), "4");
    let outcome = demo.ended().await;
    assert!(outcome.status.success(), "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("VERDICT: both sides agree: 9 tables"), "{}", outcome.stdout);
    assert_eq!(leftovers(folder.path()), [""; 0]);
    assert_eq!(processes(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_the_middle_ends_every_process_and_removes_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let (_group, demo) = demo(folder.path(), "600");
    demo.line("  $ subscriber run").await;
    wait::until("two servers and three roles beside the demo", async || (processes(folder.path()) >= 6).then_some(()))
        .await;
    let interrupted = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let outcome = demo.ended().await;
    assert_eq!(outcome.status.code(), Some(1), "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(!outcome.stdout.contains("VERDICT"));
    wait::until("the processes to be gone", async || (processes(folder.path()) == 0).then_some(())).await;
    assert_eq!(leftovers(folder.path()), [""; 0]);
}
