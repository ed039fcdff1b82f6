//! The walk over a dataset.

use super::frame::{Arrival, Dnodes, FrameStep, IndirectFrame, MetadataReader, Roots, StackFrame};
use super::leaf::{Leaf, check_level, count_metadata, dnodes, is_flat};
use super::spec::WalkSpec;
use super::stop::Stop;
use super::threads::Threads;
use crate::error::Result;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use zsend_pool::PoolError;
use zsend_pool::blkptr::BLKPTR_SIZE;
use zsend_pool::dmu::dnode::DNODE_BLOCK_SIZE;
use zsend_records::types::DmuType;

/// Leaves of a dataset in send order. After an error there is nothing more.
///
/// Follows `traverse_dataset_resume()`, OpenZFS `module/zfs/dmu_traverse.c`, zfs-2.3.2, with every hole
/// visited, as both lineages do by default. Metadata blocks are read ahead by `threads`, so that the
/// walk seldom waits for one.
pub(crate) struct DatasetWalk {
    reader: MetadataReader,
    /// The blocks and dnodes that the walk stands in, the lowest last: at most eight levels of the
    /// meta-dnode, then the eight of an object.
    stack: Vec<StackFrame>,
}

impl DatasetWalk {
    /// A walk of all that is sent.
    pub(crate) fn new(spec: WalkSpec, threads: Arc<Threads>, stop: Stop) -> Self {
        let mut stack = Vec::new();
        if spec.objset.root().logical_birth() > spec.fromtxg {
            stack.push(StackFrame::Roots(Roots::new(0, spec.objset.meta().clone(), None)));
        }
        Self { reader: MetadataReader { spec, threads, stop }, stack }
    }

    /// The same walk, and then the accounting objects, which are never sent.
    pub(crate) fn with_accounting(mut self) -> Self {
        let accounting = self.reader.spec.objset.accounting().iter().rev();
        let frames = accounting
            .map(|(object, dnode)| StackFrame::Roots(Roots::new(*object, dnode.clone(), None)));
        self.stack.splice(0..0, frames);
        self
    }

    /// The part of the dataset that is walked.
    pub(crate) const fn spec(&self) -> &WalkSpec {
        &self.reader.spec
    }

    /// Goes no further.
    pub(super) fn end(&mut self) {
        self.stack.clear();
    }

    /// Goes on to the next leaf.
    fn advance(&mut self) -> Result<Option<Leaf>> {
        while let Some(frame) = self.stack.last_mut() {
            match frame.step(&self.reader) {
                FrameStep::Arrive(arrival) => {
                    if let Some(leaf) = self.arrive(*arrival)? {
                        return Ok(Some(leaf));
                    }
                }
                FrameStep::Yield(leaf) => return Ok(Some(leaf)),
                FrameStep::Enter(leaf, roots) => {
                    self.stack.push(StackFrame::Roots(roots));
                    return Ok(Some(leaf));
                }
                FrameStep::Leave(leaf) => {
                    self.stack.pop();
                    if leaf.is_some() {
                        return Ok(leaf);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Makes a leaf of a pointer, reads the metadata that it points to, or passes it over.
    fn arrive(&mut self, arrival: Arrival) -> Result<Option<Leaf>> {
        let Arrival { dnode, node, bp, read } = arrival;
        let spec = &self.reader.spec;
        if !spec.is_wanted(&dnode, node, &bp) {
            return Ok(None);
        }
        self.reader.stop.check()?;
        check_level(spec, node, &bp)?;
        if bp.is_hole() || bp.is_redacted() || node.is_data() {
            return Ok(Some(Leaf::Pointer { dnode, node, bp }));
        }
        let at = spec.bookmark(node);
        if node.object == 0 && bp.object_type() != DmuType::DNODE {
            return Err(PoolError::corrupt(at, "type", bp.object_type(), "10").into());
        }
        let data = match read {
            Some(read) => read.take()?,
            None => self.reader.read(node, &bp)?,
        };
        let spec = &self.reader.spec;
        if node.is_dnodes() {
            if data.len() != DNODE_BLOCK_SIZE {
                let found = data.len();
                return Err(
                    PoolError::corrupt(at, "dnode block size", found, DNODE_BLOCK_SIZE).into()
                );
            }
            let blkid = node.blkid;
            if is_flat(&data) {
                return Ok(Some(Leaf::DnodeBlock { bp, blkid, data }));
            }
            let dnodes: Arc<[_]> = dnodes(spec, blkid, &data)?.into();
            let frame = Dnodes::new(&self.reader, bp, Arc::clone(&dnodes));
            self.stack.push(StackFrame::Dnodes(frame));
            return Ok(Some(Leaf::Opening { bp, blkid, dnodes }));
        }
        let count = 1usize << dnode.epb_shift();
        if data.len() != count * BLKPTR_SIZE {
            let (found, expected) = (data.len(), count * BLKPTR_SIZE);
            return Err(PoolError::corrupt(at, "indirect block size", found, expected).into());
        }
        let metadata = count_metadata(node, &data, count);
        let first = node.first_child(&dnode, spec.objset.id())?;
        let prefetched = VecDeque::new();
        self.stack.push(StackFrame::Indirect(Box::new(IndirectFrame {
            dnode,
            first,
            data,
            count,
            metadata,
            next: 0,
            prefetched,
            ahead: 0,
        })));
        Ok(Some(Leaf::Indirect { node, bp }))
    }
}

impl Iterator for DatasetWalk {
    type Item = Result<Leaf>;

    fn next(&mut self) -> Option<Result<Leaf>> {
        self.advance().inspect_err(|_| self.stack.clear()).transpose()
    }
}

impl fmt::Debug for DatasetWalk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatasetWalk").field("reader", &self.reader).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "fixtures")]
mod tests;
