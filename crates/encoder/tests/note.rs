//! A record type of another crate: the example's, and the rows that it leaves alone or replaces.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../examples/note.rs"]
pub mod note;

use note::{Note, NoteEncoder, RECORDS, Remark, encode, names};
use std::io;
use std::path::Path;
use zerocopy::byteorder::LE;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::emit::{Emit, StreamParams};
use zsend_encoder::encoder::Encoder;
use zsend_encoder::encoders::{Encoders, RecordEncoder};
use zsend_encoder::event::{Event, FreeSlot, Redact};
use zsend_encoder::stretch::Stretch;
use zsend_records::drr::{RECORD_SIZE, RecordType};
use zsend_records::reader::{ReaderOptions, StreamReader};
use zsend_records::writer::{Counted, Counter, Measured, OutHeader, Payload, StreamWriter};
use zsend_stream::dump::{DumpOptions, dump};

const PARAMS: StreamParams = StreamParams::new(Dialect::OpenZfs, 42);

#[test]
fn the_example_runs() {
    note::main().unwrap();
}

#[test]
fn what_is_pending_goes_out_before_it_and_it_is_counted() {
    let (stream, summary) = encode(b"remember me!").unwrap();
    // The second free object does not join the first.
    let wanted = ["BEGIN", "FREEOBJECTS", "NOTE", "FREEOBJECTS", "END"];
    assert_eq!(names(&stream).unwrap(), wanted);
    let of = |kind| summary.records_of(kind);
    assert_eq!((of(RecordType(12)), of(RecordType::FREEOBJECTS), of(RecordType(13))), (1, 2, 0));
    assert_eq!((summary.records(), summary.bytes()), (5, stream.len() as u64));
    assert_eq!(stream.len(), 5 * RECORD_SIZE + 12);
    let options = ReaderOptions::new().with_records(RECORDS);
    let record = StreamReader::with_options(&stream[..], options).nth(2).unwrap().unwrap();
    let body = record.header.body_as::<Note<LE>>().unwrap();
    assert_eq!((body.object.get(), body.toguid.get()), (7, 42));
    assert_eq!(record.payload[..], b"remember me!"[..]);
}

#[test]
fn it_is_dumped() {
    let (stream, _) = encode(b"remember me!").unwrap();
    let options = DumpOptions::default().with_verbose(true).with_records(RECORDS);
    let mut text = Vec::new();
    dump(&stream[..], &mut text, &options).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("\nNOTE object = 7 toguid = 42 len = 12\n"), "{text}");
    assert!(text.contains("\tTotal NOTE records = 1 (12 bytes)\n"), "{text}");
}

#[test]
fn an_event_without_a_row_is_refused_by_name() {
    let mut encoder = Encoder::new(PARAMS, StreamWriter::new(Vec::new()));
    let event = Event::other(Remark { object: 7, text: Payload::NONE });
    let error = encoder.event(&event).unwrap_err().to_string();
    assert!(error.starts_with("no record encoder for an event of type "), "{error}");
    assert!(error.contains("Remark<"), "{error}");
}

#[test]
fn one_crates_events_do_not_go_to_anothers_row() {
    #[derive(Debug)]
    struct Stranger;
    let table = Encoders::default().register::<Remark<Payload>>(NoteEncoder);
    let mut encoder = Encoder::with(table, PARAMS, StreamWriter::new(Vec::new()));
    assert!(encoder.event(&Event::other(Stranger)).is_err());
    assert_eq!(encoder.summary().records(), 0);
}

/// Sends each redacted block as a NOTE without text.
struct Told;

impl<P: Measured> RecordEncoder<Redact, P> for Told {
    fn encode(&self, range: &Redact, out: &mut dyn Emit<P>) -> io::Result<()> {
        NoteEncoder.encode(&Remark { object: range.object, text: P::NONE }, out)
    }
}

#[test]
fn a_row_is_replaced() {
    let mut table = Encoders::default();
    table.redact = &Told;
    let mut encoder = Encoder::with(table, PARAMS, Counter);
    let redact = |offset| Event::Redact(Redact { object: 3, offset, length: 512 });
    [redact(0), redact(512)].iter().for_each(|event| encoder.event(event).unwrap());
    let summary = encoder.finish().unwrap();
    assert_eq!(summary.records_of(RecordType(12)), 2);
    assert_eq!(summary.records_of(RecordType::REDACT), 0);
}

#[test]
fn stretches_with_rows_of_another_crate_add_up() {
    let mut table = Encoders::default().register::<Remark<Counted>>(NoteEncoder);
    table.redact = &Told;
    let events = || {
        [0u8, 1, 0, 0, 2, 0, 1, 1, 0].into_iter().enumerate().map(|(i, kind)| {
            let object = i as u64;
            match kind {
                0 => Event::FreeSlot(FreeSlot { object }),
                1 => Event::Redact(Redact { object, offset: 0, length: 512 }),
                _ => Event::other(Remark { object, text: Counted(5) }),
            }
        })
    };
    let mut whole = Encoder::with(table.clone(), PARAMS, Counter);
    events().for_each(|event| whole.event(&event).unwrap());
    let whole = whole.finish().unwrap();
    assert_eq!(whole.records_of(RecordType(12)), 4);
    for cut in 0..=9 {
        let mut parts = Encoder::with(table.clone(), PARAMS, Counter);
        for range in [0..cut, cut..9] {
            let mut stretch = Stretch::with(table.clone(), PARAMS);
            let part = events().skip(range.start).take(range.len());
            part.for_each(|event| stretch.event(event).unwrap());
            parts.stretch(stretch).unwrap();
        }
        assert_eq!(parts.finish().unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn a_payload_of_another_length_is_refused() {
    #[derive(Debug)]
    struct Short;
    struct ShortEncoder;
    impl RecordEncoder<Short, Payload> for ShortEncoder {
        fn encode(&self, _: &Short, out: &mut dyn Emit<Payload>) -> io::Result<()> {
            let (object, toguid) = (7.into(), 42.into());
            let note = Note::<LE> { object, toguid, len: 8.into(), pad: [0; 4] };
            out.emit(OutHeader::of(&note), &Payload::new(&b"short"[..]))
        }
    }
    let table = Encoders::default().register::<Short>(ShortEncoder);
    let mut encoder = Encoder::with(table, PARAMS, StreamWriter::new(Vec::new()));
    let error = encoder.event(&Event::other(Short)).unwrap_err();
    assert_eq!(error.to_string(), "payload of NOTE is 5 bytes, expected 8");
    assert_eq!(encoder.summary().bytes(), 0);
}

/// Source files below a folder that name the record type.
fn files_that_say(what: &str, dir: &Path) -> usize {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            if path.is_dir() {
                files_that_say(what, &path)
            } else {
                usize::from(std::fs::read_to_string(&path).is_ok_and(|text| text.contains(what)))
            }
        })
        .sum()
}

#[test]
fn one_file_is_all_that_it_needs() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(here.join("examples/note.rs")).unwrap();
    assert!(source.lines().count() < 100);
    assert_eq!(files_that_say("NoteEncoder", &here.join("examples")), 1);
    for other in ["encoder/src", "records/src", "stream/src"] {
        assert_eq!(files_that_say("NoteEncoder", &here.join("..").join(other)), 0, "{other}");
    }
}
