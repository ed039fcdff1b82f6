//! `zsend dump`: the records of a stream as text.

use crate::args::{DumpArgs, Like};
use crate::exit::{Done, Failure};
use crate::stdout;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;
use zsend_metal::stdio::{Standard, was_closed};
use zsend_pool::ErrorClass;
use zsend_stream::dump::{DumpError, DumpOptions, Format, dump};

/// Runs the subcommand.
pub(crate) fn run(args: &DumpArgs) -> Done {
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
    let (name, source): (String, Box<dyn Read>) = match &args.file {
        Some(path) if path != Path::new("-") => {
            let file = File::open(path).map_err(|e| Failure::io("open", path, &e))?;
            (path.display().to_string(), Box::new(file))
        }
        Some(_) | None if io::stdin().is_terminal() => {
            return Err(Failure::usage(
                "Error: The backup stream can not be read from a terminal.\nYou must redirect \
                 standard input, or name a file.",
            ));
        }
        Some(_) | None if was_closed(Standard::Input) => {
            return Err(Failure::new(ErrorClass::Device, "standard input is closed"));
        }
        Some(_) | None => ("standard input".into(), Box::new(io::stdin().lock())),
    };
    let mut out = BufWriter::new(stdout::open()?);
    let dumped = dump(source, &mut out, &options);
    // What was dumped before an error is shown before the error.
    let flushed = out.flush();
    match dumped {
        Ok(_) => stdout::finish(flushed),
        Err(DumpError::Write(e)) => stdout::finish(Err(e)),
        Err(e) => {
            let class = if e.is_of_input() { ErrorClass::Device } else { ErrorClass::Damaged };
            Err(Failure::caused(class, name, &e))
        }
    }
}
