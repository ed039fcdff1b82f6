//! A part of a dataset's tree below which there is no more metadata to read, so that any thread can
//! walk it, whatever the others are at.

use bytes::Bytes;
use std::ops::Range;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{Dnode, Outline};
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
    /// Pointers of an indirect block: of level 1, or holes.
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
            Self::Dnodes { data, .. } => Outline::all(data).all(|dnode| {
                dnode.is_some_and(|d| d.object_type() == DmuType::NONE || d.nlevels() == 1)
            }),
            Self::Children { .. } => true,
        }
    }
}
