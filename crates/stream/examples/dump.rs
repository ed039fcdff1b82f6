//! Dumps a stream from standard input: `dump [-v] [-d] [-C] [--master] [--json]`.

use std::io::{BufWriter, Write, stdin, stdout};
use zsend_stream::dump::{DumpOptions, Format, dump};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = DumpOptions::default();
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "-v" => options.verbose = true,
            "-d" => options.payload = true,
            "-vd" => (options.verbose, options.payload) = (true, true),
            "-C" => options.verify = false,
            "--json" => options.format = Format::Json,
            "--master" => options.format = Format::TextMaster,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let mut out = BufWriter::new(stdout().lock());
    let result = dump(stdin().lock(), &mut out, &options);
    out.flush()?;
    result?;
    Ok(())
}
