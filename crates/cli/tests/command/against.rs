//! `zsend verify --against`: stored streams beside what is sent now.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use serde_json::Value;
use std::fs::{self, File};
use std::process::{Command, Output};
use tempfile::TempDir;
use zsend_records::drr::RecordType;
use zsend_records::reader::{SliceReader, StreamRecord};
use zsend_testkit::damage::stamp;

fn stored(dir: &TempDir, fixture: &str, args: &[&str]) -> String {
    let path = dir.path().join("stored.zsend").to_str().unwrap().to_owned();
    let out = send(&pool_dir(fixture), &[&["-q", "-o", &path], args].concat());
    assert!(out.status.success(), "{}", stderr(&out));
    path
}

fn against(fixture: &str, target: &str, more: &[&str]) -> Output {
    let dir = pool_dir(fixture);
    let args = ["verify", "--against", target, "-d", dir.to_str().unwrap()];
    zsend(&[&args[..], more].concat())
}

fn text(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).unwrap()
}

#[test]
fn what_was_sent_is_the_same_with_any_flags() {
    let dir = TempDir::new().unwrap();
    let key = zsend_testkit::fixture("crypt").join("keys/raw");
    let key = format!("crypt/raw={}", key.to_str().unwrap());
    for (fixture, args, more) in [
        ("basic", &["basic/fs@b"][..], &[][..]),
        ("basic", &["-Lec", "-i", "@a", "basic/fs@b"], &[]),
        ("basic", &["-i", "#a", "basic/fs@c"], &[]),
        ("basic", &["--dialect", "illumos", "basic/fs@c"], &[]),
        ("crypt", &["-w", "-i", "@a", "crypt/raw/child@b"], &[]),
        ("crypt", &["-w", "--dialect", "openzfs-xdr", "crypt/raw@a"], &[]),
        ("crypt", &["--key", &key, "crypt/raw@a"], &["--key", &key]),
    ] {
        let path = stored(&dir, fixture, args);
        let target = args.last().unwrap();
        let out = against(fixture, target, &[more, &[&path]].concat());
        assert_eq!(out.status.code(), Some(0), "{args:?}: {}{}", text(&out), stderr(&out));
        assert!(text(&out).contains(&format!("the same as {target}")), "{}", text(&out));
    }
}

/// BEGIN does not tell an illumos sender apart: the file is read a second time, from where it stood.
#[test]
fn a_file_on_standard_input_is_read_again_where_it_began() {
    let dir = TempDir::new().unwrap();
    let path = stored(&dir, "basic", &["--dialect", "illumos", "basic/fs@c"]);
    let shell = "dd bs=7 count=1 of=/dev/null 2> /dev/null; exec \"$0\" verify --against basic/fs@c -d \"$1\"";
    let before = [b"before.".as_slice(), &fs::read(&path).unwrap()].concat();
    fs::write(&path, before).unwrap();
    let out = Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_zsend")])
        .arg(pool_dir("basic"))
        .stdin(File::open(&path).unwrap())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}{}", text(&out), stderr(&out));
}

/// A stream with one record changed, its checksums mended.
fn changed(path: &str, change: impl FnOnce(&mut Vec<StreamRecord>)) {
    let stream = fs::read(path).unwrap();
    let mut records: Vec<_> = SliceReader::new(stream.into()).map(Result::unwrap).collect();
    change(&mut records);
    fs::write(path, stamp(&records, false)).unwrap();
}

fn difference(path: &str, target: &str) -> Value {
    let out = against("basic", target, &["--json", path]);
    assert_eq!(out.status.code(), Some(1), "{}{}", text(&out), stderr(&out));
    serde_json::from_str(&text(&out)).unwrap()
}

#[test]
fn the_first_difference_is_named() {
    let dir = TempDir::new().unwrap();
    let is_write = |r: &&StreamRecord| r.frame.record_type() == RecordType::WRITE;

    let path = stored(&dir, "basic", &["basic/fs@b"]);
    let mut expected = (0, 0);
    changed(&path, |records| {
        let write = records.iter().filter(is_write).nth(1).unwrap().frame.index;
        let record = &mut records[usize::try_from(write).unwrap()];
        let mut payload = record.payload.to_vec();
        payload[7] ^= 0xff;
        expected = (write, u64::from(payload[7]));
        record.payload = payload.into();
    });
    let found = difference(&path, "basic/fs@b");
    assert_eq!((&found["record"], &found["type"]), (&expected.0.into(), &"WRITE".into()));
    assert_eq!(found["what"], "byte 7 of the payload");
    assert!(found["stored"].as_str().unwrap().starts_with(&format!("{:02x}", expected.1)));
    assert_eq!(found["offset"].as_u64().unwrap() % 512, 7);
    assert!(found["object"].as_u64().unwrap() > 0);

    let path = stored(&dir, "basic", &["basic/fs@b"]);
    let mut left_out = 0;
    changed(&path, |records| {
        left_out = records.iter().find(is_write).unwrap().frame.index;
        records.remove(usize::try_from(left_out).unwrap());
    });
    let found = difference(&path, "basic/fs@b");
    assert_eq!(found["record"], left_out);

    // Another snapshot.
    let path = stored(&dir, "basic", &["basic/fs@b"]);
    let found = difference(&path, "basic/fs@c");
    assert_eq!((&found["record"], &found["what"]), (&0.into(), &"toguid".into()));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let dir = TempDir::new().unwrap();
    let package = stored(&dir, "basic", &["-I", "@a", "basic/fs@c"]);
    assert_eq!(against("basic", "basic/fs@c", &[&package]).status.code(), Some(4));
    let path = stored(&dir, "basic", &["basic/fs@b"]);
    assert_eq!(against("basic", "basic/none@b", &[&path]).status.code(), Some(1));
    assert_eq!(against("basic", "basic/fs@b", &[&path, &path]).status.code(), Some(2));
    assert_eq!(zsend(&["verify", "-d", "/dev/null", &path]).status.code(), Some(2));
    // A source that the pool has not.
    let increment = stored(&dir, "basic", &["-i", "@a", "basic/fs@b"]);
    let out = against("crypt", "crypt/raw@a", &[&increment]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("which the pool has not"), "{}", stderr(&out));
}

#[test]
fn what_is_cut_is_the_same_so_far_or_not() {
    let dir = TempDir::new().unwrap();
    let path = stored(&dir, "basic", &["basic/fs@b"]);
    let whole = fs::read(&path).unwrap();
    let cut = dir.path().join("cut");
    let borders: Vec<usize> = SliceReader::new(whole.clone().into())
        .map(|record| usize::try_from(record.unwrap().frame.offset).unwrap())
        .collect();
    let middle = borders[borders.len() / 2];
    for at in [100, 312, middle, middle + 1, middle + 400, whole.len() - 1] {
        fs::write(&cut, &whole[..at]).unwrap();
        let file = cut.to_str().unwrap();
        let out = against("basic", "basic/fs@b", &["--json", file]);
        assert_eq!(out.status.code(), Some(10), "{at}: {}{}", text(&out), stderr(&out));
        let found: Value = serde_json::from_str(&text(&out)).unwrap();
        assert_eq!(found["verdict"], "cut", "{found}");
        let whole = borders.iter().skip(1).filter(|&&border| border <= at).count();
        assert_eq!(found["records"], whole, "{at}");
        let other = against("basic", "basic/fs@c", &[file]);
        assert_eq!(other.status.code(), Some(if at < 312 { 10 } else { 1 }), "{at}");
    }
}
