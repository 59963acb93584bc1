//! The connection that a session is served on, as whoever has to break it sees it.

use super::{Effect, Faults, Passer, Point, pause};
use crate::engine::database::lock;
use crate::engine::session_state::SessionShared;
use crate::error::SqlError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// See the module. A session without a connection has a line too, which nothing hangs on.
#[derive(Default)]
pub struct Line {
    /// The connection is not to be used any more.
    gone: AtomicBool,
    /// It is to be broken at once, not closed.
    cut: AtomicBool,
    cutting: Notify,
    /// Tells whoever works for the client that it is gone.
    on_gone: Option<Box<dyn Fn() + Send + Sync>>,
    /// The session, once there is one.
    session: OnceLock<Weak<SessionShared>>,
    /// The last word of a connection that is about to be closed.
    farewell: Mutex<Option<SqlError>>,
}

/// The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl Line {
    /// Of a connection; `on_gone` is called when it is over.
    pub fn new(on_gone: impl Fn() + Send + Sync + 'static) -> Self {
        Self { on_gone: Some(Box::new(on_gone)), ..Self::default() }
    }

    /// From now on faults for this session happen to the connection.
    pub fn attach(&self, session: &Arc<SessionShared>) {
        // A connection has one session, so it is not set yet.
        let _ = self.session.set(Arc::downgrade(session));
    }

    /// Breaks the connection at once: nothing more is sent or read.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.over();
        self.cutting.notify_one();
    }

    /// The connection is over, for whatever reason.
    pub fn over(&self) {
        self.gone.store(true, Ordering::Release);
        if let Some(on_gone) = &self.on_gone {
            on_gone();
        }
    }

    /// Whether it was broken.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Whether it is over.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Resolves when it was broken.
    pub async fn until_cut(&self) {
        self.cutting.notified().await;
    }

    /// The connection ends with an error, once what runs has given up.
    pub fn end_with(&self, error: SqlError) {
        *lock(&self.farewell) = Some(error);
    }

    /// The error to end the connection with.
    pub fn take_farewell(&self) -> Option<SqlError> {
        lock(&self.farewell).take()
    }

    /// The session with its server's faults, if any is armed for the point.
    fn armed(&self, point: Point) -> Option<Arc<SessionShared>> {
        let session = self.session.get()?.upgrade()?;
        session.server.options.faults.is_armed(point).then_some(session)
    }

    fn effect(session: &SessionShared, point: Point) -> Option<Effect> {
        let database = session.state().database.name.clone();
        let passer = Passer { session: Some(session), database: &database, tables: &[] };
        session.server.options.faults.pass(point, &passer)
    }

    /// Passes a point on the session's own thread.
    pub fn pass(&self, point: Point) -> Result<(), Broken> {
        let Some(session) = self.armed(point) else { return self.still_there() };
        match Self::effect(&session, point) {
            Some(Effect::Disconnect) => self.cut(),
            Some(Effect::Stall(id)) => session.server.options.faults.wait_until_cleared(id, &|| self.is_gone()),
            Some(Effect::Delay(delay)) => pause(delay, &|| self.is_gone()),
            _ => {}
        }
        self.still_there()
    }

    fn still_there(&self) -> Result<(), Broken> {
        if self.is_cut() { Err(Broken) } else { Ok(()) }
    }

    /// Whether packets have to be looked at one by one.
    pub fn watches(&self, point: Point) -> bool {
        self.armed(point).is_some()
    }

    /// Passes a point on the connection's task.
    pub async fn pass_packet(&self, point: Point) -> Result<(), Broken> {
        // Nothing of the session is held while this waits: the thread that works for it may end meanwhile.
        let effect = self.armed(point).and_then(|session| {
            let effect = Self::effect(&session, point)?;
            Some((effect, Arc::clone(&session.server.options.faults)))
        });
        match effect {
            Some((Effect::Disconnect, _)) => self.cut(),
            Some((Effect::Stall(id), faults)) => wait_until_cleared(&faults, id).await,
            Some((Effect::Delay(delay), _)) => tokio::time::sleep(delay).await,
            _ => {}
        }
        self.still_there()
    }
}

async fn wait_until_cleared(faults: &Faults, id: i64) {
    /// How often it is looked at.
    const PAUSE: Duration = super::POLL;
    while faults.is_known(id) {
        tokio::time::sleep(PAUSE).await;
    }
}
