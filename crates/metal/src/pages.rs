//! Bytes that begin at a page, into which the kernel copies a file's pages as fast as the machine can.
//!
//! A copy whose destination lies a few bytes further into its page than the source does into its own is five times
//! slower on processors of AMD's Zen 3 and 4 (glibc bug 30994), and an allocator gives large buffers just that place: 16
//! bytes behind the beginning of a page, while a file's pages begin at theirs.

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// Bytes of a page.
pub const PAGE: usize = 4096;

/// Bytes that begin at a page; none to begin with.
///
/// Memory that is aligned by the allocator would be cleared by writing to all of it, which takes as long as to read a file
/// into it, and holds what is never used; so a page is looked for in memory that the kernel clears as it is used.
#[derive(Default)]
pub struct Pages {
    memory: Vec<u8>,
    /// Bytes before the first page.
    start: usize,
    capacity: usize,
    len: usize,
}

impl Pages {
    /// `len` bytes, all zero.
    ///
    /// # Panics
    /// If there is no memory for them.
    pub fn zeroed(len: usize) -> Self {
        if len == 0 {
            return Self::default();
        }
        let capacity = len.next_multiple_of(PAGE);
        let memory = vec![0; capacity + PAGE - 1];
        let start = memory.as_ptr().align_offset(PAGE);
        Self { memory, start, capacity, len }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.memory[self.start..][..self.len]
    }

    /// The bytes, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.len]
    }

    /// Bytes that there is memory for: whole pages.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes them more or fewer. The new ones are what was there before.
    ///
    /// # Panics
    /// If they are more than [`Self::capacity`].
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.capacity(), "{len} bytes in {}", self.capacity());
        self.len = len;
    }
}

impl Clone for Pages {
    /// A copy, which begins at a page of its own.
    fn clone(&self) -> Self {
        let Self { ref memory, start, capacity, len } = *self;
        let mut copy = Self::zeroed(capacity);
        copy.as_mut_slice().copy_from_slice(&memory[start..][..capacity]);
        copy.len = len;
        copy
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes from a page on", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_begin_at_a_page_and_are_as_many_as_was_asked_for() {
        assert!(Pages::default().as_slice().is_empty() && Pages::default().capacity() == 0);
        let long = if cfg!(miri) { 2 * PAGE + 1 } else { 130_000 };
        for len in [0, 1, PAGE - 1, PAGE, PAGE + 1, long] {
            let mut pages = Pages::zeroed(len);
            assert_eq!(pages.as_slice().len(), len);
            assert_eq!(pages.capacity(), len.next_multiple_of(PAGE));
            assert!(len == 0 || pages.as_slice().as_ptr().align_offset(PAGE) == 0);
            assert!(pages.as_slice() == vec![0; len]);
            pages.as_mut_slice().fill(7);
            let whole = pages.capacity();
            pages.set_len(whole);
            assert!(pages.as_slice()[..len] == vec![7; len]);
            assert!(pages.as_slice()[len..] == vec![0; whole - len]);
            pages.set_len(0);
            assert!(pages.as_slice().is_empty());
            // What lies behind the length is of the copy, too.
            let mut copy = pages.clone();
            copy.set_len(whole);
            pages.set_len(whole);
            assert_eq!((copy.as_slice(), copy.capacity()), (pages.as_slice(), whole));
            assert!(len == 0 || copy.as_slice().as_ptr().align_offset(PAGE) == 0);
        }
    }

    #[test]
    #[should_panic(expected = "4097 bytes in 4096")]
    fn there_is_no_more_than_was_asked_for() {
        Pages::zeroed(5).set_len(PAGE + 1);
    }
}
