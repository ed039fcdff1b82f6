//! The blocks of a fat ZAP: header, leaves by the first bits of the hash, and the table of pointers to
//! them.
//!
//! Source: OpenZFS `module/zfs/zap.c` and `module/zfs/zap_leaf.c`, zfs-2.3.2.

use super::build::{Placed, ZapBuilder};
use super::{
    ARRAY_BYTES, ArrayPhys, BLOCK_HEADER, BLOCK_LEAF, CHAIN_END, CHUNK_ARRAY, CHUNK_ENTRY,
    CHUNK_FREE, EntryPhys, FLAG_UINT64_KEY, HEADER_MAGIC, LEAF_MAGIC, LEAF_SORTED, LeafPhys,
    ZapHeaderPhys,
};
use crate::LayoutError;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use zerocopy::byteorder::{LE, U16};
use zerocopy::{FromZeros, IntoBytes};

/// log2 of the bytes of a block of a fat ZAP: from a sector to `SPA_OLD_MAXBLOCKSIZE`.
pub const BLOCK_SHIFTS: RangeInclusive<u32> = 9..=17;
/// log2 of the most pointers of a table that is written. Only names that were chosen for their hashes
/// need more.
const MAX_TABLE_SHIFT: u32 = 20;

/// Entries whose hashes begin with the same bits.
struct Leaf<'a> {
    prefix: u64,
    prefix_len: u16,
    entries: &'a [Placed<'a>],
}

impl ZapBuilder {
    /// The blocks of a fat ZAP, each of `1 << shift` bytes: the header, the leaves, and the table if the header
    /// has no room for it. OpenZFS makes blocks of 2^14 bytes.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a block size that is none of [`BLOCK_SHIFTS`], a salt of zero, a value or a name
    /// that no entry has, names beyond ASCII where they are to be normalised, and more entries of one hash than
    /// a leaf has room for; [`LayoutError::Repeated`] for two entries of one name.
    pub fn fat(&self, shift: u32) -> Result<Vec<Vec<u8>>, LayoutError> {
        if !BLOCK_SHIFTS.contains(&shift) {
            let expected = alloc::format!("{} to {}", BLOCK_SHIFTS.start(), BLOCK_SHIFTS.end());
            return Err(LayoutError::field("log2 of a ZAP block", shift.into(), expected));
        }
        let mut entries = self.placed()?;
        entries.sort_by_key(|placed| (placed.hash, placed.cd));
        let mut leaves = Vec::new();
        let whole = Leaf { prefix: 0, prefix_len: 0, entries: &entries };
        self.split(whole, 1 << shift, &mut leaves)?;
        let longest = leaves.iter().map(|leaf| u32::from(leaf.prefix_len)).fold(0, u32::max);
        // A table inside the header fills half of it; another fills a power of two of blocks.
        let inside = shift - 4;
        let is_inside = longest <= inside;
        let table_shift = if is_inside { inside } else { longest.max(inside + 1) };
        let mut table = Vec::with_capacity(8 << table_shift);
        for (blkid, leaf) in (1_u64..).zip(&leaves) {
            for _ in 0..1_u32 << (table_shift - u32::from(leaf.prefix_len)) {
                table.extend(blkid.to_le_bytes());
            }
        }
        let table_blocks = if is_inside { 0 } else { 1_u64 << (table_shift - inside - 1) };
        let table_start = leaves.len() as u64 + 1;
        let mut header = ZapHeaderPhys::new_zeroed();
        (header.block_type, header.magic) = (BLOCK_HEADER.into(), HEADER_MAGIC.into());
        header.ptrtbl_blk = if is_inside { 0 } else { table_start }.into();
        (header.ptrtbl_numblks, header.ptrtbl_shift) =
            (table_blocks.into(), u64::from(table_shift).into());
        header.freeblk = (table_start + table_blocks).into();
        header.num_leafs = (leaves.len() as u64).into();
        header.num_entries = (entries.len() as u64).into();
        header.salt = self.hash.salt.into();
        (header.normflags, header.flags) = (self.hash.normflags.into(), self.hash.flags.into());
        let mut first = vec![0; 1 << shift];
        first[..size_of::<ZapHeaderPhys>()].copy_from_slice(header.as_bytes());
        if is_inside {
            first[1 << (shift - 1)..].copy_from_slice(&table);
        }
        let mut blocks = vec![first];
        blocks.extend(leaves.iter().map(|leaf| self.leaf(leaf, shift)));
        if !is_inside {
            blocks.extend(table.chunks(1 << shift).map(<[u8]>::to_vec));
        }
        Ok(blocks)
    }

    /// Bytes of a name as it lies in a leaf: a string has its NUL.
    fn name_len(&self, placed: &Placed<'_>) -> usize {
        placed.entry.name.len() + usize::from(self.hash.flags & FLAG_UINT64_KEY == 0)
    }

    /// Chunks that an entry takes.
    fn chunks(&self, placed: &Placed<'_>) -> usize {
        let [name, value] = [self.name_len(placed), placed.entry.value.len()];
        1 + name.div_ceil(ARRAY_BYTES) + value.div_ceil(ARRAY_BYTES)
    }

    /// Divides entries by the next bit of their hashes until each part has room in a leaf.
    fn split<'a>(
        &self,
        leaf: Leaf<'a>,
        size: usize,
        out: &mut Vec<Leaf<'a>>,
    ) -> Result<(), LayoutError> {
        let Leaf { prefix, prefix_len, entries } = leaf;
        let needed: usize = entries.iter().map(|placed| self.chunks(placed)).sum();
        let most = LeafPhys::chunks(size);
        if needed <= most {
            out.push(leaf);
            return Ok(());
        }
        if u32::from(prefix_len) >= self.hash.bits().min(MAX_TABLE_SHIFT) {
            let expected = alloc::format!("at most {most}");
            return Err(LayoutError::field("chunks of a ZAP leaf", needed as u64, expected));
        }
        let bit = 1_u64 << (63 - prefix_len);
        let (low, high) =
            entries.split_at(entries.partition_point(|placed| placed.hash & bit == 0));
        for (digit, entries) in [(0, low), (1, high)] {
            let half = Leaf { prefix: prefix << 1 | digit, prefix_len: prefix_len + 1, entries };
            self.split(half, size, out)?;
        }
        Ok(())
    }

    /// The block of a leaf whose entries have room.
    fn leaf(&self, leaf: &Leaf<'_>, shift: u32) -> Vec<u8> {
        let size = 1 << shift;
        let mut chunks = Chunks(Vec::with_capacity(LeafPhys::chunks(size)));
        // The number of each entry's own chunk, and what it says.
        let mut entries: Vec<(u16, u32, EntryPhys)> = Vec::with_capacity(leaf.entries.len());
        for placed in leaf.entries {
            let own = chunks.push([0; size_of::<EntryPhys>()]);
            let mut name = placed.entry.name.clone();
            name.resize(self.name_len(placed), 0);
            let key_size = if self.hash.flags & FLAG_UINT64_KEY == 0 { 1 } else { 8 };
            let value = &placed.entry.value;
            let phys = EntryPhys {
                kind: CHUNK_ENTRY,
                value_intlen: placed.entry.int_size,
                next: CHAIN_END.into(),
                name_chunk: chunks.array(&name),
                name_numints: small(name.len() / key_size).into(),
                value_chunk: chunks.array(value),
                value_numints: small(value.len() / usize::from(placed.entry.int_size)).into(),
                cd: placed.cd.into(),
                hash: placed.hash.into(),
            };
            entries.push((own, placed.cd, phys));
        }
        let mut table: Vec<U16<LE>> = vec![CHAIN_END.into(); LeafPhys::hash_size(size) / 2];
        // Chains are in the order of differentiators, as the kernel looks for one that is free, so that
        // the last one is put in front first.
        entries.sort_by_key(|(_, cd, _)| *cd);
        for (own, _, phys) in entries.iter_mut().rev() {
            let slot = LeafPhys::slot(phys.hash.get(), leaf.prefix_len, size);
            phys.next = core::mem::replace(&mut table[slot], (*own).into());
            chunks.0[usize::from(*own)].copy_from_slice(phys.as_bytes());
        }
        let used = chunks.0.len();
        let most = LeafPhys::chunks(size);
        let mut header = LeafPhys::new_zeroed();
        (header.block_type, header.magic) = (BLOCK_LEAF.into(), LEAF_MAGIC.into());
        (header.prefix, header.prefix_len) = (leaf.prefix.into(), leaf.prefix_len.into());
        header.nfree = small(most - used).into();
        header.nentries = small(leaf.entries.len()).into();
        header.freelist = if used < most { small(used) } else { CHAIN_END }.into();
        header.flags = if self.hash.normflags == 0 { 0 } else { LEAF_SORTED };
        for free in used..most {
            let next = if free + 1 < most { small(free + 1) } else { CHAIN_END };
            let free = ArrayPhys { kind: CHUNK_FREE, next: next.into(), ..ArrayPhys::new_zeroed() };
            chunks.push(zerocopy::transmute!(free));
        }
        let mut block = header.as_bytes().to_vec();
        block.extend(table.as_bytes());
        block.extend(chunks.0.as_flattened());
        block.resize(size, 0);
        block
    }
}

/// The chunks of a leaf, as far as they are used.
struct Chunks(Vec<[u8; size_of::<EntryPhys>()]>);

impl Chunks {
    /// Adds a chunk, and gives its number.
    fn push(&mut self, chunk: [u8; size_of::<EntryPhys>()]) -> u16 {
        self.0.push(chunk);
        small(self.0.len() - 1)
    }

    /// Adds a chain of bytes, and gives the number of its first chunk.
    fn array(&mut self, bytes: &[u8]) -> U16<LE> {
        let first = if bytes.is_empty() { CHAIN_END } else { small(self.0.len()) };
        let mut pieces = bytes.chunks(ARRAY_BYTES).peekable();
        while let Some(piece) = pieces.next() {
            let mut array = ArrayPhys { kind: CHUNK_ARRAY, ..ArrayPhys::new_zeroed() };
            array.bytes[..piece.len()].copy_from_slice(piece);
            let follows = pieces.peek().is_some();
            array.next = if follows { small(self.0.len() + 1) } else { CHAIN_END }.into();
            self.push(zerocopy::transmute!(array));
        }
        first.into()
    }
}

/// A number of chunks or of integers in a leaf of at most 128 KiB.
#[expect(clippy::cast_possible_truncation, reason = "names, values and blocks are bounded")]
const fn small(number: usize) -> u16 {
    debug_assert!(number <= u16::MAX as usize);
    number as u16
}
