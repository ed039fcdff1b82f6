//! Runs of `zsend send --all` over a pool that has changed since the last.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::all::{Folder, all, lines};
use crate::support::{pool_dir, stderr};
use std::collections::BTreeMap;

const POOL: &str = "later";

/// The sources of the streams of a folder, by the names of their snapshots.
fn sources(out: &Folder) -> BTreeMap<String, Option<String>> {
    let entries = lines(&out.path().join("catalogue.jsonl"));
    let text = |entry: &serde_json::Value, field: &str| entry[field].as_str().map(str::to_owned);
    let name =
        |entry| format!("{}@{}", text(entry, "dataset").unwrap(), text(entry, "snapshot").unwrap());
    entries.iter().map(|entry| (name(entry), text(entry, "from"))).collect()
}

/// The pool's checkpoint is what it was before: see `fixtures/README.md`.
fn before(more: &[&str]) -> Folder {
    let out = Folder::new();
    let sent = all(&pool_dir(POOL), POOL, &out, &[&["--checkpoint"], more].concat());
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert_eq!(out.streams().len(), if more.is_empty() { 10 } else { 7 });
    out
}

#[test]
fn what_is_new_stands_on_what_was_sent() {
    let out = before(&[]);
    let (old, streams) = (sources(&out), out.streams());
    let sent = all(&pool_dir(POOL), POOL, &out, &["-v"]);
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert!(stderr(&sent).contains("7 streams sent"), "{}", stderr(&sent));
    let mut new = sources(&out);
    new.retain(|name, _| !old.contains_key(name));
    let expected = [
        // Promoted: its first snapshots were another's before, and are not sent again.
        ("later/clone@c", Some("later/clone@x")),
        // The snapshot is gone, and a bookmark of it is there.
        ("later/fs@c", Some("later/fs#b")),
        // The snapshot is gone, and nothing of it is there.
        ("later/gone@c", None),
        ("later/kept@c", Some("later/kept@b")),
        // Renamed.
        ("later/new@c", Some("later/new@b")),
        // It became a clone of what was its clone.
        ("later/origin@c", Some("later/clone@a")),
        ("later/young@c", None),
    ];
    let expected = expected.map(|(name, from)| (name.to_owned(), from.map(str::to_owned)));
    assert_eq!(new, expected.into());
    // What is gone from the pool stays in the folder.
    let after = out.streams();
    assert!(streams.iter().all(|(name, digest)| after.get(name) == Some(digest)));
    assert!(old.contains_key("later/dead@a"));
    let check = out.check();
    assert!(check.status.success() && check.stderr.is_empty(), "{}", stderr(&check));
}

#[test]
fn a_bookmark_is_no_source_where_none_is_wanted() {
    let out = before(&[]);
    let sent = all(&pool_dir(POOL), POOL, &out, &["--base", "snapshot"]);
    assert!(sent.status.success(), "{}", stderr(&sent));
    let sources = sources(&out);
    assert_eq!(sources["later/fs@c"], None);
    assert_eq!(sources["later/kept@c"].as_deref(), Some("later/kept@b"));
}

#[test]
fn of_the_newest_alone_each_stands_on_the_newest_before() {
    let out = before(&["--newest"]);
    let sent = all(&pool_dir(POOL), POOL, &out, &["--newest"]);
    assert!(sent.status.success(), "{}", stderr(&sent));
    let sources = sources(&out);
    assert_eq!(sources["later/kept@b"], None);
    assert_eq!(sources["later/kept@c"].as_deref(), Some("later/kept@b"));
    assert_eq!(sources["later/fs@c"].as_deref(), Some("later/fs#b"));
    assert!(out.check().status.success());
}

#[test]
fn shards_of_a_changed_pool_are_one_run() {
    let (whole, parts) = (before(&[]), before(&[]));
    assert!(all(&pool_dir(POOL), POOL, &whole, &[]).status.success());
    for shard in ["1/3", "2/3", "3/3"] {
        let sent = all(&pool_dir(POOL), POOL, &parts, &["--shard", shard]);
        assert!(sent.status.success(), "{}", stderr(&sent));
    }
    assert_eq!(parts.streams(), whole.streams());
    assert!(parts.check().status.success());
}
