//! Values that make no sense in a layout, without the place where they lie: the reader knows that.

use crate::embedded::EmbeddedError;
use alloc::string::String;
use alloc::string::ToString;
use core::fmt;

/// A value that a layout has no meaning or no room for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A field has a value that no writer gives it, or that it cannot hold.
    #[error("{what} is {found}, expected {expected}")]
    Field {
        /// The field.
        what: &'static str,
        /// Its value.
        found: u64,
        /// The values that it may have.
        expected: String,
    },
    /// A field has a value that is not known, named here.
    #[error("{0}")]
    Unknown(String),
    /// Two entries of a ZAP have one name.
    #[error("two entries have the name {0:?}")]
    Repeated(String),
    /// A region has no room for its checksum.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// Two values were given for one place: a builder takes neither.
    #[error("{what} and {other} lie in one place")]
    Conflict {
        /// The one.
        what: &'static str,
        /// The other.
        other: &'static str,
    },
}

impl LayoutError {
    pub(crate) fn field(what: &'static str, found: u64, expected: impl fmt::Display) -> Self {
        Self::Field { what, found, expected: expected.to_string() }
    }
}
