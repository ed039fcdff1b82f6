//! Reads one block: every copy is tried until one passes its checksum; then it is decompressed and
//! brought to host order.

use super::doubt::Doubted;
use super::extent::Extent;
use super::latency::Latency;
use crate::blkptr::{self, BlkPtr, Dva};
use crate::crypt::{self, Crypt};
use crate::dmu::byteswap;
use crate::place::{Attempt, Bookmark};
use crate::vdev::{Check, Request, Tree, Trust, Want};
use crate::{PoolError, Result, buffer};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use zsend_codec::checksum::{self, ChecksumSalt};
use zsend_codec::decompress;
use zsend_records::fletcher::Fletcher4;
use zsend_records::types::{Checksum, Compress};

/// How many healed reads are kept by name; all are counted.
const HEALED_KEPT: usize = 1000;

/// What a block is read with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access<'a> {
    /// How its object set is encrypted; without a key in it, what can be read without one is.
    pub crypt: Option<&'a Crypt>,
    /// Bytes of the device that were read already.
    pub extent: Option<&'a Extent>,
}

impl<'a> Access<'a> {
    /// From the device, as its object set is encrypted.
    pub const fn new(crypt: Option<&'a Crypt>) -> Self {
        Self { crypt, extent: None }
    }
}

/// A block's bytes as stored, after its checksum.
#[derive(Clone, Debug)]
pub struct Stored {
    /// PSIZE bytes.
    pub data: Bytes,
    /// Their Fletcher-4 in little-endian words, where verifying them had to compute it anyway.
    pub sum: Option<Fletcher4>,
}

/// A read that succeeded only after other copies had failed.
#[derive(Clone, Debug)]
pub struct Healed {
    /// The block.
    pub at: Bookmark,
    /// The copies that failed.
    pub attempts: Vec<Attempt>,
}

/// Reads blocks of one pool, from any number of threads.
#[derive(Debug)]
pub struct Zio {
    tree: Tree,
    salt: OnceLock<ChecksumSalt>,
    healed: AtomicU64,
    healed_kept: Mutex<Vec<Healed>>,
    doubted: Mutex<Doubted>,
    /// Whether the state that is read is older than the newest: what has been freed since may have been
    /// overwritten.
    is_overwritten: OnceLock<()>,
    latency: Arc<Latency>,
}

impl Zio {
    /// Reads by this vdev tree.
    pub fn new(tree: Tree) -> Self {
        Self {
            tree,
            salt: OnceLock::new(),
            healed: AtomicU64::new(0),
            healed_kept: Mutex::default(),
            doubted: Mutex::default(),
            is_overwritten: OnceLock::new(),
            latency: Arc::default(),
        }
    }

    /// Reads the same pool by a tree that knows more.
    pub(crate) fn by_tree(&self, tree: Tree) -> Self {
        Self { latency: Arc::clone(&self.latency), ..Self::new(tree) }
    }

    /// Sets the salt of the salted checksums, which is known only once the MOS can be read. The
    /// MOS itself has none of them.
    pub(crate) fn set_salt(&self, salt: ChecksumSalt) {
        let _ = self.salt.set(salt);
    }

    /// Says that a newer state of the pool may have overwritten blocks of this one.
    pub(crate) fn set_overwritten(&self) {
        let _ = self.is_overwritten.set(());
    }

    /// The vdev tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// How many reads needed another copy or a reconstruction.
    pub fn healed_count(&self) -> u64 {
        self.healed.load(Ordering::Relaxed)
    }

    /// The first thousand reads that needed another copy or a reconstruction.
    pub fn healed(&self) -> Vec<Healed> {
        self.healed_kept.lock().map(|h| h.clone()).unwrap_or_default()
    }

    /// Blocks without checksum that came from devices which may not have them.
    pub fn doubted(&self) -> Doubted {
        self.doubted.lock().map(|d| d.clone()).unwrap_or_default()
    }

    /// The block's bytes as stored: PSIZE of them, verified.
    fn stored(&self, bp: &BlkPtr, at: &Bookmark, extent: Option<&Extent>) -> Result<Stored> {
        if let Some(extent) = extent {
            blkptr::check(bp, at)?;
            if let Some(stored) = self.find_in(bp, at, extent) {
                return Ok(stored);
            }
        }
        self.read_stored(bp, at)
    }

    /// The block from what was read already, if it passes there. If it does not, what is wrong with
    /// it, and which copies are not, is found where it is read alone.
    fn find_in(&self, bp: &BlkPtr, at: &Bookmark, extent: &Extent) -> Option<Stored> {
        let (dva, size) = (bp.dvas().next()?, usize::try_from(bp.psize()).ok()?);
        let (mut sum, mut attempts) = (None, Vec::new());
        let mut verify = |bytes: &[u8]| self.verify(bp, bytes, &mut sum);
        let mut request = Request {
            check: &mut verify,
            attempts: &mut attempts,
            doubts: &mut Vec::new(),
            want: Want::written_in(bp.physical_birth()).within(Trust::Fit),
        };
        let data = extent.find(&self.tree, dva, size, &mut request)?;
        self.note_overwritten(bp);
        self.note_healed(at, attempts);
        Some(Stored { data, sum })
    }

    /// The block's bytes as stored: PSIZE of them, verified.
    ///
    /// # Errors
    /// [`PoolError::Unreadable`] lists every copy; [`PoolError::Corrupt`] if the pointer makes no
    /// sense.
    pub fn read_stored(&self, bp: &BlkPtr, at: &Bookmark) -> Result<Stored> {
        self.latency.time(|| self.read_copies(bp, at))
    }

    /// What a read takes, as those of opening the pool tell: the time that three of four took at most.
    pub fn latency(&self) -> Duration {
        self.latency.typical()
    }

    fn read_copies(&self, bp: &BlkPtr, at: &Bookmark) -> Result<Stored> {
        let mut sum = None;
        let mut verify = |bytes: &[u8]| self.verify(bp, bytes, &mut sum);
        let data = self.read_checked(bp, at, &mut verify)?;
        Ok(Stored { data, sum })
    }

    /// The block's bytes as stored, as the first candidate that passes a check. Whose checksum lies in
    /// the block itself is read so.
    ///
    /// # Errors
    /// As [`Self::read_stored`].
    pub(crate) fn read_checked(
        &self,
        bp: &BlkPtr,
        at: &Bookmark,
        check: &mut Check<'_>,
    ) -> Result<Bytes> {
        blkptr::check(bp, at)?;
        let size = usize::try_from(bp.psize()).unwrap_or(usize::MAX);
        let piece = |bp: &BlkPtr, bytes: &[u8]| self.verify_piece(bp, bytes);
        let gang = super::gang::Gang { tree: &self.tree, piece: &piece };
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
            };
            data = if dva.is_gang() {
                super::gang::read(gang, bp, dva, size, &mut request)
            } else {
                self.tree.read(dva, size, &mut request)
            };
            if data.is_some() {
                break;
            }
        }
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
    fn note_healed(&self, at: &Bookmark, attempts: Vec<Attempt>) {
        // What was not asked for has not failed.
        if attempts.iter().all(|attempt| attempt.planned) {
            return;
        }
        self.healed.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut kept) = self.healed_kept.lock()
            && kept.len() < HEALED_KEPT
        {
            kept.push(Healed { at: *at, attempts });
        }
    }

    /// Compares a gang's piece with its own pointer, which has the parent's kind of checksum, or
    /// none that says anything.
    fn verify_piece(&self, bp: &BlkPtr, bytes: &[u8]) -> std::result::Result<(), String> {
        let kinds = Checksum::FLETCHER_2.0..=Checksum::BLAKE3.0;
        if !kinds.contains(&bp.checksum_type().0) || bp.checksum_type() == Checksum::ZILOG2 {
            return Ok(());
        }
        self.verify(bp, bytes, &mut None)
    }

    /// Compares a candidate's checksum with the pointer's.
    fn verify(
        &self,
        bp: &BlkPtr,
        bytes: &[u8],
        sum: &mut Option<Fletcher4>,
    ) -> std::result::Result<(), String> {
        let kind = bp.checksum_type();
        if !has_checksum(bp) {
            return Ok(());
        }
        let got = checksum::compute(kind, bytes, bp.is_big_endian(), self.salt.get())
            .map_err(|e| e.to_string())?;
        let want = bp.checksum();
        *sum = (kind == Checksum::FLETCHER_4 && !bp.is_big_endian())
            .then(|| Fletcher4::from_words(got));
        let folded = checksum::fold_for_mac(kind, got);
        let got = if bp.has_mac() { &folded[..] } else { &got[..] };
        for (i, (got, want)) in got.iter().zip(&want).enumerate() {
            if got != want {
                let name = kind.name();
                return Err(format!("{name} checksum word {i} is {got:#x}, expected {want:#x}"));
            }
        }
        Ok(())
    }

    /// The block's LSIZE bytes: verified, decrypted, decompressed, in little-endian order.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Corrupt`] if the bytes do not decompress, and what
    /// [`Self::read_decrypted`] gives.
    pub fn read(&self, bp: &BlkPtr, at: &Bookmark, access: Access<'_>) -> Result<Bytes> {
        let crypt = access.crypt;
        if bp.is_embedded() {
            crypt::check(bp, at, crypt)?;
            blkptr::check(bp, at)?;
            if bp.is_redacted() {
                return Err(PoolError::corrupt(*at, "block", "redacted", "data"));
            }
            let (payload, len) = bp.embedded_payload();
            let data = self.expand(bp, at, Bytes::copy_from_slice(&payload[..len]))?;
            return self.to_host_order(bp, at, data);
        }
        let stored = self.read_decrypted(bp, at, access)?;
        let data = self.expand(bp, at, stored.data)?;
        if bp.level() > 0 && crypt.is_some() {
            crypt::check_indirect(bp, at, &data)?;
        }
        self.to_host_order(bp, at, data)
    }

    /// The block's PSIZE bytes, verified and decrypted but still compressed.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Crypto`] if a MAC does not fit,
    /// [`PoolError::Corrupt`] for an unencrypted block in an encrypted dataset,
    /// [`PoolError::KeyNeeded`] if it cannot be read without the key.
    pub fn read_decrypted(&self, bp: &BlkPtr, at: &Bookmark, access: Access<'_>) -> Result<Stored> {
        crypt::check(bp, at, access.crypt)?;
        let stored = self.stored(bp, at, access.extent)?;
        match access.crypt {
            Some(crypt) if bp.level() == 0 => crypt.open(bp, at, stored),
            _ => Ok(stored),
        }
    }

    /// The block's PSIZE bytes as stored, of an encrypted dataset or not, for raw streams.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Corrupt`] for an unencrypted block in an encrypted
    /// dataset.
    pub fn read_raw(&self, bp: &BlkPtr, at: &Bookmark, access: Access<'_>) -> Result<Stored> {
        crypt::check(bp, at, access.crypt)?;
        self.stored(bp, at, access.extent)
    }

    /// Decompresses stored bytes.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if they do not give LSIZE bytes.
    fn expand(&self, bp: &BlkPtr, at: &Bookmark, stored: Bytes) -> Result<Bytes> {
        if bp.compress() == Compress::OFF {
            return Ok(stored);
        }
        let mut out = buffer::take(usize::try_from(bp.lsize()).unwrap_or(0));
        decompress(bp.compress(), &stored, &mut out).map_err(|e| {
            let place = bp.dvas().next().map_or(String::new(), |d: Dva| {
                format!(" (vdev {} offset {:#x})", d.vdev(), d.offset())
            });
            PoolError::corrupt(*at, "compressed block", format!("{e}{place}"), "a whole block")
        })?;
        Ok(buffer::freeze(out))
    }

    /// Turns a big-endian block to little-endian order, by its object's type.
    ///
    /// # Errors
    /// [`PoolError::Unsupported`] if the type is unknown.
    fn to_host_order(&self, bp: &BlkPtr, at: &Bookmark, data: Bytes) -> Result<Bytes> {
        if !bp.is_big_endian() {
            return Ok(data);
        }
        let mut data = buffer::copy_of(&data);
        if bp.level() > 0 {
            byteswap::u64s(&mut data);
        } else {
            let kind = bp.object_type().byteswap().ok_or_else(|| {
                PoolError::Unsupported(format!(
                    "{at}: byte order of object type {}",
                    bp.object_type()
                ))
            })?;
            byteswap::swap(kind, &mut data);
        }
        Ok(buffer::freeze(data))
    }
}

/// Whether a block's pointer has anything to compare its bytes with.
fn has_checksum(bp: &BlkPtr) -> bool {
    !matches!(bp.checksum_type(), Checksum::OFF | Checksum::NOPARITY)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::VdevConfig;
    use crate::device::Device;
    use crate::device::tests::Memory;
    use crate::uberblock::Reflow;
    use crate::vdev::{Dtls, Known, Leaves, Member};

    /// A pool of one device in memory, with these bytes at these offsets of its data.
    pub(crate) fn zio_of(parts: &[(u64, &[u8])], ashift: u64) -> Zio {
        let mut bytes = vec![0; 6 << 20];
        for (at, part) in parts {
            let at = usize::try_from(crate::label::DATA_START + at).unwrap();
            bytes[at..at + part.len()].copy_from_slice(part);
        }
        let device = Device::new("memory", Arc::new(Memory(bytes)));
        let leaves = Leaves::from([(9, vec![Member { device, txg: 1 }])]);
        let top = VdevConfig { kind: "file".into(), guid: 9, ashift, ..VdevConfig::default() };
        let (reflow, dtls) = (Reflow::default(), &Dtls::default());
        let known = Known { leaves: &leaves, reflow, dtls, txg: 1, exported: None };
        Zio::new(Tree::build(&[top], 1, known))
    }
}
