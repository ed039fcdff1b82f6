//! The work of each fuzz target with its input, and the properties that must hold whatever the input is.
//!
//! None of it needs a fuzzer: `fuzz/target/release/TARGET -runs=0 fuzz/corpus/TARGET` replays a
//! corpus, and a test can call the same functions. In all of them, a panic, an overflow, a loop
//! without end and an allocation past the stated limits are failures.
#![forbid(unsafe_code)]

pub mod block;
pub mod decompress;
pub mod decrypt;
pub mod dsl;
pub mod dump;
pub mod gang;
pub mod gpt;
pub mod label;
mod memory;
mod mos;
pub mod nvlist;
pub mod objset;
pub mod redaction;
pub mod space_map;
pub mod stream;
pub mod token;
pub mod uberblock;
pub mod zap;
