//! Reads the stored bytes of one block: every copy is tried until one passes its checksum.

use super::doubt::Doubted;
use super::extent::Extent;
use super::gang;
use super::latency::Latency;
use super::plain::Access;
use super::verify::has_checksum;
use crate::blkptr::{self, BlkPtr};
use crate::buffer;
use crate::cancel::CancelToken;
use crate::error::{Attempt, Cause, len};
use crate::vdev::{Check, Request, Trust, VdevTree, Want};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use zsend_codec::checksum::ChecksumSalt;
use zsend_records::fletcher::Fletcher4;

/// Healed reads that are kept by name; all are counted. Those that went over missing devices alone are not
/// kept: each block of a degraded pool may be one.
const HEALED_KEPT: usize = 1000;

/// A block's bytes as stored, after its checksum.
#[derive(Clone, Debug)]
pub struct StoredBlock {
    /// PSIZE bytes.
    pub data: Bytes,
    /// Their Fletcher-4 in little-endian words, where verifying them had to compute it anyway.
    pub sum: Option<Fletcher4>,
}

/// A read that succeeded only after other copies had failed.
#[derive(Clone, Debug)]
pub struct Healed {
    /// The block.
    pub at: Zbookmark,
    /// The copies that failed.
    pub attempts: Vec<Attempt>,
}

/// Numbers of blocks that were recovered, by what gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Another copy, in the same or in another vdev.
    pub copies: u64,
    /// Parity of a raidz or draid.
    pub parity: u64,
}

impl Recovered {
    /// Returns the number of all of them.
    pub const fn count(self) -> u64 {
        self.copies.saturating_add(self.parity)
    }
}

/// Number of blocks that a missing device would have given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The device by its name, or the vdev's name where no device is known.
    pub device: String,
    /// Blocks of which it has a part or a copy, and that came from elsewhere.
    pub blocks: u64,
}

/// Reads blocks of one pool, from any number of threads.
#[derive(Debug)]
pub struct Zio {
    tree: VdevTree,
    pub(super) salt: OnceLock<ChecksumSalt>,
    /// Blocks that another copy gave, and those that parity gave.
    healed: [AtomicU64; 2],
    healed_kept: Mutex<Vec<Healed>>,
    /// Blocks that were read without a missing device, by its name.
    missed: Mutex<BTreeMap<String, u64>>,
    doubted: Mutex<Doubted>,
    /// True if the state that is read is older than the newest: what has been freed since may have been
    /// overwritten.
    is_overwritten: OnceLock<()>,
    latency: Arc<Latency>,
    /// Token of whoever opened the pool; its devices ask it before each read.
    cancel: CancelToken,
}

impl Zio {
    /// Reads by this vdev tree.
    pub fn new(tree: VdevTree) -> Self {
        Self {
            tree,
            salt: OnceLock::new(),
            healed: [const { AtomicU64::new(0) }; 2],
            healed_kept: Mutex::default(),
            missed: Mutex::default(),
            doubted: Mutex::default(),
            is_overwritten: OnceLock::new(),
            latency: Arc::default(),
            cancel: CancelToken::default(),
        }
    }

    /// The same reader, whose reads end with [`PoolError::Cancelled`] once the token is cancelled, which the
    /// tree's devices were given.
    pub(crate) fn with_cancel(self, cancel: CancelToken) -> Self {
        Self { cancel, ..self }
    }

    /// Refuses to go on once whoever opened the pool has cancelled.
    ///
    /// # Errors
    /// [`PoolError::Cancelled`].
    pub(crate) fn go_on(&self) -> Result<()> {
        self.cancel.go_on()
    }

    /// Reads the same pool by a tree that knows more.
    pub(crate) fn by_tree(&self, tree: VdevTree) -> Self {
        let (latency, cancel) = (Arc::clone(&self.latency), self.cancel.clone());
        Self { latency, cancel, ..Self::new(tree) }
    }

    /// Sets the salt of the salted checksums, which is known only once the MOS can be read. The
    /// MOS itself has none of them.
    pub(crate) fn set_salt(&self, salt: ChecksumSalt) {
        let _ = self.salt.set(salt);
    }

    /// Salt of the salted checksums, if the pool has one.
    pub fn salt(&self) -> Option<&ChecksumSalt> {
        self.salt.get()
    }

    /// Says that a newer state of the pool may have overwritten blocks of this one.
    pub(crate) fn set_overwritten(&self) {
        let _ = self.is_overwritten.set(());
    }

    /// The vdev tree.
    pub fn tree(&self) -> &VdevTree {
        &self.tree
    }

    /// Numbers of the blocks of which a copy failed, and which were recovered.
    pub fn recovered(&self) -> Recovered {
        let [copies, parity] = self.healed.each_ref().map(|count| count.load(Ordering::Relaxed));
        Recovered { copies, parity }
    }

    /// Missing devices, by name, with the blocks that were read without them.
    pub fn missed(&self) -> Vec<Missed> {
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.iter().map(|(device, &blocks)| Missed { device: device.clone(), blocks }).collect()
    }

    /// The first thousand reads that needed another copy or a reconstruction, but for those that only went
    /// over missing devices: [`Self::missed`].
    pub fn healed(&self) -> Vec<Healed> {
        self.healed_kept.lock().map(|h| h.clone()).unwrap_or_default()
    }

    /// Blocks without checksum that came from devices which may not have them.
    pub fn doubted(&self) -> Doubted {
        self.doubted.lock().map(|d| d.clone()).unwrap_or_default()
    }

    /// The block's bytes as stored: PSIZE of them, verified.
    pub(super) fn stored(
        &self,
        bp: &BlkPtr,
        at: &Zbookmark,
        access: Access<'_>,
    ) -> Result<StoredBlock> {
        if let Some(extent) = access.extent {
            blkptr::check(bp, at)?;
            if let Some(stored) = self.find_in(bp, at, extent) {
                return Ok(stored);
            }
        }
        self.latency.time(|| self.read_copies(bp, at, access.cancel))
    }

    /// The block from what was read already, if it passes there. If it does not, what is wrong with
    /// it, and which copies are not, is found where it is read alone.
    fn find_in(&self, bp: &BlkPtr, at: &Zbookmark, extent: &Extent) -> Option<StoredBlock> {
        let (dva, size) = (bp.dvas().next()?, usize::try_from(bp.psize()).ok()?);
        let (mut sum, mut attempts) = (None, Vec::new());
        let mut verify = |bytes: &[u8]| self.verify(bp, bytes, &mut sum);
        let mut request = Request {
            check: &mut verify,
            attempts: &mut attempts,
            doubts: &mut Vec::new(),
            want: Want::written_in(bp.physical_birth()).within(Trust::Fit),
            cancel: None,
        };
        let data = extent.find(&self.tree, dva, size, &mut request)?;
        self.note_overwritten(bp);
        self.note_healed(at, attempts);
        Some(StoredBlock { data, sum })
    }

    /// The block's bytes as stored: PSIZE of them, verified.
    ///
    /// # Errors
    /// [`PoolError::Unreadable`] lists every copy; [`PoolError::Corrupt`] if the pointer makes no
    /// sense.
    pub fn read_stored(&self, bp: &BlkPtr, at: &Zbookmark) -> Result<StoredBlock> {
        self.latency.time(|| self.read_copies(bp, at, None))
    }

    /// Time of a read, as those of opening the pool tell: the time that three of four took at most.
    pub fn latency(&self) -> Duration {
        self.latency.typical()
    }

    fn read_copies(
        &self,
        bp: &BlkPtr,
        at: &Zbookmark,
        cancel: Option<&CancelToken>,
    ) -> Result<StoredBlock> {
        let mut sum = None;
        let mut verify = |bytes: &[u8]| self.verify(bp, bytes, &mut sum);
        let data = self.read_checked(bp, at, &mut verify, cancel)?;
        Ok(StoredBlock { data, sum })
    }

    /// The block's bytes as stored, as the first candidate that passes a check. Whose checksum lies in
    /// the block itself is read so.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Cancelled`] if it was cancelled before a copy was found.
    pub(crate) fn read_checked(
        &self,
        bp: &BlkPtr,
        at: &Zbookmark,
        check: &mut Check<'_>,
        cancel: Option<&CancelToken>,
    ) -> Result<Bytes> {
        blkptr::check(bp, at)?;
        let size = len(bp.psize())?;
        let piece = |bp: &BlkPtr, bytes: &[u8]| self.verify_piece(bp, bytes);
        let by = gang::Gang { tree: &self.tree, piece: &piece };
        let (mut attempts, mut doubts) = (Vec::new(), Vec::new());
        let mut data = None;
        // What has a checksum may come from anywhere. What has none comes from the device that is
        // trusted most, whichever copy that holds.
        let all = Trust::ALL;
        let limits = if has_checksum(bp) { &all[2..] } else { &all[..] };
        let tries = limits.iter().flat_map(|limit| bp.dvas().map(move |dva| (*limit, dva)));
        for (limit, dva) in tries {
            doubts.clear();
            let mut request = Request {
                check: &mut *check,
                attempts: &mut attempts,
                doubts: &mut doubts,
                want: Want::written_in(bp.physical_birth()).within(limit),
                cancel,
            };
            // Asked before each copy here, and below before each read of one.
            if request.is_cancelled() {
                return Err(PoolError::Cancelled);
            }
            self.go_on()?;
            data = if dva.is_gang() {
                gang::read(by, bp, dva, size, &mut request)
            } else {
                self.tree.read_buffer(dva, size, &mut request)
            };
            if data.is_some() {
                break;
            }
        }
        // A device that was not asked for that has not failed: nothing is told of it.
        self.go_on()?;
        match data {
            Some(data) => {
                self.note_overwritten(bp);
                if has_checksum(bp) || doubts.is_empty() {
                    self.note_healed(at, attempts);
                } else if let Ok(mut doubted) = self.doubted.lock() {
                    doubted.note(at, doubts, &attempts);
                }
                Ok(buffer::freeze(data))
            }
            None if cancel.is_some_and(CancelToken::is_cancelled) => Err(PoolError::Cancelled),
            None => Err(PoolError::Unreadable { at: *at, attempts }),
        }
    }

    /// Counts a block of an older state that nothing tells the age of.
    fn note_overwritten(&self, bp: &BlkPtr) {
        if !has_checksum(bp)
            && self.is_overwritten.get().is_some()
            && let Ok(mut doubted) = self.doubted.lock()
        {
            doubted.overwritten += 1;
        }
    }

    /// Notes a block that some attempts did not give, if there are any.
    fn note_healed(&self, at: &Zbookmark, attempts: Vec<Attempt>) {
        // What was not asked for has not failed.
        if attempts.iter().all(|attempt| attempt.cause.is_planned()) {
            return;
        }
        let is_rebuilt = attempts.iter().any(|attempt| attempt.cause == Cause::Rebuilt);
        self.healed[usize::from(is_rebuilt)].fetch_add(1, Ordering::Relaxed);
        let is_absent = |cause: &Cause| matches!(cause, Cause::Missing | Cause::MissingTop);
        if attempts.iter().all(|a| is_absent(&a.cause) || a.cause.is_planned()) {
            let absent = attempts.into_iter().filter(|attempt| is_absent(&attempt.cause));
            // Several columns of a block may lie on one device.
            let devices: BTreeSet<String> = absent.map(|attempt| attempt.device).collect();
            let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
            devices.into_iter().for_each(|device| *missed.entry(device).or_default() += 1);
            return;
        }
        if let Ok(mut kept) = self.healed_kept.lock()
            && kept.len() < HEALED_KEPT
        {
            kept.push(Healed { at: *at, attempts });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::VdevConfig;
    use crate::device::Device;
    use crate::device::tests::Memory;
    use crate::uberblock::Reflow;
    use crate::vdev::{Dtls, KnownDevices, Leaves, Member};

    /// A pool of one device in memory, with these bytes at these offsets of its data.
    pub(crate) fn zio_of(parts: &[(u64, &[u8])], ashift: u64) -> Zio {
        let mut bytes = vec![0; 6 << 20];
        for (at, part) in parts {
            let at = usize::try_from(zsend_ondisk::label::DATA_START + at).unwrap();
            bytes[at..at + part.len()].copy_from_slice(part);
        }
        let device = Device::new("memory", Arc::new(Memory(bytes)));
        let leaves = Leaves::from([(9, vec![Member { device, txg: 1 }])]);
        let top = VdevConfig { kind: "file".into(), guid: 9, ashift, ..VdevConfig::default() };
        let (reflow, dtls) = (Reflow::default(), &Dtls::default());
        let known = KnownDevices { leaves: &leaves, reflow, dtls, txg: 1, exported: None };
        Zio::new(VdevTree::build(&[top], 1, known))
    }
}
