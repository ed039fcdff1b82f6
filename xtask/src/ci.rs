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
    ("qemu", || match qemu::missing() {
        Some(why) => Ok(End::Skipped(why)),
        None => passed(qemu::run(&[])),
    }),
];

/// A step that begins behind another one, beside those that follow: they leave much of a core idle.
struct Beside {
    name: &'static str,
    behind: &'static str,
    run: fn() -> Result<Said, String>,
}

/// End of such a step, what it printed, and how long it took.
struct Said {
    end: End,
    text: Vec<u8>,
    took: Duration,
}

const BESIDE: &[Beside] = &[
    Beside { name: "miri", behind: "build", run: miri },
    Beside { name: "conformance", behind: "tests", run: conform },
];

/// Miri, in a process of its own.
fn miri() -> Result<Said, String> {
    if let Some(why) = miri::missing() {
        return Ok(Said { end: End::Skipped(why), text: Vec::new(), took: Duration::ZERO });
    }
    let program = std::env::current_exe().map_err(|e| format!("this program: {e}"))?;
    said(Command::new(program).arg("miri"))
}

/// Compares the fixtures, with the programs that the tests were built with: another build would have other features of
/// what is shared, and take longer than all cases.
fn conform() -> Result<Said, String> {
    let built = Profile::Dev.folder();
    said(Command::new(built.join("conform")).arg("--program").arg(built.join("zsend")))
}

/// Runs a command to its end.
fn said(command: &mut Command) -> Result<Said, String> {
    let begun = Instant::now();
    let out = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = [out.stdout, out.stderr].concat();
    if out.status.success() {
        return Ok(Said { end: End::Passed, text, took: begun.elapsed() });
    }
    Err(format!("{}{command:?}: {}", String::from_utf8_lossy(&text), out.status))
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
        let mut under_way = Vec::new();
        for (name, step) in STEPS {
            println!("== {name}");
            let begun = Instant::now();
            let end = step().map_err(|e| format!("{name}: {e}"))?;
            skipped += tell(name, &end, begun.elapsed());
            let beside = BESIDE.iter().filter(|beside| beside.behind == *name);
            under_way.extend(beside.map(|beside| (beside.name, scope.spawn(beside.run))));
        }
        for (name, step) in under_way {
            println!("== {name}, beside the others");
            let ended = step.join().map_err(|_| format!("{name}: the thread panicked"))?;
            let Said { end, text, took } = ended.map_err(|e| format!("{name}: {e}"))?;
            print!("{}", String::from_utf8_lossy(&text));
            skipped += tell(name, &end, took);
        }
        Ok::<(), String>(())
    })?;
    let (all, seconds) = (STEPS.len() + BESIDE.len(), start.elapsed().as_secs_f64());
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
