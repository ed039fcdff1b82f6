//! A token by which one thread tells others to end what they do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::{PoolError, Result};

/// Ends what threads do with a pool: opening it, reading it, or waiting for it. Clones are the same token.
///
/// ```
/// use std::time::Duration;
/// use zsend_pool::CancelToken;
///
/// let token = CancelToken::default();
/// let theirs = token.clone();
/// let waiter = std::thread::spawn(move || theirs.wait(Duration::from_secs(3600)));
/// token.cancel();
/// assert!(waiter.join().unwrap());
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    is_cancelled: AtomicBool,
    /// Held while the flag is set, so that nobody begins to wait between its look and its sleep.
    lock: Mutex<()>,
    changed: Condvar,
}

impl CancelToken {
    /// Cancels, once and for all.
    pub fn cancel(&self) {
        let _guard = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.is_cancelled.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }

    /// Returns true if it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Relaxed)
    }

    /// Refuses to go on if it was cancelled.
    ///
    /// # Errors
    /// [`PoolError::Cancelled`].
    pub fn go_on(&self) -> Result<()> {
        if self.is_cancelled() { Err(PoolError::Cancelled) } else { Ok(()) }
    }

    /// Waits for this time, or until it is cancelled; says whether it was.
    pub fn wait(&self, time: Duration) -> bool {
        let guard = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(guard, time, |()| !self.is_cancelled());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_nobody_ends_is_over_by_itself() {
        let token = CancelToken::default();
        assert!(!token.wait(Duration::from_millis(1)));
        token.cancel();
        assert!(token.is_cancelled());
        // What was cancelled before waits no more.
        assert!(token.wait(Duration::MAX));
    }
}
