//! Writing a stream: headers are stamped with the running checksum, payloads follow, and both are
//! written in large pieces. Or counting one: nothing is summed, and no payload has to be there.

mod error;
mod gather;
mod header;
mod payload;

use crate::Order;
use crate::byteswap::byteswap_with;
use crate::chain::Chain;
use crate::describe::Field;
use crate::drr::{Begin, Body, End, RECORD_SIZE, RecordType, ReplayRecord};
use crate::flags::{HeaderType, VersionInfo};
use gather::Gather;
use std::io::{self, Write};
use zerocopy::IntoBytes;
use zerocopy::byteorder::{BE, LE, U64};

pub use error::WriteError;
pub use header::OutHeader;
pub use payload::{Counted, Measured, Payload};

/// Destination of finished records, in order: a [`StreamWriter`] or a [`Counter`].
pub trait RecordSink {
    /// Form in which a payload is given.
    type Payload: Measured;

    /// Takes a record. Checksums that are in the header already, in an END both of them, are replaced.
    ///
    /// # Errors
    /// If the payload's length is not the header's, or the destination fails.
    fn take(&mut self, header: OutHeader, payload: &Self::Payload) -> Result<(), WriteError>;

    /// Hands all that was taken to the destination, and flushes that.
    ///
    /// # Errors
    /// If the destination fails.
    fn flush(&mut self) -> Result<(), WriteError>;
}

/// Checks records and drops them: for sizes that are wanted before the stream is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl RecordSink for Counter {
    type Payload = Counted;

    fn take(&mut self, header: OutHeader, payload: &Counted) -> Result<(), WriteError> {
        header.check(payload.size())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        Ok(())
    }
}

/// Writes a stream, gathered into large writes: little-endian, or in the order that is asked for.
///
/// The caller is answerable for the order of the records, and for taking leave by
/// [`Self::into_inner`] or [`RecordSink::flush`]: what was gathered by then is lost otherwise. After
/// an error of the destination what it took is a beginning of the stream, and a flush goes on there.
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
/// let stream = writer.into_inner()?;
/// assert_eq!(StreamReader::new(&stream[..]).count(), 3);
/// # Ok::<(), zsend_records::writer::WriteError>(())
/// ```
#[derive(Debug)]
pub struct StreamWriter<W> {
    out: Gather<W>,
    order: Order,
    chain: Chain,
    offset: u64,
    /// The last record was the BEGIN of a package.
    package_header: bool,
}

impl<W: Write> StreamWriter<W> {
    /// A writer of a little-endian stream to this destination.
    pub fn new(destination: W) -> Self {
        Self::in_order(destination, Order::Little)
    }

    /// A writer of a stream in this order. Headers are given in little-endian order all the same, and
    /// payloads as they are to lie in the stream.
    pub fn in_order(destination: W, order: Order) -> Self {
        let out = Gather::new(destination);
        let chain = Chain::in_order(order);
        Self { out, order, chain, offset: 0, package_header: false }
    }

    /// A writer that goes on with a stream to this destination, which takes what comes behind `offset` bytes of
    /// it: `chain` is their sum, and its order that of the stream.
    pub fn going_on(destination: W, chain: Chain, offset: u64) -> Self {
        let out = Gather::behind(destination, offset);
        Self { out, order: chain.order(), chain, offset, package_header: false }
    }

    /// Bytes of stream so far, those that are gathered and not written yet included.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes what is gathered, and gives the destination back, not flushed. Who wants to try again
    /// after an error calls [`RecordSink::flush`] before: an error here drops what is left.
    ///
    /// # Errors
    /// If the destination fails.
    pub fn into_inner(mut self) -> Result<W, WriteError> {
        let done = self.out.write_out();
        self.told(done)?;
        Ok(self.out.into_inner())
    }

    /// Writes a record, with its checksum in it, and its payload. Checksums that are in the header
    /// already, in an END both of them, are replaced.
    ///
    /// # Errors
    /// If the payload's length is not the header's, or the destination fails.
    pub fn record(&mut self, header: ReplayRecord<LE>, payload: &[u8]) -> Result<(), WriteError> {
        self.slice(OutHeader::new(header)?, payload)
    }

    /// As [`Self::record`], for a body that another crate may have described.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn body<B: Body<LE>>(&mut self, body: &B, payload: &[u8]) -> Result<(), WriteError> {
        self.slice(OutHeader::of(body), payload)
    }

    fn slice(&mut self, header: OutHeader, payload: &[u8]) -> Result<(), WriteError> {
        header.check(payload.len() as u64)?;
        self.header(header);
        self.chain.payload(payload);
        self.offset += payload.len() as u64;
        let done = self.out.slice(payload);
        self.told(done)
    }

    /// Completes a header and gathers it.
    fn header(&mut self, header: OutHeader) {
        let (mut record, fields) = header.into_parts();
        let sum = self.chain.sum().words().map(U64::new);
        if let Some(end) = record.body_as_mut::<End<LE>>() {
            end.end_checksum = sum;
        }
        let ends = record.record_type() == RecordType::END;
        let package = record.body_as::<Begin<LE>>().is_some_and(|begin| {
            VersionInfo(begin.versioninfo.get()).header_type() == HeaderType::COMPOUND
        });
        if core::mem::replace(&mut self.package_header, package) && ends {
            // The END of a package header carries the sum, but is not stamped itself.
            record.checksum = [U64::ZERO; 4];
            self.gather(record, fields, false);
        } else {
            self.gather(record, fields, true);
        }
        if ends {
            self.chain = Chain::in_order(self.order);
        }
    }

    /// Gathers a header in the order of the stream, stamped if it is to be.
    fn gather(&mut self, mut record: ReplayRecord<LE>, fields: &[Field], stamped: bool) {
        match self.order {
            Order::Little => {
                if stamped {
                    self.chain.stamp(&mut record);
                }
                self.out.copy(record.as_bytes());
            }
            Order::Big => {
                let mut big: ReplayRecord<BE> = byteswap_with(&record, fields);
                if stamped {
                    self.chain.stamp(&mut big);
                }
                self.out.copy(big.as_bytes());
            }
        }
        self.offset += RECORD_SIZE as u64;
    }

    /// Writes the END of a stream that sent the snapshot with guid `toguid`, or of a package
    /// header (`toguid` is zero then).
    ///
    /// # Errors
    /// If the destination fails.
    pub fn end(&mut self, toguid: u64) -> Result<(), WriteError> {
        let end = End::<LE> { end_checksum: [U64::ZERO; 4], toguid: toguid.into() };
        self.body(&end, &[])
    }

    /// Writes the last record of a package: an END of zeros.
    ///
    /// # Errors
    /// If the destination fails.
    pub fn package_end(&mut self) -> Result<(), WriteError> {
        let end = End::<LE> { end_checksum: [U64::ZERO; 4], toguid: U64::ZERO };
        self.chain = Chain::in_order(self.order);
        self.gather(ReplayRecord::new(&end), <End<LE> as Body<LE>>::FIELDS, false);
        let done = self.out.slice(&[]);
        self.told(done)
    }

    /// An error of the destination, with its place.
    fn told(&self, done: io::Result<()>) -> Result<(), WriteError> {
        done.map_err(|source| WriteError::Io { offset: self.out.written(), source })
    }
}

impl<W: Write> RecordSink for StreamWriter<W> {
    type Payload = Payload;

    fn take(&mut self, header: OutHeader, payload: &Payload) -> Result<(), WriteError> {
        header.check(payload.size())?;
        self.header(header);
        self.chain.payload_sum(payload.sum_in(self.order), payload.size());
        self.offset += payload.size();
        let done = self.out.payload(payload.data());
        self.told(done)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let done = self.out.flush();
        self.told(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drr::WriteEmbedded;
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use zerocopy::FromZeros;

    #[test]
    fn a_payload_that_no_reader_takes_is_refused() {
        let mut object = crate::drr::Object::<LE>::new_zeroed();
        object.bonuslen = ((16 << 10) + 8).into();
        let mut writer = StreamWriter::new(Vec::new());
        let refused = writer.body(&object, &[0; (16 << 10) + 8]).unwrap_err();
        assert_eq!(refused.to_string(), "payload of OBJECT is 16392 bytes, expected at most 16384");
        assert!(writer.into_inner().unwrap().is_empty());
    }

    #[test]
    fn a_payload_of_another_length_is_refused() {
        let mut embedded = WriteEmbedded::<LE>::new_zeroed();
        embedded.psize = 9.into();
        let mut writer = StreamWriter::new(Vec::new());
        let error = writer.record(ReplayRecord::new(&embedded), &[0; 9]).expect_err("too short");
        assert_eq!(error.to_string(), "payload of WRITE_EMBEDDED is 9 bytes, expected 16");
        assert_eq!(writer.offset(), 0);
        assert!(writer.into_inner().expect("a vector takes all").is_empty());
    }

    #[test]
    fn a_sum_from_elsewhere_gives_the_same_stream() {
        let mut embedded = WriteEmbedded::<LE>::new_zeroed();
        embedded.psize = 16.into();
        let streams = [false, true].map(|summed| {
            let mut writer = StreamWriter::new(Vec::new());
            for fill in 0..3 {
                let data = [fill; 16];
                if summed {
                    let sum = crate::fletcher::Fletcher4::of(&data);
                    let payload = Payload::with_sum(data.to_vec().into(), sum);
                    writer.take(OutHeader::of(&embedded), &payload).expect("written");
                } else {
                    writer.body(&embedded, &data).expect("written");
                }
            }
            let (offset, sum) = (writer.offset(), writer.chain.sum());
            let bytes = writer.into_inner().expect("written");
            assert_eq!(offset, bytes.len() as u64);
            assert_eq!(sum, crate::fletcher::Fletcher4::of(&bytes));
            bytes
        });
        assert_eq!(streams[0], streams[1]);
    }

    #[test]
    fn what_is_counted_is_checked_as_what_is_written() {
        let mut embedded = WriteEmbedded::<LE>::new_zeroed();
        embedded.psize = 9.into();
        let header = OutHeader::of(&embedded);
        assert!(Counter.take(header, &Counted(16)).is_ok());
        let error = Counter.take(header, &Counted(9)).expect_err("too short");
        assert_eq!(error.to_string(), "payload of WRITE_EMBEDDED is 9 bytes, expected 16");
    }

    #[test]
    fn where_the_destination_failed_is_told() {
        let mut room = [0; RECORD_SIZE + 9];
        let mut writer = StreamWriter::new(&mut room[..]);
        writer.end(1).expect("gathered");
        writer.end(1).expect("gathered");
        let error = writer.flush().expect_err("no room");
        assert_eq!(error.to_string(), "byte 321: write failed");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::WriteZero);
    }
}
