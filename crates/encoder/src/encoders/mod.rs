//! The table of record encoders: a row for each kind of event.
//!
//! A new record type is one new file here and one row in [`Encoders`]. A crate that has an event and a
//! record type of its own registers an encoder for it: see `examples/note.rs`.

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

use crate::emit::Emit;
use crate::event::{
    Begin, End, Event, FreeSlot, Hole, Object, ObjectRange, OtherEvent, Redact, Spill, Write,
    WriteEmbedded,
};
use std::any::{Any, TypeId};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use zsend_records::writer::Measured;

pub(crate) use free::free_header;
pub(crate) use freeobjects::freeobjects_header;
pub(crate) use redact::redact_header;

/// Turns events of type `E` into records of a stream whose payloads are `P`.
///
/// It keeps no state: where a stream is only counted, the first events of a stretch are encoded twice.
pub trait RecordEncoder<E, P>: Send + Sync {
    /// Emits the event's records, or adds to the pending one.
    ///
    /// # Errors
    /// Those of the sink, and of an event that the record has no room for.
    fn encode(&self, event: &E, out: &mut dyn Emit<P>) -> io::Result<()>;
}

/// A row of the table.
pub type Row<E, P> = &'static dyn RecordEncoder<E, P>;

/// The table: who encodes which event. The default is that of the reference senders.
#[derive(Clone)]
pub struct Encoders<P: Measured> {
    /// For BEGIN.
    pub begin: Row<Begin<P>, P>,
    /// For a block of dnodes.
    pub object_range: Row<ObjectRange, P>,
    /// For a dnode.
    pub object: Row<Object<P>, P>,
    /// For a free dnode slot.
    pub free_slot: Row<FreeSlot, P>,
    /// For a hole in an object.
    pub hole: Row<Hole, P>,
    /// For a hole in the meta-dnode.
    pub object_hole: Row<Hole, P>,
    /// For a redacted block.
    pub redact: Row<Redact, P>,
    /// For data.
    pub write: Row<Write<P>, P>,
    /// For data that lay in its pointer.
    pub write_embedded: Row<WriteEmbedded<P>, P>,
    /// For a spill block.
    pub spill: Row<Spill<P>, P>,
    /// For END.
    pub end: Row<End, P>,
    /// For events of other crates, by their types.
    others: Vec<(TypeId, Arc<dyn Other<P>>)>,
}

impl<P: Measured> fmt::Debug for Encoders<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoders").field("others", &self.others.len()).finish_non_exhaustive()
    }
}

impl<P: Measured> Default for Encoders<P> {
    fn default() -> Self {
        Self {
            begin: &begin::BeginEncoder,
            object_range: &object_range::ObjectRangeEncoder,
            object: &object::ObjectEncoder,
            free_slot: &freeobjects::FreeObjectsEncoder,
            hole: &free::FreeEncoder,
            object_hole: &freeobjects::FreeObjectsEncoder,
            redact: &redact::RedactEncoder,
            write: &write::WriteEncoder,
            write_embedded: &write_embedded::WriteEmbeddedEncoder,
            spill: &spill::SpillEncoder,
            end: &end::EndEncoder,
            others: Vec::new(),
        }
    }
}

impl<P: Measured> Encoders<P> {
    /// The table with an encoder for another crate's events of type `E`, in place of one that it may
    /// have had. Rows for this crate's own events are the table's fields, and replaced there.
    #[must_use]
    pub fn register<E: OtherEvent>(mut self, encoder: impl RecordEncoder<E, P> + 'static) -> Self {
        let id = TypeId::of::<E>();
        self.others.retain(|(other, _)| *other != id);
        self.others.push((id, Arc::new(Typed(encoder, PhantomData::<fn(&E)>))));
        self
    }

    /// Encodes an event by its row.
    ///
    /// # Errors
    /// Those of the row, and another crate's event that has none.
    pub fn encode(&self, event: &Event<P>, out: &mut dyn Emit<P>) -> io::Result<()> {
        match event {
            Event::Begin(e) => self.begin.encode(e, out),
            Event::ObjectRange(e) => self.object_range.encode(e, out),
            Event::Object(e) => self.object.encode(e, out),
            Event::FreeSlot(e) => self.free_slot.encode(e, out),
            Event::Hole(e) if e.object == 0 => self.object_hole.encode(e, out),
            Event::Hole(e) => self.hole.encode(e, out),
            Event::Redact(e) => self.redact.encode(e, out),
            Event::Write(e) => self.write.encode(e, out),
            Event::WriteEmbedded(e) => self.write_embedded.encode(e, out),
            Event::Spill(e) => self.spill.encode(e, out),
            Event::Other(e) => self.encode_other(&**e, out),
        }
    }

    fn encode_other(&self, event: &dyn OtherEvent, out: &mut dyn Emit<P>) -> io::Result<()> {
        let id = (event as &dyn Any).type_id();
        let row = self.others.iter().find(|(other, _)| *other == id).ok_or_else(|| {
            io::Error::other(format!("no record encoder for an event of type {}", event.name()))
        })?;
        row.1.encode(event, out)
    }
}

/// An encoder of another crate's events, whatever their type.
trait Other<P>: Send + Sync {
    fn encode(&self, event: &dyn OtherEvent, out: &mut dyn Emit<P>) -> io::Result<()>;
}

/// An encoder of events of one type.
struct Typed<E, R>(R, PhantomData<fn(&E)>);

impl<P, E: OtherEvent, R: RecordEncoder<E, P>> Other<P> for Typed<E, R> {
    fn encode(&self, event: &dyn OtherEvent, out: &mut dyn Emit<P>) -> io::Result<()> {
        // The table finds this row by the event's type.
        let Some(event) = (event as &dyn Any).downcast_ref() else {
            return Err(io::Error::other("an event was given to a row for another type"));
        };
        self.0.encode(event, out)
    }
}
