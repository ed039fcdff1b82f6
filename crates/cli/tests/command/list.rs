//! `zsend list` of pools of which something cannot be read.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{Copy, stderr};
use std::process::Command;
use zsend_pool::dsl::name::Name;
use zsend_pool::{OpenOptions, Pool};

fn list(dir: &std::path::Path, args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
    command.args(["list", "-H", "-o", "name,type", "-d"]).arg(dir).args(args);
    command.output().expect("zsend runs")
}

#[test]
fn a_damaged_dataset_is_a_row_and_hides_no_other() {
    let copy = Copy::of("dedup");
    let whole = list(copy.path(), &["-t", "all"]);
    assert!(whole.status.success(), "{}", stderr(&whole));
    let whole = String::from_utf8(whole.stdout).unwrap();
    let pool = Pool::open(&[copy.path().to_owned()], "dedup", &OpenOptions::default()).unwrap();
    let fs = whole.lines().find_map(|l| l.strip_suffix("\tfilesystem").filter(|n| n.contains('/')));
    let fs = fs.unwrap().to_owned();
    copy.flip_block(&pool.dataset(&Name::parse(&fs).unwrap()).unwrap().bp);
    let wanted = whole.replace(&format!("{fs}\tfilesystem"), &format!("{fs}\tunreadable"));
    assert_ne!(wanted, whole);

    let out = list(copy.path(), &["-t", "all"]);
    assert_eq!(String::from_utf8_lossy(&out.stdout), wanted);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains(&format!("'{fs}': <")), "{}", stderr(&out));

    // Snapshots and bookmarks are listed without their object sets.
    let out = list(copy.path(), &["-t", "snapshot", "-r", &fs]);
    assert!(out.status.success(), "{}", stderr(&out));
    let snapshots: Vec<&str> = whole.lines().filter(|l| l.starts_with(&format!("{fs}@"))).collect();
    assert_eq!(String::from_utf8_lossy(&out.stdout).lines().collect::<Vec<_>>(), snapshots);
}

#[test]
fn one_snapshot_or_bookmark_is_listed_by_name() {
    let copy = Copy::of("basic");
    let all = list(copy.path(), &["-t", "all"]);
    let all = String::from_utf8(all.stdout).unwrap();
    for kind in ["snapshot", "bookmark"] {
        let line = all.lines().find(|l| l.ends_with(kind)).unwrap();
        let name = line.split('\t').next().unwrap();
        let out = list(copy.path(), &[name]);
        assert_eq!(String::from_utf8_lossy(&out.stdout), format!("{line}\n"));
    }
    for missing in ["basic/fs@nothing", "basic/fs#nothing", "basic/nothing", "basic/nothing@a"] {
        let out = list(copy.path(), &[missing]);
        assert_eq!(out.status.code(), Some(1));
        let wanted = format!("cannot open '{missing}': dataset does not exist");
        assert!(stderr(&out).contains(&wanted), "{}", stderr(&out));
    }
}

/// Lines of standard output.
fn lines(out: &std::process::Output) -> Vec<String> {
    assert!(out.status.success(), "{}", stderr(out));
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

/// Depths are those of the kernel's `zfs list -d N` of the same pool: snapshots are one level deeper than their
/// dataset.
#[test]
fn a_depth_is_taken_as_zfs_list_takes_it() {
    let copy = Copy::of("crypt");
    let depth =
        |depth: &str, more: &[&str]| lines(&list(copy.path(), &[&["-d", depth], more].concat()));
    let heads = depth("1", &["crypt"]);
    assert_eq!(heads, lines(&list(copy.path(), &["--depth", "1", "crypt"])));
    assert_eq!(
        heads,
        lines(&list(copy.path(), &["-r", "crypt"]))
            .into_iter()
            .filter(|line| line.matches('/').count() < 2)
            .collect::<Vec<_>>()
    );
    assert_eq!(heads.len(), 11);
    // The pool has no snapshot, and those of its children are two levels below it.
    assert_eq!(depth("1", &["-t", "all", "crypt"]), heads);
    assert!(depth("2", &["-t", "all", "crypt"]).len() > 2 * heads.len());
    assert_eq!(depth("0", &[]), ["crypt\tfilesystem"]);
    assert_eq!(depth("1", &[]), heads);
    // A device of that name is one.
    let here = copy.image(0).with_file_name("1");
    std::fs::rename(copy.image(0), here).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
    let out =
        command.args(["list", "-H", "-d", "1", "crypt"]).current_dir(copy.path()).output().unwrap();
    assert_eq!(lines(&out).len(), 1);
}

#[test]
fn malformed_names_are_refused_in_the_words_of_zfs_list() {
    let copy = Copy::of("dedup");
    for (name, why) in [
        ("dedup/", "trailing slash in name"),
        ("dedup@", "empty component or misplaced '@' or '#' delimiter in name"),
        ("dedup//fs", "empty component or misplaced '@' or '#' delimiter in name"),
    ] {
        let out = list(copy.path(), &[name]);
        assert_eq!(out.status.code(), Some(2));
        assert_eq!(stderr(&out), format!("cannot open '{name}': {why}\n"));
    }
}

#[test]
fn every_verb_lists_the_txgs_of_the_pools_that_are_named_or_of_all() {
    let copy = Copy::of("dedup");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
        lines(&command.args(args).arg("-d").arg(copy.path()).output().unwrap())
    };
    let wanted = run(&["list", "--list-txgs", "dedup"]);
    assert!(wanted.len() > 2 && wanted[0].starts_with("POOL"), "{wanted:?}");
    for line in [
        &["list", "--list-txgs"][..],
        &["get", "--list-txgs"],
        &["get", "--list-txgs", "dedup"],
        &["get", "--list-txgs", "dedup", "dedup/fs"],
        &["send", "--list-txgs"],
        &["send", "--list-txgs", "dedup"],
        &["send", "--list-txgs", "dedup/fs@s"],
    ] {
        assert_eq!(run(line), wanted, "{line:?}");
    }
}
