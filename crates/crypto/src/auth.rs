//! What a block pointer says to encryption, and the MAC over a block full of pointers.

use crate::error::CryptoError;
use crate::key_object::KeyVersion;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zsend_records::types::DmuType;

/// The bytes of a block pointer, and the words that count here.
const BLKPTR_LEN: usize = 128;
const SALT: usize = 4;
const IV_LOW: usize = 5;
const PROP: usize = 6;
const FILL: usize = 11;
const MAC: usize = 14;

/// Salt, IV and MAC of an encrypted block, as the byte strings that the cipher takes.
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
    /// Takes them from the sixteen words of a block pointer, as values.
    ///
    /// The writer stored the strings as words in its own byte order, which is the pointer's own
    /// byte-order bit. Follows `zio_crypt_decode_params_bp()` and `_mac_bp()`, OpenZFS
    /// `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2.
    pub fn from_blkptr(words: &[u64; 16]) -> Self {
        let order = Order::of(Prop(words[PROP]));
        let mut iv = [0; 12];
        iv[..8].copy_from_slice(&order.bytes(words[IV_LOW]));
        let high = words[FILL].to_be_bytes();
        // Bits 32 to 63 of the fill word, as a word of 32 bits.
        let &[a, b, c, d, ..] = &high;
        iv[8..].copy_from_slice(&match order {
            Order::Little => [d, c, b, a],
            Order::Big => [a, b, c, d],
        });
        Self { salt: order.bytes(words[SALT]), iv, mac: mac_of(words) }
    }
}

/// The MAC in a block pointer's last two words; an objset has its MACs inside, and here zeros.
fn mac_of(words: &[u64; 16]) -> [u8; 16] {
    let prop = Prop(words[PROP]);
    let mut mac = [0; 16];
    if prop.dmu_type() == DmuType::OBJSET {
        return mac;
    }
    let order = Order::of(prop);
    mac[..8].copy_from_slice(&order.bytes(words[MAC]));
    mac[8..].copy_from_slice(&order.bytes(words[MAC + 1]));
    mac
}

/// The byte order of a writer.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    const fn of(prop: Prop) -> Self {
        if prop.0 >> 63 == 1 { Self::Little } else { Self::Big }
    }

    const fn bytes(self, word: u64) -> [u8; 8] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

/// `blk_prop`, as far as the authentication buffer cares.
///
/// ```text
///  63 62 61 60   56 55    48 47    40 39 38    32 31      16 15       0
/// +--+--+--+-------+--------+--------+--+--------+----------+----------+
/// | B| D| X| level |  type  | cksum  | E|  comp  |   psize  |   lsize  |
/// +--+--+--+-------+--------+--------+--+--------+----------+----------+
/// ```
#[derive(Clone, Copy)]
struct Prop(u64);

impl Prop {
    const PSIZE: u64 = 0xffff << 16;
    const COMPRESS: u64 = 0x7f << 32;
    const EMBEDDED: u64 = 1 << 39;
    const CHECKSUM: u64 = 0xff << 40;
    const LEVEL: u64 = 0x1f << 56;
    const DEDUP: u64 = 1 << 62;
    const BYTEORDER: u64 = 1 << 63;

    /// What a raw send carries to another pool, the rest zero. A PSIZE field of 0 is 512 bytes.
    const fn portable(self, hole: bool, version: KeyVersion) -> u64 {
        let always = self.0 & !(Self::DEDUP | Self::CHECKSUM);
        if version.0 == KeyVersion::V0.0 {
            return always & !Self::PSIZE;
        }
        if hole {
            return 0;
        }
        if self.0 & Self::LEVEL == 0 {
            return always;
        }
        always & !(Self::BYTEORDER | Self::COMPRESS | Self::PSIZE)
    }

    const fn dmu_type(self) -> DmuType {
        DmuType(self.0.to_be_bytes()[1])
    }
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
        bytes[..8].copy_from_slice(&Prop(prop).portable(hole, version).to_le_bytes());
        bytes[8..24].copy_from_slice(&mac);
        Self { bytes, len: if version == KeyVersion::V0 { 24 } else { 32 } }
    }

    /// Builds the buffer from a block pointer as it lies in its block, which is of the byte order
    /// given; the pointer's own byte-order bit may be another.
    pub fn from_stored(blkptr: &[u8; BLKPTR_LEN], big_endian: bool, version: KeyVersion) -> Self {
        let mut words = [0; 16];
        for (word, &bytes) in words.iter_mut().zip(blkptr.as_chunks::<8>().0) {
            *word = if big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) };
        }
        let prop = Prop(words[PROP]);
        let hole = prop.0 & Prop::EMBEDDED == 0 && words[0] == 0 && words[1] == 0;
        Self::new(prop.0, mac_of(&words), hole, version)
    }

    /// The bytes that are authenticated: 32, or 24 in version 0.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The MAC of an indirect block with these pointers: the first 16 bytes of their SHA-512.
///
/// It needs no key: the pointers' own MACs do, and the tree's root is authenticated by the objset.
pub fn indirect_mac(pointers: impl IntoIterator<Item = AuthBp>) -> [u8; 16] {
    let mut hash = Sha512::new();
    for pointer in pointers {
        hash.update(pointer.as_bytes());
    }
    let mut mac = [0; 16];
    mac.copy_from_slice(&hash.finalize()[..16]);
    mac
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
    let (pointers, rest) = block.as_chunks::<BLKPTR_LEN>();
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
#[path = "auth_tests.rs"]
mod tests;
