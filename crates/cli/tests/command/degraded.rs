//! Degraded pools are told of, in one line; what is lost for want of devices says so first.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{Copy, blocks, pool_dir, send, stderr};
use std::fs;

#[test]
fn one_line_tells_what_is_missing_and_what_redundancy_is_left() {
    let whole = send(&pool_dir("xmix"), &["xmix/fs@b"]);
    assert!(!stderr(&whole).contains("degraded"), "{}", stderr(&whole));
    let copy = Copy::of("xmix");
    fs::remove_file(copy.image(1)).unwrap();
    let out = send(copy.path(), &["xmix/fs@b"]);
    assert_eq!(out.stdout, whole.stdout);
    let text = stderr(&out);
    assert_eq!(text.lines().filter(|line| line.contains("degraded")).count(), 1, "{text}");
    assert!(
        text.contains("1 of 3 devices of raidz1-0 is missing: ")
            && text.contains("; no redundancy is left there"),
        "{text}"
    );
    // Quiet is quiet.
    assert_eq!(stderr(&send(copy.path(), &["-q", "xmix/fs@b"])), "");
}

#[test]
fn devices_that_lack_something_are_told_of() {
    let text = stderr(&send(&pool_dir("bdtl"), &["-n", "bdtl/fs@b"]));
    assert!(text.contains("1 of 2 devices of mirror-0 lacks some of what was written"), "{text}");
}

#[test]
fn too_little_redundancy_is_said_before_any_address() {
    let copy = Copy::of("berz2");
    for i in [0, 1, 2] {
        fs::remove_file(copy.image(i)).unwrap();
    }
    let out = send(copy.path(), &["berz2/obj@a"]);
    assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
    let text = stderr(&out);
    assert!(text.starts_with("zsend: 3 of 4 devices of raidz2-0 are missing: "), "{text}");
    let address = text.find("no good copy of the block").unwrap();
    assert!(address > text.find("cannot be read").unwrap(), "{text}");
}

/// Wrong bytes on one device of a raidz are made good by parity, those of a mirror by the other side, and
/// counted.
#[test]
fn what_was_recovered_is_counted_at_the_end() {
    for (fixture, snapshot, damaged, by) in [
        ("berz2", "berz2/obj@a", 1, "from parity"),
        ("oldmirror", "oldmirror/fs@a", 0, "from another copy"),
    ] {
        let copy = Copy::of(fixture);
        let whole = send(&pool_dir(fixture), &["-q", snapshot]);
        assert!(whole.status.success(), "{}", stderr(&whole));
        let path = copy.image(damaged);
        let mut bytes = fs::read(&path).unwrap();
        // All data but the labels, the first of whose copies is enough.
        let end = bytes.len() - (1 << 20);
        for byte in bytes[4 << 20..end].iter_mut().step_by(512) {
            *byte ^= 1;
        }
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test alone")]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).unwrap();
        fs::write(&path, bytes).unwrap();
        let out = send(copy.path(), &[snapshot]);
        assert_eq!(out.stdout, whole.stdout, "{}", stderr(&out));
        let text = stderr(&out);
        let line = text.lines().find(|line| line.contains("recovered")).unwrap();
        assert!(line.contains(" blocks recovered after a first try had failed: "), "{text}");
        assert!(line.ends_with(by) && line.matches(" from ").count() == 1, "{text}");
    }
}

/// Every block of a raidz that lacks a device goes over it; a wrong one is something else.
#[test]
fn verbose_counts_the_blocks_that_went_over_a_missing_device_and_names_the_others() {
    let copy = Copy::of("berz2");
    fs::remove_file(copy.image(1)).unwrap();
    let sent = send(copy.path(), &["-v", "berz2/obj@a"]);
    assert_eq!(sent.stdout, send(&pool_dir("berz2"), &["berz2/obj@a"]).stdout);
    let text = stderr(&sent);
    let missing: Vec<&str> = text.lines().filter(|line| line.contains("is missing: ")).collect();
    // One line of the pool, and one of the blocks.
    let [_, counted] = missing[..] else { panic!("{text}") };
    assert!(counted.ends_with(" blocks read without it"), "{text}");
    assert!(!text.contains("what failed at first"), "{text}");
    // Without -v it is the line at the end alone.
    let text = stderr(&send(copy.path(), &["berz2/obj@a"]));
    assert!(!text.contains("read without it") && text.contains(" recovered after"), "{text}");

    let wrong = Copy::of("oldmirror");
    let (at, bp) = blocks(wrong.path(), "oldmirror/fs@a").pop().unwrap();
    wrong.flip_block(&bp);
    let text = stderr(&send(wrong.path(), &["-v", "oldmirror/fs@a"]));
    assert!(text.contains(&format!("{at}: recovered; what failed at first: ")), "{text}");
}

/// The exit status does not tell, as that of `zfs send` does not; the last line does, of a quiet send too.
#[test]
fn replaced_blocks_are_counted_in_the_last_line() {
    let copy = Copy::of("dedup");
    let all = blocks(copy.path(), "dedup/fs@s").into_iter();
    let data = all.filter(|(_, bp)| bp.level() == 0 && bp.lsize() == 128 << 10);
    let (at, bp) = data.max_by_key(|(at, _)| (at.object, at.blkid)).unwrap();
    copy.flip_block(&bp);
    let lost = send(copy.path(), &["dedup/fs@s"]);
    assert_eq!(lost.status.code(), Some(1));
    let replacing = ["--tunable", "zfs_send_corrupt_data=1", "dedup/fs@s"];
    for flags in [&["-v"][..], &[], &["-q"]] {
        let sent = send(copy.path(), &[flags, &replacing].concat());
        let text = stderr(&sent);
        assert!(sent.status.success(), "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.contains("replaced by a pattern: the stream lacks their contents"), "{text}");
        assert_eq!(
            text.contains(&format!("replaced by the pattern 0x2f5baddb10c: {at}")),
            flags != ["-q"],
            "{text}"
        );
    }
}
