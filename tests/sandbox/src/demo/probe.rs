//! Watches the migration from outside: latency by looking at the subscriber, queue depth by asking the distributor.

use super::database::DATABASE;
use super::workload::Tally;
use crate::client::{Server, SqlError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Pause between two looks at the subscriber, which bounds the resolution of the latency.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Latencies from the commit of an order at the publisher to its being visible at the subscriber.
pub struct LatencyProbe {
    samples: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<(), SqlError>>,
}

impl LatencyProbe {
    /// Starts to look.
    pub fn start(subscriber: &Server, tally: &Arc<Tally>) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        tally.commits.lock().expect("no holder panics").clear();
        let task = tokio::spawn(look(subscriber.clone(), tally.clone(), samples.clone(), stop.clone()));
        Self { samples, stop, task }
    }

    /// 50th and 99th percentile of the samples from `from` on, and the number of samples so far.
    pub fn percentiles(&self, from: usize) -> (Option<(Duration, Duration)>, usize) {
        let samples = self.samples.lock().expect("no holder panics");
        let mut recent = samples.get(from..).unwrap_or_default().to_vec();
        recent.sort_unstable();
        let at =
            |percent: usize| recent.get((recent.len() * percent / 100).min(recent.len().saturating_sub(1))).copied();
        (at(50).zip(at(99)), samples.len())
    }

    /// Stops looking.
    pub async fn stop(self) -> Result<(), SqlError> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the probe does not panic")
    }
}

async fn look(
    subscriber: Server,
    tally: Arc<Tally>,
    samples: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
) -> Result<(), SqlError> {
    let mut db = subscriber.connect(DATABASE).await?;
    while !stop.load(Ordering::Relaxed) {
        let rows = db.run("SELECT MAX(order_id) FROM sales.orders").await?;
        let seen = Instant::now();
        if let Some(newest) = rows.first().and_then(|row| row.get::<i32, _>(0)) {
            let mut commits = tally.commits.lock().expect("no holder panics");
            let mut samples = samples.lock().expect("no holder panics");
            commits.retain(|(id, committed)| {
                let arrived = *id <= newest;
                if arrived {
                    samples.push(seen.saturating_duration_since(*committed));
                }
                !arrived
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
