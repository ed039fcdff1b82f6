//! The rate of a codec by itself: the blocks of a stored stream, in memory, on all cores at once.

use crate::median;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use zsend_codec::{Compression, Compressor, UnknownCompression};
use zsend_records::bytes::Bytes;
use zsend_records::drr::RecordType;
use zsend_records::reader::StreamReader;

/// Bytes of blocks that are compressed: many times what the caches hold.
const SAMPLE: usize = 512 << 20;

/// GB/s of a codec, by its word, over the data of a stream's first WRITE records.
pub(super) fn rate(word: &str, stream: &Path, runs: usize) -> Result<f64, String> {
    let compression: Compression = word.parse().map_err(|e: UnknownCompression| e.to_string())?;
    let blocks = blocks(stream)?;
    let bytes: usize = blocks.iter().map(Bytes::len).sum();
    let mut rates = Vec::new();
    for _ in 0..runs {
        let begun = Instant::now();
        compress(compression, &blocks)?;
        rates.push(bytes as f64 / begun.elapsed().as_secs_f64() / 1e9);
    }
    Ok(median(rates))
}

/// Data of the first WRITE records.
fn blocks(stream: &Path) -> Result<Vec<Bytes>, String> {
    let tell = |e: &dyn std::fmt::Display| format!("{}: {e}", stream.display());
    let mut reader = StreamReader::new(File::open(stream).map_err(|e| tell(&e))?);
    let (mut blocks, mut bytes) = (Vec::new(), 0);
    while bytes < SAMPLE {
        let Some(record) = reader.next_record().map_err(|e| tell(&e))? else { break };
        if record.frame.record_type() == RecordType::WRITE {
            bytes += record.payload.len();
            blocks.push(record.payload);
        }
    }
    if blocks.is_empty() {
        return Err(format!("{}: no WRITE record", stream.display()));
    }
    Ok(blocks)
}

/// Compresses each block once, on as many threads as there are cores.
fn compress(compression: Compression, blocks: &[Bytes]) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        let mut codec = Compressor::new(compression).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
            out.resize(block.len(), 0);
            codec.compress(block, &mut out).map_err(|e| e.to_string())?;
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err("the codec panicked".to_owned()))
        })
    })
}
