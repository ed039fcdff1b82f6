//! SIGINT ends a send at a record, and says how to go on.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::io::Read;
use std::process::{Command, Stdio};
use support::{pool_dir, send, stderr};

#[test]
fn an_interrupted_send_leaves_a_true_beginning_and_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool_dir("basic");
    let whole = send(&pool, &["basic/fs@c"]).stdout;
    // The partial file is a pipe, so that the send is under way for as long as nobody reads.
    let target = dir.path().join("out.zsend");
    let partial = dir.path().join("out.zsend.partial");
    mkfifo(&partial, Mode::S_IRWXU).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_zsend"))
        .args(["send", "-d", pool.to_str().unwrap(), "-o", target.to_str().unwrap()])
        .arg("basic/fs@c")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = std::fs::File::open(&partial).unwrap();
    let mut got = vec![0; 4096];
    pipe.read_exact(&mut got).unwrap();
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    pipe.read_to_end(&mut got).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
    assert!(whole.starts_with(&got) && got.len() < whole.len(), "{} bytes", got.len());
    assert!(!target.exists());
    let text = stderr(&out);
    assert!(
        text.contains("interrupted") && text.contains("out.zsend.partial is not whole"),
        "{text}"
    );
    let token = std::fs::read_to_string(dir.path().join("out.zsend.partial.token")).unwrap();
    assert!(text.contains(token.trim()), "{text}");
    let resumed = send(&pool, &["-t", token.trim()]);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert!(resumed.stdout.len() < whole.len());
}
