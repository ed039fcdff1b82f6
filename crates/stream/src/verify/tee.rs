//! Passing a stream on, each record once it was checked.

use super::frame::PlacedFrame;
use super::framer::SeenPayload;
use std::io::{self, Write};

/// A destination, and the record that waits for the sum of its payload to be checked.
pub(super) struct Tee<'a> {
    to: Option<Box<dyn Write + Send + 'a>>,
    held: Option<Box<(PlacedFrame, SeenPayload)>>,
}

impl std::fmt::Debug for Tee<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tee").field("held", &self.held).finish_non_exhaustive()
    }
}

impl<'a> Tee<'a> {
    pub(super) fn new(to: Option<&'a mut (dyn Write + Send + 'a)>) -> Self {
        let to = to.map(|to| Box::new(to) as Box<dyn Write + Send + 'a>);
        Self { to, held: None }
    }

    /// True if records are passed on.
    pub(super) fn is_on(&self) -> bool {
        self.to.is_some()
    }

    /// Passes the record that waits on: the header behind it was found right.
    pub(super) fn release(&mut self) -> io::Result<()> {
        let (Some(to), Some(held)) = (&mut self.to, self.held.take()) else { return Ok(()) };
        let (frame, payload) = *held;
        to.write_all(&frame.raw())?;
        match payload {
            SeenPayload::Bytes(bytes) => to.write_all(&bytes),
            // Whoever passes records on keeps their payloads, but for a list that is too long for it.
            SeenPayload::Sum(_) => {
                Err(io::Error::other("the list behind BEGIN is too long to be passed on"))
            }
        }
    }

    /// Holds a record until the next header.
    pub(super) fn hold(&mut self, frame: &PlacedFrame, payload: &SeenPayload) {
        if self.is_on() {
            self.held = Some(Box::new((frame.clone(), payload.clone())));
        }
    }

    /// Passes on what waits, and flushes.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.release()?;
        self.to.as_mut().map_or(Ok(()), |to| to.flush())
    }

    /// Drops what waits, and flushes the rest.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        self.held = None;
        let to = self.to.take();
        to.map_or(Ok(()), |mut to| to.flush())
    }
}
