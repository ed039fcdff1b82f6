//! `ci`: everything that a change must pass, in the order in which it fails fastest. What runs beside other steps is told
//! of behind them.

use crate::{api, miri, msrv, outside, platforms, qemu};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use xtask::run::{Profile, cargo, no_arguments, succeed};

/// End of a step that did not fail.
enum End {
    Passed,
    /// This machine lacks what it needs.
    Skipped(String),
}

struct Step {
    name: &'static str,
    run: fn() -> Result<End, String>,
    /// Begins once this step has passed, beside those that follow: they leave much of a core idle.
    then: Option<Beside>,
}

struct Beside {
    name: &'static str,
    run: fn() -> Result<Said, String>,
}

/// End of a step that runs beside others, what it printed, and how long it took.
struct Said {
    end: End,
    text: Vec<u8>,
    took: Duration,
}

const fn step(name: &'static str, run: fn() -> Result<End, String>) -> Step {
    Step { name, run, then: None }
}

const STEPS: &[Step] = &[
    step("format", || passed(succeed(cargo(&["fmt", "--all", "--check"])))),
    step("clippy", || {
        let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        passed(succeed(cargo(&clippy)))
    }),
    Step {
        name: "build",
        run: || passed(succeed(cargo(&["test", "--quiet", "--workspace", "--no-run"]))),
        then: Some(Beside { name: "miri", run: miri }),
    },
    // The corpora of the fuzz targets are among them.
    Step {
        name: "tests",
        run: || passed(succeed(cargo(&["test", "--quiet", "--workspace"]))),
        then: Some(Beside { name: "conformance", run: conform }),
    },
    step("platforms", || Ok(platforms::fast()?.map_or(End::Passed, End::Skipped))),
    step("docs", || {
        let mut docs = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
        docs.env("RUSTDOCFLAGS", "-D warnings");
        passed(succeed(docs))
    }),
    // Of the pages that were just made.
    step("api", || passed(api::compare())),
    step("outside", || passed(outside::run(&[]))),
    step("qemu", || match qemu::missing() {
        Some(why) => Ok(End::Skipped(why)),
        None => passed(qemu::run(&[])),
    }),
    step("msrv", || Ok(msrv::fast()?.map_or(End::Passed, End::Skipped))),
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
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let mut beside = Vec::new();
        for Step { name, run, then } in STEPS {
            println!("== {name}");
            let begun = Instant::now();
            if !tally.take(name, run(), begun.elapsed()) {
                break;
            }
            beside.extend(then.iter().map(|then| (then.name, scope.spawn(then.run))));
        }
        for (name, step) in beside {
            println!("== {name}, beside the others");
            let ended = step.join().unwrap_or_else(|_| Err("the thread panicked".to_owned()));
            let (end, took) = match ended {
                Ok(Said { end, text, took }) => {
                    print!("{}", String::from_utf8_lossy(&text));
                    (Ok(end), took)
                }
                Err(why) => (Err(why), Duration::ZERO),
            };
            tally.take(name, end, took);
        }
    });
    let Tally { passed, skipped, failed } = tally;
    let (all, seconds) = (passed + skipped + failed.len(), start.elapsed().as_secs_f64());
    println!("{passed} of {all} steps passed, {skipped} skipped, in {seconds:.0} s");
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// Steps by how they ended.
#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: usize,
    /// Names of those that failed.
    failed: Vec<&'static str>,
}

impl Tally {
    /// Counts a step, and says how it ended; false if it failed.
    fn take(&mut self, name: &'static str, end: Result<End, String>, took: Duration) -> bool {
        match end {
            Ok(End::Passed) => {
                self.passed += 1;
                println!("== {name}: {:.0} s", took.as_secs_f64());
            }
            Ok(End::Skipped(why)) => {
                self.skipped += 1;
                println!("== {name}: skipped: {why}");
            }
            Err(why) => {
                self.failed.push(name);
                eprintln!("xtask ci: {name}: {why}");
                return false;
            }
        }
        true
    }
}
