//! Redaction lists: the blocks that a redacted snapshot lacks, as a redaction bookmark keeps them.

use crate::dmu::dnode::Dnode;
use crate::dmu::objset::Objset;
use crate::place::{Bookmark, SPILL_BLKID};
use crate::{PoolError, Result};
use bytes::Bytes;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// What both words of a list's progress hold once it is complete.
const COMPLETE: u64 = u64::MAX;
/// Bits of an entry's count, which is stored less one; the block size in sectors lies above them.
const COUNT_MASK: u64 = (1 << 48) - 1;
/// Most block numbers that an object has, so that no run passes the end of a 64-bit word.
const MAX_BLKID: u64 = 1 << 63;

/// `redaction_list_phys_t`, before the guids. Source: OpenZFS `include/sys/dsl_bookmark.h`,
/// zfs-2.3.2.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct ListPhys {
    last_object: U64<LE>,
    last_blkid: U64<LE>,
    num_entries: U64<LE>,
    num_snaps: U64<LE>,
}
assert_eq_size!(ListPhys, [u8; 32]);

/// `redact_block_phys_t`. Source: the same.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct EntryPhys {
    object: U64<LE>,
    blkid: U64<LE>,
    size_count: U64<LE>,
    pad: U64<LE>,
}
/// Bytes of an entry.
const ENTRY_SIZE: usize = size_of::<EntryPhys>();
assert_eq_size!(EntryPhys, [u8; 32]);
const_assert_eq!(offset_of!(EntryPhys, size_count), 16);

/// Neighbouring blocks of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Object number, in the snapshot that was redacted.
    pub object: u64,
    /// The first block.
    pub first: u64,
    /// The block after the last.
    pub end: u64,
}

impl Run {
    /// The run of an entry, if it is one.
    fn of(entry: &EntryPhys) -> Option<Self> {
        let (object, first) = (entry.object.get(), entry.blkid.get());
        let count = (entry.size_count.get() & COUNT_MASK) + 1;
        (object != 0 && first < MAX_BLKID).then_some(Self { object, first, end: first + count })
    }
}

/// What is known of a list besides its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Guids of the snapshots that the stream was redacted for.
    pub guids: Vec<u64>,
    /// How many runs there are.
    pub entries: u64,
}

impl Header {
    /// Reads a `redaction_list_phys_t`. `at` is for errors.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if it is too short for what it says it holds, or not complete: the
    /// redaction that makes it was interrupted.
    pub fn parse(phys: &[u8], at: &Bookmark) -> Result<Self> {
        let Ok((list, guids)) = ListPhys::ref_from_prefix(phys) else {
            let (found, least) = (phys.len(), size_of::<ListPhys>());
            return Err(PoolError::corrupt(*at, "redaction list's header", found, least));
        };
        let progress = (list.last_object.get(), list.last_blkid.get());
        if progress != (COMPLETE, COMPLETE) {
            let found =
                format!("one that was made up to object {}, block {}", progress.0, progress.1);
            return Err(PoolError::corrupt(*at, "redaction list", found, "a complete one"));
        }
        let guids = guids.as_chunks::<8>().0;
        let count = list.num_snaps.get();
        let Some(guids) = usize::try_from(count).ok().and_then(|n| guids.get(..n)) else {
            return Err(PoolError::corrupt(*at, "redaction list's snapshots", count, guids.len()));
        };
        let guids = guids.iter().map(|g| u64::from_le_bytes(*g)).collect();
        Ok(Self { guids, entries: list.num_entries.get() })
    }
}

/// A redaction list, whose runs are read block by block as they are asked for.
#[derive(Clone, Debug)]
pub struct RedactionList {
    mos: Objset,
    object: u64,
    dnode: Dnode,
    header: Header,
    /// Entries that were read already.
    read: u64,
    /// The last run that was given.
    last: Option<Run>,
    /// The block of the list that was read last, and its number.
    block: Option<(u64, Bytes)>,
}

impl RedactionList {
    /// Opens the list that is object `object` of the MOS.
    ///
    /// # Errors
    /// As [`Header::parse`]; [`PoolError::Corrupt`] if the object has no room for its entries.
    pub fn open(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = Bookmark::new(mos.id(), object, 0, 0);
        let header = Header::parse(&phys(mos, object, &dnode)?, &at)?;
        let blocks = dnode.maxblkid.saturating_add(1);
        let room = blocks.saturating_mul(per_block(&dnode));
        if header.entries > room {
            return Err(PoolError::corrupt(at, "redaction list's entries", header.entries, room));
        }
        Ok(Self { mos: mos.clone(), object, dnode, header, read: 0, last: None, block: None })
    }

    /// Guids of the snapshots that the stream was redacted for.
    pub fn guids(&self) -> &[u64] {
        &self.header.guids
    }

    /// The next run; runs ascend and do not overlap.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] for an entry that is no run, or does not come after the one before it.
    pub fn next_run(&mut self) -> Result<Option<Run>> {
        if self.read >= self.header.entries {
            return Ok(None);
        }
        let per_block = per_block(&self.dnode).max(1);
        let (blkid, index) = (self.read / per_block, self.read % per_block);
        let at = Bookmark::new(self.mos.id(), self.object, 0, blkid);
        let block = match self.block.take_if(|(n, _)| *n == blkid) {
            Some((_, block)) => block,
            None => self.mos.block(&self.dnode, self.object, blkid)?.ok_or_else(|| {
                PoolError::corrupt(at, "redaction list's block", "a hole", "a block")
            })?,
        };
        let start = usize::try_from(index).unwrap_or(usize::MAX).saturating_mul(ENTRY_SIZE);
        let bytes = block.get(start..).unwrap_or_default();
        let Ok((entry, _)) = EntryPhys::ref_from_prefix(bytes) else {
            let want = self.dnode.datablksz();
            return Err(PoolError::corrupt(at, "redaction list's block size", block.len(), want));
        };
        let run = after(self.last, entry).ok_or_else(|| {
            let found = format!(
                "entry {} of object {}, block {}",
                self.read,
                entry.object.get(),
                entry.blkid.get()
            );
            PoolError::corrupt(
                at,
                "redaction list",
                found,
                "a run of blocks after the one before it",
            )
        })?;
        self.block = Some((blkid, block));
        self.read += 1;
        self.last = Some(run);
        Ok(Some(run))
    }
}

/// The run of an entry, if it comes after the last.
fn after(last: Option<Run>, entry: &EntryPhys) -> Option<Run> {
    let run = Run::of(entry)?;
    let follows = last.is_none_or(|last| (last.object, last.end) <= (run.object, run.first));
    follows.then_some(run)
}

fn per_block(dnode: &Dnode) -> u64 {
    dnode.datablksz() / ENTRY_SIZE as u64
}

/// Where the `redaction_list_phys_t` of an object lies: in its spill block if it has one (feature
/// `redaction_list_spill`, for lists of many snapshots), else in its bonus.
///
/// Follows `dsl_redaction_list_hold_obj()`, OpenZFS `module/zfs/dsl_bookmark.c`, zfs-2.3.2.
fn phys(mos: &Objset, object: u64, dnode: &Dnode) -> Result<Bytes> {
    let Some(spill) = dnode.spill().filter(|bp| !bp.is_hole()) else { return Ok(dnode.bonus()) };
    mos.read_block(&spill, &Bookmark::new(mos.id(), object, 0, SPILL_BLKID))
}

#[cfg(test)]
mod tests;
