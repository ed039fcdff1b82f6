//! Checks streams and says what is wrong with them: `verify [--quick] FILE...`.
#![allow(clippy::print_stdout, reason = "a program")]

use std::error::Error;
use std::fs::File;
use zsend_stream::verify::{Fault, VerifyOptions, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let (flags, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with('-'));
    let quick = flags.iter().any(|flag| flag == "--quick");
    let options = VerifyOptions::default().with_quick(quick).with_all_faults(true);
    for file in files {
        let mut faults: Vec<Fault> = Vec::new();
        let outcome = verify(&file, File::open(&file)?, &options, &mut faults)?;
        for fault in faults.iter().take(20) {
            println!("{fault}");
        }
        println!("{file}: {} ({} faults)", outcome.verdict.word(), outcome.faults);
    }
    Ok(())
}
