//! Streams out of a package, or of several in one input, each to a destination of its own.

use super::error::ChangeError;
use super::packet::Packet;
use super::transform::{Out, Transform};
use crate::begin_list::BeginList;
use crate::segment::Segment;
use std::fmt;
use std::io::{self, Write};
use zsend_records::drr::{Begin, RecordType};
use zsend_records::flags::Features;
use zsend_records::reader::Role;
use zsend_records::writer::{RecordSink, StreamWriter};
use zsend_records::zerocopy::byteorder::LE;

/// Destinations of streams.
pub trait Destinations: fmt::Debug + Send {
    /// Destination of one stream.
    type Stream: Write + fmt::Debug + Send;

    /// Opens the destination of a stream that begins.
    ///
    /// # Errors
    /// If there is none, or it cannot be opened.
    fn open(&mut self, segment: &Segment) -> io::Result<Self::Stream>;

    /// Takes a destination back that has its whole stream.
    ///
    /// # Errors
    /// If it cannot be made durable, or get its name.
    fn close(&mut self, stream: Self::Stream) -> io::Result<()>;
}

/// Writes each stream to a destination of its own, as it would be by itself, and gives no record.
#[derive(Debug)]
pub struct Apart<D: Destinations> {
    destinations: D,
    open: Option<StreamWriter<D::Stream>>,
}

impl<D: Destinations> Apart<D> {
    /// Writes to these.
    pub const fn new(destinations: D) -> Self {
        Self { destinations, open: None }
    }

    fn begin(&mut self, packet: &Packet, begin: &Begin<LE>) -> Result<(), ChangeError> {
        let list = packet.begin_list()?;
        let list = list.as_ref().map(|BeginList { list, .. }| list);
        let origin = &packet.origin;
        let segment = Segment::new(&origin.file, origin.record, origin.byte, true, begin, list);
        let stream = self.destinations.open(&segment).map_err(ChangeError::Destination)?;
        self.open = Some(StreamWriter::in_order(stream, packet.order));
        Ok(())
    }
}

impl<D: Destinations> Transform for Apart<D> {
    fn takes(&self) -> Features {
        Features::all()
    }

    fn record(&mut self, packet: Packet, _out: &mut Out) -> Result<(), ChangeError> {
        if packet.role != Role::Stream {
            return Ok(());
        }
        if let Some(begin) = packet.header.body_as::<Begin<LE>>() {
            self.begin(&packet, begin)?;
        }
        let Some(writer) = &mut self.open else { return Ok(()) };
        let (header, payload) = packet
            .to_written()
            .map_err(|source| ChangeError::Record { origin: packet.origin.clone(), source })?;
        writer.take(header, &payload)?;
        if packet.record_type() == RecordType::END
            && let Some(writer) = self.open.take()
        {
            let stream = writer.into_inner()?;
            self.destinations.close(stream).map_err(ChangeError::Destination)?;
        }
        Ok(())
    }
}
