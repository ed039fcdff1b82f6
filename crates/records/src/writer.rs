//! Writing a stream: headers are stamped with the running checksum, payloads follow.

use crate::chain::Chain;
use crate::drr::{Begin, Body, End, RecordType, ReplayRecord};
use crate::flags::{HeaderType, VersionInfo};
use crate::payload::{RecordError, payload_len};
use std::io::{self, Write};
use zerocopy::IntoBytes;
use zerocopy::byteorder::{LE, U64};

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The header's type is unknown.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The payload is not as long as the header says; nothing was written.
    #[error("payload of {} is {found} bytes, expected {expected}", .record.name().unwrap_or("record"))]
    PayloadLength {
        /// The record's type.
        record: RecordType,
        /// Bytes that were given.
        found: u64,
        /// Bytes by the header.
        expected: u64,
    },
    /// The destination failed.
    #[error("byte {offset}: write failed")]
    Io {
        /// Bytes that were written before this record or payload.
        offset: u64,
        /// What the destination said.
        source: io::Error,
    },
}

/// Writes a little-endian stream.
///
/// Each write goes to the destination as it comes, so one that is slow for small writes should be
/// buffered. The caller is answerable for the order of the records.
///
/// ```
/// use zerocopy::{FromZeros, byteorder::LE};
/// use zsend_records::drr::{Begin, FreeObjects, MAGIC, ReplayRecord};
/// use zsend_records::reader::StreamReader;
/// use zsend_records::writer::StreamWriter;
///
/// let mut begin = Begin::<LE>::new_zeroed();
/// begin.magic = MAGIC.into();
/// begin.versioninfo = 1.into();
/// begin.toguid = 42.into();
/// let mut free = FreeObjects::<LE>::new_zeroed();
/// (free.firstobj, free.numobjs, free.toguid) = (1.into(), 31.into(), 42.into());
///
/// let mut writer = StreamWriter::new(Vec::new());
/// writer.record(ReplayRecord::new(&begin), &[])?;
/// writer.record(ReplayRecord::new(&free), &[])?;
/// writer.end(42)?;
/// let stream = writer.into_inner();
/// assert_eq!(StreamReader::new(&stream[..]).count(), 3);
/// # Ok::<(), zsend_records::writer::WriteError>(())
/// ```
#[derive(Debug)]
pub struct StreamWriter<W> {
    destination: W,
    chain: Chain,
    offset: u64,
    /// The last record was the BEGIN of a package.
    package_header: bool,
}

impl<W: Write> StreamWriter<W> {
    /// A writer to this destination.
    pub fn new(destination: W) -> Self {
        Self { destination, chain: Chain::new(), offset: 0, package_header: false }
    }

    /// Bytes written so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The sum of the stream so far.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Gives the destination back, not flushed.
    pub fn into_inner(self) -> W {
        self.destination
    }

    /// Writes a record, with its checksum in it, and its payload. Checksums that are in the header
    /// already, in an END both of them, are replaced.
    ///
    /// # Errors
    /// When the payload's length is not the header's, or the destination fails.
    pub fn record(&mut self, header: ReplayRecord<LE>, payload: &[u8]) -> Result<(), WriteError> {
        let expected = payload_len(&header)?;
        self.checked_record(header, payload, expected)
    }

    /// As [`Self::record`], for a body that another crate may have described.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn body<B: Body<LE>>(&mut self, body: &B, payload: &[u8]) -> Result<(), WriteError> {
        let header = ReplayRecord::new(body);
        self.checked_record(header, payload, body.payload_len(&header))
    }

    fn checked_record(
        &mut self,
        mut header: ReplayRecord<LE>,
        payload: &[u8],
        expected: u64,
    ) -> Result<(), WriteError> {
        if payload.len() as u64 != expected {
            return Err(WriteError::PayloadLength {
                record: header.record_type(),
                found: payload.len() as u64,
                expected,
            });
        }
        let sum = self.chain.sum().words().map(U64::new);
        if let Some(end) = header.body_as_mut::<End<LE>>() {
            end.end_checksum = sum;
        }
        let ends = header.record_type() == RecordType::END;
        let package = header.body_as::<Begin<LE>>().is_some_and(|begin| {
            VersionInfo(begin.versioninfo.get()).header_type() == HeaderType::COMPOUND
        });
        if core::mem::replace(&mut self.package_header, package) && ends {
            // The END of a package header carries the sum, but is not stamped itself.
            header.checksum = [U64::ZERO; 4];
        } else {
            self.chain.stamp(&mut header);
        }
        if ends {
            self.chain = Chain::new();
        }
        self.write(header.as_bytes())?;
        self.chain.payload(payload);
        self.write(payload)
    }

    /// Writes the END of a stream that sent the snapshot with guid `toguid`, or of a package
    /// header (`toguid` is zero then).
    ///
    /// # Errors
    /// When the destination fails.
    pub fn end(&mut self, toguid: u64) -> Result<(), WriteError> {
        let end = End::<LE> { end_checksum: [U64::ZERO; 4], toguid: toguid.into() };
        self.record(ReplayRecord::new(&end), &[])
    }

    /// Writes the last record of a package: an END of zeros.
    ///
    /// # Errors
    /// When the destination fails.
    pub fn package_end(&mut self) -> Result<(), WriteError> {
        let end = End::<LE> { end_checksum: [U64::ZERO; 4], toguid: U64::ZERO };
        self.chain = Chain::new();
        self.write(ReplayRecord::<LE>::new(&end).as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let offset = self.offset;
        self.destination.write_all(bytes).map_err(|source| WriteError::Io { offset, source })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drr::WriteEmbedded;
    use zerocopy::FromZeros;

    #[test]
    fn a_payload_of_another_length_is_refused() {
        let mut embedded = WriteEmbedded::<LE>::new_zeroed();
        embedded.psize = 9.into();
        let mut writer = StreamWriter::new(Vec::new());
        let error = writer.record(ReplayRecord::new(&embedded), &[0; 9]).expect_err("too short");
        assert_eq!(error.to_string(), "payload of WRITE_EMBEDDED is 9 bytes, expected 16");
        assert_eq!(writer.offset(), 0);
        assert!(writer.into_inner().is_empty());
    }
}
