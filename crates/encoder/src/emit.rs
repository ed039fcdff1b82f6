//! View of a record encoder: the parameters of the stream, and the place to put its own records.

use crate::dialect::Dialect;
use std::io;
use zsend_records::flags::Features;
use zsend_records::sizes::DNODES_PER_BLOCK;
use zsend_records::writer::OutHeader;

/// Parameters that all records of a stream share.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StreamParams {
    /// Sender whose bytes are written.
    pub dialect: Dialect,
    /// Features announced in BEGIN.
    pub features: Features,
    /// Guid of what is sent.
    pub toguid: u64,
    /// Object numbers from here on have no dnode: 32 for each block of the meta-dnode.
    pub object_limit: u64,
}

impl StreamParams {
    /// Parameters of a stream without features, of an object set of one block of dnodes: 32 object numbers.
    pub const fn new(dialect: Dialect, toguid: u64) -> Self {
        Self { dialect, features: Features::empty(), toguid, object_limit: DNODES_PER_BLOCK }
    }

    /// The same with these features.
    #[must_use]
    pub const fn with_features(self, features: Features) -> Self {
        Self { features, ..self }
    }

    /// The same with dnodes for object numbers below this one.
    #[must_use]
    pub const fn with_object_limit(self, object_limit: u64) -> Self {
        Self { object_limit, ..self }
    }
}

/// The way from a record encoder into a stream whose payloads are `P`.
pub trait Emit<P> {
    /// Parameters that all records share.
    fn params(&self) -> &StreamParams;

    /// Sends the pending FREE, FREEOBJECTS or REDACT, if there is one, then this record.
    ///
    /// # Errors
    /// Those of the sink; a payload whose length is not the header's.
    fn emit(&mut self, header: OutHeader, payload: &P) -> io::Result<()>;

    /// Adds a hole of an object, `length` bytes from `offset`: a FREE that the next may extend.
    ///
    /// # Errors
    /// Those of the sink.
    fn free(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()>;

    /// Adds free object numbers: a FREEOBJECTS that the next may extend.
    ///
    /// # Errors
    /// Those of the sink.
    fn free_objects(&mut self, first: u64, count: u64) -> io::Result<()>;

    /// Adds a redacted range, `length` bytes from `offset`: a REDACT that the next may extend.
    ///
    /// # Errors
    /// Those of the sink.
    fn redact(&mut self, object: u64, offset: u64, length: u64) -> io::Result<()>;
}
