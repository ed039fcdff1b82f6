#![doc = include_str!("../README.md")]

mod begin_list;
mod buffers;
pub mod chain;
pub mod change;
pub mod compare;
mod dnode;
pub mod dump;
mod folder;
mod in_turn;
mod input;
pub mod keys;
mod limits;
pub mod outline;
pub mod parity;
mod position;
mod raw;
mod read_ahead;
pub mod resume;
mod segment;
pub mod split;
pub mod verify;

pub use segment::Segment;
