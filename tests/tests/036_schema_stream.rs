//! Schema changes under load, as the stream has them: each in its place between the rows before and after, whoever dies meanwhile. A
//! strict subscriber in memory takes the stream, see `tests::replica`.

#![allow(clippy::unwrap_used)]

use proto::{ColumnType, TableChange, TableName, Value};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Arc, Mutex};
use tests::line::Line;
use tests::replica::{Replica, State};
use tests::server::TestDatabase;
use tests::wait;
use tests::workload::Workload;

/// Rows of `dbo.item` at the beginning, each with this amount: transactions only ever move amounts.
const ROWS: i64 = 20;
const AMOUNT: i64 = 1_000;

fn item() -> TableName {
    TableName { schema: "dbo".into(), table: "item".into() }
}

/// No transaction is seen in part: the amounts always add up, once there are any.
fn adds_up(state: &State) {
    let Some(table) = state.tables.get(&item()).filter(|t| !t.rows.is_empty()) else { return };
    let at = table.columns.iter().position(|c| c.name == "amount").unwrap();
    let sum: i64 = table.rows.values().map(|row| whole(&row[at])).sum();
    assert_eq!(sum, ROWS * AMOUNT, "amounts were made or lost");
    // A new column is there with all that it holds, or not at all.
    if let Some(at) = table.columns.iter().position(|c| c.name == "shares") {
        let sum: i64 = table.rows.values().map(|row| whole(&row[at])).sum();
        assert_eq!(sum, 5 * table.rows.len() as i64, "shares were made or lost");
    }
}

fn whole(value: &Value) -> i64 {
    match value {
        Value::I32(n) => (*n).into(),
        Value::I64(n) => *n,
        other => panic!("{other:?} is no number"),
    }
}

/// A published table with rows, and a subscription in memory that has them.
async fn replicated() -> (Line, Replica) {
    let mut line = Line::start_on_sandboxes().await;
    line.make_fence().await;
    line.source
        .run(
            "CREATE TABLE dbo.item (id int NOT NULL CONSTRAINT pk_item PRIMARY KEY, amount int NOT NULL, gone varchar(10) NULL, note varchar(20) NULL, \
             also_gone int NULL)",
        )
        .await;
    line.publish("p", &["dbo.item", "dbo.fence"]).await;
    let replica = Replica::start(&line, "p", adds_up).await;
    line.start_publisher();
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, {AMOUNT}, 'x', 'first', {id})")).collect();
    line.source.run(&format!("INSERT INTO dbo.item VALUES {}", rows.join(", "))).await;
    replica.drain(&line).await;
    (line, replica)
}

/// Writers that move amounts between rows, make rows and take them away again, without naming any column that may go. What they do
/// besides is `extra`, in which `{from}`, `{to}` and `{some}` are two rows and a number.
fn writers(database: &TestDatabase, seed: u64, extra: &Arc<Mutex<String>>) -> Workload {
    Workload::start(database, 2, |task| {
        let (mut rng, extra) = (StdRng::seed_from_u64(seed * 10 + task), extra.clone());
        move || {
            let (from, to) = (rng.random_range(1..=ROWS), rng.random_range(1..=ROWS));
            let (some, new) = (rng.random_range(1..50), 100 + task * 1_000 + rng.random_range(0..30));
            let more = extra.lock().unwrap().clone();
            let more = [("{from}", from), ("{to}", to), ("{some}", some)]
                .iter()
                .fold(more, |text, (name, value)| text.replace(name, &value.to_string()));
            format!(
                "SET XACT_ABORT ON; BEGIN TRAN;
                 UPDATE dbo.item SET amount = amount - {some} WHERE id = {from};
                 DELETE FROM dbo.item WHERE id = {new} AND amount = 0;
                 INSERT INTO dbo.item (id, amount, note) SELECT {new}, 0, 'n{some}' WHERE {some} % 2 = 0;
                 UPDATE dbo.item SET amount = amount + {some}, note = 'from {from}' WHERE id = {to};
                 {more}
                 COMMIT;"
            )
        }
    })
}

/// Schema changes that arrived, as text.
fn arrived(replica: &Replica) -> Vec<String> {
    replica.look(|state| {
        let changes = state.schema.iter().flat_map(|(_, change)| &change.changes);
        changes
            .map(|change| match change {
                TableChange::DropColumn { name } => format!("-{name}"),
                TableChange::AlterColumn { name } => format!("~{name}"),
                TableChange::AddColumn { name, .. } => format!("+{name}"),
                other => format!("{other:?}"),
            })
            .collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_and_widened_columns_arrive_in_their_place_under_load() {
    let (line, replica) = replicated().await;
    let writers = writers(&line.source, 1, &Arc::default());
    for statement in [
        "ALTER TABLE dbo.item DROP COLUMN gone",
        "ALTER TABLE dbo.item ALTER COLUMN amount bigint NOT NULL",
        "ALTER TABLE dbo.item ALTER COLUMN note nvarchar(100)",
        "ALTER TABLE [dbo].[item] DROP COLUMN [also_gone]",
    ] {
        writers.makes(20).await;
        line.source.run(statement).await;
    }
    writers.makes(20).await;
    // What only the new types hold arrives.
    line.source.run("UPDATE dbo.item SET note = REPLICATE(N'ż', 60) WHERE id = 1").await;
    writers.stop().await;
    replica.drain(&line).await;
    assert_eq!(arrived(&replica), ["-gone", "~amount", "~note", "-also_gone"]);
    assert!(replica.assert_equal(&line, "dbo.item").await >= ROWS as usize);
    let listed = replica.listed("dbo.item").await;
    assert_eq!(listed.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "amount", "note"]);
    assert_eq!(listed.columns[1].column_type, ColumnType::BigInt);
    replica.look(|state| assert!(state.schema[1].1.ddl.contains("ALTER COLUMN amount bigint")));
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_changes_that_are_not_replicated_change_the_stream_and_nothing_else() {
    let (line, replica) = replicated().await;
    line.publisher_does(&["publication", "set", "--publication", "p", "--replicate-ddl", "off"]).await;
    line.source.run("ALTER TABLE dbo.item ALTER COLUMN amount bigint NOT NULL").await;
    line.source.run("UPDATE dbo.item SET note = 'later' WHERE id = 2").await;
    replica.drain(&line).await;
    assert_eq!(arrived(&replica), Vec::<String>::new());
    replica.look(|state| assert_eq!(state.schema.len(), 1));
    replica.assert_equal(&line, "dbo.item").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cannot_be_replicated_stops_with_instructions_once_everything_before_it_is_sent() {
    let (mut line, replica) = replicated().await;
    for statement in [
        "UPDATE dbo.item SET note = 'before' WHERE id = 3",
        "ALTER TABLE dbo.item DROP CONSTRAINT pk_item",
        "ALTER TABLE dbo.item DROP COLUMN id",
        "UPDATE dbo.item SET note = 'after'",
    ] {
        line.source.run(statement).await;
    }
    for _ in 0..2 {
        // Starting again changes nothing about it.
        let ended = line.publisher.take().unwrap().ended().await;
        assert!(!ended.status.success());
        for part in ["dbo.item", "column id is part of the key", "DROP COLUMN id", "add it again", "new snapshot"] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
        line.start_publisher();
    }
    replica
        .until("what came before", |state| {
            state.tables[&item()].rows["[I32(3)]"].contains(&Value::String("before".into()))
        })
        .await;
}

/// Waits until a column has arrived.
async fn joined(replica: &Replica, column: &str) {
    replica
        .until(&format!("column {column} to join"), |state| {
            state.tables[&item()].columns.iter().any(|c| c.name == column)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_columns_join_complete_at_one_moment_under_load() {
    let (mut line, replica) = replicated().await;
    let extra: Arc<Mutex<String>> = Arc::default();
    let writers = writers(&line.source, 3, &extra);
    writers.makes(20).await;
    line.source.run("ALTER TABLE dbo.item ADD shares int NOT NULL CONSTRAINT df_shares DEFAULT 5").await;
    "UPDATE dbo.item SET shares = shares - {some} WHERE id = {from};
     UPDATE dbo.item SET shares = shares + {some} WHERE id = {to};"
        .clone_into(&mut extra.lock().unwrap());
    joined(&replica, "shares").await;
    writers.makes(20).await;
    // Nothing is the same in two rows.
    line.source.run("ALTER TABLE dbo.item ADD token uniqueidentifier NOT NULL DEFAULT NEWID()").await;
    joined(&replica, "token").await;
    writers.makes(20).await;
    line.source.run("ALTER TABLE dbo.item DROP COLUMN gone").await;
    line.source.run("ALTER TABLE dbo.item ADD gone int NULL, second varchar(20) NOT NULL DEFAULT 'some'").await;
    line.source.run("UPDATE dbo.item SET gone = id, second = CASE WHEN id < 5 THEN 'Some' ELSE second END").await;
    joined(&replica, "second").await;
    writers.makes(20).await;
    writers.stop().await;
    replica.drain(&line).await;
    assert!(replica.assert_equal(&line, "dbo.item").await >= ROWS as usize);
    let changes = arrived(&replica);
    assert_eq!(changes, ["+shares", "+token", "-gone", "+gone", "+second"]);
    // What is not read any more goes, also if the log reader was not there when it could go.
    line.publisher.take().unwrap().kill();
    line.start_publisher();
    wait::until("the first capture instances to be dropped", async || {
        let count = "SELECT COUNT(*) FROM cdc.change_tables WHERE source_object_id = OBJECT_ID(N'dbo.item')";
        (line.source.number(count).await == 1).then_some(())
    })
    .await;
    line.source.run("UPDATE dbo.item SET note = 'last' WHERE id = 1").await;
    replica.drain(&line).await;
    replica.assert_equal(&line, "dbo.item").await;
}

/// What is killed at its n-th statement, for all n until it does not come to that many in going over to a new column.
async fn killed_at_every_statement(seed: u64, application: &str, most: u32, step: u32) {
    let (mut line, replica) = replicated().await;
    let extra: Arc<Mutex<String>> = Arc::default();
    let writers = writers(&line.source, seed, &extra);
    let mut hit = 0;
    for n in (0..most).step_by(step as usize) {
        writers.makes(5).await;
        let mut admin = line.source.connect().await;
        let armed = format!(
            "EXEC sys.sp_sandbox_fault @at = N'statement', @action = N'stall', @application = N'{application}', @after = {n}"
        );
        admin.run(&armed).await.unwrap();
        let column = format!("c{n}");
        line.source.run(&format!("ALTER TABLE dbo.item ADD {column} int NOT NULL DEFAULT {n}")).await;
        *extra.lock().unwrap() = format!("UPDATE dbo.item SET {column} = {{some}} WHERE id = {{to}};");
        let mut stalled = false;
        wait::until("the log reader to stall or to come over it", async || {
            let faults = admin.run("EXEC sys.sp_sandbox_faults").await.unwrap();
            stalled = faults.iter().any(|row| row.get::<i64, _>("fired").unwrap_or(0) > 0);
            let over = replica.look(|state| state.tables[&item()].columns.iter().any(|c| c.name == column));
            (stalled || over).then_some(())
        })
        .await;
        if stalled {
            hit += 1;
            line.publisher.take().unwrap().kill();
        }
        admin.run("EXEC sys.sp_sandbox_clear_faults").await.unwrap();
        if stalled {
            line.start_publisher();
        }
        joined(&replica, &column).await;
        if !stalled {
            break;
        }
    }
    writers.makes(5).await;
    writers.stop().await;
    replica.drain(&line).await;
    println!("killed at {hit} statements");
    assert!(hit > 5, "it was killed at {hit} statements only");
    replica.assert_equal(&line, "dbo.item").await;
}

/// The log reader, as the server knows it.
fn log_reader() -> String {
    format!("replication publisher {}", env!("CARGO_PKG_VERSION"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_killed_at_every_statement_of_making_columns_join_loses_and_repeats_nothing() {
    killed_at_every_statement(5, &format!("{} schema change", log_reader()), 60, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_reader_killed_while_it_reads_around_a_new_column_loses_and_repeats_nothing() {
    killed_at_every_statement(6, &log_reader(), 100, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_would_miss_a_schema_change_is_refused() {
    let (mut line, replica) = replicated().await;
    line.publisher.take().unwrap().kill();
    for statement in [
        "ALTER TABLE dbo.item ADD CONSTRAINT ck CHECK (amount > -1000000)",
        "ALTER TABLE dbo.item ADD later int NULL",
        "ALTER TABLE dbo.item DROP COLUMN gone",
    ] {
        line.source.run(statement).await;
        let refused = line.publisher_tries(&["snapshot", "--publication", "p"]).await;
        assert!(!refused.status.success());
        for part in ["dbo.item", "log reader", "in a moment"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    line.start_publisher();
    joined(&replica, "later").await;
    wait::until("the constraint to be known", async || {
        (replica.listed("dbo.item").await.constraints.len() == 1).then_some(())
    })
    .await;
    line.publisher_does(&["snapshot", "--publication", "p"]).await;
}
