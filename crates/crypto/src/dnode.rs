//! Dnode blocks: bonuses are encrypted, everything else that a raw send carries is authenticated.

use crate::auth::{AuthBp, BlockParams};
use crate::dataset::DatasetKey;
use crate::error::CryptoError;
use crate::key_object::KeyVersion;
use std::ops::Range;
use zerocopy::{FromBytes, IntoBytes};
use zeroize::Zeroizing;
use zsend_ondisk::blkptr::BLKPTR_SIZE;
use zsend_ondisk::dnode::{CORE_SIZE, DNODE_SIZE, DnodePhys, FLAG_SPILL, MAX_BLKPTRS};
use zsend_records::types::DmuType;

/// A dnode, or a free slot, in its block.
pub(crate) struct DnodeView<'a> {
    bytes: &'a [u8],
    /// Its fixed part, the integers of more than a byte in the writer's order.
    core: DnodePhys,
    /// The whole bonus area, whatever `bonuslen` says of it.
    bonus: Range<usize>,
}

impl<'a> DnodeView<'a> {
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
        let Ok((core, _)) = DnodePhys::read_from_prefix(rest) else {
            let max = rest.len();
            return Err(CryptoError::Dnode { slot, what: "core", found: CORE_SIZE, max });
        };
        let slots = rest.len() / DNODE_SIZE;
        fits("extra_slots", core.extra_slots.into(), slots.saturating_sub(1))?;
        let bytes = rest.get(..core.size()).unwrap_or(rest);
        let end = core.bonus_end(bytes.len());
        let most = (end.saturating_sub(CORE_SIZE) / BLKPTR_SIZE).min(MAX_BLKPTRS.into());
        fits("nblkptr", core.nblkptr.into(), most)?;
        Ok(Self { bytes, core, bonus: core.bonus_start()..end })
    }

    /// Slots from this dnode to the next.
    fn slots(&self) -> usize {
        self.bytes.len() / DNODE_SIZE
    }

    /// Returns true if the slot has no dnode.
    pub(crate) fn is_free(&self) -> bool {
        self.core.is_free()
    }

    /// Returns true if the bonus area is encrypted. Only "is it zero" is asked of `bonuslen`, which is
    /// the same in both byte orders.
    fn has_encrypted_bonus(&self) -> bool {
        !self.is_free()
            && DmuType(self.core.bonustype).is_encrypted()
            && self.core.bonuslen.get() != 0
    }

    /// The fixed part without what is not portable: `used`, and the flags but one.
    fn portable_core(&self) -> DnodePhys {
        DnodePhys { flags: self.core.flags & FLAG_SPILL, used: 0.into(), ..self.core }
    }

    /// The same with its integers turned to little-endian, as objset MACs have it.
    pub(crate) fn portable_core_le(&self, big_endian: bool) -> DnodePhys {
        let mut core = self.portable_core();
        if big_endian {
            core.swap();
        }
        core
    }

    /// The authentication buffers of its block pointers, and of its spill pointer if it has one.
    pub(crate) fn pointers(
        &self,
        big_endian: bool,
        version: KeyVersion,
    ) -> impl Iterator<Item = AuthBp> {
        let (own, _) = self.bytes[CORE_SIZE..self.bonus.start].as_chunks::<BLKPTR_SIZE>();
        let spill = self.core.spill(self.bytes.len()).map_or(&[][..], |spill| &self.bytes[spill]);
        let (spill, _) = spill.as_chunks::<BLKPTR_SIZE>();
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
    let mut parts = Parts::of(key.version(), big_endian, block)?;
    key.decrypt(params, &parts.aad, &mut parts.cipher).map_err(|error| match error {
        CryptoError::Mac { .. } => CryptoError::Mac { what: "MAC of a dnode block" },
        other => other,
    })?;
    parts.put_back(block);
    Ok(())
}

/// The opposite of [`decrypt_dnode_block`]: encrypts the bonuses in place, with this salt and IV; the MAC of the block.
///
/// # Errors
/// If the block has another size, or a dnode's fields lead out of it; `block` is then as it was.
pub fn encrypt_dnode_block(
    key: &DatasetKey,
    salt: [u8; 8],
    iv: [u8; 12],
    big_endian: bool,
    block: &mut [u8],
) -> Result<[u8; 16], CryptoError> {
    let mut parts = Parts::of(key.version(), big_endian, block)?;
    let mac = key.encrypt(salt, iv, &parts.aad, &mut parts.cipher)?;
    parts.put_back(block);
    Ok(mac)
}

/// A block of dnodes, apart: what is authenticated alone, and the bonuses that are encrypted.
struct Parts {
    aad: Vec<u8>,
    /// The encrypted bonuses, end to end.
    cipher: Zeroizing<Vec<u8>>,
    /// Their places in the block.
    places: Vec<Range<usize>>,
}

impl Parts {
    fn of(version: KeyVersion, big_endian: bool, block: &[u8]) -> Result<Self, CryptoError> {
        if block.is_empty() || !block.len().is_multiple_of(DNODE_SIZE) {
            return Err(CryptoError::BlockLength { what: "dnode", found: block.len() });
        }
        // Each slot adds at most itself to one or the other.
        let mut aad = Vec::with_capacity(block.len());
        let mut cipher = Zeroizing::new(Vec::with_capacity(block.len()));
        let mut places = Vec::with_capacity(block.len() / DNODE_SIZE);
        let mut slot = 0;
        while let Some(rest) = block.get(slot * DNODE_SIZE..).filter(|rest| !rest.is_empty()) {
            let dnode = DnodeView::parse(rest, slot)?;
            aad.extend_from_slice(dnode.portable_core().as_bytes());
            for pointer in dnode.pointers(big_endian, version) {
                aad.extend_from_slice(pointer.as_bytes());
            }
            let bonus = &dnode.bytes[dnode.bonus.clone()];
            if dnode.has_encrypted_bonus() {
                cipher.extend_from_slice(bonus);
                let start = slot * DNODE_SIZE;
                places.push(start + dnode.bonus.start..start + dnode.bonus.end);
            } else {
                aad.extend_from_slice(bonus);
            }
            slot += dnode.slots();
        }
        Ok(Self { aad, cipher, places })
    }

    /// Puts the bonuses back into the block that they are of.
    fn put_back(&self, block: &mut [u8]) {
        let mut bonuses = self.cipher.as_slice();
        for place in &self.places {
            let (bonus, rest) = bonuses.split_at(place.len());
            block[place.clone()].copy_from_slice(bonus);
            bonuses = rest;
        }
    }
}

#[cfg(test)]
mod tests;
