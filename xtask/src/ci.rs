//! `ci`: everything that a change must pass, in the order in which it fails fastest.

use crate::{api, miri, outside, platforms, qemu};
use std::process::Command;
use std::time::{Duration, Instant};
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
    ("build", || passed(succeed(cargo(&["test", "--quiet", "--workspace", "--no-run"])))),
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
];

/// Step behind which [`miri`] begins: the tests leave much of a core idle.
const BEFORE_MIRI: &str = "build";

/// Miri, in a process of its own; what it says, and how long it took.
fn beside() -> Result<(End, Vec<u8>, Duration), String> {
    let begun = Instant::now();
    if let Some(why) = miri::missing() {
        return Ok((End::Skipped(why), Vec::new(), Duration::ZERO));
    }
    let program = std::env::current_exe().map_err(|e| format!("this program: {e}"))?;
    let out = Command::new(program).arg("miri").output().map_err(|e| e.to_string())?;
    let said = [out.stdout, out.stderr].concat();
    if out.status.success() {
        return Ok((End::Passed, said, begun.elapsed()));
    }
    Err(format!("{}{}", String::from_utf8_lossy(&said), out.status))
}

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
    std::thread::scope(|scope| {
        let mut miri = None;
        for (name, step) in STEPS {
            println!("== {name}");
            let begun = Instant::now();
            let end = step().map_err(|e| format!("{name}: {e}"))?;
            skipped += tell(name, &end, begun.elapsed());
            if *name == BEFORE_MIRI {
                miri = Some(scope.spawn(beside));
            }
        }
        let Some(miri) = miri else { return Err(format!("no step {BEFORE_MIRI}")) };
        println!("== miri, which began behind {BEFORE_MIRI}");
        let ended = miri.join().map_err(|_| "miri: the thread panicked".to_owned())?;
        let (end, said, took) = ended.map_err(|e| format!("miri: {e}"))?;
        print!("{}", String::from_utf8_lossy(&said));
        skipped += tell("miri", &end, took);
        Ok(())
    })?;
    let (all, seconds) = (STEPS.len() + 1, start.elapsed().as_secs_f64());
    println!("{} of {all} steps passed, {skipped} skipped, in {seconds:.0} s", all - skipped);
    Ok(())
}

/// Says how a step ended; 1 if it was skipped.
fn tell(name: &str, end: &End, took: Duration) -> usize {
    match end {
        End::Passed => {
            println!("== {name}: {:.0} s", took.as_secs_f64());
            0
        }
        End::Skipped(why) => {
            println!("== {name}: skipped: {why}");
            1
        }
    }
}
