//! `zsend list` of pools of which something cannot be read.

mod support;

use std::process::Command;
use support::{Copy, stderr};
use zsend_pool::dsl::name::Name;
use zsend_pool::pool::{OpenOptions, Pool};

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
