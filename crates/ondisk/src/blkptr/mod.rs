//! Block pointers: where a block lies, how it is stored, and when it was born.

mod build;
mod check;
mod dva;
#[cfg(test)]
mod tests;

pub use build::BlkPtrBuilder;
pub use dva::Dva;

use crate::Order;
pub use zsend_records::sizes::{MAX_BLOCK_SIZE, MINBLOCK_SHIFT};
use zsend_records::types::{Checksum, Compress, DmuType};

/// Bytes of a block pointer.
pub const BLKPTR_SIZE: usize = 128;
/// log2 of [`BLKPTR_SIZE`]: `SPA_BLKPTRSHIFT`.
pub const BLKPTR_SHIFT: u32 = 7;
/// Most bytes that fit in an embedded block pointer: `BPE_PAYLOAD_SIZE`.
pub const EMBEDDED_MAX: usize = 112;

/// The fields of `blk_prop`, the word that [`BlkPtr`] draws.
pub mod field {
    use crate::Bits;

    /// Sectors less one.
    pub const LSIZE: Bits = Bits::new(0, 16);
    /// Sectors less one.
    pub const PSIZE: Bits = Bits::new(16, 16);
    /// Bytes less one, of an embedded pointer: `BPE_GET_LSIZE`.
    pub const EMBEDDED_LSIZE: Bits = Bits::new(0, 25);
    /// Bytes less one, of an embedded pointer: `BPE_GET_PSIZE`.
    pub const EMBEDDED_PSIZE: Bits = Bits::new(25, 7);
    /// `enum zio_compress`.
    pub const COMPRESS: Bits = Bits::new(32, 7);
    /// True if the block's bytes lie in the pointer.
    pub const EMBEDDED: Bits = Bits::new(39, 1);
    /// `enum zio_checksum`; of an embedded pointer, its `bp_embedded_type_t`.
    pub const CHECKSUM: Bits = Bits::new(40, 8);
    /// `dmu_object_type_t`.
    pub const TYPE: Bits = Bits::new(48, 8);
    /// Level in the object's tree.
    pub const LEVEL: Bits = Bits::new(56, 5);
    /// True if the block is encrypted or authenticated.
    pub const CRYPT: Bits = Bits::new(61, 1);
    /// True if the block is in the dedup table.
    pub const DEDUP: Bits = Bits::new(62, 1);
    /// One for little-endian contents.
    pub const BYTEORDER: Bits = Bits::new(63, 1);
}

/// The words of a block pointer that are no DVA. The salt and the low part of the IV lie where a
/// third DVA does, the high part of the IV in the upper half of the fill count, the MAC in the last
/// two words of the checksum.
mod word {
    use crate::Bits;

    pub(super) const SALT: usize = 4;
    pub(super) const IV_LOW: usize = 5;
    pub(super) const PROP: usize = 6;
    pub(super) const PHYSICAL_BIRTH: usize = 9;
    pub(super) const LOGICAL_BIRTH: usize = 10;
    pub(super) const FILL: usize = 11;
    pub(super) const CHECKSUM: usize = 12;
    pub(super) const MAC: usize = 14;
    /// The words that hold data in an embedded pointer: all but the properties and the birth.
    pub(super) const PAYLOAD: [usize; 14] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15];
    /// The fill count of an encrypted block, and beside it the high part of its IV.
    pub(super) const FILL_LOW: Bits = Bits::new(0, 32);
    pub(super) const IV_HIGH: Bits = Bits::new(32, 32);
}

/// Kind of an embedded block pointer's contents: `bp_embedded_type_t`.
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
    #[inline]
    pub fn parse(bytes: &[u8; BLKPTR_SIZE]) -> Self {
        Self::parse_in(bytes, Order::Little)
    }

    /// From its 128 bytes as they lie in a block of that order. The pointer's own bit may say
    /// another of the block that it points to.
    #[inline]
    pub fn parse_in(bytes: &[u8; BLKPTR_SIZE], order: Order) -> Self {
        let mut words = [0; 16];
        for (w, b) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *w = order.u64(*b);
        }
        Self { words }
    }

    /// Its 128 bytes in a block of that order.
    pub fn to_bytes(&self, order: Order) -> [u8; BLKPTR_SIZE] {
        let mut bytes = [0; BLKPTR_SIZE];
        for (b, w) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.words) {
            *b = order.bytes(w);
        }
        bytes
    }

    /// A pointer that is put together field by field.
    pub fn builder() -> BlkPtrBuilder {
        BlkPtrBuilder::default()
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

    /// `blk_prop`: see [`field`].
    pub const fn prop(&self) -> u64 {
        self.words[word::PROP]
    }

    /// Copy `i` of three, from zero; `None` past the third. An encrypted block keeps its salt and IV in
    /// the third.
    pub const fn dva(&self, i: usize) -> Option<Dva> {
        match i {
            0 => Some(self.first_dva()),
            1 => Some(Dva::from_words([self.words[2], self.words[3]])),
            2 => Some(Dva::from_words([self.words[4], self.words[5]])),
            _ => None,
        }
    }

    #[inline]
    const fn first_dva(&self) -> Dva {
        Dva::from_words([self.words[0], self.words[1]])
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
        (0..n).filter_map(|i| self.dva(i)).filter(|d| !d.is_empty())
    }

    /// Returns true if the block's bytes lie in the pointer itself.
    pub const fn is_embedded(&self) -> bool {
        field::EMBEDDED.is_set(self.prop())
    }

    /// Kind of an embedded pointer's contents.
    pub const fn embedded_type(&self) -> EmbeddedType {
        EmbeddedType(field::CHECKSUM.small(self.prop()))
    }

    /// Returns true if there is no block at all.
    pub const fn is_hole(&self) -> bool {
        !self.is_embedded() && self.first_dva().is_empty()
    }

    /// Returns true if the block was redacted.
    pub fn is_redacted(&self) -> bool {
        self.is_embedded() && self.embedded_type() == EmbeddedType::REDACTED
    }

    /// Returns true if the copies are gang headers.
    pub const fn is_gang(&self) -> bool {
        !self.is_embedded() && self.first_dva().is_gang()
    }

    /// Bytes of the block when decompressed.
    ///
    /// Stored as sectors less one; an embedded pointer stores bytes less one, in 25 bits.
    pub const fn lsize(&self) -> u64 {
        if self.is_embedded() {
            field::EMBEDDED_LSIZE.get(self.prop()) + 1
        } else if self.is_hole() && self.prop() == 0 {
            0
        } else {
            (field::LSIZE.get(self.prop()) + 1) << MINBLOCK_SHIFT
        }
    }

    /// Bytes of the block as stored.
    pub const fn psize(&self) -> u64 {
        if self.is_embedded() {
            field::EMBEDDED_PSIZE.get(self.prop()) + 1
        } else {
            (field::PSIZE.get(self.prop()) + 1) << MINBLOCK_SHIFT
        }
    }

    /// Bytes that a reader may hold of the block, as stored or decompressed. No writer stores more than
    /// the logical bytes, but a pointer can say so.
    pub fn largest_size(&self) -> u64 {
        self.lsize().max(self.psize())
    }

    /// Compression of the block.
    pub const fn compress(&self) -> Compress {
        Compress(field::COMPRESS.small(self.prop()))
    }

    /// Checksum algorithm of the block; meaningless in an embedded pointer.
    pub const fn checksum_type(&self) -> Checksum {
        Checksum(field::CHECKSUM.small(self.prop()))
    }

    /// DMU type of the object that the block belongs to.
    pub const fn object_type(&self) -> DmuType {
        DmuType(field::TYPE.small(self.prop()))
    }

    /// Level in the object's tree; zero is data.
    pub const fn level(&self) -> u32 {
        field::LEVEL.small(self.prop()) as u32
    }

    /// Returns true if the block is encrypted or authenticated: `BP_USES_CRYPT`.
    pub const fn uses_crypt(&self) -> bool {
        field::CRYPT.is_set(self.prop())
    }

    /// Returns true if the last two words of the checksum are a MAC: the sum then has two words. An object
    /// set's MACs lie in its block instead.
    ///
    /// Source: `zio_checksum_error_impl()`, OpenZFS `module/zfs/zio_checksum.c`, zfs-2.3.2.
    pub fn has_mac(&self) -> bool {
        !self.is_embedded() && self.uses_crypt() && self.object_type() != DmuType::OBJSET
    }

    /// Returns true if the block is in the dedup table.
    pub const fn is_dedup(&self) -> bool {
        field::DEDUP.is_set(self.prop())
    }

    /// Returns true if the block's contents are big-endian.
    pub const fn is_big_endian(&self) -> bool {
        !field::BYTEORDER.is_set(self.prop())
    }

    /// Returns true if the contents are ciphertext: `BP_IS_ENCRYPTED`.
    pub const fn is_encrypted(&self) -> bool {
        !self.is_embedded()
            && self.uses_crypt()
            && self.level() == 0
            && self.object_type().is_encrypted()
    }

    /// Returns true if the contents are plain but authenticated: `BP_IS_AUTHENTICATED`.
    pub const fn is_authenticated(&self) -> bool {
        !self.is_embedded()
            && self.uses_crypt()
            && self.level() == 0
            && !self.object_type().is_encrypted()
    }

    /// The txg that the block was written in, as `send` compares it.
    pub const fn logical_birth(&self) -> u64 {
        self.words[word::LOGICAL_BIRTH]
    }

    /// The txg that the block was allocated in; differs for dedup, clones and rewrites. That of an
    /// embedded pointer, which has no block, is zero.
    pub const fn physical_birth(&self) -> u64 {
        if self.is_embedded() {
            return 0;
        }
        match self.words[word::PHYSICAL_BIRTH] {
            0 => self.logical_birth(),
            txg => txg,
        }
    }

    /// The four checksum words.
    pub const fn checksum(&self) -> [u64; 4] {
        const AT: usize = word::CHECKSUM;
        [self.words[AT], self.words[AT + 1], self.words[AT + 2], self.words[AT + 3]]
    }

    /// Blocks below it that are no holes: `blk_fill`. That of an encrypted block has 32 bits, that
    /// of an embedded one is one.
    pub const fn fill(&self) -> u64 {
        if self.is_embedded() {
            return 1;
        }
        let fill = self.words[word::FILL];
        if self.is_encrypted() { word::FILL_LOW.get(fill) } else { fill }
    }

    /// The order in which the block's contents were written, and with them the byte strings below.
    pub const fn order(&self) -> Order {
        Order::from_big_endian(self.is_big_endian())
    }

    /// The salt of an encrypted block; of another, what lies in its place.
    ///
    /// The writer stored the string as a word in its own byte order, and the IV and the MAC
    /// likewise. Follows `zio_crypt_decode_params_bp()` and `_mac_bp()`, OpenZFS
    /// `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2.
    pub const fn salt(&self) -> [u8; 8] {
        self.order().bytes(self.words[word::SALT])
    }

    /// The IV of an encrypted block, as [`Self::salt`].
    pub fn iv(&self) -> [u8; 12] {
        let mut iv = [0; 12];
        iv[..8].copy_from_slice(&self.order().bytes(self.words[word::IV_LOW]));
        // A word of 32 bits.
        let [.., a, b, c, d] = word::IV_HIGH.get(self.words[word::FILL]).to_be_bytes();
        iv[8..].copy_from_slice(&match self.order() {
            Order::Little => [d, c, b, a],
            Order::Big => [a, b, c, d],
        });
        iv
    }

    /// The MAC of an encrypted or authenticated block, as [`Self::salt`]. An object set has its
    /// MACs inside, and here zeros.
    pub fn mac(&self) -> [u8; 16] {
        let mut mac = [0; 16];
        if self.object_type() != DmuType::OBJSET {
            mac[..8].copy_from_slice(&self.order().bytes(self.words[word::MAC]));
            mac[8..].copy_from_slice(&self.order().bytes(self.words[word::MAC + 1]));
        }
        mac
    }

    /// The bytes that an embedded pointer holds, and how many of them count.
    pub fn embedded_payload(&self) -> ([u8; EMBEDDED_MAX], usize) {
        let mut out = [0; EMBEDDED_MAX];
        for (chunk, &i) in out.as_chunks_mut::<8>().0.iter_mut().zip(&word::PAYLOAD) {
            *chunk = self.words[i].to_le_bytes();
        }
        (out, usize::from(field::EMBEDDED_PSIZE.small(self.prop()) + 1).min(EMBEDDED_MAX))
    }

    /// The pointer as a list of freed blocks keeps it: without its fill count, and without its checksum unless
    /// deduplication needs that; of an embedded block nothing but its properties and its birth.
    ///
    /// Source: `bpobj_enqueue()`, OpenZFS `module/zfs/bpobj.c`, zfs-2.3.2.
    #[must_use]
    pub fn listed(&self) -> Self {
        let mut words = self.words;
        words[word::FILL] = 0;
        if self.is_embedded() {
            word::PAYLOAD.iter().for_each(|&i| words[i] = 0);
        } else if !self.is_dedup() {
            words[word::CHECKSUM..].fill(0);
        }
        Self { words }
    }
}
