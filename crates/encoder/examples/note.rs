//! A record type of another crate from end to end: NOTE, number 12, is encoded, read back and dumped.
//!
//! All that the type needs is in this file; the table, the reader and the dump take it from here.

use std::error::Error;
use std::io;
use zerocopy::byteorder::{LE, U32, U64};
use zsend_encoder::dialect::Dialect;
use zsend_encoder::emit::{Emit, StreamParams};
use zsend_encoder::encoder::Encoder;
use zsend_encoder::encoders::{Encoders, RecordEncoder};
use zsend_encoder::event::{Begin, Event, FreeSlot};
use zsend_encoder::summary::Summary;
use zsend_records::describe::Description;
use zsend_records::drr::RecordType;
use zsend_records::flags::BeginFlags;
use zsend_records::reader::{ReadError, ReaderOptions, StreamReader};
use zsend_records::types::ObjsetType;
use zsend_records::writer::{Measured, OutHeader, Payload, StreamWriter};
use zsend_stream::dump::{DumpOptions, dump};

zsend_records::body! {
    /// A remark on an object; its text follows as payload.
    pub Note = RecordType(12), "NOTE", 24, payload: Block, |note, _| note.len.get().into();
    /// Object number.
    object: U64<O> = 8,
    /// Guid of the sent snapshot.
    toguid: U64<O> = 16,
    /// Bytes of text.
    len: U32<O> = 24,
    /// Zero.
    pad: [u8; 4] = 28,
}

/// Description for the reader and the dump.
pub const RECORDS: &[Description] = &[Description::of::<Note<LE>>()];

/// The event that becomes a NOTE.
#[derive(Debug)]
pub struct Remark<P> {
    /// Object number.
    pub object: u64,
    /// The text.
    pub text: P,
}

/// Encodes [`Remark`], in streams that are written and in those that are counted.
#[derive(Debug)]
pub struct NoteEncoder;

impl<P: Measured> RecordEncoder<Remark<P>, P> for NoteEncoder {
    fn encode(&self, remark: &Remark<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
        let note = Note::<LE> {
            object: remark.object.into(),
            toguid: out.params().toguid.into(),
            len: u32::try_from(remark.text.size()).map_err(io::Error::other)?.into(),
            pad: [0; 4],
        };
        out.emit(OutHeader::of(&note), &remark.text)
    }
}

/// A stream of a free object, a remark and another free object.
pub fn encode(text: &'static [u8]) -> io::Result<(Vec<u8>, Summary)> {
    let params = StreamParams::new(Dialect::OpenZfs, 42);
    let table = Encoders::default().register::<Remark<Payload>>(NoteEncoder);
    let mut stream = Vec::new();
    let mut encoder = Encoder::with(table, params, StreamWriter::new(&mut stream));
    encoder.event(&Event::Begin(Begin {
        creation_time: 0,
        objset_type: ObjsetType::ZFS,
        flags: BeginFlags::empty(),
        toguid: 42,
        fromguid: 0,
        toname: "pool/fs@snap".into(),
        payload: Payload::NONE,
    }))?;
    encoder.event(&Event::FreeSlot(FreeSlot { object: 6 }))?;
    encoder.event(&Event::other(Remark { object: 7, text: Payload::new(text) }))?;
    encoder.event(&Event::FreeSlot(FreeSlot { object: 7 }))?;
    let summary = encoder.finish()?;
    Ok((stream, summary))
}

/// The names of a stream's records, checksums verified.
pub fn names(stream: &[u8]) -> Result<Vec<&'static str>, ReadError> {
    let options = ReaderOptions::new().with_records(RECORDS);
    StreamReader::with_options(stream, options).map(|r| r.map(|r| r.frame.name())).collect()
}

/// Encodes, reads and dumps.
pub fn main() -> Result<(), Box<dyn Error>> {
    let (stream, _) = encode(b"remember me!")?;
    println!("{}", names(&stream)?.join(" "));
    let options = DumpOptions::default().with_verbose(true).with_records(RECORDS);
    dump(&stream[..], &mut io::stdout(), &options)?;
    Ok(())
}
