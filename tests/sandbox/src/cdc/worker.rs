//! The capture job of a database: a thread that lets committed transactions show, with the lag that a real server has.
//!
//! <https://learn.microsoft.com/sql/relational-databases/track-changes/administer-and-monitor-change-data-capture-sql-server>

use super::cleanup;
use super::errors;
use super::jobs::{self, Job, JobType};
use super::lsn::Lsn;
use super::scan_history::ScanHistory;
use super::store::{self, Captured, Logged, Progress};
use super::worker_faults::{self, Scan};
use crate::engine::clock::now_datetime;
use crate::engine::database::{Database, lock};
use crate::engine::storage_error;
use crate::error::SqlResult;
use rusqlite::Connection;
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pause between scans when the polling interval is 0.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// `datetime` units without a transaction after which an idle marker is written: five minutes.
const IDLE_TICKS: i64 = 5 * 60 * 300;
/// `datetime` units in a day, and at what time of it the cleanup job runs: 2 a.m.
const TICKS_PER_DAY: i64 = 86_400 * 300;
const CLEANUP_TIME: i64 = 2 * 3600 * 300;

/// What the capture job is called where sessions have numbers: those of clients begin at 51.
const JOB_SESSION: i32 = 50;

/// A scan by hand; its end lets others scan again.
#[derive(Debug)]
pub struct ScanGuard(Arc<DatabaseCapture>);

impl Drop for ScanGuard {
    fn drop(&mut self) {
        lock(&self.0.state).scanner = None;
    }
}

/// The day that the cleanup job last had to run on.
fn cleanup_day() -> i64 {
    (now_datetime() - CLEANUP_TIME).div_euclid(TICKS_PER_DAY)
}

/// The CDC of one database, shared by its sessions and its capture job.
#[derive(Debug)]
pub struct DatabaseCapture {
    database: Arc<Database>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    progress: Progress,
    jobs: Vec<Job>,
    /// What scans found.
    history: ScanHistory,
    /// The next capture job that is defined stays stopped at first.
    hold: bool,
    /// Session that scans by hand.
    scanner: Option<i32>,
    /// Number of the run of the capture job that may go on; another means stop.
    run: u64,
    worker: Option<JoinHandle<()>>,
    /// The worker's job is over, whether its thread is or not.
    ended: bool,
    /// When the capture job last started and ended, as `datetime`.
    times: [Option<i64>; 2],
}

impl State {
    /// Whether the capture job runs.
    fn is_running(&self) -> bool {
        !self.ended && self.worker.as_ref().is_some_and(|worker| !worker.is_finished())
    }
}

impl DatabaseCapture {
    /// Opens the CDC of a database, and starts its capture job if it has one.
    pub fn open(database: &Arc<Database>) -> SqlResult<Arc<Self>> {
        let connection = database.open()?;
        store::create(&connection).map_err(storage_error)?;
        let progress = store::progress(&connection).map_err(storage_error)?;
        let jobs = jobs::all(&connection).map_err(storage_error)?;
        let state = State {
            progress,
            jobs,
            history: ScanHistory::default(),
            hold: false,
            scanner: None,
            run: 0,
            worker: None,
            ended: false,
            times: [None; 2],
        };
        let capture =
            Arc::new(Self { database: Arc::clone(database), state: Mutex::new(state), changed: Condvar::new() });
        capture.start_if_defined(&connection)?;
        Ok(capture)
    }

    /// How far the database is.
    pub fn progress(&self) -> Progress {
        lock(&self.state).progress
    }

    /// The jobs that are defined.
    pub fn jobs(&self) -> Vec<Job> {
        lock(&self.state).jobs.clone()
    }

    /// A transaction of the log committed; the caller holds the database's write lock.
    pub fn committed(&self, transaction: u64, time: i64) {
        let mut state = lock(&self.state);
        let progress = &mut state.progress;
        progress.next_transaction = transaction + 1;
        progress.last = Lsn::commit(transaction);
        progress.last_time = time;
    }

    /// The settings changed in a transaction that committed: reads them anew, and starts or stops the capture job.
    pub fn settings_changed(self: &Arc<Self>, connection: &Connection) -> SqlResult<()> {
        let progress = store::progress(connection).map_err(storage_error)?;
        let jobs = jobs::all(connection).map_err(storage_error)?;
        let defined = |jobs: &[Job]| jobs.iter().any(|job| job.job_type == JobType::Capture);
        let now = progress.enabled && defined(&jobs);
        let (before, hold) = {
            let mut state = lock(&self.state);
            state.progress = progress;
            (defined(&std::mem::replace(&mut state.jobs, jobs)), std::mem::take(&mut state.hold))
        };
        // A job that somebody stopped stays so.
        if !now {
            self.stop();
        } else if !before && !hold {
            self.start_if_defined(connection)?;
        }
        Ok(())
    }

    /// The capture job that is about to be defined is not to start by itself.
    pub fn hold(&self, hold: bool) {
        lock(&self.state).hold = hold;
    }

    /// Lets a session scan by hand until the guard is dropped; error 22903 while somebody else does.
    pub fn scan_by_hand(self: &Arc<Self>, session: i32) -> SqlResult<ScanGuard> {
        let mut state = lock(&self.state);
        let job = state.is_running().then_some(JOB_SESSION);
        if let Some(other) = job.or(state.scanner) {
            return Err(errors::already_scanning(other));
        }
        state.scanner = Some(session);
        Ok(ScanGuard(Arc::clone(self)))
    }

    /// Remembers what a scan found that began at `began`.
    pub fn scanned(&self, from: Lsn, found: Option<Captured>, began: i64) {
        lock(&self.state).history.scanned(from, found, began, now_datetime());
    }

    /// The rows of a view over the scans, as JSON.
    pub fn history_as_json(&self, view: &str) -> String {
        let state = lock(&self.state);
        if view == "dm_cdc_errors" { state.history.errors_as_json() } else { state.history.sessions_as_json() }
    }

    /// When the capture job last started and ended, as `datetime`; one that runs has not ended.
    pub fn capture_times(&self) -> [Option<i64>; 2] {
        lock(&self.state).times
    }

    /// Name of the database.
    pub fn database(&self) -> &str {
        &self.database.name
    }

    /// Starts the capture job if the database has one; false if it runs already or there is none.
    pub fn start_if_defined(self: &Arc<Self>, connection: &Connection) -> SqlResult<bool> {
        let job = jobs::find(connection, JobType::Capture).map_err(storage_error)?;
        let Some(job) = job else { return Ok(false) };
        let mut state = lock(&self.state);
        if !state.progress.enabled || state.is_running() {
            return Ok(false);
        }
        state.run += 1;
        state.ended = false;
        state.times = [Some(now_datetime()), None];
        let (capture, run) = (Arc::clone(self), state.run);
        let worker = std::thread::Builder::new().name(format!("cdc {}", self.database.name)).spawn(move || {
            let fault = capture.work(run, &job);
            // First the job is over, then whoever waits for the fault that ended it learns of it.
            {
                let mut state = lock(&capture.state);
                state.times[1] = Some(now_datetime());
                state.ended = true;
            }
            if let Some(fault) = fault {
                capture.database.faults.ended(fault);
            }
        });
        match worker {
            Ok(worker) => state.worker = Some(worker),
            Err(error) => tracing::error!(%error, "the capture job could not be started"),
        }
        Ok(true)
    }

    /// Stops the capture job and waits for its end; false if it did not run.
    pub fn stop(&self) -> bool {
        let (worker, ran) = {
            let mut state = lock(&self.state);
            let ran = state.is_running();
            state.run += 1;
            (state.worker.take(), ran)
        };
        self.changed.notify_all();
        if worker.is_some_and(|worker| worker.join().is_err()) {
            tracing::error!(database = %self.database.name, "the capture job had panicked");
        }
        ran
    }

    fn is_stopped(&self, run: u64) -> bool {
        lock(&self.state).run != run
    }

    /// Runs until it is stopped; the fault that ended it, if one did. A failure ends a cycle, not the job, as with a job that SQL
    /// Server Agent runs again.
    fn work(&self, run: u64, job: &Job) -> Option<i64> {
        let pause = Duration::from_secs(job.polling_interval.max(0) as u64).max(SHORTEST_PAUSE);
        let mut connection = None;
        let mut cleaned = cleanup_day();
        while !self.is_stopped(run) {
            let began = now_datetime();
            match self.cycle(&mut connection, &mut cleaned, run, job) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(fault)) => return Some(fault),
                Err(error) => {
                    let from = self.progress().captured;
                    lock(&self.state).history.failed(from, &error, began, now_datetime());
                    tracing::warn!(database = %self.database.name, number = error.number, %error, "a capture cycle failed");
                    connection = None;
                }
            }
            if !job.continuous {
                return None;
            }
            self.pause(run, pause);
        }
        None
    }

    /// One cycle; it breaks when a test asked for the end of the job, by that fault.
    fn cycle(
        &self,
        connection: &mut Option<Connection>,
        cleaned: &mut i64,
        run: u64,
        job: &Job,
    ) -> SqlResult<ControlFlow<i64>> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.database.open()?),
        };
        let stopped = || self.is_stopped(run);
        let per_scan = job.max_transactions.max(1) as u64;
        let Progress { captured, last, .. } = self.progress();
        let mut left = per_scan.saturating_mul(job.max_scans.max(1) as u64);
        if captured < last {
            match worker_faults::before_scan(&self.database, (connection, captured), left, &stopped)? {
                Scan::UpTo(limit) => left = limit,
                Scan::End(fault) => return Ok(ControlFlow::Break(fault)),
            }
        }
        // The last scan of a cycle finds nothing, unless there is more than the cycle may take.
        while left > 0 && self.scan(connection, per_scan.min(left), &stopped)? {
            left = left.saturating_sub(per_scan);
        }
        if job.continuous {
            self.mark_idle(connection, &stopped)?;
            if cleanup_day() > *cleaned {
                *cleaned = cleanup_day();
                self.clean_up(connection, &stopped)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn pause(&self, run: u64, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = lock(&self.state);
        while state.run == run {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Lets up to `limit` transactions show; whether there were any.
    pub fn scan(&self, connection: &Connection, limit: u64, cancelled: &dyn Fn() -> bool) -> SqlResult<bool> {
        let began = now_datetime();
        let Progress { captured, last, .. } = self.progress();
        let found = if captured >= last {
            None
        } else {
            self.write(connection, cancelled, || store::capture(connection, captured, limit))?
        };
        self.scanned(captured, found, began);
        Ok(found.is_some())
    }

    /// After five minutes without a transaction, an entry that only says how far time has come.
    fn mark_idle(&self, connection: &Connection, cancelled: &dyn Fn() -> bool) -> SqlResult<()> {
        let now = now_datetime();
        let Progress { captured, last, last_time, .. } = self.progress();
        if captured < last || now - last_time < IDLE_TICKS {
            return Ok(());
        }
        self.write(connection, cancelled, || {
            // With the write lock held nobody else takes this number.
            let next = self.progress().next_transaction;
            store::log_transaction(connection, &Logged::idle(next, now), true)?;
            self.committed(next, now);
            Ok(None)
        })?;
        Ok(())
    }

    /// What the cleanup job does.
    pub fn clean_up(&self, connection: &Connection, cancelled: &dyn Fn() -> bool) -> SqlResult<()> {
        let Some(job) = jobs::find(connection, JobType::Cleanup).map_err(storage_error)? else { return Ok(()) };
        self.write(connection, cancelled, || {
            cleanup::run(connection, job.retention, now_datetime())?;
            Ok(None)
        })?;
        Ok(())
    }

    /// Runs a short transaction of the job's own under the database's write lock. What it returns is how far it captured.
    fn write(
        &self,
        connection: &Connection,
        cancelled: &dyn Fn() -> bool,
        run: impl FnOnce() -> rusqlite::Result<Option<Captured>>,
    ) -> SqlResult<Option<Captured>> {
        let Some(_guard) = self.database.locks.background_writer(self.database.id, cancelled) else { return Ok(None) };
        let result = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
            let captured = run()?;
            connection.execute_batch("COMMIT")?;
            Ok(captured)
        });
        match result {
            Ok(captured) => {
                if let Some(captured) = captured {
                    lock(&self.state).progress.captured = captured.upto;
                }
                Ok(captured)
            }
            Err(error) => {
                if !connection.is_autocommit() {
                    // The error that led here is the one to report.
                    let _ = connection.execute_batch("ROLLBACK");
                }
                Err(storage_error(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::EngineOptions;

    fn open(folder: &std::path::Path) -> (Arc<Database>, Arc<DatabaseCapture>) {
        let path = folder.join("shop.db");
        let database = Arc::new(Database::new(5, "shop", &path, 0, &EngineOptions::new("x")));
        database.create_file().unwrap();
        let capture = DatabaseCapture::open(&database).unwrap();
        (database, capture)
    }

    fn log(connection: &Connection) -> Vec<(bool, Vec<u8>)> {
        let sql = r#"SELECT tran_id = x'00', start_lsn FROM db."cdc.lsn_time_mapping" ORDER BY start_lsn"#;
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn five_minutes_without_a_transaction_leave_a_mark_of_how_far_time_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let (database, capture) = open(folder.path());
        let connection = database.open().unwrap();
        let never = || false;
        lock(&capture.state).progress.last_time = now_datetime() - IDLE_TICKS + 300;
        capture.mark_idle(&connection, &never).unwrap();
        assert_eq!(capture.progress().last, Lsn::ZERO, "too early");
        lock(&capture.state).progress.last_time = now_datetime() - IDLE_TICKS;
        capture.mark_idle(&connection, &never).unwrap();
        capture.scan(&connection, 1, &never).unwrap();
        let (first, next) = (capture.progress().last, capture.progress().next_transaction);
        assert_eq!(log(&connection), [(true, first.to_bytes().to_vec())]);
        assert_eq!(capture.progress().captured, first);
        drop(capture);
        let (_, reopened) = open(folder.path());
        assert_eq!(reopened.progress().next_transaction, next, "the mark took a number of its own");
    }

    #[test]
    fn a_scan_lets_no_more_transactions_show_than_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let (database, capture) = open(folder.path());
        let connection = database.open().unwrap();
        for _ in 0..5 {
            let transaction = capture.progress().next_transaction;
            let logged = Logged { transaction, begun: 1, ended: 1, commands: 1, schema_changes: 0 };
            store::log_transaction(&connection, &logged, false).unwrap();
            capture.committed(transaction, 1);
        }
        let shown = [2, 4, 5, 5].map(|expected| {
            capture.scan(&connection, 2, &|| false).unwrap();
            (log(&connection).len(), expected)
        });
        assert!(shown.iter().all(|(found, expected)| found == expected), "{shown:?}");
    }
}
