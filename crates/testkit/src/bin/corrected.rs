//! Corrects a reference stream that has a spill block in a WRITE_EMBEDDED record, and prints its size and
//! digest: those of [`zsend_testkit::cases`] come from here, so from the reference and not from us.
//!
//! `cargo run -p zsend-testkit --bin corrected -- openzfs/redacted-Lec.zsend`, unpacked from the
//! `streams.tar.zst` of the corpus.

use sha2::{Digest, Sha256};
use std::error::Error;
use zerocopy::byteorder::LE;
use zerocopy::{FromBytes, FromZeros};
use zsend_codec::decompress;
use zsend_records::drr::{End, ReplayRecord, Spill, WriteEmbedded};
use zsend_records::payload::payload_len;
use zsend_records::writer::StreamWriter;
use zsend_testkit::hex;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("a file is wanted")?;
    let stream = std::fs::read(path)?;
    let mut rest = &stream[..];
    let mut corrected = StreamWriter::new(Vec::new());
    let mut replaced = 0;
    while !rest.is_empty() {
        let (record, behind) =
            ReplayRecord::<LE>::read_from_prefix(rest).map_err(|_| "the stream is cut")?;
        let len = usize::try_from(payload_len(&record)?)?;
        let (payload, behind) = behind.split_at_checked(len).ok_or("the stream is cut")?;
        rest = behind;
        let spilled = record.body_as::<WriteEmbedded<LE>>().filter(|w| w.offset.get() >> 63 == 1);
        if let Some(end) = record.body_as::<End<LE>>() {
            corrected.end(end.toguid.get())?;
        } else if let Some(embedded) = spilled.copied() {
            let mut block = vec![0; usize::try_from(embedded.lsize.get())?];
            let packed = usize::try_from(embedded.psize.get())?;
            decompress(embedded.compression(), &payload[..packed], &mut block)?;
            let mut spill = Spill::<LE>::new_zeroed();
            spill.object = embedded.object;
            spill.length = (block.len() as u64).into();
            spill.toguid = embedded.toguid;
            corrected.record(ReplayRecord::new(&spill), &block)?;
            replaced += 1;
        } else {
            // The writer sums it anew.
            corrected.record(record, payload)?;
        }
    }
    let corrected = corrected.into_inner()?;
    let hex = hex(Sha256::digest(&corrected));
    println!("{replaced} records replaced; {} bytes, SHA-256 {hex}", corrected.len());
    Ok(())
}
