//! `ci`: everything that a change must pass, in the order in which it fails fastest.

use crate::{api, fuzz, miri, outside, platforms, qemu};
use std::time::Instant;
use xtask::run::{Profile, cargo, program, succeed};

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
    ("fuzz corpora", || passed(fuzz::replay())),
    ("qemu", || match qemu::missing() {
        Some(why) => Ok(End::Skipped(why)),
        None => passed(qemu::run(&[])),
    }),
    ("miri", || match miri::missing() {
        Some(why) => Ok(End::Skipped(why)),
        None => passed(miri::run(&[])),
    }),
];

/// Compares the fixtures, with the build that the tests have: nothing heavy is built twice.
fn conform() -> Result<(), String> {
    let args = ["--profile", Profile::Dev.name()].map(String::from);
    program(Profile::Dev, "zsend-testkit", "conform", &args)
}

fn passed(result: Result<(), String>) -> Result<End, String> {
    result.map(|()| End::Passed)
}

/// Runs the verb.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
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
