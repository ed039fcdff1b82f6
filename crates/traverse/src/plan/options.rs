//! Options of a send.

use super::progress::ResumePosition;
use super::tunables::Tunables;
use crate::tuning::{MAX_THREADS, MICROS_A_THREAD, QUEUE_A_THREAD};
use std::time::Duration;
use zsend_encoder::dialect::Dialect;

/// Options of a send, besides the names.
///
/// ```
/// use zsend_traverse::{ResumePosition, SendOptions};
///
/// let options = SendOptions::default().with_compress(true).with_large_block(true).with_threads(4);
/// assert!(options.compress && options.large_block && !options.raw);
/// let resumed = options.with_resume(ResumePosition::new(7, 128 << 10));
/// assert_eq!(resumed.resume.map(|position| position.object()), Some(7));
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SendOptions {
    /// The sender whose stream it is.
    pub dialect: Dialect,
    /// `zfs send -e`: WRITE_EMBEDDED records.
    pub embed: bool,
    /// `zfs send -L`: blocks over 128 KiB.
    pub large_block: bool,
    /// `zfs send -c`: compressed blocks as stored.
    pub compress: bool,
    /// `zfs send -w`: encrypted blocks as stored; includes the three above.
    pub raw: bool,
    /// The place to go on from; `None` for the start of the stream.
    pub resume: Option<ResumePosition>,
    /// Bytes that a receiver already has (resumed streams): estimates leave them out.
    pub received: u64,
    /// Tunables.
    pub tunables: Tunables,
    /// Worker threads; zero for as many as the machine has, and more where reads take long.
    pub threads: usize,
    /// The time of a read; `None` for the time that the reads took by which the pool was opened.
    pub latency: Option<Duration>,
}

impl SendOptions {
    /// With the stream of this sender.
    #[must_use]
    pub const fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// With WRITE_EMBEDDED records, or without.
    #[must_use]
    pub const fn with_embed(self, embed: bool) -> Self {
        Self { embed, ..self }
    }

    /// With blocks over 128 KiB, or without.
    #[must_use]
    pub const fn with_large_block(self, large_block: bool) -> Self {
        Self { large_block, ..self }
    }

    /// With compressed blocks as stored, or decompressed.
    #[must_use]
    pub const fn with_compress(self, compress: bool) -> Self {
        Self { compress, ..self }
    }

    /// With encrypted blocks as stored, or decrypted.
    #[must_use]
    pub const fn with_raw(self, raw: bool) -> Self {
        Self { raw, ..self }
    }

    /// From this position on, or from the start.
    #[must_use]
    pub const fn with_resume(self, resume: Option<ResumePosition>) -> Self {
        Self { resume, ..self }
    }

    /// For a receiver that has this many bytes.
    #[must_use]
    pub const fn with_received(self, received: u64) -> Self {
        Self { received, ..self }
    }

    /// With these tunables.
    #[must_use]
    pub const fn with_tunables(self, tunables: Tunables) -> Self {
        Self { tunables, ..self }
    }

    /// With this many worker threads, or as many as are worth it (zero).
    #[must_use]
    pub const fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// For devices of which a read takes this long, or as long as it was measured to take.
    #[must_use]
    pub const fn with_latency(self, latency: Option<Duration>) -> Self {
        Self { latency, ..self }
    }

    /// Bytes that this many workers may read ahead of the writer: as many as they need, and no more
    /// than `zfs_send_queue_length`.
    pub(super) fn queue_length(&self, threads: usize) -> u64 {
        let needed = QUEUE_A_THREAD.saturating_mul(threads as u64);
        self.tunables.queue_length.min(needed)
    }

    /// The number of worker threads for devices that take `latency` to read: what was asked for, or
    /// as many as the machine has, and more where they would wait for the devices.
    pub fn thread_count(&self, latency: Duration) -> usize {
        if self.threads > 0 {
            return self.threads;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // A number that is no number of threads is above the bound.
        let waiting = usize::try_from(latency.as_micros() / MICROS_A_THREAD).unwrap_or(MAX_THREADS);
        cores.max(cores.saturating_add(waiting).min(MAX_THREADS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_devices_get_more_threads_up_to_a_bound() {
        let options = SendOptions::default();
        let cores = options.thread_count(Duration::ZERO);
        assert!(cores >= 1);
        assert_eq!(
            options.thread_count(Duration::from_micros(400)),
            cores.max((cores + 10).min(64))
        );
        assert_eq!(options.thread_count(Duration::MAX), cores.max(64));
        assert_eq!(options.with_threads(3).thread_count(Duration::MAX), 3);
    }

    #[test]
    fn the_queue_is_as_long_as_the_threads_need_and_no_longer_than_the_tunable() {
        let options = SendOptions::default();
        assert_eq!(options.queue_length(2), 32 << 20);
        assert_eq!(options.queue_length(64), 64 << 20);
    }
}
