//! Any bytes as a stream to be checked, as they are and with every checksum mended.
//!
//! A verdict comes, the same each time, on the stream in one piece or in many. A stream that is whole in full is
//! whole with `quick`. What is passed on is a beginning of what came, and all of it if that is whole. A fault
//! has its place within the input. A cut stream that is cut where the verdict says is cut there, with the same token.

use std::io::{Cursor, Read};
use zsend_stream::verify::{Fault, Outcome, Verdict, VerifyOptions, verify, verify_tee};
use zsend_testkit::damage::reseal;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    judge(bytes);
    if let Ok(mended) = reseal(bytes) {
        judge(&mended);
    }
}

fn judge(bytes: &[u8]) {
    let options = VerifyOptions::default();
    let (outcome, faults) = run(Cursor::new(bytes.to_vec()), &options);
    let (pieces, again) = run(SplitReads::of(bytes), &options);
    assert_eq!((&outcome, &faults), (&pieces, &again));
    let is_faulty = !matches!(outcome.verdict, Verdict::Whole | Verdict::Cut(_));
    assert_eq!(faults.len(), usize::from(is_faulty), "the first fault is the last");
    for fault in &faults {
        assert!(fault.byte <= bytes.len() as u64, "{fault}");
        assert!(!fault.to_string().is_empty());
    }
    let (all, every) = run(Cursor::new(bytes.to_vec()), &options.clone().with_all_faults(true));
    assert_eq!(every.first(), faults.first(), "the first is the same when all are asked for");
    assert_eq!(all.faults, every.len() as u64);
    let (quick, _) = run(Cursor::new(bytes.to_vec()), &options.clone().with_quick(true));
    if outcome.verdict == Verdict::Whole {
        assert_eq!(outcome.bytes, bytes.len() as u64);
        assert_eq!(quick.verdict, Verdict::Whole);
    }
    let mut out = Vec::new();
    let mut faults: Vec<Fault> = Vec::new();
    verify_tee("in", Cursor::new(bytes.to_vec()), &mut out, &options, &mut faults)
        .expect("memory does not fail");
    assert!(bytes.starts_with(&out), "what is passed on is what came");
    assert_eq!(out.len() == bytes.len(), outcome.verdict == Verdict::Whole || bytes.is_empty());
    if let Verdict::Cut(cut) = &outcome.verdict {
        let length = usize::try_from(cut.length).expect("within the input");
        let (shorter, _) = run(Cursor::new(bytes[..length].to_vec()), &options);
        match shorter.verdict {
            Verdict::Cut(again) => {
                assert_eq!((again.length, &again.token), (cut.length, &cut.token))
            }
            // Nothing is left where not even one header was checked.
            other => assert!(length == 0, "{other:?}"),
        }
    }
}

fn run(source: impl Read + Send + 'static, options: &VerifyOptions) -> (Outcome, Vec<Fault>) {
    let mut faults = Vec::new();
    let outcome = verify("in", source, options, &mut faults).expect("memory does not fail");
    (outcome, faults)
}

/// A source that gives some bytes at a time.
pub(crate) struct SplitReads(Cursor<Vec<u8>>);

impl SplitReads {
    /// A source of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Cursor::new(bytes.to_vec()))
    }
}

impl Read for SplitReads {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = buf.len().min(7);
        self.0.read(&mut buf[..len])
    }
}
