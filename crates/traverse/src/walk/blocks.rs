//! Every block of an object set.

use super::dataset::DatasetWalk;
use super::leaf::Visit;
use super::node::Node;
use super::spec::WalkSpec;
use super::stop::Stop;
use super::threads::Threads;
use crate::error::Result;
use std::collections::VecDeque;
use std::sync::Arc;
use zsend_pool::CancelToken;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::objset::Objset;

/// Every block of an object set that is not a hole, in send order: blocks of dnodes, indirect blocks,
/// data, spill blocks and redacted blocks, but not the object set's own block, which
/// [`Objset::root`] points to. Metadata are read, data are not.
///
/// After an error there is nothing more. The order is that of `traverse_dataset()`, OpenZFS
/// `module/zfs/dmu_traverse.c`.
#[derive(Debug)]
pub struct Blocks {
    walk: DatasetWalk,
    met: VecDeque<Result<(Zbookmark, BlkPtr)>>,
}

impl Blocks {
    /// The blocks that were born after `fromtxg`, zero for all; `threads` read metadata ahead, one at
    /// least. `cancel` ends it with an error.
    ///
    /// # Errors
    /// [`SendError::Threads`](crate::SendError::Threads) if the system gives no threads.
    pub fn new(
        objset: Arc<Objset>,
        fromtxg: u64,
        threads: usize,
        cancel: &CancelToken,
    ) -> Result<Self> {
        let spec = WalkSpec { objset, fromtxg, resume: None };
        let threads = Arc::new(Threads::start(threads)?);
        let walk = DatasetWalk::new(spec, threads, Stop::new(cancel));
        Ok(Self { walk, met: VecDeque::new() })
    }

    /// The same blocks, then those of the accounting objects (space by user, group and project), which
    /// are never sent.
    #[must_use]
    pub fn with_accounting(self) -> Self {
        Self { walk: self.walk.with_accounting(), met: self.met }
    }
}

impl Iterator for Blocks {
    type Item = Result<(Zbookmark, BlkPtr)>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.met.is_empty() {
            let leaf = match self.walk.next()? {
                Ok(leaf) => leaf,
                Err(e) => return Some(Err(e)),
            };
            let (spec, met) = (self.walk.spec(), &mut self.met);
            let visited = leaf.visit(spec, |visit| {
                let (node, bp) = match visit {
                    Visit::Opening { bp, blkid, .. } => (Node::data(0, blkid), bp),
                    Visit::Indirect { node, bp } | Visit::Pointer { node, bp, .. } => (node, bp),
                    Visit::Dnode { .. } => return Ok(()),
                };
                if !bp.is_hole() {
                    met.push_back(Ok((spec.bookmark(node), *bp)));
                }
                Ok(())
            });
            if let Err(e) = visited {
                self.walk.end();
                self.met.push_back(Err(e));
            }
        }
        self.met.pop_front()
    }
}
