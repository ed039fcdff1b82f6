//! What is left of outputs when a verb fails before anything was written.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use std::fs;
use tempfile::tempdir;

#[test]
fn nothing_empty_is_left_and_what_was_there_stays() {
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // One is no stream, the other is none of a volume.
    fs::write(at("text"), "no stream at all ".repeat(100)).unwrap();
    let out = send(&pool_dir("basic"), &["-o", &at("files"), "basic/fs@a"]);
    assert!(out.status.success(), "{}", stderr(&out));
    let (new, text, files) = (at("new"), at("text"), at("files"));
    let lines = [
        &["raw", &new, &text][..],
        &["raw", &new, &files],
        &["unpackage", "-o", &new, &text],
        &["split", "--size", "1M", &text, &new],
        &["split", "--size", "1", &files, &new],
        &["split", "--size", "1M", "--part", "99", &files, &new],
        &["decompress", "-o", &new, &text],
    ];
    for line in lines {
        let out = zsend(line);
        assert!(!out.status.success(), "{line:?}");
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["files", "text"], "{line:?}: {}", stderr(&out));

        // The user's own is left alone, though it is as empty.
        let is_file = line[0] == "raw" || line[0] == "decompress";
        if is_file {
            fs::write(&new, "").unwrap();
        } else {
            fs::create_dir(&new).unwrap();
        }
        let out = zsend(line);
        assert!(!out.status.success(), "{line:?}");
        assert!(fs::exists(&new).unwrap(), "{line:?}");
        if is_file {
            fs::remove_file(&new).unwrap();
        } else {
            fs::remove_dir(&new).unwrap();
        }
    }
}
