//! `cargo xtask`: the project's own chores, one verb each.

mod api;
mod ci;
mod dist;
mod fuzz;
mod miri;
mod msrv;
mod outside;
mod platforms;
mod publish;
mod qemu;
mod send;

use std::process::ExitCode;
use xtask::run::{Profile, exit_code, program};

/// Result of a verb: the message of what went wrong.
type Done = Result<(), String>;
/// A verb: its name, what runs it with the arguments behind it, and a line of help.
type Task = (&'static str, fn(&[String]) -> Done, &'static str);

const TASKS: &[Task] = &[
    ("send", send::run, "without arguments: send the embedded pool and check it; with: zsend send"),
    (
        "conform",
        conform,
        "[--threads N | --latency MS]... [--program ZSEND] [DIR...]: compare every case with its reference \
         (default: fixtures/)",
    ),
    (
        "verify",
        |args| program(Profile::Release, "zsend-testkit", "verify", args),
        "DIR...: zsend verify of every stored stream in these folders, which must all be whole",
    ),
    (
        "dumps",
        |args| program(Profile::Release, "zsend-testkit", "dumps", args),
        "DIR...: zsend dump beside zstream dump of every stored stream in these folders, if zstream is installed",
    ),
    (
        "bench",
        |args| program(Profile::Release, "zsend-bench", "zsend-bench", args),
        "[--against zdb|cat]... [OPTION]...: how fast, beside the reference; --help tells the options",
    ),
    (
        "layout",
        |args| program(Profile::Release, "zsend-testkit", "layout", args),
        "put the functions that the program runs in one place of it: crates/cli/layout.ld; needs valgrind and binutils",
    ),
    (
        "fuzz",
        fuzz::run,
        "[TARGET [SECONDS]]: fuzz one target; without arguments replay all corpora",
    ),
    (
        "dist",
        dist::run,
        "[--only TARGET] [--try]: static binaries, Debian packages, checksums, a list of parts",
    ),
    (
        "platforms",
        platforms::run,
        "[--fast]: check the crates for every machine, and write docs/platforms.md",
    ),
    (
        "publish",
        publish::run,
        "[--no-verify]: package every crate as for crates.io, in order; nothing is uploaded",
    ),
    (
        "api",
        api::run,
        "[--write]: compare the public items of all crates with docs/api, or write them anew",
    ),
    (
        "outside",
        outside::run,
        "the example of a record type, built and run as a crate that is no part of the workspace",
    ),
    (
        "slurm",
        |args| program(Profile::Dev, "zsend-testkit", "slurm", args),
        "a job array of zsend send --all under a real Slurm on this machine, if it is installed",
    ),
    ("qemu", qemu::run, "the tests of the vector code of aarch64 in QEMU's user emulation"),
    (
        "msrv",
        msrv::run,
        "each crate with the oldest compiler that it states, which must be installed",
    ),
    ("miri", miri::run, "the tests of the unsafe code under Miri; needs a nightly toolchain"),
    ("ci", ci::run, "everything that a change must pass"),
];

fn conform(args: &[String]) -> Done {
    program(Profile::Release, "zsend-testkit", "conform", args)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let verb = args.first().map_or("", String::as_str);
    let Some((_, task, _)) = TASKS.iter().find(|(name, ..)| *name == verb) else {
        eprintln!("usage: cargo xtask VERB [ARGUMENTS]\n");
        for (name, _, help) in TASKS {
            eprintln!("  {name:8} {help}");
        }
        return ExitCode::from(if verb.is_empty() || verb == "--help" { 0 } else { 2 });
    };
    exit_code(task(&args[1..]).map_err(|why| format!("xtask {verb}: {why}")))
}
