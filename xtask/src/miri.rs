//! `miri`: the tests of `zsend-metal` under an interpreter that knows what unsafe code may not do.

use xtask::run::{nightly_cargo, succeed};

/// Features that each run says the machine has. Miri finds what it was compiled for, so the vector
/// code is reached only where it is allowed, and a call of it that is not allowed is an error.
const FEATURES: [&str; 2] = ["+avx2", "+avx512f,+avx512bw,+gfni"];
/// Miri interprets any machine's code on any other.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Cases of each proptest; a test runs a thousand times slower than it does otherwise.
const CASES: &str = "2";

/// Says what this machine lacks to run it; `None` if it lacks nothing.
pub(crate) fn missing() -> Option<String> {
    let mut probe = nightly_cargo(&["miri", "--version"]);
    // What is missing is named, not installed unasked.
    probe.env("RUSTUP_AUTO_INSTALL", "0");
    let why = match probe.output() {
        Ok(found) if found.status.success() => return None,
        Ok(found) => {
            let why = String::from_utf8_lossy(&found.stderr);
            why.lines().next().unwrap_or("cargo +nightly miri does not run").to_owned()
        }
        Err(e) => format!("cargo: {e}"),
    };
    let how = "rustup toolchain install nightly --component miri,rust-src";
    Some(format!("{why}; what it needs comes with `{how}`"))
}

/// Runs the verb.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    if let Some(why) = missing() {
        return Err(why);
    }
    for features in FEATURES {
        println!("== {features}");
        let mut test = nightly_cargo(&["miri", "test", "--quiet", "--target", TARGET]);
        test.args(["--package", "zsend-metal", "--lib"]);
        test.env("RUSTFLAGS", format!("-Ctarget-feature={features}"));
        // Proptest reads its cases from the environment and its seed from the system.
        test.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", CASES);
        succeed(test)?;
    }
    Ok(())
}
