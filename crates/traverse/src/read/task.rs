//! A batch on its way through the workers: opened, read, gathered and handed in.

use super::batch::Batch;
use super::events::{BlockReader, Events, OpenedBatch, Unmade};
use super::payload::SendPayload;
use super::{Gathered, PerBatch};
use crate::error::SendError;
use crate::ordered::Ticket;
use rayon::ScopeFifo;
use std::sync::Arc;

/// A batch's way to its delivery.
pub(super) struct Task<'s, 'd, P, R> {
    pub(super) reader: &'s BlockReader,
    pub(super) gather: &'s PerBatch<'s, P, R>,
    pub(super) ticket: Ticket<'s, 'd, Gathered<R>, SendError>,
}

impl<'s, 'd: 's, P: SendPayload + Send + Sync, R: Send> Task<'s, 'd, P, R> {
    /// Sees the batch through, on this thread where reads are fast. Where each takes long, they are
    /// spread over the threads of the scope, and whoever is last goes on: so no thread waits for
    /// another's read.
    pub(super) fn begin(self, batch: Batch, scope: &ScopeFifo<'s>) {
        if !P::IS_READ {
            return self.finish(Unmade::Counted(batch));
        }
        let opened = self.reader.open(batch);
        let reads = opened.reads.at_once();
        if reads < 2 {
            return self.finish(Unmade::Opened(opened));
        }
        let shared = Arc::new((self, opened));
        for i in 0..reads {
            let shared = Arc::clone(&shared);
            scope.spawn_fifo(move |_| Self::read(shared, i));
        }
        Self::go_on(shared);
    }

    /// Does one read of several.
    fn read(shared: Arc<(Self, OpenedBatch<'s, P>)>, i: usize) {
        let (task, opened) = &*shared;
        if !task.reader.stop.is_set() {
            opened.reads.read(i);
        }
        Self::go_on(shared);
    }

    /// Goes on with the batch if nobody else has a hold of it.
    fn go_on(shared: Arc<(Self, OpenedBatch<'s, P>)>) {
        if let Some((task, opened)) = Arc::into_inner(shared) {
            task.finish(Unmade::Opened(opened));
        }
    }

    fn finish(self, unmade: Unmade<'_, P>) {
        let mut replaced = Vec::new();
        let events = Events::new(self.reader, unmade, &mut replaced);
        let (made, ended) = (self.gather)(events);
        self.ticket.hand_in(Gathered { made, replaced, ended });
    }
}
