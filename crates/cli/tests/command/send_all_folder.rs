//! `zsend send --all` and `zsend catalogue` in a folder that has something else, or somebody else, in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::all::{Folder, all};
use crate::support::{pool_dir, stderr, zsend};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// The verbs that read a folder's catalogues.
fn verbs<'a>(pool: &'a str, folder: &'a str) -> [Vec<&'a str>; 5] {
    [
        vec!["send", "--all", "-d", pool, "-o", folder, "basic"],
        vec!["catalogue", "ls", folder],
        vec!["catalogue", "ls", "--receive", "b/t", folder],
        vec!["catalogue", "check", folder],
        vec!["catalogue", "merge", folder],
    ]
}

#[test]
fn runs_with_other_flags_at_once_leave_streams_of_one_kind() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    let mut runs: Vec<_> = [("1/2", "-Lec"), ("2/2", "-L"), ("1/1", "-e")]
        .iter()
        .map(|(shard, flags)| {
            Command::new(env!("CARGO_BIN_EXE_zsend"))
                .args(["send", "--all", "--shard", shard, flags, "-d"])
                .arg(&pool)
                .arg("-o")
                .args([out.path()])
                .arg("basic")
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let codes: Vec<_> = runs.iter_mut().map(|run| run.wait().unwrap().code()).collect();
    // Whoever comes first says what the streams are.
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Some(2)).count(), 2, "{codes:?}");
    let listed = zsend(&["catalogue", "ls", "-H", out.path().to_str().unwrap()]).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let mut flags: Vec<&str> = listed.lines().filter_map(|line| line.split('\t').nth(4)).collect();
    flags.dedup();
    assert!(flags.len() <= 1, "{flags:?}");
}

#[test]
fn what_is_no_catalogue_of_ours_is_left_as_it_is() {
    let (pool, other) = (pool_dir("basic"), tempfile::tempdir().unwrap());
    let pool = pool.to_str().unwrap();
    let precious = other.path().join("precious");
    for contents in ["my own notes\n", "my own notes"] {
        let out = Folder::new();
        let catalogue = out.path().join("catalogue.jsonl");
        fs::write(&catalogue, contents).unwrap();
        for args in verbs(pool, out.path().to_str().unwrap()) {
            let refused = zsend(&args);
            assert!(!refused.status.success(), "{args:?}");
            assert_eq!(fs::read_to_string(&catalogue).unwrap(), contents, "{args:?}");
        }
    }
    let out = Folder::new();
    fs::write(&precious, "mine").unwrap();
    symlink(&precious, out.path().join("catalogue.jsonl")).unwrap();
    for args in verbs(pool, out.path().to_str().unwrap()) {
        let refused = zsend(&args);
        // There is nothing to merge.
        let code = if args[1] == "merge" { 2 } else { 3 };
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", stderr(&refused));
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
}

#[test]
fn a_fifo_is_not_waited_for() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    let fifo = out.path().join("catalogue-1-of-2.jsonl");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for args in verbs(pool.to_str().unwrap(), out.path().to_str().unwrap()) {
        let refused = zsend(&args);
        assert_eq!(refused.status.code(), Some(3), "{args:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains("not a regular file"), "{}", stderr(&refused));
    }
}

#[test]
fn shards_that_nobody_ran_are_named() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    for shard in ["1/4", "2/4", "4/4"] {
        assert!(all(&pool, "basic", &out, &["--shard", shard]).status.success());
    }
    let folder = out.path().to_str().unwrap();
    for verb in ["merge", "check"] {
        let lacking = zsend(&["catalogue", verb, folder]);
        assert_eq!(lacking.status.code(), Some(1), "{verb}");
        let text = stderr(&lacking);
        assert!(text.contains("1 catalogue of 4 shards not there: 3"), "{text}");
    }
    assert!(all(&pool, "basic", &out, &["--shard", "3/4"]).status.success());
    for verb in ["merge", "check"] {
        assert!(zsend(&["catalogue", verb, folder]).status.success(), "{verb}");
    }
    assert_eq!(out.streams().len(), 12);
}

#[test]
fn a_line_of_a_stream_that_is_not_there_is_not_merged() {
    let (pool, from, to) = (pool_dir("basic"), Folder::new(), Folder::new());
    assert!(all(&pool, "basic", &from, &[]).status.success());
    let catalogue = from.path().join("catalogue.jsonl");
    let (catalogue, folder) = (catalogue.to_str().unwrap(), to.path().to_str().unwrap());
    let merged = zsend(&["catalogue", "merge", folder, catalogue]);
    assert_eq!(merged.status.code(), Some(1));
    assert!(stderr(&merged).contains("12 lines left out"), "{}", stderr(&merged));
    for name in from.streams().keys() {
        fs::copy(from.path().join(name), to.path().join(name)).unwrap();
    }
    let merged = zsend(&["catalogue", "merge", folder, catalogue]);
    assert!(merged.status.success(), "{}", stderr(&merged));
    assert!(zsend(&["catalogue", "check", folder]).status.success());
}

#[test]
fn a_line_of_another_stream_is_found_and_its_file_is_not_written_over() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &[]).status.success());
    let catalogue = out.path().join("catalogue.jsonl");
    let text = fs::read_to_string(&catalogue).unwrap();
    let line =
        text.lines().find(|line| line.contains(r#""basic/empty","snapshot":"all""#)).unwrap();
    let guid = serde_json::from_str::<serde_json::Value>(line).unwrap()["guid"].to_string();
    let changed = line.replacen(&guid, "\"77\"", 1);
    fs::write(&catalogue, text.replace(line, &changed)).unwrap();
    let check = out.check();
    assert_eq!(check.status.code(), Some(1));
    let flaws = String::from_utf8(check.stdout).unwrap();
    assert!(flaws.contains("it is a stream of guid") && flaws.contains("expected 77"), "{flaws}");
    let (before, lines) = (out.streams(), fs::read(&catalogue).unwrap());
    let sent = all(&pool, "basic", &out, &[]);
    assert_eq!(sent.status.code(), Some(1), "{}", stderr(&sent));
    assert!(stderr(&sent).contains("which is to have it"), "{}", stderr(&sent));
    assert!(out.streams() == before && fs::read(&catalogue).unwrap() == lines);
}

#[test]
fn the_commands_that_receive_stand_on_one_another() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &[]).status.success());
    // As after the line of a stream was removed, and the stream sent again: it is the last.
    let catalogue = out.path().join("catalogue.jsonl");
    let text = fs::read_to_string(&catalogue).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    fs::write(&catalogue, lines.join("\n") + "\n").unwrap();
    let script = zsend(&["catalogue", "ls", "--receive", "b/t", out.path().to_str().unwrap()]);
    let script = String::from_utf8(script.stdout).unwrap();
    // A shell with another `zfs` takes it: each file once, each source before what stands on it.
    let shell = Command::new("sh")
        .arg("-c")
        .arg(format!("zfs() {{ printf '%s ' \"$@\"; echo; }}; {script}"))
        .output()
        .unwrap();
    assert!(shell.status.success(), "{script}");
    let said = String::from_utf8(shell.stdout).unwrap();
    assert_eq!(said.lines().next(), Some("receive -u b/t "), "{said}");
    assert!(said.contains("receive -u -o origin=b/t/fs@b b/t/cl \n"), "{said}");
    assert_eq!(said.lines().count(), 12, "{said}");
    let place = |file: &str| script.lines().position(|line| line.contains(file)).unwrap();
    assert!(place("basic+fs@a.") < place("basic+fs@b."));
    assert!(place("basic+fs@b.") < place("basic+cl@x."));
    let refused = zsend(&["catalogue", "ls", "--receive", "b/t@s", out.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
}
