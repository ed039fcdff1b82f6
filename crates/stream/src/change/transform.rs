//! One step of a change: records in, records out.

use super::error::ChangeError;
use super::group::Group;
use super::packet::Packet;
use super::source::ChangeInput;
use std::fmt;
use zsend_records::drr::Begin;
use zsend_records::flags::Features;
use zsend_records::zerocopy::byteorder::LE;

/// Features that senders of today set: all but those of dedup streams.
pub(super) const SENT_TODAY: Features =
    Features::all().difference(Features::DEDUP.union(Features::DEDUPPROPS));

/// One step of a change. It sees every record of the input, in order, and gives the records of its output, in order.
///
/// A step that looks at each record by itself leaves what takes time to [`Out::put_after`], which all cores share.
pub trait Transform: fmt::Debug + Send {
    /// Features of streams that the step understands. A stream with another is refused by name before its BEGIN
    /// comes here.
    fn takes(&self) -> Features {
        SENT_TODAY
    }

    /// Takes the inputs before their first record, if this is the first step: one that reads several side by side
    /// gives one in their place.
    ///
    /// # Errors
    /// If the inputs stand against the change, or one is damaged.
    fn sources(&mut self, sources: Vec<ChangeInput>) -> Result<Vec<ChangeInput>, ChangeError> {
        Ok(sources)
    }

    /// Longest block that the step may make of a record that has less of one, in bytes.
    fn makes(&self) -> u64 {
        0
    }

    /// Takes the next record. Where work that the last step left to [`Out::put_after`] fails, some records behind may come
    /// here yet, and nothing of them is written.
    ///
    /// # Errors
    /// If the stream stands against the change, or is damaged.
    fn record(&mut self, packet: Packet, out: &mut Out) -> Result<(), ChangeError>;

    /// Gives what is left at the end of the input, some megabytes at a time; says if there is more.
    ///
    /// # Errors
    /// If the stream stands against the change, or is damaged.
    fn end(&mut self, out: &mut Out) -> Result<bool, ChangeError> {
        let _ = out;
        Ok(false)
    }
}

/// Work on one record, on any thread.
pub(super) type Work = Box<dyn FnOnce(Packet) -> Result<Packet, ChangeError> + Send>;

/// Records that a step gave, in order.
#[derive(Default)]
pub struct Out(Vec<(Packet, Option<Work>)>);

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(packet, _)| packet)).finish()
    }
}

impl Out {
    /// Gives a record.
    pub fn put(&mut self, packet: Packet) {
        self.0.push((packet, None));
    }

    /// Gives a record that some work is to be done on first. It keeps its place, and the work is done on any thread, behind
    /// a fault perhaps after the change has ended.
    pub fn put_after(
        &mut self,
        packet: Packet,
        work: impl FnOnce(Packet) -> Result<Packet, ChangeError> + Send + 'static,
    ) {
        self.0.push((packet, Some(Box::new(work))));
    }
}

/// Takes records through steps, the last of which is the last of the change: what comes of those before the first fault, and
/// the fault. The work of the last step may be under way.
pub(super) fn through(
    steps: &mut [Box<dyn Transform>],
    mut packets: Vec<Packet>,
    mut fault: Option<ChangeError>,
) -> Group {
    let Some((last, steps)) = steps.split_last_mut() else {
        return Group::start(at_rest(packets), fault, true);
    };
    for transform in steps {
        (packets, fault) = step(&mut **transform, packets, fault, false).wait();
    }
    step(&mut **last, packets, fault, true)
}

/// Takes records through one step: what comes of those before the first fault, and the fault.
fn step(
    transform: &mut dyn Transform,
    packets: Vec<Packet>,
    fault: Option<ChangeError>,
    is_last: bool,
) -> Group {
    let mut out = Out::default();
    let taken = packets.into_iter().try_for_each(|packet| {
        if let Some(begin) = packet.header.body_as::<Begin<LE>>() {
            check_features(&*transform, &packet, begin)?;
        }
        transform.record(packet, &mut out)
    });
    Group::start(out.0, taken.err().or(fault), is_last)
}

/// Takes what is left at the end through the first of these steps, and that through those behind it; says if there is more.
pub(super) fn step_end(steps: &mut [Box<dyn Transform>]) -> (Group, bool) {
    let Some((ending, rest)) = steps.split_first_mut() else {
        return (Group::start(Vec::new(), None, true), false);
    };
    let mut out = Out::default();
    let (more, fault) = match ending.end(&mut out) {
        Ok(more) => (more, None),
        Err(fault) => (false, Some(fault)),
    };
    let (packets, fault) = Group::start(out.0, fault, rest.is_empty()).wait();
    (through(rest, packets, fault), more)
}

/// Records on which there is no work to do.
fn at_rest(packets: Vec<Packet>) -> Vec<(Packet, Option<Work>)> {
    packets.into_iter().map(|packet| (packet, None)).collect()
}

fn check_features(
    transform: &dyn Transform,
    packet: &Packet,
    begin: &Begin<LE>,
) -> Result<(), ChangeError> {
    let features = begin.features();
    let strange = features.difference(transform.takes());
    if strange.is_empty() {
        return Ok(());
    }
    let mut why = format!("the stream has features that are not taken here: {strange}");
    if strange.intersects(Features::DEDUP) {
        why += "; `zsend redup` makes one without WRITE_BYREF records of it";
    }
    if strange.intersects(Features::RAW) {
        why += "; with its key, `zsend decrypt` makes a plain stream of it";
    }
    Err(ChangeError::refused(&packet.origin, why))
}
