//! Streams as a chain: which of them continues which, and in which order they can be received.
//!
//! Nothing is looked at but what BEGINs and the headers of packages say. The receiver is taken to have nothing
//! but what its caller says.

mod json;
mod links;
mod prefer;
mod sort;

pub use json::{fault_json, step_json, verdict_json};
pub(crate) use links::wrong_with;
pub use links::{ChainFault, ChainFaultKind};

use crate::outline::{Outline, OutlineEnd};
use crate::segment::Segment;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zsend_records::reader::StreamError;

/// Streams of several inputs, and what becomes of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChainReport {
    /// Every input: those that can be received first, in an order in which they can be.
    pub steps: Vec<ChainStep>,
    /// Reasons that keep the others from being received.
    pub faults: Vec<ChainFault>,
    /// Notes on streams that can be received.
    pub notes: Vec<String>,
}

/// Input with its fate.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChainStep {
    /// Name of the input.
    pub file: Arc<str>,
    /// Its streams. Of a package all are received, or none.
    pub streams: Vec<Segment>,
    /// True if it is a package.
    pub is_package: bool,
    /// Fate of it.
    pub fate: Fate,
}

/// Fate of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It can be received, when all steps before it were.
    Received,
    /// It can be received as far as it goes: it is cut. A later step may go on with it.
    Cut,
    /// All of its snapshots come with steps before it.
    Again,
    /// It cannot be received: a fault says why.
    Broken,
    /// There is no stream in it: it is empty, or ends before a BEGIN does.
    NoStream,
    /// Its headers are damaged.
    Damaged(StreamError),
}

/// The verdict on a chain, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChainVerdict {
    /// All can be received, but for what comes twice.
    Whole,
    /// A stream is cut, and no other goes on with it or has the snapshot whole.
    Cut,
    /// A stream cannot be received.
    Broken,
    /// A stream's headers are damaged, or an input has no stream.
    Damaged,
}

impl ChainVerdict {
    /// The verdict in one word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::Broken => "broken",
            Self::Damaged => "damaged",
        }
    }
}

impl ChainReport {
    /// Puts inputs in order. `have` are the guids of snapshots that the receiver has; `names` are names of
    /// snapshots that are known beside those of the streams.
    pub fn of(outlines: Vec<Outline>, have: &[u64], names: &BTreeMap<u64, String>) -> Self {
        sort::chain(outlines, have, names)
    }

    /// The verdict.
    pub fn verdict(&self) -> ChainVerdict {
        let received = self.steps.iter().filter(|step| step.fate == Fate::Received);
        let received = received.flat_map(|step| &step.streams).map(|stream| stream.toguid);
        let received: BTreeSet<u64> = received.collect();
        let resumed = |step: &ChainStep| {
            step.streams.last().is_some_and(|cut| received.contains(&cut.toguid))
        };
        let grade = |step: &ChainStep| match &step.fate {
            Fate::Received | Fate::Again => ChainVerdict::Whole,
            Fate::Cut if resumed(step) => ChainVerdict::Whole,
            Fate::Cut => ChainVerdict::Cut,
            Fate::Broken => ChainVerdict::Broken,
            Fate::NoStream | Fate::Damaged(_) => ChainVerdict::Damaged,
        };
        self.steps.iter().map(grade).max().unwrap_or(ChainVerdict::Whole)
    }
}

impl ChainStep {
    fn of(outline: Outline, fate: Fate) -> Self {
        Self {
            file: outline.file,
            streams: outline.streams.into_iter().map(|stream| stream.segment).collect(),
            is_package: outline.package.is_some(),
            fate,
        }
    }
}

impl Outline {
    /// Returns true if there is no stream in it, nor a package's header.
    pub fn has_no_stream(&self) -> bool {
        self.streams.is_empty() && self.package.is_none()
    }

    /// Returns true if its last stream has no END.
    fn is_cut(&self) -> bool {
        matches!(self.end, OutlineEnd::Cut)
    }
}

#[cfg(test)]
mod tests;
