//! Reading in parallel: the caller's thread walks ahead and cuts batches, workers make events of
//! them, and the one that has finished what is next in order delivers it.

mod batch;
mod catch_up;
mod coalesce;
mod cursor;
mod events;
mod items;
#[cfg(test)]
mod model;
mod payload;
mod task;
mod withhold;

use crate::error::{Result, SendError};
use crate::ordered::Relay;
use crate::walk::{DatasetWalk, Node, Stop, Threads, WalkSpec};
use batch::Batches;
use catch_up::CatchUp;
use events::BlockReader;
use std::sync::Arc;
use std::time::Duration;
use task::Task;
use withhold::Withhold;
use zsend_pool::PoolError;

pub(crate) use cursor::RedactionCursor;
pub(crate) use events::Events;
pub(crate) use items::Rules;
pub(crate) use payload::SendPayload;
pub(crate) use withhold::Withheld;

/// The way in which a dataset is read.
#[derive(Clone, Debug)]
pub(crate) struct ReadSpec {
    /// The part of the dataset that is walked.
    pub(crate) walk: WalkSpec,
    /// Blocks that are sent although they are old.
    pub(crate) cursor: RedactionCursor,
    /// Blocks that are not sent.
    pub(crate) withheld: Withheld,
    /// The rules by which visits become items.
    pub(crate) rules: Rules,
    /// `zfs_send_corrupt_data`: lost blocks are replaced by a pattern.
    pub(crate) is_replacing: bool,
    /// Bytes that may be read ahead of the writer.
    pub(crate) queue_length: u64,
    /// Worker threads.
    pub(crate) threads: usize,
    /// The time of a read.
    pub(crate) latency: Duration,
}

/// A batch as it is delivered.
#[derive(Debug)]
pub(crate) struct Gathered<R> {
    /// The result of gathering its events.
    pub(crate) made: R,
    /// Errors of blocks that were lost and replaced.
    pub(crate) replaced: Vec<PoolError>,
    /// The error that ended the send, behind those events.
    pub(crate) ended: Result<()>,
}

/// Makes something of the events of one batch; it may end early with an error.
type PerBatch<'g, P, R> = dyn Fn(Events<'_, P>) -> (R, Result<()>) + Sync + 'g;

/// Reads a dataset: `gather` is given each batch, in any order and by many threads at once, and
/// `deliver` what became of it, in send order, by one thread after another. What `gather` makes is the
/// difference between sending and counting.
///
/// # Errors
/// The first error in send order: everything before it was delivered.
pub(crate) fn run<P: SendPayload + Send + Sync, R: Send>(
    spec: ReadSpec,
    stop: Stop,
    gather: &PerBatch<'_, P, R>,
    deliver: impl FnMut(Gathered<R>) -> Result<()> + Send,
) -> Result<()> {
    let threads = Arc::new(Threads::start(spec.threads)?);
    let redacted = withhold::redacted(&spec.walk.bookmark(Node::data(0, 0)))?;
    let reader = BlockReader {
        spec: spec.walk.clone(),
        rules: spec.rules,
        latency: spec.latency,
        is_replacing: spec.is_replacing,
        stop: stop.clone(),
    };
    let relay: Relay<'_, Gathered<R>, SendError> =
        Relay::new(spec.queue_length, Arc::clone(stop.is_ended()), deliver);
    let (reader, shared) = (&reader, &relay);
    threads.scope(|scope| {
        let walk = DatasetWalk::new(spec.walk.clone(), Arc::clone(&threads), stop.clone());
        let leaves = CatchUp::new(walk, spec.walk.clone(), spec.cursor, stop.clone());
        let leaves = Withhold::new(leaves, spec.walk.clone(), spec.withheld, redacted, stop);
        for batch in Batches::new(leaves, spec.walk, P::IS_READ) {
            let Some(ticket) = shared.begin(batch.cost) else { break };
            let task = Task { reader, gather, ticket };
            scope.spawn_fifo(move |scope| task.begin(batch, scope));
        }
    });
    relay.finish()
}

#[cfg(test)]
mod tests;
