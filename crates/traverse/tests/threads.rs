//! The number of threads, the queue's length and the latency change no byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;
use support::Cut;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::encoder::Encoder;
use zsend_pool::Pool;
use zsend_traverse::{
    CancelToken, Notice, Progress, ResumePosition, SendError, SendOptions, SendPlan, Tunables,
};

fn basic() -> Pool {
    support::pool("basic")
}

fn digest(pool: &Pool, to: &str, from: Option<&str>, options: SendOptions) -> Vec<u8> {
    let mut stream = Vec::new();
    let plan = SendPlan::by_name(pool, to, from, options).unwrap();
    plan.write(&mut stream, &CancelToken::default(), |_| {}).unwrap();
    Sha256::digest(&stream).to_vec()
}

#[test]
fn thread_count_queue_length_and_latency_change_no_byte() {
    let pool = basic();
    let first: RefCell<HashMap<(usize, bool, bool), Vec<u8>>> = RefCell::default();
    let sends = [("basic/fs@c", None), ("basic/fs@c", Some("basic/fs@a")), ("basic/vol@1", None)];
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() };
    proptest!(config, |(
        send in 0..sends.len(),
        illumos in any::<bool>(),
        compress in any::<bool>(),
        threads in prop_oneof![Just(1usize), Just(2), Just(16), 1..40usize],
        millis in prop_oneof![Just(0u64), Just(5)],
        queue_length in prop_oneof![Just(1u64), Just(64 << 20), 1..(4u64 << 20)],
    )| {
        let (to, from) = sends[send];
        let mut tunables = Tunables::default();
        tunables.queue_length = queue_length;
        let options = SendOptions::default()
            .with_dialect(if illumos { Dialect::Illumos } else { Dialect::OpenZfs })
            .with_compress(compress)
            .with_threads(threads)
            .with_latency(Some(Duration::from_millis(millis)))
            .with_tunables(tunables);
        let got = digest(&pool, to, from, options);
        let mut first = first.borrow_mut();
        let want = first.entry((send, illumos, compress)).or_insert_with(|| got.clone());
        prop_assert_eq!(&got, want);
    });
}

#[test]
fn a_send_by_object_number_is_a_send_by_name() {
    let pool = basic();
    let name = zsend_pool::dsl::name::Name::parse;
    let to = pool.dataset(&name("basic/fs@c").unwrap()).unwrap();
    let from = pool.dataset(&name("basic/fs@a").unwrap()).unwrap();
    for (from_object, from_name) in [(None, None), (Some(from.object), Some("basic/fs@a"))] {
        let mut stream = Vec::new();
        SendPlan::by_object(&pool, to.object, from_object, SendOptions::default())
            .unwrap()
            .write(&mut stream, &CancelToken::default(), |_| {})
            .unwrap();
        let by_name = digest(&pool, "basic/fs@c", from_name, SendOptions::default());
        assert_eq!(Sha256::digest(&stream).to_vec(), by_name);
    }
}

#[test]
fn a_send_that_is_cancelled_leaves_whole_records_and_a_token() {
    let pool = basic();
    let options = SendOptions::default().with_threads(2);
    let plan = SendPlan::by_name(&pool, "basic/fs@c", None, options.clone()).unwrap();
    let mut whole = Vec::new();
    plan.write(&mut whole, &CancelToken::default(), |_| {}).unwrap();
    let cancel = CancelToken::default();
    let (mut cut, mut last) = (Vec::new(), Progress::default());
    let sink = Cut::after(200, &mut cut, &cancel);
    let ended = plan.write_to(Encoder::new(plan.params(), sink), &cancel, |notice| {
        if let Notice::Progress(progress) = notice {
            last = progress;
        }
    });
    assert!(matches!(ended, Err(SendError::Cancelled)));
    assert!(whole.starts_with(&cut) && cut.len() < whole.len());
    assert_eq!(cut.len() as u64, last.bytes);
    assert!((200..203).contains(&last.records));
    // The token resumes at an object whose own record is the first thing sent again.
    let token = plan.token_at(&last);
    assert_eq!(ResumePosition::new(token.object, token.offset), last.position);
    let rest = SendPlan::by_token(&pool, &token, options).unwrap();
    let mut resumed = Vec::new();
    rest.write(&mut resumed, &CancelToken::default(), |_| {}).unwrap();
    assert!(resumed.len() < whole.len());
}
