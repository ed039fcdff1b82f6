//! A stream, by itself or in a package, as its BEGIN announces it.

use super::context::Context;
use std::sync::Arc;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::types::ObjsetType;

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
    /// Encryption of a raw stream.
    pub encryption: Option<SegmentEncryption>,
}

/// Encryption of a raw stream, as its BEGIN has it; no key is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentEncryption {
    /// `DSL_CRYPTO_SUITE`.
    pub suite: u64,
    /// `DSL_CRYPTO_GUID`: the same in every snapshot of a dataset and its clones.
    pub key_guid: u64,
    /// `keyformat`.
    pub keyformat: u64,
    /// Guid of the set of IVs that the snapshot's blocks have.
    pub to_ivset: u64,
    /// The same of the source; zero for a full stream.
    pub from_ivset: u64,
}

impl Segment {
    pub(super) fn new(
        file: &Arc<str>,
        record: u64,
        byte: u64,
        is_member: bool,
        context: &Context,
    ) -> Self {
        let begin = context.begin();
        let keys = context.nvlist().and_then(|list| list.list("crypt_keydata"));
        let encryption = keys.map(|keys| {
            let number = |name| keys.u64(name).unwrap_or(0);
            SegmentEncryption {
                suite: number("DSL_CRYPTO_SUITE"),
                key_guid: number("DSL_CRYPTO_GUID"),
                keyformat: number("keyformat"),
                to_ivset: number("to_ivset_guid"),
                from_ivset: number("from_ivset_guid"),
            }
        });
        Self {
            file: Arc::clone(file),
            record,
            byte,
            is_member,
            toname: String::from_utf8_lossy(begin.toname()).into_owned(),
            toguid: begin.toguid.get(),
            fromguid: begin.fromguid.get(),
            objset_type: context.objset_type(),
            features: context.features(),
            flags: context.flags(),
            resumed_at: context.resumed_at(),
            encryption,
        }
    }
}
