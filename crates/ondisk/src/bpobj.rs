//! Lists of block pointers, and deadlists, which are made of such lists.
//!
//! Source: OpenZFS `include/sys/bpobj.h`, `include/sys/dsl_deadlist.h`, and `module/zfs/bpobj.c`,
//! zfs-2.3.2.

use crate::{LayoutError, words};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem::offset_of;
use core::num::ParseIntError;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes that blocks take.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(C)]
pub struct SpacePhys {
    /// On the vdevs, deflated by parity.
    pub used: U64<LE>,
    /// Without copies and parity.
    pub compressed: U64<LE>,
    /// Before compression.
    pub uncompressed: U64<LE>,
}
assert_eq_size!(SpacePhys, [u8; 24]);

/// `bpobj_phys_t`, a bonus. The list is an array of block pointers, as [`BlkPtr::listed`] makes them.
///
/// [`BlkPtr::listed`]: crate::blkptr::BlkPtr::listed
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct BpobjPhys {
    /// Block pointers in the list itself.
    pub num_blkptrs: U64<LE>,
    /// Bytes of the blocks, those of the lists below included.
    pub space: SpacePhys,
    /// Object whose data are the numbers of the lists below, or zero.
    pub subobjs: U64<LE>,
    /// Lists below.
    pub num_subobjs: U64<LE>,
    /// Block pointers that are frees.
    pub num_freed: U64<LE>,
}
assert_eq_size!(BpobjPhys, [u8; 56]);
const_assert_eq!(offset_of!(BpobjPhys, subobjs), 32);

/// Form of a [`BpobjPhys`]: the part of it that a pool stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpobjForm {
    /// A count and the used bytes: pools before version 5. `BPOBJ_SIZE_V0`.
    Counted,
    /// All totals: before version 26. `BPOBJ_SIZE_V1`.
    Totals,
    /// Lists below, too: the usual form. `BPOBJ_SIZE_V2`.
    Subobjs,
    /// Frees, too: while the feature `livelist` is active.
    Freed,
}

impl BpobjForm {
    /// Bytes of the bonus.
    pub const fn size(self) -> usize {
        match self {
            Self::Counted => 16,
            Self::Totals => 32,
            Self::Subobjs => 48,
            Self::Freed => size_of::<BpobjPhys>(),
        }
    }
}

impl BpobjPhys {
    /// From a bonus of any form: what is not stored is zero.
    pub fn of_bonus(bonus: &[u8]) -> Self {
        words::of_bonus(bonus)
    }

    /// The bonus in a form.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a field that is not zero and that the form does not have.
    pub fn to_bonus(&self, form: BpobjForm) -> Result<Vec<u8>, LayoutError> {
        let (kept, cut) = self.as_bytes().split_at(form.size());
        match cut.as_chunks::<8>().0.iter().find(|word| **word != [0; 8]) {
            Some(word) => {
                let (what, found) = ("part of a list's header", u64::from_le_bytes(*word));
                Err(LayoutError::field(what, found, "0 in a header without it"))
            }
            None => Ok(kept.to_vec()),
        }
    }
}

/// Bytes of a deadlist's bonus.
pub const DEADLIST_SIZE: usize = 320;

/// `dsl_deadlist_phys_t`, the bonus of a deadlist, which is a ZAP: keys are txgs, values lists of the blocks
/// that were born after that txg and not after the next.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct DeadlistPhys {
    /// Bytes of all blocks.
    pub space: SpacePhys,
    /// Not used.
    pub pad: [U64<LE>; 37],
}
assert_eq_size!(DeadlistPhys, [u8; DEADLIST_SIZE]);

impl DeadlistPhys {
    /// One of that space.
    pub fn new(space: SpacePhys) -> Self {
        Self { space, ..Self::new_zeroed() }
    }
}

/// The key of a deadlist's list.
pub fn deadlist_key(mintxg: u64) -> String {
    format!("{mintxg:x}")
}

/// The txg of such a key.
///
/// # Errors
/// The key is no hexadecimal number of 64 bits.
pub fn parse_deadlist_key(key: &str) -> Result<u64, ParseIntError> {
    u64::from_str_radix(key, 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_form_reads_as_it_is_written(words in prop::collection::vec(any::<u64>(), 7), form in 0..4_usize) {
            use BpobjForm::{Counted, Freed, Subobjs, Totals};
            let form = [Counted, Totals, Subobjs, Freed][form];
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let phys = BpobjPhys::of_bonus(&bytes[..form.size()]);
            prop_assert_eq!(phys.to_bonus(form).unwrap(), &bytes[..form.size()]);
            prop_assert_eq!(phys.space.used.get(), words[1]);
            let kept = form.size() / 8;
            let whole = BpobjPhys::of_bonus(&bytes);
            prop_assert_eq!(whole.to_bonus(form).is_ok(), words[kept..].iter().all(|word| *word == 0));
            // A rest that is no word is nothing.
            prop_assert_eq!(BpobjPhys::of_bonus(&bytes[..13]).space.used.get(), 0);
        }

        #[test]
        fn a_key_is_read_back(txg in any::<u64>()) {
            prop_assert_eq!(parse_deadlist_key(&deadlist_key(txg)), Ok(txg));
        }
    }
}
