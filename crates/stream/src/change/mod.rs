//! Streams changed on their way: records in, records out, in bounded memory.
//!
//! A [`Transform`] is one step. Steps follow one another in one process: see [`change()`]. Those of this crate stand in
//! [`VERBS`], each with a name and with the words that it takes.
//!
//! ```
//! use zsend_records::drr::{Begin, MAGIC, ReplayRecord, RecordType};
//! use zsend_records::writer::StreamWriter;
//! use zsend_stream::change::{ChangeError, Out, Packet, ChangeInput, Transform, change};
//! use zerocopy::{FromZeros, byteorder::LE};
//!
//! /// Leaves out what is free.
//! #[derive(Debug)]
//! struct WithoutFree;
//!
//! impl Transform for WithoutFree {
//!     fn record(&mut self, packet: Packet, out: &mut Out) -> Result<(), ChangeError> {
//!         if packet.record_type() != RecordType::FREEOBJECTS {
//!             out.put(packet);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let mut begin = Begin::<LE>::new_zeroed();
//! begin.magic = MAGIC.into();
//! begin.versioninfo = 1.into();
//! let mut writer = StreamWriter::new(Vec::new());
//! writer.record(ReplayRecord::new(&begin), &[])?;
//! writer.record(ReplayRecord::new(&zsend_records::drr::FreeObjects::<LE>::new_zeroed()), &[])?;
//! writer.end(42)?;
//! let stream = writer.into_inner()?;
//!
//! let mut changed = Vec::new();
//! let source = ChangeInput::of_reader("a stream", std::io::Cursor::new(stream));
//! let counts = change(vec![source], vec![Box::new(WithoutFree)], &mut changed, |_| {})?;
//! assert_eq!(counts.records, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apart;
mod blocks;
mod convert;
mod decompress;
mod decrypt;
mod dedup;
mod downgrade;
mod drop_record;
mod encrypt;
mod error;
mod given;
mod group;
mod package;
mod packet;
mod parse;
mod policy;
mod rechunk;
mod recompress;
mod redup;
mod resized;
mod run;
mod source;
mod spill;
mod squash;
mod transform;
mod volume;
mod writing;

pub use apart::{Apart, Destinations};
pub use error::ChangeError;
pub use given::{Files, Given, GivenError, Operand, Opt, Verb};
pub use package::{Packager, PackagerError};
pub use packet::{Packet, RecordOrigin};
pub use run::change;
pub use source::ChangeInput;
pub use transform::{Out, Transform};
pub use volume::{ToVolume, Volume, VolumeGuid};
pub use writing::Changed;

/// The steps of this crate. One more is a file, and a line here.
pub static VERBS: &[&Verb] = &[
    &convert::VERB,
    &decompress::VERB,
    &decrypt::VERB,
    &dedup::VERB,
    &downgrade::VERB,
    &drop_record::VERB,
    &encrypt::VERB,
    &policy::VERB,
    &rechunk::VERB,
    &recompress::VERB,
    &redup::VERB,
    &squash::VERB,
];
