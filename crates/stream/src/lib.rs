#![doc = include_str!("../README.md")]

pub mod chain;
pub mod change;
pub mod compare;
pub mod dump;
mod input;
pub mod keys;
mod limits;
pub mod outline;
mod position;
mod raw;
mod read_ahead;
mod segment;
pub mod verify;

pub use segment::Segment;
