//! Turns ordered send events into the records of a stream, byte for byte as the reference senders.
//!
//! The encoder knows no pool, opens no file, starts no thread: the same events give the same bytes.
//! A new kind of record is a row of the table in [`encoders`], here or in another crate. At most one
//! record is pending, the FREE, FREEOBJECTS or REDACT that the next event may extend.
//!
//! ```
//! use zsend_encoder::dialect::Dialect;
//! use zsend_encoder::emit::StreamParams;
//! use zsend_encoder::encoder::Encoder;
//! use zsend_encoder::event::{Begin, Event, FreeSlot};
//! use zsend_records::drr::RecordType;
//! use zsend_records::flags::{BeginFlags, Features};
//! use zsend_records::types::ObjsetType;
//! use zsend_records::writer::{Measured, Payload, StreamWriter};
//!
//! let params = StreamParams {
//!     dialect: Dialect::OpenZfs,
//!     features: Features::empty(),
//!     toguid: 42,
//!     object_limit: 32,
//! };
//! let mut stream = Vec::new();
//! let mut encoder = Encoder::new(params, StreamWriter::new(&mut stream));
//! encoder.event(&Event::Begin(Begin {
//!     creation_time: 0,
//!     objset_type: ObjsetType::ZFS,
//!     flags: BeginFlags::FREERECORDS,
//!     fromguid: 0,
//!     toname: "pool/fs@snap".into(),
//!     payload: Payload::NONE,
//! }))?;
//! encoder.event(&Event::FreeSlot(FreeSlot { object: 3 }))?;
//! encoder.event(&Event::FreeSlot(FreeSlot { object: 4 }))?;
//! let summary = encoder.finish()?;
//! let runs = summary.records_of(RecordType::FREEOBJECTS);
//! assert_eq!(runs, 1, "two neighbours make one FREEOBJECTS");
//! assert_eq!(stream.len() as u64, summary.bytes());
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod dialect;
pub mod emit;
pub mod encoder;
pub mod encoders;
pub mod event;
mod pending;
pub mod policy;
pub mod stretch;
pub mod summary;
