//! Properties of reading and writing whole streams of arbitrary records.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may fail, and makes small streams only"
)]

use proptest::prelude::*;
use proptest::sample::Index;
use zerocopy::byteorder::{BE, LE, U64};
use zerocopy::{FromZeros, IntoBytes};
use zsend_records::byteswap::byteswap;
use zsend_records::drr::{
    Begin, CHECKSUM_OFFSET, End, MAGIC, Object, RECORD_SIZE, RecordType, ReplayRecord, Spill,
    Write, WriteEmbedded,
};
use zsend_records::fletcher::Fletcher4;
use zsend_records::payload::{Limits, RecordError, payload_len};
use zsend_records::reader::{
    Event, Options, Parser, ReadError, Role, StreamError, StreamErrorKind, StreamReader,
};
use zsend_records::writer::StreamWriter;

/// A record before it is written, and its payload.
type Draft = (ReplayRecord<LE>, Vec<u8>);

/// A stream's records from BEGIN to END; what an END holds is filled in when it is written.
type Drafts = Vec<Draft>;

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

fn begin(header_type: u64, payload: Vec<u8>, seed: u64) -> Draft {
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

fn end(toguid: u64) -> Draft {
    (ReplayRecord::new(&End::<LE> { end_checksum: [U64::ZERO; 4], toguid: toguid.into() }), vec![])
}

fn single() -> impl Strategy<Value = Drafts> {
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
fn stream() -> impl Strategy<Value = Drafts> {
    let package = (prop::collection::vec(single(), 0..3), 0usize..80).prop_map(|(singles, len)| {
        let mut drafts = vec![begin(2, vec![9; len], 5), end(0)];
        drafts.extend(singles.into_iter().flatten());
        drafts.push(end(0));
        drafts
    });
    prop_oneof![3 => single(), 1 => package]
}

fn is_package(drafts: &Drafts) -> bool {
    drafts[0].0.body_as::<Begin<LE>>().unwrap().versioninfo.get() & 3 == 2
}

fn write_little(drafts: &Drafts) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    for (at, (record, payload)) in drafts.iter().enumerate() {
        if at + 1 == drafts.len() && is_package(drafts) {
            writer.package_end().unwrap();
        } else {
            writer.record(*record, payload).unwrap();
        }
    }
    writer.into_inner()
}

/// As a big-endian sender writes it; independent of the writer and the chain.
fn write_big(drafts: &Drafts) -> Vec<u8> {
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

fn write_in(drafts: &Drafts, big: bool) -> Vec<u8> {
    if big { write_big(drafts) } else { write_little(drafts) }
}

/// What was read: each record's bytes but for its sums, and its payload.
fn read(bytes: &[u8], options: Options) -> (Drafts, Option<StreamError>) {
    let mut reader = StreamReader::with_options(bytes, options);
    let mut drafts = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                assert_eq!(record.payload.len() as u64, record.frame.payload_len);
                let mut header = record.frame.header;
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
            Event::Record(frame) => out.push((frame.offset, Vec::new())),
            Event::Payload(piece) => out.last_mut().unwrap().1.extend_from_slice(piece),
            Event::NeedMore(_) if end == bytes.len() => {
                parser.finish(end - start)?;
                return Ok(out);
            }
            Event::NeedMore(_) => end = (end + sizes.next().unwrap()).min(bytes.len()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(drafts in stream(), big in any::<bool>()) {
        let (read, error) = read(&write_in(&drafts, big), Options::default());
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
        let (read, error) = read(&bytes[..cut], Options::default());
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
        let options = Options { missing_end: true, ..Options::default() };
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
        let (_, error) = read(&flipped, Options::default());
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
        let limits = Limits::FUZZ;
        let options = Options { limits, verify: false, missing_end: true, concatenated: true };
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
    let (_, error) = read(bytes, Options::default());
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
        (1000, "byte 1000, record 2: stream is truncated: payload has 376 of 512 bytes"),
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
        writer.into_inner()
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
    let mut bytes = write_little(&vec![begin(1, vec![], 1), end(1)]);
    bytes.truncate(RECORD_SIZE);
    let begin = bytes.clone();
    bytes.extend_from_slice(unknown.as_bytes());
    assert_eq!(first_error(&bytes), "byte 312, record 1: record type is 0xb, expected at most 0xa");

    let mut write = Write::<LE>::new_zeroed();
    write.logical_size = (1 << 40).into();
    let bytes = [&begin[..], ReplayRecord::<LE>::new(&write).as_bytes()].concat();
    let (_, error) = read(&bytes, Options::default());
    assert!(matches!(
        error.expect("an error").kind,
        StreamErrorKind::Record(RecordError::PayloadTooLong { found: 0x100_0000_0000, .. })
    ));
}

#[test]
fn one_stream_may_follow_another_when_asked_for() {
    let bytes = write_little(&vec![begin(1, vec![], 1), end(1)]).repeat(3);
    let options = Options { concatenated: true, ..Options::default() };
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
                let frame = record.expect("a record").frame;
                assert_eq!(frame.swapped, big);
                assert_eq!(frame.raw[..], bytes[frame.offset as usize..][..RECORD_SIZE]);
                frame.role
            })
            .collect();
        use Role::{PackageBegin, PackageEnd, PackageHeaderEnd, Stream};
        assert_eq!(roles, [PackageBegin, PackageHeaderEnd, Stream, Stream, PackageEnd]);
    }
}
