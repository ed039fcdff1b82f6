//! A program of somebody else: its own table, its own sink, its own notices.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod support;

use static_assertions::assert_impl_all;
use std::fmt::Debug;
use std::io;
use zsend_encoder::emit::Emit;
use zsend_encoder::encoder::Encoder;
use zsend_encoder::encoders::{Encoders, RecordEncoder};
use zsend_encoder::event::FreeSlot;
use zsend_records::drr::RecordType;
use zsend_records::writer::StreamWriter;
use zsend_traverse::{
    Blocks, CancelToken, IncrementalSource, Notice, Progress, ResumePosition, SendError,
    SendOptions, SendPlan, Target, Tunables,
};

assert_impl_all!(SendPlan<'static>: Debug, Send, Sync);
assert_impl_all!(Blocks: Debug, Send);
assert_impl_all!(SendError: Debug, Send, Sync, std::error::Error);
assert_impl_all!(SendOptions: Debug, Send, Sync, Clone, Default);
assert_impl_all!(Tunables: Debug, Send, Sync, Copy, Default);
assert_impl_all!(Progress: Debug, Send, Sync, Copy, Default);
assert_impl_all!(ResumePosition: Debug, Send, Sync, Copy);
assert_impl_all!(Notice: Debug, Send, Sync);
assert_impl_all!(IncrementalSource: Debug, Send, Sync, Clone);
assert_impl_all!(Target: Debug, Send, Sync, Clone);

/// An encoder that leaves free slots out.
struct Nothing;

impl<P> RecordEncoder<FreeSlot, P> for Nothing {
    fn encode(&self, _: &FreeSlot, _: &mut dyn Emit<P>) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_send_takes_the_callers_table_and_sink() {
    let pool = support::pool("basic");
    let cancel = CancelToken::default();
    let plan = SendPlan::by_name(&pool, "basic/fs@c", None, SendOptions::default().with_threads(2));
    let plan = plan.unwrap();
    let (mut usual, mut same, mut other) = (Vec::new(), Vec::new(), Vec::new());
    let summary = plan.write(&mut usual, &cancel, |_| {}).unwrap();
    assert!(summary.records_of(RecordType::FREEOBJECTS) > 0);

    let encoder = Encoder::new(plan.params(), StreamWriter::new(&mut same));
    plan.write_to(encoder, &cancel, |_| {}).unwrap();
    assert_eq!(same, usual);

    let mut table = Encoders::default();
    table.free_slot = &Nothing;
    let encoder = Encoder::with(table, plan.params(), StreamWriter::new(&mut other));
    let summary = plan.write_to(encoder, &cancel, |_| {}).unwrap();
    let holes = summary.records_of(RecordType::FREEOBJECTS);
    assert!(other.len() < usual.len());
    let mut table = Encoders::default();
    table.free_slot = &Nothing;
    let counted = plan.exact_size_by(&table, &cancel).unwrap();
    assert_eq!(counted.bytes(), other.len() as u64);
    assert_eq!(counted.records_of(RecordType::FREEOBJECTS), holes);
    assert_eq!(plan.begin().unwrap().toname, "basic/fs@c");
}

#[test]
fn progress_is_told_in_order_and_at_last_of_all_but_the_end() {
    let pool = support::pool("basic");
    let options = SendOptions::default().with_threads(3);
    let plan = SendPlan::by_name(&pool, "basic/fs@c", None, options).unwrap();
    let mut told = Vec::new();
    let summary = plan.write(io::sink(), &CancelToken::default(), |notice| {
        let Notice::Progress(progress) = notice else { panic!("{notice:?}") };
        told.push(progress);
    });
    let summary = summary.unwrap();
    assert!(told.len() > 1 && told.is_sorted_by_key(|progress| progress.bytes));
    // For each batch, not for each record.
    assert!((told.len() as u64) < summary.records() / 4);
    let last = told.last().unwrap();
    assert!(summary.records() - last.records <= 2, "{last:?}");
}
