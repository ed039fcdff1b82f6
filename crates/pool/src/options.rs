//! Options of opening a pool.

use crate::cancel::CancelToken;
use std::fmt;
use std::sync::Arc;

/// Tells a caller what is being done.
type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// The state of a pool that is opened, and how careful to be. At first: the newest state, and a pool whose
/// heartbeat goes on is refused.
///
/// ```
/// use zsend_pool::OpenOptions;
///
/// let options = OpenOptions::default().txg(1234).notice(|text| eprintln!("{text}"));
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
pub struct OpenOptions {
    pub(crate) txg: Option<u64>,
    pub(crate) checkpoint: bool,
    pub(crate) force: bool,
    pub(crate) notice: Option<Listener>,
    pub(crate) cancel: CancelToken,
}

impl OpenOptions {
    /// The state that this transaction group left, instead of the newest one.
    #[must_use]
    pub fn txg(mut self, txg: impl Into<Option<u64>>) -> Self {
        self.txg = txg.into();
        self
    }

    /// The state that the pool's checkpoint keeps, if true.
    #[must_use]
    pub const fn checkpoint(mut self, checkpoint: bool) -> Self {
        self.checkpoint = checkpoint;
        self
    }

    /// Opens a pool that another host may have imported without watching for its heartbeat, if true.
    #[must_use]
    pub const fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Called, on the thread that opens the pool, with what is being done where it takes some time.
    #[must_use]
    pub fn notice(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Some(Arc::new(notice));
        self
    }

    /// Ends the opening from another thread, and all reads of the pool that was opened: before each read of a
    /// device the token is asked, and what was under way then ends with [`crate::PoolError::Cancelled`].
    #[must_use]
    pub fn cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { txg, checkpoint, force, notice, cancel } = self;
        f.debug_struct("OpenOptions")
            .field("txg", txg)
            .field("checkpoint", checkpoint)
            .field("force", force)
            .field("notice", &notice.is_some())
            .field("cancel", cancel)
            .finish()
    }
}
