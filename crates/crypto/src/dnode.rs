//! Dnode blocks: bonuses are encrypted, everything else that a raw send carries is authenticated.

use crate::auth::{AuthBp, BlockParams};
use crate::dataset::DatasetKey;
use crate::error::CryptoError;
use crate::key_object::KeyVersion;
use std::ops::Range;
use zeroize::Zeroizing;
use zsend_records::types::DmuType;

/// A slot; a dnode has one and `extra_slots` more.
pub(crate) const SLOT: usize = 512;
/// The fields before the block pointers.
pub(crate) const CORE: usize = 64;
const BLKPTR: usize = 128;
/// `DN_MAX_NBLKPTR`.
const NBLKPTR_MAX: usize = 3;

/// Offsets of the fields of `dnode_phys_t` that matter here. Source: OpenZFS
/// `include/sys/dnode.h`, zfs-2.3.2.
mod field {
    use std::ops::Range;
    pub(super) const TYPE: usize = 0;
    pub(super) const NBLKPTR: usize = 3;
    pub(super) const BONUSTYPE: usize = 4;
    pub(super) const FLAGS: usize = 7;
    pub(super) const DATABLKSZSEC: Range<usize> = 8..10;
    pub(super) const BONUSLEN: Range<usize> = 10..12;
    pub(super) const EXTRA_SLOTS: usize = 12;
    pub(super) const MAXBLKID: Range<usize> = 16..24;
    pub(super) const USED: Range<usize> = 24..32;
}

/// `DNODE_FLAG_SPILL_BLKPTR`, the one flag that a raw send carries.
const FLAG_SPILL: u8 = 1 << 2;

/// A dnode, or a free slot, in its block.
pub(crate) struct Dnode<'a> {
    bytes: &'a [u8],
    nblkptr: usize,
    /// The whole bonus area, whatever `bonuslen` says of it.
    bonus: Range<usize>,
    spill: Option<Range<usize>>,
}

impl<'a> Dnode<'a> {
    /// The dnode at the start of `rest`; `slot` is what an error calls it.
    ///
    /// A free slot is taken as it lies: the writer authenticated it as if it were a dnode.
    pub(crate) fn parse(rest: &'a [u8], slot: usize) -> Result<Self, CryptoError> {
        let fits = |what, found: usize, max: usize| {
            if found <= max {
                Ok(found)
            } else {
                Err(CryptoError::Dnode { slot, what, found, max })
            }
        };
        let Some(core) = rest.first_chunk::<CORE>() else {
            return Err(CryptoError::Dnode { slot, what: "core", found: CORE, max: rest.len() });
        };
        let slots = rest.len() / SLOT;
        let extra = fits("extra_slots", core[field::EXTRA_SLOTS].into(), slots.saturating_sub(1))?;
        let bytes = rest.get(..SLOT * (extra + 1)).unwrap_or(rest);
        let spill = (core[field::FLAGS] & FLAG_SPILL != 0)
            .then(|| bytes.len().saturating_sub(BLKPTR)..bytes.len());
        let end = spill.as_ref().map_or(bytes.len(), |spill| spill.start);
        let most = (end.saturating_sub(CORE) / BLKPTR).min(NBLKPTR_MAX);
        let nblkptr = fits("nblkptr", core[field::NBLKPTR].into(), most)?;
        Ok(Self { bytes, nblkptr, bonus: CORE + nblkptr * BLKPTR..end, spill })
    }

    /// Slots from this dnode to the next.
    fn slots(&self) -> usize {
        self.bytes.len() / SLOT
    }

    /// Whether the slot has no dnode.
    pub(crate) fn is_free(&self) -> bool {
        self.bytes[field::TYPE] == DmuType::NONE.0
    }

    /// Whether the bonus area is encrypted. Only "is it zero" is asked of `bonuslen`, which is
    /// the same in both byte orders.
    fn has_encrypted_bonus(&self) -> bool {
        !self.is_free()
            && DmuType(self.bytes[field::BONUSTYPE]).is_encrypted()
            && self.bytes[field::BONUSLEN] != [0, 0]
    }

    /// The first 64 bytes without what is not portable: `used`, and the flags but one.
    fn portable_core(&self) -> [u8; CORE] {
        let mut core = [0; CORE];
        core.copy_from_slice(&self.bytes[..CORE]);
        core[field::FLAGS] &= FLAG_SPILL;
        core[field::USED].fill(0);
        core
    }

    /// The same with its integers turned to little-endian, as objset MACs have it.
    pub(crate) fn portable_core_le(&self, big_endian: bool) -> [u8; CORE] {
        let mut core = self.portable_core();
        if big_endian {
            for field in [field::DATABLKSZSEC, field::BONUSLEN, field::MAXBLKID] {
                core[field].reverse();
            }
        }
        core
    }

    /// The authentication buffers of its block pointers, and of its spill pointer if it has one.
    pub(crate) fn pointers(
        &self,
        big_endian: bool,
        version: KeyVersion,
    ) -> impl Iterator<Item = AuthBp> {
        let (own, _) = self.bytes[CORE..CORE + self.nblkptr * BLKPTR].as_chunks::<BLKPTR>();
        let spill = self.spill.clone().map_or(&[][..], |spill| &self.bytes[spill]);
        let (spill, _) = spill.as_chunks::<BLKPTR>();
        own.iter().chain(spill).map(move |bp| AuthBp::from_stored(bp, big_endian, version))
    }
}

/// Decrypts a level 0 block of a dataset's meta-dnode in place: `block` is its bytes as they are
/// stored (dnode blocks of encrypted datasets are not compressed), in the byte order that they
/// were written in.
///
/// The cipher text is the bonus areas of all dnodes whose bonus type is encrypted, end to end; a
/// block without any has a MAC all the same. On an error `block` is as it was.
///
/// Follows `zio_crypt_init_uios_dnode()`, OpenZFS `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2.
pub fn decrypt_dnode_block(
    key: &DatasetKey,
    params: &BlockParams,
    big_endian: bool,
    block: &mut [u8],
) -> Result<(), CryptoError> {
    if block.is_empty() || !block.len().is_multiple_of(SLOT) {
        return Err(CryptoError::BlockLength { what: "dnode", found: block.len() });
    }
    // Each slot adds at most itself to one or the other.
    let mut aad = Vec::with_capacity(block.len());
    let mut cipher = Zeroizing::new(Vec::with_capacity(block.len()));
    let mut encrypted = Vec::with_capacity(block.len() / SLOT);
    let mut slot = 0;
    while let Some(rest) = block.get(slot * SLOT..).filter(|rest| !rest.is_empty()) {
        let dnode = Dnode::parse(rest, slot)?;
        aad.extend_from_slice(&dnode.portable_core());
        for pointer in dnode.pointers(big_endian, key.version()) {
            aad.extend_from_slice(pointer.as_bytes());
        }
        let bonus = &dnode.bytes[dnode.bonus.clone()];
        if dnode.has_encrypted_bonus() {
            cipher.extend_from_slice(bonus);
            let start = slot * SLOT;
            encrypted.push(start + dnode.bonus.start..start + dnode.bonus.end);
        } else {
            aad.extend_from_slice(bonus);
        }
        slot += dnode.slots();
    }
    key.decrypt(params, &aad, &mut cipher).map_err(|error| match error {
        CryptoError::Mac { .. } => CryptoError::Mac { what: "MAC of a dnode block" },
        other => other,
    })?;
    let mut plain = cipher.as_slice();
    for area in encrypted {
        let (bonus, rest) = plain.split_at(area.len());
        block[area].copy_from_slice(bonus);
        plain = rest;
    }
    Ok(())
}

#[cfg(test)]
#[path = "dnode_tests.rs"]
mod tests;
