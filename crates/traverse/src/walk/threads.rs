//! The threads that read.

use crate::error::{Result, SendError};
use std::io;

/// Worker threads, with one queue for all.
#[derive(Debug)]
pub(crate) struct Threads(rayon::ThreadPool);

impl Threads {
    /// Starts `count` threads, or one.
    ///
    /// # Errors
    /// [`SendError::Threads`] if the system gives none.
    pub(crate) fn start(count: usize) -> Result<Self> {
        let builder = rayon::ThreadPoolBuilder::new()
            .num_threads(count.max(1))
            .thread_name(|i| format!("zsend-read-{i}"))
            // Whoever takes the result of work that panicked panics; without this the process would be
            // aborted, whoever's it is.
            .panic_handler(|_| {});
        builder.build().map(Self).map_err(|e| SendError::Threads(io::Error::other(e)))
    }

    /// Number of threads.
    pub(crate) fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Queues work.
    pub(crate) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.0.spawn_fifo(work);
    }

    /// Runs `begin` on this thread, and returns when all work that it queued is done.
    pub(crate) fn scope<'s, T>(&self, begin: impl FnOnce(&rayon::ScopeFifo<'s>) -> T) -> T {
        self.0.in_place_scope_fifo(begin)
    }
}
