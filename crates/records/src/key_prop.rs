//! `ddk_prop`, which WRITE and WRITE_BYREF have beside the checksum of a block.

use crate::sizes::MINBLOCK_SHIFT;
use crate::types::Compress;

/// Sizes and compression of a block as it lies on the sender's disk, whatever the payload is.
///
/// ```text
///  63    40 39 38      32 31        16 15         0
/// +--------+--+----------+------------+------------+
/// |   0    | X| compress | psize/512-1| lsize/512-1|
/// +--------+--+----------+------------+------------+
/// ```
/// X says that the block is encrypted or authenticated. Source: OpenZFS `include/sys/ddt.h`, `ddt_key_t`, zfs-2.3.2.
///
/// ```
/// use zsend_records::key_prop::KeyProp;
/// use zsend_records::types::Compress;
///
/// let prop = KeyProp::new(2560, 1024, Compress::LZ4, false);
/// assert_eq!(prop, KeyProp(0xf_0001_0004));
/// assert_eq!((prop.lsize(), prop.psize()), (2560, 1024));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyProp(
    /// The number, as a record has it.
    pub u64,
);

/// Bits of a size, in sectors.
const SIZE: u64 = 0xffff;
const PSIZE_SHIFT: u32 = 16;
const COMPRESS_SHIFT: u32 = 32;
const COMPRESS: u64 = 0x7f;
const CRYPT_SHIFT: u32 = 39;

impl KeyProp {
    /// The word of a block: its logical size, its size on disk, both in bytes, from 512 to 32 MiB, its compression, and
    /// whether it is encrypted or authenticated. Of a number that is too large the low bits are taken, as by
    /// `DDK_SET_LSIZE()` and the like.
    pub const fn new(lsize: u64, psize: u64, compress: Compress, is_crypt: bool) -> Self {
        Self(
            sectors(lsize)
                | sectors(psize) << PSIZE_SHIFT
                | (compress.0 as u64 & COMPRESS) << COMPRESS_SHIFT
                | (is_crypt as u64) << CRYPT_SHIFT,
        )
    }

    /// Logical size, bytes.
    pub const fn lsize(self) -> u64 {
        ((self.0 & SIZE) + 1) << MINBLOCK_SHIFT
    }

    /// Bytes on disk.
    pub const fn psize(self) -> u64 {
        ((self.0 >> PSIZE_SHIFT & SIZE) + 1) << MINBLOCK_SHIFT
    }

    /// Compression on disk.
    pub const fn compress(self) -> Compress {
        Compress((self.0 >> COMPRESS_SHIFT & COMPRESS) as u8)
    }

    /// Returns true if the block is encrypted or authenticated.
    pub const fn is_crypt(self) -> bool {
        self.0 >> CRYPT_SHIFT & 1 != 0
    }
}

const fn sectors(bytes: u64) -> u64 {
    (bytes >> MINBLOCK_SHIFT).wrapping_sub(1) & SIZE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_place() {
        let prop = KeyProp::new(2560, 1024, Compress::LZ4, true);
        assert_eq!(prop.0, 0x8F_0001_0004);
        assert_eq!((prop.lsize(), prop.psize()), (2560, 1024));
        assert_eq!((prop.compress(), prop.is_crypt()), (Compress::LZ4, true));
        let most = KeyProp::new(32 << 20, 16 << 20, Compress::ZSTD, false);
        assert_eq!((most.lsize(), most.psize()), (32 << 20, 16 << 20));
        assert_eq!((most.compress(), most.is_crypt()), (Compress::ZSTD, false));
    }
}
