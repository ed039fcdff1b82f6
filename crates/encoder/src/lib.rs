#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations)]

pub mod dialect;
pub mod emit;
pub mod encoder;
pub mod encoders;
pub mod event;
mod pending;
pub mod policy;
pub mod stretch;
pub mod summary;
