//! Redaction lists: blocks that the receiver of a redacted stream does not have, which a send from
//! that stream's bookmark brings along wherever it passes them.

use crate::error::Result;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::place::Bookmark;
use zsend_pool::{PoolError, dmu::dnode::Dnode};

/// Bytes of an entry: `redact_block_phys_t`. Source: OpenZFS `include/sys/dsl_bookmark.h`.
const ENTRY_SIZE: usize = 32;
/// Bytes of the list's bonus before the guids: `redaction_list_phys_t`.
const BONUS_SIZE: usize = 32;
/// Most entries that are read: 32 MiB of them.
const MAX_ENTRIES: u64 = 1 << 20;

/// Runs of blocks, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Object, first block, and the block after the last.
    runs: std::collections::VecDeque<(u64, u64, u64)>,
    /// Guids of the snapshots that the stream was redacted for.
    pub snaps: Vec<u64>,
}

impl Listed {
    /// Reads the list of a bookmark: object `object` of the MOS.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the list is no list, and what reading it gives.
    pub fn open(mos: &Objset, object: u64) -> Result<Self> {
        let dnode = mos.dnode(object)?;
        let at = Bookmark::new(mos.id(), object, 0, 0);
        let bonus = words(&dnode);
        let [_, _, entries, snaps, guids @ ..] = bonus.as_slice() else {
            return Err(PoolError::corrupt(at, "bonus", dnode.bonus().len(), BONUS_SIZE).into());
        };
        let count = usize::try_from(*snaps).unwrap_or(usize::MAX);
        let Some(guids) = guids.get(..count) else {
            return Err(PoolError::Unsupported("a redaction list in a spill block".into()).into());
        };
        if *entries > MAX_ENTRIES {
            return Err(PoolError::corrupt(at, "entries", *entries, MAX_ENTRIES).into());
        }
        let len = usize::try_from(*entries).unwrap_or(0) * ENTRY_SIZE;
        let data = mos.read(&dnode, object, 0, len)?;
        let mut runs = std::collections::VecDeque::new();
        for entry in data.as_chunks::<ENTRY_SIZE>().0 {
            let word =
                |i: usize| entry[8 * i..].first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
            // The upper sixteen bits are the block size, which the object's dnode tells too.
            let (object, first, count) = (word(0), word(1), word(2) & ((1 << 48) - 1));
            runs.push_back((object, first, first.saturating_add(count)));
        }
        Ok(Self { runs, snaps: guids.to_vec() })
    }

    /// Whether nothing is listed any more.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The next listed block before block `blkid` of `object`, taken from the list.
    pub(crate) fn next_before(&mut self, object: u64, blkid: u64) -> Option<(u64, u64)> {
        let run = self.runs.front_mut()?;
        let (listed, first, end) = *run;
        if (listed, first) >= (object, blkid) {
            return None;
        }
        if first.saturating_add(1) >= end {
            self.runs.pop_front();
        } else {
            run.1 += 1;
        }
        Some((listed, first))
    }

    /// Passes over the listed blocks of an object that lie before `end`: they were just sent.
    pub(crate) fn skip_to(&mut self, object: u64, end: u64) {
        while let Some(run) = self.runs.front_mut() {
            if run.0 != object || run.1 >= end {
                return;
            }
            if run.2 > end {
                run.1 = end;
                return;
            }
            self.runs.pop_front();
        }
    }

    /// Passes over what is listed of an object from the run at the front: it has no such blocks.
    pub(crate) fn skip_object(&mut self, object: u64) {
        self.skip_to(object, u64::MAX);
    }
}

fn words(dnode: &Dnode) -> Vec<u64> {
    dnode.bonus().as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(runs: &[(u64, u64, u64)]) -> Listed {
        Listed { runs: runs.iter().copied().collect(), snaps: Vec::new() }
    }

    #[test]
    fn blocks_come_out_in_order_up_to_a_place() {
        let mut l = listed(&[(3, 0, 2), (5, 7, 9)]);
        assert_eq!(l.next_before(3, 0), None);
        assert_eq!(l.next_before(3, 1), Some((3, 0)));
        assert_eq!(l.next_before(3, 1), None);
        assert_eq!(l.next_before(5, 8), Some((3, 1)));
        assert_eq!(l.next_before(5, 8), Some((5, 7)));
        assert_eq!(l.next_before(5, 8), None);
        assert_eq!(l.next_before(u64::MAX, 0), Some((5, 8)));
        assert_eq!(l.next_before(u64::MAX, 0), None);
    }

    #[test]
    fn what_was_sent_is_passed_over() {
        let mut l = listed(&[(3, 0, 4), (3, 6, 8), (4, 0, 1)]);
        l.skip_to(3, 2);
        assert_eq!(l.next_before(9, 0), Some((3, 2)));
        l.skip_to(3, 100);
        assert_eq!(l.next_before(9, 0), Some((4, 0)));
    }
}
