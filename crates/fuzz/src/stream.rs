//! Any bytes as a stream, or several.
//!
//! Payloads stay within the limits. Cutting the input anywhere changes neither the records nor the
//! error. Every record that is accepted can be written again, and what was written reads the same,
//! with good checksums.

use zerocopy::IntoBytes;
use zerocopy::byteorder::LE;
use zsend_records::Order;
use zsend_records::drr::{RECORD_SIZE, ReplayRecord};
use zsend_records::payload::Limits;
use zsend_records::reader::{
    ReaderOptions, Parser, ReadError, ReaderEvent, Role, StreamReader, StreamRecord,
};
use zsend_records::writer::StreamWriter;

/// Checksums are not verified, or no input of a fuzzer would get past the first record.
const OPTIONS: ReaderOptions = ReaderOptions::new()
    .with_limits(Limits::FUZZ)
    .with_verify(false)
    .with_missing_end(true)
    .with_concatenated(true);

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let (records, error) = read(bytes, OPTIONS);
    for record in &records {
        assert_eq!(record.payload.len() as u64, record.frame.payload_len);
        assert!(record.frame.payload_len <= Limits::FUZZ.of(record.frame.description.payload));
        let at = usize::try_from(record.frame.offset).expect("within the input");
        assert_eq!(record.raw()[..], bytes[at..][..RECORD_SIZE]);
    }
    // Every verified stream is one that the unverified reading gives too.
    let (verified, _) = read(bytes, OPTIONS.with_verify(true));
    assert!(verified.len() <= records.len());
    for piece in [1, 7, 311, 4096] {
        let (found, expected) = (parse(bytes, piece), summary(&records, error.as_deref()));
        assert_eq!(found.2, expected.2, "pieces of {piece}");
        assert!(found == expected, "pieces of {piece}");
    }
    // No input at all is no stream.
    if !records.is_empty() {
        for order in [Order::Little, Order::Big] {
            rewrite(&records, order);
        }
    }
}

fn read(bytes: &[u8], options: ReaderOptions) -> (Vec<StreamRecord>, Option<String>) {
    let mut records = Vec::new();
    for record in StreamReader::with_options(bytes, options) {
        match record {
            Ok(record) => records.push(record),
            Err(ReadError::Stream(e)) => return (records, Some(e.to_string())),
            Err(e) => panic!("memory does not fail: {e}"),
        }
    }
    (records, None)
}

/// The headers' bytes, how much payload was seen, and the error.
type Summary = (Vec<u8>, Vec<u8>, Option<String>);

fn summary(records: &[StreamRecord], error: Option<&str>) -> Summary {
    let headers = records.iter().flat_map(|r| r.header.as_bytes()).copied().collect();
    let payload = records.iter().flat_map(|r| &r.payload[..]).copied().collect();
    (headers, payload, error.map(str::to_owned))
}

/// As [`summary`], of input that comes in pieces. The blocking reader gives a record once the header
/// after it was found right, or the stream has ended; so a record before an error does not count.
fn parse(bytes: &[u8], piece: usize) -> Summary {
    let mut parser = Parser::with_options(OPTIONS);
    let (mut headers, mut payload) = (Vec::new(), Vec::new());
    let (mut start, mut end) = (0, 0);
    let mut given = (0, 0);
    let error = loop {
        let seen = (headers.len(), payload.len());
        if parser.is_done() && parser.payload_left() == 0 {
            given = seen;
        }
        match parser.parse(&bytes[start..end]) {
            Err(e) => break Some(e.to_string()),
            Ok((used, ReaderEvent::Record(_))) => {
                given = seen;
                headers.extend(parser.header().as_bytes());
                start += used;
            }
            Ok((used, ReaderEvent::Payload(piece))) => {
                payload.extend(piece);
                start += used;
            }
            Ok((_, ReaderEvent::NeedMore(_))) if end < bytes.len() => {
                end = (end + piece).min(bytes.len());
            }
            Ok((_, ReaderEvent::NeedMore(_))) => {
                let error = parser.finish(end - start).err().map(|e| e.to_string());
                if error.is_none() {
                    given = seen;
                }
                break error;
            }
        }
    };
    headers.truncate(given.0);
    payload.truncate(given.1);
    (headers, payload, error)
}

fn rewrite(records: &[StreamRecord], order: Order) {
    let mut writer = StreamWriter::in_order(Vec::new(), order);
    for record in records {
        let written = if record.frame.role == Role::PackageEnd {
            writer.package_end()
        } else {
            writer.record(record.header, &record.payload)
        };
        written.expect("a record that was read can be written");
    }
    let written = writer.into_inner().expect("a vector takes all");
    let (again, error) = read(&written, OPTIONS.with_verify(true));
    assert_eq!(error, None);
    assert_eq!(again.len(), records.len());
    for (a, b) in again.iter().zip(records) {
        assert_eq!(a.payload, b.payload);
        assert_eq!(without_sums(&a.header), without_sums(&b.header));
    }
}

/// A header without what the writer puts in: its last 32 bytes, and in an END the sum before.
fn without_sums(header: &ReplayRecord<LE>) -> Vec<u8> {
    let mut bytes = header.as_bytes().to_vec();
    let end = bytes.len() - 32;
    bytes[end..].fill(0);
    // In an END: the type is 5 and the sum follows type and payload length.
    if bytes[0] == 5 {
        bytes[8..40].fill(0);
    }
    bytes
}
