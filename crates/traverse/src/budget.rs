//! The byte budget: how far the walker may run ahead of the writer.

use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Debug)]
struct State {
    used: u64,
    closed: bool,
}

/// A counting semaphore in bytes that can be closed.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, state: Mutex::new(State { used: 0, closed: false }), changed: Condvar::new() }
    }

    /// Waits until `bytes` fit, or nothing else is held; `false` once closed.
    pub(crate) fn acquire(&self, bytes: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.closed && state.used > 0 && state.used.saturating_add(bytes) > self.limit {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.used = state.used.saturating_add(bytes);
        !state.closed
    }

    /// Gives back what was acquired.
    pub(crate) fn release(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used = state.used.saturating_sub(bytes);
        self.changed.notify_all();
    }

    /// Lets every waiter go: the writer has stopped.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}
