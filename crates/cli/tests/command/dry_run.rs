//! Dry runs: what is printed, and what is refused all the same.

use crate::support::{self, pool_dir, send, stderr};

fn stdout(out: &std::process::Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn a_token_is_shown_before_its_estimate() {
    let cases = zsend_testkit::cases::read(&zsend_testkit::fixture("resume")).unwrap();
    let case = cases.iter().find(|c| c.args[0] == "-t" && c.key.is_none()).unwrap();
    let token = case.args[1].as_str();
    let dir = pool_dir("resume");
    assert_eq!(stdout(&send(&dir, &["-n", "-t", token])), "");
    let shown = stdout(&support::zsend(&["token", token]));
    assert!(shown.starts_with("resume token contents:\nnvlist version: 0\n\t"), "{shown}");
    for flags in [&["-n", "-v"][..], &["-n", "-P"], &["-n", "-v", "-P"], &["-n", "-v", "--exact"]] {
        let out = send(&dir, &[flags, &["-t", token]].concat());
        assert!(stdout(&out).starts_with(&shown), "{flags:?}: {}", stdout(&out));
        assert!(stdout(&out).len() > shown.len(), "{flags:?}");
    }
    // With the stream on standard output, the estimate goes to standard error.
    let out = send(&dir, &["-v", "-t", token]);
    assert!(stderr(&out).contains(&shown), "{}", stderr(&out));
}

#[test]
fn a_source_is_shown_in_full_but_by_illumos() {
    let dir = pool_dir("basic");
    let shown = |dialect: &str| {
        let args = ["-n", "-v", "--dialect", dialect, "-i", "@a", "basic/fs@c"];
        stdout(&send(&dir, &args)).lines().next().unwrap().to_owned()
    };
    assert!(shown("openzfs").starts_with("send from basic/fs@a to basic/fs@c estimated size is"));
    assert!(shown("illumos").starts_with("send from @a to basic/fs@c estimated size is"));
}

#[test]
fn a_volume_is_estimated_with_the_dialects_default_block_size() {
    let dir = pool_dir("bvol");
    let size =
        |dialect: &str| stdout(&send(&dir, &["-n", "-P", "--dialect", dialect, "bvol/v4k@1"]));
    assert_eq!(size("openzfs"), "full\tbvol/v4k@1\t783928\nsize\t783928\n");
    assert_eq!(size("illumos"), "full\tbvol/v4k@1\t792576\nsize\t792576\n");
}

#[test]
fn an_exact_size_is_refused_for_what_the_send_is() {
    let dir = pool_dir("crypt");
    let why = "cannot send 'crypt/aes-256-gcm@b': dataset key must be loaded";
    for args in [&["-n", "--exact", "crypt/aes-256-gcm@b"][..], &["crypt/aes-256-gcm@b"]] {
        let out = send(&dir, args);
        assert_eq!(out.status.code(), Some(1), "{args:?}");
        assert!(stderr(&out).contains(why), "{args:?}: {}", stderr(&out));
        assert!(out.stdout.is_empty(), "{args:?}");
    }
    assert!(send(&dir, &["-n", "-v", "crypt/aes-256-gcm@b"]).status.success());
}

#[test]
fn names_are_found_in_any_case_where_the_filesystem_has_none() {
    let dir = pool_dir("bcase");
    let found = |args: &[&str]| send(&dir, &[&["-n"], args].concat()).status.success();
    for (source, target) in
        [("@first", "last"), ("@FIRST", "LAST"), ("#mark", "Last"), ("#MARK", "LAST")]
    {
        assert!(found(&["-i", source, &format!("bcase/ci@{target}")]), "{source} {target}");
    }
    for dataset in ["mix", "nfc"] {
        assert!(found(&["-i", "@First", &format!("bcase/{dataset}@LAST")]));
        assert!(found(&["-i", "#Mark", &format!("bcase/{dataset}@LAST")]));
        assert!(!found(&[&format!("bcase/{dataset}@Last")]));
        assert!(!found(&["-i", "@first", &format!("bcase/{dataset}@LAST")]));
        assert!(!found(&["-i", "#mark", &format!("bcase/{dataset}@LAST")]));
    }
}
