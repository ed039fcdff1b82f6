//! Plain streams to be encrypted: any bytes, as they are and with every checksum mended; and a stream of a fixture whose
//! records are changed, doubled and left out, as the bytes say.
//!
//! A refused stream becomes none. The raw one is read again, has the feature of raw streams, and opens with the key;
//! encrypted and opened once more it is the same.

use crate::edits::{decrypted, edited, read, with_key};
use std::sync::OnceLock;
use zerocopy::byteorder::LE;
use zsend_records::drr::Begin;
use zsend_records::flags::Features;
use zsend_records::reader::StreamRecord;
use zsend_testkit::damage::reseal;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    judge(bytes);
    if let Ok(mended) = reseal(bytes) {
        judge(&mended);
    }
    judge(&edited(plain(), bytes));
}

/// Records of a plain stream.
fn plain() -> &'static [StreamRecord] {
    static PLAIN: OnceLock<Vec<StreamRecord>> = OnceLock::new();
    PLAIN.get_or_init(decrypted)
}

fn judge(stream: &[u8]) {
    let (out, error) = with_key("encrypt", stream);
    if error.is_some() {
        assert!(out.is_empty(), "the whole is read before the first byte is written");
        return;
    }
    let records = read(&out);
    let begin = records.first().and_then(|first| first.header.body_as::<Begin<LE>>());
    assert!(begin.is_some_and(|begin| begin.features().contains(Features::RAW)));
    let opened = with_key("decrypt", &out);
    assert_eq!(opened.1, None, "what was encrypted opens");
    let again = with_key("encrypt", &opened.0);
    assert_eq!(again.1, None, "what was opened is encrypted");
    assert_eq!(with_key("decrypt", &again.0), opened);
}
