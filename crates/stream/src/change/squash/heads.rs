//! The BEGIN of a stream that several are merged into.

use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::super::transform::SENT_TODAY;
use super::side::{Side, strange};
use zsend_records::drr::Begin;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::reader::Role;
use zsend_records::zerocopy::byteorder::LE;

/// The BEGIN of several streams, each of which starts from the snapshot of the one before it.
#[derive(Debug)]
pub(super) struct MergedHead {
    /// The record.
    pub(super) packet: Packet,
    /// Guid of the last snapshot.
    pub(super) toguid: u64,
    /// The first stream is a full one.
    pub(super) is_full: bool,
    /// The streams say which objects have a spill block.
    pub(super) marks_spill: bool,
    /// Streams that have blocks of more than 128 KiB whole, in order.
    pub(super) large: Vec<bool>,
}

/// Takes the BEGINs of streams, and makes one of them; `None` if there is no stream.
pub(super) fn take(sides: &mut [Side]) -> Result<Option<MergedHead>, ChangeError> {
    let mut head: Option<MergedHead> = None;
    for side in sides {
        let Some(packet) = side.pop()? else { continue };
        let Some(begin) = packet.header.body_as::<Begin<LE>>().copied() else {
            return Err(strange(&packet));
        };
        let features = check(&packet, &begin)?;
        let large = features.contains(Features::LARGE_BLOCKS);
        let Some(before) = head.take() else {
            let (is_full, toguid) = (begin.fromguid.get() == 0, begin.toguid.get());
            let marks_spill = begin.flags().contains(BeginFlags::SPILL_BLOCK);
            head = Some(MergedHead { packet, toguid, is_full, marks_spill, large: vec![large] });
            continue;
        };
        head = Some(joined(before, packet, &begin, large)?);
    }
    Ok(head)
}

/// Features of a stream that can be merged.
fn check(packet: &Packet, begin: &Begin<LE>) -> Result<Features, ChangeError> {
    let features = begin.features();
    let why = if packet.role != Role::Stream {
        "it is a package: its streams are merged once each is a file of its own"
    } else if features.contains(Features::RAW) {
        "it is raw: what is encrypted has to be sent as it lies on disk, which no merged stream is; with its key, \
         `zsend decrypt` makes a plain stream of it"
    } else if features.intersects(Features::DEDUP | Features::DEDUPPROPS) {
        "it has DEDUP: `zsend redup` makes a stream of it that has all blocks"
    } else if features.contains(Features::RESUMING) {
        "it is the rest of a stream that was broken off, and begins within an object"
    } else if features.contains(Features::REDACTED) || !packet.payload().is_empty() {
        "it was redacted, or starts from what was: its BEGIN has a list"
    } else if !features.difference(SENT_TODAY).is_empty() {
        "it has features that are not known"
    } else {
        return Ok(features);
    };
    Err(ChangeError::refused(&packet.origin, why))
}

/// The BEGIN of a stream, as one that starts where those before it did.
fn joined(
    before: MergedHead,
    mut packet: Packet,
    begin: &Begin<LE>,
    large: bool,
) -> Result<MergedHead, ChangeError> {
    let origin = packet.origin.clone();
    let refused = |why: &str| Err(ChangeError::refused(&origin, why));
    if begin.fromguid.get() == 0 {
        return refused("it is a full stream, and only the first may be one");
    }
    if begin.fromguid.get() != before.toguid {
        let (from, have) = (begin.fromguid.get(), Some(before.toguid));
        return Err(ChangeError::Base { origin, from, have });
    }
    let Some(earlier) = before.packet.header.body_as::<Begin<LE>>().copied() else {
        return Err(strange(&packet));
    };
    if begin.objset_type != earlier.objset_type {
        return refused("it is of another kind of dataset than the stream before it");
    }
    if packet.order != before.packet.order {
        return refused(
            "its byte order is not that of the streams before it: `zsend convert --byteorder` turns it",
        );
    }
    if begin.flags().contains(BeginFlags::SPILL_BLOCK) != before.marks_spill {
        return refused(
            "of it and the stream before it, one alone says which objects have a spill block (SPILL_BLOCK)",
        );
    }
    if before.large.last() == Some(&true) && !large {
        return refused(
            "it has no LARGE_BLOCKS, and the stream before it has: no receiver takes it behind that one",
        );
    }
    let features = earlier.features() | begin.features();
    let mut flags = begin.flags() - BeginFlags::CLONE;
    flags |= earlier.flags() & BeginFlags::CLONE;
    if !earlier.flags().contains(BeginFlags::FREERECORDS) {
        flags -= BeginFlags::FREERECORDS;
    }
    let toguid = begin.toguid.get();
    if let Some(begin) = packet.body_mut::<Begin<LE>>() {
        begin.fromguid = earlier.fromguid;
        begin.flags = flags.bits().into();
        begin.set_features(features);
    }
    let mut all = before.large;
    all.push(large);
    Ok(MergedHead { packet, toguid, large: all, ..before })
}
