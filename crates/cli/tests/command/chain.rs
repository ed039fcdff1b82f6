//! `zsend chain`: orders, what is missing, exit codes, folders of `send --all`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

struct Streams(TempDir);

impl Streams {
    /// Streams by their names and arguments, of a fixture.
    fn of(fixture: &str, streams: &[(&str, &[&str])]) -> Self {
        let dir = TempDir::new().unwrap();
        for (name, args) in streams {
            let path = dir.path().join(name);
            let args = [&["-q", "-o", path.to_str().unwrap()], *args].concat();
            let out = send(&pool_dir(fixture), &args);
            assert!(out.status.success(), "{}", stderr(&out));
        }
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn chain(&self, args: &[&str], names: &[&str]) -> Output {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        chain(args, &paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    }
}

fn chain(args: &[&str], paths: &[&Path]) -> Output {
    let paths = paths.iter().map(|path| path.to_str().unwrap());
    zsend(&["chain"].into_iter().chain(args.iter().copied()).chain(paths).collect::<Vec<_>>())
}

fn code(out: &Output) -> i32 {
    out.status.code().unwrap()
}

fn lines(out: &Output) -> Vec<Value> {
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Files of the steps with this fate, by their last names.
fn files(out: &Output, fate: &str) -> Vec<String> {
    let of = |line: &Value| {
        let file = line["file"].as_str()?.rsplit('/').next()?.to_owned();
        (line["kind"] == "step" && line["fate"] == fate).then_some(file)
    };
    lines(out).iter().filter_map(of).collect()
}

const BASIC: &[(&str, &[&str])] = &[
    ("1", &["basic/fs@a"]),
    ("2", &["-i", "@a", "basic/fs@b"]),
    ("3", &["-i", "@b", "basic/fs@c"]),
    ("fork", &["-i", "@a", "basic/fs@c"]),
    ("package", &["-I", "@a", "basic/fs@c"]),
];

#[test]
fn streams_in_any_order_are_put_in_order() {
    let streams = Streams::of("basic", BASIC);
    let out = streams.chain(&["--json"], &["3", "1", "2"]);
    assert_eq!((code(&out), stderr(&out)), (0, String::new()));
    assert_eq!(files(&out, "received"), ["1", "2", "3"]);
    let out = streams.chain(&["--json"], &["package", "2", "1"]);
    assert_eq!((code(&out), files(&out, "received")), (0, vec!["1".into(), "package".into()]));
    assert_eq!(files(&out, "again"), ["2"]);
    let out = streams.chain(&["--json"], &["2", "package", "1"]);
    assert_eq!((code(&out), files(&out, "received").len()), (0, 3));
    let out = streams.chain(&[], &["2", "1"]);
    let text = String::from_utf8(out.stdout).unwrap();
    let order: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(order, ["SNAPSHOT", "basic/fs@a", "basic/fs@b"]);
    let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows[1][4], rows[1][5]), ("full", "receivable"));
    // A clone is told apart.
    let mut clone = fs::read(streams.path("2")).unwrap();
    // `drr_flags` of BEGIN, `DRR_FLAG_CLONE`.
    clone[36] |= 1;
    fs::write(streams.path("clone"), clone).unwrap();
    let out = streams.chain(&["-H"], &["clone"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.lines().next().unwrap().split('\t').nth(4), Some("clone"), "{text}");
}

#[test]
fn what_is_missing_or_forks_breaks_the_chain() {
    let streams = Streams::of("basic", BASIC);
    let out = streams.chain(&["--json"], &["1", "3"]);
    assert_eq!((code(&out), files(&out, "broken")), (11, vec!["3".into()]));
    let faults: Vec<Value> = lines(&out).into_iter().filter(|l| l["kind"] == "fault").collect();
    assert_eq!((faults.len(), &faults[0]["rule"]), (1, &"no-base".into()));
    // The header of a package knows its name.
    let out = streams.chain(&[], &["package"]);
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    assert!(text.contains("no-base: it starts from ") && code(&out) == 11, "{text}");
    let out = streams.chain(&["--json"], &["1", "2", "fork"]);
    assert_eq!((code(&out), files(&out, "broken")), (11, vec!["fork".into()]));

    // What the receiver has is not missing.
    let whole = streams.chain(&["--json"], &["1"]);
    let guid = lines(&whole)[0]["streams"][0]["guid"].as_str().unwrap().to_owned();
    assert_eq!(code(&streams.chain(&["--have", &guid], &["2", "3"])), 0);
    let hex = format!("{:#x}", guid.parse::<u64>().unwrap());
    assert_eq!(code(&streams.chain(&["--have", &hex], &["2", "3"])), 0);
    assert_eq!(code(&streams.chain(&["--have", "x"], &["2"])), 2);
}

#[test]
fn files_that_are_cut_damaged_or_absent_have_their_codes() {
    let streams = Streams::of("basic", BASIC);
    let whole = fs::read(streams.path("1")).unwrap();
    fs::write(streams.path("cut"), &whole[..whole.len() - 400]).unwrap();
    let out = streams.chain(&["--json"], &["cut"]);
    assert_eq!((code(&out), files(&out, "cut")), (10, vec!["cut".into()]));
    let out = streams.chain(&["--json"], &["cut", "2"]);
    assert_eq!((code(&out), files(&out, "broken")), (11, vec!["2".into()]));
    fs::write(streams.path("damaged"), [&whole[..], b"more"].concat()).unwrap();
    let out = streams.chain(&["--json"], &["damaged", "1"]);
    assert_eq!((code(&out), files(&out, "damaged")), (1, vec!["damaged".into()]));
    let out = streams.chain(&["--json"], &["absent", "1"]);
    assert_eq!((code(&out), files(&out, "received")), (3, vec!["1".into()]));
    assert_eq!(lines(&out).last().unwrap()["verdict"], "unread");
    for (name, bytes) in [("empty", ""), ("note", "a note")] {
        fs::write(streams.path(name), bytes).unwrap();
        let out = streams.chain(&["--json"], &[name, "1"]);
        assert_eq!((code(&out), files(&out, "no-stream")), (1, vec![name.into()]));
        let path = streams.path(name);
        let out = zsend(&["keys", path.to_str().unwrap()]);
        assert_eq!((code(&out), stderr(&out).contains("no stream")), (1, true), "{}", stderr(&out));
    }
}

#[test]
fn a_folder_is_read_by_its_catalogue() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("all");
    let out = send(&pool_dir("basic"), &["-q", "--all", "-o", folder.to_str().unwrap(), "basic"]);
    assert!(out.status.success(), "{}", stderr(&out));
    let out = chain(&["--json"], &[&folder]);
    assert_eq!(code(&out), 0, "{}", stderr(&out));
    let received = files(&out, "received");
    assert!(received.len() > 5, "{received:?}");
    let first = received.iter().find(|file| file.starts_with("basic+fs@a.")).unwrap();
    fs::remove_file(folder.join(first)).unwrap();
    let out = chain(&["--json"], &[&folder]);
    assert_eq!(code(&out), 3);
    let faults: Vec<Value> = lines(&out).into_iter().filter(|l| l["kind"] == "fault").collect();
    assert!(faults[0]["why"].as_str().unwrap().contains("it starts from basic/fs@a (guid "));
    assert_eq!(code(&chain(&[], &[dir.path()])), 2);
}

/// A package with this number of streams, by its headers alone: no sum is looked at.
fn package_of(streams: u64) -> Vec<u8> {
    // `drr_begin` and `drr_end` of `struct dmu_replay_record`, OpenZFS `include/sys/zfs_ioctl.h`.
    let record = |words: [(usize, u64); 4]| {
        let mut record = vec![0; 312];
        for (at, word) in words {
            record[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        record
    };
    let begin = |kind, guid| record([(0, 0), (8, 0x2_F5BA_CBAC), (16, kind), (40, guid)]);
    let end = || record([(0, 5), (8, 0), (8, 0), (8, 0)]);
    let mut package = [begin(2, 0), end()].concat();
    for guid in 1..=streams {
        package.extend(begin(1, guid));
        package.extend(end());
    }
    package.extend(end());
    package
}

#[test]
fn more_streams_than_are_looked_at_together_are_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("many");
    fs::write(&path, package_of(33_000)).unwrap();
    let path = path.to_str().unwrap();
    for command in ["chain", "keys"] {
        let one = zsend(&[command, path]);
        assert!(matches!(code(&one), 0 | 11), "{command}: {}", stderr(&one));
        let out = zsend(&[command, path, path]);
        assert_eq!((code(&out), out.stdout.len()), (4, 0), "{command}: {}", stderr(&out));
        assert!(stderr(&out).contains("more streams than the 65536"), "{}", stderr(&out));
    }
}
