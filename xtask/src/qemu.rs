//! `qemu`: the tests of `metal`, with the vectors of aarch64, in the user emulation of QEMU.

use std::process::{Command, Stdio};
use xtask::run::{cargo, no_arguments, succeed};

/// Its programs are static, and Rust's own linker makes them: no other tool is needed.
const TARGET: &str = "aarch64-unknown-linux-musl";
/// Names that the emulator may have: statically linked, as Debian's `qemu-user-static` has it, or not.
const EMULATORS: [&str; 2] = ["qemu-aarch64-static", "qemu-aarch64"];

/// Says what this machine lacks.
pub(crate) fn missing() -> Option<String> {
    if !crate::platforms::has(TARGET) {
        return Some(format!("rustup target add {TARGET}"));
    }
    emulator().is_none().then(|| "apt-get install qemu-user-static".to_owned())
}

fn emulator() -> Option<&'static str> {
    let runs = |name: &&str| {
        let mut command = Command::new(name);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    EMULATORS.into_iter().find(runs)
}

/// Runs the verb.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    no_arguments("qemu", args)?;
    if let Some(missing) = missing() {
        return Err(missing);
    }
    let mut test = cargo(&["test", "--quiet", "--package", "zsend-metal", "--target", TARGET]);
    let prefix = format!("CARGO_TARGET_{}", TARGET.to_uppercase().replace('-', "_"));
    test.env(format!("{prefix}_LINKER"), "rust-lld");
    test.env(format!("{prefix}_RUNNER"), emulator().unwrap_or_default());
    succeed(test)
}
