//! Attentions (MS-TDS 2.2.1.7): the client's word that it no longer wants its request's result.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by the task that reads the socket and the thread that works for the session.
#[derive(Debug, Default)]
pub struct Attention {
    /// Set while a request is not wanted: an attention is unanswered, or the client is gone.
    flag: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    unanswered: u32,
    gone: bool,
}

impl Attention {
    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // The state is two plain fields: a panic cannot leave it half-changed.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        self.flag.store(state.gone || state.unanswered > 0, Ordering::Release);
        result
    }

    /// An attention arrived.
    pub fn arrived(&self) {
        self.update(|state| state.unanswered += 1);
    }

    /// One is being acknowledged.
    pub fn answered(&self) {
        self.update(|state| state.unanswered = state.unanswered.saturating_sub(1));
    }

    /// The client is gone.
    pub fn client_gone(&self) {
        self.update(|state| state.gone = true);
    }

    /// True while an attention is unanswered.
    pub fn is_unanswered(&self) -> bool {
        self.update(|state| state.unanswered > 0)
    }

    /// The request in work is not wanted any more.
    pub fn is_raised(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// The flag behind [`Attention::is_raised`].
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }
}
