//! `fuzz`: the fuzz targets, replayed over their corpora or let loose for a while.

use std::process::Command;
use xtask::run::{Profile, cargo, nightly_cargo, root, succeed, target};

/// Seconds that a target runs if none are given.
const SECONDS: &str = "60";

/// Runs the verb: without arguments, builds all targets and replays their corpora; `TARGET
/// [SECONDS]` fuzzes one with `cargo fuzz` and a nightly toolchain.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let Some(target) = args.first() else { return replay() };
    let seconds = args.get(1).map_or(SECONDS, String::as_str);
    succeed(nightly_cargo(&["fuzz", "run", target, "--", "-max_total_time", seconds]))
}

/// Builds the targets without instrumentation and runs each over its corpus once. The profile and
/// the folder are those of the tests, so that what both use is built once.
pub(crate) fn replay() -> Result<(), String> {
    let manifest = root().join("fuzz/Cargo.toml");
    let mut build = cargo(&["build", "--quiet", "--bins"]);
    build.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target());
    succeed(build)?;
    let built = Profile::Dev.folder();
    let mut replayed = 0;
    for target in targets()? {
        let corpus = root().join("fuzz/corpus").join(&target);
        let mut command = Command::new(built.join(&target));
        command.arg("-runs=0").arg(&corpus);
        let out = command.output().map_err(|e| format!("{target}: {e}"))?;
        if !out.status.success() {
            return Err(format!("{target}: {}", String::from_utf8_lossy(&out.stderr)));
        }
        replayed += 1;
    }
    println!("{replayed} fuzz targets replayed their corpora");
    if replayed == 0 { Err("no fuzz target was found".into()) } else { Ok(()) }
}

fn targets() -> Result<Vec<String>, String> {
    let dir = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}
