//! A snapshot whose parts are of different moments, since its agent was killed and gone on with while writers went on, becomes one state of
//! the publisher at the subscriber: `synchronizing` up to the last boundary, with neither unique index nor foreign key, which rows of
//! different moments may break; `active` from there on, and equal to the publisher at each position. The subscriber is held against a
//! history that the writers themselves kept ([`tests::history`]).

#![allow(clippy::unwrap_used)]

use proto::Lsn;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::Arc;
use tests::history::{self, History, Rows, TABLES, Timeline};
use tests::line::{At, KEY_LOOKS, Line, succeeded};
use tests::process::Process;
use tests::server::TestDatabase;
use tests::wait;
use tests::workload::Workload;

/// The roles' names at the servers.
const AGENT: &str = concat!("replication publisher ", env!("CARGO_PKG_VERSION"));
const SUBSCRIBER: &str = "replication subscriber";
const WRITERS: u64 = 2;
/// Rows of `dbo.seats`, in files of 100, so that parts meet within a stand: so many that three sessions have enough to read of them wherever
/// they are killed.
const SEATS: i64 = 1_000;
/// Values of the first column of its key.
const STANDS: i64 = 3;
/// States of the active subscriber that are looked at.
const LOOKS: usize = 3;
/// What the scripts make that rows of different moments may break.
const MADE: &str = "SELECT (SELECT COUNT(*) FROM sys.indexes WHERE name = 'ux_guest' AND is_unique = 1) + \
    (SELECT COUNT(*) FROM sys.foreign_keys WHERE name = 'fk_serial' AND is_not_trusted = 0)";
/// Guests that sit on two seats.
const TWICE: &str = "SELECT COUNT(*) FROM (SELECT guest FROM dbo.seats GROUP BY guest HAVING COUNT(*) > 1) AS twice";
/// Lines of transactions whose row in `dbo.serials` is not there.
const ORPHANS: &str =
    "SELECT COUNT(*) FROM dbo.lines AS l WHERE NOT EXISTS (SELECT * FROM dbo.serials AS s WHERE s.id = l.serial)";

/// Published tables full of rows, and the history of those of [`TABLES`]: lines refer to the transaction that wrote them, and of the guests
/// in `dbo.seats` each has one seat.
async fn published(seed: u64) -> (Line, Arc<History>) {
    println!("seed {seed}");
    let line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    let history = History::begin(&line.source).await;
    let seats: Vec<String> = (1..=SEATS).map(|id| format!("({}, {id}, {id})", id % STANDS)).collect();
    line.source
        .run(&format!(
            "ALTER TABLE dbo.lines ADD CONSTRAINT fk_serial FOREIGN KEY (serial) REFERENCES dbo.serials (id);
             CREATE TABLE dbo.seats (stand int NOT NULL, id int NOT NULL, guest int NOT NULL, PRIMARY KEY (stand, id));
             CREATE UNIQUE INDEX ux_guest ON dbo.seats (guest);
             INSERT INTO dbo.seats VALUES {}",
            seats.join(", ")
        ))
        .await;
    // The largest parts are read first, of equal ones those of the first article: the seats before the lines.
    let tables: Vec<&str> = ["dbo.seats"].into_iter().chain(TABLES).chain(["dbo.fence"]).collect();
    line.publish("p", &tables).await;
    (line, history)
}

/// Guests change seats: two of them by one statement, and three in a transaction.
fn change_seats(line: &Line, seed: u64) -> Workload {
    Workload::start(&line.source, 1, move |_| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut guests: Vec<i64> = (1..=SEATS).collect();
        move || {
            let mut change = || {
                let (a, b) = (rng.random_range(0..guests.len()), rng.random_range(0..guests.len()));
                guests.swap(a, b);
                format!(
                    "UPDATE dbo.seats SET guest = CASE id WHEN {} THEN {} ELSE {} END WHERE id IN ({}, {});",
                    a + 1,
                    guests[a],
                    guests[b],
                    a + 1,
                    b + 1
                )
            };
            let (one, other) = (change(), change());
            format!("BEGIN TRANSACTION; {one} {other} COMMIT TRANSACTION")
        }
    })
}

async fn arm(database: &TestDatabase, application: &str, what: &str) -> i64 {
    let sql = format!("EXEC sys.sp_sandbox_fault @application = N'{application}', @action = N'stall', {what}");
    database.number(&sql).await
}

async fn has_fired(database: &TestDatabase, fault: i64) -> bool {
    let faults = database.connect().await.run("EXEC sys.sp_sandbox_faults").await.unwrap();
    let ours = faults.iter().find(|row| row.get::<i64, _>("fault_id") == Some(fault)).unwrap();
    ours.get::<i64, _>("fired").unwrap() > 0
}

/// Waits until a process is held up by a fault, or has ended; whether it is held up.
async fn is_held_up(database: &TestDatabase, process: &mut Process, fault: i64) -> bool {
    wait::until("the process to be held up or to end", async || {
        let held_up = has_fired(database, fault).await;
        (held_up || !process.is_running()).then_some(held_up)
    })
    .await
}

async fn clear(database: &TestDatabase) {
    database.run("EXEC sys.sp_sandbox_clear_faults").await;
}

/// Starts the agent: files of few rows, so that there are many.
fn agent(line: &Line) -> Process {
    let mut command = line.command("publisher", At::Source);
    command.args(["snapshot", "--publication", "p", "--rows-per-file", "100", "--snapshot-sessions", "3"]);
    Process::start("publisher-snapshot", command, line.folder())
}

/// The views of a table's finished data files whose markers have committed: each will be a boundary.
async fn views(line: &Line, table: &str) -> BTreeSet<String> {
    let rows = line.source.connect().await.run("SELECT token FROM [replication].marker").await.unwrap();
    let markers: BTreeSet<String> = rows.iter().map(|row| row.get::<uuid::Uuid, _>(0).unwrap().to_string()).collect();
    let mut views = BTreeSet::new();
    for folder in std::fs::read_dir(line.path("snapshots")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.contains(&format!(".dbo.{table}.")) && name.ends_with(".json") {
                let what: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
                views.extend(what["view"].as_str().map(str::to_owned).filter(|view| markers.contains(view)));
            }
        }
    }
    views
}

/// Takes a snapshot whose agent is killed while it reads the seats, then the lines twice, each time with some of their files finished since
/// the kill before and some not; `meanwhile` runs after each kill.
async fn resumed_snapshot(line: &Line, meanwhile: impl AsyncFn()) {
    // Where the stands' numbers begin and end, whether there is each of them, and where to cut.
    let seat_looks = 2 + 2 * STANDS as u32 + 1;
    for (table, looks, after) in [("seats", seat_looks, 1), ("lines", KEY_LOOKS, 3), ("lines", KEY_LOOKS, 5)] {
        let before = views(line, table).await.len();
        let mut kills = 0;
        // Statements that touch a table look for its keys, until something of it is finished, and lock it, again after a deadlock, before
        // they read it.
        let looks = if before == 0 { looks } else { 0 };
        while views(line, table).await.len() == before {
            assert!(kills < 10, "it was killed {kills} times before anything new was finished");
            let after = looks + after + kills;
            let what = format!("@at = N'statement', @object = N'{table}', @after = {after}, @times = 3");
            let fault = arm(&line.source, AGENT, &what).await;
            let mut agent = agent(line);
            assert!(is_held_up(&line.source, &mut agent, fault).await, "it ended: {}", agent.stderr());
            agent.kill();
            clear(&line.source).await;
            kills += 1;
            meanwhile().await;
        }
        println!("killed {kills} times at {table}");
    }
    succeeded(agent(line).ended().await);
}

/// Position, state and rows of the subscriber as of one moment.
#[derive(Debug)]
struct Look {
    position: Lsn,
    state: String,
    rows: Rows,
    made: i64,
    broken: i64,
}

async fn look(line: &Line) -> Option<Look> {
    const STATE: &str = "SELECT position, state FROM [replication].subscription_state WHERE subscription = N's'";
    let mut target = line.target.connect().await;
    let made = line.target.number(MADE).await;
    target.run("SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION").await.unwrap();
    let state = target.run(STATE).await.unwrap();
    let position = Lsn::try_from(state[0].get::<&[u8], _>(0)?).unwrap();
    let state = state[0].get::<&str, _>(1).unwrap().to_owned();
    let rows = history::read(&mut target).await.unwrap();
    let mut broken = 0;
    for sql in [TWICE, ORPHANS] {
        broken += i64::from(target.run(sql).await.unwrap()[0].get::<i32, _>(0).unwrap());
    }
    target.run("COMMIT TRANSACTION").await.unwrap();
    Some(Look { position, state, rows, made, broken })
}

/// The boundaries of the parts, and of the seats' parts alone.
async fn boundaries(line: &Line) -> (BTreeSet<Lsn>, BTreeSet<Lsn>) {
    const ALL: &str = "SELECT boundary, article FROM [replication].subscription_part";
    const SEATS: &str = "SELECT boundary, article FROM [replication].subscription_part WHERE article = ( \
        SELECT article FROM [replication].subscription_load WHERE table_name = N'seats')";
    let mut target = line.target.connect().await;
    let mut read = async |sql| {
        let rows = target.run(sql).await.unwrap();
        rows.iter().map(|row| Lsn::try_from(row.get::<&[u8], _>(0).unwrap()).unwrap()).collect()
    };
    (read(ALL).await, read(SEATS).await)
}

/// Waits until every way to ask says that the subscription is in this state.
async fn is_said_to_be(line: &Line, state: &str) {
    wait::until(&format!("the subscription to be said to be {state}"), async || {
        (line.status().await["subscriptions"][0]["state"] == state).then_some(())
    })
    .await;
    let listed = line.subscriber_does(&["subscription", "list", "--output", "json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["state"], state, "{listed}");
}

/// Kills the running subscriber.
async fn kill(line: &mut Line) {
    line.subscriber.take().unwrap().kill();
    clear(&line.target).await;
}

/// The history in commit order, once all of it is captured.
async fn timeline(line: &Line, history: &History) -> Timeline {
    let known = history.serials();
    let lsns = wait::until("the whole history to be captured", async || {
        let captured = history::captured(&line.source).await.unwrap();
        (captured.len() >= known.len()).then_some(captured)
    })
    .await;
    history.timeline(&lsns)
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_different_moments_are_brought_together_and_equal_the_publisher_from_then_on() {
    let (mut line, history) = published(97).await;
    let workload = history.write(&line.source, 97, WRITERS);
    let seats = change_seats(&line, 97);
    workload.makes(30).await;
    resumed_snapshot(&line, async || {
        workload.makes(25).await;
        seats.makes(25).await;
    })
    .await;

    // The log reader has never run, so there is nothing yet that brings the parts together.
    line.subscriber_does(&["subscription", "add", "--subscription", "s", "--publication", "p"]).await;
    line.start_subscriber();
    is_said_to_be(&line, "synchronizing").await;
    let (all, of_seats) = boundaries(&line).await;
    let (first, last) = (*all.first().unwrap(), *all.last().unwrap());
    let loaded = look(&line).await.unwrap();
    println!("{} boundaries, {} of the seats; {} rows break a rule", all.len(), of_seats.len(), loaded.broken);
    assert!(all.len() >= 3 && of_seats.len() >= 2, "{all:?}, {of_seats:?}");
    assert!(loaded.broken > 0, "the parts are of different moments");
    assert_eq!(loaded.position, first);
    assert_eq!(loaded.made, 0, "neither index nor foreign key is made before the last boundary");
    kill(&mut line).await;

    // Killed between the first boundary and the last, it goes on. It does not come there with a batch or two, however much has come before.
    line.start_publisher();
    let mut positions = BTreeSet::from([first]);
    for _ in 0..3 {
        let fault = arm(&line.target, SUBSCRIBER, "@at = N'before_commit', @after = 1").await;
        let mut command = line.command("subscriber", At::Target);
        command.args(["run", "--continuous", "--batch-changes", "20"]);
        line.subscriber = Some(Process::start("subscriber", command, line.folder()));
        assert!(is_held_up(&line.target, line.subscriber.as_mut().unwrap(), fault).await);
        let held = look(&line).await.unwrap();
        assert_eq!((&*held.state, held.made), ("synchronizing", 0), "at {}", held.position);
        assert!(held.position < last);
        positions.insert(held.position);
        kill(&mut line).await;
    }
    println!("killed at {positions:?}");
    assert!(positions.len() > 1, "it got on between the kills");

    // The scripts have run, and it is about to be said that the subscription is active.
    let fault = arm(&line.target, SUBSCRIBER, "@at = N'statement', @object = N'subscription_load', @after = 1").await;
    line.start_subscriber();
    assert!(is_held_up(&line.target, line.subscriber.as_mut().unwrap(), fault).await);
    let together = look(&line).await.unwrap();
    assert_eq!((&*together.state, together.made, together.broken), ("synchronizing", 2, 0));
    assert!(together.position >= last, "{} is before the last boundary, {last}", together.position);
    kill(&mut line).await;
    line.start_subscriber();
    let mut looks: Vec<Look> = Vec::new();
    while looks.len() < LOOKS {
        let subscriber = line.subscriber.as_mut().unwrap();
        assert!(subscriber.is_running(), "the subscriber ended: {}", subscriber.stderr());
        let next = wait::until("the subscriber to be active and move on", async || {
            let past = looks.last().map_or(together.position, |look| look.position);
            look(&line).await.filter(|look| look.state == "active" && (looks.is_empty() || look.position > past))
        })
        .await;
        looks.push(next);
    }
    is_said_to_be(&line, "active").await;
    let transactions = workload.stop().await;
    seats.stop().await;
    line.drain().await;
    looks.push(look(&line).await.unwrap());

    let timeline = timeline(&line, &history).await;
    println!(
        "{transactions} transactions; together after {} of them, then looked at after {:?}",
        timeline.around(together.position).0,
        looks.iter().map(|look| timeline.around(look.position).0).collect::<Vec<_>>()
    );
    timeline.assert_is("what the parts became", together.position, &together.rows);
    for look in &looks {
        timeline.assert_is("what the stream made of it", look.position, &look.rows);
        assert_eq!((look.made, look.broken), (2, 0), "at {}", look.position);
    }
    assert_eq!(timeline.around(looks.last().unwrap().position).1, 0, "everything has arrived");
    line.assert_equal("SELECT * FROM dbo.seats ORDER BY id").await;
}
