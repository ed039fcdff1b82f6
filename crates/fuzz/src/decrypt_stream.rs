//! Raw streams to be decrypted: any bytes, as they are and with every checksum mended; and a stream of a fixture whose
//! records are changed, doubled and left out, as the bytes say.
//!
//! There is an answer, the same each time. What comes out is read again, has nothing that only raw streams have, and
//! decrypting it changes nothing.

use crate::edits::{edited, read, seed, with_key};
use zerocopy::byteorder::LE;
use zsend_crypto::key_data::names;
use zsend_records::drr::{Begin, RecordType};
use zsend_records::flags::Features;
use zsend_records::nvlist::NvList;
use zsend_records::reader::{ReaderOptions, SliceReader};
use zsend_testkit::damage::reseal;

/// Most iterations of PBKDF2 that an input may ask for: more only take time.
const ITERATIONS: u64 = 1000;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    judge(bytes);
    if let Ok(mended) = reseal(bytes) {
        judge(&mended);
    }
    judge(&edited(&seed().0, bytes));
}

fn judge(stream: &[u8]) {
    if asks_for_too_much(stream) {
        return;
    }
    let (out, error) = decrypted(stream);
    let (again, same) = decrypted(stream);
    assert_eq!((&out, &error), (&again, &same));
    let records = read(&out);
    for record in &records {
        assert_ne!(record.header.record_type(), RecordType::OBJECT_RANGE);
        if let Some(begin) = record.header.body_as::<Begin<LE>>() {
            assert!(!begin.features().contains(Features::RAW));
        }
    }
    if error.is_none() {
        assert_eq!(decrypted(&out), (out, None));
    }
}

/// The stream that comes of one, and the error behind it.
fn decrypted(stream: &[u8]) -> (Vec<u8>, Option<String>) {
    with_key("decrypt", stream)
}

/// Returns true if a BEGIN asks for more iterations of PBKDF2 than a fuzzer has time for.
fn asks_for_too_much(stream: &[u8]) -> bool {
    let options = ReaderOptions::new().with_verify(false).with_missing_end(true).with_concatenated(true);
    let records = SliceReader::with_options(stream.to_vec().into(), options).map_while(Result::ok);
    let mut lists = records
        .filter(|record| record.frame.record_type() == RecordType::BEGIN)
        .filter_map(|record| NvList::decode_prefix(&record.payload).ok());
    lists.any(|(list, ..)| {
        let keys = list.list(names::LIST);
        keys.and_then(|keys| keys.u64("pbkdf2iters")).is_some_and(|found| found > ITERATIONS)
    })
}
