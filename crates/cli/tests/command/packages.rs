//! Packages on the command line: what is damaged, what goes on, and what does not go together.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use std::fs;
use std::path::Path;
use zsend_pool::Zbookmark;
use zsend_pool::{Name, OpenOptions, Pool};
use zsend_testkit::pool::MendedPool;

/// Names of the streams in a package, as `zsend dump` shows them.
fn streams(package: &Path) -> Vec<String> {
    let out = zsend(&["dump", "-v", package.to_str().unwrap()]);
    let text = String::from_utf8(out.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("toname = "));
    names.skip(1).map(str::to_owned).collect()
}

/// A folder with the pool `basic`, the object set of whose `basic/fs@b` has no root that could be read.
fn damaged() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let pool = Pool::open(&[pool_dir("basic")], "basic", &OpenOptions::default()).unwrap();
    let snapshot = pool.dataset(&Name::parse("basic/fs@b").unwrap()).unwrap();
    let mut damaged = MendedPool::fixture("basic").unwrap();
    let root = Zbookmark::new(snapshot.object, 0, -1, 0);
    damaged.change_block(root, |root| root.fill(0)).unwrap();
    damaged.save(dir.path()).unwrap();
    dir
}

#[test]
fn a_package_that_breaks_off_says_in_which_stream_and_how_to_go_on() {
    let (pool, out) = (damaged(), tempfile::tempdir().unwrap());
    let file = out.path().join("p");
    let path = file.to_str().unwrap();
    // With and without an estimate before it, as much is sent.
    for flags in [&["-R"][..], &["-R", "-v"]] {
        let sent = send(pool.path(), &[flags, &["-o", path, "basic/fs@c"]].concat());
        let text = stderr(&sent);
        assert_eq!(sent.status.code(), Some(1), "{text}");
        assert!(text.contains("cannot send 'basic/fs@b', stream 2 of 3"), "{text}");
        assert!(text.contains("--continue-from basic/fs@a"), "{text}");
        let partial = out.path().join("p.partial");
        assert_eq!(streams(&partial), ["basic/fs@a"]);
        let token = fs::read_to_string(out.path().join("p.partial.token")).unwrap();
        assert_eq!(token, "basic/fs@a\n");
    }
}

#[test]
fn a_package_goes_on_behind_a_snapshot_and_from_a_token() {
    let (pool, out) = (pool_dir("basic"), tempfile::tempdir().unwrap());
    let sent = |name: &str, args: &[&str]| {
        let file = out.path().join(name);
        let all = [&["-R", "-o", file.to_str().unwrap(), "basic@all"], args].concat();
        let sent = send(&pool, &all);
        assert!(sent.status.success(), "{}", stderr(&sent));
        file
    };
    let whole = streams(&sent("whole", &[]));
    let behind = streams(&sent("behind", &["--continue-from", "basic/fs@b"]));
    let at = whole.iter().position(|name| name == "basic/fs@b").unwrap();
    assert_eq!(behind, whole[at + 1..]);
    // Of the last snapshot, nothing is left.
    let none = send(&pool, &["-R", "--continue-from", whole.last().unwrap(), "basic@all"]);
    assert!(none.status.code() == Some(1) && none.stdout.is_empty());
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let pool = pool_dir("basic");
    for (args, text) in [
        (
            &["-R", "--resume-at", "5,0", "basic@all"][..],
            "--resume-at goes on with a single stream",
        ),
        (&["-R", "-X", "basic/*", "basic@all"], "not a valid non-root dataset name"),
        (&["--incomplete", "basic@all"], "--replicate"),
    ] {
        let out = send(&pool, args);
        assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
        assert!(stderr(&out).contains(text) && out.stdout.is_empty(), "{}", stderr(&out));
    }
}

/// A file that may not grow, as on a disk that is full.
#[test]
fn where_there_is_no_room_it_says_what_to_type() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("p");
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\"";
    for (flags, how) in [
        (&["-R", "basic@all"][..], "the same command with --continue-from TOKEN and another -o"),
        (&["basic/fs@b"], "zsend send -d "),
    ] {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_zsend"), "send", "-d"]);
        let sent =
            command.arg(pool_dir("basic")).arg("-o").arg(&file).args(flags).output().unwrap();
        let text = stderr(&sent);
        assert_eq!(sent.status.code(), Some(3), "{text}");
        let partial = out.path().join("p.partial");
        assert!(text.contains(&format!("{} is not whole", partial.display())), "{text}");
        assert!(text.contains("There is no room for more."), "{text}");
        assert!(text.contains("with `zfs receive -s`") && text.contains(how), "{text}");
        // What is there is a beginning of the stream: its records are sound up to the cut.
        let whole = send(&pool_dir("basic"), flags).stdout;
        let part = fs::read(&partial).unwrap();
        assert!(!part.is_empty() && whole.starts_with(&part) && part.len() < whole.len());
    }
}
