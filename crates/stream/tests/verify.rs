//! `verify` of the stored streams of `fixtures/streams`, whole, cut and damaged.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Cursor;
use std::path::Path;
use zsend_stream::verify::{Fault, Outcome, Verdict, VerifyOptions, verify, verify_tee};

/// The streams, by name.
fn streams() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/streams");
    let mut streams: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.strip_suffix(".zsend.zst")?.to_owned();
            // Of records with random fields; no sender wrote them.
            if name.starts_with("synthetic") {
                return None;
            }
            Some((name, zstd::decode_all(&std::fs::read(&path).unwrap()[..]).unwrap()))
        })
        .collect();
    streams.sort();
    assert!(!streams.is_empty(), "no streams in {}", folder.display());
    streams
}

fn verified(stream: &[u8], options: &VerifyOptions) -> (Outcome, Vec<Fault>) {
    let mut faults = Vec::new();
    let outcome = verify("in", Cursor::new(stream.to_vec()), options, &mut faults).unwrap();
    (outcome, faults)
}

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
