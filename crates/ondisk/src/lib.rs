#![doc = include_str!("../README.md")]
#![no_std]
#![allow(
    missing_debug_implementations,
    reason = "types that zerocopy's derives make have none; `cargo xtask api` looks at ours"
)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod bits;
pub mod blkptr;
pub mod bpobj;
pub mod byteswap;
pub mod config;
pub mod dedup;
pub mod dnode;
pub mod dsl;
pub mod embedded;
mod error;
pub mod gang;
pub mod indirect;
pub mod label;
mod level;
pub mod names;
pub mod objset;
pub mod sa;
pub mod space_map;
pub mod uberblock;
mod words;
pub mod zap;
pub mod zil;

pub use bits::Bits;
pub use error::LayoutError;
pub use level::Level;
pub use zsend_records::{Order, zerocopy};
