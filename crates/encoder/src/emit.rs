//! What record encoders see: what all records of a stream share, and where to put theirs.

use crate::dialect::Dialect;
use std::io;
use zsend_records::flags::Features;
use zsend_records::writer::Header;

/// What all records of a stream have in common.
#[derive(Clone, Copy, Debug)]
pub struct StreamParams {
    /// Whose bytes.
    pub dialect: Dialect,
    /// Features announced in BEGIN.
    pub features: Features,
    /// Guid of what is sent.
    pub toguid: u64,
    /// Object numbers from here on have no dnode: 32 for each block of the meta-dnode.
    pub object_limit: u64,
}

/// The way from a record encoder into a stream whose payloads are `P`.
pub trait Emit<P> {
    /// What all records share.
    fn params(&self) -> &StreamParams;

    /// Sends the pending FREE, FREEOBJECTS or REDACT, if there is one, then this record.
    ///
    /// # Errors
    /// Those of the sink; a payload whose length is not the header's.
    fn emit(&mut self, header: Header, payload: &P) -> io::Result<()>;

    /// Adds a hole of an object, from `offset` so many bytes: a FREE that the next may extend.
    ///
    /// # Errors
    /// Those of the sink.
    fn free(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()>;

    /// Adds so many free object numbers: a FREEOBJECTS that the next may extend.
    ///
    /// # Errors
    /// Those of the sink.
    fn free_objects(&mut self, first: u64, count: u64) -> io::Result<()>;

    /// Adds a redacted range, from `offset` so many bytes: a REDACT that the next may extend.
    ///
    /// # Errors
    /// Those of the sink.
    fn redact(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()>;
}
