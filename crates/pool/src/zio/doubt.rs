//! Blocks without checksum whose bytes came from devices that, by all that is recorded of them, may not
//! have them, or no longer.

use crate::error::{Attempt, Cause};
use crate::zbookmark::Zbookmark;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Count of what was read so, and what to do about it.
#[derive(Clone, Debug, Default)]
pub struct Doubted {
    /// Number of blocks, or reads of them, that came from devices which may have missed them.
    pub count: u64,
    /// Number of blocks of an older state of the pool that were read; they may have been overwritten since.
    pub overwritten: u64,
    /// The first of them in the order of their places, and why each device is doubted.
    pub first: Option<(Zbookmark, Vec<Attempt>)>,
    /// Number of them from each device.
    pub devices: BTreeMap<String, u64>,
    /// Devices that may have them and were not there.
    pub missing: BTreeSet<String>,
}

impl Doubted {
    /// Notes a block. `attempts` are those that failed before.
    pub(super) fn note(&mut self, at: &Zbookmark, doubts: Vec<Attempt>, attempts: &[Attempt]) {
        self.count += 1;
        for doubt in &doubts {
            *self.devices.entry(doubt.device.clone()).or_default() += 1;
        }
        let missing = attempts.iter().filter(|attempt| attempt.cause == Cause::Missing);
        self.missing.extend(missing.map(|attempt| attempt.device.clone()));
        // Blocks are read side by side, so the first in time is another one each time.
        let place = |b: &Zbookmark| (b.objset, b.object, b.blkid, b.level);
        if self.first.as_ref().is_none_or(|(first, _)| place(at) < place(first)) {
            self.first = Some((*at, doubts));
        }
    }
}

impl fmt::Display for Doubted {
    /// A warning; only for a count that is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks = |n: u64| if n == 1 { "block" } else { "blocks" };
        write!(
            f,
            "{} {} without checksum came from devices that may not have what was written there last, \
             so nothing tells whether they are right",
            self.count,
            blocks(self.count)
        )?;
        for (i, (device, count)) in self.devices.iter().enumerate() {
            write!(f, "{} {device} ({count} {})", if i == 0 { ":" } else { "," }, blocks(*count))?;
        }
        if let Some((at, doubts)) = &self.first {
            write!(f, "; the first is {at}")?;
            for (i, doubt) in doubts.iter().enumerate() {
                write!(f, "{} {doubt}", if i == 0 { "," } else { ";" })?;
            }
        }
        let missing: Vec<&str> = self.missing.iter().map(String::as_str).collect();
        match missing.is_empty() {
            true => f.write_str("; no other device of the pool holds them"),
            false => write!(f, "; to be sure, bring {}", missing.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Lack, Mismatch};

    fn attempt(device: &str, cause: impl Into<Cause>) -> Attempt {
        Attempt { device: device.to_owned(), offset: 0x400, cause: cause.into() }
    }

    #[test]
    fn the_warning_names_the_first_block_the_devices_and_what_to_bring() {
        let mut doubted = Doubted::default();
        let missed = || vec![attempt("d0", Lack::Missed { txg: 24 })];
        let absent = [attempt("d1", Cause::Missing), attempt("d2", Mismatch::Unwanted)];
        doubted.note(&Zbookmark::new(5, 9, 0, 3), missed(), &absent);
        doubted.note(&Zbookmark::new(5, 9, 0, 2), missed(), &[]);
        let text = doubted.to_string();
        for part in ["2 blocks", "d0 (2 blocks)", "<5,9,0,2>, d0@0x400: missed txg 24", "bring d1"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("d2"), "{text}");
    }
}
