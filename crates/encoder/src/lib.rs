#![doc = include_str!("../README.md")]

pub mod dialect;
pub mod emit;
pub mod encoder;
pub mod encoders;
pub mod event;
mod pending;
pub mod policy;
pub mod stretch;
pub mod summary;
