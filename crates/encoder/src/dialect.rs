//! Dialects: whose stream is written. A value that encoders consult, never a fork of the code.

use std::fmt;
use std::str::FromStr;
use zsend_records::nvlist::Encoding;

/// Reference sender whose bytes are written.
///
/// A defect of a reference that damages the receiver is in no dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// OpenZFS 2.0 to 2.4: each object is followed by its data.
    #[default]
    OpenZfs,
    /// illumos `dmu_send.c` of 2021: the objects of a block of dnodes, then their data.
    Illumos,
    /// OpenZFS after May 2026: as [`Self::OpenZfs`], with the BEGIN nvlist in XDR.
    OpenZfsXdr,
}

impl Dialect {
    /// All of them, in the order of `--help`.
    pub const ALL: [Self; 3] = [Self::OpenZfs, Self::Illumos, Self::OpenZfsXdr];

    /// The name on the command line and in `cases.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenZfs => "openzfs",
            Self::Illumos => "illumos",
            Self::OpenZfsXdr => "openzfs-xdr",
        }
    }

    /// Returns true if it is of the illumos lineage rather than OpenZFS 2.0 and later.
    pub const fn is_illumos(self) -> bool {
        matches!(self, Self::Illumos)
    }

    /// Returns the encoding of the nvlist after BEGIN.
    pub const fn payload_encoding(self) -> Encoding {
        match self {
            Self::OpenZfs | Self::Illumos => Encoding::Native,
            Self::OpenZfsXdr => Encoding::Xdr,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No dialect has that name.
#[derive(Debug, thiserror::Error)]
#[error("no dialect is called '{0}'; there are openzfs, illumos and openzfs-xdr")]
pub struct UnknownDialect(String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(s: &str) -> Result<Self, UnknownDialect> {
        Self::ALL.into_iter().find(|d| d.name() == s).ok_or_else(|| UnknownDialect(s.to_owned()))
    }
}
