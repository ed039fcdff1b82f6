//! `zsend dump`: the records of a stream as text.

use crate::args::{DumpArgs, Like};
use crate::exit::{CommandResult, Failure};
use crate::{stdin, stdout};
use std::io::{BufWriter, Write};
use zsend_pool::ErrorClass;
use zsend_stream::dump::{DumpError, DumpOptions, Format, dump_file};

/// Runs the subcommand.
pub(crate) fn run(args: &DumpArgs) -> CommandResult {
    let options = DumpOptions::default()
        .with_format(match (args.json, args.like) {
            (true, _) => Format::Json,
            (false, Like::Release) => Format::Text,
            (false, Like::Master) => Format::TextMaster,
        })
        .with_verbose(args.verbose > 0 || args.payloads)
        .with_checksums(args.verbose > 1)
        .with_payload(args.payloads)
        .with_verify(!args.no_checksum);
    let (name, source) = stdin::open(args.file.as_deref())?;
    let mut out = BufWriter::new(stdout::open()?);
    let dumped = dump_file(source, &mut out, &options);
    // What was dumped before an error is shown before the error.
    let flushed = out.flush();
    match dumped {
        Ok(_) => stdout::finish(flushed),
        Err(DumpError::Write(e)) => stdout::finish(Err(e)),
        Err(e) => {
            let is_device = e.is_of_input() || matches!(e, DumpError::Temporary(_));
            let class = if is_device { ErrorClass::Device } else { ErrorClass::Damaged };
            Err(Failure::caused(class, name, &e))
        }
    }
}
