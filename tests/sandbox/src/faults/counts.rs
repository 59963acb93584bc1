//! How much each application has asked of the server, so that a test can say "one query a poll, however many tables".
//!
//! Read by `EXEC sys.sp_sandbox_statements`, see [`procedures`](super::procedures). Applications are told apart by the name they log
//! in with (`APP_NAME()`), without regard to case.

use crate::engine::database::lock;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What sessions of one application have done since the server started, or since it was last cleared.
#[derive(Debug, Default)]
pub struct Count {
    requests: AtomicU64,
    statements: AtomicU64,
    table_statements: AtomicU64,
}

impl Count {
    /// A batch, procedure call, transaction request or bulk load arrived: what costs the client a round trip.
    pub fn note_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A statement runs, in a batch, procedure or trigger. Control of flow counts only by what it runs.
    pub fn note_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// A query, change or condition reads or writes tables.
    pub fn note_tables(&self) {
        self.table_statements.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests, statements, and statements that touched tables.
    pub fn figures(&self) -> [u64; 3] {
        [&self.requests, &self.statements, &self.table_statements].map(|count| count.load(Ordering::Relaxed))
    }

    fn clear(&self) {
        for count in [&self.requests, &self.statements, &self.table_statements] {
            count.store(0, Ordering::Relaxed);
        }
    }
}

/// The counts of every application that has logged in.
#[derive(Debug, Default)]
pub struct Counts(Mutex<BTreeMap<String, (String, Arc<Count>)>>);

impl Counts {
    /// The count of an application.
    pub fn of(&self, application: &str) -> Arc<Count> {
        let mut all = lock(&self.0);
        let (_, count) =
            all.entry(application.to_lowercase()).or_insert_with(|| (application.to_owned(), Arc::default()));
        Arc::clone(count)
    }

    /// Every application, or the one of that name, in order of the name.
    pub fn list(&self, application: Option<&str>) -> Vec<(String, Arc<Count>)> {
        let wanted = application.map(str::to_lowercase);
        let all = lock(&self.0);
        all.iter()
            .filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == *name))
            .map(|(_, one)| one.clone())
            .collect()
    }

    /// Begins to count anew.
    pub fn clear(&self, application: Option<&str>) {
        self.list(application).iter().for_each(|(_, count)| count.clear());
    }
}
