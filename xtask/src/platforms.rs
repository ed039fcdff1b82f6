//! `platforms`: which crates build for which machines, and `docs/platforms.md`, the table of that.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use xtask::run::{cargo, root};

/// Form in which crates are built for a machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Without the standard library, but for what `alloc` has.
    Bare,
    /// With the standard library, and Rust in place of each part that is C.
    Pure,
    /// With everything, as it is built by default.
    Default,
}

impl Form {
    const fn describe(self) -> &'static str {
        match self {
            Self::Bare => "no `std`",
            Self::Pure => "`pure`: no C",
            Self::Default => "default",
        }
    }
}

/// A crate: its name behind `zsend-`, and the features that make it whole without C.
type Package = (&'static str, &'static str);

const PACKAGES: [Package; 13] = [
    ("metal", "std"),
    ("records", "std"),
    ("ondisk", "std"),
    ("codec", "pure"),
    ("encoder", ""),
    ("crypto", "pure"),
    ("pool", "pure"),
    ("traverse", "pure"),
    ("stream", "pure"),
    ("props", "pure"),
    ("package", "pure"),
    ("catalogue", "pure"),
    ("cli", "pure"),
];

/// Crates that need no standard library.
const BARE: &[&str] = &["metal", "records", "ondisk"];
/// Crates that read no file.
const BYTES: &[&str] = &["metal", "records", "ondisk", "codec", "encoder", "crypto", "stream"];
/// All crates that are published, the program last.
const ALL: &[&str] = &[
    "metal",
    "records",
    "ondisk",
    "codec",
    "encoder",
    "crypto",
    "pool",
    "traverse",
    "stream",
    "props",
    "package",
    "catalogue",
    "cli",
];
/// All but the program: the crates that others build on.
pub(crate) const LIBRARIES: &[&str] = match ALL.split_last() {
    Some((_, libraries)) => libraries,
    None => &[],
};

/// A machine, the form that is built for it, and the crates that must build.
type Target = (&'static str, Form, &'static [&'static str]);

const TARGETS: [Target; 7] = [
    ("thumbv7em-none-eabi", Form::Bare, BARE),
    ("wasm32-unknown-unknown", Form::Pure, BYTES),
    ("x86_64-unknown-linux-gnu", Form::Default, ALL),
    ("x86_64-unknown-linux-musl", Form::Pure, ALL),
    ("aarch64-unknown-linux-musl", Form::Pure, ALL),
    ("aarch64-apple-darwin", Form::Pure, ALL),
    (WINDOWS, Form::Pure, ALL),
];
const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// Pairs that every change is checked for: the machines that lack the most, and the program, with all libraries as
/// parts of it, where it is no Unix program.
const FAST: [Target; 3] = [TARGETS[0], TARGETS[1], (WINDOWS, Form::Pure, &["cli"])];

/// Runs the verb: all machines and the table, or with `--fast` what every change is checked for and no table.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            if let Some(skipped) = check(&TARGETS)? {
                return Err(format!("no table was written: {skipped}"));
            }
            let path = root().join("docs/platforms.md");
            fs::write(&path, table()?).map_err(|e| format!("{}: {e}", path.display()))
        }
        ["--fast"] => match fast()? {
            Some(skipped) => {
                println!("skipped: {skipped}");
                Ok(())
            }
            None => Ok(()),
        },
        _ => Err("usage: platforms [--fast]".to_owned()),
    }
}

/// Checks what every change is checked for; says which machines were skipped.
pub(crate) fn fast() -> Result<Option<String>, String> {
    check(&FAST)
}

/// Checks all crates of these machines; says which machines this one has no library for.
fn check(targets: &[Target]) -> Result<Option<String>, String> {
    let mut missing = Vec::new();
    for &(target, form, crates) in targets {
        if !has(target) {
            missing.push(target);
            continue;
        }
        let begun = Instant::now();
        for name in crates {
            build(name, target, form)?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (some, all) = (crates.len(), PACKAGES.len());
        println!("{target}: {some} of {all} crates, {}, {seconds:.0} s", form.describe());
    }
    Ok((!missing.is_empty()).then(|| format!("rustup target add {}", missing.join(" "))))
}

/// Returns true if the compiler has the standard or the core library of a machine.
pub(crate) fn has(target: &str) -> bool {
    let args = ["--print", "target-libdir", "--target", target];
    let Ok(out) = Command::new("rustc").args(args).output() else { return false };
    let path = String::from_utf8_lossy(&out.stdout);
    out.status.success() && Path::new(path.trim()).is_dir()
}

fn build(name: &str, target: &str, form: Form) -> Result<(), String> {
    let mut command = cargo(&["check", "--quiet", "--target", target]);
    command.args(["--package", &format!("zsend-{name}")]);
    let features = PACKAGES.iter().find(|(package, _)| *package == name).map_or("", |p| p.1);
    match form {
        Form::Default => {}
        Form::Bare => {
            command.arg("--no-default-features");
        }
        Form::Pure => {
            command.arg("--no-default-features");
            if !features.is_empty() {
                command.args(["--features", features]);
            }
        }
    }
    let out = command.output().map_err(|e| format!("cargo: {e}"))?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr)))
}

/// The table, of machines and crates that were all checked.
fn table() -> Result<String, String> {
    let mut out = String::from(
        "# Platforms\n\nMade by `cargo xtask platforms`, which checks with `cargo check` every pair that says yes. The pairs of the first two\n\
         machines, and the program for Windows, are checked by `cargo xtask ci`. Only x86-64 Linux is run in tests, and the vectors of aarch64 in QEMU (`cargo xtask qemu`).\n\n",
    );
    // Writing to a string does not fail.
    let _ =
        writeln!(out, "| | {} |", TARGETS.map(|(target, ..)| format!("`{target}`")).join(" | "));
    let _ = writeln!(out, "|---|{}", "---|".repeat(TARGETS.len()));
    let _ = writeln!(out, "| | {} |", TARGETS.map(|(_, form, _)| form.describe()).join(" | "));
    for (package, _) in PACKAGES {
        let cells =
            TARGETS.map(|(.., crates)| if crates.contains(&package) { "yes" } else { "no" });
        let _ = writeln!(out, "| `{package}` | {} |", cells.join(" | "));
    }
    out.push_str(
        "\nIn the column without `std`, `no` means that the crate needs it. wasm32 has no file and no thread to read a pool with.\n\n\
         On Windows images are files, which `-d` names: a raw disk, whose end cannot be sought, is refused. Ctrl-C, Ctrl-Break and the end of the session end a send as\n\
         SIGINT does, with exit status 130; nothing asks for a report as SIGUSR1 does, and `-V` changes no name. A key that is typed is ASCII; any\n\
         other is read from a file. A file that is made has the access list of its folder, and the file system alone says when its name is durable.\n\
         Tests run on Linux; under Wine a list and the send of the embedded pool were run once, by hand.\n\n\
         In the form `pure`, gzip is `miniz_oxide`, zstd is `ruzstd`, and AES-GCM is `aes-gcm`: see `docs/dependencies.md`.\n\n\
         ## Compilers\n\n\
         The oldest Rust that builds each crate, which its manifest states and `cargo xtask msrv` checks; `cargo xtask ci` checks `metal`, `records`\n\
         and `ondisk`, if that compiler is installed.\n\n",
    );
    out += &crate::msrv::table()?;
    out.push_str(
        "\n`stream` keeps places of blocks with `redb`, `catalogue` locks files, and the program has the vectors of AVX-512. Of a library these are a\n\
         feature, `avx512`, which needs Rust 1.89. `crypto`, and what stands on it, needs `aes` 0.9.2 with Rust 1.88: Cargo chooses it by itself (resolver 3),\n\
         or with `cargo update aes --precise 0.9.2`. The lock file here is that of the program, with newer ones.\n",
    );
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_that_of_the_manifests() {
        let written = fs::read_to_string(root().join("docs/platforms.md")).unwrap();
        assert_eq!(table().unwrap(), written, "run `cargo xtask platforms`");
    }
}
