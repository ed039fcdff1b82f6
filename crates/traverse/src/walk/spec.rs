//! The part of a dataset that is walked.

use super::node::Node;
use std::sync::Arc;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::Dnode;
use zsend_pool::dmu::objset::Objset;

/// The place at which an earlier stream stopped: objects before it, and blocks of it before `blkid`,
/// are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResumePoint {
    /// Object number.
    pub(crate) object: u64,
    /// Level-0 block number in it.
    pub(crate) blkid: u64,
}

/// The part of a dataset that is walked.
#[derive(Clone, Debug)]
pub(crate) struct WalkSpec {
    /// The object set.
    pub(crate) objset: Arc<Objset>,
    /// Blocks born in this txg or before are passed over, with all below them.
    pub(crate) fromtxg: u64,
    /// The place to go on from.
    pub(crate) resume: Option<ResumePoint>,
}

impl WalkSpec {
    /// A place of the object set, for reads and errors.
    pub(crate) fn bookmark(&self, node: Node) -> Zbookmark {
        node.bookmark(self.objset.id())
    }

    /// True if the walk goes to this pointer at all.
    pub(super) fn is_wanted(&self, dnode: &Dnode, node: Node, bp: &BlkPtr) -> bool {
        if self.resume.is_some_and(|resume| is_completed(dnode, node, resume)) {
            return false;
        }
        // A hole without a birth is visited always: it may be as old as the object or as young.
        bp.logical_birth() == 0 || bp.logical_birth() > self.fromtxg
    }

    /// True if all of an object was sent by an earlier stream.
    pub(crate) fn is_before_resume(&self, object: u64) -> bool {
        self.resume.is_some_and(|resume| object < resume.object)
    }
}

/// Pointer `index` of a dnode and its place: those to the tree, then the one to the spill block.
pub(super) fn root(dnode: &Dnode, object: u64, index: usize) -> Option<(Node, BlkPtr)> {
    let count = usize::from(dnode.nblkptr);
    if index < count {
        let node = Node { object, level: dnode.top(), blkid: index as u64 };
        return dnode.blkptr(index).map(|bp| (node, bp));
    }
    (index == count).then(|| dnode.spill())?.map(|bp| (Node::spill(object), bp))
}

/// True if everything at and below a node was sent before `resume`.
///
/// Follows `zbookmark_subtree_completed()` and `zbookmark_compare()`, OpenZFS `module/zfs/zio.c`,
/// zfs-2.3.2: the place after the subtree is compared with the resume point. There a block of the
/// meta-dnode counts as the first object that it describes, and as before that object.
fn is_completed(dnode: &Dnode, node: Node, resume: ResumePoint) -> bool {
    let end = node.end_block(dnode);
    if node.object == 0 {
        // A sector of a block of dnodes is a dnode slot.
        end.saturating_mul(dnode.datablkszsec.into()) <= resume.object
    } else {
        (node.object, end) <= (resume.object, resume.blkid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::above;
    use proptest::prelude::*;
    use std::mem::offset_of;
    use zsend_ondisk::Level;
    use zsend_ondisk::dnode::DnodePhys;
    use zsend_pool::dmu::dnode::{DNODE_SIZE, DNODES_PER_BLOCK};

    /// A dnode of this shape, all of whose pointers are holes.
    fn dnode(nlevels: u8, indblkshift: u8, sectors: u16) -> Dnode {
        let mut bytes = vec![0; DNODE_SIZE];
        bytes[offset_of!(DnodePhys, kind)] = 19;
        bytes[offset_of!(DnodePhys, nlevels)] = nlevels;
        bytes[offset_of!(DnodePhys, nblkptr)] = 3;
        bytes[offset_of!(DnodePhys, indblkshift)] = indblkshift;
        bytes[offset_of!(DnodePhys, datablkszsec)..][..2].copy_from_slice(&sectors.to_le_bytes());
        Dnode::parse(&bytes.into(), 0, &Zbookmark::default()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]
        /// The model looks at each block below a node: all were sent if all come before the resume point.
        #[test]
        fn a_subtree_is_completed_if_each_block_below_was_sent(
            nlevels in 1..=4u8,
            level in 0..4u8,
            blkid in 0..6u64,
            object in 1..4u64,
            (resume_object, resume_blkid) in (1..5u64, 0..80u64),
        ) {
            let dnode = dnode(nlevels, 9, 8);
            let level = (0..level % nlevels).fold(Level::DATA, |l, _| above(l, &dnode).unwrap());
            let node = Node { object, level, blkid };
            let resume = ResumePoint { object: resume_object, blkid: resume_blkid };
            // Four pointers in an indirect block of 512 bytes.
            let below = 4u64.pow(level.into());
            let sent = |block: u64| (object, block) < (resume_object, resume_blkid);
            let all = (blkid * below..(blkid + 1) * below).all(sent);
            prop_assert_eq!(is_completed(&dnode, node, resume), all);
        }

        /// In the meta-dnode blocks are objects: all were sent if all come before the resume point's.
        #[test]
        fn a_block_of_dnodes_is_completed_if_each_of_its_objects_was_sent(
            nlevels in 1..=4u8,
            level in 0..4u8,
            blkid in 0..6u64,
            (resume_object, resume_blkid) in (1..512u64, 0..3u64),
        ) {
            let dnode = dnode(nlevels, 9, 32);
            let level = (0..level % nlevels).fold(Level::DATA, |l, _| above(l, &dnode).unwrap());
            let resume = ResumePoint { object: resume_object, blkid: resume_blkid };
            let below = DNODES_PER_BLOCK * 4u64.pow(level.into());
            let all = (blkid * below..(blkid + 1) * below).all(|object| object < resume_object);
            prop_assert_eq!(is_completed(&dnode, Node { object: 0, level, blkid }, resume), all);
        }
    }

    #[test]
    fn a_spill_block_is_completed_with_its_object() {
        let dnode = dnode(2, 17, 8);
        let resume = ResumePoint { object: 7, blkid: 1 << 40 };
        assert!(is_completed(&dnode, Node::spill(6), resume));
        assert!(!is_completed(&dnode, Node::spill(7), resume));
    }

    #[test]
    fn a_tree_that_reaches_past_all_block_numbers_is_not_completed() {
        let dnode = dnode(8, 17, 8);
        let top = Node { object: 7, level: dnode.top(), blkid: 0 };
        assert!(!is_completed(&dnode, top, ResumePoint { object: 7, blkid: 1 << 50 }));
        assert!(is_completed(&dnode, top, ResumePoint { object: 8, blkid: 0 }));
    }
}
