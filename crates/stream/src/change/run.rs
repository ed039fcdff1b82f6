//! Streams through the steps of a change: inputs are read on threads of their own, and one more writes. Nobody waits for
//! the others but for want of records, or of memory for more.

use super::error::ChangeError;
use super::group::Group;
use super::packet::Packet;
use super::source::{BATCH_RECORDS, Batch, ChangeInput};
use super::transform::{Transform, step_end, through};
use super::writing::{Changed, ToWriter, WriterGone, write_all};
use std::io::Write;
use std::panic::resume_unwind;
use std::thread;

/// Takes whole inputs through the steps of a change, one behind the other unless the first step reads them side by side,
/// and writes what comes of them. `note` takes what a step has to say of a record, in order; it and the destination are used
/// on one thread, not the caller's. The work of the last step is done while others are read and written, unless this is
/// called on a thread of rayon's.
///
/// # Errors
/// If an input is damaged or cut, if it stands against the change, if the destination fails, or if a thread cannot be started. The
/// records before the fault are written.
pub fn change(
    sources: Vec<ChangeInput>,
    mut steps: Vec<Box<dyn Transform>>,
    destination: impl Write + Send,
    note: impl FnMut(&str) + Send,
) -> Result<Changed, ChangeError> {
    let sources = match steps.first_mut() {
        Some(first) => first.sources(sources)?,
        None => sources,
    };
    let makes = steps.iter().map(|step| step.makes()).max().unwrap_or_default();
    let (to_writer, groups, wrote) = ToWriter::new();
    thread::scope(|scope| {
        let write = move || write_all(destination, note, &groups, &wrote);
        let writer = thread::Builder::new().name("write".into()).spawn_scoped(scope, write);
        let writer = writer.map_err(ChangeError::Thread)?;
        // The writer tells why the steps stop early, a fault of theirs included.
        let _ = ChangeRun { steps, makes, to_writer }.all(sources);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The steps of a change that is under way.
struct ChangeRun {
    steps: Vec<Box<dyn Transform>>,
    /// Longest block that a step makes of a record that has less of one.
    makes: u64,
    to_writer: ToWriter,
}

/// Bytes of blocks that steps make of records that have less, before they are written.
const MADE_BYTES: u64 = 16 << 20;

impl ChangeRun {
    /// Takes all records through the steps.
    fn all(mut self, sources: Vec<ChangeInput>) -> Result<(), WriterGone> {
        for mut source in sources {
            let mut more = true;
            while more {
                let Batch { packets, fault, is_last, is_large } = source.next_batch();
                if self.makes > 0 || is_large {
                    self.few_by_few(packets, fault)?;
                } else {
                    let group = through(&mut self.steps, packets, fault);
                    self.to_writer.send(group)?;
                }
                if is_large {
                    self.to_writer.wait()?;
                }
                more = !is_last;
            }
        }
        self.ends()
    }

    /// Takes records through steps that may make more of them than they are: a few at a time, each of which are written
    /// before the next.
    fn few_by_few(
        &mut self,
        mut packets: Vec<Packet>,
        mut fault: Option<ChangeError>,
    ) -> Result<(), WriterGone> {
        let few = MADE_BYTES
            .checked_div(self.makes)
            .map_or(BATCH_RECORDS, |few| few.max(1).try_into().unwrap_or(BATCH_RECORDS));
        loop {
            let rest = packets.split_off(few.min(packets.len()));
            self.to_writer.wait()?;
            let behind = if rest.is_empty() { fault.take() } else { None };
            let group = through(&mut self.steps, packets, behind);
            self.to_writer.send(group)?;
            if rest.is_empty() {
                return Ok(());
            }
            packets = rest;
        }
    }

    /// Gives what the steps have left at the end of the input, each through those behind it.
    fn ends(&mut self) -> Result<(), WriterGone> {
        for at in 0..self.steps.len() {
            let mut more = true;
            while more {
                self.to_writer.wait()?;
                let group: Group;
                (group, more) = step_end(&mut self.steps[at..]);
                self.to_writer.send(group)?;
            }
        }
        Ok(())
    }
}
