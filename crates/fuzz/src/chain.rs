//! Any bytes as stored streams that are looked at together: outlined, put in order, and compared.
//!
//! The bytes are two streams, as they are and with every checksum mended; the first two say where the first ends. An order
//! comes, the same each time; it has each stream once. A stream that can be compared does not differ from itself.

use zsend_stream::chain::{ChainReport, fault_json, step_json, verdict_json};
use zsend_stream::compare::Comparison;
use zsend_stream::outline::{Budget, Outline, outline};
use zsend_testkit::damage::reseal;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let at = usize::from(u16::from_le_bytes(length)).min(rest.len());
    let (one, two) = rest.split_at(at);
    judge([one, two]);
    let mended = [one, two].map(|stream| reseal(stream).unwrap_or_else(|_| stream.to_vec()));
    judge(mended.each_ref().map(Vec::as_slice));
}

fn judge(streams: [&[u8]; 2]) {
    let read = |name, stream| outline(name, stream).expect("memory does not fail");
    let outlines = || [read("one", streams[0]), read("two", streams[1])].to_vec();
    let mut budget = Budget::default();
    for outline in outlines() {
        assert!(outline.bytes <= streams[0].len().max(streams[1].len()) as u64);
        budget.take(&outline).expect("small streams have few names");
    }
    let count = outlines().iter().map(|outline: &Outline| outline.streams.len()).sum::<usize>();
    let have = [1, 42];
    let chain = ChainReport::of(outlines(), &have, &Default::default());
    let turned = ChainReport::of(outlines(), &have, &Default::default());
    assert_eq!(format!("{chain:?}"), format!("{turned:?}"));
    let ordered: usize = chain.steps.iter().map(|step| step.streams.len()).sum();
    assert_eq!(ordered, count, "each stream has its place");
    let mut lines: Vec<String> = chain.steps.iter().map(step_json).collect();
    lines.extend(chain.faults.iter().map(fault_json));
    lines.push(verdict_json(&chain, 0));
    for line in &lines {
        serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON");
    }
    if let Ok(comparison) = Comparison::new("one", streams[0])
        && let Ok(difference) = comparison.with(streams[0])
    {
        assert_eq!(difference.map(|d| d.to_string()), None, "a stream is the same as itself");
    }
    if let Ok(comparison) = Comparison::new("one", streams[0]) {
        let _ = comparison.with(streams[1]);
    }
}
