//! Work that takes a send its time: Fletcher-4, parity and the codecs, one thread, blocks of 128 KiB.

use crate::median;
use crate::options::Options;
use crate::table::{Table, row};
use std::hint::black_box;
use std::time::Instant;
use zsend_codec::decompress;
use zsend_metal::gf256::{self, Term};
use zsend_records::fletcher::Fletcher4;
use zsend_records::types::Compress;

const BLOCK: usize = 128 << 10;
const ROUNDS: usize = 400;

/// Measures the rows that are asked for.
pub(super) fn rows(options: &Options, table: &mut Table<'_>) {
    let block = sample();
    for len in [312, 4 << 10, BLOCK] {
        let what = format!("Fletcher-4, {len} bytes");
        if options.wants(&[&what]) {
            let sum = || Fletcher4::of(black_box(&block[..len])).d;
            table.push(row(&what, "GB/s", rate(options.runs, len, sum), None));
        }
    }
    for len in [4 << 10, 16 << 10, 32 << 10] {
        let what = format!("two of four columns from parity, {len} bytes each");
        if options.wants(&[&what]) {
            let speed = two_missing(options.runs, &block[..4 * len], len);
            table.push(row(&what, "GB/s", speed, None));
        }
    }
    for (name, codec, stored) in stored(&block) {
        let what = format!("decompress {name}, 128 KiB");
        if options.wants(&[&what]) {
            let mut out = vec![0; BLOCK];
            let unpack = || u64::from(decompress(codec, black_box(&stored), &mut out).is_ok());
            table.push(row(&what, "GB/s", rate(options.runs, BLOCK, unpack), None));
        }
    }
}

/// GB/s of a block of four columns, of which two are computed from the others and two of parity.
fn two_missing(runs: usize, block: &[u8], len: usize) -> f64 {
    let (mut first, mut second) = (vec![0; len], vec![0; len]);
    let factors = [[0x8e, 3], [2, 0x53], [0xf4, 1], [1, 0x1d]];
    let columns = block.chunks(len).zip(factors);
    let terms: Vec<Term<'_, 2>> = columns.map(|(bytes, factors)| Term { bytes, factors }).collect();
    rate(runs, 4 * len, || {
        gf256::dot([&mut first, &mut second], black_box(&terms));
        u64::from(first[0] ^ second[0])
    })
}

/// Median GB/s of something that takes in or gives out `len` bytes.
fn rate(runs: usize, len: usize, mut work: impl FnMut() -> u64) -> f64 {
    let rounds = ROUNDS * BLOCK / len;
    let runs = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..rounds {
                black_box(work());
            }
            (len * rounds) as f64 / begun.elapsed().as_secs_f64() / 1e9
        })
        .collect();
    median(runs)
}

/// Half noise, half text, in pieces of 4 KiB, as the benchmark pools have it.
fn sample() -> Vec<u8> {
    let mut x = 88_172_645_463_325_252u64;
    let words = ["zpool ", "vdev ", "dnode ", "objset ", "txg ", "birth ", "record ", "block "];
    let mut out = Vec::with_capacity(BLOCK);
    while out.len() < BLOCK {
        for _ in 0..512 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            out.extend_from_slice(&x.to_le_bytes());
        }
        for _ in 0..680 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            out.extend_from_slice(words[(x % 8) as usize].as_bytes());
        }
    }
    out.truncate(BLOCK);
    out
}

/// The sample as each codec stores it.
fn stored(block: &[u8]) -> Vec<(&'static str, Compress, Vec<u8>)> {
    let prefixed = |body: &[u8], words: usize| {
        let mut out = u32::try_from(body.len()).unwrap_or(0).to_be_bytes().to_vec();
        out.resize(4 * words, 0);
        out.extend_from_slice(body);
        out
    };
    let lz4 = lz4_flex::block::compress(block);
    let mut deflate = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut gzip = vec![0; deflate.zlib_compress_bound(block.len())];
    let len = deflate.zlib_compress(block, &mut gzip).unwrap_or(0);
    gzip.truncate(len);
    // A frame of zstd begins with four bytes of magic, which ZFS leaves out.
    let zstd = zstd::bulk::compress(block, 3).unwrap_or_default();
    vec![
        ("lz4", Compress::LZ4, prefixed(&lz4, 1)),
        ("gzip", Compress(10), gzip),
        ("zstd", Compress::ZSTD, prefixed(zstd.get(4..).unwrap_or_default(), 2)),
    ]
}
