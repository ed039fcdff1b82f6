//! Tools for whole ZFS send streams: for now, showing what is in one.
//!
//! A stream comes from any [`std::io::Read`] and is never held in memory. Nothing here knows a pool.
//!
//! ```
//! use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
//! use zsend_records::writer::StreamWriter;
//! use zsend_stream::dump::{DumpOptions, dump};
//! use zerocopy::{FromZeros, byteorder::LE};
//!
//! // A stream of nothing but its BEGIN and its END.
//! let mut begin = Begin::<LE>::new_zeroed();
//! begin.magic = MAGIC.into();
//! begin.versioninfo = 1.into();
//! let mut writer = StreamWriter::new(Vec::new());
//! writer.record(ReplayRecord::new(&begin), &[])?;
//! writer.end(42)?;
//! let stream = writer.into_inner()?;
//!
//! let mut text = Vec::new();
//! let summary = dump(&stream[..], &mut text, &DumpOptions::default())?;
//! assert_eq!(summary.records(), 2);
//! assert!(summary.complete);
//! assert!(text.starts_with(b"BEGIN record\n\thdrtype = 1\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod dump;
