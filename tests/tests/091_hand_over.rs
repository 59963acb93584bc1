//! The hand-over from the snapshot to the stream is exact: while writers go on, the snapshot holds what had committed up to its boundary and
//! nothing else, and the stream adds what committed after it. The subscriber is held against a history that the writers themselves kept
//! ([`tests::history`]) and to which the server gave the commit LSNs; nothing of the product takes part in that.

#![allow(clippy::unwrap_used)]

use proto::Lsn;
use sandbox::client::{Connection, Server};
use std::sync::Arc;
use tests::history::{self, History, Rows, TABLES, Timeline};
use tests::line::{At, Line};
use tests::process::{Outcome, Process};
use tests::wait;
use tests::workload::Workload;

/// The snapshot agent's name at the server.
const AGENT: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));
const WRITERS: u64 = 5;
/// Transactions that the writers make whenever the agent is held up.
const MEANWHILE: u64 = 25;
/// States of the subscriber that are looked at while the stream runs.
const LOOKS: usize = 12;

/// Published tables full of rows, and their history.
async fn published(seed: u64) -> (Line, Arc<History>) {
    println!("seed {seed}");
    let line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    let history = History::begin(&line.source).await;
    let tables: Vec<&str> = TABLES.into_iter().chain(["dbo.fence"]).collect();
    line.publish("p", &tables).await;
    (line, history)
}

/// What was so each time that the agent was held up, about to touch `dbo.orders`: the last time, to read it.
#[derive(Debug, Default)]
struct Held {
    /// Whether writers had to wait for it.
    kept_waiting: Vec<bool>,
    /// The largest serial number that was known to be committed when it was let go on.
    serials: Vec<i64>,
}

/// Takes a snapshot. Each time that the agent is about to touch `dbo.orders` it is held up while `meanwhile` runs, which is told whether
/// writers wait for it; each time it touches the table of markers it is delayed, so that whatever it does not lock changes by then.
async fn snapshot(line: &Line, history: &History, meanwhile: impl AsyncFn(bool)) -> (Outcome, Held) {
    let mut admin = line.source.connect().await;
    let arm = |object: &str, what: &str| {
        format!(
            "EXEC sys.sp_sandbox_fault @at = N'statement', @application = N'{AGENT}', @object = N'{object}', {what}"
        )
    };
    admin.run(&arm("marker", "@action = N'delay', @delay_ms = 150, @times = 0")).await.unwrap();
    let mut command = line.command("publisher", At::Source);
    command.args(["snapshot", "--publication", "p"]);
    let stall = arm("orders", "@action = N'stall'");
    let mut fault = number(&mut admin, &stall).await;
    let agent = Process::start("publisher-snapshot", command, line.folder());
    let mut held = Held::default();
    loop {
        let goes_on = wait::until("the agent to touch the orders or to end", async || {
            let faults = admin.run("EXEC sys.sp_sandbox_faults").await.unwrap();
            let ours = faults.iter().find(|row| row.get::<i64, _>("fault_id") == Some(fault)).unwrap();
            let stalled = ours.get::<i64, _>("fired").unwrap() > 0;
            (stalled || !agent.is_running()).then_some(stalled)
        })
        .await;
        if !goes_on {
            break;
        }
        let waiting = do_writers_wait(line).await;
        meanwhile(waiting).await;
        held.kept_waiting.push(waiting);
        held.serials.extend(history.serials().last());
        let cleared = fault;
        // Armed again before it goes on, so that it passes no statement unseen.
        fault = number(&mut admin, &stall).await;
        admin.run(&format!("EXEC sys.sp_sandbox_clear_faults @fault_id = {cleared}")).await.unwrap();
    }
    admin.run("EXEC sys.sp_sandbox_clear_faults").await.unwrap();
    (agent.ended().await, held)
}

async fn number(db: &mut Connection, sql: &str) -> i64 {
    db.run(sql).await.unwrap()[0].get(0).unwrap()
}

/// Whether a row that no other writer touches cannot be changed now, since the agent is in the way: other writers, whose transactions follow
/// one another in the sandbox, are waited for.
async fn do_writers_wait(line: &Line) -> bool {
    let mut db = line.source.connect().await;
    let session = number(&mut db, "SELECT CAST(@@SPID AS bigint)").await;
    let change = "UPDATE dbo.quiet SET amount = amount WHERE id = 1";
    let changing = tokio::spawn(async move { db.run(change).await.map(drop) });
    let mut admin = line.source.connect().await;
    let waits = wait::until("a row to be changed, or to wait for the agent", async || match changing.is_finished() {
        true => Some(false),
        false => waits_for_agent(&mut admin, session).await.then_some(true),
    })
    .await;
    if waits {
        changing.abort();
    } else {
        changing.await.unwrap().unwrap_or_else(|e| panic!("{e}"));
    }
    waits
}

/// Whether it is the agent that a session waits for, directly or by way of others.
/// <https://learn.microsoft.com/sql/relational-databases/system-dynamic-management-views/sys-dm-exec-requests-transact-sql>
async fn waits_for_agent(admin: &mut Connection, mut session: i64) -> bool {
    const BLOCKED: &str = "SELECT CAST(r.session_id AS bigint), CAST(r.blocking_session_id AS bigint), s.program_name
         FROM sys.dm_exec_requests AS r JOIN sys.dm_exec_sessions AS s ON s.session_id = r.blocking_session_id";
    let blocked = admin.run(BLOCKED).await.unwrap();
    // Not even in a circle is it a longer way.
    for _ in 0..=blocked.len() {
        let Some(row) = blocked.iter().find(|row| row.get::<i64, _>(0) == Some(session)) else { return false };
        if row.get::<&str, _>(2) == Some(AGENT) {
            return true;
        }
        session = row.get(1).unwrap();
    }
    false
}

/// Subscribes, and initialises from the snapshot. The log reader has never run, so the queue is empty and nothing follows.
async fn hand_over(line: &Line) -> (Lsn, Rows) {
    assert!(line.publisher.is_none());
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.subscriber_does(&["run", "--once"]).await;
    let mut target = line.target.connect().await;
    look(&mut target).await.expect("the subscription is initialised")
}

/// Position and rows of the subscriber as of one moment; `None` if they are not what the publisher had at one.
async fn look(target: &mut Connection) -> Option<(Lsn, Rows)> {
    const STATE: &str =
        "SELECT position FROM [replication].subscription_state WHERE subscription = N's' AND state = 'active'";
    target.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION").await.unwrap();
    let state = target.run(STATE).await.unwrap();
    let looked = match state.first() {
        Some(row) => {
            let position =
                Lsn::try_from(row.get::<&[u8], _>(0).expect("an active subscription has a position")).unwrap();
            Some((position, history::read(target).await.unwrap()))
        }
        None => None,
    };
    target.run("COMMIT TRANSACTION").await.unwrap();
    looked
}

/// Commit LSN of the transaction with the snapshot's marker.
async fn boundary(line: &Line) -> Lsn {
    const SQL: &str =
        "SELECT [__$start_lsn] FROM cdc.replication_marker_CT WHERE kind = 'snapshot' AND [__$operation] = 2";
    let rows = line.source.connect().await.run(SQL).await.unwrap();
    assert_eq!(rows.len(), 1, "one snapshot, one marker");
    Lsn::try_from(rows[0].get::<&[u8], _>(0).unwrap()).unwrap()
}

/// Starts log reader and subscriber, and looks at the subscriber again and again as it moves on.
async fn stream(line: &mut Line, from: Lsn) -> Vec<(Lsn, Rows)> {
    line.start_publisher();
    line.start_subscriber();
    let mut target = line.target.connect().await;
    let (mut looks, mut last) = (Vec::new(), from);
    while looks.len() < LOOKS {
        let subscriber = line.subscriber.as_mut().unwrap();
        let (position, rows) = wait::until("the subscriber to move on", async || {
            assert!(subscriber.is_running(), "the subscriber ended: {}", subscriber.stderr());
            look(&mut target).await.filter(|(position, _)| *position > last)
        })
        .await;
        last = position;
        looks.push((position, rows));
    }
    looks
}

/// The history up to a position that is captured.
async fn timeline_to(line: &Line, history: &History, position: Lsn) -> Timeline {
    let mut lsns = history::captured(&line.source).await.unwrap();
    lsns.retain(|_, lsn| *lsn <= position);
    history.timeline(&lsns)
}

/// The history in commit order, once all of it is captured.
async fn timeline(line: &Line, history: &History) -> Timeline {
    let known = history.serials();
    let lsns = wait::until("the whole history to be captured", async || {
        let captured = history::captured(&line.source).await.unwrap();
        (captured.len() >= known.len()).then_some(captured)
    })
    .await;
    assert!(known.into_iter().eq(lsns.keys().copied()), "what the writers committed is what was captured");
    history.timeline(&lsns)
}

/// What the agent says of its locks.
fn says_how_long_it_locked(agent: &Outcome) {
    let said = agent.stderr.lines().find(|line| line.contains("against writes for")).unwrap_or_else(|| {
        panic!("it says how long it locked the tables: {}", agent.stderr);
    });
    println!("{said}");
    let (_, after) = said.split_once(" for ").unwrap();
    let (millis, _) = after.split_once(" ms").unwrap();
    millis.parse::<f64>().unwrap_or_else(|e| panic!("{millis} is no number: {e}"));
}

/// Initialises from the snapshot, lets the stream run while the writers go on, and brings both to their end. Holds what was handed over and
/// what the stream made of it against the history; gives where the stream began, and the history.
async fn follow(line: &mut Line, history: &History, workload: Workload) -> (Lsn, Timeline) {
    let (position, loaded) = hand_over(line).await;
    assert_eq!(position, boundary(line).await, "the stream goes on from where the marker committed");
    timeline_to(line, history, position).await.assert_is("what was handed over", position, &loaded);
    let mut looks = stream(line, position).await;
    let transactions = workload.stop().await;
    line.drain().await;
    looks.push(look(&mut line.target.connect().await).await.unwrap());

    let timeline = timeline(line, history).await;
    println!(
        "{transactions} transactions, {:?} around the boundary; {} rows handed over; looked at after {:?}",
        timeline.around(position),
        loaded.len(),
        looks.iter().map(|(position, _)| timeline.around(*position).0).collect::<Vec<_>>()
    );
    for (position, rows) in &looks {
        timeline.assert_is("what the stream made", *position, rows);
    }
    let (end, rows) = looks.last().unwrap();
    assert_eq!(timeline.around(*end).1, 0, "everything has arrived");
    let source = history::read(&mut line.source.connect().await).await.unwrap();
    assert!(source == *rows, "both sides are equal in the end");
    (position, timeline)
}

/// The commit LSN of the last transaction that was known to be committed when the agent was let go on to read.
async fn last_before_reading(line: &Line, held: &Held) -> Lsn {
    history::captured(&line.source).await.unwrap()[held.serials.last().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_committed_up_to_the_boundary_is_in_the_snapshot_and_what_committed_after_it_comes_by_the_stream() {
    let (mut line, history) = published(91).await;
    let workload = history.write(&line.source, 91, WRITERS);
    workload.makes(100).await;
    let (agent, held) = snapshot(&line, &history, async |waiting| {
        if !waiting {
            workload.makes(MEANWHILE).await;
        }
    })
    .await;
    assert!(agent.status.success(), "{}", agent.stderr);
    says_how_long_it_locked(&agent);
    println!("{held:?}");
    assert_eq!(held.kept_waiting.last(), Some(&false), "nobody waits while the tables are read");
    let (position, timeline) = follow(&mut line, &history, workload).await;
    assert!(timeline.around(position).0 >= 100);
    let last = last_before_reading(&line, &held).await;
    assert!(last > position, "and what was committed then comes after the boundary");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_snapshot_isolation_writers_wait_and_readers_do_not_until_the_snapshot_is_done() {
    let (mut line, history) = published(92).await;
    let off = format!("ALTER DATABASE [{}] SET ALLOW_SNAPSHOT_ISOLATION OFF", line.source.name);
    line.source.server.connect("master").await.unwrap().run(&off).await.unwrap();
    let workload = history.write(&line.source, 92, WRITERS);
    workload.makes(100).await;
    let (agent, held) = snapshot(&line, &history, async |waiting| {
        if waiting {
            assert!(line.source.number("SELECT COUNT(*) FROM dbo.orders").await > 0, "readers do not wait");
        } else {
            workload.makes(MEANWHILE).await;
        }
    })
    .await;
    assert!(agent.status.success(), "{}", agent.stderr);
    for said in ["does not allow snapshot isolation: writers of 6 tables wait", "SET ALLOW_SNAPSHOT_ISOLATION ON"] {
        assert!(agent.stderr.contains(said), "{}", agent.stderr);
    }
    println!("{held:?}");
    assert_eq!(held.kept_waiting.last(), Some(&true), "writers wait while the tables are read");
    workload.makes(MEANWHILE).await;
    let (position, _) = follow(&mut line, &history, workload).await;
    let last = last_before_reading(&line, &held).await;
    assert!(last < position, "and what was committed then is in the snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_cannot_be_had_is_tried_again_and_the_table_is_named() {
    let (line, history) = published(93).await;
    let server: &Server = &line.source.server;
    let mut writer = server.connect(&line.source.name).await.unwrap();
    writer.run("BEGIN TRANSACTION; SELECT COUNT(*) FROM dbo.shared WITH (TABLOCKX, HOLDLOCK)").await.unwrap();
    let mut command = line.command("publisher", At::Source);
    command.args(["snapshot", "--publication", "p"]);
    let agent = Process::start("publisher-snapshot", command, line.folder());
    // Microsoft: error 1222, "Lock request time out period exceeded."
    agent.says("the tables could not be locked; trying again").await;
    agent.says("Lock request time out period exceeded").await;
    let said = agent.stderr();
    let tried: Vec<&str> = said.lines().filter(|line| line.contains("trying again")).collect();
    assert!(tried[0].contains("dbo.shared"), "{said}");
    assert!(!said.contains("against writes for"), "{said}");
    writer.run("UPDATE dbo.shared SET amount = amount + 1 WHERE id = 1; COMMIT TRANSACTION").await.unwrap();
    let outcome = agent.ended().await;
    assert!(outcome.status.success(), "{}", outcome.stderr);
    says_how_long_it_locked(&outcome);
    let (position, loaded) = hand_over(&line).await;
    // This transaction has no serial number, and nothing was written after it.
    assert_eq!(position, boundary(&line).await);
    let source = history::read(&mut line.source.connect().await).await.unwrap();
    assert!(source == loaded, "what the writer committed at last is in the snapshot");
    assert!(loaded != timeline(&line, &history).await.as_of(position), "which it was not before");
}
