//! Faults on request: what tests arm so that a connection breaks, a commit is in doubt or a capture job fails at a chosen place.
//!
//! A real server has no equal of it, and the product never uses it: the calls are procedures named `sp_sandbox_…` (see
//! [`procedures`]), which a real server answers with error 2812.
//!
//! A fault is a [`Point`] that is passed, a filter of who passes it, how often it may be passed before, and an [`Action`]. The
//! engine and the server call [`Faults::pass`] at each point, by way of [`session_points`] and [`line`]; while nothing is armed for a
//! point this costs one atomic load.

pub mod counts;
pub mod known_errors;
pub mod line;
pub mod procedures;
pub mod session_points;

use crate::engine::catalog::same_name;
use crate::engine::database::lock;
use crate::engine::meta::Table;
use crate::engine::scope::TEMPORARY_DATABASE;
use crate::engine::session_state::SessionShared;
use crate::error::SqlError;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

pub use line::Line;

/// How often whoever waits looks whether its client left.
pub(crate) const POLL: Duration = Duration::from_millis(10);

macro_rules! named {
    ($(#[$about:meta])* $ty:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $ty {
            $($(#[$doc])* $variant,)*
        }

        impl $ty {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it is written in T-SQL.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// By its name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name().eq_ignore_ascii_case(name.trim()))
            }
        }
    };
}

named! {
    /// Where a fault can happen.
    Point {
        /// A session is about to be opened.
        Login = "login",
        /// A packet came from the client; the session has not seen it yet.
        PacketReceived = "packet_received",
        /// A packet is about to go to the client. For a new session the answer to its login counts too.
        PacketSent = "packet_sent",
        /// A batch, call, transaction request or bulk load arrived; nothing of it has been done.
        Request = "request",
        /// A request has been carried out; the end of its response has not been sent.
        Response = "response",
        /// A query, data modification or bulk load is about to read or write tables.
        Statement = "statement",
        /// Rows are about to be written; locks are held. Temporary tables count only where the fault names one.
        Write = "write",
        /// A row of a result is about to be sent.
        Row = "row",
        /// A row of a bulk load has been inserted.
        BulkRow = "bulk_row",
        /// A transaction that wrote, or held locks, is about to commit.
        BeforeCommit = "before_commit",
        /// Such a transaction is durable; its client has not been told.
        AfterCommit = "after_commit",
        /// The capture job is about to read committed transactions.
        Capture = "capture",
    }
}

named! {
    /// What a fault does.
    Action {
        /// Breaks the connection without a word.
        Disconnect = "disconnect",
        /// Stops answering until the fault is cleared, without closing the connection.
        Stall = "stall",
        /// Waits.
        Delay = "delay",
        /// Raises an error; one of severity 20 and above ends the connection after it.
        Error = "error",
        /// Ends the capture job.
        Stop = "stop",
        /// Keeps the newest commits from being captured until the fault is cleared.
        Lag = "lag",
    }
}

impl Action {
    /// Whether it can happen at a point.
    pub fn fits(self, point: Point) -> bool {
        match self {
            Self::Disconnect | Self::Stall => point != Point::Capture,
            Self::Delay => true,
            Self::Error => matches!(
                point,
                Point::Login
                    | Point::Statement
                    | Point::Write
                    | Point::Row
                    | Point::BulkRow
                    | Point::BeforeCommit
                    | Point::Capture
            ),
            Self::Stop | Self::Lag => point == Point::Capture,
        }
    }
}

/// Who has to pass a point for a fault to happen. `None` is anybody, but for the session that armed the fault, which is hit only
/// where it is named by its id.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Current database.
    pub database: Option<String>,
    /// `APP_NAME()`.
    pub application: Option<String>,
    /// Login.
    pub login: Option<String>,
    /// `@@SPID`.
    pub session_id: Option<i32>,
    /// Table that is read or written, with or without its schema.
    pub object: Option<String>,
    /// The session that armed it.
    pub armed_by: Weak<SessionShared>,
}

/// Who passes a point.
#[derive(Clone, Copy)]
pub struct Passer<'a> {
    /// Session, unless it is the capture job.
    pub session: Option<&'a SessionShared>,
    /// Database.
    pub database: &'a str,
    /// Tables concerned.
    pub tables: &'a [&'a Table],
}

impl Filter {
    fn matches(&self, point: Point, passer: &Passer<'_>) -> bool {
        let temporary = || passer.tables.iter().all(|table| table.database == TEMPORARY_DATABASE);
        if point == Point::Write && self.object.is_none() && temporary() {
            return false;
        }
        let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| same_name(wanted, found));
        if !same(&self.database, passer.database) {
            return false;
        }
        if let Some(object) = &self.object
            && !passer.tables.iter().any(|table| names(object, table))
        {
            return false;
        }
        let Some(session) = passer.session else {
            return self.application.is_none() && self.login.is_none() && self.session_id.is_none();
        };
        let armed_it = std::ptr::eq(self.armed_by.as_ptr(), session);
        same(&self.application, &session.app_name)
            && same(&self.login, &session.login.name)
            && self.session_id.map_or(!armed_it, |id| id == session.id)
    }
}

/// Whether a name, with or without a schema and brackets, is a table's.
fn names(object: &str, table: &Table) -> bool {
    let plain = object.replace(['[', ']'], "");
    match plain.rsplit_once('.') {
        Some((schema, name)) => same_name(schema, &table.schema) && same_name(name, &table.name),
        None => same_name(&plain, &table.name),
    }
}

/// A fault as it is armed.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub point: Point,
    /// What.
    pub action: Action,
    /// For whom.
    pub filter: Filter,
    /// Passes that nothing happens to.
    pub after: u64,
    /// Of the passes that follow, each of this number is hit.
    pub every: u64,
    /// How often it happens; 0 is without end.
    pub times: u64,
    /// Of [`Action::Delay`].
    pub delay: Duration,
    /// Of [`Action::Lag`]: commits that are held back.
    pub commits: u64,
    /// Of [`Action::Error`]; a text or severity that is not given is filled in when it happens.
    pub error: known_errors::Wanted,
}

/// A fault and what became of it.
#[derive(Debug, Clone)]
pub struct Armed {
    /// Number, from 1.
    pub id: i64,
    /// The fault.
    pub fault: Fault,
    /// How often its point was passed by whom it is for.
    pub passed: u64,
    /// How often it happened.
    pub fired: u64,
    /// Of [`Action::Stop`]: jobs that it hit and that have not ended yet. Each counts as happened when it has.
    pub ending: u64,
}

impl Armed {
    /// Whether it can still happen.
    pub fn is_live(&self) -> bool {
        self.fault.times == 0 || self.fired + self.ending < self.fault.times
    }

    /// Counts a pass; true when it is to happen.
    fn count(&mut self) -> bool {
        self.passed += 1;
        let beyond = self.passed.saturating_sub(self.fault.after);
        if beyond == 0 || !beyond.is_multiple_of(self.fault.every.max(1)) {
            return false;
        }
        match self.fault.action {
            Action::Stop => self.ending += 1,
            _ => self.fired += 1,
        }
        true
    }
}

/// What happens to whoever passed a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// See [`Action::Disconnect`].
    Disconnect,
    /// See [`Action::Stall`]; until this fault is cleared.
    Stall(i64),
    /// See [`Action::Delay`].
    Delay(Duration),
    /// See [`Action::Error`].
    Error(SqlError),
    /// See [`Action::Stop`]; whoever ends tells [`Faults::ended`] of this fault.
    Stop(i64),
    /// See [`Action::Lag`].
    Lag(u64),
}

/// The faults of a server.
#[derive(Debug, Default)]
pub struct Faults {
    /// A bit for each point that a fault is live for.
    live: AtomicU32,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    last_id: i64,
    faults: Vec<Armed>,
}

impl Faults {
    /// Whether anything can happen at a point.
    pub fn is_armed(&self, point: Point) -> bool {
        self.live.load(Ordering::Acquire) & bit(point) != 0
    }

    /// Arms a fault; its number.
    pub fn arm(&self, fault: Fault) -> i64 {
        let mut state = lock(&self.state);
        state.last_id += 1;
        let id = state.last_id;
        state.faults.push(Armed { id, fault, passed: 0, fired: 0, ending: 0 });
        self.note_change(&state);
        id
    }

    /// Forgets one fault, or all; how many there were.
    pub fn clear(&self, id: Option<i64>) -> usize {
        let mut state = lock(&self.state);
        let before = state.faults.len();
        state.faults.retain(|armed| id.is_some_and(|id| armed.id != id));
        self.note_change(&state);
        before - state.faults.len()
    }

    /// Every fault that was not cleared, in the order they were armed.
    pub fn list(&self) -> Vec<Armed> {
        lock(&self.state).faults.clone()
    }

    /// Somebody passes a point: what happens to them. The fault that was armed first comes first, and one pass suffers one fault.
    pub fn pass(&self, point: Point, passer: &Passer<'_>) -> Option<Effect> {
        if !self.is_armed(point) {
            return None;
        }
        let mut state = lock(&self.state);
        let hit = state
            .faults
            .iter_mut()
            .filter(|armed| armed.fault.point == point && armed.is_live() && armed.fault.filter.matches(point, passer))
            .find_map(|armed| armed.count().then(|| effect(armed, passer)));
        if hit.is_some() {
            self.note_change(&state);
        }
        hit
    }

    /// A job that a fault told to end has done so: only now has the fault happened, for whoever waits for it may start the job anew.
    pub fn ended(&self, id: i64) {
        let mut state = lock(&self.state);
        if let Some(armed) = state.faults.iter_mut().find(|armed| armed.id == id) {
            armed.ending = armed.ending.saturating_sub(1);
            armed.fired += 1;
        }
        self.note_change(&state);
    }

    /// Waits until a fault has happened so often; false when the time is over or `cancelled`, `None` without such a fault.
    pub fn wait_until_fired(&self, id: i64, times: u64, limit: Duration, cancelled: &dyn Fn() -> bool) -> Option<bool> {
        let deadline = Instant::now() + limit;
        self.wait_while(|state| {
            let armed = state.faults.iter().find(|armed| armed.id == id);
            match armed {
                None => Some(None),
                Some(armed) if armed.fired >= times => Some(Some(true)),
                Some(_) if Instant::now() >= deadline || cancelled() => Some(Some(false)),
                Some(_) => None,
            }
        })
    }

    /// Waits until a fault is cleared, or `gone`.
    pub fn wait_until_cleared(&self, id: i64, gone: &dyn Fn() -> bool) {
        self.wait_while(|state| (gone() || !state.faults.iter().any(|armed| armed.id == id)).then_some(()));
    }

    /// Whether a fault was not cleared yet.
    pub fn is_known(&self, id: i64) -> bool {
        lock(&self.state).faults.iter().any(|armed| armed.id == id)
    }

    fn wait_while<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> T {
        let mut state = lock(&self.state);
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            state = self.changed.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn note_change(&self, state: &State) {
        let live = state.faults.iter().filter(|armed| armed.is_live());
        self.live.store(live.fold(0, |bits, armed| bits | bit(armed.fault.point)), Ordering::Release);
        self.changed.notify_all();
    }
}

fn bit(point: Point) -> u32 {
    1 << point as u32
}

fn effect(armed: &Armed, passer: &Passer<'_>) -> Effect {
    let fault = &armed.fault;
    match fault.action {
        Action::Disconnect => Effect::Disconnect,
        Action::Stall => Effect::Stall(armed.id),
        Action::Delay => Effect::Delay(fault.delay),
        Action::Error => Effect::Error(fault.error.made_for(passer)),
        Action::Stop => Effect::Stop(armed.id),
        Action::Lag => Effect::Lag(fault.commits),
    }
}

/// Waits, unless `gone` says that nobody is there any more.
pub(crate) fn pause(delay: Duration, gone: &dyn Fn() -> bool) {
    let deadline = Instant::now() + delay;
    while !gone() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(POLL));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fault(point: Point, action: Action) -> Fault {
        Fault {
            point,
            action,
            filter: Filter::default(),
            after: 0,
            every: 1,
            times: 1,
            delay: Duration::ZERO,
            commits: 0,
            error: known_errors::Wanted::default(),
        }
    }

    fn hits(faults: &Faults, point: Point, database: &str, passes: usize) -> Vec<bool> {
        let passer = Passer { session: None, database, tables: &[] };
        (0..passes).map(|_| faults.pass(point, &passer).is_some()).collect()
    }

    #[test]
    fn a_fault_skips_repeats_and_ends_as_it_was_told() {
        let faults = Faults::default();
        faults.arm(Fault { after: 2, every: 2, times: 2, ..fault(Point::Row, Action::Delay) });
        assert!(faults.is_armed(Point::Row) && !faults.is_armed(Point::Write));
        assert_eq!(
            hits(&faults, Point::Row, "shop", 8),
            [false, false, false, true, false, true, false, false],
            "two go free, then each second one is hit, twice"
        );
        assert!(!faults.is_armed(Point::Row), "it is used up");
        assert_eq!((faults.list()[0].passed, faults.list()[0].fired), (6, 2));
        assert_eq!((faults.clear(None), faults.list().len()), (1, 0));
    }

    #[test]
    fn one_pass_suffers_one_fault_and_other_databases_none() {
        let faults = Faults::default();
        let filter = Filter { database: Some("Shop".into()), ..Filter::default() };
        let first = faults.arm(Fault { filter, ..fault(Point::Capture, Action::Stop) });
        let second = faults.arm(fault(Point::Capture, Action::Delay));
        assert_eq!(hits(&faults, Point::Capture, "shop", 1), [true]);
        assert_eq!(faults.wait_until_fired(first, 1, Duration::ZERO, &|| false), Some(false), "the job has not ended");
        assert!(!faults.list()[0].is_live(), "nor does it hit another");
        faults.ended(first);
        let fired = |id| faults.list().iter().find(|armed| armed.id == id).map(|armed| armed.fired);
        assert_eq!((fired(first), fired(second)), (Some(1), Some(0)));
        assert_eq!(hits(&faults, Point::Capture, "other", 2), [true, false], "the second fault is for anybody");
        assert_eq!(faults.clear(Some(first)), 1);
        assert_eq!(faults.wait_until_fired(first, 1, Duration::ZERO, &|| false), None);
        assert_eq!(faults.wait_until_fired(second, 1, Duration::ZERO, &|| false), Some(true));
        assert_eq!(faults.wait_until_fired(second, 2, Duration::ZERO, &|| false), Some(false));
    }

    #[test]
    fn points_and_actions_have_one_name_each() {
        assert!(Point::ALL.iter().all(|&point| Point::parse(point.name()) == Some(point)));
        assert!(Action::ALL.iter().all(|&action| Action::parse(action.name()) == Some(action)));
        assert_eq!(Point::parse("nothing"), None);
    }
}
