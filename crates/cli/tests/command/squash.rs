//! `squash`, `dedup` and `redup`, on streams of the fixture `basic`: its chain of three snapshots, as real senders send it.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zsend_records::drr::RecordType;
use zsend_records::reader::SliceReader;

struct Streams(TempDir);

impl Streams {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A stream of the fixture, made with these arguments.
    fn make(&self, name: &str, args: &[&str]) -> String {
        let path = self.path(name);
        let out = send(&pool_dir("basic"), &[&["-q", "-o", &path], args].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        path
    }
}

/// Runs a command that gives a file.
#[track_caller]
fn made(path: &str, args: &[&str]) {
    let out = zsend(&[args, &["-o", path]].concat());
    assert!(out.status.success(), "{args:?}: {}", stderr(&out));
    let verified = zsend(&["verify", path]);
    assert!(verified.status.success(), "{args:?}: {}", stderr(&verified));
}

/// All that a stream says but of holes: headers without their checksums, and payloads.
fn data(path: &str) -> Vec<([u8; 272], Vec<u8>)> {
    let records = SliceReader::new(fs::read(path).unwrap().into()).map(Result::unwrap);
    let frees = [RecordType::FREE, RecordType::END];
    let data = records.filter(|record| !frees.contains(&record.header.record_type()));
    data.map(|record| (record.header.body, record.payload.to_vec())).collect()
}

#[test]
fn a_chain_becomes_what_is_sent_of_its_last_snapshot() {
    let streams = Streams::new();
    let mut objects = 0;
    for flags in [&[][..], &["-L", "-e", "-c"]] {
        let of = |name: &str, args: &[&str]| streams.make(name, &[flags, args].concat());
        let full = of("a", &["basic/fs@a"]);
        let first = of("ab", &["-i", "@a", "basic/fs@b"]);
        let second = of("bc", &["-i", "@b", "basic/fs@c"]);
        let (last, both) = (of("c", &["basic/fs@c"]), of("ac", &["-i", "@a", "basic/fs@c"]));
        let (squashed, increment) = (streams.path("squashed"), streams.path("increment"));
        made(&squashed, &["squash", &full, &first, &second]);
        assert!(data(&squashed) == data(&last), "{flags:?}");
        made(&increment, &["squash", &first, &second]);
        assert!(data(&increment) == data(&both), "{flags:?}");
        // In one process with other steps.
        let (at_once, later) = (streams.path("at-once"), streams.path("later"));
        made(&at_once, &["pipe", "squash | recompress zstd-3", &full, &first, &second]);
        made(&later, &["recompress", "zstd-3", &squashed]);
        assert!(fs::read(at_once).unwrap() == fs::read(later).unwrap(), "{flags:?}");
        objects += data(&last).len();
    }
    assert!(objects > 100, "{objects}");
}

#[test]
fn what_is_no_chain_has_an_exit_code_and_a_name() {
    let streams = Streams::new();
    let full = streams.make("a", &["basic/fs@a"]);
    let second = streams.make("bc", &["-i", "@b", "basic/fs@c"]);
    let package = streams.make("R", &["-R", "basic/fs@b"]);
    let out = zsend(&["squash", &full, &second]);
    assert_eq!(out.status.code(), Some(1), "{}", stderr(&out));
    assert!(stderr(&out).contains("bc: byte 0, record 0: it starts from guid"), "{}", stderr(&out));
    let out = zsend(&["squash", &package, "-o", &streams.path("none")]);
    assert_eq!(out.status.code(), Some(4), "{}", stderr(&out));
    assert!(stderr(&out).contains("package"), "{}", stderr(&out));
    assert!(!Path::new(&streams.path("none")).exists());
}

#[test]
fn dedup_is_undone_by_redup() {
    let streams = Streams::new();
    for (name, args) in [("a", &["basic/fs@a"][..]), ("R", &["-R", "basic/fs@b"])] {
        let stream = streams.make(name, args);
        let [small, again] = ["small", "again"].map(|name| streams.path(name));
        let tmp: PathBuf = streams.0.path().into();
        made(&small, &["dedup", "--tmp", tmp.to_str().unwrap(), &stream]);
        made(&again, &["redup", "--memory", "16M", &small]);
        assert!(fs::read(&again).unwrap() == fs::read(&stream).unwrap(), "{name}");
        let out = zsend(&["decompress", &small]);
        assert_eq!(out.status.code(), Some(4), "{}", stderr(&out));
    }
    let out = zsend(&["dedup", "--memory", "1K", &streams.path("a")]);
    assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
}
