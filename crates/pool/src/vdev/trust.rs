//! Trust in devices: a device has what was written in a txg, or lacks it, by its DTL and whatever else is
//! recorded of it.
//!
//! A block with a checksum tells by itself which side of a mirror holds it. One without does not, and
//! then these records are all that there is to go by.

use crate::config::{VdevConfig, VdevType};
use crate::error::{Doubt, Lack};
use crate::space_map::Segments;
use std::collections::HashMap;
use std::sync::Arc;

/// Trust in a device to hold a block, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// It was in use when the block was written, and did not miss it.
    Fit,
    /// It was out of use, or older than its fellows, and nothing says that it missed the block.
    Doubtful,
    /// It is recorded as not having the block.
    Lacking,
}

impl Trust {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::Fit, Self::Doubtful, Self::Lacking];
}

/// The block that is wanted, as far as it decides what to read it from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Txg in which its bytes were written where they lie: the physical birth, or later for what the
    /// removal of a device has copied. It decides the width of an expanded raidz, too.
    pub txg: u64,
    /// The bytes were copied in a txg that is not known.
    pub is_copied: bool,
    /// The least trust that is good enough.
    pub limit: Trust,
}

impl Want {
    /// A block that was written in a txg, from anything that may have it: its checksum tells.
    pub const fn written_in(txg: u64) -> Self {
        Self { txg, is_copied: false, limit: Trust::Lacking }
    }

    /// The same from nothing that is trusted less.
    #[must_use]
    pub const fn within(self, limit: Trust) -> Self {
        Self { limit, ..self }
    }
}

/// Record of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceRecord {
    /// Txgs whose writes it missed: its DTL.
    missed: Arc<Segments>,
    /// Txg of the newest state that it has, if its fellows have a newer one.
    newest: Option<u64>,
    /// Reason why it may have missed others, if it may.
    doubt: Option<Doubt>,
    /// True if it is a distributed spare that a rebuild is filling: what it lacks goes by offset, and
    /// is not recorded.
    is_rebuilding: bool,
}

impl DeviceRecord {
    /// Record by the configuration, the DTL and the device's own newest state. `newest` is given where
    /// the device's fellows have a newer one.
    ///
    /// A resilver or a rebuild that was begun when the device was attached leaves its DTL as it is
    /// until it is done. Without a DTL nothing tells how far it came.
    ///
    /// Source: `vdev_mirror_child_select()`, `vdev_draid_missing()`, `vdev_dtl_should_excise()` and
    /// `vdev_alloc()`, OpenZFS `module/zfs`, zfs-2.3.2.
    pub(super) fn new(
        config: &VdevConfig,
        dtl: Option<&Dtl>,
        newest: Option<u64>,
        is_behind: bool,
        has_twin: bool,
    ) -> Self {
        let missed = match dtl {
            Some(Dtl::Read(segments)) => Arc::clone(segments),
            Some(Dtl::Unreadable) | None => Arc::default(),
        };
        let is_filling = config.resilver_txg != 0 || config.rebuild_txg != 0;
        let doubt = if is_behind {
            Some(Doubt::OutOfUse)
        } else if matches!(dtl, Some(Dtl::Unreadable)) {
            Some(Doubt::UnreadableDtl)
        } else if newest.is_some() {
            Some(Doubt::Older)
        } else if is_filling && missed.is_empty() {
            Some(Doubt::Resilvering)
        } else if has_twin {
            Some(Doubt::Twin)
        } else {
            None
        };
        let is_rebuilding = config.kind == VdevType::DraidSpare && config.rebuild_txg != 0;
        Self { missed, newest, doubt, is_rebuilding }
    }

    /// Trust in it for a block.
    pub(super) fn trust(&self, want: Want) -> Trust {
        if self.is_rebuilding
            || self.newest.is_some_and(|newest| want.txg > newest)
            || self.missed.contains(want.txg)
        {
            Trust::Lacking
        } else if self.doubt.is_some() || (want.is_copied && !self.missed.is_empty()) {
            Trust::Doubtful
        } else {
            Trust::Fit
        }
    }

    /// Reason why it is not trusted with a block.
    pub(super) fn why(&self, want: Want) -> Lack {
        let Want { txg, .. } = want;
        if self.is_rebuilding {
            Lack::Rebuilding
        } else if self.missed.contains(txg) {
            Lack::Missed { txg }
        } else if let Some(newest) = self.newest.filter(|&newest| txg > newest) {
            Lack::Older { newest, txg }
        } else {
            Lack::Doubtful { txg, doubt: self.doubt.unwrap_or(Doubt::MissedSome) }
        }
    }

    /// Returns true if it is known to lack something, or may: not because there is another of it.
    pub(super) fn is_behind(&self) -> bool {
        !self.is_whole() && self.doubt != Some(Doubt::Twin)
    }

    /// Returns true if it has every block.
    pub(super) fn is_whole(&self) -> bool {
        self.is_mostly_whole() && self.missed.is_empty()
    }

    /// Returns true if it has every block but those of certain txgs.
    pub(super) const fn is_mostly_whole(&self) -> bool {
        self.doubt.is_none() && self.newest.is_none() && !self.is_rebuilding
    }
}

/// The DTL of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtl {
    /// The txgs whose writes it missed.
    Read(Arc<Segments>),
    /// There is one, and it cannot be read.
    Unreadable,
}

/// The DTLs of a pool's devices, by guid. Most have none.
#[derive(Clone, Debug, Default)]
pub struct Dtls(HashMap<u64, Dtl>);

impl Dtls {
    /// Notes the DTL of a device.
    pub fn insert(&mut self, guid: u64, dtl: Dtl) {
        if dtl != Dtl::Read(Arc::default()) {
            self.0.insert(guid, dtl);
        }
    }

    pub(super) fn get(&self, guid: u64) -> Option<&Dtl> {
        self.0.get(&guid)
    }

    /// Returns true if no device missed anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space_map::{Log, Scale};
    use zsend_ondisk::space_map::{NO_VDEV, SpaceMapEntry};

    fn missed(txgs: std::ops::Range<u64>) -> Dtl {
        let mut log = Log::new(Scale::DTL);
        let (offset, run) = (txgs.start, txgs.end - txgs.start);
        let entry = SpaceMapEntry::Run { is_free: false, offset, run, vdev: NO_VDEV };
        log.push(&entry.encode().unwrap().0.to_le_bytes()).unwrap();
        Dtl::Read(Arc::new(log.segments()))
    }

    fn trust(record: &DeviceRecord, txg: u64) -> Trust {
        record.trust(Want::written_in(txg))
    }

    #[test]
    fn a_dtl_says_which_txgs_are_lacking() {
        let config = VdevConfig { resilver_txg: 20, ..VdevConfig::default() };
        let record = DeviceRecord::new(&config, Some(&missed(4..20)), None, false, false);
        let trusts = [3, 4, 19, 20].map(|txg| trust(&record, txg));
        assert_eq!(trusts, [Trust::Fit, Trust::Lacking, Trust::Lacking, Trust::Fit]);
        // What was copied at an unknown time may be among them.
        let want = Want { is_copied: true, ..Want::written_in(3) };
        assert_eq!(record.trust(want), Trust::Doubtful);
        assert!(record.is_mostly_whole() && !record.is_whole());
        assert_eq!(record.why(Want::written_in(4)), Lack::Missed { txg: 4 });
    }

    #[test]
    fn what_is_out_of_use_older_or_half_filled_is_doubtful() {
        let sound = VdevConfig::default();
        let filling = VdevConfig { rebuild_txg: 7, ..VdevConfig::default() };
        let spare = VdevConfig { kind: VdevType::DraidSpare, ..filling.clone() };
        let of = |config: &VdevConfig, dtl: Option<&Dtl>, newest, is_behind| {
            let record = DeviceRecord::new(config, dtl, newest, is_behind, false);
            [5, 9].map(|txg| trust(&record, txg))
        };
        assert_eq!(of(&sound, None, None, false), [Trust::Fit; 2]);
        assert_eq!(of(&sound, None, None, true), [Trust::Doubtful; 2]);
        assert_eq!(of(&sound, Some(&Dtl::Unreadable), None, false), [Trust::Doubtful; 2]);
        assert_eq!(of(&sound, None, Some(7), false), [Trust::Doubtful, Trust::Lacking]);
        assert_eq!(of(&filling, None, None, false), [Trust::Doubtful; 2]);
        assert_eq!(of(&filling, Some(&missed(4..8)), None, false), [Trust::Lacking, Trust::Fit]);
        assert_eq!(of(&spare, Some(&missed(4..8)), None, false), [Trust::Lacking; 2]);
        assert_eq!(of(&sound, Some(&missed(9..10)), None, true), [Trust::Doubtful, Trust::Lacking]);
    }
}
