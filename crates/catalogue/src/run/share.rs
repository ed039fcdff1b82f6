//! Threads and bytes of all streams together, and the share that each has.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that a stream may read ahead at least: a batch of the largest blocks is sent alone in any case.
const LEAST_BYTES: u64 = 1 << 20;

#[derive(Debug)]
struct Account {
    threads: usize,
    bytes: u64,
    units: usize,
}

/// Things that streams which are made at once have together.
#[derive(Debug)]
pub(super) struct Shares {
    threads: usize,
    bytes: u64,
    free: Mutex<Account>,
}

/// A part of it, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share<'s> {
    of: &'s Shares,
    pub(super) threads: usize,
    pub(super) bytes: u64,
}

impl Shares {
    pub(super) const fn new(threads: usize, bytes: u64) -> Self {
        Self { threads, bytes, free: Mutex::new(Account { threads, bytes, units: 1 }) }
    }

    fn free(&self) -> MutexGuard<'_, Account> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how many units are under way.
    pub(super) fn set_units(&self, units: usize) {
        self.free().units = units.max(1);
    }

    /// The share of a stream that begins: what each unit that is under way would have, but no more than is
    /// free, and never less than one thread and [`LEAST_BYTES`].
    pub(super) fn take(&self) -> Share<'_> {
        let mut free = self.free();
        let units = free.units;
        let threads = self.threads.div_ceil(units).min(free.threads).max(1);
        let bytes = (self.bytes / units as u64).min(free.bytes).max(LEAST_BYTES);
        // Where more is taken than is free, as much more is given back.
        free.threads = free.threads.saturating_sub(threads);
        free.bytes = free.bytes.saturating_sub(bytes);
        Share { of: self, threads, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut free = self.of.free();
        free.threads = (free.threads + self.threads).min(self.of.threads);
        free.bytes = free.bytes.saturating_add(self.bytes).min(self.of.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_no_more_than_there_is() {
        let shares = Shares::new(4, 64 << 20);
        let alone = shares.take();
        assert_eq!((alone.threads, alone.bytes), (4, 64 << 20));
        // A second unit begins while the first has all.
        shares.set_units(2);
        let late = shares.take();
        assert_eq!((late.threads, late.bytes), (1, LEAST_BYTES));
        drop((alone, late));
        let [one, two] = [shares.take(), shares.take()];
        assert_eq!((one.threads, two.threads, one.bytes + two.bytes), (2, 2, 64 << 20));
        drop((one, two));
        shares.set_units(0);
        assert_eq!(shares.take().threads, 4);
    }
}
