//! Gives the program its version, with the commit if it is built in a checkout of its own, and the guide of
//! `zsend man rescue`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    rescue();
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

/// A package that is unpacked in somebody else's checkout has none of its own.
fn is_ours() -> bool {
    git(&["ls-files", "build.rs"]).is_some()
}

/// Output of `git`, if it succeeds and says anything.
fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8(out.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
