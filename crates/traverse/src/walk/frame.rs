//! The place of the walk in one block, or in one dnode.

use super::leaf::Leaf;
use super::node::Node;
use super::prefetch::Prefetch;
use super::spec::{WalkSpec, root};
use super::stop::Stop;
use super::threads::Threads;
use crate::error::Result;
use crate::tuning::{LARGEST_METADATA, PREFETCH, PREFETCH_A_THREAD};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::Dnode;
use zsend_records::types::DmuType;

/// A metadata block that is being read.
pub(super) type Read = Prefetch<Result<Bytes>>;

/// Reads the metadata of a walk.
#[derive(Debug)]
pub(super) struct MetadataReader {
    pub(super) spec: WalkSpec,
    pub(super) threads: Arc<Threads>,
    pub(super) stop: Stop,
}

impl MetadataReader {
    /// Reads a block, now.
    pub(super) fn read(&self, node: Node, bp: &BlkPtr) -> Result<Bytes> {
        Ok(self.spec.objset.read_block(bp, &self.spec.bookmark(node))?)
    }

    /// Begins to read a block that will be walked. Returns `None` for a hole, for a block that is not
    /// walked, and for one that says it is larger than metadata are, which is read when its turn comes,
    /// to be refused.
    fn prefetch(&self, dnode: &Dnode, node: Node, bp: BlkPtr) -> Option<Read> {
        if bp.is_hole()
            || bp.largest_size() > LARGEST_METADATA
            || !self.spec.is_wanted(dnode, node, &bp)
        {
            return None;
        }
        let (objset, at) = (Arc::clone(&self.spec.objset), self.spec.bookmark(node));
        let stop = self.stop.clone();
        Some(Prefetch::spawn(&self.threads, move || {
            stop.check()?;
            Ok(objset.read_block(&bp, &at)?)
        }))
    }

    /// Number of blocks that are prefetched beside each other.
    fn most(&self) -> usize {
        (self.threads.count() * PREFETCH_A_THREAD).clamp(*PREFETCH.start(), *PREFETCH.end())
    }
}

/// A pointer that the walk has reached.
pub(super) struct Arrival {
    pub(super) dnode: Dnode,
    pub(super) node: Node,
    pub(super) bp: BlkPtr,
    /// The block, if it was prefetched.
    pub(super) read: Option<Read>,
}

/// The next step of a frame.
pub(super) enum FrameStep {
    /// Goes to a pointer.
    Arrive(Box<Arrival>),
    /// Yields a leaf.
    Yield(Leaf),
    /// Yields a dnode, then goes to what it points to.
    Enter(Leaf, Roots),
    /// Nothing is left in this frame but, maybe, one leaf.
    Leave(Option<Leaf>),
}

/// A block or a dnode that the walk stands in.
pub(super) enum StackFrame {
    Roots(Roots),
    Indirect(Box<IndirectFrame>),
    Dnodes(Dnodes),
}

impl StackFrame {
    pub(super) fn step(&mut self, reader: &MetadataReader) -> FrameStep {
        match self {
            Self::Roots(roots) => roots.step(),
            Self::Indirect(indirect) => indirect.step(reader),
            Self::Dnodes(dnodes) => dnodes.step(reader),
        }
    }
}

/// The pointers in a dnode.
pub(super) struct Roots {
    pub(super) object: u64,
    pub(super) dnode: Dnode,
    next: usize,
    /// The block of the first pointer.
    first: Option<Read>,
}

impl Roots {
    /// All of an object's pointers.
    pub(super) const fn new(object: u64, dnode: Dnode, first: Option<Read>) -> Self {
        Self { object, dnode, next: 0, first }
    }

    fn step(&mut self) -> FrameStep {
        let Some((node, bp)) = root(&self.dnode, self.object, self.next) else {
            return FrameStep::Leave(None);
        };
        self.next += 1;
        let (dnode, read) = (self.dnode.clone(), self.first.take());
        FrameStep::Arrive(Box::new(Arrival { dnode, node, bp, read }))
    }
}

/// An indirect block that has metadata below it.
pub(super) struct IndirectFrame {
    pub(super) dnode: Dnode,
    /// Place of the first pointer.
    pub(super) first: Node,
    pub(super) data: Bytes,
    /// Pointers of the block.
    pub(super) count: usize,
    /// Those of them that have metadata below, from the first on.
    pub(super) metadata: usize,
    pub(super) next: usize,
    pub(super) prefetched: VecDeque<(usize, Read)>,
    /// The first pointer that was not looked at for prefetching.
    pub(super) ahead: usize,
}

impl IndirectFrame {
    fn step(&mut self, reader: &MetadataReader) -> FrameStep {
        if self.next >= self.metadata {
            return FrameStep::Leave(self.rest());
        }
        self.prefetch(reader);
        let index = self.next;
        self.next += 1;
        let Some(bp) = BlkPtr::at(&self.data, index) else { return FrameStep::Leave(None) };
        let is_read = self.prefetched.front().is_some_and(|(i, _)| *i == index);
        let read = is_read.then(|| self.prefetched.pop_front()).flatten().map(|(_, read)| read);
        let (dnode, node) = (self.dnode.clone(), self.first.sibling(index));
        FrameStep::Arrive(Box::new(Arrival { dnode, node, bp, read }))
    }

    fn prefetch(&mut self, reader: &MetadataReader) {
        let most = reader.most();
        while self.ahead < self.metadata && self.prefetched.len() < most {
            let (index, node) = (self.ahead, self.first.sibling(self.ahead));
            self.ahead += 1;
            let read =
                BlkPtr::at(&self.data, index).and_then(|bp| reader.prefetch(&self.dnode, node, bp));
            self.prefetched.extend(read.map(|read| (index, read)));
        }
    }

    /// The pointers behind those that have metadata below.
    fn rest(&self) -> Option<Leaf> {
        let range = self.metadata..self.count;
        (!range.is_empty()).then(|| {
            let (dnode, data) = (self.dnode.clone(), self.data.clone());
            Leaf::Pointers { dnode, first: self.first, data, range }
        })
    }
}

/// A block of dnodes, some of which have indirect blocks.
pub(super) struct Dnodes {
    bp: BlkPtr,
    dnodes: Arc<[(u64, Dnode)]>,
    /// The blocks of their first pointers.
    roots: Vec<Option<Read>>,
    next: usize,
}

impl Dnodes {
    /// The dnodes of a block. The roots of all trees in it are read together.
    pub(super) fn new(reader: &MetadataReader, bp: BlkPtr, dnodes: Arc<[(u64, Dnode)]>) -> Self {
        let prefetch = |(object, dnode): &(u64, Dnode)| {
            let is_walked = dnode.nlevels > 1 && !reader.spec.is_before_resume(*object);
            let (node, bp) = is_walked.then(|| root(dnode, *object, 0))??;
            reader.prefetch(dnode, node, bp)
        };
        let roots = dnodes.iter().map(prefetch).collect();
        Self { bp, dnodes, roots, next: 0 }
    }

    fn step(&mut self, reader: &MetadataReader) -> FrameStep {
        while let Some((object, dnode)) = self.dnodes.get(self.next) {
            let first = self.roots.get_mut(self.next).and_then(Option::take);
            self.next += 1;
            if reader.spec.is_before_resume(*object) {
                continue;
            }
            let leaf = Leaf::Dnode { bp: self.bp, object: *object, dnode: dnode.clone() };
            if dnode.object_type == DmuType::NONE {
                return FrameStep::Yield(leaf);
            }
            return FrameStep::Enter(leaf, Roots::new(*object, dnode.clone(), first));
        }
        FrameStep::Leave(None)
    }
}
