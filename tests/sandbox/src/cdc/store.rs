//! What CDC keeps in a database's SQLite file.
//!
//! Triggers write a transaction's changes into the change tables' storage while it runs, and its row of `$cdc_log` is written
//! as it commits: this is "the log". What clients see is views that end at `captured_lsn`, which the capture job moves: so a
//! change shows late, as it does on a real server, and costs one write.

use super::lsn::{FIRST_TRANSACTION, Lsn};
use rusqlite::{Connection, OptionalExtension, params};

/// Tables that every database has, so that SQLite statements over them always compile.
const TABLES: &[&str] = &[
    r#""$cdc_state"(id INTEGER PRIMARY KEY CHECK (id = 1), enabled INT NOT NULL, next_transaction INT NOT NULL,
        captured_lsn BLOB NOT NULL)"#,
    r#""$cdc_log"(start_lsn BLOB PRIMARY KEY, tran_begin_time INT NOT NULL, tran_end_time INT NOT NULL, tran_id BLOB NOT NULL,
        tran_begin_lsn BLOB NOT NULL, commands INT NOT NULL DEFAULT 0, schema_changes INT NOT NULL DEFAULT 0) WITHOUT ROWID"#,
    r#""$cdc_change_tables"(object_id INTEGER PRIMARY KEY, version INT, source_object_id INT, capture_instance TEXT NOT NULL,
        start_lsn BLOB, end_lsn BLOB, supports_net_changes INT, has_drop_pending INT, role_name TEXT, index_name TEXT,
        filegroup_name TEXT, create_date INT, partition_switch INT)"#,
    r#""$cdc_captured_columns"(object_id INT NOT NULL, column_name TEXT NOT NULL, column_id INT, column_type TEXT NOT NULL,
        column_ordinal INT NOT NULL, is_computed INT, PRIMARY KEY (object_id, column_ordinal)) WITHOUT ROWID"#,
    r#""$cdc_index_columns"(object_id INT NOT NULL, column_name TEXT NOT NULL, index_ordinal INT NOT NULL, column_id INT NOT NULL,
        PRIMARY KEY (object_id, index_ordinal)) WITHOUT ROWID"#,
    r#""$cdc_ddl_history"(source_object_id INT, object_id INT NOT NULL, required_column_update INT, ddl_command TEXT,
        ddl_lsn BLOB NOT NULL, ddl_time INT)"#,
    r#""$cdc_jobs"(job_type TEXT PRIMARY KEY, job_id BLOB NOT NULL, maxtrans INT, maxscans INT, continuous INT, pollinginterval INT,
        retention INT, threshold INT) WITHOUT ROWID"#,
];

/// Views that clients see.
const VIEWS: &[&str] = &[
    r#""cdc.lsn_time_mapping" AS SELECT start_lsn, tran_begin_time, tran_end_time, tran_id, tran_begin_lsn FROM "$cdc_log"
        WHERE start_lsn <= (SELECT captured_lsn FROM "$cdc_state")"#,
    r#""cdc.ddl_history" AS SELECT source_object_id, object_id, required_column_update, ddl_command, ddl_lsn, ddl_time
        FROM "$cdc_ddl_history" WHERE ddl_lsn <= (SELECT captured_lsn FROM "$cdc_state")"#,
];

/// Transaction id of the rows of `cdc.lsn_time_mapping` that mark an idle time.
pub const IDLE: &[u8] = &[0];

/// A transaction of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// Its number.
    pub transaction: u64,
    /// When it began, as `datetime`.
    pub begun: i64,
    /// When it committed.
    pub ended: i64,
    /// Rows that it changed.
    pub commands: u64,
    /// Statements that changed captured tables.
    pub schema_changes: u64,
}

impl Logged {
    /// A mark of how far time has come.
    pub fn idle(transaction: u64, now: i64) -> Self {
        Self { transaction, begun: now, ended: now, commands: 0, schema_changes: 0 }
    }
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Captured {
    /// Everything up to here shows now.
    pub upto: Lsn,
    /// Where the first transaction began.
    pub first_begin: Lsn,
    /// Transactions other than marks of idle time.
    pub transactions: u64,
    /// Rows that they changed.
    pub commands: u64,
    /// Statements that changed captured tables.
    pub schema_changes: u64,
    /// When the last of them committed, as `datetime`.
    pub last_time: i64,
}

/// A database's CDC as it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Enabled for CDC.
    pub enabled: bool,
    /// Number of the next transaction that writes.
    pub next_transaction: u64,
    /// Everything up to here shows.
    pub captured: Lsn,
    /// Commit of the last transaction in the log.
    pub last: Lsn,
    /// Its time, as `datetime`.
    pub last_time: i64,
}

/// Makes the tables unless they are there.
pub fn create(connection: &Connection) -> rusqlite::Result<()> {
    let there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM db.sqlite_schema WHERE name = '$cdc_state')",
        [],
        |row| row.get(0),
    )?;
    if there {
        return upgrade(connection);
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for table in TABLES {
        connection.execute_batch(&format!("CREATE TABLE db.{table}"))?;
    }
    for view in VIEWS {
        connection.execute_batch(&format!("CREATE VIEW db.{view}"))?;
    }
    connection.execute_batch(r#"CREATE INDEX db."$cdc_log_time" ON "$cdc_log"(tran_end_time)"#)?;
    connection.execute(
        r#"INSERT INTO db."$cdc_state" VALUES (1, 0, ?1, ?2)"#,
        params![FIRST_TRANSACTION as i64, Lsn::ZERO.to_bytes()],
    )?;
    connection.execute_batch("COMMIT")
}

/// Adds what databases of an earlier sandbox lack.
fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let counts: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_info('$cdc_log', 'db') WHERE name = 'commands')",
        [],
        |row| row.get(0),
    )?;
    if counts {
        return Ok(());
    }
    connection.execute_batch(
        r#"ALTER TABLE db."$cdc_log" ADD COLUMN commands INT NOT NULL DEFAULT 0;
           ALTER TABLE db."$cdc_log" ADD COLUMN schema_changes INT NOT NULL DEFAULT 0"#,
    )
}

/// Reads how far a database is.
pub fn progress(connection: &Connection) -> rusqlite::Result<Progress> {
    let (enabled, next, captured): (bool, i64, Vec<u8>) =
        connection.query_row(r#"SELECT enabled, next_transaction, captured_lsn FROM db."$cdc_state""#, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let last: Option<(Vec<u8>, i64)> = connection
        .query_row(r#"SELECT start_lsn, tran_end_time FROM db."$cdc_log" ORDER BY start_lsn DESC LIMIT 1"#, [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (last, last_time) = last.unwrap_or_default();
    let last = Lsn::from_bytes(&last).unwrap_or_default();
    Ok(Progress {
        enabled,
        next_transaction: (next as u64).max(last.transaction() + 1).max(FIRST_TRANSACTION),
        captured: Lsn::from_bytes(&captured).unwrap_or_default(),
        last,
        last_time,
    })
}

/// Enables the database, or disables it and forgets everything but the counter of transactions.
pub fn set_enabled(connection: &Connection, enabled: bool) -> rusqlite::Result<()> {
    let next = progress(connection)?.next_transaction as i64;
    connection.execute(r#"UPDATE db."$cdc_state" SET enabled = ?1, next_transaction = ?2"#, params![enabled, next])?;
    if !enabled {
        connection.execute(r#"UPDATE db."$cdc_state" SET captured_lsn = ?1"#, [Lsn::ZERO.to_bytes()])?;
        connection.execute_batch(r#"DELETE FROM db."$cdc_log"; DELETE FROM db."$cdc_jobs""#)?;
    }
    Ok(())
}

/// Lets the numbers of transactions go on further ahead.
pub fn skip(connection: &Connection, transactions: i64) -> rusqlite::Result<()> {
    let next = progress(connection)?.next_transaction as i64 + transactions;
    connection.execute(r#"UPDATE db."$cdc_state" SET next_transaction = ?1"#, [next])?;
    Ok(())
}

/// Writes a transaction's row of the log.
pub fn log_transaction(connection: &Connection, logged: &Logged, idle: bool) -> rusqlite::Result<()> {
    let id = logged.transaction.to_be_bytes();
    let id = if idle { IDLE } else { &id[2..] };
    connection.prepare_cached(r#"INSERT INTO db."$cdc_log" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"#)?.execute(params![
        Lsn::commit(logged.transaction).to_bytes(),
        logged.begun,
        logged.ended,
        id,
        Lsn::begin(logged.transaction).to_bytes(),
        logged.commands as i64,
        logged.schema_changes as i64
    ])?;
    Ok(())
}

/// Lets up to `limit` more transactions show; `None` if there are none.
pub fn capture(connection: &Connection, from: Lsn, limit: u64) -> rusqlite::Result<Option<Captured>> {
    let captured = connection
        .prepare_cached(
            r#"SELECT max(start_lsn), min(tran_begin_lsn) FILTER (WHERE tran_id <> x'00'), count(*) FILTER (WHERE tran_id <> x'00'),
                      sum(commands), sum(schema_changes), max(tran_end_time)
               FROM (SELECT * FROM db."$cdc_log" WHERE start_lsn > ?1 ORDER BY start_lsn LIMIT ?2)"#,
        )?
        .query_row(params![from.to_bytes(), limit.min(i64::MAX as u64) as i64], |row| {
            let Some(upto) = row.get::<_, Option<Vec<u8>>>(0)? else { return Ok(None) };
            let first: Option<Vec<u8>> = row.get(1)?;
            let count = |index| row.get::<_, i64>(index).map(|count| count as u64);
            Ok(Some(Captured {
                upto: Lsn::from_bytes(&upto).unwrap_or(from),
                first_begin: first.and_then(|first| Lsn::from_bytes(&first)).unwrap_or_default(),
                transactions: count(2)?,
                commands: count(3)?,
                schema_changes: count(4)?,
                last_time: row.get(5)?,
            }))
        })?;
    if let Some(captured) = captured {
        connection
            .prepare_cached(r#"UPDATE db."$cdc_state" SET captured_lsn = ?1"#)?
            .execute([captured.upto.to_bytes()])?;
    }
    Ok(captured)
}

/// Forgets transactions that no change table can need any more; the counter of transactions never goes back.
pub fn trim_log(connection: &Connection, below: Lsn) -> rusqlite::Result<usize> {
    connection.execute(
        r#"UPDATE db."$cdc_state" SET next_transaction = max(next_transaction, ?1)"#,
        [progress(connection)?.next_transaction as i64],
    )?;
    connection.execute(
        r#"DELETE FROM db."$cdc_log" WHERE start_lsn < ?1 AND start_lsn <= (SELECT captured_lsn FROM db."$cdc_state")"#,
        [below.to_bytes()],
    )
}
