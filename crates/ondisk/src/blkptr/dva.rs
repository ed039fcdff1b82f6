//! The place of a copy of a block.

use super::MINBLOCK_SHIFT;
use crate::{Bits, LayoutError};

// The fields of its two words.
const ASIZE: Bits = Bits::new(0, 24);
const VDEV: Bits = Bits::new(32, 24);
const OFFSET: Bits = Bits::new(0, 63);
const GANG: Bits = Bits::new(63, 1);

/// The place of a copy of a block: `dva_t`.
///
/// Source: OpenZFS `include/sys/spa.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Dva {
    words: [u64; 2],
}

impl Dva {
    /// From the two stored words.
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { words }
    }

    /// A copy at a byte offset of a top-level vdev, with `asize` bytes allocated.
    ///
    /// # Errors
    /// [`LayoutError::Field`] if a value does not fit, or is no multiple of 512 bytes.
    pub fn new(vdev: u64, offset: u64, asize: u64) -> Result<Self, LayoutError> {
        let vdev = VDEV.place("vdev", vdev)?;
        let asize = ASIZE.place("asize", sectors("asize", asize)?)?;
        Ok(Self { words: [vdev | asize, OFFSET.place("offset", sectors("offset", offset)?)?] })
    }

    /// The same place, with a gang header there.
    pub const fn gang(mut self) -> Self {
        self.words[1] = GANG.put(self.words[1], 1);
        self
    }

    /// The two stored words.
    pub const fn words(self) -> [u64; 2] {
        self.words
    }

    /// Returns true if there is no copy here.
    pub const fn is_empty(self) -> bool {
        self.words[0] == 0 && self.words[1] == 0
    }

    /// Index of the top-level vdev.
    pub const fn vdev(self) -> u64 {
        VDEV.get(self.words[0])
    }

    /// Bytes from the start of that vdev's data.
    pub const fn offset(self) -> u64 {
        OFFSET.get(self.words[1]) << MINBLOCK_SHIFT
    }

    /// Bytes allocated, parity and padding included.
    pub const fn asize(self) -> u64 {
        ASIZE.get(self.words[0]) << MINBLOCK_SHIFT
    }

    /// Returns true if a gang header lies here.
    pub const fn is_gang(self) -> bool {
        GANG.is_set(self.words[1])
    }
}

/// Sectors of a number of bytes.
pub(super) fn sectors(what: &'static str, bytes: u64) -> Result<u64, LayoutError> {
    if !bytes.is_multiple_of(1 << MINBLOCK_SHIFT) {
        return Err(LayoutError::field(what, bytes, "a multiple of 512"));
    }
    Ok(bytes >> MINBLOCK_SHIFT)
}
