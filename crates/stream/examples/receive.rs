//! Applies a stream to a folder: a file for each object, named by its number, with the object's blocks in it.
//! `receive DIR < STREAM`. An incremental goes where its source was received. Raw streams are refused.
#![allow(clippy::print_stderr, dead_code, reason = "a program, and a module of a test")]

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use zsend_codec::decompress;
use zsend_ondisk::byteswap::swap;
use zsend_records::Order;
use zsend_records::drr::{OBJECT_END, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, StreamReader, StreamRecord};
use zsend_records::types::{Compress, DmuType};
use zsend_records::zerocopy::byteorder::LE;

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let dir = std::env::args_os().nth(1).ok_or("usage: receive DIR < STREAM")?;
    receive(io::stdin().lock(), Path::new(&dir))
}

/// Applies every record. A record is there only once it was verified.
pub(crate) fn receive(stream: impl Read, dir: &Path) -> Done {
    for record in StreamReader::new(stream) {
        apply(&record?, dir)?;
    }
    Ok(())
}

fn apply(record: &StreamRecord, dir: &Path) -> Done {
    let path = |object: u64| -> PathBuf { dir.join(object.to_string()) };
    match record.record() {
        Record::Begin(begin) if begin.features().contains(Features::RAW) => {
            return Err("a raw stream cannot be applied to files".into());
        }
        Record::Object(object) => {
            File::options().create(true).append(true).open(path(object.object.get()))?;
        }
        Record::Write(write) => {
            put(&path(write.object.get()), write.offset.get(), &block_of(write, record)?)?;
        }
        Record::WriteEmbedded(write) => {
            let stored = &record.payload[..write.psize.get().try_into()?];
            let mut block = vec![0; write.lsize.get().min(16 << 20).try_into()?];
            decompress(write.compression(), stored, &mut block)?;
            put(&path(write.object.get()), write.offset.get(), &block)?;
        }
        Record::Free(free) => {
            let file = OpenOptions::new().write(true).open(path(free.object.get()))?;
            let (start, len) = (free.offset.get(), file.metadata()?.len());
            let end = match free.length.get() {
                OBJECT_END => len,
                length => start.saturating_add(length).min(len),
            };
            (&file).seek(SeekFrom::Start(start))?;
            io::copy(&mut io::repeat(0).take(end.saturating_sub(start)), &mut &file)?;
        }
        Record::FreeObjects(free) => {
            let objects =
                free.firstobj.get()..free.firstobj.get().saturating_add(free.numobjs.get());
            for entry in fs::read_dir(dir)? {
                let entry = entry?.path();
                let number = entry.file_name().and_then(|name| name.to_str()?.parse().ok());
                if number.is_some_and(|number: u64| objects.contains(&number)) {
                    fs::remove_file(entry)?;
                }
            }
        }
        Record::WriteByref(_) | Record::Redact(_) | Record::ObjectRange(_) | Record::Unknown(_) => {
            return Err(format!("{} cannot be applied to files", record.frame.name()).into());
        }
        // What is no data of a block has no place in a file.
        Record::Begin(_) | Record::Spill(_) | Record::End(_) => {}
    }
    Ok(())
}

/// The block of a WRITE, decompressed and in little-endian order.
fn block_of(write: &Write<LE>, record: &StreamRecord) -> Result<Vec<u8>, Box<dyn Error>> {
    // A header alone allocates no more than the longest block.
    let size = usize::try_from(write.logical_size.get())?;
    let mut block =
        vec![0; Some(size).filter(|&size| size <= 16 << 20).ok_or("a block over 16 MiB")?];
    decompress(write.compression().unwrap_or(Compress::OFF), &record.payload, &mut block)?;
    if record.frame.order == Order::Big {
        let kind = write.object_type().and_then(DmuType::byteswap);
        swap(kind.ok_or("a block of an unknown type")?, &mut block);
    }
    Ok(block)
}

fn put(path: &Path, offset: u64, block: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(block)
}
