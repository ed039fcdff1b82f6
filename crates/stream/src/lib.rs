#![doc = include_str!("../README.md")]

pub mod chain;
pub mod compare;
pub mod dump;
pub mod keys;
mod limits;
pub mod outline;
mod position;
mod read_ahead;
pub mod resume;
mod segment;
pub mod verify;

pub use segment::Segment;
