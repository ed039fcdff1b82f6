#![doc = include_str!("../README.md")]

pub mod byteswap;
pub mod chain;
pub mod describe;
pub mod drr;
pub mod flags;
pub mod fletcher;
pub mod nvlist;
pub mod payload;
pub mod reader;
pub mod token;
pub mod types;
pub mod writer;
