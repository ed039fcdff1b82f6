//! Flags that fingers know from `zfs send` and `zdb -B`.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use std::fs;
use std::process::Command;

#[test]
fn flags_that_change_nothing_change_nothing() {
    let pool = pool_dir("basic");
    let whole = send(&pool, &["-i", "@a", "basic/fs@b"]);
    for flags in
        [&["-D"][..], &["--dedup"], &["-U"], &["--no-preserve-encryption"], &["-V"], &["-q"]]
    {
        let out = send(&pool, &[flags, &["-i", "@a", "basic/fs@b"]].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        assert_eq!(out.stdout, whole.stdout, "{flags:?}");
    }
    let dedup = send(&pool, &["-D", "basic/fs@b"]);
    assert!(stderr(&dedup).starts_with("WARNING: deduplicated send is no longer supported."));
    // A source without a type is a snapshot, after a warning.
    let untyped = send(&pool, &["-i", "a", "basic/fs@b"]);
    assert_eq!(untyped.stdout, whole.stdout);
    assert!(stderr(&untyped).starts_with("Warning: incremental source didn't specify type"));
}

#[test]
fn the_number_of_an_object_set_is_a_name() {
    let pool = pool_dir("basic");
    let dir = pool.to_str().unwrap();
    let id = |name: &str| {
        let out = zsend(&["list", "-d", dir, "-Hp", "-o", "objsetid", name]);
        format!("basic/{}", String::from_utf8(out.stdout).unwrap().trim())
    };
    let out = send(&pool, &[&id("basic/fs@b")]);
    assert!(out.status.success(), "{}", stderr(&out));
    assert_eq!(out.stdout, send(&pool, &["basic/fs@b"]).stdout);
    let out = send(&pool, &["-i", "basic/fs@a", &id("basic/fs@b")]);
    assert_eq!(out.stdout, send(&pool, &["-i", "@a", "basic/fs@b"]).stdout);
    let out = send(&pool, &[&id("basic/fs")]);
    assert_eq!(out.stdout, send(&pool, &["basic/fs"]).stdout);
    let out = send(&pool, &["basic/99999999"]);
    assert_eq!(out.status.code(), Some(1), "{}", stderr(&out));
}

#[test]
fn flags_of_zdb_are_answered_with_what_to_type() {
    let dir = pool_dir("basic").display().to_string();
    let cases: [(&[&str], &str); 4] = [
        (&["-p", &dir, "basic/54"], "-d PATH"),
        (&["-U", &dir, "basic/54"], "named with -d"),
        (&["-K", "secret", "basic/54"], "--key DATASET=FILE"),
        (&["-o", "zfs_send_queue_length=1048576", "basic/54"], "--tunable"),
    ];
    for (args, hint) in cases {
        let out = zsend(&[&["send"], args].concat());
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", stderr(&out));
        assert!(stderr(&out).contains(hint), "{args:?}: {}", stderr(&out));
    }
}

#[test]
fn a_resume_token_has_its_long_form_and_is_shown() {
    let cases = zsend_testkit::fixture("resume").join("cases.json");
    let cases = std::fs::read_to_string(cases).unwrap();
    let token = cases.split('"').find(|text| text.starts_with("1-")).unwrap();
    let pool = pool_dir("resume");
    let short = send(&pool, &["-t", token]);
    assert!(short.status.success(), "{}", stderr(&short));
    assert_eq!(send(&pool, &["--resume", token]).stdout, short.stdout);
    let shown = send(&pool, &["-nvt", token]);
    assert!(shown.stdout.starts_with(b"resume token contents:\n"), "{}", stderr(&shown));
}

#[test]
fn an_estimate_is_an_object_and_progress_too() {
    let pool = pool_dir("basic");
    let out = send(&pool, &["-n", "--json", "--exact", "-i", "@a", "basic/fs@b"]);
    let estimate: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let stream = send(&pool, &["--progress=json", "-i", "@a", "basic/fs@b"]);
    assert_eq!(estimate["size"], stream.stdout.len());
    assert_eq!(
        (&estimate["type"], &estimate["from"], &estimate["to"]),
        (&"incremental".into(), &"basic/fs@a".into(), &"basic/fs@b".into())
    );
    let text = stderr(&stream);
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["bytes"], &last["done"]), (&stream.stdout.len().into(), &true.into()));
}

#[test]
fn a_whole_send_is_summed_up() {
    let out = send(&pool_dir("basic"), &["-v", "basic/fs@b"]);
    let text = stderr(&out);
    assert!(text.lines().last().unwrap().starts_with("sent "), "{text}");
    assert!(text.contains("(100%)") && text.contains(" records"), "{text}");
    // The machine's form has the estimate, and nothing more.
    let out = send(&pool_dir("basic"), &["-P", "basic/fs@b"]);
    let text = stderr(&out);
    assert!(text.starts_with("full\tbasic/fs@b\t") && text.lines().count() == 2, "{text}");
}

#[test]
fn help_names_every_flag_of_zfs_send() {
    let out = zsend(&["send", "--help"]);
    let text = String::from_utf8(out.stdout).unwrap();
    for flag in [
        "-R", "-s", "--redact", "-p", "-P", "-D", "-V", "-v", "-n", "-L", "-e", "--resume", "-c",
        "-w", "-b", "-h", "-S", "-X", "-U", "-I", "-i", "-t",
    ] {
        assert!(
            text.contains(&format!("{flag}, ")) || text.contains(&format!("{flag} ")),
            "{flag}"
        );
    }
    // It means holds, as in `zfs send`.
    let out = zsend(&["send", "-h"]);
    assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
}

#[test]
fn the_manual_and_the_completions_know_the_verbs() {
    let page = zsend(&["man", "send"]);
    let text = String::from_utf8(page.stdout).unwrap();
    for part in ["EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO", "large\\-block"] {
        assert!(text.contains(part), "{part}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(zsend(&["man", "--dir", dir.path().to_str().unwrap()]).status.success());
    assert!(dir.path().join("zsend-dump.1").is_file() && dir.path().join("zsend.1").is_file());
    for shell in ["bash", "zsh", "fish"] {
        let text = String::from_utf8(zsend(&["completions", shell]).stdout).unwrap();
        assert!(text.contains("large-block"), "{shell}");
    }
    // As bash completes it.
    let script = "source /dev/stdin; COMP_WORDS=(zsend se); COMP_CWORD=1; \
                  _zsend zsend se zsend; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash")
        .args(["-c", script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let completions = zsend(&["completions", "bash"]).stdout;
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), &completions).unwrap();
    let out = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(out.stdout).unwrap().trim(), "send");
}

#[test]
fn the_manual_shows_values_in_its_synopsis_and_has_the_guide() {
    let page = |name: &str| String::from_utf8(zsend(&["man", name]).stdout).unwrap();
    let send = page("send");
    let synopsis = send.lines().find(|line| line.starts_with("\\fBzsend send\\fR")).unwrap();
    for part in [
        " [\\fB\\-o\\fR \\fIFILE\\fR]",
        " [\\fB\\-i\\fR \\fISNAP|#BOOK\\fR]",
        " [\\fB\\-d\\fR \\fIPATH\\fR]...",
        " [\\fB\\-R\\fR|\\fB\\-\\-replicate\\fR]",
    ] {
        assert!(synopsis.contains(part), "{synopsis}");
    }
    let guide = fs::read_to_string(zsend_testkit::fixture("").join("../docs/rescue.md")).unwrap();
    assert_eq!(page("rescue"), guide);
}
