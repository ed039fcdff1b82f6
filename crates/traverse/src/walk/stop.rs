//! The end of a walk and of its reads before all is read.

use crate::error::{Result, SendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zsend_pool::CancelToken;

/// Asked before each read and each block: the caller's token, and whether anything would still be
/// delivered.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    cancel: CancelToken,
    is_ended: Arc<AtomicBool>,
}

impl Stop {
    /// A stop that the caller's token sets.
    pub(crate) fn new(cancel: &CancelToken) -> Self {
        Self { cancel: cancel.clone(), is_ended: Arc::default() }
    }

    /// The caller's token.
    pub(crate) const fn token(&self) -> &CancelToken {
        &self.cancel
    }

    /// The flag to set once nothing more will be delivered.
    pub(crate) const fn is_ended(&self) -> &Arc<AtomicBool> {
        &self.is_ended
    }

    /// True if whoever reads should read no more.
    pub(crate) fn is_set(&self) -> bool {
        self.is_ended.load(Ordering::Relaxed) || self.cancel.is_cancelled()
    }

    /// Refuses to go on.
    ///
    /// # Errors
    /// [`SendError::Cancelled`]. Where nothing more is delivered, another error was delivered before
    /// and this one is seen by nobody.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_set() { Err(SendError::Cancelled) } else { Ok(()) }
    }
}
