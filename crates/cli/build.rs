//! Gives the program its version, with the commit if it is built in a checkout of its own.

use std::path::Path;
use std::process::Command;

fn main() {
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

/// A package that is unpacked in somebody else's checkout has none of its own.
fn is_ours() -> bool {
    git(&["ls-files", "build.rs"]).is_some()
}

/// Output of `git`, if it succeeds and says anything.
fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8(out.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
