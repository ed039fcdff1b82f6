//! A sink that drops what a file has, and writes what comes behind it.

use super::Seam;
use std::io::{self, Write};
use zsend_records::drr::RecordType;
use zsend_records::writer::{Header, Payload, RecordSink, StreamWriter, WriteError};

/// Reason that a stream is no continuation of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeamError {
    /// The stream has another record there.
    #[error(
        "record {record} of the file, {name} of object {object}, offset {offset}, is not what would be sent now"
    )]
    Differs {
        /// Number of the record in the file, from zero.
        record: u64,
        /// Name of its type.
        name: String,
        /// Its object.
        object: u64,
        /// Its offset in the object, bytes.
        offset: u64,
    },
    /// The stream ends without the record.
    #[error(
        "the stream that would be sent has no record {record} of the file, {name} of object {object}, offset {offset}"
    )]
    Absent {
        /// Number of the record in the file, from zero.
        record: u64,
        /// Name of its type.
        name: String,
        /// Its object.
        object: u64,
        /// Its offset in the object, bytes.
        offset: u64,
    },
}

/// Sink of a sender that goes on at [`Seam::position`].
///
/// Nothing is written before the record at the seam has come and is that of the file, so that a file which is no
/// beginning of the stream stays as it is.
#[derive(Debug)]
pub struct GoingOn<'s, W> {
    seam: &'s Seam,
    state: State<W>,
}

#[derive(Debug)]
enum State<W> {
    /// The record at the seam is yet to come.
    Seeking(Option<W>),
    Writing(StreamWriter<W>),
}

impl<'s, W: Write> GoingOn<'s, W> {
    /// A sink whose destination takes what comes behind the first [`Seam::end`] bytes.
    pub const fn new(seam: &'s Seam, destination: W) -> Self {
        Self { seam, state: State::Seeking(Some(destination)) }
    }

    /// Compares a record with that at the seam. True if it is that one.
    fn seek(&self, header: &Header, payload: &Payload) -> Result<bool, SeamError> {
        let record = header.record();
        if self.seam.is_begin() {
            // Both were compared before: see `Seam::check_begin`.
            return Ok(header.record_type() == RecordType::BEGIN);
        }
        if self.seam.is(record, payload.sum()) {
            return Ok(true);
        }
        let (object, offset) = self.seam.position(false).unwrap_or_default();
        let (number, name) = (self.seam.record(), self.seam.header().record_type().to_string());
        if self.seam.is_at(record) {
            return Err(SeamError::Differs { record: number, name, object, offset });
        }
        if header.record_type() == RecordType::END {
            return Err(SeamError::Absent { record: number, name, object, offset });
        }
        Ok(false)
    }
}

impl<W: Write> RecordSink for GoingOn<'_, W> {
    type Payload = Payload;

    fn take(&mut self, header: Header, payload: &Payload) -> Result<(), WriteError> {
        if let State::Writing(writer) = &mut self.state {
            return writer.take(header, payload);
        }
        let found = self.seek(&header, payload).map_err(|e| WriteError::Io {
            offset: self.seam.end(),
            source: io::Error::new(io::ErrorKind::InvalidData, e),
        })?;
        if found
            && let State::Seeking(destination) = &mut self.state
            && let Some(destination) = destination.take()
        {
            let (chain, end) = (self.seam.chain(), self.seam.end());
            self.state = State::Writing(StreamWriter::going_on(destination, chain, end));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        match &mut self.state {
            State::Seeking(_) => Ok(()),
            State::Writing(writer) => writer.flush(),
        }
    }
}
