//! Connections that commit transactions until they are told to stop.

use crate::server::TestDatabase;
use crate::wait;
use sandbox::client::SqlError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::JoinHandle;

/// A running workload.
pub struct Workload {
    turn: Turn,
    tasks: Vec<JoinHandle<Result<(), SqlError>>>,
}

/// What a connection of a workload goes by.
#[derive(Clone, Default)]
pub struct Turn {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicU64>,
}

impl Turn {
    /// Whether another transaction is to be made.
    pub fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// One was made.
    pub fn committed(&self) {
        self.committed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Workload {
    /// Starts so many connections; `transactions` gives each, by its number, what makes the texts that it runs, one a transaction.
    pub fn start<T>(database: &TestDatabase, connections: u64, transactions: impl Fn(u64) -> T) -> Self
    where
        T: FnMut() -> String + Send + 'static,
    {
        Self::run(connections, |number, turn| {
            let (server, name, mut transaction) =
                (database.server.clone(), database.name.clone(), transactions(number));
            async move {
                let mut db = server.connect(&name).await?;
                while turn.goes_on() {
                    db.run(&transaction()).await?;
                    turn.committed();
                }
                Ok(())
            }
        })
    }

    /// Starts so many tasks; `work` says what each does, by its number.
    pub fn run<W>(tasks: u64, work: impl Fn(u64, Turn) -> W) -> Self
    where
        W: Future<Output = Result<(), SqlError>> + Send + 'static,
    {
        let turn = Turn::default();
        let tasks = (0..tasks).map(|number| {
            let work = work(number, turn.clone());
            // Whoever waits for more sees only that it ended.
            tokio::spawn(async move { work.await.inspect_err(|e| eprintln!("the workload failed: {e}")) })
        });
        Self { tasks: tasks.collect(), turn }
    }

    /// Transactions so far.
    pub fn committed(&self) -> u64 {
        self.turn.committed.load(Ordering::Relaxed)
    }

    /// Waits until it has made `more` further transactions.
    pub async fn makes(&self, more: u64) {
        let until = self.committed() + more;
        wait::until("the workload to go on", async || {
            assert!(!self.tasks.iter().any(JoinHandle::is_finished), "the workload ended by itself");
            (self.committed() >= until).then_some(())
        })
        .await;
    }

    /// Stops it; gives the number of its transactions.
    ///
    /// # Panics
    /// When one of them failed.
    pub async fn stop(self) -> u64 {
        self.turn.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("the workload does not panic").unwrap_or_else(|e| panic!("the workload failed: {e}"));
        }
        self.turn.committed.load(Ordering::Relaxed)
    }
}
