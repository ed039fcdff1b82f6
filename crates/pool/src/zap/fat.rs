//! Fat ZAPs: a pointer table of leaf blocks, each a heap of chunks.

use super::{MAX_LOST, Readable, ZapBlocks, ZapEntry};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use std::collections::BTreeSet;
use zerocopy::FromBytes;
use zsend_ondisk::zap::{
    ARRAY_BYTES, ArrayPhys, BLOCK_LEAF, CHAIN_END, CHUNK_ARRAY, CHUNK_ENTRY, CHUNK_SIZE, EntryPhys,
    FLAG_UINT64_KEY, HEADER_MAGIC, LEAF_MAGIC, LeafPhys, ZapHeaderPhys,
};

/// log2 of the most pointers that a table may have; 2^28 leaves would be 4 TiB of one ZAP.
const MAX_SHIFT: u64 = 28;
/// All entries, by way of the pointer table: leaves that no pointer reaches are not live. `block`
/// is the object's first. A pointer, leaf or entry that is not sound costs itself alone.
pub(super) fn entries(blocks: &ZapBlocks<'_>, block: &[u8]) -> Result<Readable> {
    let at = blocks.at(0);
    let Ok((header, _)) = ZapHeaderPhys::ref_from_prefix(block) else {
        return Err(PoolError::corrupt(at, "fat ZAP header size", block.len(), "at least 104"));
    };
    if header.magic.get() != HEADER_MAGIC {
        let found = format!("{:#x}", header.magic.get());
        return Err(PoolError::corrupt(at, "fat ZAP magic", found, format!("{HEADER_MAGIC:#x}")));
    }
    let mut out = Readable { normflags: header.normflags.get(), ..Readable::default() };
    let key_size = if header.flags.get() & FLAG_UINT64_KEY != 0 { 8 } else { 1 };
    for leaf in leaves(blocks, header, block, &mut out)? {
        let read = blocks.block(leaf).and_then(|data| {
            LeafBlock::parse(&data, blocks.at(leaf))?.entries(key_size, &mut out);
            Ok(())
        });
        match read {
            Ok(()) => {}
            Err(PoolError::Cancelled) => return Err(PoolError::Cancelled),
            Err(e) => out.lost.push(e),
        }
        if out.lost.len() >= MAX_LOST {
            break;
        }
    }
    Ok(out)
}

/// The leaf blocks that the pointer table names, each once. Pointers out of the object are noted in
/// `out`.
fn leaves(
    blocks: &ZapBlocks<'_>,
    header: &ZapHeaderPhys,
    block: &[u8],
    out: &mut Readable,
) -> Result<BTreeSet<u64>> {
    let mut leaves = BTreeSet::new();
    let mut bad = BTreeSet::new();
    let mut take = |blkid: u64, table: &[u8]| {
        for word in table.as_chunks::<8>().0 {
            let leaf = u64::from_le_bytes(*word);
            if leaf != 0 && leaf <= blocks.maxblkid {
                leaves.insert(leaf);
            } else if out.lost.len() < MAX_LOST && bad.insert(leaf) {
                let expected = format!("1 to {}", blocks.maxblkid);
                let at = blocks.at(blkid);
                out.lost.push(PoolError::corrupt(at, "ZAP pointer", leaf, expected));
            }
        }
        out.lost.len() < MAX_LOST
    };
    let (first, count, shift) =
        (header.ptrtbl_blk.get(), header.ptrtbl_numblks.get(), header.ptrtbl_shift.get());
    if count == 0 {
        take(0, &block[block.len() / 2..]);
        return Ok(leaves);
    }
    // A table that fills its blocks cannot have more of them than its shift allows, which ends the
    // loop below even where many block numbers lead to one block.
    let pointers = count.checked_mul(block.len() as u64 / 8);
    if shift > MAX_SHIFT || pointers != Some(1 << shift) || first > blocks.maxblkid {
        let found = format!("{count} blocks from {first}, shift {shift}");
        let expected = "a table inside the object";
        return Err(PoolError::corrupt(blocks.at(0), "ZAP pointer table", found, expected));
    }
    for blkid in first..first.saturating_add(count) {
        if !take(blkid, &blocks.block(blkid)?) {
            break;
        }
    }
    Ok(leaves)
}

struct LeafBlock<'a> {
    chunks: &'a [u8],
    at: Zbookmark,
    /// Array chunks that entries may still use. Each belongs to one entry, so that what a leaf
    /// gives is never more than the leaf itself.
    unused: usize,
}

impl<'a> LeafBlock<'a> {
    fn parse(data: &'a [u8], at: Zbookmark) -> Result<Self> {
        let Ok((header, _)) = LeafPhys::ref_from_prefix(data) else {
            return Err(PoolError::corrupt(at, "ZAP leaf size", data.len(), "at least 48"));
        };
        if header.block_type.get() != BLOCK_LEAF || header.magic.get() != LEAF_MAGIC {
            let found = format!("{:#x}", header.magic.get());
            return Err(PoolError::corrupt(
                at,
                "ZAP leaf magic",
                found,
                format!("{LEAF_MAGIC:#x}"),
            ));
        }
        let start = size_of::<LeafPhys>() + LeafPhys::hash_size(data.len());
        let chunks = data.get(start..).unwrap_or(&[]);
        Ok(Self { chunks, at, unused: chunks.len() / CHUNK_SIZE })
    }

    /// Live entries are found by walking all chunks: one that is not an entry is an array or free.
    fn entries(mut self, key_size: usize, out: &mut Readable) {
        for bytes in self.chunks.chunks_exact(CHUNK_SIZE) {
            let Ok(chunk) = EntryPhys::ref_from_bytes(bytes) else { continue };
            if chunk.kind != CHUNK_ENTRY {
                continue;
            }
            match self.entry(chunk, key_size) {
                Ok(entry) => out.entries.push(entry),
                Err(e) if out.lost.len() < MAX_LOST => out.lost.push(e),
                Err(_) => return,
            }
        }
    }

    fn entry(&mut self, chunk: &EntryPhys, key_size: usize) -> Result<ZapEntry> {
        let int_size = chunk.value_intlen;
        if !matches!(int_size, 1 | 2 | 4 | 8) {
            return Err(PoolError::corrupt(self.at, "ZAP value size", int_size, "1, 2, 4 or 8"));
        }
        let name_len = usize::from(chunk.name_numints.get()) * key_size;
        let value_len = usize::from(chunk.value_numints.get()) * usize::from(int_size);
        let mut name = self.array(chunk.name_chunk.get(), name_len)?;
        if key_size == 1 && name.last() == Some(&0) {
            name.pop();
        }
        let value = self.array(chunk.value_chunk.get(), value_len)?;
        Ok(ZapEntry { name, int_size, value, hash: chunk.hash.get(), cd: chunk.cd.get() })
    }

    /// `len` bytes from a chain of array chunks. The chain is as long as the bytes need and the
    /// leaf has chunks for, so a loop in it ends.
    fn array(&mut self, first: u16, len: usize) -> Result<Vec<u8>> {
        let needed = len.div_ceil(ARRAY_BYTES);
        let Some(left) = self.unused.checked_sub(needed) else {
            let found = format!("{len} bytes");
            return Err(PoolError::corrupt(self.at, "ZAP array", found, "what the leaf has left"));
        };
        self.unused = left;
        let mut out = Vec::with_capacity(len);
        let mut next = first;
        while out.len() < len {
            let start = usize::from(next) * CHUNK_SIZE;
            let chunk = self.chunks.get(start..start + CHUNK_SIZE);
            let chunk = chunk.and_then(|chunk| ArrayPhys::ref_from_bytes(chunk).ok());
            let Some(chunk) = chunk.filter(|c| c.kind == CHUNK_ARRAY && next != CHAIN_END) else {
                return Err(PoolError::corrupt(self.at, "ZAP chunk", next, "an array chunk"));
            };
            let take = (len - out.len()).min(ARRAY_BYTES);
            out.extend_from_slice(&chunk.bytes[..take]);
            next = chunk.next.get();
        }
        Ok(out)
    }
}
