//! Latency of the devices, as the first reads tell: those that open the pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Reads that are timed.
const TIMED: usize = 64;

/// The times of the first reads.
#[derive(Debug, Default)]
pub(super) struct Latency {
    took: Mutex<Vec<Duration>>,
    /// Enough were timed.
    is_known: AtomicBool,
}

impl Latency {
    /// Reads, and notes how long it took, if it is one of the first.
    pub(super) fn time<T>(&self, read: impl FnOnce() -> T) -> T {
        if self.is_known.load(Ordering::Relaxed) {
            return read();
        }
        let begun = Instant::now();
        let result = read();
        self.note(begun.elapsed());
        result
    }

    fn note(&self, took: Duration) {
        let mut all = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < TIMED {
            all.push(took);
        } else {
            self.is_known.store(true, Ordering::Relaxed);
        }
    }

    /// Time that three of four reads took at most.
    ///
    /// A few reads take long on any device, where the machine is busy with something else; and on a slow
    /// device many take no time, since their blocks are in the page cache from the last run.
    pub(super) fn typical(&self) -> Duration {
        let mut all = self.took.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let index = all.len() * 3 / 4;
        if all.is_empty() { Duration::ZERO } else { *all.select_nth_unstable(index).1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typical(millis: impl IntoIterator<Item = u64>) -> Duration {
        let latency = Latency::default();
        millis.into_iter().for_each(|ms| latency.note(Duration::from_millis(ms)));
        latency.typical()
    }

    #[test]
    fn few_slow_reads_are_not_a_slow_device_and_many_are() {
        assert_eq!(typical([]), Duration::ZERO);
        assert_eq!(typical([7]), Duration::from_millis(7));
        assert_eq!(typical((0..20).map(|i| if i < 4 { 100 } else { 0 })), Duration::ZERO);
        assert_eq!(typical((0..20).map(|i| 8 * (i % 2))), Duration::from_millis(8));
        // What comes after the first reads has no say.
        assert_eq!(typical((0..1000).map(|i| i / 64)), Duration::ZERO);
    }
}
