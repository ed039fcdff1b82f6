//! Bytes that begin at a page, into which the kernel copies a file's pages as fast as the machine can.
//!
//! A copy whose destination lies a few bytes further into its page than the source does into its own is five times
//! slower on processors of AMD's Zen 3 and 4 (glibc bug 30994), and an allocator gives large buffers just that place: 16
//! bytes behind the beginning of a page, while a file's pages begin at theirs.

extern crate alloc;

use alloc::vec::Vec;
use core::fmt;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Bytes of a page.
pub const PAGE: usize = 4096;

#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes, KnownLayout)]
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

/// Bytes that begin at a page; none to begin with.
#[derive(Clone, Default)]
pub struct Pages {
    pages: Vec<Page>,
    len: usize,
}

impl Pages {
    /// `len` bytes, all zero.
    ///
    /// # Panics
    /// If there is no memory for them.
    pub fn zeroed(len: usize) -> Self {
        match Page::new_vec_zeroed(len.div_ceil(PAGE)) {
            Ok(pages) => Self { pages, len },
            Err(_) => panic!("no memory for {len} bytes"),
        }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.pages.as_bytes()[..self.len]
    }

    /// The bytes, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.pages.as_mut_bytes()[..self.len]
    }

    /// Bytes that there is memory for: whole pages.
    pub const fn capacity(&self) -> usize {
        self.pages.len() * PAGE
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
            assert_eq!(pages.as_slice().as_ptr().addr() % PAGE, 0);
            assert!(pages.as_slice().iter().all(|&byte| byte == 0));
            pages.as_mut_slice().fill(7);
            let whole = pages.capacity();
            pages.set_len(whole);
            assert_eq!(pages.as_slice().iter().filter(|&&byte| byte == 7).count(), len);
            pages.set_len(0);
            assert!(pages.as_slice().is_empty());
        }
    }

    #[test]
    #[should_panic(expected = "4097 bytes in 4096")]
    fn there_is_no_more_than_was_asked_for() {
        Pages::zeroed(5).set_len(PAGE + 1);
    }
}
