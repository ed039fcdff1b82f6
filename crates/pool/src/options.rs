//! Options of opening a pool.

use crate::cancel::CancelToken;

/// The state of a pool that is opened, and how careful to be.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The state that this transaction group left, instead of the newest one.
    pub txg: Option<u64>,
    /// The state that the pool's checkpoint keeps.
    pub checkpoint: bool,
    /// Opens a pool that another host may have imported, without watching for its heartbeat.
    pub force: bool,
    /// Called with what is being done where it takes some time.
    pub notice: fn(&str),
    /// Ends the opening from another thread.
    pub cancel: CancelToken,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            txg: None,
            checkpoint: false,
            force: false,
            notice: |_| {},
            cancel: CancelToken::default(),
        }
    }
}
