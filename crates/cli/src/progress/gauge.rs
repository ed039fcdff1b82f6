//! Counters of a send that is under way, which any thread may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use zsend_traverse::Progress;

/// A write that takes longer waits for whoever reads.
const SLOW: Duration = Duration::from_secs(1);

/// A stream of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Full name of the snapshot.
    pub(crate) name: String,
    /// Its place, from one on.
    pub(crate) place: usize,
    /// Number of streams.
    pub(crate) count: usize,
}

/// Progress of a send, and the write that is under way, if one is.
#[derive(Debug)]
pub(crate) struct Gauge {
    begun: Instant,
    bytes: AtomicU64,
    records: AtomicU64,
    /// Bytes and records of the streams of a package that are done.
    done: [AtomicU64; 2],
    /// The stream of a package that is under way, if it is one.
    stream: Mutex<Option<Stream>>,
    /// Milliseconds from the start to that of the write under way, and one; zero if there is none.
    writing: AtomicU64,
}

impl Default for Gauge {
    fn default() -> Self {
        Self::new()
    }
}

impl Gauge {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            begun: Instant::now(),
            bytes: zero(),
            records: zero(),
            done: [zero(), zero()],
            stream: Mutex::default(),
            writing: zero(),
        }
    }

    /// A stream of a package begins.
    pub(crate) fn enter(&self, name: &str, index: usize, count: usize) {
        self.done[0].store(self.bytes(), Ordering::Relaxed);
        self.done[1].store(self.records(), Ordering::Relaxed);
        let stream = Stream { name: name.to_owned(), place: index + 1, count };
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
    }

    /// The stream of a package that is under way.
    pub(crate) fn stream(&self) -> Option<Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes of the stream that is under way.
    pub(crate) fn stream_bytes(&self) -> u64 {
        self.bytes().saturating_sub(self.done[0].load(Ordering::Relaxed))
    }

    /// Records of the stream that is under way.
    pub(crate) fn stream_records(&self) -> u64 {
        self.records().saturating_sub(self.done[1].load(Ordering::Relaxed))
    }

    /// Takes what was sent so far.
    pub(crate) fn set(&self, progress: &Progress) {
        let [bytes, records] = self.done.each_ref().map(|done| done.load(Ordering::Relaxed));
        self.bytes.store(bytes.saturating_add(progress.bytes), Ordering::Relaxed);
        self.records.store(records.saturating_add(progress.records), Ordering::Relaxed);
    }

    /// Takes the totals of a whole stream, or of a package.
    pub(crate) fn finish(&self, bytes: u64, records: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.records.store(records, Ordering::Relaxed);
    }

    /// Bytes of stream so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Records so far.
    pub(crate) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Notes that a write is under way until the returned value is dropped.
    pub(crate) fn writing(&self) -> Writing<'_> {
        self.writing.store(self.millis() + 1, Ordering::Relaxed);
        Writing(self)
    }

    /// Returns true if a write has been under way for long: its reader takes nothing.
    pub(crate) fn waits_for_reader(&self) -> bool {
        self.waited(self.millis()).is_some_and(|waited| waited >= SLOW.as_millis())
    }

    /// Milliseconds that the write under way has taken at some time; `None` if there is none.
    fn waited(&self, now: u64) -> Option<u128> {
        let since = self.writing.load(Ordering::Relaxed).checked_sub(1)?;
        Some(now.saturating_sub(since).into())
    }
}

/// A write that is under way.
pub(crate) struct Writing<'a>(&'a Gauge);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_takes_long_waits_for_the_reader() {
        let gauge = Gauge::new();
        assert_eq!(gauge.waited(5000), None);
        let writing = gauge.writing();
        let since = gauge.writing.load(Ordering::Relaxed) - 1;
        assert_eq!(gauge.waited(since + 999), Some(999));
        gauge.writing.store(1, Ordering::Relaxed);
        // It began with the program, which is younger than that.
        assert_eq!(gauge.waits_for_reader(), gauge.millis() >= 1000);
        drop(writing);
        assert_eq!(gauge.waited(u64::MAX), None);
    }
}
