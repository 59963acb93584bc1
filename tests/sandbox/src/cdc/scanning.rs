//! `sys.sp_cdc_scan`: a session does by hand what the capture job does.
//!
//! <https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/sys-sp-cdc-scan-transact-sql>

use super::errors;
use super::parameters::Values;
use super::procedures::Call;
use super::store;
use crate::engine::clock::now_datetime;
use crate::engine::session::SqlSession;
use crate::engine::stop::{Exec, Stop};
use crate::error::SqlResult;
use crate::session::Sink;
use std::time::{Duration, Instant};

/// Seconds in a day.
const DAY: i64 = 24 * 60 * 60;
/// How often a scan that waits looks whether it is cancelled.
const LOOK: Duration = Duration::from_millis(20);

/// What the call asks for.
#[derive(Debug, Clone, Copy)]
struct Settings {
    max_transactions: u64,
    max_scans: u64,
    /// Pause between rounds; `None` for one round.
    pause: Option<Duration>,
}

impl Settings {
    fn read(values: &Values) -> SqlResult<Self> {
        let with_default = |name, default| match values.integer(name)? {
            None if !values.is_given(name) => Ok(Some(default)),
            value => Ok(value),
        };
        let interval = with_default("@pollinginterval", 0)?;
        let pause = match with_default("@continuous", 0)? {
            Some(0) if interval.unwrap_or_default() != 0 => return Err(errors::interval_of_one_scan()),
            Some(0) => None,
            Some(1) => {
                let seconds = interval.filter(|seconds| (0..DAY).contains(seconds));
                Some(Duration::from_secs(seconds.ok_or_else(errors::bad_polling_interval)? as u64))
            }
            _ => return Err(errors::bad_continuous()),
        };
        let positive = |value: Option<i64>| value.filter(|value| *value > 0).map(|value| value as u64);
        let max_transactions = positive(with_default("@maxtrans", 500)?).ok_or_else(errors::bad_max_transactions)?;
        let max_scans = positive(with_default("@maxscans", 10)?).ok_or_else(errors::bad_max_scans)?;
        Ok(Self { max_transactions, max_scans, pause })
    }
}

/// Runs the procedure.
pub fn run(call: &Call, session: &mut SqlSession, values: &Values, sink: &mut dyn Sink) -> Exec<()> {
    let settings = Settings::read(values)?;
    let _alone = call.capture.scan_by_hand(session.shared.id)?;
    loop {
        round(call, settings, session, sink)?;
        let Some(pause) = settings.pause else { return Ok(()) };
        wait(pause, sink)?;
    }
}

/// Scans until the log is drained or there were enough of them.
fn round(call: &Call, settings: Settings, session: &mut SqlSession, sink: &mut dyn Sink) -> Exec<()> {
    call.write(session, sink, |session| {
        let mut from = store::progress(&session.connection)?.captured;
        for _ in 0..settings.max_scans {
            let began = now_datetime();
            let found = store::capture(&session.connection, from, settings.max_transactions)?;
            call.capture.scanned(from, found, began);
            let Some(found) = found else { break };
            from = found.upto;
        }
        Ok(())
    })
}

fn wait(pause: Duration, sink: &dyn Sink) -> Exec<()> {
    let until = Instant::now() + pause.max(LOOK);
    while Instant::now() < until {
        if sink.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
