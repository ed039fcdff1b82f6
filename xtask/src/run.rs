//! Runs other programs, without a shell.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Returns the folder of built and unpacked files.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `cargo` with these arguments, in the project's root.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// `cargo` of a toolchain by rustup's name of it, with these arguments, in the project's root. The cargo that runs this has
/// a toolchain of its own, which only its wrapper changes. A toolchain that is missing is an error, and is not installed.
pub fn cargo_of(toolchain: &str, args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.arg(format!("+{toolchain}")).args(args).current_dir(root());
    command.env("RUSTUP_AUTO_INSTALL", "0");
    command
}

/// Says why a command of a toolchain does not run, and how to install that; `None` if it runs.
pub fn missing(mut probe: Command, install: &str) -> Option<String> {
    let why = match probe.output() {
        Ok(found) if found.status.success() => return None,
        Ok(found) => {
            let why = String::from_utf8_lossy(&found.stderr);
            why.lines().next().map_or_else(|| format!("{probe:?}: {}", found.status), str::to_owned)
        }
        Err(e) => format!("{probe:?}: {e}"),
    };
    Some(format!("{why}; what it needs comes with `{install}`"))
}

/// Runs a command to its end; anything but success is an error that names it.
///
/// # Errors
/// The command and how it ended.
pub fn succeed(mut command: Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

/// Refuses arguments of a verb that takes none.
///
/// # Errors
/// Its usage, if there are any.
pub fn no_arguments(verb: &str, args: &[String]) -> Result<(), String> {
    if args.is_empty() { Ok(()) } else { Err(format!("usage: {verb}")) }
}

/// Exit code of a program that did this; what failed goes to standard error.
pub fn exit_code(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Profile that a program is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Checks of a development build; most of it is there once the tests are built.
    Dev,
    /// The build that users run.
    Release,
}

impl Profile {
    /// Name of the profile, as `cargo --profile` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    /// Folder of what it builds, below [`target`].
    pub fn folder(self) -> PathBuf {
        target().join(match self {
            Self::Dev => "debug",
            Self::Release => "release",
        })
    }
}

/// Builds the program and gives its path. Cargo shows what it builds, if anything.
///
/// # Errors
/// If it does not build.
pub fn zsend(profile: Profile) -> Result<PathBuf, String> {
    let what = ["--profile", profile.name(), "--package", "zsend-cli"];
    if profile == Profile::Release && links_statically() {
        // A static program starts a tenth sooner (docs/benchmarks.md). `rustc` has the flag for the program alone: macros,
        // which are libraries of the compiler, cannot be built with it.
        let flag = ["--bin", "zsend", "--", "-C", "target-feature=+crt-static"];
        succeed(cargo(&[&["rustc"], &what[..], &flag].concat()))?;
    } else {
        succeed(cargo(&[&["build"], &what[..]].concat()))?;
    }
    Ok(profile.folder().join("zsend"))
}

/// Returns true if this is a machine of glibc, and has that as a static library: of some, it is a package that few install.
fn links_statically() -> bool {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return false;
    }
    // A file that is not found is printed without its folder.
    let found = Command::new("cc").arg("-print-file-name=libc.a").output();
    found.is_ok_and(|out| Path::new(String::from_utf8_lossy(&out.stdout).trim()).is_absolute())
}

/// Builds and runs a program of the project, with these arguments.
///
/// # Errors
/// If it does not build, or ends with anything but success.
pub fn program(profile: Profile, package: &str, bin: &str, args: &[String]) -> Result<(), String> {
    let what = ["--profile", profile.name(), "--package", package, "--bin", bin];
    succeed(cargo(&[&["build"], &what[..]].concat()))?;
    let mut run = cargo(&[&["run", "--quiet"], &what[..], &["--"]].concat());
    run.args(args);
    let status = run.status().map_err(|e| format!("{bin}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{bin} ended with {status}")) }
}
