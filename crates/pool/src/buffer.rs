//! Buffers of blocks, used again: a fresh one costs the kernel a page fault for every 4 KiB, more
//! than reading and checking its bytes costs.

use bytes::Bytes;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

/// Smaller buffers are left to the allocator.
const SMALLEST: usize = 4 << 10;
/// Bytes that idle buffers may hold together.
const KEPT: usize = 24 << 20;
/// Classes of capacity, by power of two.
const CLASSES: usize = usize::BITS as usize;

/// Idle buffers; class `n` holds those of at least 2^n bytes, and less than twice that.
#[derive(Debug)]
struct Idle {
    classes: [Vec<Vec<u8>>; CLASSES],
    bytes: usize,
}

static IDLE: Mutex<Idle> = Mutex::new(Idle { classes: [const { Vec::new() }; CLASSES], bytes: 0 });

/// What a debug build fills the next buffer with: never the same twice running, so that every test
/// that reads a block also tests that each of its bytes was written.
static STALE: AtomicU8 = AtomicU8::new(0xa5);

/// A buffer of `len` bytes whose contents are whatever they are: the caller fills all of it. The
/// caller bounds `len`.
pub(crate) fn take(len: usize) -> Vec<u8> {
    let mut buffer = if len < SMALLEST { vec![0; len] } else { take_idle(len) };
    if cfg!(debug_assertions) {
        buffer.fill(STALE.fetch_add(1, Ordering::Relaxed));
    }
    buffer
}

fn take_idle(len: usize) -> Vec<u8> {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    // Most blocks are of one size, so the last of the same class mostly fits; all of the next do.
    let class = len.ilog2() as usize;
    let same = idle.classes[class].pop_if(|b| b.capacity() >= len);
    let found = match same {
        Some(buffer) => Some(buffer),
        None => idle.classes[(class + 1).min(CLASSES - 1)].pop(),
    };
    if let Some(buffer) = &found {
        idle.bytes -= buffer.capacity();
    }
    drop(idle);
    match found {
        Some(mut buffer) => {
            buffer.resize(len, 0);
            buffer
        }
        None => vec![0; len],
    }
}

/// Gives a buffer up for others to use.
pub(crate) fn give(buffer: Vec<u8>) {
    let capacity = buffer.capacity();
    if capacity < SMALLEST {
        return;
    }
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.bytes + capacity <= KEPT {
        idle.bytes += capacity;
        idle.classes[capacity.ilog2() as usize].push(buffer);
    }
}

/// A buffer that comes back when the last handle to its bytes is gone.
pub(crate) fn freeze(buffer: Vec<u8>) -> Bytes {
    if buffer.capacity() < SMALLEST {
        return buffer.into();
    }
    Bytes::from_owner(Owner(buffer))
}

struct Owner(Vec<u8>);

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
