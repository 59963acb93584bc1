//! A snapshot that was interrupted goes on: what is finished is not read again, the rest is read as of a later moment, and every part holds
//! what the publisher had at the boundary that it tells.

#![allow(clippy::unwrap_used)]

use proto::{Lsn, Value};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tests::history::{self, History, Rows, TABLES};
use tests::line::{At, KEY_LOOKS, Line};
use tests::process::{Outcome, Process};
use tests::unanswered::Way;
use tests::wait;
use uuid::Uuid;
use workdir::{Credentials, SnapshotReader};

/// The snapshot agent's name at the server.
const AGENT: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));
const WRITERS: u64 = 3;
/// Times that the agent is killed at some moment, after those at chosen ones.
const KILLS: u64 = 3;

/// Published tables full of rows, and their history.
async fn published(seed: u64) -> (Line, Arc<History>) {
    println!("seed {seed}");
    let line = Line::start_on_sandboxes().await;
    let history = History::begin(&line.source).await;
    line.publish("p", &TABLES).await;
    (line, history)
}

/// The agent: files of few rows, so that there are many.
fn agent_command(line: &Line, more: &[&str]) -> Command {
    let mut command = line.command("publisher", At::Source);
    command.args(["snapshot", "--publication", "p", "--rows-per-file", "100", "--snapshot-sessions", "3"]).args(more);
    command
}

/// Starts the agent.
fn agent(line: &Line, more: &[&str]) -> Process {
    Process::start("publisher-snapshot", agent_command(line, more), line.folder())
}

/// Arms a fault that holds the agent up.
async fn arm(line: &Line, what: &str) -> i64 {
    let sql = format!("EXEC sys.sp_sandbox_fault @application = N'{AGENT}', @action = N'stall', {what}");
    line.source.number(&sql).await
}

async fn clear(line: &Line) {
    line.source.run("EXEC sys.sp_sandbox_clear_faults").await;
}

/// Waits until the agent is held up, or has ended; whether it is held up.
async fn is_held_up(line: &Line, agent: &mut Process, fault: i64) -> bool {
    let mut admin = line.source.connect().await;
    wait::until("the agent to be held up or to end", async || {
        let faults = admin.run("EXEC sys.sp_sandbox_faults").await.unwrap();
        let ours = faults.iter().find(|row| row.get::<i64, _>("fault_id") == Some(fault)).unwrap();
        let held_up = ours.get::<i64, _>("fired").unwrap() > 0;
        (held_up || !agent.is_running()).then_some(held_up)
    })
    .await
}

/// Runs the agent until it is held up by a fault, and kills it there; false if it ended before.
async fn killed_at(line: &Line, what: &str) -> bool {
    let fault = arm(line, what).await;
    let mut agent = agent(line, &[]);
    let held_up = is_held_up(line, &mut agent, fault).await;
    if held_up {
        agent.kill();
    } else {
        let ended = agent.ended().await;
        assert!(ended.status.success(), "{}", ended.stderr);
    }
    clear(line).await;
    held_up
}

/// The folders of snapshots.
fn folders(line: &Line) -> Vec<PathBuf> {
    std::fs::read_dir(line.path("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Data files that are finished and of a view whose marker has committed, each with its inode, which a file that is written again does
/// not have.
async fn finished(line: &Line) -> BTreeMap<PathBuf, u64> {
    let mut admin = line.source.connect().await;
    let rows = admin.run("SELECT token FROM [replication].marker").await.unwrap();
    let markers: BTreeSet<Uuid> = rows.iter().map(|row| row.get::<Uuid, _>(0).unwrap()).collect();
    let mut found = BTreeMap::new();
    for folder in folders(line) {
        for name in names(&folder) {
            let Some(stem) = name.strip_suffix(".json").filter(|stem| stem.contains(".dbo.")) else { continue };
            let view: Uuid = serde_json::from_value(json(&folder.join(&name))["view"].clone()).unwrap();
            let data = folder.join(format!("{stem}.bcp"));
            if markers.contains(&view) {
                found.insert(data.clone(), std::fs::metadata(&data).unwrap().ino());
            }
        }
    }
    found
}

/// Asserts that none of these files was written again.
fn assert_untouched(files: &BTreeMap<PathBuf, u64>) {
    for (file, inode) in files {
        assert_eq!(std::fs::metadata(file).unwrap().ino(), *inode, "{} was written again", file.display());
    }
}

/// Asserts that every part of the one snapshot there is holds what the publisher had at its boundary; gives the boundaries.
async fn assert_parts(line: &Line, history: &History) -> BTreeSet<Lsn> {
    let known = history.serials();
    let lsns = wait::until("the whole history to be captured", async || {
        let captured = history::captured(&line.source).await.unwrap();
        (captured.len() >= known.len()).then_some(captured)
    })
    .await;
    let timeline = history.timeline(&lsns);
    let folders = folders(line);
    assert_eq!(folders.len(), 1, "{folders:?}");
    let location = format!("file://{}", folders[0].display());
    let reader = SnapshotReader::open(&location, &Credentials::default()).await.unwrap();
    let mut named: BTreeSet<String> = ["manifest.json".to_owned()].into();
    let mut boundaries = BTreeSet::new();
    assert_eq!(reader.manifest().articles.len(), TABLES.len());
    for article in &reader.manifest().articles {
        let table = TABLES.iter().position(|name| *name == article.article.source.to_string()).unwrap();
        for (part, number) in article.data.iter().zip(1..) {
            let mut rows = Rows::new();
            let mut read = reader.part(article.article.id, number).unwrap();
            while let Some(row) = read.next().await.unwrap() {
                let (key, row) = history::of_values(table, &row);
                assert!(rows.insert(key, row).is_none(), "a row is there twice");
            }
            let mut expected = timeline.as_of(part.boundary);
            // Those of one column have a zero for the second one, which no bound has.
            let key = |first, second| [Value::I64(first), Value::I64(second)];
            expected.retain(|(of, a, b), _| *of == table && part.range.contains(&key(*a, *b)).unwrap());
            assert!(rows == expected, "{} is not what the publisher had at {}", part.file.name, part.boundary);
            boundaries.insert(part.boundary);
            named.insert(part.file.name.clone());
        }
        let scripts = [&article.pre_script, &article.post_script, &article.last_script, &article.format_file];
        named.extend(scripts.map(|file| file.name.clone()));
    }
    // But for what a killed agent was just writing and nobody writes again.
    let mut there = names(&folders[0]);
    there.retain(|name| !name.ends_with(".part"));
    assert_eq!(there, named, "there is nothing else");
    boundaries
}

fn succeeded(outcome: &Outcome) {
    assert!(outcome.status.success(), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_killed_at_any_moment_is_followed_by_one_that_goes_on() {
    let seed = 92;
    let (line, history) = published(seed).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let workload = history.write(&line.source, seed, WRITERS);
    workload.makes(30).await;
    let mut kept = BTreeMap::new();
    // Statements that touch the lines: until something of these is finished those that look for their keys, then to lock them, again where
    // that makes a deadlock with the writers, and then one for each part, by three sessions.
    let is_of_lines = |file: &PathBuf| file.to_string_lossy().contains(".dbo.lines.");
    for _ in 0..2 {
        let before = kept.len();
        for more in 0..10 {
            let looks = if kept.keys().any(is_of_lines) { 0 } else { KEY_LOOKS };
            let after = looks + 5 + more;
            let fault = format!("@at = N'statement', @object = N'lines', @after = {after}, @times = 3");
            assert!(killed_at(&line, &fault).await);
            assert_untouched(&kept);
            kept.extend(finished(&line).await);
            workload.makes(10).await;
            if kept.len() > before {
                break;
            }
        }
        assert!(kept.len() > before, "something was finished");
    }
    for _ in 0..KILLS {
        let at = ["statement", "response", "row"][rng.random_range(0..3)];
        let after = if at == "row" { rng.random_range(0..3_000) } else { rng.random_range(0..150) };
        let held_up = killed_at(&line, &format!("@at = N'{at}', @after = {after}")).await;
        assert_untouched(&kept);
        println!("{at} {after}: {held_up}, {} files were finished", kept.len());
        if !held_up {
            break;
        }
        kept.extend(finished(&line).await);
        workload.makes(10).await;
    }
    if names(&folders(&line)[0]).contains("plan.json") {
        succeeded(&agent(&line, &[]).ended().await);
        assert_untouched(&kept);
    }
    workload.stop().await;
    let boundaries = assert_parts(&line, &history).await;
    println!("boundaries: {boundaries:?}");
    assert!(boundaries.len() >= 2, "{boundaries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_told_to_end_says_that_it_can_go_on_and_one_that_is_to_begin_anew_does() {
    let (line, history) = published(93).await;
    let fault = arm(&line, &format!("@at = N'statement', @object = N'orders', @after = {}", KEY_LOOKS + 4)).await;
    let mut first = agent(&line, &[]);
    assert!(is_held_up(&line, &mut first, fault).await);
    let old = folders(&line);
    // There is one agent a publication.
    let second = agent(&line, &[]).ended().await;
    assert!(!second.status.success());
    assert!(second.stderr.contains("a snapshot of publication p is being taken already"), "{}", second.stderr);
    let ended = first.terminate().await;
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("what is finished of the snapshot is kept"), "{}", ended.stderr);
    clear(&line).await;
    assert_eq!(folders(&line), old);
    let anew = agent(&line, &["--restart"]).ended().await;
    succeeded(&anew);
    assert!(anew.stderr.contains("is discarded"), "{}", anew.stderr);
    assert!(folders(&line)[0] != old[0]);
    assert_eq!(assert_parts(&line, &history).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_middle_keeps_what_is_finished() {
    let (line, history) = published(94).await;
    let workload = history.write(&line.source, 94, WRITERS);
    // Attempts at the locks count too: a fault that comes before anything is finished says nothing, and the next comes later.
    let mut failed = None;
    for after in [5, 12, 19, 26].map(|after| KEY_LOOKS + after) {
        let fault = format!(
            "EXEC sys.sp_sandbox_fault @application = N'{AGENT}', @at = N'statement', @object = N'lines', @after = {after}, @action = N'disconnect'"
        );
        line.source.run(&fault).await;
        let ended = agent(&line, &[]).ended().await;
        assert!(!ended.status.success());
        if ended.stderr.contains("what is finished of the snapshot is kept") {
            failed = Some(ended);
            break;
        }
        clear(&line).await;
    }
    assert!(failed.is_some(), "nothing was finished before any of the faults");
    let kept = finished(&line).await;
    assert!(!kept.is_empty());
    workload.makes(10).await;
    let ended = agent(&line, &[]).ended().await;
    succeeded(&ended);
    assert!(ended.stderr.contains("going on with the unfinished snapshot"), "{}", ended.stderr);
    assert_untouched(&kept);
    workload.stop().await;
    assert_eq!(assert_parts(&line, &history).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_could_not_be_registered_is_registered_later_or_removed() {
    let (mut line, history) = published(95).await;
    for is_taken in [true, false] {
        let fault = arm(&line, "@at = N'statement', @object = N'orders', @after = 6").await;
        let mut first = agent(&line, &[]);
        assert!(is_held_up(&line, &mut first, fault).await);
        let unfinished = folders(&line).into_iter().find(|folder| names(folder).contains("plan.json")).unwrap();
        line.distributor.take().unwrap().kill();
        clear(&line).await;
        assert!(!first.ended().await.status.success());
        assert!(names(&unfinished).is_superset(&["manifest.json".to_owned(), "plan.json".to_owned()].into()));
        line.start_distributor().await;
        if is_taken {
            let ended = agent(&line, &[]).ended().await;
            succeeded(&ended);
            assert!(ended.stderr.contains("finished before; it is registered now"), "{}", ended.stderr);
            assert!(ended.stdout.contains(unfinished.file_name().unwrap().to_str().unwrap()), "{}", ended.stdout);
            assert_eq!(assert_parts(&line, &history).await.len(), 1);
            std::fs::remove_dir_all(&unfinished).unwrap();
        } else {
            // It is not what is published any more.
            line.publisher_does(&["article", "drop", "--publication", "p", "--table", "dbo.quiet"]).await;
            line.publisher_does(&["article", "add", "--publication", "p", "--table", "dbo.quiet"]).await;
            let ended = agent(&line, &[]).ended().await;
            succeeded(&ended);
            assert!(ended.stderr.contains("finished before, is discarded"), "{}", ended.stderr);
            assert!(!unfinished.exists());
            assert_eq!(assert_parts(&line, &history).await.len(), 1);
        }
    }
}

/// Ids of the snapshots that the distributor lists.
async fn listed(line: &Line) -> Vec<String> {
    let said = line.publisher_does(&["snapshot", "list", "--output", "json"]).await;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap();
    listed.iter().map(|snapshot| snapshot["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_before_it_has_registered_its_snapshot_or_learnt_of_that_is_followed_by_one_that_does() {
    let (line, history) = published(98).await;
    for (before, is_registered) in [(0, false), (1, true)] {
        let way = Way::open().await;
        let mut command = agent_command(&line, &[]);
        command.env("REPL_DISTRIBUTOR", way.address.to_string());
        let killed = Process::start("publisher-snapshot", command, line.folder());
        let there = async || match is_registered {
            false => folders(&line).iter().any(|folder| names(folder).contains("manifest.json")),
            true => listed(&line).await.len() > before,
        };
        let unanswered = way.pass_until(&line, there).await;
        killed.kill();
        drop(unanswered);
        let [folder] = &folders(&line)[..] else { panic!("there is one folder") };
        assert!(names(folder).is_superset(&["manifest.json".to_owned(), "plan.json".to_owned()].into()));
        assert_eq!(listed(&line).await.len(), before + usize::from(is_registered));
        // What is in force since is not what was registered: the command takes one of now.
        let ended = agent(&line, &[]).ended().await;
        succeeded(&ended);
        let id = folder.file_name().unwrap().to_str().unwrap();
        let said = if is_registered { "was registered before; a new one is taken" } else { "was finished before" };
        assert!(ended.stderr.contains(&format!("the snapshot {id} {said}")), "{}", ended.stderr);
        assert_eq!(ended.stdout.contains(id), !is_registered, "{}", ended.stdout);
        assert!(!names(folder).contains("plan.json"));
        assert_eq!(listed(&line).await.len(), 1 + 2 * before);
        if is_registered {
            std::fs::remove_dir_all(folder).unwrap();
        }
        assert_eq!(assert_parts(&line, &history).await.len(), 1);
        std::fs::remove_dir_all(&folders(&line)[0]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_snapshot_isolation_nothing_outlives_the_locks() {
    let (line, history) = published(96).await;
    let off = format!("ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION OFF", line.source.name);
    line.source.server.connect("master").await.unwrap().run(&off).await.unwrap();
    assert!(killed_at(&line, "@at = N'statement', @object = N'orders', @after = 6").await);
    let old = folders(&line);
    let workload = history.write(&line.source, 96, WRITERS);
    workload.makes(10).await;
    let ended = agent(&line, &[]).ended().await;
    succeeded(&ended);
    assert!(ended.stderr.contains("nothing of the unfinished snapshot"), "{}", ended.stderr);
    assert!(!old[0].exists());
    workload.stop().await;
    assert_eq!(assert_parts(&line, &history).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_lock_gives_up_after_its_attempts_and_leaves_nothing() {
    let (line, _) = published(97).await;
    let mut writer = line.source.connect().await;
    writer.run("BEGIN TRANSACTION; SELECT COUNT(*) FROM dbo.shared WITH (TABLOCKX, HOLDLOCK)").await.unwrap();
    let ended = agent(&line, &["--lock-attempts", "2"]).ended().await;
    assert!(!ended.status.success());
    let tried: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("trying again")).collect();
    assert!(tried.len() == 1 && tried[0].contains("(1 of 2 attempts): locking dbo.shared"), "{}", ended.stderr);
    for part in ["error: locking dbo.shared", "1222", "in 2 attempts", "sys.dm_tran_locks", "try again"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    assert!(folders(&line).is_empty());
    // Its transaction is over, so others may write.
    writer.run("COMMIT TRANSACTION; UPDATE dbo.orders SET amount = amount + 1").await.unwrap();
}

/// A share that lost its power may have lost what was written last: the plan is back, the manifest of a snapshot that is registered is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_registered_snapshot_whose_manifest_is_gone_keeps_no_new_one() {
    let (mut line, _history) = published(0).await;
    line.start_publisher();
    assert!(killed_at(&line, "@at = N'row', @after = 300").await);
    let mut plan = json(&folders(&line).remove(0).join("plan.json"));
    let done = agent(&line, &["--restart"]).ended().await;
    assert!(done.status.success(), "{}", done.stderr);
    let folder = folders(&line).remove(0);
    plan["id"] = folder.file_name().unwrap().to_str().unwrap().into();
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    std::fs::write(folder.join("plan.json"), plan.to_string()).unwrap();
    let outcome = line.subscriber_tries(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    assert!(outcome.status.success(), "{outcome:?}");
    let outcome = line.subscriber_tries(&["run", "--once"]).await;
    assert!(outcome.stderr.contains("manifest.json") && outcome.stderr.contains("take a new one"), "{outcome:?}");
    let anew = agent(&line, &[]).ended().await;
    assert!(anew.status.success() && anew.stderr.contains("its manifest is gone"), "{}", anew.stderr);
    line.subscriber_does(&["run", "--once"]).await;
}
