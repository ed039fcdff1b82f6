//! `miri`: the tests of `zsend-metal` under an interpreter that knows what unsafe code may not do.

use std::process::Output;
use xtask::run::{self, cargo_of, no_arguments, succeed, target};

/// Features that each run says the machine has. Miri finds what it was compiled for, so the vector
/// code is reached only where it is allowed, and a call of it that is not allowed is an error.
const FEATURES: [&str; 2] = ["+avx2", "+avx512f,+avx512bw,+gfni"];
/// Miri interprets any machine's code on any other.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Cases of each proptest, another in each run; a test runs a thousand times slower than it does otherwise.
const CASES: &str = "1";

/// Says what this machine lacks to run it; `None` if it lacks nothing.
pub(crate) fn missing() -> Option<String> {
    let install = "rustup toolchain install nightly --component miri,rust-src";
    run::missing(cargo_of("nightly", &["miri", "--version"]), install)
}

/// Runs the verb. The runs are side by side, as each keeps one core busy.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    no_arguments("miri", args)?;
    if let Some(why) = missing() {
        return Err(why);
    }
    // The library that all runs share.
    succeed(cargo_of("nightly", &["miri", "setup", "--quiet", "--target", TARGET]))?;
    std::thread::scope(|scope| {
        let runs = FEATURES.map(|features| (features, scope.spawn(|| run_with(features))));
        runs.into_iter().try_for_each(|(features, run)| {
            println!("== {features}");
            let out = run.join().map_err(|_| "a thread panicked")??;
            print!("{}", String::from_utf8_lossy(&out.stdout));
            eprint!("{}", String::from_utf8_lossy(&out.stderr));
            if out.status.success() { Ok(()) } else { Err(format!("{features}: {}", out.status)) }
        })
    })
}

fn run_with(features: &str) -> Result<Output, String> {
    let mut test = cargo_of("nightly", &["miri", "test", "--quiet", "--target", TARGET]);
    test.args(["--package", "zsend-metal", "--features", "avx512", "--lib", "--target-dir"]);
    // A folder of its own: what was built with other features is of no use, and is not waited for.
    test.arg(std::path::absolute(target().join("miri").join(features)).map_err(|e| e.to_string())?);
    test.env("RUSTFLAGS", format!("-Ctarget-feature={features}"));
    // Proptest reads its cases from the environment and its seed from the system.
    test.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", CASES);
    test.output().map_err(|e| format!("{test:?}: {e}"))
}
