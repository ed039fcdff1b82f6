//! Payloads skipped, read into a buffer, taken in one piece, or as parts of the input; and both byte orders
//! written.

use proptest::prelude::*;
use proptest::sample::Index;
use zsend_records::Order;
use zsend_records::reader::{ReadError, SliceReader, StreamReader, StreamRecord};
use zsend_records::writer::{OutHeader, Payload, RecordSink, StreamWriter};
use zsend_testkit::streams::{Drafts, begin, end, stream, write_in, write_with};

/// Treatment of the payload of a record.
#[derive(Clone, Copy, Debug)]
enum Way {
    Skip,
    /// Read into a buffer of this many bytes, until this many were read; the rest is skipped.
    Read(usize, usize),
    Take,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        Just(Way::Skip),
        (1usize..800, 0usize..800).prop_map(|(len, most)| Way::Read(len, most)),
        Just(Way::Take),
    ]
}

/// A source that gives its bytes in pieces.
struct Pieces<'a>(&'a [u8], usize);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = buf.len().min(self.1);
        std::io::Read::read(&mut self.0, &mut buf[..len])
    }
}

/// Reads the payload in this way, and returns the beginning of it that was seen.
fn read<R: std::io::Read>(reader: &mut StreamReader<R>, way: Way) -> Result<Vec<u8>, ReadError> {
    match way {
        Way::Skip => Ok(Vec::new()),
        Way::Take => Ok(reader.payload()?.to_vec()),
        Way::Read(len, most) => {
            let (mut seen, mut buf) = (Vec::new(), vec![0xee; len]);
            while seen.len() < most {
                match reader.read_payload(&mut buf)? {
                    0 => break,
                    read => seen.extend_from_slice(&buf[..read]),
                }
            }
            Ok(seen)
        }
    }
}

proptest! {
    #[test]
    fn however_payloads_are_read_the_records_are_the_same(
        drafts in stream(),
        big in any::<bool>(),
        ways in prop::collection::vec(way(), 1..8),
        piece in prop_oneof![1usize..500, Just(1 << 20)],
    ) {
        let bytes = write_in(&drafts, big);
        let mut reader = StreamReader::new(Pieces(&bytes, piece));
        for (at, ((record, payload), way)) in drafts.iter().zip(ways.iter().cycle()).enumerate() {
            let frame = reader.next_frame().unwrap().unwrap();
            prop_assert_eq!((frame.index, frame.payload_len), (at as u64, payload.len() as u64));
            prop_assert_eq!(reader.header().record_type(), record.record_type());
            let seen = read(&mut reader, *way).unwrap();
            prop_assert!(payload.starts_with(&seen));
            match way {
                Way::Skip => {}
                Way::Read(_, most) => prop_assert!(seen.len() >= payload.len().min(*most)),
                Way::Take => prop_assert_eq!(seen.len(), payload.len()),
            }
        }
        prop_assert!(reader.next_frame().unwrap().is_none());
        prop_assert!(reader.parser().is_done());
    }

    #[test]
    fn a_payload_that_is_skipped_is_verified(
        drafts in stream(),
        big in any::<bool>(),
        way in way(),
        flip in any::<Index>(),
    ) {
        let mut bytes = write_in(&drafts, big);
        let mut words = Vec::new();
        let mut at = 0;
        for (_, payload) in &drafts {
            at += 312;
            words.extend(at..at + payload.len() / 4 * 4);
            at += payload.len();
        }
        prop_assume!(!words.is_empty());
        bytes[words[flip.index(words.len())]] ^= 1;
        let mut reader = StreamReader::new(&bytes[..]);
        let failed = loop {
            match reader.next_frame() {
                Ok(Some(_)) => if read(&mut reader, way).is_err() { break true },
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        prop_assert!(failed);
        prop_assert!(reader.next_frame().unwrap().is_none());
        prop_assert_eq!(reader.read_payload(&mut [0; 9]).unwrap(), 0);
    }

    #[test]
    fn a_stream_in_memory_reads_as_one_from_a_source(
        drafts in stream(),
        big in any::<bool>(),
        cut in any::<Index>(),
        whole in any::<bool>(),
    ) {
        let mut bytes = write_in(&drafts, big);
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut left: Vec<StreamRecord> = Vec::new();
        let mut error = None;
        for record in StreamReader::new(&bytes[..]) {
            match record {
                Ok(record) => left.push(record),
                Err(e) => error = Some(e.to_string()),
            }
        }
        let mut right: Vec<StreamRecord> = Vec::new();
        let mut said = None;
        let input = bytes::Bytes::from(bytes);
        for record in SliceReader::new(input.clone()) {
            match record {
                Ok(record) => {
                    let range = input.as_ptr_range();
                    prop_assert!(record.payload.is_empty() || range.contains(&record.payload.as_ptr()));
                    right.push(record);
                }
                Err(e) => said = Some(e.to_string()),
            }
        }
        // A source's record is held until the header after it was found right.
        prop_assert!(right.starts_with(&left) && right.len() <= left.len() + 1);
        prop_assert!(whole == error.is_none() && error == said);
        prop_assert!(!whole || left.len() == right.len());
    }

    #[test]
    fn a_writer_of_either_order_writes_as_its_senders_do(drafts in stream(), big in any::<bool>()) {
        let order = Order::from_big_endian(big);
        let written = write_with(StreamWriter::in_order(Vec::new(), order), &drafts);
        prop_assert!(written == write_in(&drafts, big));
    }
}

/// A payload with a sum from elsewhere, in a stream of the other order.
#[test]
fn a_sum_over_little_endian_words_is_not_taken_for_a_big_endian_stream() {
    let drafts: Drafts = vec![begin(1, vec![1, 2, 3, 4, 5, 6, 7, 8], 3), end(3)];
    let mut writer = StreamWriter::in_order(Vec::new(), Order::Big);
    for (record, payload) in &drafts {
        let payload = Payload::new(payload.clone());
        writer.take(OutHeader::new(*record).unwrap(), &payload).unwrap();
    }
    assert!(writer.into_inner().unwrap() == write_in(&drafts, true));
}
