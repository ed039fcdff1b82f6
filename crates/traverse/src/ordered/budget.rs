//! The byte budget: how far the walker may run ahead of the writer.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that are free before a waiting thread is woken, of a large budget: with the many workers that
/// slow devices need, half of it would leave half of them idle.
const REST: u64 = 16 << 20;

#[derive(Debug)]
struct State {
    used: u64,
    closed: bool,
    /// Bytes that somebody waits for.
    wanted: Option<u64>,
}

/// A counting semaphore in bytes that can be closed. One thread takes, any thread gives back.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    state: Mutex<State>,
    changed: Condvar,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        let state = State { used: 0, closed: false, wanted: None };
        Self { limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until `bytes` fit, or nothing else is held; `false` once closed. Who has to wait does
    /// so until half of the budget is free, or [`REST`]: waking a thread for each batch was measured
    /// to double the time of a send into a pipe.
    pub(crate) fn acquire(&self, bytes: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.used > 0 && state.used.saturating_add(bytes) > self.limit {
            state.wanted = Some(bytes);
            while !state.closed && state.wanted.is_some() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.used = state.used.saturating_add(bytes);
        !state.closed
    }

    /// Gives back what was acquired.
    pub(crate) fn release(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used = state.used.saturating_sub(bytes);
        let Some(wanted) = state.wanted else { return };
        let rested = state.used <= self.limit - (self.limit / 2).min(REST);
        let fits = state.used.saturating_add(wanted) <= self.limit;
        if state.used == 0 || rested && fits {
            state.wanted = None;
            self.changed.notify_all();
        }
    }

    /// Lets every waiter go: the writer has stopped.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }
}
