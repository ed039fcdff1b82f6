//! The pipeline: a walker runs ahead, workers read, and the caller's thread gets events in order.

use crate::budget::Budget;
use crate::error::{Result, SendError};
use crate::items::{Batch, Collector};
use crate::job::Job;
use crate::listed::Listed;
use crate::walk::{WalkSpec, walk};
use crate::work::Worker;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
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
    /// Read no data; give sizes alone.
    pub sizes_only: bool,
    /// `zfs_send_corrupt_data`: where lost blocks are noted, if they are to be replaced.
    pub replaced: Option<Arc<Mutex<Vec<PoolError>>>>,
    /// `zfs_send_queue_length`: bytes that may be read ahead of the writer.
    pub queue_length: u64,
    /// Worker threads.
    pub threads: usize,
}

/// A batch under way, or the error that ended the walk.
type Step = Result<(Arc<Job<Result<Vec<Event>>>>, u64)>;

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

/// Runs a send and gives `each` every event, in order, on this thread.
///
/// # Errors
/// The first error in send order: everything before it was given to `each`.
pub fn run(
    spec: &PipelineSpec,
    cancel: &AtomicBool,
    mut each: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let pool = thread_pool(spec.threads)?;
    let worker = Worker {
        objset: Arc::clone(&spec.walk.objset),
        policy: spec.policy,
        sizes_only: spec.sizes_only,
        replaced: spec.replaced.clone(),
    };
    let budget = Budget::new(spec.queue_length);
    let stop = AtomicBool::new(false);
    let (steps, ordered) = mpsc::channel::<Step>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let steps = steps;
            let mut submit = |batch: Batch| {
                let cost = batch.cost;
                if !budget.acquire(cost) {
                    return Err(SendError::Cancelled);
                }
                let worker = worker.clone();
                let job = Job::spawn(&pool, move || worker.run(batch));
                steps.send(Ok((job, cost))).map_err(|_| SendError::Cancelled)
            };
            let mut collector = Collector {
                policy: spec.policy,
                objset: &spec.walk.objset,
                listed: spec.listed.clone(),
                fromtxg: spec.walk.fromtxg,
                resume_object: spec.walk.resume.map_or(0, |r| r.object),
                unmodified_spill: spec.unmodified_spill,
                batch: Batch::default(),
                submit: &mut submit,
            };
            let walked = walk(&spec.walk, &pool, &stop, &mut collector);
            // What came before an error in send order is delivered before the error is.
            let flushed = match walked {
                Ok(()) => collector.finish(),
                Err(e) => collector.flush().and(Err(e)),
            };
            if let Err(e) = flushed {
                let _ = steps.send(Err(e));
            }
        });
        let result = deliver(&ordered, &budget, cancel, &mut each);
        stop.store(true, Ordering::Relaxed);
        budget.close();
        // The walker may be waiting to hand on a step that nobody will take.
        drop(ordered);
        result
    })
}

fn deliver(
    ordered: &mpsc::Receiver<Step>,
    budget: &Budget,
    cancel: &AtomicBool,
    each: &mut impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    for step in ordered {
        let (job, cost) = step?;
        for event in job.take()? {
            if cancel.load(Ordering::Relaxed) {
                return Err(SendError::Cancelled);
            }
            each(event)?;
        }
        budget.release(cost);
    }
    Ok(())
}
