//! Progress: on a terminal, on one that knows little, and where a reader takes nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::pool_dir;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// Runs a send on a terminal of `script`, and gives all that it showed.
fn on_a_terminal(term: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let command = format!(
        "{} send -v -d {} -o {}/out basic/fs@c",
        env!("CARGO_BIN_EXE_zsend"),
        pool_dir("basic").display(),
        dir.path().display()
    );
    let out = Command::new("script")
        .env("TERM", term)
        .args(["-qefc", &command, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_terminal_ends_with_a_summary() {
    let shown = on_a_terminal("xterm");
    let last = shown.trim_end().lines().last().unwrap();
    assert!(last.contains("sent ") && last.contains("(100%)") && last.contains("/s, "), "{shown}");
    assert!(!shown.contains("TIME        SENT"), "{shown}");
}

#[test]
fn a_dumb_terminal_has_lines_and_no_codes() {
    let shown = on_a_terminal("dumb");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(shown.contains("TIME        SENT   SNAPSHOT basic/fs@c"), "{shown}");
    assert!(shown.trim_end().lines().last().unwrap().starts_with("sent "), "{shown}");
}

#[test]
fn a_reader_that_takes_nothing_is_what_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    mkfifo(&target, Mode::S_IRWXU).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_zsend"))
        .args(["send", "-v", "-d", pool_dir("basic").to_str().unwrap(), "-o"])
        .args([target.to_str().unwrap(), "basic/fs@c"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = File::open(&target).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Nothing is read until a line says that the send waits for that.
    let waits = lines.by_ref().map(Result::unwrap).find(|line| line.contains("waits for"));
    assert!(waits.unwrap().ends_with("(waits for the reader)"));
    pipe.read_to_end(&mut Vec::new()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(lines.map(Result::unwrap).last().unwrap().starts_with("sent "));
}
