//! `msrv`: each crate with the oldest compiler that its manifest states.
//!
//! Libraries are built as a user of that compiler has them: in a crate outside the workspace, with the versions of
//! dependencies that Cargo chooses for it. The program is built with the lock file, as it is released.

use crate::platforms::LIBRARIES;
use std::collections::BTreeMap;
use std::fs;
use xtask::run::{self, cargo_of, no_arguments, root, succeed, target};

/// Crates that every change is checked for, with the lock file: all else that old compilers lack is found by clippy
/// (`incompatible_msrv`), but for changes of the language.
const FAST: [&str; 3] = ["metal", "records", "ondisk"];
/// The program's crate.
const PROGRAM: &str = "cli";

/// Returns the oldest version of Rust that the manifest of a crate states, as `1.88`.
pub(crate) fn stated(name: &str) -> Result<String, String> {
    let read = |path: &str| {
        let path = root().join(path);
        fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
    };
    let path = format!("crates/{name}/Cargo.toml");
    let own = read(&path)?;
    let version = match value(&own, "rust-version.workspace") {
        Some("true") => value(&read("Cargo.toml")?, "rust-version").map(str::to_owned),
        Some(_) | None => value(&own, "rust-version").map(str::to_owned),
    };
    let version = version.ok_or_else(|| format!("{path}: no rust-version"))?;
    Ok(version.trim_matches('"').to_owned())
}

/// Value of a key that stands on a line of its own, as it is written.
fn value<'a>(manifest: &'a str, key: &str) -> Option<&'a str> {
    let pairs = manifest.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(k, _)| *k == key).map(|(_, v)| v)
}

/// Says which compiler is missing on this machine, and how to get it; `None` if it is there.
fn missing(version: &str) -> Option<String> {
    let (toolchain, install) = (toolchain(version), install(version));
    run::missing(cargo_of(&toolchain, &["--version"]), &install)
}

/// The first release of a version: later ones mend more.
fn toolchain(version: &str) -> String {
    format!("{version}.0")
}

fn install(version: &str) -> String {
    format!("rustup toolchain install {} --profile minimal", toolchain(version))
}

/// Checks what every change is checked for; says which compiler this machine lacks for it.
pub(crate) fn fast() -> Result<Option<String>, String> {
    for (version, crates) in by_version(&FAST)? {
        if let Some(why) = missing(&version) {
            return Ok(Some(why));
        }
        locked(&version, &crates)?;
    }
    Ok(None)
}

/// Runs the verb: every crate.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    no_arguments("msrv", args)?;
    let (libraries, program) = (by_version(LIBRARIES)?, stated(PROGRAM)?);
    let lacking = libraries.keys().chain([&program]).find_map(|version| missing(version));
    if let Some(why) = lacking {
        return Err(why);
    }
    for (version, crates) in &libraries {
        outside(version, crates)?;
    }
    locked(&program, &[PROGRAM])
}

/// Crates by the version that they state, the oldest first as far as their digits are as many.
fn by_version<'a>(crates: &[&'a str]) -> Result<BTreeMap<String, Vec<&'a str>>, String> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for &name in crates {
        all.entry(stated(name)?).or_default().push(name);
    }
    Ok(all)
}

/// Checks crates with a compiler and the lock file.
fn locked(version: &str, crates: &[&str]) -> Result<(), String> {
    let mut check = cargo_of(&toolchain(version), &["check", "--quiet", "--locked"]);
    check.args(crates.iter().flat_map(|name| ["--package".to_owned(), format!("zsend-{name}")]));
    finish(check, version, crates)
}

/// Checks crates with a compiler and the dependencies that Cargo chooses for it.
fn outside(version: &str, crates: &[&str]) -> Result<(), String> {
    let folder = target().join("msrv").join(version);
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(folder.join("src")).map_err(failed)?;
    // What was chosen on another day.
    let _ = fs::remove_file(folder.join("Cargo.lock"));
    let mut manifest = format!(
        "[package]\nname = \"msrv\"\nversion = \"0.0.0\"\nedition = \"2024\"\nrust-version = \"{version}\"\n\n\
         [workspace]\n\n[dependencies]\n"
    );
    for name in crates {
        let path = root().join("crates").join(name);
        manifest += &format!("zsend-{name} = {{ path = {:?} }}\n", path.display().to_string());
    }
    fs::write(folder.join("Cargo.toml"), manifest).map_err(failed)?;
    fs::write(folder.join("src/lib.rs"), "").map_err(failed)?;
    let mut check = cargo_of(&toolchain(version), &["check", "--quiet"]);
    check.current_dir(&folder);
    finish(check, version, crates)
}

/// Runs a check, in a folder of its own: what another compiler has built is of no use, and is not waited for.
fn finish(mut check: std::process::Command, version: &str, crates: &[&str]) -> Result<(), String> {
    let built = std::path::absolute(target().join("msrv/built")).map_err(|e| e.to_string())?;
    check.arg("--target-dir").arg(built).env("RUSTFLAGS", "--cap-lints=allow");
    succeed(check)?;
    println!("Rust {version}: {}", crates.join(", "));
    Ok(())
}

/// The table of compilers and crates.
pub(crate) fn table() -> Result<String, String> {
    let mut out = String::from("| oldest Rust | crates |\n|---|---|\n");
    let all: Vec<_> = LIBRARIES.iter().copied().chain([PROGRAM]).collect();
    for (version, crates) in by_version(&all)? {
        let crates: Vec<_> = crates.iter().map(|name| format!("`{name}`")).collect();
        out += &format!("| {version} | {} |\n", crates.join(", "));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_states_its_compiler_and_none_an_older_one_than_what_it_stands_on() {
        let minor = |name: &str| -> u32 {
            let version = stated(name).unwrap();
            version.strip_prefix("1.").and_then(|minor| minor.parse().ok()).expect("1.N")
        };
        for name in LIBRARIES.iter().copied().chain([PROGRAM]) {
            let manifest = root().join(format!("crates/{name}/Cargo.toml"));
            let manifest = fs::read_to_string(manifest).unwrap();
            let used = manifest.split("[dev-dependencies]").next().unwrap();
            for below in LIBRARIES.iter().filter(|below| used.contains(&format!("\nzsend-{below}")))
            {
                assert!(minor(below) <= minor(name), "{name} uses {below}");
            }
        }
    }

    #[test]
    fn the_newer_vectors_can_be_had_of_every_crate_that_reaches_metal_and_of_none_by_default() {
        for name in LIBRARIES.iter().filter(|name| **name != "crypto") {
            let manifest = root().join(format!("crates/{name}/Cargo.toml"));
            let manifest = fs::read_to_string(manifest).unwrap();
            assert!(value(&manifest, "avx512").is_some(), "{name} has no feature of that name");
            let default = value(&manifest, "default").unwrap_or_default();
            assert!(!default.contains("avx512"), "{name} asks for Rust 1.89 by default");
        }
        let program = fs::read_to_string(root().join("crates/cli/Cargo.toml")).unwrap();
        let metal = value(&program, "zsend-metal").unwrap();
        assert!(metal.contains("avx512"), "the program lacks vectors: {metal}");
    }
}
