//! Bytes that may still be written to a dataset.
//!
//! Follows `dsl_get_available()`, OpenZFS `module/zfs/dsl_dataset.c`, and `dsl_dir_space_available()`,
//! `module/zfs/dsl_dir.c`, zfs-2.3.2.

use crate::item::Item;
use crate::native::Native;
use zsend_pool::Result;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;

impl Item<'_> {
    /// Returns the bytes that may still be written; `None` if the pool's own cannot be told.
    pub(crate) fn available(&self, dataset: &Dataset) -> Result<Option<u64>> {
        let Some(capacity) = self.pool.capacity()? else { return Ok(None) };
        let mut dirs = vec![self.dir.clone()];
        for above in self.dir.ancestors(self.pool.mos()) {
            dirs.push(above?);
        }
        let of_dirs = within(capacity, dirs.iter().rev());
        let (refquota, refreservation) = (self.number("refquota")?, self.number("refreservation")?);
        Ok(Some(of_head(of_dirs, refquota, refreservation, dataset)))
    }

    /// Returns a native property that is a number; zero if it has not got it.
    fn number(&self, name: &str) -> Result<u64> {
        let Some(native) = Native::by_name(name) else { return Ok(0) };
        Ok(self.native(native)?.and_then(|p| p.value.number()).unwrap_or_default())
    }
}

/// Bytes for the last of some directories, each the parent of the next, the first that of the pool.
fn within<'a>(capacity: u64, dirs: impl Iterator<Item = &'a Dir>) -> u64 {
    let mut above = None;
    for dir in dirs {
        let (used, reserved) = (dir.used_bytes, dir.reserved);
        let quota = match dir.quota {
            0 => u64::MAX,
            quota => quota,
        };
        let (quota, parent) = match above {
            // What is kept for it is there besides what its parent gives.
            Some(above) => (quota, u64::saturating_add(above, reserved.saturating_sub(used))),
            None => (quota.min(capacity), u64::MAX),
        };
        above = Some(quota.checked_sub(used).map_or(0, |left| left.min(parent)));
    }
    above.unwrap_or_default()
}

/// Bytes for a head of what its directory has.
fn of_head(dir: u64, refquota: u64, refreservation: u64, head: &Dataset) -> u64 {
    let kept = refreservation.saturating_sub(head.unique_bytes);
    let all = dir.saturating_add(kept);
    match refquota {
        0 => all,
        quota => all.min(quota.saturating_sub(head.referenced_bytes)),
    }
}
