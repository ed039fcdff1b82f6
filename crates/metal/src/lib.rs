#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(feature = "std", test))]
extern crate std;

mod fletcher;
pub mod gf256;
#[cfg(feature = "std")]
pub mod heap;
pub mod pages;
mod reverse;
#[cfg(feature = "std")]
pub mod signals;
#[cfg(feature = "std")]
pub mod stdio;

pub use fletcher::{fletcher4, fletcher4_byteswapped, fletcher4_portable};
pub use reverse::reverse_words;
