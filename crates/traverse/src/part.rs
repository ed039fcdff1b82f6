//! A part of a dataset's tree below which there is no more metadata to read, so that any thread can
//! walk it, whatever the others are at.

use bytes::Bytes;
use std::ops::Range;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{DNODE_SIZE, Dnode};
use zsend_pool::place::Bookmark;
use zsend_records::types::DmuType;

/// A block of metadata, read and verified, that points to data alone.
#[derive(Clone, Debug)]
pub enum Part {
    /// A block of dnodes.
    Dnodes {
        /// The pointer to it.
        bp: BlkPtr,
        /// Its contents.
        data: Bytes,
        /// Its place in the meta-dnode.
        at: Bookmark,
    },
    /// Pointers of an indirect block of level 1.
    Children {
        /// The object's dnode.
        dnode: Dnode,
        /// The whole block.
        data: Bytes,
        /// The block's own place.
        at: Bookmark,
        /// Which of its pointers.
        range: Range<usize>,
    },
}

impl Part {
    /// Whether there is no more metadata below: none of a block of dnodes has an indirect block, so
    /// that their own pointers are all there is. What no writer wrote is not flat; the walk says
    /// what is wrong with it.
    pub(crate) fn is_flat(&self) -> bool {
        match self {
            Self::Dnodes { data, at, .. } => dnodes(data, at)
                .all(|d| d.is_some_and(|d| d.object_type == DmuType::NONE || d.nlevels == 1)),
            Self::Children { .. } => true,
        }
    }

    /// The data pointers of a block of dnodes, spill blocks with them; of what is sound in it.
    pub(crate) fn dnode_pointers(data: &Bytes, at: &Bookmark) -> Vec<BlkPtr> {
        dnodes(data, at)
            .map_while(|dnode| dnode)
            .filter(|dnode| dnode.object_type != DmuType::NONE)
            .flat_map(|dnode| {
                (0..3).filter_map(|i| dnode.blkptr(i)).chain(dnode.spill()).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// The dnodes in a block, in order; `None` is the last, for one that is not sound.
fn dnodes(data: &Bytes, at: &Bookmark) -> impl Iterator<Item = Option<Dnode>> {
    let mut slot = 0;
    std::iter::from_fn(move || {
        let start = slot * DNODE_SIZE;
        if start >= data.len() {
            return None;
        }
        let dnode = Dnode::parse(&data.slice(start..), at).ok();
        slot += dnode.as_ref().map_or(data.len(), |d| usize::from(d.extra_slots) + 1);
        Some(dnode)
    })
}
