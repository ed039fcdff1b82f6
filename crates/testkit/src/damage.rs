//! Damage that checksums do not show: what was changed is summed up again.

use zerocopy::byteorder::{BE, LE, U64};
use zerocopy::{ByteOrder, IntoBytes};
use zsend_records::Order;
use zsend_records::byteswap::byteswap_with;
use zsend_records::chain::Chain;
use zsend_records::drr::{CHECKSUM_OFFSET, End, RecordType, ReplayRecord};
use zsend_records::reader::{ReaderOptions, Role, SliceReader, StreamError, StreamRecord};
use zsend_records::writer::StreamWriter;

/// Mends every checksum of a stream along its chain: the same records and payloads, in the same byte order,
/// with the sums that they have now.
///
/// # Errors
/// If the records cannot be told apart, or a payload is not as long as its header says.
///
/// ```
/// use zerocopy::{FromZeros, byteorder::LE};
/// use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
/// use zsend_records::reader::StreamReader;
/// use zsend_records::writer::StreamWriter;
///
/// let mut begin = Begin::<LE>::new_zeroed();
/// (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
/// let mut writer = StreamWriter::new(Vec::new());
/// writer.record(ReplayRecord::new(&begin), &[])?;
/// writer.end(42)?;
/// let mut stream = writer.into_inner()?;
/// stream[40] ^= 1; // A bit of the guid in BEGIN.
/// assert!(StreamReader::new(&stream[..]).any(|record| record.is_err()));
/// let mended = zsend_testkit::damage::reseal(&stream)?;
/// assert!(StreamReader::new(&mended[..]).all(|record| record.is_ok()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reseal(stream: &[u8]) -> Result<Vec<u8>, StreamError> {
    let options =
        ReaderOptions::new().with_verify(false).with_missing_end(true).with_concatenated(true);
    let records: Result<Vec<_>, _> =
        SliceReader::with_options(stream.to_vec().into(), options).collect();
    let records = records?;
    let mut mended = Vec::with_capacity(stream.len());
    // A stream that follows another may be of the other order.
    for run in records.chunk_by(|a, b| a.frame.order == b.frame.order) {
        let mut writer = StreamWriter::in_order(&mut mended, run[0].frame.order);
        for record in run {
            let written = match record.frame.role {
                Role::PackageEnd => writer.package_end(),
                Role::Stream | Role::PackageBegin | Role::PackageHeaderEnd => {
                    writer.record(record.header, &record.payload)
                }
            };
            written.expect("a record that was read has its payload, and memory takes it");
        }
        writer.into_inner().expect("memory takes all");
    }
    Ok(mended)
}

/// Writes records as they are, whatever their payloads' lengths, with the sums that they have then: what
/// [`reseal`] does of a stream whose records can be told apart.
///
/// An END keeps the sum in its own body if `keeps_end_sum`.
pub fn stamp(records: &[StreamRecord], keeps_end_sum: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut chain = Chain::new();
    for record in records {
        let mut header = record.header;
        let is_begin = header.record_type() == RecordType::BEGIN;
        let order = record.frame.order;
        if is_begin {
            chain = Chain::in_order(order);
        }
        if !keeps_end_sum
            && record.frame.role != Role::PackageEnd
            && let Some(end) = header.body_as_mut::<End<LE>>()
        {
            end.end_checksum = chain.sum().words().map(U64::new);
        }
        let is_stamped = !is_begin && record.frame.role == Role::Stream;
        let fields = record.frame.description.fields;
        match order {
            Order::Little => {
                stamp_one(&mut chain, &mut header, is_stamped);
                out.extend_from_slice(header.as_bytes());
            }
            Order::Big => {
                let mut big: ReplayRecord<BE> = byteswap_with(&header, fields);
                stamp_one(&mut chain, &mut big, is_stamped);
                out.extend_from_slice(big.as_bytes());
            }
        }
        chain.payload(&record.payload);
        out.extend_from_slice(&record.payload);
        if header.record_type() == RecordType::END {
            chain = Chain::in_order(order);
        }
    }
    out
}

fn stamp_one<O: ByteOrder>(chain: &mut Chain, header: &mut ReplayRecord<O>, is_stamped: bool) {
    chain.payload(&header.as_bytes()[..CHECKSUM_OFFSET]);
    if is_stamped {
        header.checksum = chain.sum().words().map(U64::new);
    }
    chain.payload(&header.as_bytes()[CHECKSUM_OFFSET..]);
}
