//! The dnodes of a block, found without taking hold of them.

use super::{CORE_SIZE, DNODE_SIZE, DnodePhys, MAX_BLKPTRS};
use crate::blkptr::BlkPtr;
use zerocopy::FromBytes;
use zsend_records::types::DmuType;

/// A dnode as a walk sees it before it takes hold of it, straight from the bytes of a block.
#[derive(Clone, Copy, Debug)]
pub struct DnodeRef<'a> {
    bytes: &'a [u8],
    core: &'a DnodePhys,
}

impl<'a> DnodeRef<'a> {
    /// The dnode whose first slot is slot `wanted` of a block, as a lookup finds it: a free slot
    /// stands for itself alone, and so does one whose count of slots does not fit. `None` if another
    /// dnode reaches over the slot, or the block ends before it.
    ///
    /// Nothing else of the dnodes before it is looked at, so that a damaged one hides no other.
    /// Source: `dnode_hold_impl()`, OpenZFS `module/zfs/dnode.c`, zfs-2.3.2.
    pub fn at(block: &'a [u8], wanted: usize) -> Option<Self> {
        let mut slot = 0_usize;
        loop {
            let rest = block.get(slot.checked_mul(DNODE_SIZE)?..)?;
            let (core, _) = DnodePhys::ref_from_prefix(rest).ok()?;
            let size =
                if core.is_free() || core.size() > rest.len() { DNODE_SIZE } else { core.size() };
            if slot == wanted {
                return Some(Self { bytes: rest.get(..size)?, core });
            }
            slot += size / DNODE_SIZE;
            if slot > wanted {
                return None;
            }
        }
    }

    /// The dnodes in a block, in order; `None` is the last, for one whose slots do not fit.
    pub fn all(block: &'a [u8]) -> impl Iterator<Item = Option<Self>> {
        let mut rest = block;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let found = DnodePhys::ref_from_prefix(rest).ok().and_then(|(core, _)| {
                rest.split_at_checked(core.size())
                    .map(|(bytes, after)| (Self { bytes, core }, after))
            });
            let Some((outline, after)) = found else {
                rest = &[];
                return Some(None);
            };
            rest = after;
            Some(Some(outline))
        })
    }

    /// `dn_type`; [`DmuType::NONE`] is a free slot.
    pub const fn object_type(&self) -> DmuType {
        self.core.object_type()
    }

    /// Bytes of its slots.
    pub const fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Levels of the block tree, as the field has it.
    pub const fn nlevels(&self) -> u8 {
        self.core.nlevels
    }

    /// The block pointers that there is room for, the spill block's last.
    pub fn pointers(&self) -> impl Iterator<Item = BlkPtr> {
        let own = (0..usize::from(self.core.nblkptr.min(MAX_BLKPTRS)))
            .map_while(|i| BlkPtr::at(&self.bytes[CORE_SIZE..], i));
        let spill = self.core.spill(self.bytes.len());
        own.chain(spill.and_then(|spill| BlkPtr::at(&self.bytes[spill], 0)))
    }
}
