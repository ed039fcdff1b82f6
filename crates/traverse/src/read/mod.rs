//! The pipeline: the caller's thread walks ahead, workers read, and the one that has finished what
//! is next in order encodes and writes.

mod batch;
mod coalesce;
mod events;
mod items;
pub mod listed;
pub mod payload;
mod task;

use crate::error::{Result, SendError};
use crate::ordered::budget::Budget;
use crate::ordered::relay::{Done, Relay};
use crate::read::batch::{Batch, Batcher};
use crate::read::events::Worker;
use crate::read::items::{Collector, Rules};
use crate::read::listed::Listed;
use crate::read::payload::Wanted;
use crate::read::task::Task;
use crate::walk::{WalkSpec, walk};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zsend_encoder::event::Event;
use zsend_encoder::policy::Policy;
use zsend_pool::PoolError;

/// How a dataset is sent.
#[derive(Clone, Debug)]
pub struct PipelineSpec {
    /// What is walked.
    pub walk: WalkSpec,
    /// Blocks that are sent although they are old: see [`Listed`].
    pub listed: Listed,
    /// Forms of payloads.
    pub policy: Policy,
    /// `zfs_send_unmodified_spill_blocks`.
    pub unmodified_spill: bool,
    /// `zfs_send_corrupt_data`: where lost blocks are noted, if they are to be replaced.
    pub replaced: Option<Arc<Mutex<Vec<PoolError>>>>,
    /// `zfs_send_queue_length`: bytes that may be read ahead of the writer.
    pub queue_length: u64,
    /// Worker threads.
    pub threads: usize,
    /// What a read takes.
    pub latency: Duration,
}

/// Makes the thread pool that reads.
///
/// # Errors
/// [`SendError::Threads`].
pub fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(|i| format!("zsend-read-{i}"))
        .build()
        .map_err(|e| SendError::Threads(e.to_string()))
}

/// What is made of the events of one batch, by the worker that has them.
pub trait Share {
    /// What is wanted of payloads.
    type Payload: Wanted;
    /// What goes on to be delivered.
    type Result: Send;

    /// Takes the next event.
    ///
    /// # Errors
    /// Any error ends the send, after what was taken before.
    fn event(&mut self, event: Event<Self::Payload>) -> Result<()>;

    /// What was made of them, in order.
    fn results(self) -> Vec<Self::Result>;
}

impl<P: Wanted> Share for Vec<Event<P>> {
    type Payload = P;
    type Result = Event<P>;

    fn event(&mut self, event: Event<P>) -> Result<()> {
        self.push(event);
        Ok(())
    }

    fn results(self) -> Self {
        self
    }
}

/// Runs a send: `share` begins a batch of about so many items, in any order and on many threads at
/// once, and `each` is given what became of it, in send order, by one thread after another.
///
/// # Errors
/// The first error in send order: everything before it was given to `each`.
pub fn run<S: Share>(
    spec: &PipelineSpec,
    cancel: &AtomicBool,
    share: impl Fn(usize) -> S + Sync,
    each: impl FnMut(S::Result) -> Result<()> + Send,
) -> Result<()> {
    let pool = thread_pool(spec.threads)?;
    let rules = Rules {
        policy: spec.policy,
        fromtxg: spec.walk.fromtxg,
        resume_object: spec.walk.resume.map_or(0, |r| r.object),
        unmodified_spill: spec.unmodified_spill,
    };
    let worker = Worker {
        walk: spec.walk.clone(),
        rules,
        latency: spec.latency,
        replaced: spec.replaced.clone(),
    };
    let budget = Budget::new(spec.queue_length);
    let relay = Relay::new(each, &budget, cancel);
    let (worker, share, shared) = (&worker, &share, &relay);
    pool.in_place_scope_fifo(|scope| {
        let mut number = 0;
        let submit = |batch: Batch<S::Payload>| {
            let cost = batch.cost;
            if !budget.acquire(cost) {
                return Err(SendError::Cancelled);
            }
            let task = Task { worker, share, relay: shared, number, cost };
            scope.spawn_fifo(move |scope| task.begin(batch, scope));
            number += 1;
            Ok(())
        };
        let mut collector = Collector {
            rules,
            objset: &spec.walk.objset,
            listed: spec.listed.clone(),
            out: Batcher::new(rules.fromtxg, submit),
        };
        let walked = walk(&spec.walk, &pool, shared.stop(), &mut collector);
        // What came before an error in send order is delivered before the error is.
        let walked = walked.and_then(|()| collector.finish());
        let error = collector.out.flush().and(walked).err();
        drop(collector);
        if error.is_some() {
            shared.hand_in(number, Done { results: Vec::new(), error, cost: 0 });
        }
    });
    relay.finish()
}
