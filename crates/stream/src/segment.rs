//! A stream, by itself or in a package, as its BEGIN announces it.

use crate::keys::KeyData;
use std::sync::Arc;
use zsend_crypto::key_data::names;
use zsend_records::drr::Begin;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::nvlist::NvList;
use zsend_records::types::ObjsetType;
use zsend_records::zerocopy::byteorder::LE;

/// Summary of a stream, as its BEGIN has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// Name of the input, as its caller gave it.
    pub file: Arc<str>,
    /// Number of records before the BEGIN in the input.
    pub record: u64,
    /// Bytes before the BEGIN in the input.
    pub byte: u64,
    /// True if the stream is one of a package.
    pub is_member: bool,
    /// Full name of the snapshot.
    pub toname: String,
    /// Guid of the snapshot.
    pub toguid: u64,
    /// Guid of the snapshot or bookmark that it starts from; zero for a full stream.
    pub fromguid: u64,
    /// Type of the object set.
    pub objset_type: ObjsetType,
    /// Features, unknown bits included.
    pub features: Features,
    /// Flags, unknown bits included.
    pub flags: BeginFlags,
    /// Object and offset at which it goes on, if it does.
    pub resumed_at: Option<(u64, u64)>,
    /// Guids of the snapshots that it is redacted by, `redact_snaps`; `None` if the list behind its BEGIN has none.
    pub redact_snaps: Option<Box<[u64]>>,
    /// Guids of the snapshots that what it starts from is redacted by, `redact_from_snaps`, likewise.
    pub redact_from_snaps: Option<Box<[u64]>>,
    /// Keys of a raw stream, wrapped, and its sets of IVs.
    pub keys: Option<Box<KeyData>>,
}

impl Segment {
    /// The stream of a BEGIN, with the list behind it, if that could be read.
    pub(crate) fn new(
        file: &Arc<str>,
        record: u64,
        byte: u64,
        is_member: bool,
        begin: &Begin<LE>,
        list: Option<&NvList>,
    ) -> Self {
        let guids = |name| list.and_then(|list| list.u64_array(name)).map(Box::from);
        let keys = list.and_then(|list| list.list(names::LIST));
        Self {
            file: Arc::clone(file),
            record,
            byte,
            is_member,
            toname: String::from_utf8_lossy(begin.toname()).into_owned(),
            toguid: begin.toguid.get(),
            fromguid: begin.fromguid.get(),
            objset_type: begin.objset_type(),
            features: begin.features(),
            flags: begin.flags(),
            resumed_at: list.and_then(resumed_at),
            redact_snaps: guids("redact_snaps"),
            redact_from_snaps: guids("redact_from_snaps"),
            keys: keys.map(|keys| Box::new(KeyData::of(keys))),
        }
    }

    /// Name of the dataset at the sender.
    pub fn dataset(&self) -> &str {
        self.toname.split('@').next().unwrap_or_default()
    }

    /// Returns true if parts of the snapshot are withheld.
    pub fn is_redacted(&self) -> bool {
        self.features.contains(Features::REDACTED)
    }

    /// Returns true if blocks come as they lie on disk, encrypted.
    pub fn is_raw(&self) -> bool {
        self.features.contains(Features::RAW)
    }

    /// Returns true if it begins a dataset as a clone of the one that it starts from.
    pub fn is_clone(&self) -> bool {
        self.flags.contains(BeginFlags::CLONE)
    }
}

/// Object and offset at which a stream goes on, by the list behind its BEGIN.
pub(crate) fn resumed_at(list: &NvList) -> Option<(u64, u64)> {
    list.u64("resume_object").zip(list.u64("resume_offset"))
}
