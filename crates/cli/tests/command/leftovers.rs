//! Leftovers of outputs when a verb fails before anything was written.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{stderr, zsend};
use std::fs;
use tempfile::tempdir;

#[test]
fn nothing_empty_is_left_and_what_was_there_stays() {
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("text"), "no stream at all ".repeat(100)).unwrap();
    let (new, text, partial) = (at("new"), at("text"), at("new.partial"));
    for line in [
        &["decompress", "-o", &new, &text][..],
        &["package", "-o", &new, &text],
        &["send", "-d", &at("no-image"), "-o", &new, "basic/fs@a"],
    ] {
        let out = zsend(line);
        assert!(!out.status.success(), "{line:?}");
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["text"], "{line:?}: {}", stderr(&out));
        // The user's own is left alone, though it is as empty.
        fs::write(&new, "").unwrap();
        assert!(!zsend(line).status.success(), "{line:?}");
        assert!(fs::exists(&new).unwrap() && !fs::exists(&partial).unwrap(), "{line:?}");
        fs::remove_file(&new).unwrap();
    }
}

/// A run that fails takes nothing from another one that writes to the same place meanwhile.
#[test]
fn what_another_run_may_have_open_stays() {
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("text"), "no stream at all ".repeat(100)).unwrap();
    let (image, folder) = (at("image"), at("folder"));
    for line in [&["raw", &image, &at("text")][..], &["unpackage", "-o", &folder, &at("text")]] {
        assert!(!zsend(line).status.success(), "{line:?}");
    }
    assert!(fs::exists(&image).unwrap() && fs::exists(&folder).unwrap());
}
