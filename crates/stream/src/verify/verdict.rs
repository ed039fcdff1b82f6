//! The verdict on an input.

use crate::resume::Seam;
use zsend_records::token::ResumeToken;

/// Verdict on an input, as far as it was checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// A whole stream or package, in which every rule is kept.
    Whole,
    /// A rule is broken.
    Damaged,
    /// It ends before its END, and no rule is broken up to there. What an interrupted receive left
    /// (`zfs send -S`) is so too.
    Cut(Box<Cut>),
    /// Each stream is whole, but one does not continue what came before it.
    ChainBroken,
}

/// End of a cut input, and the way to go on.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Cut {
    /// Bytes from the start of the input that are known to be right: to the end of the last header whose
    /// checksum was checked. `zfs receive -s` takes as much of it as of the whole input.
    pub length: u64,
    /// Part of the stream that is cut, if it does not end between two records.
    pub part: Option<CutPart>,
    /// Name of the snapshot whose stream is cut; empty between the streams of a package.
    pub toname: String,
    /// Token of which a sender makes the rest of that stream, for a dataset into which this much was
    /// received with `zfs receive -s`. Absent where no BEGIN has come.
    pub token: Option<ResumeToken>,
    /// End of the record that the token is of, behind which a file can be gone on with; absent with the token.
    pub seam: Option<Box<Seam>>,
    /// True if it is a package that is cut, and not a stream by itself.
    pub is_package: bool,
}

/// A header or a payload of which not all is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutPart {
    /// Name of the part.
    pub what: &'static str,
    /// Bytes of it that there are.
    pub have: u64,
    /// Bytes it has.
    pub need: u64,
}

impl Verdict {
    /// A word for it: `whole`, `damaged`, `cut` or `chain-broken`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Damaged => "damaged",
            Self::Cut(_) => "cut",
            Self::ChainBroken => "chain-broken",
        }
    }
}

/// Verdict on an input, and how much of it was seen.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Records, those that cannot be followed among them.
    pub records: u64,
    /// Bytes.
    pub bytes: u64,
    /// Streams: one, or those in a package.
    pub streams: u64,
    /// Raw streams whose keys were opened: their MACs were checked.
    pub opened: u64,
    /// Broken rules that were reported.
    pub faults: u64,
}
