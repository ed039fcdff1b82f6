//! A whole reading of a dataset in memory: what ends it, and after how much.

use super::*;
use crate::testing::{objset_of, pointer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use zsend_encoder::dialect::Dialect;
use zsend_encoder::event::Event;
use zsend_encoder::policy::Policy;
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_pool::CancelToken;
use zsend_records::flags::Features;
use zsend_records::writer::{Counted, Payload};

/// Sector of the first data block, and sectors from each to the next: too far to be read together.
const FIRST: u64 = 1000;
const APART: u64 = 64;
/// Objects, and data blocks of each.
const OBJECTS: u64 = 31;
const BLOCKS: u64 = 3;

/// A block of dnodes, each of which points to blocks of one sector. Object `wrong` says that its blocks
/// are larger.
fn dnodes(wrong: Option<u64>) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    for object in 1..=OBJECTS {
        let sectors = if wrong == Some(object) { 2 } else { 1 };
        let at = |i| FIRST + APART * ((object - 1) * BLOCKS + i);
        let pointers = (0..BLOCKS).map(|i| pointer(19, at(i), 1).build().unwrap()).collect();
        let core = DnodePhys {
            kind: 19,
            nlevels: 1,
            datablkszsec: sectors.into(),
            maxblkid: (BLOCKS - 1).into(),
            ..DnodePhys::default()
        };
        let dnode = DnodeBuilder { core, pointers, ..DnodeBuilder::default() };
        bytes.extend(dnode.build(Order::Little).unwrap());
    }
    bytes
}

fn spec(
    wrong: Option<u64>,
    threads: usize,
    millis: u64,
    on_read: impl Fn(u64) + Send + Sync + 'static,
) -> ReadSpec {
    let objset = objset_of(&dnodes(wrong), on_read);
    ReadSpec {
        walk: WalkSpec { objset, fromtxg: 0, resume: None },
        cursor: RedactionCursor::default(),
        withheld: Withheld::default(),
        rules: Rules {
            policy: Policy::new(Dialect::OpenZfs, Features::empty()),
            unmodified_spill: true,
        },
        is_replacing: false,
        queue_length: 1 << 20,
        threads,
        latency: Duration::from_millis(millis),
    }
}

/// Names of the events that are read until an end, and that end.
fn read(spec: ReadSpec, cancel: &CancelToken) -> (Vec<&'static str>, Result<()>) {
    let gather = |events: Events<'_, Payload>| {
        let mut made = Vec::new();
        let ended = events.for_each(|event| {
            made.push(name(&event));
            Ok(())
        });
        (made, ended)
    };
    let mut all = Vec::new();
    let ended = run(spec, Stop::new(cancel), &gather, |batch| {
        all.extend(batch.made);
        batch.ended
    });
    (all, ended)
}

fn name<P>(event: &Event<P>) -> &'static str {
    match event {
        Event::Object(_) => "object",
        Event::Write(_) => "write",
        Event::Hole(_) => "hole",
        Event::FreeSlot(_) => "free slot",
        Event::Begin(_)
        | Event::ObjectRange(_)
        | Event::Redact(_)
        | Event::WriteEmbedded(_)
        | Event::Spill(_)
        | Event::Other(_) => "other",
    }
}

#[test]
fn after_a_cancel_no_other_block_of_a_batch_is_read() {
    for (threads, millis) in [(1, 0), (1, 5), (3, 0), (3, 5)] {
        let (cancel, reads) = (CancelToken::default(), Arc::new(AtomicUsize::new(0)));
        let (theirs, count) = (cancel.clone(), Arc::clone(&reads));
        let spec = spec(None, threads, millis, move |offset| {
            if offset >= FIRST * 512 && count.fetch_add(1, Ordering::SeqCst) == 9 {
                theirs.cancel();
            }
        });
        let (_, ended) = read(spec, &cancel);
        assert!(matches!(ended, Err(SendError::Cancelled)), "{ended:?}");
        let reads = reads.load(Ordering::SeqCst);
        // Of all 93; each other thread may have asked just before.
        assert!((10..10 + threads).contains(&reads), "{threads} threads, {millis} ms: {reads}");
    }
}

/// With reads that take long, a thread does one of a batch while another does the next: here each of the
/// first two waits until both are under way.
#[test]
fn slow_reads_of_a_batch_are_under_way_at_once_and_come_in_order() {
    let (cancel, met) = (CancelToken::default(), Arc::new((Mutex::new(0), Condvar::new())));
    let both = Arc::clone(&met);
    let spec = spec(None, 3, 5, move |offset| {
        if offset < FIRST * 512 {
            return;
        }
        let (count, changed) = &*both;
        let mut reads = count.lock().unwrap();
        *reads += 1;
        changed.notify_all();
        let wait = changed.wait_timeout_while(reads, Duration::from_secs(60), |reads| *reads < 2);
        assert!(!wait.unwrap().1.timed_out(), "one read at a time");
    });
    let (events, ended) = read(spec, &cancel);
    ended.unwrap();
    assert_eq!(*met.0.lock().unwrap(), OBJECTS * BLOCKS);
    let objects = ["object", "write", "write", "write"].repeat(31);
    let seen: Vec<_> = events.into_iter().filter(|e| ["object", "write"].contains(e)).collect();
    assert_eq!(seen, objects);
}

#[test]
fn what_comes_before_an_error_inside_a_batch_is_delivered_and_nothing_behind_it() {
    for (threads, millis) in [(1, 0), (3, 5)] {
        let spec = spec(Some(5), threads, millis, |_| {});
        let (events, ended) = read(spec, &CancelToken::default());
        let ended = ended.unwrap_err().to_string();
        assert!(ended.contains("<1,5,0,0>: lsize is 512, expected 1024"), "{ended}");
        let object = ["object", "write", "write", "write"];
        let mut want = object.repeat(4);
        want.push("object");
        assert_eq!(events, want);
    }
}

#[test]
fn an_error_of_delivering_ends_the_walk() {
    let spec = spec(None, 2, 0, |_| {});
    let mut delivered = 0;
    let gather = |events: Events<'_, Payload>| ((), events.for_each(|_| Ok(())));
    let ended = run(spec, Stop::new(&CancelToken::default()), &gather, |_| {
        delivered += 1;
        Err(SendError::Output(std::io::Error::other("full")))
    });
    assert!(matches!(ended, Err(SendError::Output(_))));
    assert_eq!(delivered, 1);
}

#[test]
fn a_panic_of_a_worker_reaches_the_caller() {
    let spec = spec(None, 1, 0, |_| {});
    let gather = |_: Events<'_, Counted>| -> ((), Result<()>) { panic!("of a test") };
    let stop = Stop::new(&CancelToken::default());
    let ended = catch_unwind(AssertUnwindSafe(|| run(spec, stop, &gather, |_| Ok(()))));
    assert!(ended.is_err());
}
