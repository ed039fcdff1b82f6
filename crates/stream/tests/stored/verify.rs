//! `verify` of the stored streams of `fixtures/streams`, whole, cut and damaged.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::{streams, verified};
use std::io::Cursor;
use zsend_stream::verify::{Verdict, VerifyOptions, verify_tee};

#[test]
fn whole_streams_are_whole() {
    for (name, stream) in streams() {
        for quick in [false, true] {
            let options = VerifyOptions::default().with_quick(quick).with_all_faults(true);
            let (outcome, faults) = verified(&stream, &options);
            println!("{name}: {outcome:?}");
            for fault in &faults {
                println!("{fault}");
            }
            assert_eq!(outcome.verdict, Verdict::Whole, "{name}");
            assert_eq!(outcome.bytes, stream.len() as u64);
        }
    }
}

#[test]
fn a_stream_that_is_passed_on_is_the_same() {
    for (name, stream) in streams() {
        let (mut out, mut faults) = (Vec::new(), Vec::new());
        let source = Cursor::new(stream.clone());
        verify_tee("in", source, &mut out, &VerifyOptions::default(), &mut faults).unwrap();
        assert!(out == stream, "{name}: {} of {} bytes", out.len(), stream.len());
    }
}
