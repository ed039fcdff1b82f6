//! Changed records on their way to the destination, on a thread of its own.

use super::error::ChangeError;
use super::group::Group;
use super::packet::Packet;
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use zsend_records::Order;
use zsend_records::reader::Role;
use zsend_records::writer::{RecordSink, StreamWriter};

/// Counts of a change that came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// Records that were written.
    pub records: u64,
    /// Bytes that were written.
    pub bytes: u64,
}

/// Nothing is written any more: the writer has told why, or will, once it comes to the fault.
#[derive(Debug)]
pub(super) struct WriterGone;

/// The way to the writer.
#[derive(Debug)]
pub(super) struct ToWriter {
    groups: SyncSender<Group>,
    /// One for each group that was written.
    written: Receiver<()>,
    /// Groups that may not be written yet.
    under_way: usize,
}

impl ToWriter {
    /// A way, and what the writer's thread takes of it.
    pub(super) fn new() -> (Self, Receiver<Group>, Sender<()>) {
        let (groups, given) = sync_channel(0);
        let (wrote, written) = channel();
        (Self { groups, written, under_way: 0 }, given, wrote)
    }

    /// Gives records to the writer.
    pub(super) fn send(&mut self, group: Group) -> Result<(), WriterGone> {
        while self.written.try_recv().is_ok() {
            self.under_way -= 1;
        }
        self.under_way += 1;
        let is_last = group.has_fault();
        self.groups.send(group).map_err(|_| WriterGone)?;
        if is_last { Err(WriterGone) } else { Ok(()) }
    }

    /// Waits until all is written.
    pub(super) fn wait(&mut self) -> Result<(), WriterGone> {
        while self.under_way > 0 {
            self.written.recv().map_err(|_| WriterGone)?;
            self.under_way -= 1;
        }
        Ok(())
    }
}

/// Writes all records that come, up to the first fault, and hands the destination all of them at the end.
pub(super) fn write_all(
    destination: impl Write,
    mut note: impl FnMut(&str),
    groups: &Receiver<Group>,
    wrote: &Sender<()>,
) -> Result<Changed, ChangeError> {
    let mut writer = ChangeWriter { destination: Some(destination), out: None, records: 0 };
    for group in groups {
        let (mut packets, fault) = group.wait();
        for text in packets.iter_mut().filter_map(Packet::take_note) {
            note(&text);
        }
        let fault = match writer.write(packets) {
            Err(ChangeError::Write(error)) => return Err(error.into()),
            written => written.err().or(fault),
        };
        if let Some(fault) = fault {
            writer.finish()?;
            return Err(fault);
        }
        // Whoever gave them may have ended.
        let _ = wrote.send(());
    }
    writer.finish()
}

/// Destination of a change. Its byte order is that of the first record.
struct ChangeWriter<W> {
    destination: Option<W>,
    out: Option<(Order, StreamWriter<W>)>,
    records: u64,
}

impl<W: Write> ChangeWriter<W> {
    fn write(&mut self, packets: Vec<Packet>) -> Result<(), ChangeError> {
        for packet in packets {
            let (header, payload) = packet
                .to_written()
                .map_err(|source| ChangeError::Record { origin: packet.origin.clone(), source })?;
            if let Some(destination) = self.destination.take() {
                self.out = Some((packet.order, StreamWriter::in_order(destination, packet.order)));
            }
            let Some((order, out)) = &mut self.out else { continue };
            if *order != packet.order {
                let why = "its byte order is not that of the streams before it: `zsend convert --byteorder` turns it";
                return Err(ChangeError::refused(&packet.origin, why));
            }
            self.records += 1;
            match packet.role {
                Role::PackageEnd => out.package_end()?,
                Role::Stream | Role::PackageBegin | Role::PackageHeaderEnd => {
                    out.take(header, &payload)?;
                }
            }
        }
        Ok(())
    }

    /// Hands all that was written to the destination.
    fn finish(&mut self) -> Result<Changed, ChangeError> {
        let Some((_, out)) = &mut self.out else { return Ok(Changed::default()) };
        out.flush()?;
        Ok(Changed { records: self.records, bytes: out.offset() })
    }
}
