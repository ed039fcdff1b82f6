//! A record type of another crate: written, read in both byte orders, dumped in both forms.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use zerocopy::byteorder::{BE, LE, U16, U32, U64};
use zerocopy::{ByteOrder, FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};
use zsend_records::byteswap::byteswap_with;
use zsend_records::describe::{Description, Field};
use zsend_records::drr::{Begin, Body, MAGIC, RecordType, ReplayRecord};
use zsend_records::payload::PayloadBound;
use zsend_records::reader::{ReaderOptions, Record, StreamReader};
use zsend_records::writer::StreamWriter;
use zsend_stream::dump::{DumpOptions, Format, dump};

/// A remark on an object; its text follows as payload.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Note<O: ByteOrder> {
    object: U64<O>,
    kind: U32<O>,
    len: U16<O>,
    pad: [u8; 2],
    tag: [u8; 4],
    sums: [U64<O>; 2],
}

impl<O: ByteOrder> Body<O> for Note<O> {
    const TYPE: RecordType = RecordType(12);
    const NAME: &'static str = "NOTE";
    const FIELDS: &'static [Field] = &[
        Field { name: "object", offset: 8, width: 8, count: 1, doc: "" },
        Field { name: "kind", offset: 16, width: 4, count: 1, doc: "" },
        Field { name: "len", offset: 20, width: 2, count: 1, doc: "" },
        Field { name: "pad", offset: 22, width: 1, count: 2, doc: "" },
        Field { name: "tag", offset: 24, width: 1, count: 4, doc: "" },
        Field { name: "sums", offset: 28, width: 8, count: 2, doc: "" },
    ];

    const PAYLOAD: PayloadBound = PayloadBound::Block;

    fn payload_len(&self, _: &ReplayRecord<O>) -> u64 {
        self.len.get().into()
    }
}

const RECORDS: &[Description] = &[Description::of::<Note<LE>>()];
const TEXT: &[u8; 12] = b"remember me!";

fn stream() -> Vec<u8> {
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo, begin.toguid) = (MAGIC.into(), 1.into(), 42.into());
    let note = Note::<LE> {
        object: 7.into(),
        kind: 3.into(),
        len: 12.into(),
        pad: [0; 2],
        tag: *b"\x01\x02\x03\xff",
        sums: [0x1234.into(), 5.into()],
    };
    let mut writer = StreamWriter::new(Vec::new());
    writer.body(&begin, &[]).unwrap();
    writer.body(&note, TEXT).unwrap();
    writer.end(42).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn a_described_record_is_read_back() {
    let stream = stream();
    // Without its description the stream is refused by the type's number.
    let refused = StreamReader::new(&stream[..]).find_map(Result::err).unwrap();
    assert!(refused.to_string().contains("0xc"), "{refused}");
    let options = ReaderOptions::new().with_records(RECORDS);
    let mut reader = StreamReader::with_options(&stream[..], options);
    let mut notes = 0;
    while let Some(record) = reader.next_record().unwrap() {
        if record.record() == Record::Unknown(RecordType(12)) {
            let note = record.header.body_as::<Note<LE>>().unwrap();
            assert_eq!((note.object.get(), record.frame.name()), (7, "NOTE"));
            assert_eq!(record.payload[..], TEXT[..]);
            notes += 1;
        }
    }
    assert_eq!(notes, 1);
}

#[test]
fn the_other_byte_order_follows_from_the_description() {
    let note = Note::<LE> {
        object: 7.into(),
        kind: 3.into(),
        len: 12.into(),
        pad: [9, 8],
        tag: *b"\x01\x02\x03\xff",
        sums: [0x1234.into(), 5.into()],
    };
    let turned: ReplayRecord<BE> = byteswap_with(&ReplayRecord::new(&note), Note::<LE>::FIELDS);
    let turned = turned.body_as::<Note<BE>>().unwrap();
    assert_eq!((turned.object.get(), turned.kind.get(), turned.len.get()), (7, 3, 12));
    assert_eq!((turned.pad, turned.tag), (note.pad, note.tag));
    assert_eq!(turned.sums.map(U64::get), [0x1234, 5]);
}

#[test]
fn a_described_record_is_dumped() {
    let run = |format| {
        let options =
            DumpOptions::default().with_format(format).with_verbose(true).with_records(RECORDS);
        let mut out = Vec::new();
        dump(&stream()[..], &mut out, &options).unwrap();
        String::from_utf8(out).unwrap()
    };
    let text = run(Format::Text);
    assert!(
        text.contains("\nNOTE object = 7 kind = 3 len = 12 tag = 010203ff sums = 4660/5\n"),
        "{text}"
    );
    assert!(text.contains("\tTotal NOTE records = 1 (12 bytes)\n\tTotal records = 3\n"), "{text}");
    let json = run(Format::Json);
    let line = json.lines().nth(1).unwrap();
    let wanted = r#""object":7,"kind":3,"len":12,"tag":"010203ff","sums":"1234/5","#;
    assert!(line.starts_with(r#"{"type":"NOTE""#) && line.contains(wanted), "{line}");
}
