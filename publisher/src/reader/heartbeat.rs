//! Heartbeats: in an idle database, a marker from time to time shows that capture and log reader work, keeps the position moving and
//! tells the latency.

use super::log::Log;
use crate::error::Error;
use sqlserver::ServerOptions;
use sqlserver::permission::Missing;
use std::time::Duration;
use tokio::time::Instant;

/// How often old markers are removed.
const CLEAN_EVERY: Duration = Duration::from_secs(3_600);

/// When the next heartbeat is due.
#[derive(Debug)]
pub(super) struct Heartbeat {
    /// `None` where there are to be none.
    interval: Option<Duration>,
    due: Instant,
    clean_at: Instant,
}

impl Heartbeat {
    /// With this pause after the last transaction or heartbeat; none if it is zero.
    pub fn new(interval: Duration) -> Self {
        let now = Instant::now();
        let interval = (!interval.is_zero()).then_some(interval);
        Self { interval, due: now + interval.unwrap_or(CLEAN_EVERY), clean_at: now }
    }

    /// A transaction came by itself.
    pub fn postpone(&mut self) {
        if let Some(interval) = self.interval {
            self.due = Instant::now() + interval;
        }
    }

    /// Completes when something is to be done.
    pub async fn due(&self) {
        tokio::time::sleep_until(self.due.min(self.clean_at)).await;
    }

    /// Does it. A login that may not is said so once, and reading goes on without heartbeats.
    pub async fn beat(&mut self, log: &mut Log, server: &ServerOptions) -> Result<(), Error> {
        let now = Instant::now();
        if let Some(interval) = self.interval.filter(|_| self.due <= now) {
            self.due = now + interval;
            self.allowed(log.beat().await, server)?;
        } else if self.interval.is_none() {
            self.due = now + CLEAN_EVERY;
        }
        if self.clean_at <= now {
            self.clean_at = now + CLEAN_EVERY;
            self.allowed(log.remove_old_markers().await, server)?;
        }
        Ok(())
    }

    fn allowed(&mut self, done: Result<(), sqlserver::Error>, server: &ServerOptions) -> Result<(), Error> {
        let error = match done {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(missing) = Missing::of(&error) else { return Err(error.into()) };
        self.interval = None;
        tracing::warn!(
            "no heartbeats are written and no old markers removed: login {} lacks {}. To give it: {}; --heartbeat-interval 0s does \
             without",
            server.login,
            missing.name(),
            missing.grant(&server.login)
        );
        Ok(())
    }
}
