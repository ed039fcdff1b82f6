//! `ci`: everything that a change must pass, in the order in which it fails fastest.

use crate::{api, miri, outside, platforms, qemu};
use std::process::Command;
use std::time::Instant;
use xtask::run::{Profile, cargo, no_arguments, succeed};

/// End of a step that did not fail.
enum End {
    Passed,
    /// This machine lacks what it needs.
    Skipped(String),
}

type Step = (&'static str, fn() -> Result<End, String>);

const STEPS: &[Step] = &[
    ("format", || passed(succeed(cargo(&["fmt", "--all", "--check"])))),
    ("clippy", || {
        let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        passed(succeed(cargo(&clippy)))
    }),
    // The corpora of the fuzz targets are among them.
    ("tests", || passed(succeed(cargo(&["test", "--quiet", "--workspace"])))),
    ("platforms", || Ok(platforms::fast()?.map_or(End::Passed, End::Skipped))),
    ("docs", || {
        let mut docs = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
        docs.env("RUSTDOCFLAGS", "-D warnings");
        passed(succeed(docs))
    }),
    // Of the pages that were just made.
    ("api", || passed(api::compare())),
    ("outside", || passed(outside::run(&[]))),
    ("conformance", || passed(conform())),
    ("qemu", || match qemu::missing() {
        Some(why) => Ok(End::Skipped(why)),
        None => passed(qemu::run(&[])),
    }),
    ("miri", || match miri::missing() {
        Some(why) => Ok(End::Skipped(why)),
        None => passed(miri::run(&[])),
    }),
];

/// Compares the fixtures, with the programs that the tests were built with: another build would have other features of
/// what is shared, and take longer than all cases.
fn conform() -> Result<(), String> {
    let built = Profile::Dev.folder();
    let mut conform = Command::new(built.join("conform"));
    conform.arg("--program").arg(built.join("zsend"));
    succeed(conform)
}

fn passed(result: Result<(), String>) -> Result<End, String> {
    result.map(|()| End::Passed)
}

/// Runs the verb.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    no_arguments("ci", args)?;
    let start = Instant::now();
    let mut skipped = 0;
    for (name, step) in STEPS {
        println!("== {name}");
        let begun = Instant::now();
        match step().map_err(|e| format!("{name}: {e}"))? {
            End::Passed => println!("== {name}: {:.0} s", begun.elapsed().as_secs_f64()),
            End::Skipped(why) => {
                skipped += 1;
                println!("== {name}: skipped: {why}");
            }
        }
    }
    let passed = STEPS.len() - skipped;
    let seconds = start.elapsed().as_secs_f64();
    println!("{passed} of {} steps passed, {skipped} skipped, in {seconds:.0} s", STEPS.len());
    Ok(())
}
