//! Properties of reading and writing whole streams of arbitrary records.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may fail, and makes small streams only"
)]

mod payloads;

use proptest::prelude::*;
use proptest::sample::Index;
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromZeros, IntoBytes};
use zsend_records::Order;
use zsend_records::drr::{End, RECORD_SIZE, RecordType, ReplayRecord, Write};
use zsend_records::payload::{Limits, RecordError};
use zsend_records::reader::{
    Parser, ReadError, ReaderEvent, ReaderOptions, Role, StreamError, StreamErrorKind, StreamReader,
};
use zsend_records::writer::StreamWriter;
use zsend_testkit::streams::{
    Draft, Drafts, begin, end, is_package, single, stream, write_in, write_little,
};

/// Result of reading: each record's bytes but for its sums, and its payload.
fn read(bytes: &[u8], options: ReaderOptions) -> (Drafts, Option<StreamError>) {
    let mut reader = StreamReader::with_options(bytes, options);
    let mut drafts = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                assert_eq!(record.payload.len() as u64, record.frame.payload_len);
                let mut header = record.header;
                if header.record_type() != RecordType::BEGIN {
                    header.checksum = [U64::ZERO; 4];
                }
                if let Some(end) = header.body_as_mut::<End<LE>>() {
                    end.end_checksum = [U64::ZERO; 4];
                }
                drafts.push((header, record.payload.to_vec()));
            }
            Ok(None) => return (drafts, None),
            Err(ReadError::Stream(error)) => {
                assert!(matches!(reader.next_record(), Ok(None)), "more after an error");
                return (drafts, Some(error));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

fn same(a: &[Draft], b: &[Draft]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.0.as_bytes() == b.0.as_bytes() && a.1 == b.1)
}

/// The events of a parser that gets its input in these pieces, payload joined.
fn parse_in_pieces(bytes: &[u8], sizes: &[usize]) -> Result<Vec<(u64, Vec<u8>)>, StreamError> {
    let mut parser = Parser::new(Limits::DEFAULT);
    let mut sizes = sizes.iter().cycle();
    let (mut start, mut end) = (0, 0);
    let mut out: Vec<(u64, Vec<u8>)> = Vec::new();
    loop {
        let (used, event) = parser.parse(&bytes[start..end])?;
        start += used;
        match event {
            ReaderEvent::Record(frame) => out.push((frame.offset, Vec::new())),
            ReaderEvent::Payload(piece) => out.last_mut().unwrap().1.extend_from_slice(piece),
            ReaderEvent::NeedMore(_) if end == bytes.len() => {
                parser.finish(end - start)?;
                return Ok(out);
            }
            ReaderEvent::NeedMore(_) => end = (end + sizes.next().unwrap()).min(bytes.len()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(drafts in stream(), big in any::<bool>()) {
        let (read, error) = read(&write_in(&drafts, big), ReaderOptions::default());
        prop_assert_eq!(error, None);
        prop_assert!(same(&read, &drafts));
    }

    #[test]
    fn a_stream_cut_anywhere_is_truncated(
        drafts in stream(),
        big in any::<bool>(),
        cut in any::<Index>(),
    ) {
        let bytes = write_in(&drafts, big);
        let cut = cut.index(bytes.len());
        let (read, error) = read(&bytes[..cut], ReaderOptions::default());
        let error = error.expect("an error");
        prop_assert!(
            matches!(error.kind, StreamErrorKind::Truncated { .. } | StreamErrorKind::NoEnd),
            "{}", error
        );
        prop_assert!(error.offset <= cut as u64);
        // Only whole records, and of those the last is not verified yet.
        let size: usize = drafts.iter().take(read.len()).map(|d| RECORD_SIZE + d.1.len()).sum();
        prop_assert!(size <= cut);
        prop_assert!(same(&read, &drafts[..read.len()]));
    }

    #[test]
    fn a_stream_that_needs_no_end_may_be_cut_between_records(
        drafts in single(),
        big in any::<bool>(),
        keep in any::<Index>(),
    ) {
        let keep = keep.index(drafts.len()) + 1;
        let size: usize = drafts[..keep].iter().map(|d| RECORD_SIZE + d.1.len()).sum();
        let options = ReaderOptions::new().with_missing_end(true);
        let (read, error) = read(&write_in(&drafts, big)[..size], options);
        prop_assert_eq!(error, None);
        prop_assert!(same(&read, &drafts[..keep]));
    }

    #[test]
    fn pieces_of_input_may_be_cut_anywhere(
        drafts in stream(),
        big in any::<bool>(),
        sizes in prop::collection::vec(1usize..400, 1..20),
    ) {
        let bytes = write_in(&drafts, big);
        let whole = parse_in_pieces(&bytes, &[bytes.len()]);
        prop_assert_eq!(whole.as_ref().map(Vec::len), Ok(drafts.len()));
        prop_assert_eq!(parse_in_pieces(&bytes, &sizes), whole);
    }

    #[test]
    fn a_flipped_bit_is_detected(
        drafts in stream(),
        big in any::<bool>(),
        bit in any::<Index>(),
    ) {
        let bytes = write_in(&drafts, big);
        let bit = bit.index(bytes.len() * 8);
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (_, error) = read(&flipped, ReaderOptions::default());
        // The two END records of a package have no checksum, so part of them is not covered; nor
        // are the last bytes of a payload that do not fill a word.
        let mut at = 0;
        let mut covered = false;
        for (index, (_, payload)) in drafts.iter().enumerate() {
            let in_header = bit / 8 < at + RECORD_SIZE && bit / 8 >= at;
            let bare = is_package(&drafts) && (index == 1 || index + 1 == drafts.len());
            covered |= in_header && !bare;
            at += RECORD_SIZE;
            covered |= bit / 8 >= at && bit / 8 < at + payload.len() / 4 * 4;
            at += payload.len();
        }
        prop_assert!(error.is_some() || !covered);
    }

    #[test]
    fn flipped_bits_never_panic_without_verification(
        drafts in stream(),
        bits in prop::collection::vec(any::<Index>(), 1..20),
    ) {
        let mut bytes = write_little(&drafts);
        for bit in bits {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let options = ReaderOptions::new()
            .with_limits(Limits::FUZZ)
            .with_verify(false)
            .with_missing_end(true)
            .with_concatenated(true);
        let (read, _) = read(&bytes, options);
        prop_assert!(read.len() <= bytes.len() / RECORD_SIZE);
    }
}

#[test]
fn every_type_is_in_the_strategy() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = [false; RecordType::COUNT];
    for _ in 0..40 {
        for (record, _) in stream().new_tree(&mut runner).unwrap().current() {
            seen[record.record_type().0 as usize] = true;
        }
    }
    assert_eq!(seen, [true; RecordType::COUNT]);
}

fn first_error(bytes: &[u8]) -> String {
    let (_, error) = read(bytes, ReaderOptions::default());
    error.expect("an error").to_string()
}

#[test]
fn the_end_of_the_input_is_told_by_where_it_is() {
    let mut write = Write::<LE>::new_zeroed();
    write.logical_size = 512.into();
    let drafts = vec![begin(1, vec![], 1), (ReplayRecord::new(&write), vec![1; 512]), end(1)];
    let bytes = write_little(&drafts);
    for (cut, message) in [
        (0, "byte 0, record 0: stream is truncated: it ends without an END record"),
        (311, "byte 0, record 0: stream is truncated: record header has 311 of 312 bytes"),
        (312, "byte 312, record 1: stream is truncated: it ends without an END record"),
        (1000, "byte 1000, record 1: stream is truncated: payload has 376 of 512 bytes"),
        (1137, "byte 1136, record 2: stream is truncated: record header has 1 of 312 bytes"),
    ] {
        assert_eq!(first_error(&bytes[..cut]), message);
    }
}

#[test]
fn records_out_of_place_are_refused() {
    let free = || {
        let mut record = ReplayRecord::<LE>::new_zeroed();
        record.drr_type = RecordType::FREE.0.into();
        (record, vec![])
    };
    let bytes = |drafts: &[Draft]| {
        let mut writer = StreamWriter::new(Vec::new());
        drafts.iter().for_each(|(record, payload)| writer.record(*record, payload).unwrap());
        writer.into_inner().unwrap()
    };
    for (drafts, message) in [
        (vec![free()], "byte 0, record 0: magic is 0x0, expected 0x2f5bacbac"),
        (vec![begin(3, vec![], 1)], "byte 0, record 0: header type is 3, expected 1 (a stream)"),
        (vec![begin(2, vec![], 1), free()], "byte 312, record 1: record is FREE, expected END,"),
        (
            vec![begin(1, vec![], 1), begin(1, vec![], 1)],
            "byte 312, record 1: record is BEGIN, expected a record inside a stream, or END",
        ),
        (
            vec![begin(2, vec![], 1), end(0), free()],
            "byte 624, record 2: record is FREE, expected BEGIN, or END,",
        ),
        (
            vec![begin(2, vec![], 1), end(0), begin(2, vec![], 1)],
            "byte 624, record 2: header type is 2, expected 1",
        ),
        (
            vec![begin(1, vec![], 1), end(1), begin(1, vec![], 1)],
            "byte 624, record 2: there is more after the end of the stream",
        ),
    ] {
        let error = first_error(&bytes(&drafts));
        assert!(error.starts_with(message), "{error}\n{message}");
    }
}

#[test]
fn an_unknown_type_and_a_payload_too_long_are_refused() {
    let mut unknown = ReplayRecord::<LE>::new_zeroed();
    unknown.drr_type = 11.into();
    let mut bytes = write_little(&[begin(1, vec![], 1), end(1)]);
    bytes.truncate(RECORD_SIZE);
    let begin = bytes.clone();
    bytes.extend_from_slice(unknown.as_bytes());
    assert_eq!(first_error(&bytes), "byte 312, record 1: record type is 0xb, expected at most 0xa");

    let mut write = Write::<LE>::new_zeroed();
    write.logical_size = (1 << 40).into();
    let bytes = [&begin[..], ReplayRecord::<LE>::new(&write).as_bytes()].concat();
    let (_, error) = read(&bytes, ReaderOptions::default());
    assert!(matches!(
        error.expect("an error").kind,
        StreamErrorKind::Record(RecordError::PayloadTooLong { found: 0x100_0000_0000, .. })
    ));
}

#[test]
fn one_stream_may_follow_another_when_asked_for() {
    let bytes = write_little(&[begin(1, vec![], 1), end(1)]).repeat(3);
    let options = ReaderOptions::new().with_concatenated(true);
    let (drafts, error) = read(&bytes, options);
    assert_eq!((drafts.len(), error), (6, None));
}

#[test]
fn a_package_tells_what_part_each_record_plays() {
    let drafts = vec![begin(2, vec![], 1), end(0), begin(1, vec![], 1), end(1), end(0)];
    for big in [false, true] {
        let bytes = write_in(&drafts, big);
        let roles: Vec<Role> = StreamReader::new(&bytes[..])
            .map(|record| {
                let record = record.expect("a record");
                let frame = record.frame;
                assert_eq!(frame.order, Order::from_big_endian(big));
                assert_eq!(record.raw()[..], bytes[frame.offset as usize..][..RECORD_SIZE]);
                frame.role
            })
            .collect();
        use Role::{PackageBegin, PackageEnd, PackageHeaderEnd, Stream};
        assert_eq!(roles, [PackageBegin, PackageHeaderEnd, Stream, Stream, PackageEnd]);
    }
}
