//! Parameters of encryption in a block pointer, and the MAC over a block full of pointers.

use crate::error::CryptoError;
use crate::key_object::KeyVersion;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zsend_ondisk::Order;
use zsend_ondisk::blkptr::{BLKPTR_SIZE, BlkPtr, field};

/// Salt, IV and MAC of an encrypted block, as the byte strings that the cipher takes. A block pointer has no
/// other parameter, so a value is made and matched by its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockParams {
    /// The salt that the block's key is derived with.
    pub salt: [u8; 8],
    /// The nonce.
    pub iv: [u8; 12],
    /// The tag.
    pub mac: [u8; 16],
}

impl BlockParams {
    /// Those of a block pointer. A block that is authenticated but not encrypted has a MAC
    /// alone, and an object set has its MACs inside.
    pub fn of(bp: &BlkPtr) -> Self {
        let (salt, iv) = if bp.is_encrypted() { (bp.salt(), bp.iv()) } else { ([0; 8], [0; 12]) };
        Self { salt, iv, mac: bp.mac() }
    }
}

/// The bits of `blk_prop` that a raw send carries to another pool, the rest zero. A PSIZE field of 0 is 512
/// bytes.
const fn portable(prop: u64, hole: bool, version: KeyVersion) -> u64 {
    let always = prop & !(field::DEDUP.mask() | field::CHECKSUM.mask());
    if version.0 == KeyVersion::V0.0 {
        return always & !field::PSIZE.mask();
    }
    if hole {
        return 0;
    }
    if !field::LEVEL.is_set(prop) {
        return always;
    }
    always & !(field::BYTEORDER.mask() | field::COMPRESS.mask() | field::PSIZE.mask())
}

/// `blkptr_auth_buf_t`: what the MAC of a parent covers of a block pointer.
///
/// The portable bits of its properties, little-endian, and its MAC; then eight zeros, which
/// version 0 leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthBp {
    bytes: [u8; 32],
    len: usize,
}

impl AuthBp {
    /// Builds the buffer from `blk_prop`, the MAC as a byte string, and whether the pointer is a
    /// hole (not embedded, first DVA zero), whose MAC is its last two checksum words.
    ///
    /// Follows `zio_crypt_bp_zero_nonportable_blkprop()`, OpenZFS
    /// `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2. An unknown version counts as the current one.
    pub fn new(prop: u64, mac: [u8; 16], hole: bool, version: KeyVersion) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&portable(prop, hole, version).to_le_bytes());
        bytes[8..24].copy_from_slice(&mac);
        Self { bytes, len: if version == KeyVersion::V0 { 24 } else { 32 } }
    }

    /// Builds the buffer from a block pointer as it lies in its block, which is of the byte order
    /// given; the pointer's own byte-order bit may be another.
    pub fn from_stored(blkptr: &[u8; BLKPTR_SIZE], big_endian: bool, version: KeyVersion) -> Self {
        let bp = BlkPtr::parse_in(blkptr, Order::from_big_endian(big_endian));
        Self::new(bp.prop(), bp.mac(), bp.is_hole(), version)
    }

    /// The bytes that are authenticated: 32, or 24 in version 0.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The MAC of an indirect block with these pointers: see [`IndirectMac`].
pub fn indirect_mac(pointers: impl IntoIterator<Item = AuthBp>) -> [u8; 16] {
    let mut mac = IndirectMac::default();
    for pointer in pointers {
        mac.add(&pointer);
    }
    mac.finish()
}

/// The MAC of an indirect block, pointer by pointer: the first 16 bytes of their SHA-512.
///
/// It needs no key: the pointers' own MACs do, and the tree's root is authenticated by the objset.
#[derive(Clone, Debug, Default)]
pub struct IndirectMac(Sha512);

impl IndirectMac {
    /// Goes on with the next pointer of the block.
    pub fn add(&mut self, pointer: &AuthBp) {
        self.0.update(pointer.as_bytes());
    }

    /// The MAC, once all pointers were added.
    pub fn finish(self) -> [u8; 16] {
        let mut mac = [0; 16];
        mac.copy_from_slice(&self.0.finalize()[..16]);
        mac
    }
}

/// Checks the MAC of an indirect block, which must be decompressed and in the byte order that it
/// was written in.
///
/// Both versions are tried, as the reference tries them, so that a tree can be checked without its
/// key object; the one that fits is returned. Follows `zio_crypt_do_indirect_mac_checksum()`,
/// OpenZFS `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2.
pub fn verify_indirect(
    block: &[u8],
    big_endian: bool,
    mac: &[u8; 16],
) -> Result<KeyVersion, CryptoError> {
    let (pointers, rest) = block.as_chunks::<BLKPTR_SIZE>();
    if !rest.is_empty() {
        return Err(CryptoError::BlockLength { what: "indirect", found: block.len() });
    }
    for version in [KeyVersion::CURRENT, KeyVersion::V0] {
        let found = pointers.iter().map(|bp| AuthBp::from_stored(bp, big_endian, version));
        if indirect_mac(found).ct_eq(mac).into() {
            return Ok(version);
        }
    }
    Err(CryptoError::Mac { what: "MAC of an indirect block" })
}

#[cfg(test)]
mod tests;
