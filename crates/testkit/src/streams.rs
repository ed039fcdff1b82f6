//! Arbitrary valid streams, as proptest strategies, and how a sender of either byte order writes them.
//!
//! A stream that fails can be shrunk: it is a list of drafts until it is written.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may fail, and makes small streams only"
)]

use proptest::prelude::*;
use zerocopy::byteorder::{BE, LE, U64};
use zerocopy::{FromZeros, IntoBytes};
use zsend_records::byteswap::byteswap;
use zsend_records::drr::{
    Begin, CHECKSUM_OFFSET, End, MAGIC, Object, RecordType, ReplayRecord, Spill, Write,
    WriteEmbedded,
};
use zsend_records::fletcher::Fletcher4;
use zsend_records::payload::payload_len;
use zsend_records::writer::StreamWriter;

/// A record before it is written, and its payload.
pub type Draft = (ReplayRecord<LE>, Vec<u8>);

/// A stream's records from BEGIN to END; what an END holds is filled in when it is written.
pub type Drafts = Vec<Draft>;

/// A record of any type that may stand inside a stream, every field random but those that say how
/// long the payload is.
fn inner_record() -> impl Strategy<Value = Draft> {
    let kinds: Vec<u32> = (0..RecordType::COUNT as u32)
        .filter(|&n| n != RecordType::BEGIN.0 && n != RecordType::END.0)
        .collect();
    (prop::sample::select(kinds), prop::collection::vec(any::<u8>(), 272), 0u32..700).prop_flat_map(
        |(kind, body, size)| {
            let mut record = ReplayRecord::<LE>::new_zeroed();
            record.drr_type = kind.into();
            record.body.copy_from_slice(&body);
            if let Some(object) = record.body_as_mut::<Object<LE>>() {
                object.bonuslen = size.into();
                object.raw_bonuslen = (object.raw_bonuslen.get() % 2 * (size / 2)).into();
            }
            if let Some(write) = record.body_as_mut::<Write<LE>>() {
                write.logical_size = u64::from(size).into();
                write.compressed_size = u64::from(size / 2).into();
                write.compressiontype %= 2;
            }
            if let Some(spill) = record.body_as_mut::<Spill<LE>>() {
                spill.length = u64::from(size).into();
                spill.compressed_size = (spill.compressed_size.get() % 2 * u64::from(size)).into();
            }
            if let Some(embedded) = record.body_as_mut::<WriteEmbedded<LE>>() {
                embedded.psize = (size % 113).into();
            }
            let len = payload_len(&record).unwrap() as usize;
            (Just(record), prop::collection::vec(any::<u8>(), len))
        },
    )
}

/// Makes a BEGIN with this header type and payload; guid and features are of the seed.
pub fn begin(header_type: u64, payload: Vec<u8>, seed: u64) -> Draft {
    let mut begin = Begin::<LE>::new_zeroed();
    begin.magic = MAGIC.into();
    begin.versioninfo = (seed << 2 | header_type).into();
    begin.toguid = seed.into();
    // Over the place where other records have their checksum, too.
    begin.toname = core::array::from_fn(|i| b'a' + (i % 26) as u8);
    let mut record = ReplayRecord::new(&begin);
    record.payloadlen = (payload.len() as u32).into();
    (record, payload)
}

/// Makes an END without its sums.
pub fn end(toguid: u64) -> Draft {
    (ReplayRecord::new(&End::<LE> { end_checksum: [U64::ZERO; 4], toguid: toguid.into() }), vec![])
}

/// A single stream, with a payload after its BEGIN or without.
pub fn single() -> impl Strategy<Value = Drafts> {
    (prop::collection::vec(inner_record(), 0..12), 0usize..80, 1u64..1 << 50).prop_map(
        |(inner, payload, seed)| {
            let mut drafts = vec![begin(1, vec![7; payload], seed)];
            drafts.extend(inner);
            drafts.push(end(seed));
            drafts
        },
    )
}

/// A single stream, or a package of some.
pub fn stream() -> impl Strategy<Value = Drafts> {
    let package = (prop::collection::vec(single(), 0..3), 0usize..80).prop_map(|(singles, len)| {
        let mut drafts = vec![begin(2, vec![9; len], 5), end(0)];
        drafts.extend(singles.into_iter().flatten());
        drafts.push(end(0));
        drafts
    });
    prop_oneof![3 => single(), 1 => package]
}

/// Returns true if the first record opens a package.
///
/// # Panics
/// If it is no BEGIN.
pub fn is_package(drafts: &[Draft]) -> bool {
    drafts[0].0.body_as::<Begin<LE>>().unwrap().versioninfo.get() & 3 == 2
}

/// Writes a stream in little-endian order.
///
/// # Panics
/// As [`write_with`].
pub fn write_little(drafts: &[Draft]) -> Vec<u8> {
    write_with(StreamWriter::new(Vec::new()), drafts)
}

/// Writes a stream with this writer.
///
/// # Panics
/// If a payload is not as long as its header says.
pub fn write_with(mut writer: StreamWriter<Vec<u8>>, drafts: &[Draft]) -> Vec<u8> {
    for (at, (record, payload)) in drafts.iter().enumerate() {
        if at + 1 == drafts.len() && is_package(drafts) {
            writer.package_end().unwrap();
        } else {
            writer.record(*record, payload).unwrap();
        }
    }
    writer.into_inner().unwrap()
}

/// As a big-endian sender writes it; independent of the writer and the chain.
fn write_big(drafts: &[Draft]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sum = Fletcher4::ZERO;
    for (at, (record, payload)) in drafts.iter().enumerate() {
        let mut record: ReplayRecord<BE> = byteswap(record);
        let kind = record.record_type();
        let unstamped = is_package(drafts) && (at == 1 || at + 1 == drafts.len());
        if kind == RecordType::BEGIN {
            sum = Fletcher4::ZERO;
        }
        if let Some(end) = record.body_as_mut::<End<BE>>() {
            end.end_checksum = sum.words().map(U64::new);
        }
        sum.update_byteswapped(&record.as_bytes()[..CHECKSUM_OFFSET]);
        if kind != RecordType::BEGIN && !unstamped {
            record.checksum = sum.words().map(U64::new);
        }
        sum.update_byteswapped(&record.as_bytes()[CHECKSUM_OFFSET..]);
        sum.update_byteswapped(payload);
        if kind == RecordType::END {
            sum = Fletcher4::ZERO;
        }
        out.extend_from_slice(record.as_bytes());
        out.extend_from_slice(payload);
    }
    out
}

/// Writes a stream in either order.
///
/// # Panics
/// As [`write_with`].
pub fn write_in(drafts: &[Draft], big: bool) -> Vec<u8> {
    if big { write_big(drafts) } else { write_little(drafts) }
}
