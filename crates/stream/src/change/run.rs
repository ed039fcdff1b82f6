//! Streams through the steps of a change: while the records of one batch are changed, the next are read and the last
//! are written.

use super::error::ChangeError;
use super::packet::Packet;
use super::source::{BATCH_RECORDS, Batch, Source};
use super::transform::{Transform, step_end, through};
use std::io::Write;
use std::mem::take;
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

/// Takes whole inputs through the steps of a change, one behind the other unless the first step reads them side by side,
/// and writes what comes of them. `note` takes what a step has to say of a record, in order.
///
/// # Errors
/// If an input is damaged or cut, if it stands against the change, or if the destination fails. The records before the
/// fault are written.
pub fn change(
    sources: Vec<Source>,
    mut steps: Vec<Box<dyn Transform>>,
    destination: impl Write + Send,
    note: impl FnMut(&str) + Send,
) -> Result<Changed, ChangeError> {
    let sources = match steps.first_mut() {
        Some(first) => first.sources(sources)?,
        None => sources,
    };
    let mut run = Run {
        steps,
        note,
        writer: Writer { destination: Some(destination), out: None, records: 0 },
    };
    let makes = run.steps.iter().map(|step| step.makes()).max().unwrap_or(0);
    let mut written: Vec<Packet> = Vec::new();
    for mut source in sources {
        let mut batch = source.next_batch();
        loop {
            let Batch { packets, fault, is_last, is_large } = take(&mut batch);
            let Run { steps, note, writer } = &mut run;
            let (changed, next) = if makes > 0 || is_large {
                writer.write(take(&mut written))?;
                (few_by_few(steps, packets, fault, makes, note, writer)?, None)
            } else {
                let (wrote, both) = rayon::join(
                    || writer.write(take(&mut written)),
                    || {
                        rayon::join(
                            || through(steps, packets, fault),
                            || (!is_last).then(|| source.next_batch()),
                        )
                    },
                );
                wrote?;
                both
            };
            let (packets, fault) = changed;
            written = told(packets, note);
            if let Some(fault) = fault {
                run.writer.write(written)?;
                run.writer.finish()?;
                return Err(fault);
            }
            if is_last {
                break;
            }
            batch = match next {
                Some(next) => next,
                None => {
                    run.writer.write(take(&mut written))?;
                    source.next_batch()
                }
            };
        }
    }
    run.writer.write(written)?;
    run.ends()?;
    run.writer.finish()
}

/// A change that is under way.
struct Run<W, N> {
    steps: Vec<Box<dyn Transform>>,
    note: N,
    writer: Writer<W>,
}

impl<W: Write, N: FnMut(&str)> Run<W, N> {
    /// Writes what the steps give at the end of the input, each through those behind it.
    fn ends(&mut self) -> Result<(), ChangeError> {
        for at in 0..self.steps.len() {
            let mut more = true;
            while more {
                let Some((ending, rest)) = self.steps[at..].split_first_mut() else { break };
                let (packets, is_more, fault) = step_end(&mut **ending, rest.is_empty());
                more = is_more;
                let (packets, fault) = through(rest, packets, fault);
                self.writer.write(told(packets, &mut self.note))?;
                if let Some(fault) = fault {
                    self.writer.finish()?;
                    return Err(fault);
                }
            }
        }
        Ok(())
    }
}

/// Bytes of blocks that steps make of records that have less, before they are written.
const MADE_BYTES: u64 = 16 << 20;

/// Takes records through steps: where these may make more of them than they are, a few at a time, which are written before
/// the next. What comes of the last is ready to be written, and the fault is behind it.
fn few_by_few<W: Write>(
    steps: &mut [Box<dyn Transform>],
    mut packets: Vec<Packet>,
    fault: Option<ChangeError>,
    makes: u64,
    note: &mut impl FnMut(&str),
    writer: &mut Writer<W>,
) -> Result<(Vec<Packet>, Option<ChangeError>), ChangeError> {
    let few = MADE_BYTES
        .checked_div(makes)
        .map_or(BATCH_RECORDS, |few| few.max(1).try_into().unwrap_or(BATCH_RECORDS));
    while packets.len() > few {
        let rest = packets.split_off(few);
        let (changed, earlier) = through(steps, packets, None);
        if earlier.is_some() {
            return Ok((changed, earlier));
        }
        writer.write(told(changed, note))?;
        packets = rest;
    }
    Ok(through(steps, packets, fault))
}

/// Passes on what is noted of records.
fn told(mut packets: Vec<Packet>, note: &mut impl FnMut(&str)) -> Vec<Packet> {
    for packet in &mut packets {
        if let Some(text) = packet.take_note() {
            note(&text);
        }
    }
    packets
}

/// Destination of a change. Its byte order is that of the first record.
struct Writer<W> {
    destination: Option<W>,
    out: Option<(Order, StreamWriter<W>)>,
    records: u64,
}

impl<W: Write> Writer<W> {
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
