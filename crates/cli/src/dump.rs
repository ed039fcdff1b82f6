//! `zsend dump`: the records of a stream as text.

use crate::args::DumpArgs;
use crate::exit::{Done, Failure};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use zsend_pool::ErrorClass;
use zsend_stream::dump::{DumpError, DumpOptions, Format, dump};

/// Runs the subcommand.
pub(crate) fn run(args: &DumpArgs) -> Done {
    let options = DumpOptions {
        format: if args.json { Format::Json } else { Format::Text },
        verbose: args.verbose || args.payloads,
        payload: args.payloads,
        verify: !args.no_checksum,
        ..DumpOptions::default()
    };
    let (name, source): (String, Box<dyn Read>) = match &args.file {
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path)
                .map_err(|e| Failure::new(ErrorClass::Device, format!("{name}: {e}")))?;
            (name, Box::new(file))
        }
        None => ("standard input".into(), Box::new(io::stdin().lock())),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match dump(source, &mut out, &options) {
        Ok(_) => Ok(()),
        // A reader that has gone away has seen what it wanted.
        Err(DumpError::Write(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => {
            let class = match e {
                DumpError::Write(_) => ErrorClass::Device,
                _ => ErrorClass::Damaged,
            };
            Err(Failure::new(class, format!("{name}: {e}")))
        }
    }
}
