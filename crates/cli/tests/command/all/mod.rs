//! Runs of `zsend send --all`, and the folders that they write to.

#![allow(unreachable_pub, reason = "all tests may use it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder of streams.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Names of all that is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The streams, by name, and their digests.
    pub fn streams(&self) -> BTreeMap<String, Vec<u8>> {
        let names = self.names().into_iter().filter(|name| name.ends_with(".zsend"));
        names.map(|name| (name.clone(), support::digest(&self.path().join(name)))).collect()
    }

    /// `zsend catalogue check`.
    pub fn check(&self) -> Output {
        support::zsend(&["catalogue", "check", self.path().to_str().unwrap()])
    }
}

/// The command of a run, with its output captured.
pub fn command(pool: &Path, name: &str, out: &Folder, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
    command.args(["send", "--all", "-d"]).arg(pool).arg("-o").arg(out.path()).args(more).arg(name);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `zsend send --all`.
pub fn all(pool: &Path, name: &str, out: &Folder, more: &[&str]) -> Output {
    command(pool, name, out, more).output().unwrap()
}

/// The lines of a catalogue.
pub fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
