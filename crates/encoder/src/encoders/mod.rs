//! The table of record encoders, one for each kind of event.
//!
//! A new record type is one new file here and one line in [`TABLE`].

mod begin;
mod end;
mod free;
mod freeobjects;
mod object;
mod object_range;
mod redact;
mod spill;
mod write;
mod write_embedded;

use crate::encoder::Emit;
use crate::event::Event;
use std::io;

pub(crate) use end::end;

/// Turns one kind of event into records.
pub(crate) trait RecordEncoder: Sync {
    /// Whether the event is of this encoder's kind.
    fn takes(&self, event: &Event) -> bool;

    /// Emits the event's records, or adds to the pending one. An event of another kind gives none.
    fn encode(&self, event: &Event, out: &mut dyn Emit) -> io::Result<()>;
}

/// All encoders, the most frequent first.
static TABLE: [&dyn RecordEncoder; 9] = [
    &write::WriteEncoder,
    &object::ObjectEncoder,
    &free::FreeEncoder,
    &freeobjects::FreeObjectsEncoder,
    &write_embedded::WriteEmbeddedEncoder,
    &spill::SpillEncoder,
    &object_range::ObjectRangeEncoder,
    &redact::RedactEncoder,
    &begin::BeginEncoder,
];

/// The encoder of an event.
pub(crate) fn encoder_for(event: &Event) -> &'static dyn RecordEncoder {
    // Every event has its row, which a test below holds to; BEGIN's stands for the search's end.
    *TABLE.iter().find(|e| e.takes(event)).unwrap_or(&TABLE[TABLE.len() - 1])
}
