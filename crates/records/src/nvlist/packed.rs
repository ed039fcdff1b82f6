//! A list that is being packed, and the first fault of it.

use super::{MAX_DEPTH, MAX_NAME, NvError};
use alloc::vec::Vec;

/// Bytes that were packed. What they are worth is known at the end: where there is a fault, nothing.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) fault: Option<NvError>,
}

impl Packed {
    /// A size, count or length, which is a C `int`; zero, and a fault, for one that is too large.
    pub(super) fn int(&mut self, size: usize, what: &'static str) -> i32 {
        self.fits(size, i32::MAX as usize, what);
        i32::try_from(size).unwrap_or_default()
    }

    /// Checks the length of a name; its size with the NUL, or zero for one that is too long.
    pub(super) fn name_size(&mut self, name: &str) -> i16 {
        self.fits(name.len(), MAX_NAME, "length of a name");
        i16::try_from(name.len() + 1).unwrap_or_default()
    }

    /// Returns true if lists at this depth are packed.
    pub(super) fn is_within(&mut self, depth: usize) -> bool {
        if depth >= MAX_DEPTH {
            let offset = self.bytes.len();
            self.fault.get_or_insert(NvError::TooDeep { offset, limit: MAX_DEPTH });
        }
        depth < MAX_DEPTH
    }

    fn fits(&mut self, size: usize, limit: usize, what: &'static str) {
        if size > limit {
            let (found, limit) = (size as u64, limit as u64);
            self.fault.get_or_insert(NvError::TooLong { what, found, limit });
        }
    }
}
