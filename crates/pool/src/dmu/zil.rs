//! The intent log of a head: what was written since the last transaction group, and is replayed when
//! the head is mounted. A send has none of it; here it is only counted.

use super::objset::Objset;
use crate::blkptr::BlkPtr;
use crate::error::Mismatch;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use core::mem::offset_of;
use core::ops::{RangeFrom, RangeInclusive};
use zerocopy::FromBytes;
use zerocopy::byteorder::{LE, U64};
use zsend_codec::checksum;
use zsend_ondisk::byteswap;
use zsend_ondisk::embedded::MAGIC;
use zsend_ondisk::zil::{
    CHAIN_SIZE, CLAIM_LR_SEQ_VALID, ChainPhys, REPLAY_NEEDED, RecordPhys, ZilHeaderPhys,
};
use zsend_records::types::{Checksum, Compress};

/// Level of the log's blocks in a [`Zbookmark`]: `ZB_ZIL_LEVEL`.
const LEVEL: i64 = -2;
/// Most blocks of a log that are read: it is only to be told of.
const MOST_BLOCKS: u64 = 4096;
/// The unit of what a block of the newer kind is summed over: `ZIL_MIN_BLKSZ`.
const SUM_UNIT: usize = 4096;

/// Header of a head's log: its first block, and what was replayed of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHeader {
    /// `zh_claim_txg`: the txg that the pool claimed the log in when it was imported, or zero.
    pub claim_txg: u64,
    /// `zh_replay_seq`: the last record that was replayed.
    pub replay_seq: u64,
    /// `zh_log`: the first block.
    pub log: BlkPtr,
    /// `zh_claim_blk_seq`: the last block that was claimed.
    pub claim_blk_seq: u64,
    /// `zh_flags`.
    pub flags: u64,
    /// `zh_claim_lr_seq`: the last record that was claimed.
    pub claim_lr_seq: u64,
}

impl LogHeader {
    /// From its fields in the object set's block.
    pub fn of(phys: &ZilHeaderPhys) -> Self {
        Self {
            claim_txg: phys.claim_txg.get(),
            replay_seq: phys.replay_seq.get(),
            log: BlkPtr::parse(&phys.log),
            claim_blk_seq: phys.claim_blk_seq.get(),
            flags: phys.flags.get(),
            claim_lr_seq: phys.claim_lr_seq.get(),
        }
    }

    /// Records that replaying would replay, by txg and number, and the last block that has some;
    /// nothing if it would replay none. What was not claimed yet will be, at the next import.
    fn replayable(&self, txg: u64) -> Option<(RangeFrom<u64>, RangeInclusive<u64>, u64)> {
        if self.claim_txg == 0 {
            return Some((txg.saturating_add(1).., 0..=u64::MAX, u64::MAX));
        }
        let counts = self.flags & CLAIM_LR_SEQ_VALID != 0;
        let last = if counts { self.claim_lr_seq } else { u64::MAX };
        let records = self.replay_seq.saturating_add(1)..=last;
        (self.flags & REPLAY_NEEDED != 0).then_some((self.claim_txg.., records, self.claim_blk_seq))
    }
}

/// Records of a log that are in no transaction group.
#[derive(Debug, Default)]
pub struct Unreplayed {
    /// Blocks with such records.
    pub blocks: u64,
    /// Those records.
    pub records: u64,
    /// True if the log goes on past what was counted.
    pub more: bool,
    /// Reason why it could not be read to its end, if that was a device.
    pub problem: Option<PoolError>,
}

impl Unreplayed {
    /// Warning about it, if there is anything to tell, for a head of this name.
    pub fn told(&self, name: &str) -> Option<String> {
        let more = if self.more { "at least " } else { "" };
        if let Some(e) = &self.problem {
            let counted = self.blocks;
            return Some(format!(
                "the intent log of '{name}' cannot be read past {counted} blocks, and what it holds is not \
                 sent: {e}"
            ));
        }
        (self.blocks > 0).then(|| {
            format!(
                "the intent log of '{name}' was not replayed: {more}{} records in {} blocks, newer than the \
                 last transaction group, are not sent",
                self.records, self.blocks
            )
        })
    }
}

/// Counts what the log of an object set holds that `txg`, the pool's last transaction group, does not:
/// the chain of its blocks is followed for as long as their checksums say that they belong to it, as
/// replaying does.
///
/// Follows `zil_parse()` and `zil_replay_log_record()`, OpenZFS `module/zfs/zil.c`, zfs-2.3.2.
pub fn unreplayed(os: &Objset, txg: u64) -> Unreplayed {
    let header = os.zil();
    let mut found = Unreplayed::default();
    let Some((txgs, seqs, last_block)) = header.replayable(txg) else { return found };
    let mut bp = header.log;
    for _ in 0..MOST_BLOCKS {
        if bp.is_hole() || bp.checksum()[3] > last_block {
            return found;
        }
        let block = match read(os, &bp) {
            Ok(Some(block)) => block,
            // The end of the chain is a block that was set aside and never written.
            Ok(None) => return found,
            // Nothing is wrong with the log, and whoever reads on is told.
            Err(PoolError::Cancelled) => return found,
            Err(e) => {
                found.problem = Some(e);
                return found;
            }
        };
        let new = |r: &&RecordPhys| txgs.contains(&r.txg.get()) && seqs.contains(&r.seq.get());
        let records = block.records().filter(new).count() as u64;
        found.records += records;
        found.blocks += u64::from(records > 0);
        bp = block.next;
    }
    found.more = true;
    found
}

/// A block of the log that passed its checksum.
struct LogBlock {
    /// The records, in host order.
    bytes: Vec<u8>,
    next: BlkPtr,
}

impl LogBlock {
    /// The beginnings of its records, up to one that has no sound length.
    fn records(&self) -> impl Iterator<Item = &RecordPhys> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (record, _) = RecordPhys::ref_from_prefix(rest).ok()?;
            let len =
                usize::try_from(record.len.get()).ok().filter(|&n| n >= size_of_val(record))?;
            rest = rest.get(len..)?;
            Some(record)
        })
    }
}

/// Reads a block of the log; `None` if it is not of this chain.
///
/// # Errors
/// Those of the devices.
fn read(os: &Objset, bp: &BlkPtr) -> Result<Option<LogBlock>> {
    let kind = bp.checksum_type();
    let plain = !bp.is_embedded() && bp.compress() == Compress::OFF && bp.level() == 0;
    if !plain || !matches!(kind, Checksum::ZILOG | Checksum::ZILOG2) {
        return Ok(None);
    }
    let at = Zbookmark::new(os.id(), 0, LEVEL, bp.checksum()[3]);
    // The sum lies in the block: every copy is tried until one is of this chain.
    let mut block = None;
    let mut check = |bytes: &[u8]| {
        block = open(bytes.to_vec(), bp);
        if block.is_some() { Ok(()) } else { Err(Mismatch::OtherLog) }
    };
    match os.zio().read_checked(bp, &at, &mut check, None) {
        Ok(_) => Ok(block),
        // All copies were read, and none is of the chain: it ends here.
        Err(PoolError::Unreadable { attempts, .. })
            if attempts.iter().all(|a| !a.cause.is_device()) =>
        {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// Checks a block of the log, and takes it apart. Of an encrypted one, what counts is plain: the chain,
/// and what each record begins with.
///
/// Follows `zil_read_log_block()` and `zio_checksum_error_impl()`, OpenZFS `module/zfs/zil.c` and
/// `zio_checksum.c`, zfs-2.3.2.
fn open(mut bytes: Vec<u8>, bp: &BlkPtr) -> Option<LogBlock> {
    let newer = bp.checksum_type() == Checksum::ZILOG2;
    let start = if newer { 0 } else { bytes.len().checked_sub(CHAIN_SIZE)? };
    let chain = start..start.checked_add(CHAIN_SIZE)?;
    let phys = |bytes: &[u8]| ChainPhys::read_from_bytes(bytes).ok();
    let stored = phys(bytes.get(chain.clone())?)?;
    let big = match stored.magic.get() {
        MAGIC => false,
        magic if magic.swap_bytes() == MAGIC => true,
        _ => return None,
    };
    let word = |w: U64<LE>| if big { w.get().swap_bytes() } else { w.get() };
    let used = usize::try_from(word(stored.used)).ok()?;
    // The newer kind is summed as far as it is used, the older as a whole.
    let (kind, summed) = if newer {
        (Checksum::FLETCHER_4, used.checked_next_multiple_of(SUM_UNIT)?)
    } else {
        (Checksum::FLETCHER_2, bytes.len())
    };
    let sum = start + offset_of!(ChainPhys, sum);
    let verifier = bp.checksum().map(|w| if big { w.to_be_bytes() } else { w.to_le_bytes() });
    bytes.get_mut(sum..sum + 32)?.copy_from_slice(verifier.as_flattened());
    let computed = checksum::compute(kind, bytes.get(..summed)?, big, None).ok()?;
    let kept = stored.sum.map(word);
    // An encrypted block keeps its MAC in the last two words.
    let passes = if bp.uses_crypt() {
        checksum::fold_for_mac(kind, computed) == [kept[0], kept[1]]
    } else {
        computed == kept
    };
    if !passes {
        return None;
    }
    if big {
        byteswap::u64s(&mut bytes);
    }
    let next = BlkPtr::parse(&phys(&bytes[chain.clone()])?.next);
    // The next block continues this one's sum: the same log, and one further.
    let [a, b, objset, seq] = bp.checksum();
    if next.checksum() != [a, b, objset, seq.wrapping_add(1)] {
        return None;
    }
    let records = if newer { CHAIN_SIZE..used } else { 0..used };
    if !newer && used > start {
        return None;
    }
    Some(LogBlock { bytes: bytes.get(records)?.to_vec(), next })
}

#[cfg(test)]
mod tests;
