//! The verbs that change streams.

use crate::args::ChangeArgs;
use crate::exit::{CUT, CommandResult, Failure, say};
use crate::output::{Guard, Output};
use crate::progress::Gauge;
use crate::{keys, stdin};
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::Arc;
use zsend_pool::ErrorClass;
use zsend_records::reader::StreamErrorKind;
use zsend_stream::change::{ChangeError, ChangeInput, change};

/// Runs the subcommand.
pub(crate) fn run(mut args: ChangeArgs) -> CommandResult {
    zsend_metal::heap::keep();
    // Keys and rules are read, too: a file that is written must be none of them.
    let mut guard = Guard::new(&args.named_files());
    args.read_keys(keys::of_stream)?;
    let mut steps = Vec::new();
    for (verb, given) in &args.steps {
        let step = (verb.make)(given).map_err(|e| Failure::usage(format!("{}: {e}", verb.name)))?;
        steps.push(step);
    }
    let stdin_alone = [Path::new("-").to_owned()];
    let files = if args.files.is_empty() { &stdin_alone[..] } else { &args.files };
    let mut sources = Vec::new();
    for path in files {
        let (name, file) = stdin::open(Some(path))?;
        guard.add(&file);
        sources.push(ChangeInput::of_file(&name, file));
    }
    let gauge = Arc::new(Gauge::new());
    let mut output = Output::open(args.output.as_deref(), true, &guard, &gauge)?;
    let mut counted = CountedOutput { output: &mut output, bytes: 0 };
    let done = change(sources, steps, &mut counted, |note| say(note));
    let is_empty = counted.bytes == 0;
    match done {
        Ok(_) => output.commit(),
        // What is there of a saved or cut stream is a stream that can be received and gone on with.
        Err(ChangeError::Damaged { origin, kind: StreamErrorKind::NoEnd }) if origin.record > 0 => {
            if is_empty {
                // A step gives nothing before the end of its input, and does not know that this is none.
                output.discard();
                let why = format!("{origin}: the stream has no END: nothing was made of it");
                return Err(Failure::with_code(CUT, why));
            }
            output.commit()?;
            let why = format!("{origin}: the stream has no END: what is there was changed");
            Err(Failure::with_code(CUT, why))
        }
        Err(error) => {
            let is_partly_out = !is_empty && args.output.is_none();
            output.discard();
            Err(failed(&error, if is_partly_out { "changed up to there" } else { "not changed" }))
        }
    }
}

/// A destination that counts what it is given.
struct CountedOutput<'a> {
    output: &'a mut Output,
    bytes: u64,
}

impl Write for CountedOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = self.output.write_vectored(bufs)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Failure of a change that ended early.
pub(crate) fn failed(error: &ChangeError, what: &str) -> Failure {
    let class = match error {
        ChangeError::Damaged { .. }
        | ChangeError::Contents { .. }
        | ChangeError::Base { .. }
        | ChangeError::Policy { .. } => ErrorClass::Damaged,
        ChangeError::Refused { .. } => ErrorClass::Unsupported,
        ChangeError::Read { .. }
        | ChangeError::Destination(_)
        | ChangeError::Random(_)
        | ChangeError::Spill(_)
        | ChangeError::Thread(_)
        | ChangeError::Write(_)
        | ChangeError::Volume { .. } => ErrorClass::Device,
        // A variant that is not known here is no success.
        _ => ErrorClass::Damaged,
    };
    Failure::caused(class, what, error)
}
