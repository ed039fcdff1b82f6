//! The block pointers of a dnode, made anew of its blocks: what the MAC of a block of dnodes is over.

use zsend_crypto::{AuthBp, IndirectMac, KeyVersion};
use zsend_ondisk::blkptr::{BlkPtr, Dva};
use zsend_ondisk::dnode::DNODE_BLOCK_SIZE;
use zsend_ondisk::{LayoutError, Order};
use zsend_records::sizes::in_memory;
use zsend_records::types::{Compress, DmuType};

/// Shape of a dnode's tree of blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeShape {
    pub(crate) object_type: DmuType,
    /// Levels: one if the dnode points to its blocks itself.
    pub(crate) nlevels: u8,
    pub(crate) indblkshift: u8,
    pub(crate) nblkptr: u8,
}

/// A block of a raw stream, as a pointer to it tells of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeLeaf {
    pub(crate) object_type: DmuType,
    pub(crate) lsize: u64,
    pub(crate) psize: u64,
    pub(crate) compress: Compress,
    pub(crate) mac: [u8; 16],
    /// Byte order of its contents.
    pub(crate) order: Order,
}

impl TreeLeaf {
    /// A block of dnodes, which is never compressed.
    pub(crate) const fn of_dnodes(mac: [u8; 16], order: Order) -> Self {
        Self {
            object_type: DmuType::DNODE,
            lsize: DNODE_BLOCK_SIZE as u64,
            psize: DNODE_BLOCK_SIZE as u64,
            compress: Compress::OFF,
            mac,
            order,
        }
    }

    /// The pointer, as far as MACs are over it. Where the block lies they do not tell; it is somewhere.
    pub(crate) fn pointer(&self) -> Result<BlkPtr, LayoutError> {
        let block = BlkPtr::builder().lsize(self.lsize).psize(self.psize).compress(self.compress);
        let block = block.object_type(self.object_type).uses_crypt(true).mac(self.mac);
        let block = block.dva(0, Dva::new(0, 0, 512)?).logical_birth(1).order(self.order);
        let is_encrypted = self.object_type.is_encrypted();
        if is_encrypted { block.salt_iv([0; 8], [0; 12]).build() } else { block.build() }
    }
}

/// An indirect block that is being filled.
#[derive(Clone, Debug)]
struct OpenIndirect {
    /// Its number in its level.
    blkid: u64,
    /// Number of the next pointer in it.
    next: u64,
    mac: IndirectMac,
}

/// The tree over the blocks that have come, which come in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct BlockTree {
    shape: TreeShape,
    /// The open block of each level above the blocks themselves, but the dnode's.
    open: Vec<Option<OpenIndirect>>,
    /// Pointers in the dnode.
    pointers: Vec<BlkPtr>,
}

impl BlockTree {
    /// A tree of holes. The shape's values are within the limits of the rules.
    pub(crate) fn new(shape: TreeShape) -> Self {
        let levels = usize::from(shape.nlevels.saturating_sub(1));
        let hole = BlkPtr::from_words([0; 16]);
        Self { shape, open: vec![None; levels], pointers: vec![hole; shape.nblkptr.into()] }
    }

    /// Adds a block.
    pub(crate) fn add(&mut self, blkid: u64, leaf: &TreeLeaf) -> Result<(), LayoutError> {
        self.put(0, blkid, leaf.pointer()?)
    }

    /// The pointers in the dnode, once all blocks came.
    pub(crate) fn finish(mut self) -> Result<Vec<BlkPtr>, LayoutError> {
        for level in 0..self.shape.nlevels.saturating_sub(1) {
            self.close(level)?;
        }
        Ok(self.pointers)
    }

    const fn fan_out(&self) -> u64 {
        1 << self.shape.indblkshift.saturating_sub(7)
    }

    /// Puts a pointer to block `blkid` of a level into the block above it.
    fn put(&mut self, level: u8, blkid: u64, pointer: BlkPtr) -> Result<(), LayoutError> {
        let place = usize::from(level);
        if place == self.open.len() {
            // Other rules have the number of blocks that a tree reaches.
            if let Some(place) = self.pointers.get_mut(in_memory(blkid)) {
                *place = pointer;
            }
            return Ok(());
        }
        let (parent, slot) = (blkid / self.fan_out(), blkid % self.fan_out());
        if self.open[place].as_ref().is_some_and(|open| open.blkid != parent) {
            self.close(level)?;
        }
        let fresh = || OpenIndirect { blkid: parent, next: 0, mac: IndirectMac::default() };
        let open = self.open[place].get_or_insert_with(fresh);
        add_holes(open, slot);
        open.mac.add(&auth(&pointer));
        open.next = slot + 1;
        Ok(())
    }

    /// Closes the open block of a level, and puts a pointer to it into the one above.
    fn close(&mut self, level: u8) -> Result<(), LayoutError> {
        let Some(mut open) = self.open[usize::from(level)].take() else { return Ok(()) };
        add_holes(&mut open, self.fan_out());
        // Of a u8, one less than the number of levels: there is one above.
        let above = level + 1;
        // A level above the blocks has no salt and no IV, and its MAC is over what is not portable too.
        let pointer = BlkPtr::builder()
            .size(1 << self.shape.indblkshift)
            .object_type(self.shape.object_type)
            .level(above.into())
            .uses_crypt(true)
            .mac(open.mac.finish())
            .dva(0, Dva::new(0, 0, 512)?)
            .logical_birth(1)
            .build()?;
        self.put(above, open.blkid, pointer)
    }
}

/// Adds holes up to pointer number `slot`.
fn add_holes(open: &mut OpenIndirect, slot: u64) {
    let hole = AuthBp::new(0, [0; 16], true, KeyVersion::CURRENT);
    for _ in open.next..slot {
        open.mac.add(&hole);
    }
    open.next = slot;
}

fn auth(pointer: &BlkPtr) -> AuthBp {
    AuthBp::new(pointer.prop(), pointer.mac(), pointer.is_hole(), KeyVersion::CURRENT)
}
