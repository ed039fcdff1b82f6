//! A step of one's own, in one process with the steps of the crate: a stream gets another name, and its blocks another
//! codec.

use std::io::Cursor;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::drr::{Begin, MAGIC, NAME_SIZE, Object, Write};
use zsend_records::flags::{Features, HeaderType, VersionInfo};
use zsend_records::reader::{Record, StreamReader};
use zsend_records::writer::StreamWriter;
use zsend_stream::change::{ChangeError, ChangeInput, Given, Out, Packet, Transform, Verb, change};

/// Gives streams another name.
#[derive(Debug)]
struct Rename(&'static str);

impl Transform for Rename {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, mut packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
        if let Some(begin) = packet.body_mut::<Begin<LE>>() {
            begin.toname = [0; NAME_SIZE];
            let name = self.0.as_bytes();
            begin.toname[..name.len()].copy_from_slice(name);
        }
        out.put(packet);
        Ok(())
    }
}

/// A stream of one file of one block.
fn stream() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut begin = Begin::<LE>::new_zeroed();
    begin.magic = MAGIC.into();
    begin.versioninfo = VersionInfo::new(HeaderType::SUBSTREAM, Features::empty()).0.into();
    begin.toguid = 42.into();
    begin.toname[..8].copy_from_slice(b"tank/a@b");
    let mut object = Object::<LE>::new_zeroed();
    (object.object, object.object_type, object.toguid) = (2.into(), 19.into(), 42.into());
    (object.blksz, object.dn_slots) = (4096.into(), 1);
    let mut write = Write::<LE>::new_zeroed();
    (write.object, write.object_type, write.toguid) = (2.into(), 19.into(), 42.into());
    (write.logical_size, write.checksumtype) = (4096.into(), 2);
    let mut writer = StreamWriter::new(Vec::new());
    writer.body(&begin, &[])?;
    writer.body(&object, &[])?;
    writer.body(&write, &[b'z'; 4096])?;
    writer.end(42)?;
    Ok(writer.into_inner()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recompress = Verb::named("recompress").ok_or("there is no such step")?;
    let given = Given { operands: vec!["zstd-3".to_owned()], ..Given::default() };
    let steps: Vec<Box<dyn Transform>> =
        vec![Box::new(Rename("backup/a@b")), (recompress.make)(&given)?];
    let source = ChangeInput::of_reader("a stream", Cursor::new(stream()?));
    let mut changed = Vec::new();
    change(vec![source], steps, &mut changed, |note| eprintln!("{note}"))?;
    for record in StreamReader::new(&changed[..]) {
        let record = record?;
        match record.record() {
            Record::Begin(begin) => println!("{}", String::from_utf8_lossy(begin.toname())),
            Record::Write(write) => {
                println!("WRITE of {} bytes in {}", write.logical_size, record.payload.len());
            }
            _ => {}
        }
    }
    Ok(())
}
