//! A send that is cancelled ends within one read of each thread.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use zsend_pool::discover::discover_devices;
use zsend_pool::{Device, Source};
use zsend_pool::{OpenOptions, Pool};
use zsend_traverse::{CancelToken, SendError, SendOptions, SendPlan};

/// Reads of a device, of which one cancels.
#[derive(Default)]
struct Reads {
    /// The read that cancels, counted from one, and what it cancels.
    cancels: Mutex<(usize, CancelToken)>,
    begun: AtomicUsize,
    /// Reads that were begun when that one did.
    then: OnceLock<usize>,
}

impl Reads {
    /// Counts from here on, and cancels at a read.
    fn arm(&self, read: usize, cancel: &CancelToken) {
        *self.cancels.lock().unwrap() = (read, cancel.clone());
        self.begun.store(0, Ordering::SeqCst);
    }
}

struct Gate {
    file: File,
    reads: Arc<Reads>,
}

impl Source for Gate {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let number = self.reads.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let (at, cancel) = self.reads.cancels.lock().unwrap().clone();
        if number == at {
            cancel.cancel();
            self.reads.then.set(self.reads.begun.load(Ordering::SeqCst)).unwrap();
        }
        Source::read_at(&self.file, buf, offset)
    }

    fn size(&self) -> u64 {
        Source::size(&self.file)
    }
}

fn pool(fixture: &str, reads: &Arc<Reads>) -> Pool {
    pool_with(fixture, reads, &OpenOptions::default())
}

fn pool_with(fixture: &str, reads: &Arc<Reads>, options: &OpenOptions) -> Pool {
    let images = std::fs::read_dir(support::images(fixture)).unwrap();
    let devices: Vec<Device> = images
        .map(|image| image.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "img"))
        .map(|path| {
            let gate = Gate { file: File::open(&path).unwrap(), reads: Arc::clone(reads) };
            Device::new(path.display().to_string(), Arc::new(gate))
        })
        .collect();
    let found = discover_devices(&devices, &CancelToken::default()).unwrap();
    Pool::open_found(&found[0], options).unwrap()
}

/// Reads of a whole send.
fn whole(fixture: &str, snapshot: &str, options: SendOptions) -> usize {
    let reads = Arc::default();
    let pool = pool(fixture, &reads);
    let plan = SendPlan::by_name(&pool, snapshot, None, options).unwrap();
    reads.arm(0, &CancelToken::default());
    plan.write(io::sink(), &CancelToken::default(), |_| {}).unwrap();
    reads.begun.load(Ordering::SeqCst)
}

#[test]
fn after_a_cancel_each_thread_ends_the_read_that_it_is_at() {
    ends_within_a_read("basic", "basic/fs@c");
}

/// A block is several reads there, one of each column, and more where columns are wrong or missing.
#[test]
fn after_a_cancel_no_other_column_of_a_block_is_read() {
    ends_within_a_read("oldraidz", "oldraidz/fs@b");
}

fn ends_within_a_read(fixture: &str, snapshot: &str) {
    for (threads, latency) in [(1, 0), (4, 0), (4, 5), (16, 5)] {
        let options = SendOptions::default()
            .with_threads(threads)
            .with_latency(Some(Duration::from_millis(latency)));
        let all = whole(fixture, snapshot, options.clone());
        assert!(all > 20, "{all}");
        for read in [1, 2, 5, all / 4, all / 2] {
            let (reads, cancel) = (Arc::default(), CancelToken::default());
            let pool = pool(fixture, &reads);
            let plan = SendPlan::by_name(&pool, snapshot, None, options.clone()).unwrap();
            reads.arm(read, &cancel);
            let ended = plan.write(io::sink(), &cancel, |_| {});
            assert!(matches!(ended, Err(SendError::Cancelled)), "{ended:?}");
            let (then, begun) = (reads.then.get().unwrap(), reads.begun.load(Ordering::SeqCst));
            // Each other thread, and the walk, may have asked just before.
            let more = begun - then;
            assert!(
                more <= threads,
                "{threads} threads, cancelled at {read} of {all}: {more} more"
            );
        }
    }
}

#[test]
fn a_token_that_is_cancelled_before_lets_nothing_be_read() {
    let (reads, cancel) = (Arc::default(), CancelToken::default());
    let pool = pool("basic", &reads);
    let plan = SendPlan::by_name(&pool, "basic/fs@c", None, SendOptions::default()).unwrap();
    cancel.cancel();
    reads.arm(0, &cancel);
    let mut stream = Vec::new();
    assert!(matches!(plan.write(&mut stream, &cancel, |_| {}), Err(SendError::Cancelled)));
    assert!(matches!(plan.exact_size(&cancel), Err(SendError::Cancelled)));
    assert_eq!(reads.begun.load(Ordering::SeqCst), 0);
    // BEGIN was written, which is a true beginning.
    assert_eq!(stream.len(), 312);
}

/// The pool's own token ends what a plan reads before it is given one.
#[test]
fn a_plan_ends_at_any_read_with_the_token_that_the_pool_was_opened_with() {
    let plan = |at: usize| {
        let (reads, cancel) = (Arc::default(), CancelToken::default());
        let pool = pool_with("basic", &reads, &OpenOptions::default().cancel(cancel.clone()));
        reads.arm(at, &cancel);
        let (to, from) = ("basic/fs@c", Some("basic/fs@a"));
        let made = SendPlan::by_name(&pool, to, from, SendOptions::default()).map(drop);
        (made, reads.begun.load(Ordering::SeqCst))
    };
    let (made, all) = plan(0);
    made.unwrap();
    assert!(all > 2, "{all}");
    for at in 1..=all {
        let (made, begun) = plan(at);
        assert!(matches!(made, Err(SendError::Cancelled)), "read {at}: {made:?}");
        assert_eq!(begun, at);
    }
}
