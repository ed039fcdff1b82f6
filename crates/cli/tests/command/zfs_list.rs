//! `zsend list` and `zsend get` print what `zfs list` and `zfs get` print.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{self, pool_dir, stderr};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn reference(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.zst"));
    String::from_utf8(zstd::decode_all(&*fs::read(path).unwrap()).unwrap()).unwrap()
}

fn ours(pool: &str, verb: &str, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
    command.env("TZ", "UTC").arg(verb).arg("-d").arg(pool_dir(pool)).args(args).arg(pool);
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn tables_are_those_of_zfs_list() {
    const SORTED: [&str; 9] = [
        "-r",
        "-t",
        "all",
        "-S",
        "used",
        "-s",
        "name",
        "-o",
        "name,used,refer,userrefs,written,compressratio,creation",
    ];
    for pool in ["basic", "crypt"] {
        assert_eq!(ours(pool, "list", &SORTED), reference(&format!("{pool}.sorted")));
        for (args, name) in [(&["-r", "-t", "all"][..], "list"), (&["-r", "-o", "space"], "space")]
        {
            assert_eq!(ours(pool, "list", args), reference(&format!("{pool}.{name}")));
        }
        let got = ours(pool, "get", &["-H", "-r", "-t", "all", "all"]);
        assert_eq!(got, reference(&format!("{pool}.get")));
    }
}

#[test]
fn json_is_that_of_zfs() {
    for pool in ["basic", "crypt"] {
        for (verb, args, name) in [
            ("list", &["-r", "-t", "all", "-j"][..], "json"),
            ("get", &["-r", "-j", "all"], "getj"),
        ] {
            let got: Value = serde_json::from_str(&ours(pool, verb, args)).unwrap();
            let want: Value = serde_json::from_str(&reference(&format!("{pool}.{name}"))).unwrap();
            // As text, since the order of the keys is zfs's too.
            assert_eq!(got.to_string(), want.to_string(), "{pool} {verb}");
        }
    }
}

#[test]
fn choices_are_those_of_zfs() {
    let get = |args: &[&str]| ours("basic", "get", args);
    assert_eq!(get(&["-Hp", "-o", "value,source", "compression"]), "lz4\tlocal\n");
    assert_eq!(get(&["-H", "-o", "all", "xattr"]), "basic\txattr\ton\t-\tlocal\n");
    let local = get(&["-H", "-s", "local", "all"]);
    assert!(local.lines().count() >= 3 && local.lines().all(|line| line.ends_with("\tlocal")));
    // What a thing has not got is a dash, if it was asked for by name.
    assert_eq!(get(&["-H", "volsize"]), "basic\tvolsize\t-\t-\n");
    let list = |args: &[&str]| ours("basic", "list", args);
    assert_eq!(list(&["-H", "-o", "name"]), "basic\n");
    assert_eq!(list(&["-H", "-o", "name", "-t", "snap"]), "basic@all\n");
    assert_eq!(list(&["-H", "-o", "name", "--depth", "1"]).lines().count(), 5);
    assert_eq!(list(&["-H", "-o", "name", "-r", "-t", "vol"]), "basic/vol\n");
    let numbers = list(&["-j", "--json-int", "-o", "used,guid"]);
    let numbers: Value = serde_json::from_str(&numbers).unwrap();
    assert!(numbers["datasets"]["basic"]["properties"]["used"]["value"].is_u64());
}

#[test]
fn several_things_may_be_named() {
    let pool = pool_dir("basic");
    let dir = pool.to_str().unwrap();
    let names = ["basic/vol", "basic/fs@b", "basic/fs#a", "basic/fs"];
    let out = support::zsend(&[&["list", "-H", "-o", "name", "-d", dir], &names[..]].concat());
    assert_eq!(
        String::from_utf8(out.stdout).unwrap(),
        "basic/fs\nbasic/fs@b\nbasic/fs#a\nbasic/vol\n"
    );
    let out = support::zsend(&["list", "-d", dir, "basic", "basic/no"]);
    // What is not there hides nothing else.
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stdout).contains("/basic"));
    assert!(stderr(&out).contains("cannot open 'basic/no': dataset does not exist"));
    let out = support::zsend(&["list", "-d", dir, "basic/no"]);
    // No heading stands before an error.
    assert!(out.status.code() == Some(1) && out.stdout.is_empty());
    let out = support::zsend(&["list", "-d", dir, "-o", "nothing"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr(&out).contains("no property is called 'nothing'"), "{}", stderr(&out));
}
