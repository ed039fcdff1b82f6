//! Damages a stream at random, mends its checksums, and shows it to the dump, which must not panic.
//!
//! `mutate STREAM [ROUNDS [SEED]]`. It says how many of the damaged streams were refused.
#![allow(clippy::print_stdout, dead_code, reason = "a program, and a module of a test")]

use std::error::Error;
use zsend_stream::dump::{DumpOptions, Format, dump};
use zsend_testkit::damage::reseal;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: mutate STREAM [ROUNDS [SEED]]")?;
    let rounds = args.next().map_or(Ok(1000), |n| n.parse())?;
    let seed = args.next().map_or(Ok(1), |n| n.parse())?;
    let tally = mutate(&std::fs::read(path)?, rounds, seed);
    println!("{rounds} rounds: {} refused, {} shown", tally.refused, tally.shown);
    Ok(())
}

/// Results of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Streams that the parser refused by name.
    pub(crate) refused: u64,
    /// Streams that were shown to their end, damage and all.
    pub(crate) shown: u64,
}

/// Runs so many rounds; the same seed damages the same bytes.
pub(crate) fn mutate(stream: &[u8], rounds: u64, seed: u64) -> Tally {
    let mut random = Random(seed | 1);
    let mut tally = Tally::default();
    for _ in 0..rounds {
        let mut damaged = stream.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len());
            damaged[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                _ => damaged[at] ^ (1 << random.below(8)),
            };
        }
        // Damage that hides where a record ends is left as it is.
        let sealed = reseal(&damaged).unwrap_or(damaged);
        let options = DumpOptions::default().with_format(Format::Json).with_payload(true);
        match dump(&sealed[..], &mut std::io::sink(), &options) {
            Ok(_) => tally.shown += 1,
            Err(_) => tally.refused += 1,
        }
    }
    tally
}

/// Marsaglia's xorshift of 64 bits.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }
}
