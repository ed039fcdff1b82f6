//! Outputs: files, devices, pipes, links, full and closed ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{self, pool_dir, send, stderr, zsend};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_fifo_and_a_link_to_a_device_are_written_through() {
    let dir = tempfile::tempdir().unwrap();
    let whole = send(&pool_dir("dedup"), &["dedup/fs@s"]).stdout;
    let fifo = dir.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let link = dir.path().join("link");
    symlink(&fifo, &link).unwrap();
    for path in [&fifo, &link] {
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || {
                let mut got = Vec::new();
                File::open(fifo).unwrap().read_to_end(&mut got).unwrap();
                got
            }
        });
        let out = send(&pool_dir("dedup"), &["-o", path.to_str().unwrap(), "dedup/fs@s"]);
        assert!(out.status.success(), "{}", stderr(&out));
        assert!(out.stdout.is_empty());
        assert_eq!(reader.join().unwrap(), whole);
    }
    let null = dir.path().join("null");
    symlink("/dev/null", &null).unwrap();
    assert!(
        send(&pool_dir("dedup"), &["-o", null.to_str().unwrap(), "dedup/fs@s"]).status.success()
    );
    assert_eq!(fs::read_link(&null).unwrap(), Path::new("/dev/null"));
    let full = dir.path().join("full");
    symlink("/dev/full", &full).unwrap();
    let out = send(&pool_dir("dedup"), &["-o", full.to_str().unwrap(), "dedup/fs@s"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(stderr(&out).contains("No space left on device"), "{}", stderr(&out));
    assert_eq!(names(dir.path()), ["fifo", "full", "link", "null"]);
}

#[test]
fn a_link_to_a_file_is_followed_and_its_mode_kept() {
    let dir = tempfile::tempdir().unwrap();
    let whole = send(&pool_dir("dedup"), &["dedup/fs@s"]).stdout;
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("file", &link).unwrap();
    for _ in 0..2 {
        let out = send(&pool_dir("dedup"), &["-o", link.to_str().unwrap(), "dedup/fs@s"]);
        assert!(out.status.success(), "{}", stderr(&out));
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("file"));
        assert_eq!(fs::read(&file).unwrap(), whole);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(dir.path()), ["file", "link"]);
    }
}

#[test]
fn a_minus_is_standard_output() {
    let dash = send(&pool_dir("dedup"), &["-o", "-", "dedup/fs@s"]);
    assert_eq!(dash.stdout, send(&pool_dir("dedup"), &["dedup/fs@s"]).stdout);
    let copy = send(&pool_dir("dedup"), &["-o", "/dev/stdout", "dedup/fs@s"]);
    assert_eq!(copy.stdout, dash.stdout, "{}", stderr(&copy));
}

/// A descriptor of a shell stands somewhere in its file, and is written on there.
#[test]
fn a_descriptor_of_a_file_is_written_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    let whole = send(&pool_dir("dedup"), &["dedup/fs@s"]).stdout;
    let line = format!(
        "{} send -d {} dedup/fs@s",
        env!("CARGO_BIN_EXE_zsend"),
        pool_dir("dedup").display()
    );
    let at = file.display();
    for script in [
        format!("(printf HEADER; {line} -o /dev/stdout) > {at}"),
        format!("printf HEADER > {at}; {line} -o /dev/stdout >> {at}"),
        format!("printf HEADER > {at}; {line} -o /dev/fd/5 5>> {at}"),
        format!("(printf HEADER >&6; {line} -o /proc/self/fd/6) 6> {at}"),
    ] {
        let out = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(out.status.success(), "{script}: {}", stderr(&out));
        let got = fs::read(&file).unwrap();
        assert!(got.starts_with(b"HEADER") && got[6..] == whole, "{script}: {} bytes", got.len());
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn the_pool_itself_is_never_written_to() {
    let copy = support::Copy::of("dedup");
    let image = copy.image(0);
    let before = support::digest(&image);
    let link = copy.path().join("link");
    symlink(&image, &link).unwrap();
    fs::hard_link(&image, copy.path().join("s.partial")).unwrap();
    for path in [&image, &link, &copy.path().join("s")] {
        let dir = image.to_str().unwrap();
        let out = zsend(&["send", "-d", dir, "-o", path.to_str().unwrap(), "dedup/fs@s"]);
        assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
        assert!(stderr(&out).contains("it is what is read"), "{}", stderr(&out));
        assert_eq!(support::digest(&image), before);
    }
    let line = format!(
        "{0} send -d {1} dedup/fs@s -o /dev/fd/7 7<> {1}",
        env!("CARGO_BIN_EXE_zsend"),
        image.display()
    );
    let out = Command::new("bash").args(["-c", &line]).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
    assert_eq!(support::digest(&image), before);
}

#[test]
fn what_stands_at_the_temporary_name_is_refused_if_it_is_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    let partial = dir.path().join("out.partial");
    let line = ["-o", target.to_str().unwrap(), "dedup/fs@s"];
    symlink("elsewhere", &partial).unwrap();
    let out = send(&pool_dir("dedup"), &line);
    assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
    assert_eq!(names(dir.path()), ["out.partial"]);
    fs::remove_file(&partial).unwrap();
    mkfifo(&partial, Mode::S_IRWXU).unwrap();
    let out = send(&pool_dir("dedup"), &line);
    assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
}

#[test]
fn a_partial_file_is_read_by_no_more_people_than_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out");
    fs::write(&target, "old").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
    // A send that fails leaves its partial file.
    let copy = support::Copy::of("basic");
    let all = support::blocks(&pool_dir("basic"), "basic/fs@c");
    let last = all.iter().rfind(|(at, bp)| at.level == 0 && at.object > 40 && !bp.is_embedded());
    copy.flip_block(&last.unwrap().1);
    let out = send(copy.path(), &["-o", target.to_str().unwrap(), "basic/fs@c"]);
    assert_eq!(out.status.code(), Some(1), "{}", stderr(&out));
    let mode = fs::metadata(dir.path().join("out.partial")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read(&target).unwrap(), b"old");
}

#[test]
fn sends_to_one_name_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.zsend");
    let pool = pool_dir("basic");
    let wholes = ["basic/fs@a", "basic/fs@c"].map(|name| send(&pool, &[name]).stdout);
    for _ in 0..10 {
        let begin = |name: &str| {
            Command::new(env!("CARGO_BIN_EXE_zsend"))
                .args(["send", "-d", pool.to_str().unwrap(), "-o", target.to_str().unwrap(), name])
                .spawn()
                .unwrap()
        };
        let all = ["basic/fs@a", "basic/fs@c", "basic/fs@a", "basic/fs@c"].map(begin);
        for mut child in all {
            assert!(child.wait().unwrap().success());
        }
        let got = fs::read(&target).unwrap();
        assert!(wholes.contains(&got), "{} bytes are neither stream", got.len());
        assert_eq!(names(dir.path()), ["out.zsend"]);
    }
}

/// Every verb that prints, with arguments that make it print.
fn printing() -> Vec<Vec<String>> {
    let pool = pool_dir("basic").display().to_string();
    let dir = tempfile::tempdir().unwrap();
    let stream = dir.keep().join("s");
    fs::write(&stream, send(&pool_dir("dedup"), &["dedup/fs@s"]).stdout).unwrap();
    let stream = stream.display().to_string();
    let token = fs::read_to_string(zsend_testkit::fixture("resume").join("cases.json")).unwrap();
    let token = token.split('"').find(|text| text.starts_with("1-")).unwrap();
    [
        vec!["list", "-d", &pool],
        vec!["list", "-d", &pool, "--json"],
        vec!["list", "-d", &pool, "--list-txgs"],
        vec!["send", "-d", &pool, "-nv", "basic/fs@a"],
        vec!["send", "-d", &pool, "-nP", "basic/fs@a"],
        vec!["send", "-d", &pool, "-n", "--json", "basic/fs@a"],
        vec!["send", "-d", &pool, "basic/fs@a"],
        vec!["dump", &stream],
        vec!["dump", "-vv", &stream],
        vec!["dump", "--json", &stream],
        vec!["token", token],
        vec!["token", "--json", token],
        vec!["man", "send"],
        vec!["completions", "bash"],
        vec!["--version"],
        vec!["send", "--help"],
    ]
    .map(|line| line.into_iter().map(str::to_owned).collect())
    .into()
}

#[test]
fn a_full_device_and_a_closed_output_are_failures_of_every_verb() {
    for line in printing() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
        let out = command.args(&line).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(out.status.code(), Some(3), "{line:?}: {}", stderr(&out));
        let text = stderr(&out);
        assert!(text.contains("No space left on device") && !text.contains("os error"), "{text}");

        let descriptor = ["-o".to_owned(), "/dev/stdout".to_owned()];
        let is_stream = line[0] == "send" && line.len() == 4;
        let more = if is_stream { &[&[][..], &descriptor[..]][..] } else { &[&[][..]][..] };
        for more in more {
            let out = Command::new("sh")
                .args(["-c", "exec \"$0\" \"$@\" >&-", env!("CARGO_BIN_EXE_zsend")])
                .args([&line[..], more].concat())
                .output()
                .unwrap();
            assert_eq!(out.status.code(), Some(3), "{line:?}: {}", stderr(&out));
            assert!(stderr(&out).contains("standard output is closed"), "{}", stderr(&out));
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_of_a_text_is_no_failure() {
    for line in printing() {
        if line[0] == "send" && !line.iter().any(|arg| arg.starts_with("-n") || arg == "--help") {
            continue;
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_zsend"))
            .args(&line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{line:?}: {}", stderr(&out));
    }
}

#[test]
fn an_output_that_needs_no_standard_output_does_without() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("out.zsend");
    let out = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" >&-", env!("CARGO_BIN_EXE_zsend"), "send", "-d"])
        .arg(pool_dir("dedup"))
        .args(["-o", target.to_str().unwrap(), "dedup/fs@s"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    assert_eq!(fs::read(&target).unwrap(), send(&pool_dir("dedup"), &["dedup/fs@s"]).stdout);
}

#[test]
fn a_folder_that_is_not_there_and_a_folder_as_output_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().join("no/out"), dir.path().to_owned()] {
        let out = send(&pool_dir("dedup"), &["-o", path.to_str().unwrap(), "dedup/fs@s"]);
        assert_eq!(out.status.code(), Some(3));
        let text = stderr(&out);
        assert!(
            text.starts_with("zsend: cannot write to /") && !text.contains("os error"),
            "{text}"
        );
    }
    let tunable = send(&pool_dir("dedup"), &["-o", "zfs_send_corrupt_data=1", "dedup/fs@s"]);
    assert_eq!(tunable.status.code(), Some(2));
    assert!(stderr(&tunable).contains("--tunable zfs_send_corrupt_data=1"), "{}", stderr(&tunable));
    assert!(!zsend(&["list", "-d", "/nonexistent"]).status.success());
}
