//! Any bytes as a stream to be shown.
//!
//! Each format shows what it can and ends. The same input gives the same output, in pieces too, and JSON is one
//! object a line.

use crate::verify::SplitReads;
use zsend_records::payload::Limits;
use zsend_stream::dump::{DumpOptions, Format, dump};

/// Runs one input.
pub fn check(bytes: &[u8]) {
    for format in [Format::Text, Format::TextMaster, Format::Json] {
        for (verify, payload) in [(false, true), (true, false), (false, false)] {
            let limits = Limits::FUZZ;
            let options = DumpOptions::default()
                .with_format(format)
                .with_verbose(true)
                .with_payload(payload)
                .with_verify(verify)
                .with_limits(limits);
            let mut out = Vec::new();
            let first = dump(bytes, &mut out, &options).map_err(|e| e.to_string());
            let mut again = Vec::new();
            let second = dump(SplitReads::of(bytes), &mut again, &options).map_err(|e| e.to_string());
            assert_eq!(out, again);
            assert_eq!(first.is_ok(), second.is_ok());
            if format == Format::Json {
                let text = String::from_utf8(out).expect("JSON is UTF-8");
                assert!(text.lines().all(|l| l.starts_with('{') && l.ends_with('}')), "{text}");
            }
        }
    }
}
