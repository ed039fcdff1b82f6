//! Rules by which a stream continues another.

use crate::outline::OutlinedStream;
use crate::segment::Segment;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use zsend_records::flags::Features;

/// A stream that cannot be received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainFault {
    /// Name of the input.
    pub file: Arc<str>,
    /// Bytes before the stream's BEGIN in it.
    pub byte: u64,
    /// Full name of the snapshot.
    pub toname: String,
    /// Reason.
    pub wrong: ChainFaultKind,
}

/// Reason that a stream cannot be received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainFaultKind {
    /// The snapshot that it starts from comes with no stream.
    NoBase {
        /// Guid of that snapshot.
        guid: u64,
        /// Its full name, if anything says it.
        name: Option<String>,
    },
    /// The snapshot that it starts from comes with a stream that cannot be received.
    BrokenBase {
        /// Guid of that snapshot.
        guid: u64,
        /// Its full name.
        name: String,
    },
    /// It goes on with a stream that was cut, and no such stream is there.
    NoBeginning,
    /// It goes on with a stream that was cut, and the one that is there starts from another snapshot, or is raw where it
    /// is not.
    OtherBeginning,
    /// It goes on behind the end of the stream that was cut.
    Gap {
        /// Object and offset at which it goes on.
        found: (u64, u64),
        /// Object and offset that the cut stream has last.
        reached: (u64, u64),
    },
    /// Another stream from the same snapshot is received into the dataset before it.
    Fork {
        /// Full name of the snapshot that both start from, or its guid.
        base: String,
        /// Full name of the other stream's snapshot.
        other: String,
    },
    /// It begins a dataset, as a stream that is received before it does.
    SecondFull {
        /// Full name of the other stream's snapshot.
        other: String,
    },
    /// It is raw, and starts from another set of IVs than the snapshot has that it continues.
    IvSet {
        /// Set of IVs that it starts from.
        found: u64,
        /// Set of IVs that the snapshot has.
        base: u64,
    },
    /// It is raw, and of another key than the snapshot that it continues.
    KeyGuid {
        /// Guid of its key.
        found: u64,
        /// Guid of the other.
        base: u64,
    },
    /// It is raw, and continues a stream that is not.
    RawOnPlain,
    /// It continues a raw stream, and is not raw: its blocks would be encrypted anew, with other IVs than the sender
    /// has, and no raw stream fits from then on.
    PlainOnRaw,
    /// It continues a redacted stream, and does not fit what that is redacted by.
    Redacted,
    /// It continues a stream with blocks of more than 128 KiB, and has them split.
    LargeBlocks,
}

impl ChainFaultKind {
    /// Name of the rule, as in JSON.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::NoBase { .. } => "no-base",
            Self::BrokenBase { .. } => "broken-base",
            Self::NoBeginning => "no-beginning",
            Self::OtherBeginning => "other-beginning",
            Self::Gap { .. } => "gap",
            Self::Fork { .. } => "fork",
            Self::SecondFull { .. } => "second-full",
            Self::IvSet { .. } => "ivset",
            Self::KeyGuid { .. } => "key-guid",
            Self::RawOnPlain => "raw-on-plain",
            Self::PlainOnRaw => "plain-on-raw",
            Self::Redacted => "redacted",
            Self::LargeBlocks => "large-blocks",
        }
    }
}

impl fmt::Display for ChainFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBase { guid, name: Some(name) } => {
                write!(f, "it starts from {name} (guid {guid}), which no stream brings")
            }
            Self::NoBase { guid, name: None } => {
                write!(f, "it starts from the snapshot of guid {guid}, which no stream brings")
            }
            Self::BrokenBase { guid, name } => {
                write!(f, "it starts from {name} (guid {guid}), whose stream cannot be received")
            }
            Self::NoBeginning => {
                f.write_str("it goes on with a stream that was cut, and that stream is not there")
            }
            Self::OtherBeginning => f.write_str(
                "it goes on with a stream that was cut, and the one that is there starts from another snapshot, or \
                 one of the two is raw",
            ),
            Self::Gap { found, reached } => write!(
                f,
                "it goes on at object {}, offset {}, and the stream that was cut ends at object {}, offset {}",
                found.0, found.1, reached.0, reached.1
            ),
            Self::Fork { base, other } => write!(
                f,
                "it starts from {base}, as the stream of {other} does, which is received before it"
            ),
            Self::SecondFull { other } => write!(
                f,
                "it begins a dataset of the name that the stream of {other} begins, which is received before it: \
                 it can be received under another name alone"
            ),
            Self::IvSet { found, base } => write!(
                f,
                "it starts from the set of IVs {found}, and its base has {base}: one of them was received \
                 without -w in between"
            ),
            Self::KeyGuid { found, base } => {
                write!(f, "it is of the key {found}, and its base of {base}")
            }
            Self::RawOnPlain => f.write_str("it is raw, and its base is not"),
            Self::PlainOnRaw => f.write_str(
                "it is not raw, and its base is: received with the key loaded, it would end the chain of raw \
                 streams",
            ),
            Self::Redacted => f.write_str(
                "its base is redacted, and it is neither from a bookmark of that redaction, nor redacted by no \
                 other snapshots, nor of one of those by which the base is",
            ),
            Self::LargeBlocks => f.write_str(
                "its base has blocks of more than 128 KiB, and it was sent without -L, which splits them",
            ),
        }
    }
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, byte, toname, wrong } = self;
        write!(f, "{file}: byte {byte}, {toname}: {}: {wrong}", wrong.rule())
    }
}

/// Reason that keeps a stream from continuing its base, if anything does.
///
/// Follows `recv_begin_check_existing_impl()` and `recv_check_large_blocks()`, OpenZFS `module/zfs/dmu_recv.c`, and
/// `dsl_crypto_recv_raw_key_check()` and `dsl_crypto_recv_raw_objset_check()`, `module/zfs/dsl_crypt.c`,
/// zfs-2.3.2.
pub(crate) fn wrong_with(next: &Segment, base: &Segment) -> Option<ChainFaultKind> {
    match (next.is_raw(), base.is_raw()) {
        (true, false) => return Some(ChainFaultKind::RawOnPlain),
        (false, true) => return Some(ChainFaultKind::PlainOnRaw),
        (true, true) | (false, false) => {}
    }
    if let (Some(ours), Some(theirs)) = (&next.keys, &base.keys) {
        if ours.key_guid != theirs.key_guid {
            return Some(ChainFaultKind::KeyGuid { found: ours.key_guid, base: theirs.key_guid });
        }
        if ours.from_ivset != theirs.to_ivset {
            return Some(ChainFaultKind::IvSet { found: ours.from_ivset, base: theirs.to_ivset });
        }
    }
    if !fits_redaction(next, base) {
        return Some(ChainFaultKind::Redacted);
    }
    let is_large = |segment: &Segment| segment.features.contains(Features::LARGE_BLOCKS);
    (is_large(base) && !is_large(next)).then_some(ChainFaultKind::LargeBlocks)
}

/// Reason that keeps a stream from going on with one that was cut, if anything does. A receiver takes it at the very place that
/// it has noted, which is none behind the end of what it got: `resume_check()` and `dmu_recv_resume_begin_check()`,
/// OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2.
pub(super) fn wrong_rest(rest: &Segment, cut: &OutlinedStream) -> Option<ChainFaultKind> {
    let (begun, reached) = (&cut.segment, cut.reached);
    if (rest.fromguid, rest.is_raw()) != (begun.fromguid, begun.is_raw()) {
        return Some(ChainFaultKind::OtherBeginning);
    }
    let found = rest.resumed_at.filter(|&at| at > reached)?;
    Some(ChainFaultKind::Gap { found, reached })
}

/// Returns true if the base is whole, or the redaction that a stream says fits that of its base.
///
/// Follows `redact_check()`, OpenZFS `module/zfs/dmu_recv.c`, zfs-2.3.2.
fn fits_redaction(next: &Segment, base: &Segment) -> bool {
    if !base.is_redacted() {
        return true;
    }
    let of_base: BTreeSet<u64> = base.redact_snaps.iter().flatten().copied().collect();
    let are_of_base = |guids: &[u64]| guids.iter().all(|guid| of_base.contains(guid));
    match (&next.redact_from_snaps, &next.redact_snaps) {
        (Some(guids), _) => are_of_base(guids),
        (None, Some(guids)) if next.is_redacted() => are_of_base(guids),
        (None, _) => !next.is_redacted() && of_base.contains(&next.toguid),
    }
}

/// Note on a stream that continues its base.
pub(super) fn note_on(next: &Segment, base: &Segment) -> Option<String> {
    let (ours, theirs) = next.keys.as_ref().zip(base.keys.as_ref())?;
    (ours.is_wrapped_as(theirs) == Some(false)).then(|| {
        format!(
            "{}: the user's key was changed at the sender since {}: from this stream on the received dataset opens \
             with the new one, and with no key of the receiver (after `zfs change-key` there, it is lost: openzfs \
             #12614)",
            next.toname, base.toname
        )
    })
}

/// Returns true if a dataset must not be there before it is received: `dmu_recv_begin_check()`, as above.
pub(super) fn begins_dataset(segment: &Segment) -> bool {
    segment.resumed_at.is_none() && (segment.fromguid == 0 || segment.is_clone())
}
