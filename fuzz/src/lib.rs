//! The work of each fuzz target with its input, and the properties that must hold whatever the input is.
//!
//! None of it needs a fuzzer: `fuzz/target/release/TARGET -runs=0 fuzz/corpus/TARGET` replays a
//! corpus, and a test can call the same functions. In all of them, a panic, an overflow, a loop
//! without end and an allocation past the stated limits are failures.
#![forbid(unsafe_code)]

use zsend_testkit::memory::{Allocator, allocator, within};

pub mod block;
pub mod catalogue;
pub mod chain;
pub mod change;
pub mod compress;
pub mod decompress;
pub mod decrypt;
pub mod decrypt_stream;
pub mod dsl;
pub mod dump;
pub mod gang;
pub mod gpt;
pub mod label;
mod memory;
mod mos;
pub mod nvlist;
pub mod objset;
pub mod parity;
pub mod parts;
pub mod pool;
pub mod props;
pub mod redaction;
pub mod redup;
pub mod resealed;
pub mod space_map;
pub mod squash;
pub mod stream;
pub mod token;
pub mod uberblock;
pub mod verify;
pub mod zap;

#[global_allocator]
static ALLOCATOR: Allocator = allocator();

/// Bytes that a target may allocate whatever its input: the largest blocks that a pool can have, some
/// at once, and what codecs keep.
const FIXED: usize = 96 << 20;
/// Bytes that it may allocate for each byte of its input.
const PER_BYTE: usize = 256;

/// Runs a target's work on one input; an allocation past its bound ends the process.
pub fn bounded(bytes: &[u8], check: impl FnOnce(&[u8])) {
    let bound = FIXED + PER_BYTE * bytes.len();
    within(&ALLOCATOR, bound, || check(bytes));
}

/// The main function of the target of that name, whose module has a `check`.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            $crate::bounded(bytes, $crate::$name::check);
        });
    };
}
