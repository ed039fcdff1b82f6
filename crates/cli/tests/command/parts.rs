//! `zsend split`, `join`, `parity` and `repair`: files, exit codes, and what they say.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{piped, pool_dir, send, stderr, zsend};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;
use zsend_records::reader::SliceReader;

/// A stream of the fixture `basic`, and a folder for its parts.
struct Stored {
    dir: TempDir,
    stream: Vec<u8>,
}

impl Stored {
    fn new(args: &[&str]) -> Self {
        let out = send(&pool_dir("basic"), args);
        assert!(out.status.success(), "{}", stderr(&out));
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("whole.zsend"), &out.stdout).unwrap();
        Self { dir, stream: out.stdout }
    }

    fn at(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn part(&self, number: u64) -> PathBuf {
        self.dir.path().join("parts").join(format!("{number:06}.zpart"))
    }

    fn split(&self, size: &str) -> Output {
        zsend(&["split", "--size", size, &self.at("whole.zsend"), &self.at("parts")])
    }

    /// Bytes that a join gives on standard output and in a file, which must be the same.
    fn join(&self) -> (i32, Vec<u8>) {
        let (parts, file) = (self.at("parts"), self.at("joined.zsend"));
        let _ = fs::remove_file(&file);
        let out = zsend(&["join", &parts]);
        let to_file = zsend(&["join", &parts, "-o", &file]);
        assert_eq!(code(&out), code(&to_file), "{}{}", stderr(&out), stderr(&to_file));
        // A file is there if it is right, and only then.
        assert_eq!(fs::read(&file).ok(), Some(out.stdout.clone()).filter(|_| out.status.success()));
        assert!(!fs::exists(file + ".partial").unwrap());
        (code(&out), out.stdout)
    }
}

fn code(out: &Output) -> i32 {
    out.status.code().unwrap()
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn parts_are_checked_lost_and_made_again() {
    let stored = Stored::new(&["-Lec", "basic/fs@c"]);
    let out = stored.split("300K");
    assert_eq!(code(&out), 0, "{}", stderr(&out));
    assert!(stdout(&out).contains("parts: "), "{}", stdout(&out));
    assert!(stored.join() == (0, stored.stream.clone()));
    let check =
        |args: &[&str]| zsend(&[&["join", "--check"], args, &[&stored.at("parts")]].concat());
    assert_eq!(code(&check(&[])), 0);
    // A part is no stream, and what looks at it is named.
    let out = zsend(&["verify", stored.part(2).to_str().unwrap()]);
    let how = format!("zsend join --check {}", stored.at("parts"));
    assert!(code(&out) == 1 && stderr(&out).contains(&how), "{}", stderr(&out));
    let saved = fs::read(stored.part(3)).unwrap();
    fs::remove_file(stored.part(3)).unwrap();
    let mut damaged = fs::read(stored.part(2)).unwrap();
    damaged[70_000] ^= 1;
    fs::write(stored.part(2), damaged).unwrap();
    let out = check(&["--json"]);
    assert_eq!(code(&out), 1);
    let states: Vec<Value> =
        stdout(&out).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = states.iter().map(|state| state["state"].as_str().unwrap()).collect();
    assert_eq!(words[..4], ["whole", "damaged", "missing", "whole"]);
    assert!(states[1]["record"].is_u64() && states[2]["record"].is_null());
    assert_eq!(code(&check(&["--part", "1", "--part", "4"])), 0);
    assert_eq!(code(&check(&["--part", "2"])), 1);
    assert_eq!(code(&check(&["--part", "1000"])), 2);
    let (joined, begun) = stored.join();
    assert!(joined == 1 && stored.stream.starts_with(&begun));
    for number in ["2", "3"] {
        let args = ["split", "--part", number, &stored.at("whole.zsend"), &stored.at("parts")];
        let out = zsend(&args);
        assert_eq!(code(&out), 0, "{}", stderr(&out));
    }
    assert!(fs::read(stored.part(3)).unwrap() == saved);
    assert!(stored.join() == (0, stored.stream.clone()));
}

#[test]
fn parity_repairs_a_part_and_bytes_of_others() {
    let stored = Stored::new(&["-Lec", "basic/fs@c"]);
    assert_eq!(code(&stored.split("300K")), 0);
    let parts = stored.at("parts");
    let out = zsend(&["parity", "--percent", "25", &parts]);
    assert_eq!(code(&out), 0, "{}", stderr(&out));
    assert!(stdout(&out).contains("may be lost"), "{}", stdout(&out));
    let out = zsend(&["repair", &parts]);
    assert!(code(&out) == 0 && stdout(&out).contains("nothing was lost"), "{}", stderr(&out));
    fs::remove_file(stored.part(2)).unwrap();
    let mut damaged = fs::read(stored.part(5)).unwrap();
    damaged[1000] ^= 1;
    fs::write(stored.part(5), damaged).unwrap();
    let out = zsend(&["repair", "--json", &parts]);
    assert_eq!(code(&out), 0, "{}", stderr(&out));
    let said = stdout(&out);
    assert!(said.contains("000002.zpart") && said.contains("000005.zpart"), "{said}");
    assert!(stored.join() == (0, stored.stream.clone()));
    for number in 1..=6 {
        fs::remove_file(stored.part(number)).unwrap();
    }
    let out = zsend(&["repair", &parts]);
    assert_eq!(code(&out), 1);
    assert!(stderr(&out).contains("too much is lost"), "{}", stderr(&out));
}

#[test]
fn parity_of_one_part_does_not_stand_for_the_part() {
    let stored = Stored::new(&["basic/fs@c"]);
    assert_eq!(code(&stored.split("1G")), 0);
    let out = zsend(&["parity", "--percent", "10", &stored.at("parts")]);
    let said = stdout(&out);
    assert!(code(&out) == 0 && said.contains("no whole part may be lost"), "{said}");
}

#[test]
fn a_package_comes_through_a_pipe() {
    let stored = Stored::new(&["-R", "basic/fs@b"]);
    let out = piped(&["split", "--size", "1M", "-", &stored.at("parts")], &stored.stream);
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(stored.join() == (0, stored.stream.clone()));
}

#[test]
fn what_cannot_be_done_is_said() {
    let stored = Stored::new(&["basic/fs@b"]);
    let out = stored.split("1K");
    assert!(code(&out) == 2 && stderr(&out).contains("the least size"), "{}", stderr(&out));
    let least = stderr(&out).trim_end().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(code(&stored.split(&least)), 0);
    assert_eq!(code(&stored.split("1G")), 1, "the parts are others");
    for args in [&["split", "a", "b"][..], &["split", "--size", "0", "a", "b"], &["join"]] {
        assert_eq!(code(&zsend(args)), 2, "{args:?}");
    }
    assert_eq!(code(&zsend(&["join", &stored.at("nowhere")])), 1);
    assert_eq!(code(&zsend(&["repair", &stored.at("parts")])), 1);
    assert_eq!(code(&zsend(&["parity", "--percent", "101", &stored.at("parts")])), 2);
    let manifest = stored.at("parts") + "/manifest.jsonl";
    let text = fs::read_to_string(&manifest).unwrap().replace("000001.zpart", "../../x.zpart");
    fs::write(&manifest, text).unwrap();
    let out = zsend(&["join", &stored.at("parts")]);
    assert!(code(&out) == 1 && stderr(&out).contains("line 2: name is"), "{}", stderr(&out));
}

#[test]
fn a_stream_without_end_is_split_as_far_as_it_goes() {
    let mut stored = Stored::new(&["basic/fs@b"]);
    let border = SliceReader::new(stored.stream.clone().into()).nth(40).unwrap().unwrap();
    stored.stream.truncate(usize::try_from(border.frame.offset).unwrap());
    fs::write(stored.at("whole.zsend"), &stored.stream).unwrap();
    let out = stored.split("1M");
    assert_eq!(code(&out), 10, "{}", stderr(&out));
    assert!(stderr(&out).contains("no END") && stdout(&out).contains(": 40 records"));
    assert!(stored.join() == (0, stored.stream.clone()));
}
