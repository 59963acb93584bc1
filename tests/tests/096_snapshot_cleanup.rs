//! Snapshots that nobody needs are removed, and what interrupted ones and interrupted removals have left; nothing else is.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::history::{History, TABLES};
use tests::line::{At, KEY_LOOKS, Line};
use tests::process::Process;
use tests::unanswered::Way;
use tests::wait;
use uuid::Uuid;

/// The snapshot agent's name at the server.
const AGENT: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));

/// A line whose distributor keeps no snapshot that nobody needs.
async fn line() -> Line {
    let mut line = Line::start_on_sandboxes().await;
    line.distributor.take().unwrap().terminate().await;
    line.start_distributor_with(&["--snapshot-retention", "0s"]).await;
    line
}

/// Starts the log reader.
fn reader(line: &Line, more: &[&str]) -> Process {
    let mut command = line.command("publisher", At::Source);
    command.arg("run").args(more);
    Process::start("publisher", command, line.folder())
}

/// What lies in the working directory.
fn there(line: &Line) -> BTreeSet<String> {
    names(&line.path("snapshots"))
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn folder(line: &Line, snapshot: &str) -> PathBuf {
    line.path("snapshots").join(snapshot)
}

/// Takes a snapshot; gives its id and all that was said.
async fn snapshot(line: &Line, publication: &str) -> (String, String) {
    let before = there(line);
    let taken = line.publisher_tries(&["snapshot", "--publication", publication, "--rows-per-file", "100"]).await;
    assert!(taken.status.success(), "{}", taken.stderr);
    let after = there(line);
    let new: Vec<&String> = after.difference(&before).collect();
    assert_eq!(new.len(), 1, "{new:?}");
    (new[0].clone(), taken.stderr)
}

async fn clean_up(line: &Line, more: &[&str]) -> String {
    line.publisher_does(&[&["snapshot", "cleanup", "--publication", "p"], more].concat()).await
}

/// The snapshots of publication `p` that are listed.
async fn listed(line: &Line) -> Vec<Value> {
    let said = line.publisher_does(&["snapshot", "list", "--publication", "p", "--output", "json"]).await;
    serde_json::from_str(&said).unwrap()
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|snapshot| snapshot["id"].as_str().unwrap()).collect()
}

/// Copies a snapshot's folder under another name, or with its own if `copy` is a folder elsewhere.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in names(from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// A copy of a snapshot under an id of its own, whose manifest or plan says something else of its publication.
fn altered(line: &Line, from: &Path, file: &str, alter: impl Fn(&mut Value)) -> String {
    altered_as(Uuid::new_v4(), line, from, file, alter)
}

fn altered_as(id: Uuid, line: &Line, from: &Path, file: &str, alter: impl Fn(&mut Value)) -> String {
    let id = id.to_string();
    let to = folder(line, &id);
    copy(from, &to);
    let mut content: Value = serde_json::from_slice(&std::fs::read(to.join(file)).unwrap()).unwrap();
    content["id"] = id.as_str().into();
    alter(&mut content["publication"]);
    std::fs::write(to.join(file), content.to_string()).unwrap();
    id
}

/// Copies that are other publications' by one thing each.
fn strangers(line: &Line, from: &Path, file: &str) -> BTreeSet<String> {
    let other = |field: &'static str, value: Value| altered(line, from, file, |of| of[field] = value.clone());
    let of: Value = serde_json::from_slice(&std::fs::read(from.join(file)).unwrap()).unwrap();
    let mut database = of["publication"]["database"].clone();
    database["server"] = "ELSEWHERE".into();
    let created_at = of["publication"]["created_at"].as_i64().unwrap() - 1;
    [other("name", "pp".into()), other("database", database), other("created_at", created_at.into())].into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_needs_goes_and_nothing_else() {
    let mut line = line().await;
    let history = History::begin(&line.source).await;
    line.publish("p", &TABLES).await;
    line.publish("q", &TABLES[..1]).await;
    line.publisher = Some(reader(&line, &["--cleanup-interval", "0s"]));
    let (other, _) = snapshot(&line, "q").await;
    let (other_newer, _) = snapshot(&line, "q").await;
    assert!(!there(&line).contains(&other), "each cleans up after its own publication");
    let (first, said) = snapshot(&line, "p").await;
    assert!(!said.contains("removed"), "{said}");
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    // The subscription will begin with the newest.
    let (second, said) = snapshot(&line, "p").await;
    assert!(said.contains(&format!("removed snapshot {first} of 20")), "{said}");
    assert_eq!(there(&line), [other_newer.clone(), second.clone()].into());
    let shown = listed(&line).await;
    assert_eq!(ids(&shown), [&second]);
    assert_eq!((&shown[0]["current"], &shown[0]["needed_by"][0]), (&true.into(), &"s".into()));
    assert_eq!(shown[0]["articles"], TABLES.len());
    assert_eq!(shown[0]["location"], format!("file://{}", folder(&line, &second).display()));

    // One that is being loaded, and cannot be.
    let data = names(&folder(&line, &second)).into_iter().find(|name| name.ends_with(".bcp")).unwrap();
    let data = folder(&line, &second).join(data);
    let whole = std::fs::read(&data).unwrap();
    std::fs::write(&data, &whole[..whole.len() - 1]).unwrap();
    assert!(!line.subscriber_tries(&["run", "--once"]).await.status.success());
    let (third, said) = snapshot(&line, "p").await;
    assert!(!said.contains("removed"), "{said}");
    let shown = listed(&line).await;
    assert_eq!(ids(&shown), [&second, &third]);
    assert_eq!((&shown[0]["current"], &shown[0]["needed_by"][0]), (&false.into(), &"s".into()));
    let text = line.publisher_does(&["snapshot", "list"]).await;
    let of = |id: &str| text.lines().find(|line| line.starts_with(id)).unwrap_or_default();
    assert!(of(&second).contains("  needed by s  ") && of(&third).contains("  current, needed by s  "), "{text}");
    assert!(of(&other_newer).contains("  current  "), "{text}");

    // What is not ours: files and folders of other people, other publications and other distributors.
    let work_dir = line.path("snapshots");
    std::fs::write(work_dir.join("notes.txt"), "mine").unwrap();
    let nameless = Uuid::new_v4().to_string();
    for name in ["archive", &nameless] {
        std::fs::create_dir(work_dir.join(name)).unwrap();
        std::fs::write(work_dir.join(name).join("notes.txt"), "mine").unwrap();
    }
    strangers(&line, &folder(&line, &third), "manifest.json");
    let untouched = there(&line);
    assert_eq!(clean_up(&line, &[]).await, "nothing to remove\n");
    assert_eq!(there(&line), untouched);

    // It loads the newest instead; then nobody needs the other. The removal is killed as soon as it has begun.
    let loaded = line.subscriber_tries(&["run", "--once"]).await;
    assert!(loaded.status.success(), "{}", loaded.stderr);
    let saved = line.path("saved");
    copy(&folder(&line, &second), &saved);
    let all = names(&saved).len();
    let mut command = line.command("publisher", At::Source);
    command.args(["snapshot", "cleanup", "--publication", "p"]);
    let killed = Process::start("cleanup", command, line.folder());
    // It may be gone between two looks.
    let left = || std::fs::read_dir(folder(&line, &second)).map_or(0, Iterator::count);
    while killed.is_running() && left() == all {
        tokio::task::yield_now().await;
    }
    killed.kill();
    clean_up(&line, &[]).await;
    let mut kept = untouched;
    kept.remove(&second);
    assert_eq!(there(&line), kept);
    assert_eq!(ids(&listed(&line).await), [&third]);
    // What a removal leaves that is killed on its way, and at the last file.
    for part in ["0", "manifest.json"] {
        let left = folder(&line, &second);
        copy(&saved, &left);
        for name in names(&left).iter().filter(|name| !name.starts_with(part) && *name != "manifest.json") {
            std::fs::remove_file(left.join(name)).unwrap();
        }
        let said = clean_up(&line, &[]).await;
        assert_eq!(said, format!("removed snapshot {second}, which the distributor does not know\n"));
        assert_eq!(there(&line), kept);
    }
    assert_eq!(clean_up(&line, &[]).await, "nothing to remove\n");
    drop(history);
}

/// A folder from which nothing can be removed, not even by root, until it is dropped.
struct Sealed(PathBuf);

impl Sealed {
    fn seal(folder: PathBuf) -> Self {
        for how in [&["--bind"][..], &["-o", "remount,ro,bind"]] {
            let onto: &[&Path] = if how == ["--bind"] { &[&folder, &folder] } else { &[&folder] };
            let mounted = Command::new("mount").args(how).args(onto).output().unwrap();
            let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
            assert!(mounted.status.success(), "this test mounts a folder, as root: {why}");
        }
        Self(folder)
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_distributor_has_forgotten_and_nobody_could_remove_goes_the_next_time() {
    let line = line().await;
    let history = History::begin(&line.source).await;
    line.publish("p", &TABLES).await;
    let (first, _) = snapshot(&line, "p").await;
    let files = names(&folder(&line, &first));
    // The folder cannot be removed. Each attempt says so, the one at the end of a snapshot and that of a log reader too.
    let sealed = Sealed::seal(folder(&line, &first));
    let (second, said) = snapshot(&line, "p").await;
    assert!(said.contains("the snapshot is taken, but the cleanup of older ones failed"), "{said}");
    assert_eq!(ids(&listed(&line).await), [&second]);
    // Whichever comes first, it keeps no others.
    for id in [Uuid::nil(), Uuid::max()] {
        altered_as(id, &line, &folder(&line, &second), "manifest.json", |_| ());
    }
    let refused = line.publisher_tries(&["snapshot", "cleanup", "--publication", "p"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(there(&line), [first.clone(), second.clone()].into());
    let at = folder(&line, &first).display().to_string();
    assert!(refused.stderr.contains("Read-only file system") && refused.stderr.contains(&at), "{}", refused.stderr);
    let reader = reader(&line, &["--cleanup-interval", "100ms"]);
    reader.says("cleanup of snapshots failed").await;
    reader.kill();
    assert_eq!(names(&folder(&line, &first)), files);
    drop(sealed);
    assert_eq!(clean_up(&line, &[]).await, format!("removed snapshot {first}, which the distributor does not know\n"));
    assert_eq!(there(&line), [second.clone()].into());

    // The agent that is to remove it is killed before it learns that the distributor has forgotten it.
    let files = names(&folder(&line, &second));
    let way = Way::open().await;
    let mut command = line.command("publisher", At::Source);
    command.env("REPL_DISTRIBUTOR", way.address.to_string()).args(["snapshot", "--publication", "p"]);
    let agent = Process::start("publisher-snapshot", command, line.folder());
    let unanswered = way.pass_until(&line, async || !ids(&listed(&line).await).contains(&&*second)).await;
    agent.kill();
    drop(unanswered);
    assert_eq!(names(&folder(&line, &second)), files);
    assert_eq!(clean_up(&line, &[]).await, format!("removed snapshot {second}, which the distributor does not know\n"));
    let left = there(&line);
    assert_eq!(left.iter().collect::<Vec<_>>(), ids(&listed(&line).await), "the newest is whole");
    drop(history);
}

/// Starts an agent and holds it up in the middle.
async fn held_up(line: &Line) -> Process {
    let fault = format!(
        "EXEC sys.sp_sandbox_fault @application = N'{AGENT}', @action = N'stall', @at = N'statement', @object = N'lines', @after = {}",
        KEY_LOOKS + 7
    );
    let fault = line.source.number(&fault).await;
    let mut command = line.command("publisher", At::Source);
    command.args(["snapshot", "--publication", "p", "--rows-per-file", "100"]);
    let agent = Process::start("publisher-snapshot", command, line.folder());
    let mut admin = line.source.connect().await;
    wait::until("the agent to be held up", async || {
        let faults = admin.run("EXEC sys.sp_sandbox_faults").await.unwrap();
        let ours = faults.iter().find(|row| row.get::<i64, _>("fault_id") == Some(fault)).unwrap();
        (ours.get::<i64, _>("fired").unwrap() > 0).then_some(())
    })
    .await;
    agent
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_agent_has_left_goes_when_it_is_old() {
    let line = line().await;
    let history = History::begin(&line.source).await;
    line.publish("p", &TABLES).await;
    let agent = held_up(&line).await;
    let unfinished = there(&line).into_iter().next().unwrap();
    assert!(names(&folder(&line, &unfinished)).contains("plan.json"));
    // While it is at work nobody cleans up.
    let refused =
        line.publisher_tries(&["snapshot", "cleanup", "--publication", "p", "--unfinished-retention", "0s"]).await;
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("a snapshot of publication p is being taken already"), "{}", refused.stderr);
    agent.kill();
    line.source.run("EXEC sys.sp_sandbox_clear_faults").await;
    let strangers = strangers(&line, &folder(&line, &unfinished), "plan.json");
    let before = there(&line);
    let files = names(&folder(&line, &unfinished));
    for retention in [&[][..], &["--unfinished-retention", "1h"]] {
        assert_eq!(clean_up(&line, retention).await, "nothing to remove\n");
    }
    assert_eq!((there(&line), names(&folder(&line, &unfinished))), (before, files));
    assert_eq!(line.status().await["snapshots"].as_array().unwrap().len(), 1);
    let said = clean_up(&line, &["--unfinished-retention", "0s"]).await;
    assert!(said.starts_with(&format!("removed the unfinished snapshot {unfinished}, begun 20")), "{said}");
    assert_eq!(there(&line), strangers);
    assert_eq!(line.status().await["snapshots"], serde_json::json!([]), "nothing is kept for it any more");
    let (_, said) = snapshot(&line, "p").await;
    assert!(!said.contains("going on"), "{said}");
    drop(history);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_reader_cleans_up_beside_its_work() {
    let line = line().await;
    let history = History::begin(&line.source).await;
    line.publish("p", &TABLES).await;
    // A working directory that cannot be used does not stop it.
    let wrong = reader(&line, &["--working-directory", "ftp://nowhere"]);
    wrong.says("snapshots are not cleaned up").await;
    wrong.says("log reader attached").await;
    assert!(wrong.terminate().await.status.success());
    let (first, _) = snapshot(&line, "p").await;
    let saved = line.path("saved");
    copy(&folder(&line, &first), &saved);
    let (second, _) = snapshot(&line, "p").await;
    copy(&saved, &folder(&line, &first));
    let agent = held_up(&line).await;
    let held = reader(&line, &["--cleanup-interval", "100ms", "--log", "publisher=debug"]);
    held.says("a snapshot is being taken, which cleans up at its end").await;
    assert!(folder(&line, &first).exists());
    agent.kill();
    line.source.run("EXEC sys.sp_sandbox_clear_faults").await;
    held.says(&format!("cleanup of publication p: removed snapshot {first}, which the distributor does not know"))
        .await;
    assert!(!folder(&line, &first).exists() && folder(&line, &second).exists());
    // The unfinished one is not old enough.
    assert_eq!(there(&line).len(), 2);
    assert!(held.terminate().await.status.success());
    drop(history);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_of_a_publication_that_was_dropped_go_by_its_name() {
    let line = line().await;
    let history = History::begin(&line.source).await;
    line.publish("p", &TABLES).await;
    let (first, _) = snapshot(&line, "p").await;
    line.publisher_does(&["publication", "drop", "--publication", "p"]).await;
    let shown = listed(&line).await;
    assert_eq!((ids(&shown), &shown[0]["removable"]), (vec![&*first], &true.into()));
    // They are in another working directory than the one that is named.
    let elsewhere = format!("file://{}", line.path("elsewhere").display());
    let said = clean_up(&line, &["--working-directory", &elsewhere]).await;
    assert!(said.contains(&format!("snapshot {first} may go, but it is not in this working directory")), "{said}");
    assert_eq!(ids(&listed(&line).await), [&first]);
    let said = clean_up(&line, &[]).await;
    assert!(said.starts_with(&format!("removed snapshot {first} of 20")), "{said}");
    assert!(there(&line).is_empty());
    let unknown = line.publisher_tries(&["snapshot", "cleanup", "--publication", "p"]).await;
    assert!(!unknown.status.success(), "{}", unknown.stdout);
    drop(history);
}
