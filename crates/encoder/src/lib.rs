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

pub use dialect::{Dialect, UnknownDialect};
pub use emit::{Emit, StreamParams};
pub use encoder::Encoder;
pub use encoders::{Encoders, RecordEncoder};
pub use event::Event;
pub use summary::Summary;
