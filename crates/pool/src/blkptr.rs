//! Block pointers: where a block lies, how it is stored, and when it was born.

use crate::place::Bookmark;
use crate::{PoolError, Result};
use zsend_crypto::BlockParams;
use zsend_records::types::{Checksum, Compress, DmuType};

/// Bytes of a block pointer.
pub const BLKPTR_SIZE: usize = 128;
/// log2 of [`BLKPTR_SIZE`]: `SPA_BLKPTRSHIFT`.
pub const BLKPTR_SHIFT: u32 = 7;
/// log2 of the unit of sizes and offsets on disk: `SPA_MINBLOCKSHIFT`.
pub const MINBLOCK_SHIFT: u32 = 9;
/// The largest block, and so the bound of every allocation for one: `SPA_MAXBLOCKSIZE`.
pub const MAX_BLOCK_SIZE: u64 = 16 << 20;
/// Most bytes that fit in an embedded block pointer: `BPE_PAYLOAD_SIZE`.
pub const EMBEDDED_MAX: usize = 112;

const fn bits(word: u64, low: u32, len: u32) -> u64 {
    (word >> low) & ((1 << len) - 1)
}

/// A field of at most eight bits.
#[expect(clippy::cast_possible_truncation, reason = "a field of at most eight bits fits")]
const fn small(word: u64, low: u32, len: u32) -> u8 {
    debug_assert!(len <= 8);
    bits(word, low, len) as u8
}

/// Where a copy of a block lies: `dva_t`.
///
/// Source: OpenZFS `include/sys/spa.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Dva {
    words: [u64; 2],
}

impl Dva {
    /// From the two stored words.
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { words }
    }

    /// Whether there is no copy here.
    pub const fn is_empty(self) -> bool {
        self.words[0] == 0 && self.words[1] == 0
    }

    /// Index of the top-level vdev.
    pub const fn vdev(self) -> u64 {
        bits(self.words[0], 32, 24)
    }

    /// Bytes from the start of that vdev's data.
    pub const fn offset(self) -> u64 {
        bits(self.words[1], 0, 63) << MINBLOCK_SHIFT
    }

    /// Bytes allocated, parity and padding included.
    pub const fn asize(self) -> u64 {
        bits(self.words[0], 0, 24) << MINBLOCK_SHIFT
    }

    /// Whether a gang header lies here.
    pub const fn is_gang(self) -> bool {
        self.words[1] >> 63 != 0
    }
}

/// What an embedded block pointer holds: `bp_embedded_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbeddedType(pub u8);

impl EmbeddedType {
    /// The block's own data.
    pub const DATA: Self = Self(0);
    /// Nothing: the block was redacted.
    pub const REDACTED: Self = Self(2);
}

/// A block pointer: `blkptr_t`, sixteen words in host order.
///
/// ```text
/// prop  63 62 61 60   56 55    48 47    40 39 38    32 31      16 15       0
///      +--+--+--+-------+--------+--------+--+--------+----------+----------+
///      | B| D| X| level |  type  | cksum  | E|  comp  |   psize  |   lsize  |
///      +--+--+--+-------+--------+--------+--+--------+----------+----------+
/// ```
/// Source: OpenZFS `include/sys/spa.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BlkPtr {
    words: [u64; 16],
}

impl BlkPtr {
    /// From its sixteen words.
    pub const fn from_words(words: [u64; 16]) -> Self {
        Self { words }
    }

    /// From its 128 bytes, little-endian.
    pub fn parse(bytes: &[u8; BLKPTR_SIZE]) -> Self {
        let mut words = [0; 16];
        for (w, b) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *w = u64::from_le_bytes(*b);
        }
        Self { words }
    }

    /// The block pointer at index `i` of an indirect block's bytes, or `None` past its end.
    pub fn at(block: &[u8], i: usize) -> Option<Self> {
        let start = i.checked_mul(BLKPTR_SIZE)?;
        let bytes = block.get(start..start.checked_add(BLKPTR_SIZE)?)?;
        Some(Self::parse(bytes.try_into().ok()?))
    }

    /// The sixteen words.
    pub const fn words(&self) -> &[u64; 16] {
        &self.words
    }

    const fn prop(&self) -> u64 {
        self.words[6]
    }

    /// Copy `i` of three. An encrypted block keeps its salt and IV in the third.
    pub const fn dva(&self, i: usize) -> Dva {
        Dva { words: [self.words[2 * i], self.words[2 * i + 1]] }
    }

    /// The copies that exist, in order.
    pub fn dvas(&self) -> impl Iterator<Item = Dva> + '_ {
        let n = if self.is_embedded() {
            0
        } else if self.is_encrypted() {
            2
        } else {
            3
        };
        (0..n).map(|i| self.dva(i)).filter(|d| !d.is_empty())
    }

    /// Whether the block's bytes lie in the pointer itself.
    pub const fn is_embedded(&self) -> bool {
        bits(self.prop(), 39, 1) != 0
    }

    /// What an embedded pointer holds.
    pub const fn embedded_type(&self) -> EmbeddedType {
        EmbeddedType(small(self.prop(), 40, 8))
    }

    /// Whether there is no block at all.
    pub const fn is_hole(&self) -> bool {
        !self.is_embedded() && self.dva(0).is_empty()
    }

    /// Whether the block was redacted.
    pub fn is_redacted(&self) -> bool {
        self.is_embedded() && self.embedded_type() == EmbeddedType::REDACTED
    }

    /// Whether the copies are gang headers.
    pub const fn is_gang(&self) -> bool {
        !self.is_embedded() && self.dva(0).is_gang()
    }

    /// Bytes of the block when decompressed.
    ///
    /// Stored as sectors less one; an embedded pointer stores bytes less one, in 25 bits.
    pub const fn lsize(&self) -> u64 {
        if self.is_embedded() {
            bits(self.prop(), 0, 25) + 1
        } else if self.is_hole() && self.prop() == 0 {
            0
        } else {
            (bits(self.prop(), 0, 16) + 1) << MINBLOCK_SHIFT
        }
    }

    /// Bytes of the block as stored.
    pub const fn psize(&self) -> u64 {
        if self.is_embedded() {
            bits(self.prop(), 25, 7) + 1
        } else {
            (bits(self.prop(), 16, 16) + 1) << MINBLOCK_SHIFT
        }
    }

    /// Bytes that a reader may hold of the block, as stored or decompressed. No writer stores more than
    /// the logical bytes, but a pointer can say so.
    pub fn largest_size(&self) -> u64 {
        self.lsize().max(self.psize())
    }

    /// How the block is compressed.
    pub const fn compress(&self) -> Compress {
        Compress(small(self.prop(), 32, 7))
    }

    /// How the block is checked; meaningless in an embedded pointer.
    pub const fn checksum_type(&self) -> Checksum {
        Checksum(small(self.prop(), 40, 8))
    }

    /// DMU type of the object that the block belongs to.
    pub const fn object_type(&self) -> DmuType {
        DmuType(small(self.prop(), 48, 8))
    }

    /// Level in the object's tree; zero is data.
    pub const fn level(&self) -> u32 {
        small(self.prop(), 56, 5) as u32
    }

    /// Whether the block is encrypted or authenticated: `BP_USES_CRYPT`.
    pub const fn uses_crypt(&self) -> bool {
        bits(self.prop(), 61, 1) != 0
    }

    /// Whether the last two words of the checksum are a MAC: the sum then has two words. An object
    /// set's MACs lie in its block instead.
    ///
    /// Source: `zio_checksum_error_impl()`, OpenZFS `module/zfs/zio_checksum.c`, zfs-2.3.2.
    pub fn has_mac(&self) -> bool {
        !self.is_embedded() && self.uses_crypt() && self.object_type() != DmuType::OBJSET
    }

    /// Whether the block is in the dedup table.
    pub const fn is_dedup(&self) -> bool {
        bits(self.prop(), 62, 1) != 0
    }

    /// Whether the block's contents are big-endian.
    pub const fn is_big_endian(&self) -> bool {
        self.prop() >> 63 == 0
    }

    /// Whether the contents are ciphertext: `BP_IS_ENCRYPTED`.
    pub const fn is_encrypted(&self) -> bool {
        !self.is_embedded()
            && self.uses_crypt()
            && self.level() == 0
            && self.object_type().is_encrypted()
    }

    /// Whether the contents are plain but authenticated: `BP_IS_AUTHENTICATED`.
    pub const fn is_authenticated(&self) -> bool {
        !self.is_embedded()
            && self.uses_crypt()
            && self.level() == 0
            && !self.object_type().is_encrypted()
    }

    /// The txg that the block was written in, as `send` compares it.
    pub const fn logical_birth(&self) -> u64 {
        self.words[10]
    }

    /// The txg that the block was allocated in; differs for dedup, clones and rewrites.
    pub const fn physical_birth(&self) -> u64 {
        if self.words[9] != 0 { self.words[9] } else { self.words[10] }
    }

    /// The four checksum words.
    pub const fn checksum(&self) -> [u64; 4] {
        [self.words[12], self.words[13], self.words[14], self.words[15]]
    }

    /// Salt, IV and MAC, as the byte strings that the cipher takes. A block that is authenticated
    /// but not encrypted has a MAC alone.
    pub fn crypt_params(&self) -> BlockParams {
        let params = BlockParams::from_blkptr(&self.words);
        if self.is_encrypted() {
            params
        } else {
            BlockParams { salt: [0; 8], iv: [0; 12], ..params }
        }
    }

    /// The bytes that an embedded pointer holds, and how many of them count.
    pub fn embedded_payload(&self) -> ([u8; EMBEDDED_MAX], usize) {
        // Words 6 (properties) and 10 (birth) keep their meaning, all others hold data.
        const DATA_WORDS: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15];
        let mut out = [0; EMBEDDED_MAX];
        for (chunk, &i) in out.as_chunks_mut::<8>().0.iter_mut().zip(&DATA_WORDS) {
            *chunk = self.words[i].to_le_bytes();
        }
        (out, usize::from(small(self.prop(), 25, 7) + 1).min(EMBEDDED_MAX))
    }

    /// Refuses a pointer whose sizes or ids no writer could have written, before anything is
    /// allocated or read by them.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] names the field; [`PoolError::Unsupported`] an unknown algorithm.
    pub fn check(&self, at: &Bookmark) -> Result<()> {
        if self.is_hole() {
            return Ok(());
        }
        if self.lsize() > MAX_BLOCK_SIZE {
            return Err(PoolError::corrupt(*at, "lsize", self.lsize(), "at most 16 MiB"));
        }
        if self.is_redacted() {
            return Ok(());
        }
        if !self.compress().is_known() {
            return Err(PoolError::Unsupported(format!("{at}: {}", self.compress().name())));
        }
        if self.is_embedded() {
            if self.embedded_type() != EmbeddedType::DATA {
                return Err(PoolError::Unsupported(format!(
                    "{at}: embedded block pointer of type {}",
                    self.embedded_type().0
                )));
            }
            if self.psize() > EMBEDDED_MAX as u64 || self.psize() > self.lsize() {
                return Err(PoolError::corrupt(*at, "embedded psize", self.psize(), "at most 112"));
            }
            if self.compress() == Compress::OFF && self.psize() != self.lsize() {
                return Err(PoolError::corrupt(*at, "embedded psize", self.psize(), self.lsize()));
            }
            return Ok(());
        }
        if self.psize() > MAX_BLOCK_SIZE {
            return Err(PoolError::corrupt(*at, "psize", self.psize(), "at most 16 MiB"));
        }
        if self.compress() == Compress::OFF && self.psize() != self.lsize() {
            return Err(PoolError::corrupt(*at, "psize", self.psize(), self.lsize()));
        }
        if !(2..=14).contains(&self.checksum_type().0) {
            return Err(PoolError::Unsupported(format!("{at}: {}", self.checksum_type().name())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_prop(prop: u64) -> BlkPtr {
        let mut bp = BlkPtr::default();
        bp.words[6] = prop;
        bp.words[0] = 1;
        bp
    }

    #[test]
    fn sizes_are_biased_sectors_and_embedded_sizes_biased_bytes() {
        let bp = with_prop((255) | (7 << 16) | (15 << 32) | (19 << 48) | (1 << 63));
        assert_eq!((bp.lsize(), bp.psize()), (131_072, 4096));
        assert_eq!((bp.compress(), bp.object_type()), (Compress::LZ4, DmuType(19)));
        assert!(!bp.is_big_endian());
        let bp = with_prop(511 | (65 << 25) | (1 << 39));
        assert_eq!((bp.lsize(), bp.psize()), (512, 66));
        assert_eq!(bp.dvas().count(), 0);
    }

    #[test]
    fn impossible_sizes_are_refused_before_use() {
        let at = Bookmark::default();
        let bp = with_prop(0xffff | (0xffff << 16) | (2 << 32) | (7 << 40));
        assert!(matches!(bp.check(&at), Err(PoolError::Corrupt { what: "lsize", .. })));
        let bp = with_prop(1 | (2 << 32) | (7 << 40));
        assert!(matches!(bp.check(&at), Err(PoolError::Corrupt { what: "psize", .. })));
        let bp = with_prop(511 | (65 << 25) | (2 << 32) | (1 << 39));
        assert!(matches!(bp.check(&at), Err(PoolError::Corrupt { what: "embedded psize", .. })));
        let bp = with_prop((2 << 32) | (99 << 40));
        assert!(matches!(bp.check(&at), Err(PoolError::Unsupported(_))));
    }

    #[test]
    fn a_hole_has_a_birth_and_no_copies() {
        let mut bp = BlkPtr::default();
        bp.words[10] = 9;
        assert!(bp.is_hole());
        assert_eq!(bp.logical_birth(), 9);
        assert_eq!(bp.dvas().count(), 0);
    }
}
