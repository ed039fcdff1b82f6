//! Any bytes as a stream, with every checksum mended: hostile contents, which a reader that verifies lets in.
//!
//! A stream that was mended reads without an error, mending it again changes nothing, and it fares as any other stream does:
//! see [`crate::stream`] and [`crate::dump`].

use zsend_records::payload::Limits;
use zsend_records::reader::{ReaderOptions, StreamReader};
use zsend_testkit::damage::reseal;

const OPTIONS: ReaderOptions =
    ReaderOptions::new().with_limits(Limits::FUZZ).with_missing_end(true).with_concatenated(true);

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Ok(mended) = reseal(bytes) else { return };
    if mended.is_empty() {
        return;
    }
    let mut records = 0;
    for record in StreamReader::with_options(&mended[..], OPTIONS) {
        match record {
            Ok(_) => records += 1,
            // The mender has larger limits.
            Err(e) => {
                assert!(!e.to_string().contains("checksum"), "after {records} records: {e}");
                return;
            }
        }
    }
    assert!(records > 0);
    assert_eq!(reseal(&mended).expect("what was mended is a stream"), mended);
    crate::stream::check(&mended);
    crate::dump::check(&mended);
}
