//! The writing side: a dnode from its fields and what it holds.

use super::{CORE_SIZE, DNODE_SIZE, DnodePhys, FLAG_SPILL, MAX_BLKPTRS};
use crate::blkptr::{BLKPTR_SIZE, BlkPtr};
use crate::{LayoutError, Order};
use alloc::vec;
use alloc::vec::Vec;
use zerocopy::IntoBytes;

/// A dnode's fields and what it holds. The counts of its block pointers and of its bonus's bytes, and
/// the flag of the spill pointer, follow from what there is.
#[derive(Clone, Debug, Default)]
pub struct DnodeBuilder {
    /// The other fields.
    pub core: DnodePhys,
    /// At most three. With a spill pointer in a dnode of one slot the third ends in that, so that nothing may
    /// be set from its birth on.
    pub pointers: Vec<BlkPtr>,
    /// The bonus, in the byte order that the dnode is built for.
    pub bonus: Vec<u8>,
    /// The spill block pointer.
    pub spill: Option<BlkPtr>,
}

impl DnodeBuilder {
    /// All bytes of all slots, as a writer of that order has them.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for more pointers or a longer bonus than there is room for;
    /// [`LayoutError::Conflict`] for a third pointer that the spill pointer would write over.
    pub fn build(&self, order: Order) -> Result<Vec<u8>, LayoutError> {
        let (pointers, bonus) = (self.pointers.len(), self.bonus.len());
        let too_many = |what, found: usize, most: usize| {
            LayoutError::field(what, found as u64, format_args!("at most {most}"))
        };
        let most = || too_many("dn_nblkptr", pointers, MAX_BLKPTRS.into());
        let mut core = self.core;
        core.nblkptr = u8::try_from(pointers).map_err(|_| most())?;
        core.flags = core.flags & !FLAG_SPILL | if self.spill.is_some() { FLAG_SPILL } else { 0 };
        let size = core.size();
        if core.nblkptr > MAX_BLKPTRS {
            return Err(most());
        }
        let spill = core.spill(size);
        let room = core.bonus_room(size).unwrap_or(size..size);
        if let (Some(spill), [.., last]) = (&spill, &self.pointers[..]) {
            let covered = core.bonus_start().saturating_sub(spill.start) / 8;
            if last.words().iter().rev().take(covered).any(|word| *word != 0) {
                let (what, other) = ("end of the last block pointer", "spill pointer");
                return Err(LayoutError::Conflict { what, other });
            }
        }
        core.bonuslen = u16::try_from(bonus)
            .ok()
            .filter(|_| bonus <= room.len())
            .ok_or_else(|| too_many("dn_bonuslen", bonus, room.len()))?
            .into();
        if order == Order::Big {
            core.swap();
        }
        let mut bytes = vec![0; core.slots() * DNODE_SIZE];
        bytes[..CORE_SIZE].copy_from_slice(core.as_bytes());
        let (own, _) = bytes[CORE_SIZE..].as_chunks_mut::<BLKPTR_SIZE>();
        for (to, bp) in own.iter_mut().zip(&self.pointers) {
            *to = bp.to_bytes(order);
        }
        bytes[room.start..room.start + bonus].copy_from_slice(&self.bonus);
        if let (Some(range), Some(bp)) = (spill, &self.spill) {
            bytes[range].copy_from_slice(&bp.to_bytes(order));
        }
        Ok(bytes)
    }
}
