//! Measures how fast we are, beside the reference, in one run: `cargo xtask bench`.

mod against;
mod codec;
mod make;
mod measure;
mod micro;
mod one;
mod options;
mod packages;
mod scale;
mod slow;
mod stored;
mod table;

use measure::Programs;
use options::{HELP, Options};
use std::process::ExitCode;
use table::Table;
use xtask::run::{exit_code, target};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    exit_code(run(&args))
}

/// Makes and runs what the options ask for that [`HELP`] tells.
///
/// The pools are in `target/perf`, where `--make` puts them; a row whose pool is not there is left
/// out.
fn run(args: &[String]) -> Result<(), String> {
    if args.first().is_some_and(|a| a == one::ONE) {
        return one::run(&args[1..]);
    }
    let options = Options::parse(args)?;
    if options.help {
        println!("{HELP}");
        return Ok(());
    }
    // zdb and libzpool want whole paths, and CARGO_TARGET_DIR need not be one.
    let dir = std::path::absolute(target().join("perf")).map_err(|e| e.to_string())?;
    if options.scale {
        if options.make {
            scale::make(&dir, &options)?;
        }
        return scale::run(&Programs::build(&dir, &options)?, &dir, &options);
    }
    if options.make {
        let mut wanted = against::pools(&options);
        wanted.extend(slow::pools(&options));
        wanted.extend(stored::pools(&options));
        let single = make::POOLS.iter().filter(|p| wanted.contains(&p.place));
        make::run(&dir, single.chain(packages::pools(&options)))?;
    }
    let programs = Programs::build(&dir, &options)?;
    let mut table = Table::new(&options, &table::heading(), table::line);
    micro::rows(&options, &mut table);
    against::rows(&programs, &dir, &options, &mut table)?;
    packages::rows(&programs, &dir, &options, &mut table)?;
    stored::rows(&programs, &dir, &options, &mut table)?;
    slow::rows(&dir, &options, &mut table)?;
    table.end();
    Ok(())
}

/// The median of some runs.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
