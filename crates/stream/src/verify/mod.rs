//! An honest verdict on a stream: whole, damaged, or cut and whole so far.
//!
//! Every sum along the chain is checked, and every rule that right senders keep; payloads are decompressed,
//! several at once. A stream may have either byte order, be by itself or in a package, come from a file or a
//! pipe, and have any length: memory stays bounded.

mod batch;
mod checker;
mod context;
mod fault;
mod frame;
mod framer;
mod json;
mod links;
mod macs;
mod members;
mod options;
mod resume;
mod rules;
mod state;
mod tee;
mod verdict;
mod work;
mod written;

pub(crate) use frame::place;

pub use fault::{About, Expected, Fault, FaultValue, Wrong};
pub use json::{fault_json, outcome_json};
pub use links::Together;
pub use options::VerifyOptions;
pub use verdict::{Cut, CutPart, Outcome, Verdict};

use crate::in_turn::{Pieces, ReadableInput};
use crate::segment::Segment;
use batch::{OneByOne, in_batches};
use checker::Checker;
use framer::Framer;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use tee::Tee;

/// Listener to a verification, which may be told on any thread.
pub trait Report: Send {
    /// A broken rule. The first is the last unless all are asked for.
    fn fault(&mut self, fault: &Fault);

    /// A stream that begins.
    fn segment(&mut self, segment: &Segment) {
        let _ = segment;
    }
}

impl Report for Vec<Fault> {
    fn fault(&mut self, fault: &Fault) {
        self.push(fault.clone());
    }
}

/// Reason that there is no verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The input could not be read on.
    #[error("read failed")]
    Read(#[source] io::Error),
    /// A record that was checked could not be passed on.
    #[error("write failed")]
    Write(#[source] io::Error),
    /// The list of a package is larger than what is looked at: 8 MiB, or 44 MiB in memory.
    #[error("the package's list of {bytes} bytes is larger than what is looked at")]
    TooLarge {
        /// Bytes of the list.
        bytes: u64,
    },
}

/// Checks an input, which `name` stands for in reports.
///
/// The source is read on a thread of its own, which ends with it, or after the read that is under way when the
/// first fault is found. Payloads are looked at on rayon's threads.
///
/// # Errors
/// If the source cannot be read. A stream that is not whole is no error, but an [`Outcome`].
///
/// ```
/// use std::io::Cursor;
/// use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
/// use zsend_records::writer::StreamWriter;
/// use zsend_records::zerocopy::{FromZeros, byteorder::LE};
/// use zsend_stream::verify::{Verdict, VerifyOptions, verify};
///
/// let mut begin = Begin::<LE>::new_zeroed();
/// (begin.magic, begin.versioninfo, begin.objset_type) = (MAGIC.into(), 1.into(), 2.into());
/// begin.toguid = 42.into();
/// begin.toname[..6].copy_from_slice(b"tank@a");
/// let mut writer = StreamWriter::new(Vec::new());
/// writer.record(ReplayRecord::new(&begin), &[])?;
/// writer.end(42)?;
/// let mut stream = writer.into_inner()?;
///
/// let (options, mut faults) = (VerifyOptions::default(), Vec::new());
/// let outcome = verify("a.zsend", Cursor::new(stream.clone()), &options, &mut faults)?;
/// assert_eq!(outcome.verdict, Verdict::Whole);
///
/// stream[40] ^= 1;
/// let outcome = verify("a.zsend", Cursor::new(stream), &options, &mut faults)?;
/// assert_eq!(outcome.verdict, Verdict::Damaged);
/// assert!(faults[0].to_string().starts_with("a.zsend: byte 312, record 1, END: stream.checksum: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify(
    name: &str,
    source: impl Read + Send + 'static,
    options: &VerifyOptions,
    report: &mut dyn Report,
) -> Result<Outcome, VerifyError> {
    run(name, ReadableInput::Reader(Box::new(source)), options, report, Tee::new(None))
}

/// As [`verify`], of a file, or whatever else a descriptor has, from where it stands. A file is read on two threads; with
/// `quick`, a report may be told on either.
///
/// # Errors
/// As [`verify`].
pub fn verify_file(
    name: &str,
    file: File,
    options: &VerifyOptions,
    report: &mut dyn Report,
) -> Result<Outcome, VerifyError> {
    run(name, ReadableInput::File(file), options, report, Tee::new(None))
}

/// As [`verify`], and writes every record to `out` once it was checked. At the first fault writing ends: what was
/// written is the stream up to the record before.
///
/// # Errors
/// As [`verify`], and if `out` cannot be written.
pub fn verify_tee(
    name: &str,
    source: impl Read + Send + 'static,
    mut out: impl Write + Send,
    options: &VerifyOptions,
    report: &mut dyn Report,
) -> Result<Outcome, VerifyError> {
    run(name, ReadableInput::Reader(Box::new(source)), options, report, Tee::new(Some(&mut out)))
}

/// The rules, by the part of a stream that they are of, in the order in which they are checked.
pub fn rules() -> Vec<(&'static str, Vec<&'static About>)> {
    let mut rules = rules::all();
    rules.push(("With the key", vec![&macs::DNODES, &macs::OBJSET]));
    rules.push((
        "Streams of a package",
        vec![
            &links::BASE,
            &links::IVSET,
            &links::FORK,
            &links::FITS,
            &members::LISTED,
            &members::ONCE,
            &members::FIRST,
            &members::PARENTS,
            &members::COMPLETE,
        ],
    ));
    rules
}

fn run<'a>(
    name: &str,
    source: ReadableInput,
    options: &'a VerifyOptions,
    report: &'a mut dyn Report,
    tee: Tee<'a>,
) -> Result<Outcome, VerifyError> {
    let framer = Framer::new(Arc::clone(&options.keys));
    let mut checker = Checker::new(name.into(), options, report, tee);
    let done = if checker.keeps_payloads() {
        let ahead = source.ahead().map_err(VerifyError::Read)?;
        in_batches(framer, ahead, &mut checker)
    } else {
        let mut records = OneByOne::new(framer, &mut checker);
        let read = source.each(Pieces::SMALL, |piece| records.goes_on(&piece));
        records.finish(read)
    };
    done.map(|()| checker.outcome())
}
