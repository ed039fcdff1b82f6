//! `fuzz`: the fuzz targets, replayed over their corpora or let loose for a while.

use xtask::run::{cargo, cargo_of, succeed};

/// Seconds that a target runs if none are given.
const SECONDS: &str = "60";

/// Runs the verb: without arguments, replays the corpora of all targets; `TARGET [SECONDS]` fuzzes
/// one with `cargo fuzz` and a nightly toolchain.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let Some(target) = args.first() else { return replay() };
    let seconds = args.get(1).map_or(SECONDS, String::as_str);
    succeed(cargo_of("nightly", &["fuzz", "run", target, "--", "-max_total_time", seconds]))
}

/// Runs each target over its corpus once, without instrumentation. It is one of the workspace's
/// tests, so that nothing is built for it that they do not have.
fn replay() -> Result<(), String> {
    succeed(cargo(&["test", "--package", "zsend-fuzz", "--test", "replay"]))
}
