//! The work of each fuzz target with its input, and the properties that must hold whatever the input is.
//!
//! None of it needs a fuzzer: `cargo test --package zsend-fuzz` replays the corpora. In all of them, a panic, an overflow, a loop
//! without end and an allocation past the stated limits are failures.
#![forbid(unsafe_code)]

use zsend_testkit::memory::{Allocator, allocator, within};

mod edits;
mod memory;
mod mos;

/// Declares the module of each target, and the table of them all.
macro_rules! targets {
    ($($name:ident)*) => {
        $(pub mod $name;)*

        /// The targets: name, and work with an input.
        pub const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $name::check)),*];
    };
}

targets! {
    block
    catalogue
    chain
    change
    compress
    decompress
    decrypt
    decrypt_stream
    dsl
    dump
    encrypt_stream
    gang
    gpt
    label
    nvlist
    objset
    parity
    parts
    pool
    props
    redaction
    redup
    resealed
    space_map
    squash
    stream
    token
    uberblock
    verify
    zap
}

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
