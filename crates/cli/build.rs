//! Gives the program its version, with the commit if it is built in a checkout of its own, the guide of
//! `zsend man rescue`, and the order of its functions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    rescue();
    layout();
    let version = env!("CARGO_PKG_VERSION");
    let commit = git(&["rev-parse", "--short=10", "HEAD"]).filter(|_| is_ours());
    let version = commit.map_or_else(|| version.to_owned(), |c| format!("{version} ({c})"));
    println!("cargo:rustc-env=ZSEND_VERSION={version}");
    println!("cargo:rerun-if-changed=build.rs");
    // The log of HEAD changes with each commit.
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) =
            git(&["rev-parse", "--git-path", file]).filter(|p| Path::new(p).exists())
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

/// Copies the guide of the project. A package of this crate alone has none, and says where it is.
fn rescue() {
    let guide = Path::new("../../docs/rescue.md");
    if guide.exists() {
        println!("cargo:rerun-if-changed={}", guide.display());
    }
    let elsewhere = "The guide is docs/rescue.md of the project, and /usr/share/doc/zsend/rescue.md of its Debian package.\n";
    let text = fs::read_to_string(guide).unwrap_or_else(|_| elsewhere.to_owned());
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    if let Err(e) = fs::write(out.join("rescue.md"), text) {
        panic!("{}: {e}", out.display());
    }
}

/// Has the linker put the functions that are used in one place, if it can: docs/benchmarks.md, "Functions that are used
/// lie together".
fn layout() {
    println!("cargo:rerun-if-changed=layout.ld");
    // Cargo runs this again for another compiler or other flags, and for another linker only if it is named so. One that
    // is changed in a configuration file needs `cargo clean -p zsend-cli`.
    let target = env::var("TARGET").unwrap_or_default().to_uppercase().replace('-', "_");
    println!("cargo:rerun-if-env-changed=CARGO_TARGET_{target}_LINKER");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    let Ok(script) = fs::canonicalize("layout.ld") else { return };
    let arg = format!("-T{}", script.display());
    if links(&arg).unwrap_or(false) {
        println!("cargo:rustc-link-arg-bin=zsend={arg}");
    }
}

/// Returns true if the linker takes an argument: gold and mold have no such scripts.
fn links(arg: &str) -> Option<bool> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let source = out.join("linked.rs");
    fs::write(&source, "fn main() {}").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc
        .arg(&source)
        .arg("-o")
        .arg(out.join("linked"))
        .arg("--target")
        .arg(env::var_os("TARGET")?);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        rustc.arg("-C").arg(format!("linker={}", linker.display()));
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    rustc.args(["-C", &format!("link-arg={arg}")]);
    Some(rustc.output().ok()?.status.success())
}

/// A package that is unpacked in somebody else's checkout has none of its own.
fn is_ours() -> bool {
    git(&["ls-files", "build.rs"]).is_some()
}

/// Output of `git`, if it succeeds and says anything.
fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8(out.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
