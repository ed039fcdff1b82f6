//! Runs other programs, without a shell.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where built and unpacked files go.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `cargo` with these arguments, in the project's root.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// `cargo` of a nightly toolchain, with these arguments, in the project's root. The cargo that runs
/// this has a toolchain of its own, which only its wrapper changes.
pub fn nightly_cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg("+nightly").args(args).current_dir(root());
    command
}

/// Runs a command to its end; anything but success is an error that names it.
///
/// # Errors
/// The command and how it ended.
pub fn succeed(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

/// Builds the program in release mode and gives its path. Cargo shows what it builds, if anything.
///
/// # Errors
/// If it does not build.
pub fn zsend() -> Result<PathBuf, String> {
    succeed(cargo(&["build", "--release", "--package", "zsend-cli"]))?;
    Ok(target().join("release/zsend"))
}

/// Builds and runs a program of the project in release mode, with these arguments.
///
/// # Errors
/// If it does not build, or ends with anything but success.
pub fn program(package: &str, bin: &str, args: &[String]) -> Result<(), String> {
    let what = ["--release", "--package", package, "--bin", bin];
    succeed(cargo(&[&["build"], &what[..]].concat()))?;
    let mut run = cargo(&[&["run", "--quiet"], &what[..], &["--"]].concat());
    run.args(args);
    let status = run.status().map_err(|e| format!("{bin}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{bin} ended with {status}")) }
}
