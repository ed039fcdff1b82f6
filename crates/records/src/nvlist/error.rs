//! What can be wrong with a packed nvlist, and where.

/// A defect of a packed nvlist. Offsets are bytes from the first byte of its four-byte header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NvError {
    /// The bytes end, or the enclosing pair ends, before what must follow.
    #[error("nvlist@{offset:#x}: {what} needs {need} bytes, {have} are left")]
    Truncated {
        /// Where it should be.
        offset: usize,
        /// What should be there.
        what: &'static str,
        /// Bytes it takes.
        need: u64,
        /// Bytes there are.
        have: u64,
    },
    /// A field has a value that it cannot have.
    #[error("nvlist@{offset:#x}: {what} is {found:#x}, expected {expected}")]
    Invalid {
        /// Where the field is.
        offset: usize,
        /// Which field.
        what: &'static str,
        /// Its value.
        found: u64,
        /// What it may be, in words.
        expected: &'static str,
    },
    /// A pair is not as long as its own size field says.
    #[error("nvlist@{offset:#x}: pair size is {found}, expected {expected}")]
    PairSize {
        /// Where the pair starts.
        offset: usize,
        /// Bytes, by its size field.
        found: u64,
        /// Bytes, by its contents.
        expected: u64,
    },
    /// The list takes more memory than may be spent on one: see [`super::MAX_MEMORY`].
    #[error("nvlist@{offset:#x}: the list up to here takes more memory than may be spent on it")]
    TooLarge {
        /// Where the value starts that goes too far.
        offset: usize,
    },
    /// Lists lie in lists beyond [`super::MAX_DEPTH`].
    #[error("nvlist@{offset:#x}: lists are nested deeper than {limit}")]
    TooDeep {
        /// Where the first list too deep starts.
        offset: usize,
        /// How many levels are read.
        limit: usize,
    },
}
