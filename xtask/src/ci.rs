//! `ci`: everything that a change must pass, in the order in which it fails fastest.

use crate::{conform, fuzz};
use std::time::Instant;
use xtask::run::{cargo, succeed};

type Step = (&'static str, fn() -> Result<(), String>);

const STEPS: &[Step] = &[
    ("format", || succeed(cargo(&["fmt", "--all", "--check"]))),
    ("clippy", || {
        succeed(cargo(&[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("tests", || succeed(cargo(&["test", "--quiet", "--workspace"]))),
    ("docs", || {
        let mut docs = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
        docs.env("RUSTDOCFLAGS", "-D warnings");
        succeed(docs)
    }),
    ("conformance", || conform::run(&[])),
    ("fuzz corpora", fuzz::replay),
];

/// Runs the verb.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    let start = Instant::now();
    for (name, step) in STEPS {
        println!("== {name}");
        let begun = Instant::now();
        step().map_err(|e| format!("{name}: {e}"))?;
        println!("== {name}: {:.0} s", begun.elapsed().as_secs_f64());
    }
    println!("all of {} steps passed in {:.0} s", STEPS.len(), start.elapsed().as_secs_f64());
    Ok(())
}
