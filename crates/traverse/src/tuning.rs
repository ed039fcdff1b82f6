//! Every constant that trades speed against memory, with the measurement or the reason that set it.
//!
//! Measurements are of the machine in `docs/benchmarks.md`, two cores, unless they say otherwise.
//! None of these changes a byte of a stream.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Metadata blocks that are prefetched at each level where the walk stands, for each thread. With a
/// fixed 32, two threads read blocks that had left their caches when their turn came: `--exact` of
/// the 8K volume took 10.9 ms, and takes 10.1 ms with this.
pub(crate) const PREFETCH_A_THREAD: usize = 4;
/// Bounds of the same. The least keeps a single thread's walk from waiting; the most is 4 MiB of
/// indirect blocks at each level, whatever the number of threads.
pub(crate) const PREFETCH: RangeInclusive<usize> = 8..=32;
/// Most bytes of a metadata block that is prefetched: an indirect block has at most 128 KiB
/// (`DN_MAX_INDBLKSHIFT`), a block of dnodes 16 KiB. A pointer that says more is damaged, and many
/// such would fill the memory.
pub(crate) const LARGEST_METADATA: u64 = 128 << 10;

/// Cost of a batch. It is large enough that 2 GiB are some two thousand batches, each of which takes
/// two locks, and small enough that a batch is still in a core's second cache (2 MiB) when it is
/// written.
pub(crate) const BATCH_COST: u64 = 1 << 20;
/// Cost of the first batch. Each batch may cost twice what the one before it did, up to
/// [`BATCH_COST`], so that the first byte leaves after 32 KiB and not after 1 MiB were read.
pub(crate) const FIRST_BATCH_COST: u64 = 32 << 10;
/// Cost of an item besides its payload: an event has at most 400 bytes, and lists have room to grow.
/// It is also all that an item costs where data are only counted.
pub(crate) const ITEM_COST: u64 = 1 << 10;

/// Most bytes that are read together: a quarter of a core's second cache, so that they are still there
/// when their turn comes. Reads of 200,000 objects of 2 KiB fell from 206,000 to some 30,000.
pub(crate) const COALESCED: u64 = 256 << 10;
/// Most bytes that are read together on slow devices. The 8K volume at 5 ms a read took 0.25 s with
/// 512 KiB and takes 0.23 s with this; 1 MiB leaves too few reads under way, since a batch has no more.
pub(crate) const COALESCED_SLOW: u64 = 768 << 10;
/// The time of a read from which on a device is slow. A disk takes several times as long; a page cache
/// or a flash device takes at most a tenth.
pub(crate) const SLOW_READ: Duration = Duration::from_millis(1);
/// Most bytes between two blocks that are read together. Out of the page cache 16 KiB take 4.7 us and a
/// call of its own takes 1.1 us, but from a device any read of its own takes longer: 20 us and more.
pub(crate) const COALESCE_GAP: u64 = 16 << 10;
/// Most bytes that are read for each byte that is wanted, since the byte budget counts the wanted
/// ones alone. With it 52 to 69 MiB in all were measured on slow devices: `docs/scale.md`.
pub(crate) const SPARSEST: u64 = 4;

/// Bytes of the budget that are free before a waiting walk is woken, if that is less than half of it.
/// Waking it for each batch doubled the time of a send into a pipe; an eighth of the budget gave
/// 1.32 s where a half gives 0.86 s (2 GiB). With the many threads that slow devices need, half of
/// the budget would leave half of them idle.
pub(crate) const RESTED: u64 = 16 << 20;
/// Bytes that each thread may have read ahead of the writer. With 64 MiB in all, 2 GiB into a pipe took
/// 0.82 s and 74 MiB of memory, since payloads left the caches before they were written; with this it
/// took 0.75 s and 41 MiB.
pub(crate) const QUEUE_A_THREAD: u64 = 16 << 20;

/// Most threads that are started for slow devices, each of which has one read under way: 64 is the
/// bound that the bench's slow rows compare with, and what disks and object stores take gladly.
pub(crate) const MAX_THREADS: usize = 64;
/// Time in which a thread verifies and decompresses a block of 128 KiB, microseconds: 3 to 4 GB/s a core.
/// Another thread for each such time that a read takes keeps the cores busy.
pub(crate) const MICROS_A_THREAD: u128 = 40;
