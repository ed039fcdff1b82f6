//! REDACT: ranges whose contents were withheld.

use super::RecordEncoder;
use crate::encoder::Emit;
use crate::event::Event;
use std::io;

pub(super) struct RedactEncoder;

impl RecordEncoder for RedactEncoder {
    fn takes(&self, event: &Event) -> bool {
        matches!(event, Event::Redact { .. })
    }

    fn encode(&self, event: &Event, out: &mut dyn Emit) -> io::Result<()> {
        let Event::Redact { object, offset, length } = event else { return Ok(()) };
        out.redact(*object, *offset, *length)
    }
}
