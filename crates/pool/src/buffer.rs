//! Buffers of blocks, used again: a fresh one costs the kernel a page fault for every 4 KiB, more
//! than reading and checking its bytes costs.

use bytes::Bytes;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use zsend_metal::pages::{PAGE, Pages};

/// Bytes of a block, or of something smaller.
#[derive(Clone, Debug)]
pub(crate) enum Buffer {
    /// Fewer than [`SMALLEST`], or made of pieces.
    Heap(Vec<u8>),
    /// All others: the kernel copies into them fast, and they are used again.
    Pages(Pages),
}

impl Buffer {
    /// Leaves off what lies behind `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        match self {
            Self::Heap(bytes) => bytes.truncate(len),
            Self::Pages(pages) => pages.set_len(len.min(pages.as_slice().len())),
        }
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Heap(bytes)
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages.as_slice(),
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages.as_mut_slice(),
        }
    }
}

/// Smaller buffers are left to the allocator.
const SMALLEST: usize = PAGE;
/// Bytes that idle buffers may hold together.
const KEPT: usize = 24 << 20;
/// Classes of capacity: four to each power of two, so that a buffer of a class fits whatever is asked
/// of it and wastes a quarter at most, or less than a page.
const CLASSES: usize = 4 * usize::BITS as usize;
/// Classes above its own in which a buffer is looked for: up to twice what was asked for.
const LOOK_ABOVE: usize = 4;

/// Idle buffers by class.
#[derive(Debug)]
struct Idle {
    classes: [Vec<Pages>; CLASSES],
    bytes: usize,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle { classes: [const { Vec::new() }; CLASSES], bytes: 0 });

/// The class of buffers of exactly this capacity, or the one below what lies between two.
const fn class_of(capacity: usize) -> usize {
    let log = capacity.ilog2() as usize;
    4 * log + ((capacity >> (log - 2)) & 3)
}

/// The capacity of the smallest class that fits.
const fn round_up(len: usize) -> usize {
    let step = 1 << (len.ilog2() - 2);
    len.next_multiple_of(if step < PAGE { PAGE } else { step })
}

/// Byte that a debug build fills the next buffer with: never the same twice running, so that every test
/// that reads a block also tests that each of its bytes was written.
static STALE: AtomicU8 = AtomicU8::new(0xa5);

/// A buffer of `len` bytes whose contents are whatever they are: the caller fills all of it. The
/// caller bounds `len`.
pub(crate) fn take(len: usize) -> Buffer {
    let mut buffer = match len {
        0..SMALLEST => Buffer::Heap(vec![0; len]),
        _ => Buffer::Pages(take_idle(len)),
    };
    if cfg!(debug_assertions) {
        buffer.fill(STALE.fetch_add(1, Ordering::Relaxed));
    }
    buffer
}

fn take_idle(len: usize) -> Pages {
    let class = class_of(round_up(len));
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let above = (class + LOOK_ABOVE).min(CLASSES - 1);
    let found = idle.classes[class..=above].iter_mut().find_map(Vec::pop);
    if let Some(buffer) = &found {
        idle.bytes -= buffer.capacity();
    }
    drop(idle);
    let mut buffer = found.unwrap_or_else(|| Pages::zeroed(round_up(len)));
    buffer.set_len(len);
    buffer
}

/// A buffer of at least `len` bytes, as long as all of its class: nothing of it has to be cleared when
/// lengths differ from one use to the next.
pub(crate) fn take_at_least(len: usize) -> Buffer {
    take(if len < SMALLEST { len } else { round_up(len) })
}

/// A buffer that holds a copy of these bytes.
pub(crate) fn copy_of(bytes: &[u8]) -> Buffer {
    let mut buffer = take(bytes.len());
    buffer.copy_from_slice(bytes);
    buffer
}

/// Gives a buffer up for others to use.
pub(crate) fn give(buffer: Buffer) {
    let Buffer::Pages(buffer) = buffer else { return };
    let capacity = buffer.capacity();
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.bytes + capacity <= KEPT {
        idle.bytes += capacity;
        idle.classes[class_of(capacity)].push(buffer);
    }
}

/// A buffer that comes back when the last handle to its bytes is gone.
pub(crate) fn freeze(buffer: Buffer) -> Bytes {
    match buffer {
        Buffer::Heap(bytes) => bytes.into(),
        Buffer::Pages(_) => Bytes::from_owner(Owner(buffer)),
    }
}

struct Owner(Buffer);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_a_class_fits_all_that_is_asked_of_the_class() {
        for len in (SMALLEST..300_000).step_by(77).chain([1 << 20, (1 << 20) + 1, 17 << 20]) {
            let capacity = round_up(len);
            assert!(capacity >= len && capacity - len <= (len / 4).max(PAGE - 1), "{len}");
            assert_eq!(round_up(capacity), capacity, "{len}");
            assert!(class_of(capacity) < CLASSES - LOOK_ABOVE);
            // What lies just below a class's capacity is of the class before.
            assert!(class_of(capacity - 1) < class_of(capacity));
        }
    }

    #[test]
    fn a_buffer_has_the_length_that_was_asked_for() {
        for len in [0, 1, SMALLEST, SMALLEST + 1, 1 << 20, SMALLEST] {
            let mut buffer = take(len);
            assert_eq!(buffer.len(), len);
            buffer.fill(0xa5);
            let bytes = freeze(buffer);
            assert!(bytes.iter().all(|&b| b == 0xa5) && bytes.len() == len);
        }
    }
}
