//! Any bytes as a stream that steps change, as they are and with every checksum mended. The first byte chooses the steps.
//!
//! The output is the beginning of a stream with right checksums, and all of one if the change comes to its end. The
//! same comes of the same, however the input is cut into pieces. Nothing changes where there is no step, and what is
//! turned is turned back.

use crate::verify::Pieces;
use std::io::{Cursor, Read};
use zsend_records::reader::{Options, StreamReader};
use zsend_stream::change::{ChangeError, Given, Source, Transform, Verb, change};
use zsend_testkit::damage::reseal;

/// Steps, each its name, operands and options.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const CHANGES: &[&[Step]] = &[
    &[],
    &[("decompress", &[], &[])],
    &[("decompress", &["1,0", "2,0,zstd", "3,0,off"], &[("verbose", "")])],
    &[("recompress", &["lz4"], &[])],
    &[("recompress", &["zstd-fast-10"], &[])],
    &[("recompress", &["lzjb"], &[])],
    &[("drop-record", &["1,0", "8,131072"], &[("verbose", "")])],
    &[("convert", &[], &[("byteorder", "big")])],
    &[("convert", &[], &[("byteorder", "little"), ("nvlist", "xdr")])],
    &[("convert", &[], &[("byteorder", "big"), ("nvlist", "native")])],
    &[("rechunk", &["512"], &[])],
    &[("rechunk", &["128K"], &[])],
    &[("downgrade", &[], &[("to", "SA_SPILL")])],
    &[("downgrade", &[], &[("to", "openzfs-0.8")])],
    &[("decompress", &[], &[]), ("rechunk", &["4K"], &[]), ("recompress", &["gzip-1"], &[])],
];

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&choice, stream)) = bytes.split_first() else { return };
    let steps = CHANGES[usize::from(choice) % CHANGES.len()];
    judge(stream, steps);
    if let Ok(mended) = reseal(stream) {
        judge(&mended, steps);
    }
}

fn judge(stream: &[u8], steps: &[Step]) {
    let (out, done) = run(Cursor::new(stream.to_vec()), steps);
    let (again, also) = run(Pieces::of(stream), steps);
    assert!(out == again, "the same comes of the same");
    assert_eq!(done.is_ok(), also.is_ok());
    if let Err(error) = &done {
        assert!(!error.to_string().is_empty());
    }
    if steps.is_empty() && done.is_ok() {
        assert!(out == again && out.len() == stream.len());
    }
    if out.is_empty() {
        return; // the first record was refused: not one byte is written
    }
    let options = Options::new().with_missing_end(true).with_concatenated(true);
    for record in StreamReader::with_options(&out[..], options) {
        let record = record.expect("what is written is a stream");
        assert!(record.payload.len() as u64 == record.frame.payload_len);
    }
    if done.is_ok() {
        let (same, done) = run(Cursor::new(out.clone()), &[]);
        assert!(done.is_ok() && same == out, "what was written is whole");
    }
}

fn run(source: impl Read + Send + 'static, steps: &[Step]) -> (Vec<u8>, Result<(), ChangeError>) {
    let steps: Vec<Box<dyn Transform>> = steps
        .iter()
        .map(|(name, operands, options)| {
            let operands = operands.iter().map(|&word| word.to_owned()).collect();
            let options =
                options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let given = Given { operands, options, ..Given::default() };
            let verb = Verb::named(name).expect("the table has it");
            (verb.make)(&given).expect("the words are right")
        })
        .collect();
    let source = Source::of_reader("in", source).expect("a thread starts");
    let mut out = Vec::new();
    let done = change(vec![source], steps, &mut out, |note| assert!(!note.is_empty()));
    (out, done.map(drop))
}
