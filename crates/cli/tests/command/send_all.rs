//! `zsend send --all`: what it sends, what it lists, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::all::{Folder, all, lines};
use crate::support::{self, pool_dir, send, stderr, zsend};
use std::fs::{self, File};
use std::os::unix::fs::symlink;

#[test]
fn each_stream_is_the_one_that_send_gives() {
    for (fixture, flags) in [("basic", &["-Lec"][..]), ("comp", &[]), ("crypt", &["-w"])] {
        let (pool, out) = (pool_dir(fixture), Folder::new());
        let sent = all(&pool, fixture, &out, flags);
        assert!(sent.status.success(), "{}", stderr(&sent));
        assert!(sent.stdout.is_empty());
        let entries = lines(&out.path().join("catalogue.jsonl"));
        assert!(entries.len() >= 12 && entries.len() == out.streams().len());
        for entry in &entries {
            let name = format!(
                "{}@{}",
                entry["dataset"].as_str().unwrap(),
                entry["snapshot"].as_str().unwrap()
            );
            let mut args = flags.to_vec();
            args.extend(entry["from"].as_str().iter().flat_map(|from| ["-i", from]));
            args.push(&name);
            let stream = fs::read(out.path().join(entry["file"].as_str().unwrap())).unwrap();
            assert!(send(&pool, &args).stdout == stream, "{args:?}");
            assert_eq!(entry["size"], stream.len());
        }
        let check = out.check();
        assert!(check.status.success() && check.stderr.is_empty(), "{}", stderr(&check));
        // All is there: nothing is sent again.
        let again = all(&pool, fixture, &out, &[flags, &["-v"]].concat());
        assert!(
            again.status.success() && stderr(&again).contains("0 streams sent"),
            "{}",
            stderr(&again)
        );
        assert_eq!(lines(&out.path().join("catalogue.jsonl")), entries);
    }
}

#[test]
fn a_clone_is_incremental_from_its_origin_and_a_first_snapshot_is_full() {
    let out = Folder::new();
    let sent = all(&pool_dir("basic"), "basic", &out, &[]);
    assert!(sent.status.success(), "{}", stderr(&sent));
    let from = |name: &str| {
        let (dataset, snapshot) = name.split_once('@').unwrap();
        let entries = lines(&out.path().join("catalogue.jsonl"));
        let of = entries.iter().find(|e| e["dataset"] == dataset && e["snapshot"] == snapshot);
        of.unwrap()["from"].as_str().map(str::to_owned)
    };
    assert_eq!(from("basic/fs@a"), None);
    assert_eq!(from("basic/fs@b").as_deref(), Some("basic/fs@a"));
    assert_eq!(from("basic/cl@x").as_deref(), Some("basic/fs@b"));
    // Without its origin it is full.
    let alone = Folder::new();
    assert!(all(&pool_dir("basic"), "basic", &alone, &["-r", "basic/cl"]).status.success());
    let entries = lines(&alone.path().join("catalogue.jsonl"));
    assert_eq!(entries.len(), 2);
    assert!(entries[0]["from"].is_null() && entries[1]["from"] == "basic/cl@x");
    let newest = Folder::new();
    assert!(all(&pool_dir("basic"), "basic", &newest, &["--newest"]).status.success());
    let entries = lines(&newest.path().join("catalogue.jsonl"));
    assert!(
        entries.len() == 5 && entries.iter().all(|e| e["snapshot"] == "all" && e["from"].is_null())
    );
}

#[test]
fn what_has_no_line_is_sent_again_from_what_has_one() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &[]).status.success());
    let (whole, catalogue) = (out.streams(), out.path().join("catalogue.jsonl"));
    let text = fs::read_to_string(&catalogue).unwrap();
    for kept in 0..text.lines().count() {
        let few: String = text.split_inclusive('\n').take(kept).collect();
        // The streams of the other lines are there, of which one is damaged.
        fs::write(&catalogue, &few).unwrap();
        let last = text
            .lines()
            .last()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        fs::write(out.path().join(last.unwrap()["file"].as_str().unwrap()), "damaged").unwrap();
        let sent = all(&pool, "basic", &out, &[]);
        assert!(sent.status.success(), "{}", stderr(&sent));
        assert!(fs::read_to_string(&catalogue).unwrap().starts_with(&few));
        assert_eq!(out.streams(), whole);
    }
}

#[test]
fn a_damaged_dataset_costs_itself_alone() {
    let whole = Folder::new();
    assert!(all(&pool_dir("basic"), "basic", &whole, &[]).status.success());
    let (copy, out) = (support::Copy::of("basic"), Folder::new());
    // A block that is new in @c, so that neither @b nor the clone of it has it.
    let old: Vec<_> =
        support::blocks(copy.path(), "basic/fs@b").into_iter().map(|(_, bp)| bp).collect();
    let new = support::blocks(copy.path(), "basic/fs@c");
    let new = new.iter().rfind(|(at, bp)| {
        at.level == 0 && at.object > 40 && !bp.is_embedded() && !old.contains(bp)
    });
    copy.flip_block(&new.unwrap().1);
    let sent = all(copy.path(), "basic", &out, &[]);
    assert_eq!(sent.status.code(), Some(1), "{}", stderr(&sent));
    assert!(stderr(&sent).contains("cannot send 'basic/fs@c'"), "{}", stderr(&sent));
    assert!(stderr(&sent).contains("1 later snapshot of it left out"), "{}", stderr(&sent));
    let mut expected = whole.streams();
    expected
        .retain(|name, _| !name.starts_with("basic+fs@c.") && !name.starts_with("basic+fs@all."));
    assert_eq!(expected.len() + 2, whole.streams().len());
    assert_eq!(out.streams(), expected);
    let check = out.check();
    assert!(check.status.success() && check.stderr.is_empty(), "{}", stderr(&check));
}

#[test]
fn an_encrypted_dataset_without_its_key_is_named_and_left_out() {
    let (pool, out) = (pool_dir("crypt"), Folder::new());
    let sent = all(&pool, "crypt", &out, &[]);
    assert_eq!(sent.status.code(), Some(1), "{}", stderr(&sent));
    assert!(
        stderr(&sent).contains("'crypt/raw@a': dataset key must be loaded"),
        "{}",
        stderr(&sent)
    );
    // Once for each encryption root.
    let text = stderr(&sent);
    assert_eq!(text.matches("--key crypt/raw=FILE, or -w").count(), 1, "{text}");
    let before = out.streams();
    // With a key it is sent, and what was sent is not sent again.
    let key = zsend_testkit::fixture("crypt").join("keys/raw");
    let key = format!("crypt/raw={}", key.display());
    let again = all(&pool, "crypt", &out, &["--key", &key, "-v"]);
    assert_eq!(again.status.code(), Some(1), "{}", stderr(&again));
    assert!(stderr(&again).contains("full send of crypt/raw@a"), "{}", stderr(&again));
    let after = out.streams();
    assert!(before.iter().all(|(name, digest)| after.get(name) == Some(digest)));
    assert!(after.len() > before.len());
    assert!(out.check().status.success());
}

#[test]
fn streams_of_other_flags_are_not_mixed() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &["-L"]).status.success());
    for other in [&["-Lec"][..], &[], &["-L", "--dialect", "illumos"]] {
        let sent = all(&pool, "basic", &out, other);
        assert_eq!(sent.status.code(), Some(2), "{}", stderr(&sent));
        assert!(stderr(&sent).contains("have the flags 'L'"), "{}", stderr(&sent));
    }
}

#[test]
fn a_second_run_in_one_folder_is_refused() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    let catalogue = File::create(out.path().join("catalogue.jsonl")).unwrap();
    catalogue.try_lock().unwrap();
    let sent = all(&pool, "basic", &out, &[]);
    assert_eq!(sent.status.code(), Some(3), "{}", stderr(&sent));
    assert!(
        stderr(&sent).contains("catalogue.jsonl is in use by another run"),
        "{}",
        stderr(&sent)
    );
    assert_eq!(out.names(), ["catalogue.jsonl", "catalogue.settings.json"]);
    drop(catalogue);
    assert!(all(&pool, "basic", &out, &[]).status.success());
}

#[test]
fn nothing_outside_the_folder_is_written_to() {
    let (pool, out, other) = (pool_dir("basic"), Folder::new(), tempfile::tempdir().unwrap());
    assert!(all(&pool, "basic", &out, &[]).status.success());
    let (name, _) = out.streams().pop_first().unwrap();
    let precious = other.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    fs::remove_file(out.path().join("catalogue.jsonl")).unwrap();
    fs::remove_file(out.path().join(&name)).unwrap();
    symlink(&precious, out.path().join(&name)).unwrap();
    let sent = all(&pool, "basic", &out, &[]);
    assert_eq!(sent.status.code(), Some(3), "{}", stderr(&sent));
    assert!(stderr(&sent).contains("not a regular file"), "{}", stderr(&sent));
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}

#[test]
fn a_catalogue_that_makes_no_sense_is_refused_by_its_line() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &[]).status.success());
    let (whole, catalogue) = (out.streams(), out.path().join("catalogue.jsonl"));
    let text = fs::read_to_string(&catalogue).unwrap();
    let first = text.lines().next().unwrap();
    let file = serde_json::from_str::<serde_json::Value>(first).unwrap()["file"]
        .as_str()
        .unwrap()
        .to_owned();
    for (line, why) in [
        (first.replace(&file, "../../x.zsend"), "no plain name"),
        (first.replace(&file, "/tmp/x.zsend"), "no plain name"),
        (first.replace(r#""size":"#, r#""size":1"#), "catalogue.jsonl, line 1, says"),
        ("x".repeat(100_000), "longer than"),
        ("\u{1}\u{2}binary".to_owned(), "no JSON"),
        ("{}".to_owned(), "missing field"),
    ] {
        fs::write(&catalogue, format!("{first}\n{line}\n{text}")).unwrap();
        let folder = out.path().to_str().unwrap();
        for args in [
            &["send", "--all", "-d", pool.to_str().unwrap(), "-o", folder, "basic"][..],
            &["catalogue", "ls", folder],
            &["catalogue", "check", folder],
        ] {
            let refused = zsend(args);
            assert_eq!(refused.status.code(), Some(1), "{args:?}: {}", stderr(&refused));
            let text = stderr(&refused);
            assert!(text.contains("catalogue.jsonl, line 2: ") && text.contains(why), "{text}");
        }
        assert_eq!(out.streams(), whole);
    }
}

#[test]
fn a_check_names_what_is_wrong() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &[]).status.success());
    let of = |name: &str| {
        let found = out.streams().into_keys().find(|file| file.starts_with(name));
        out.path().join(found.unwrap())
    };
    fs::remove_file(of("basic+vol@1.")).unwrap();
    let mut damaged = fs::read(of("basic+fs@a.")).unwrap();
    damaged[1000] ^= 1;
    fs::write(of("basic+fs@a."), damaged).unwrap();
    fs::write(of("basic+fs@b."), "short").unwrap();
    fs::write(out.path().join("notes"), "").unwrap();
    // The line of a base that goes costs the chain.
    let catalogue = out.path().join("catalogue.jsonl");
    let text = fs::read_to_string(&catalogue).unwrap();
    let kept = |line: &&str| !line.contains(r#""dataset":"basic/cl","snapshot":"x""#);
    let text: String = text.split_inclusive('\n').filter(kept).collect();
    fs::write(&catalogue, text).unwrap();
    let check = out.check();
    assert_eq!(check.status.code(), Some(1));
    let text = String::from_utf8(check.stdout.clone()).unwrap();
    for flaw in [
        ("basic/vol@1 in ", "it is not there"),
        ("basic/fs@a in ", "its BLAKE3 is "),
        ("basic/fs@b in ", "it has 5 bytes, expected "),
        ("basic/cl@all in ", "no stream gives 'basic/cl@x', which it is incremental from"),
    ] {
        let line = text.lines().find(|line| line.starts_with(flaw.0));
        assert!(line.is_some_and(|line| line.contains(flaw.1)), "{flaw:?}: {text}");
    }
    assert!(text.ends_with("4 flaws\n"), "{text}");
    let strays = stderr(&check);
    assert!(
        strays.contains("'notes' is in no catalogue") && strays.contains("basic+cl@x."),
        "{strays}"
    );
}

#[test]
fn a_list_is_a_table_or_the_lines_themselves() {
    let (pool, out) = (pool_dir("basic"), Folder::new());
    assert!(all(&pool, "basic", &out, &["-Lec"]).status.success());
    let folder = out.path().to_str().unwrap();
    let json = zsend(&["catalogue", "ls", "--json", folder]);
    // The same lines, each behind what it stands on and the dataset above it.
    let lines = String::from_utf8(json.stdout).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let catalogue = fs::read_to_string(out.path().join("catalogue.jsonl")).unwrap();
    assert_eq!(sorted(&lines), sorted(&catalogue));
    let place = |snapshot: &str| {
        let (dataset, short) = snapshot.split_once('@').unwrap();
        let of = format!(r#""dataset":"{dataset}","snapshot":"{short}""#);
        lines.lines().position(|line| line.contains(&of)).unwrap()
    };
    assert!(place("basic@all") == 0 && place("basic/fs@b") < place("basic/cl@x"));
    let table = String::from_utf8(zsend(&["catalogue", "ls", folder]).stdout).unwrap();
    assert!(table.starts_with("SNAPSHOT") && table.lines().count() == 13, "{table}");
    let row = table.lines().find(|line| line.starts_with("basic/cl@x ")).unwrap();
    assert!(
        row.contains(" basic/fs@b ") && row.contains(" Lec ") && row.ends_with(".zsend"),
        "{row}"
    );
}
