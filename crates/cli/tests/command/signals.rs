//! Signals: an end at a record, with a way to go on; and a report.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

fn begin(pool: &Path, output: &Path) -> Child {
    // Tests that run in the background have interrupts ignored, and what is ignored stays so.
    Command::new("env")
        .args(["--default-signal", env!("CARGO_BIN_EXE_zsend")])
        .args(["send", "-d", pool.to_str().unwrap(), "-o", output.to_str().unwrap()])
        .arg("basic/fs@c")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn signals_end_a_stream_at_a_record_with_their_own_code() {
    let pool = pool_dir("basic");
    let whole = send(&pool, &["basic/fs@c"]).stdout;
    for (which, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        // The output is a pipe, so that the send is under way for as long as nobody reads.
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.zsend");
        mkfifo(&target, Mode::S_IRWXU).unwrap();
        let child = begin(&pool, &target);
        let mut pipe = File::open(&target).unwrap();
        let mut got = vec![0; 4096];
        pipe.read_exact(&mut got).unwrap();
        signal(&child, which);
        pipe.read_to_end(&mut got).unwrap();
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{}", stderr(&out));
        assert!(whole.starts_with(&got) && got.len() < whole.len(), "{} bytes", got.len());
        assert!(stderr(&out).contains("interrupted"), "{}", stderr(&out));
        // A pipe has no second name.
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

/// A write that waits for its reader heeds nothing; nor does opening a FIFO that nobody reads.
#[test]
fn an_output_that_takes_nothing_is_not_waited_for() {
    let pool = pool_dir("basic");
    for is_open in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.zsend");
        mkfifo(&target, Mode::S_IRWXU).unwrap();
        let child = begin(&pool, &target);
        let pipe = is_open.then(|| {
            let mut pipe = File::open(&target).unwrap();
            pipe.read_exact(&mut [0; 4096]).unwrap();
            pipe
        });
        if !is_open {
            // It takes signals before it looks for its output, and says nothing of when.
            let (_sender, timer) = mpsc::channel::<()>();
            let _ = timer.recv_timeout(std::time::Duration::from_secs(1));
        }
        signal(&child, Signal::SIGTERM);
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(143), "{}", stderr(&out));
        assert!(stderr(&out).contains("the output takes nothing"), "{}", stderr(&out));
        drop(pipe);
    }
}

#[test]
fn a_report_is_shown_and_the_send_goes_on() {
    let pool = pool_dir("basic");
    let whole = send(&pool, &["basic/fs@c"]).stdout;
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.zsend");
    mkfifo(&target, Mode::S_IRWXU).unwrap();
    let mut child = begin(&pool, &target);
    let mut pipe = File::open(&target).unwrap();
    let mut got = vec![0; 4096];
    pipe.read_exact(&mut got).unwrap();
    signal(&child, Signal::SIGUSR1);
    let mut line = String::new();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    errors.read_line(&mut line).unwrap();
    assert!(line.trim_end().ends_with("   basic/fs@c") && line.matches(':').count() == 2, "{line}");
    pipe.read_to_end(&mut got).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(got, whole);
}

/// At some moment of the send, whichever: the file is whole, or the rest follows from the token.
#[test]
fn a_signal_at_any_moment_leaves_a_file_or_a_token() {
    let pool = pool_dir("basic");
    let whole = send(&pool, &["basic/fs@c"]).stdout;
    let begun = Instant::now();
    assert!(send(&pool, &["basic/fs@c"]).status.success());
    let took = begun.elapsed();
    let (mut tokens, mut moment) = (0, 0);
    while moment < 20 || tokens == 0 {
        assert!(moment < 2000, "no signal came between two records");
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.zsend");
        let partial = dir.path().join("out.zsend.partial");
        let child = begin(&pool, &target);
        // Nobody sends: it is a timer.
        let (_sender, timer) = mpsc::channel::<()>();
        let _ = timer.recv_timeout(took.mul_f64(f64::from(moment % 20) / 15.0));
        signal(&child, Signal::SIGTERM);
        let out = child.wait_with_output().unwrap();
        moment += 1;
        if out.status.success() {
            assert_eq!(std::fs::read(&target).unwrap(), whole);
            assert!(!partial.exists());
            continue;
        }
        assert!(!target.exists());
        // Before the program takes signals, this one ends it as it ends any.
        if let Some(code) = out.status.code() {
            assert_eq!(code, 143, "{}", stderr(&out));
        }
        let Ok(token) = std::fs::read_to_string(dir.path().join("out.zsend.partial.token")) else {
            continue;
        };
        tokens += 1;
        assert!(whole.starts_with(&std::fs::read(&partial).unwrap()));
        assert!(stderr(&out).contains(token.trim()), "{}", stderr(&out));
        let resumed = send(&pool, &["-t", token.trim()]);
        assert!(resumed.status.success(), "{}", stderr(&resumed));
        // Where the signal came at the first object, all comes again, and the list behind BEGIN besides.
        assert!(resumed.stdout.len() < whole.len() + 1024);
        let had = std::fs::read(&partial).unwrap().len();
        assert!(had + resumed.stdout.len() >= whole.len());
        // With a send to the same name, the token of the one that failed goes.
        assert!(send(&pool, &["-o", target.to_str().unwrap(), "basic/fs@c"]).status.success());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn what_is_ignored_stays_ignored() {
    let pool = pool_dir("basic");
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.zsend");
    mkfifo(&target, Mode::S_IRWXU).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_zsend")])
        .args(["send", "-d", pool.to_str().unwrap(), "-o", target.to_str().unwrap()])
        .arg("basic/fs@c")
        .spawn()
        .unwrap();
    let mut pipe = File::open(&target).unwrap();
    let mut got = vec![0; 4096];
    pipe.read_exact(&mut got).unwrap();
    signal(&child, Signal::SIGHUP);
    pipe.read_to_end(&mut got).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(got, send(&pool, &["basic/fs@c"]).stdout);
}
