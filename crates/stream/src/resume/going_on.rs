//! A sink that drops what a file has, and writes what comes behind it.

use super::Seam;
use std::io::{self, Write};
use zsend_records::drr::{Object, RecordType};
use zsend_records::writer::{OutHeader, Payload, RecordSink, StreamWriter, WriteError};
use zsend_records::zerocopy::byteorder::LE;

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
    /// The stream has other records before it.
    #[error(
        "before record {record} of the file, {name} of object {object}, other records would be sent now: it may be of a \
         sender of another dialect"
    )]
    Order {
        /// Number of the record in the file, from zero.
        record: u64,
        /// Name of its type.
        name: String,
        /// Its object.
        object: u64,
    },
}

/// Sink of a sender that goes on at [`Seam::position`].
///
/// Nothing is written before the record at the seam has come and is that of the file, so that a file which is no
/// beginning of the stream stays as it is.
#[derive(Debug)]
pub struct GoingOn<'s, W> {
    seam: &'s Seam,
    state: SinkState<W>,
}

#[derive(Debug)]
enum SinkState<W> {
    /// The record at the seam is yet to come.
    Seeking {
        destination: Option<W>,
        before: Before,
    },
    Writing(StreamWriter<W>),
}

/// Records that the stream has before the one at the seam.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    /// The highest object whose OBJECT came.
    highest: u64,
    /// Number of records behind the one that is counted from: see [`Seam::is_counted_from`]; none before it.
    since: Option<u64>,
}

impl Before {
    fn take(&mut self, seam: &Seam, header: &OutHeader) {
        let starts = seam.is_counted_from(header.record_type());
        self.since = self.since.map(|since| since + 1).or(starts.then_some(0));
        if let Some(object) = header.record().body_as::<Object<LE>>() {
            self.highest = object.object.get();
        }
    }
}

impl<'s, W: Write> GoingOn<'s, W> {
    /// A sink whose destination takes what comes behind the first [`Seam::end`] bytes.
    pub const fn new(seam: &'s Seam, destination: W) -> Self {
        let before = Before { highest: 0, since: None };
        Self { seam, state: SinkState::Seeking { destination: Some(destination), before } }
    }

    /// Compares a record with that at the seam; `before` has it too. True if it is that one.
    fn seek(
        &self,
        header: &OutHeader,
        payload: &Payload,
        before: Before,
    ) -> Result<bool, SeamError> {
        let record = header.record();
        if self.seam.is_begin() {
            // Both were compared before: see `Seam::check_begin`.
            return Ok(header.record_type() == RecordType::BEGIN);
        }
        let (object, offset) = self.seam.at().unwrap_or_default();
        let (number, name) = (self.seam.record(), self.seam.header().record_type().to_string());
        if self.seam.is(record, payload.sum_in(self.seam.order())) {
            return match self.seam.is_reached(before.since) && before.highest == self.seam.highest()
            {
                true => Ok(true),
                false => Err(SeamError::Order { record: number, name, object }),
            };
        }
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

    fn take(&mut self, header: OutHeader, payload: &Payload) -> Result<(), WriteError> {
        if let SinkState::Writing(writer) = &mut self.state {
            return writer.take(header, payload);
        }
        let SinkState::Seeking { before, .. } = &mut self.state else { return Ok(()) };
        before.take(self.seam, &header);
        let before = *before;
        let found = self.seek(&header, payload, before).map_err(|e| WriteError::Io {
            offset: self.seam.end(),
            source: io::Error::new(io::ErrorKind::InvalidData, e),
        })?;
        if found
            && let SinkState::Seeking { destination, .. } = &mut self.state
            && let Some(destination) = destination.take()
        {
            let (chain, end) = (self.seam.chain(), self.seam.end());
            self.state = SinkState::Writing(StreamWriter::going_on(destination, chain, end));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        match &mut self.state {
            SinkState::Seeking { .. } => Ok(()),
            SinkState::Writing(writer) => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_records::chain::Chain;
    use zsend_records::drr::{Begin, End, MAGIC, ReplayRecord, Write as Block};
    use zsend_records::fletcher::Fletcher4;
    use zsend_records::zerocopy::FromZeros;

    fn begin() -> OutHeader {
        let mut begin = Begin::<LE>::new_zeroed();
        (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
        OutHeader::new(ReplayRecord::new(&begin)).unwrap()
    }

    fn block(offset: u64) -> OutHeader {
        let mut block = Block::<LE>::new_zeroed();
        (block.object, block.offset, block.logical_size) = (7.into(), offset.into(), 512.into());
        OutHeader::of(&block)
    }

    fn payload(fill: u8) -> Payload {
        Payload::new(vec![fill; 512])
    }

    fn end() -> OutHeader {
        OutHeader::of(&End::<LE>::new_zeroed())
    }

    /// A stream of three blocks, whole.
    fn whole() -> Vec<u8> {
        let mut writer = StreamWriter::new(Vec::new());
        writer.take(begin(), &Payload::new(Vec::new())).unwrap();
        for (offset, fill) in [(0, 1), (512, 2), (1024, 3)] {
            writer.take(block(offset), &payload(fill)).unwrap();
        }
        writer.take(end(), &Payload::new(Vec::new())).unwrap();
        writer.into_inner().unwrap()
    }

    /// The end of its second block.
    fn seam(whole: &[u8]) -> Seam {
        let chain = |end: usize| Chain::from_sum(Fletcher4::of(&whole[..end]), Default::default());
        let mut seam = Seam::begin(begin().record(), None, 0, 312, chain(312));
        let mut next = Box::new(seam.last().clone());
        for (index, number) in [(0, 1), (1, 2)] {
            let (header, sum) = (block(512 * index), payload(number).sum());
            let end = 312 + 824 * u64::from(number);
            let up_to = chain(usize::try_from(end).unwrap());
            assert!(seam.note(&mut next, header.record(), number.into(), sum, end, up_to));
            seam.end_with(&mut next);
            assert_eq!(seam.position(), Some((7, 512 * index)));
        }
        seam
    }

    /// Bytes that some records have, as far as they were written, and the error that ended it.
    fn written(seam: &Seam, records: &[(OutHeader, Payload)]) -> (Vec<u8>, Option<SeamError>) {
        let mut out = Vec::new();
        let mut sink = GoingOn::new(seam, &mut out);
        let mut failed = None;
        for (header, payload) in records {
            if let Err(e) = sink.take(*header, payload) {
                let WriteError::Io { source, .. } = e else { panic!("{e}") };
                failed = source.into_inner().unwrap().downcast::<SeamError>().ok();
                break;
            }
        }
        sink.flush().unwrap();
        (out, failed.map(|e| *e))
    }

    #[test]
    fn what_is_there_is_dropped_and_the_rest_is_the_rest() {
        let (whole, none) = (whole(), Payload::new(Vec::new()));
        let seam = seam(&whole);
        let (first, second, third) =
            ((block(0), payload(1)), (block(512), payload(2)), (block(1024), payload(3)));
        let all = [
            (begin(), none.clone()),
            first.clone(),
            second.clone(),
            third.clone(),
            (end(), none.clone()),
        ];
        assert_eq!(written(&seam, &all), (whole[1960..].to_vec(), None));
        let fewer = [(begin(), none.clone()), second, third.clone(), (end(), none.clone())];
        assert_eq!(written(&seam, &fewer), (whole[1960..].to_vec(), None));

        let other = [(begin(), none.clone()), first.clone(), (block(512), payload(9)), third];
        let (out, failed) = written(&seam, &other);
        assert!(out.is_empty() && matches!(failed, Some(SeamError::Differs { record: 2, .. })));
        let without = [(begin(), none.clone()), first, (end(), none)];
        let (out, failed) = written(&seam, &without);
        assert!(out.is_empty() && matches!(failed, Some(SeamError::Absent { record: 2, .. })));
    }
}
