//! Faults of a packed nvlist, with their places; and of one that cannot be packed.

/// A defect of a packed nvlist, or of one that is to be packed. Offsets are bytes from the first byte of its four-byte header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NvError {
    /// The bytes end, or the enclosing pair ends, before what must follow.
    #[error("nvlist@{offset:#x}: {what} needs {need} bytes, {have} are left")]
    Truncated {
        /// Offset at which it should be.
        offset: usize,
        /// Name of the part that should be there.
        what: &'static str,
        /// Bytes it takes.
        need: u64,
        /// Bytes there are.
        have: u64,
    },
    /// A field has a value that it cannot have.
    #[error("nvlist@{offset:#x}: {what} is {found:#x}, expected {expected}")]
    Invalid {
        /// Offset of the field.
        offset: usize,
        /// Name of the field.
        what: &'static str,
        /// Its value.
        found: u64,
        /// Values that it may have, in words.
        expected: &'static str,
    },
    /// The bytes cannot be read from where they are kept.
    #[error("nvlist@{offset:#x}: the list cannot be read from here on")]
    Unread {
        /// Offset of the first byte that was asked for.
        offset: usize,
    },
    /// A pair is not as long as its own size field says.
    #[error("nvlist@{offset:#x}: pair size is {found}, expected {expected}")]
    PairSize {
        /// Offset of the pair.
        offset: usize,
        /// Bytes, by its size field.
        found: u64,
        /// Bytes, by its contents.
        expected: u64,
    },
    /// The list takes more memory than may be spent on one: see [`super::MAX_MEMORY`].
    #[error("nvlist@{offset:#x}: the list up to here takes more memory than may be spent on it")]
    TooLarge {
        /// Offset of the value that goes too far.
        offset: usize,
    },
    /// A name, a number of elements or a value is larger than its field in a packed list holds.
    #[error("nvlist: {what} is {found}, expected at most {limit}, so the list cannot be packed")]
    TooLong {
        /// Name of the field.
        what: &'static str,
        /// Bytes, or elements.
        found: u64,
        /// The most that the field holds.
        limit: u64,
    },
    /// Lists lie in lists beyond [`super::MAX_DEPTH`].
    #[error("nvlist@{offset:#x}: lists are nested deeper than {limit}")]
    TooDeep {
        /// Offset of the first list that lies too deep, or would in the packed list.
        offset: usize,
        /// Number of levels that are read and packed.
        limit: usize,
    },
}
