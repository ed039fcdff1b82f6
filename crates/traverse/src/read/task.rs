//! A batch on its way through the workers: opened, read, made into a share and handed in.

use crate::error::Result;
use crate::ordered::relay::{Done, Relay};
use crate::read::Share;
use crate::read::batch::Batch;
use crate::read::events::{Each, Opened, Worker};
use crate::read::payload::Wanted;
use rayon::ScopeFifo;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a worker needs to see a batch through.
pub(crate) struct Task<'a, T, E, F> {
    pub(crate) worker: &'a Worker,
    /// Begins a share of about so many items.
    pub(crate) share: &'a F,
    pub(crate) relay: &'a Relay<'a, T, E>,
    /// The batch's number in send order.
    pub(crate) number: u64,
    /// What the batch holds of the byte budget.
    pub(crate) cost: u64,
}

impl<'a, S, E, F> Task<'a, S::Result, E, F>
where
    S: Share,
    E: FnMut(S::Result) -> Result<()> + Send,
    F: Fn(usize) -> S + Sync,
{
    /// Sees the batch through, on this thread where reads are fast. Where each takes long, they are
    /// spread over the threads of the scope, and whoever is last goes on: so no thread waits for
    /// another's read.
    pub(crate) fn begin(self, batch: Batch<S::Payload>, scope: &ScopeFifo<'a>) {
        if self.is_stopped() {
            return;
        }
        let _guard = CloseOnPanic(self.relay);
        if !S::Payload::IS_READ {
            return self.finish(batch.items, |worker, each| worker.size(batch, each));
        }
        let opened = self.worker.open(batch);
        let reads = opened.runs.at_once();
        if reads < 2 {
            return self.make(opened);
        }
        let shared = Arc::new((self, opened));
        for i in 0..reads {
            let shared = Arc::clone(&shared);
            scope.spawn_fifo(move |_| Self::read(shared, i));
        }
        Self::go_on(shared);
    }

    /// What nobody will deliver is not read.
    fn is_stopped(&self) -> bool {
        self.relay.stop().load(Ordering::Relaxed)
    }

    /// One read of several.
    fn read(shared: Arc<(Self, Opened<'a, S::Payload>)>, i: usize) {
        let (task, opened) = &*shared;
        if !task.is_stopped() {
            let _guard = CloseOnPanic(task.relay);
            opened.runs.read(i);
        }
        Self::go_on(shared);
    }

    /// Goes on with the batch if nobody else has a hold of it.
    fn go_on(shared: Arc<(Self, Opened<'a, S::Payload>)>) {
        if let Some((task, opened)) = Arc::into_inner(shared)
            && !task.is_stopped()
        {
            let _guard = CloseOnPanic(task.relay);
            task.make(opened);
        }
    }

    fn make(self, opened: Opened<'_, S::Payload>) {
        self.finish(opened.items(), |worker, each| worker.run(opened, each));
    }

    fn finish(
        self,
        items: usize,
        make: impl FnOnce(&Worker, &mut Each<'_, S::Payload>) -> Result<()>,
    ) {
        let mut share = (self.share)(items);
        let error = make(self.worker, &mut |event| share.event(event)).err();
        let done = Done { results: share.results(), error, cost: self.cost };
        self.relay.hand_in(self.number, done);
    }
}

/// Lets the walk end if a worker panics; the panic itself goes on to whoever called.
struct CloseOnPanic<'a, T, E: FnMut(T) -> Result<()>>(&'a Relay<'a, T, E>);

impl<T, E: FnMut(T) -> Result<()>> Drop for CloseOnPanic<'_, T, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}
