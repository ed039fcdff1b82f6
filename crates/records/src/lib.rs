#![doc = include_str!("../README.md")]
#![no_std]
#![allow(
    missing_debug_implementations,
    reason = "types that zerocopy's derives make have none; `cargo xtask api` looks at ours"
)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod bodies;
pub mod byteswap;
pub mod chain;
pub mod describe;
pub mod drr;
pub mod flags;
pub mod fletcher;
pub mod key_prop;
pub mod nvlist;
mod order;
pub mod payload;
pub mod reader;
pub mod sizes;
#[cfg(feature = "std")]
pub mod token;
pub mod types;
mod values;
#[cfg(feature = "std")]
pub mod writer;

pub use drr::{Body, RecordType, ReplayRecord};
pub use nvlist::{NvError, NvList, NvValue};
pub use order::Order;
pub use payload::{Limits, RecordError};
pub use reader::{Parser, ReaderEvent, SliceReader, StreamError};
#[cfg(feature = "std")]
pub use reader::{ReadError, StreamReader};
#[cfg(feature = "std")]
pub use token::{ResumeToken, TokenError};
#[cfg(feature = "std")]
pub use writer::{RecordSink, StreamWriter, WriteError};
// Types of both are in signatures: a caller has the versions that fit.
pub use {bytes, zerocopy};
