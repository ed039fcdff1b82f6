//! Estimates of a stream's size before it is made: by arithmetic on properties, as the references
//! estimate.

use super::SendPlan;
use super::source::SourceKind;
use crate::error::Result;
use crate::walk::Blocks;
use std::sync::Arc;
use zsend_pool::CancelToken;
use zsend_pool::blkptr::{BLKPTR_SIZE, BlkPtr};
use zsend_pool::dsl::deadlist::{OldSpace, space_written};
use zsend_pool::dsl::prop;
use zsend_records::drr::RECORD_SIZE;
use zsend_records::flags::Features;
use zsend_records::types::ObjsetType;

/// Default of the `recordsize` property.
const DEFAULT_RECORDSIZE: u64 = 128 << 10;
/// Default of `volblocksize`, of illumos and of OpenZFS since 2.2. What a volume has is no property in
/// the MOS, so that both senders count with their default whatever it is.
const ILLUMOS_VOLBLOCKSIZE: u64 = 8 << 10;
const OPENZFS_VOLBLOCKSIZE: u64 = 16 << 10;
/// BEGIN and END, which an estimate from a snapshot adds.
const BEGIN_AND_END: u64 = 2 * RECORD_SIZE as u64;

impl SendPlan<'_> {
    /// The stream's size as `zfs send -n` of the dialect estimates it.
    ///
    /// Follows `dmu_send_estimate()`, `dmu_send_estimate_from_txg()` (illumos `dmu_send.c`) and
    /// `dmu_send_estimate_fast()` (OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2), and from a bookmark that
    /// does not tell enough or has a redaction list `zfs_ioc_send_space()` (`zfs_ioctl.c`), which counts
    /// a whole dry run.
    ///
    /// # Errors
    /// [`SendError::CannotSend`](crate::SendError::CannotSend) for the head of a receive that has not ended;
    /// those of reading the datasets and deadlists.
    pub fn estimate(&self, cancel: &CancelToken) -> Result<u64> {
        self.check_whole()?;
        let Some(whole) = self.estimate_whole(cancel)? else {
            // Counted from where the stream goes on.
            return Ok(self.exact_size(cancel)?.bytes());
        };
        Ok(whole.wrapping_sub(self.options().received))
    }

    /// The estimate of the stream from its start; `None` where the reference counts its records.
    fn estimate_whole(&self, cancel: &CancelToken) -> Result<Option<u64>> {
        if self.redaction.is_withholding() {
            return Ok(None);
        }
        let mos = self.pool().mos();
        let dataset = self.dataset();
        let (compressed, uncompressed, extra) = match self.incremental_source().map(|s| &s.kind) {
            None => (dataset.compressed_bytes, dataset.uncompressed_bytes, BEGIN_AND_END),
            Some(SourceKind::Snapshot(from)) => {
                let [_, comp, uncomp] = space_written(mos, &OldSpace::from(&**from), dataset)?;
                (comp, uncomp, BEGIN_AND_END)
            }
            Some(SourceKind::Bookmark(b)) if self.options().dialect.is_illumos() => {
                let (comp, uncomp) = self.traversed(b.creation_txg, cancel)?;
                (comp, uncomp, 0)
            }
            Some(SourceKind::Bookmark(b))
                if b.has_freed_before_next() && !self.redaction.has_list() =>
            {
                let old = OldSpace {
                    referenced: b.referenced,
                    creation_txg: b.creation_txg,
                    freed_before_next: Some(b.freed_before_next),
                };
                let [_, comp, uncomp] = space_written(mos, &old, dataset)?;
                (comp, uncomp, BEGIN_AND_END)
            }
            Some(SourceKind::Bookmark(_)) => return Ok(None),
        };
        Ok(Some(self.adjust(compressed, uncompressed)?.wrapping_add(extra)))
    }

    /// `dmu_adjust_send_estimate_for_indirects()`: all blocks count as full, each has a block
    /// pointer that is not sent and a record header that is. The arithmetic wraps as the
    /// reference's does.
    fn adjust(&self, compressed: u64, uncompressed: u64) -> Result<u64> {
        let recordsize = match self.options().tunables.override_estimate_recordsize {
            0 => self.recordsize()?,
            set => set,
        };
        let records = uncompressed / recordsize.max(1);
        let as_stored = self.features().intersects(Features::COMPRESSED | Features::RAW);
        let size = if as_stored { compressed } else { uncompressed };
        Ok(size
            .wrapping_sub(records.wrapping_mul(BLKPTR_SIZE as u64))
            .wrapping_add(records.wrapping_mul(RECORD_SIZE as u64)))
    }

    fn recordsize(&self) -> Result<u64> {
        let is_illumos = self.options().dialect.is_illumos();
        let (name, default) = match (self.objset().kind() == ObjsetType::ZVOL, is_illumos) {
            (true, true) => ("volblocksize", ILLUMOS_VOLBLOCKSIZE),
            (true, false) => ("volblocksize", OPENZFS_VOLBLOCKSIZE),
            (false, _) => ("recordsize", DEFAULT_RECORDSIZE),
        };
        let set = prop::inherited_u64(self.pool().mos(), self.dataset(), name)?;
        Ok(set.unwrap_or(default))
    }

    /// Compressed and uncompressed bytes of every block born after `fromtxg`.
    fn traversed(&self, fromtxg: u64, cancel: &CancelToken) -> Result<(u64, u64)> {
        let mut sizes = Sizes::default();
        sizes.add(self.objset().root());
        let threads = self.options().thread_count(self.latency());
        let objset = Arc::new(self.objset().with_cancel(cancel.clone()));
        let blocks = Blocks::new(objset, fromtxg, threads, cancel)?;
        for block in blocks.with_accounting() {
            sizes.add(&block?.1);
        }
        Ok((sizes.compressed, sizes.uncompressed))
    }
}

#[derive(Default)]
struct Sizes {
    compressed: u64,
    uncompressed: u64,
}

impl Sizes {
    fn add(&mut self, bp: &BlkPtr) {
        if bp.is_hole() {
            return;
        }
        let metadata = bp.level() > 0 || bp.object_type().is_metadata();
        self.compressed += bp.psize();
        self.uncompressed += if metadata { bp.psize() } else { bp.lsize() };
    }
}
