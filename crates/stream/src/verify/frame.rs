//! A record of a stream that is verified: its header, its place, and the fields that all types have.

use super::context::Context;
use crate::limits::LIMITS;
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use zsend_records::Order;
use zsend_records::byteswap::byteswap_with;
use zsend_records::describe::{Description, Field};
use zsend_records::drr::{
    Begin, CHECKSUM_OFFSET, RECORD_SIZE, RecordType, ReplayRecord, Spill, Write, WriteEmbedded,
};
use zsend_records::zerocopy::byteorder::{BE, LE};
use zsend_records::zerocopy::{FromZeros, IntoBytes};

/// A record with its place.
#[derive(Clone, Debug)]
pub(super) struct PlacedFrame {
    /// Records before it in the input.
    pub(super) record: u64,
    /// Bytes before it in the input.
    pub(super) byte: u64,
    pub(super) order: Order,
    /// The header in little-endian order.
    pub(super) header: ReplayRecord<LE>,
    pub(super) description: &'static Description,
    pub(super) payload_len: u64,
    /// Bytes before it were passed over, so nothing is known of the sum up to it.
    pub(super) is_found_again: bool,
    /// The BEGIN that it stands behind, or that it is.
    pub(super) context: Arc<Context>,
}

impl PlacedFrame {
    /// Nothing, as before the first record.
    pub(super) fn none() -> Self {
        let header = ReplayRecord::new_zeroed();
        Self {
            record: 0,
            byte: 0,
            order: Order::Little,
            header,
            description: &NOTHING,
            payload_len: 0,
            is_found_again: false,
            context: Arc::default(),
        }
    }

    /// The record's type.
    pub(super) const fn record_type(&self) -> RecordType {
        self.description.record_type
    }

    /// The header's bytes as they lay in the stream.
    pub(super) fn raw(&self) -> [u8; RECORD_SIZE] {
        match self.order {
            Order::Little => zsend_records::zerocopy::transmute!(self.header),
            Order::Big => {
                let big: ReplayRecord<BE> = byteswap_with(&self.header, self.description.fields);
                zsend_records::zerocopy::transmute!(big)
            }
        }
    }

    /// Bytes of memory that checking it takes: the payload, and what it decompresses to.
    pub(super) fn cost(&self) -> u64 {
        let header = &self.header;
        let logical = match self.record_type() {
            RecordType::WRITE => header.body_as::<Write<LE>>().map_or(0, |w| w.logical_size.get()),
            RecordType::SPILL => header.body_as::<Spill<LE>>().map_or(0, |s| s.length.get()),
            RecordType::WRITE_EMBEDDED => {
                header.body_as::<WriteEmbedded<LE>>().map_or(0, |e| e.lsize.get().into())
            }
            RecordType(_) => 0,
        };
        self.payload_len.saturating_add(logical.min(LIMITS.block))
    }
}

const NOTHING: Description = Description::of::<Begin<LE>>();

/// Fields that records of most types have, by their offset in the header, and what is beside the fields.
#[derive(Debug, Default)]
struct Known {
    toguid: Option<usize>,
    /// `object`, or `firstobj`.
    object: Option<usize>,
    offset: Option<usize>,
    /// Bytes before the checksum that no field has.
    unused: Vec<Range<usize>>,
}

/// Those of every type, by its number.
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let types = (0..).map_while(|kind| RecordType(kind).description());
    types
        .map(|description| {
            let find = |name| description.fields.iter().find(|field| field.name == name);
            let offset = |name| find(name).filter(|field| field.width == 8).map(|f| f.offset);
            let end = |field: &Field| field.offset + field.width * field.count;
            let pads = description.fields.iter().filter(|field| field.is_padding());
            let behind = description.fields.last().map_or(8, end)..CHECKSUM_OFFSET;
            Known {
                unused: pads.map(|pad| pad.offset..end(pad)).chain([behind]).collect(),
                toguid: offset("toguid"),
                object: offset("object").or_else(|| offset("firstobj")),
                offset: offset("offset"),
            }
        })
        .collect()
});

fn known(header: &ReplayRecord<LE>) -> Option<&'static Known> {
    KNOWN.get(header.record_type().0 as usize)
}

fn word(header: &ReplayRecord<LE>, offset: Option<usize>) -> Option<u64> {
    let word = header.as_bytes().get(offset?..)?.first_chunk()?;
    Some(u64::from_le_bytes(*word))
}

/// The guid of the sent snapshot in a record.
pub(super) fn guid(header: &ReplayRecord<LE>) -> Option<u64> {
    word(header, known(header)?.toguid)
}

/// The object that a record is about, and the offset in it.
pub(crate) fn place(header: &ReplayRecord<LE>) -> (Option<u64>, Option<u64>) {
    let Some(known) = known(header) else { return (None, None) };
    (word(header, known.object), word(header, known.offset))
}

/// The number of bytes that are not zero where no field of the record is.
pub(super) fn unused(header: &ReplayRecord<LE>) -> usize {
    let ranges = known(header).map_or(&[][..], |known| &known.unused);
    let count = |bytes: &[u8]| {
        // Nearly always all are: to see that is quicker than to count.
        let any = bytes.iter().fold(0, |any, byte| any | byte);
        if any == 0 { 0 } else { bytes.iter().filter(|&&byte| byte != 0).count() }
    };
    ranges.iter().filter_map(|range| header.as_bytes().get(range.clone())).map(count).sum()
}
