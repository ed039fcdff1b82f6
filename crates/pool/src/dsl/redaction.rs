//! Redaction lists: the blocks that a redacted snapshot lacks, as a redaction bookmark keeps them.

use crate::dmu::dnode::Dnode;
use crate::dmu::objset::Objset;
use crate::error::len;
use crate::zbookmark::{SPILL_BLKID, Zbookmark};
use crate::{PoolError, Result};
use bytes::Bytes;
use zerocopy::FromBytes;
use zsend_ondisk::dsl::{
    REDACTION_COMPLETE, REDACTION_COUNT, RedactionEntryPhys, RedactionListPhys,
};

/// Most block numbers that an object has, so that no run passes the end of a 64-bit word.
const MAX_BLKID: u64 = 1 << 63;

/// Bytes of an entry.
const ENTRY_SIZE: usize = size_of::<RedactionEntryPhys>();

/// Neighbouring blocks of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRun {
    /// Object number, in the snapshot that was redacted.
    pub object: u64,
    /// The first block.
    pub first: u64,
    /// The block after the last.
    pub end: u64,
}

impl BlockRun {
    /// The run of an entry, if it is one.
    fn of(entry: &RedactionEntryPhys) -> Option<Self> {
        let (object, first) = (entry.object.get(), entry.blkid.get());
        let count = REDACTION_COUNT.get(entry.size_count.get()) + 1;
        (object != 0 && first < MAX_BLKID).then(|| Self { object, first, end: first + count })
    }
}

/// Header of a list: what it has besides its runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListHeader {
    /// Guids of the snapshots that the stream was redacted for.
    pub(crate) guids: Vec<u64>,
    /// Number of runs.
    pub(crate) entries: u64,
}

impl ListHeader {
    /// Reads a `redaction_list_phys_t`. `at` is for errors.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if it is too short for what it says it holds, or not complete: the
    /// redaction that makes it was interrupted.
    pub(crate) fn parse(phys: &[u8], at: &Zbookmark) -> Result<Self> {
        let Ok((list, guids)) = RedactionListPhys::ref_from_prefix(phys) else {
            let (found, least) = (phys.len(), size_of::<RedactionListPhys>());
            return Err(PoolError::corrupt(*at, "redaction list's header", found, least));
        };
        let progress = (list.last_object.get(), list.last_blkid.get());
        if progress != (REDACTION_COMPLETE, REDACTION_COMPLETE) {
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
    header: ListHeader,
    /// Entries that were read already.
    read: u64,
    /// The last run that was given.
    last: Option<BlockRun>,
    /// The block of the list that was read last, and its number.
    block: Option<(u64, Bytes)>,
}

impl RedactionList {
    /// Opens the list that is object `object` of the MOS.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the header makes no sense, or the object has no room for its entries.
    pub fn open(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let header = ListHeader::parse(&phys(mos, object, &dnode)?, &at)?;
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
    pub fn next_run(&mut self) -> Result<Option<BlockRun>> {
        if self.read >= self.header.entries {
            return Ok(None);
        }
        let per_block = per_block(&self.dnode);
        let (blkid, index) = (self.read / per_block, self.read % per_block);
        let at = Zbookmark::new(self.mos.id(), self.object, 0, blkid);
        let block = match self.block.take_if(|(n, _)| *n == blkid) {
            Some((_, block)) => block,
            None => self.mos.block(&self.dnode, self.object, blkid)?.ok_or_else(|| {
                PoolError::corrupt(at, "redaction list's block", "a hole", "a block")
            })?,
        };
        let start = len(index)?.saturating_mul(ENTRY_SIZE);
        let bytes = block.get(start..).unwrap_or_default();
        let Ok((entry, _)) = RedactionEntryPhys::ref_from_prefix(bytes) else {
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
fn after(last: Option<BlockRun>, entry: &RedactionEntryPhys) -> Option<BlockRun> {
    let run = BlockRun::of(entry)?;
    let follows = last.is_none_or(|last| (last.object, last.end) <= (run.object, run.first));
    follows.then_some(run)
}

/// Entries in a block of the list. A block has a sector or more, so that it is not zero.
fn per_block(dnode: &Dnode) -> u64 {
    dnode.datablksz() / ENTRY_SIZE as u64
}

/// Bytes of the `redaction_list_phys_t` of an object: its spill block if it has one (feature
/// `redaction_list_spill`, for lists of many snapshots), else in its bonus.
///
/// Follows `dsl_redaction_list_hold_obj()`, OpenZFS `module/zfs/dsl_bookmark.c`, zfs-2.3.2.
fn phys(mos: &Objset, object: u64, dnode: &Dnode) -> Result<Bytes> {
    let Some(spill) = dnode.spill().filter(|bp| !bp.is_hole()) else { return Ok(dnode.bonus()) };
    mos.read_block(&spill, &Zbookmark::new(mos.id(), object, 0, SPILL_BLKID))
}

#[cfg(test)]
mod tests;
