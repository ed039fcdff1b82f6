//! Bad input: each kind ends in an error that names the place, the right exit code, and nothing on
//! standard output that was not verified.

use crate::support::{Copy, blocks, digest, pool_dir, send, stderr, zsend};
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

#[test]
fn a_file_that_is_no_pool() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("noise.img");
    fs::write(&file, vec![0x5a; 2 << 20]).unwrap();
    let out = send(&file, &["tank/fs@a"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(out.stdout.is_empty());
    assert!(stderr(&out).contains("noise.img: no ZFS label found"), "{}", stderr(&out));
    // In a folder it is passed over, and the pool is what is missing.
    let out = send(dir.path(), &["tank/fs@a"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("no pool was found"), "{}", stderr(&out));
}

#[test]
fn a_file_that_does_not_exist() {
    let out = send("/nonexistent/disk.img".as_ref(), &["tank/fs@a"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(stderr(&out).contains("/nonexistent/disk.img"), "{}", stderr(&out));
}

#[test]
fn a_pool_of_another_name() {
    let out = send(&pool_dir("dedup"), &["tank/fs@a"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("no such pool; found 'dedup'"), "{}", stderr(&out));
}

#[test]
fn a_truncated_image() {
    let copy = Copy::of("basic");
    let whole = send(copy.path(), &["basic/fs@c"]).stdout;
    for keep in [5 << 20, 9 << 20, 20 << 20] {
        let file = OpenOptions::new().write(true).open(copy.image(0)).unwrap();
        file.set_len(keep).unwrap();
        let out = send(copy.path(), &["basic/fs@c"]);
        assert!(matches!(out.status.code(), Some(1 | 3)), "{:?}", out.status);
        assert!(whole.starts_with(&out.stdout));
        assert!(stderr(&out).contains("past the device's end"), "{}", stderr(&out));
    }
    let file = OpenOptions::new().write(true).open(copy.image(0)).unwrap();
    file.set_len(1000).unwrap();
    let out = send(&copy.image(0), &["basic/fs@c"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("too few to hold four labels"), "{}", stderr(&out));
}

#[test]
fn a_missing_top_level_vdev() {
    let copy = Copy::of("xhole");
    fs::remove_file(copy.image(0)).unwrap();
    let out = send(copy.path(), &["xhole/fs@d"]);
    assert!(stderr(&out).contains("is missing"), "{}", stderr(&out));
    // Blocks on the other device are still read; a file that needs the missing one ends the send.
    assert_eq!(out.status.code(), Some(3), "{}", stderr(&out));
    let whole = send(&pool_dir("xhole"), &["xhole/fs@d"]).stdout;
    assert!(whole.starts_with(&out.stdout));
}

#[test]
fn names_that_do_not_exist_or_do_not_fit() {
    let dir = pool_dir("basic");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["basic/fs@nope"], 1, "cannot open 'basic/fs@nope': dataset does not exist"),
        (&["basic/nope@a"], 1, "cannot open 'basic/nope@a': dataset does not exist"),
        (&["-i", "basic/fs@c", "basic/fs@b"], 1, "not an earlier snapshot from the same fs"),
        (&["-i", "basic/vol@1", "basic/fs@b"], 1, "not an earlier snapshot from the same fs"),
        (&["-i", "#nope", "basic/fs@b"], 1, "incremental source (basic/fs#nope) does not exist"),
        (&["-i", "@nope", "basic/fs@b"], 1, "incremental source (basic/fs@nope) does not exist"),
        (&["basic/fs#a"], 2, "a bookmark has no contents"),
        (&["basic/fs@a@b"], 2, "cannot open 'basic/fs@a@b': multiple '@' and/or '#' delimiters"),
        (&["basic/"], 2, "cannot open 'basic/': trailing slash in name"),
        (&["/basic@a"], 2, "cannot open '/basic@a': leading slash in name"),
        (&["basic/@a"], 2, "empty component or misplaced '@' or '#' delimiter in name"),
        (&["--tunable", "zfs_nope=1", "basic/fs@a"], 2, "no tunable is called 'zfs_nope'"),
        (&["--dialect", "solaris", "basic/fs@a"], 2, "no dialect is called 'solaris'"),
        (&["--resume-at", "5000000,0", "basic/fs@a"], 1, "object '5000000 of object set"),
        (&["-t", "1-zz-b8-78"], 1, "resume token is corrupt (invalid format)"),
        (&["-R", "basic/fs"], 2, "Error: Unsupported flag with filesystem or bookmark."),
        (&["-I", "#a", "basic/fs@c"], 2, "multiple snapshots cannot be sent from a bookmark"),
        (&["-I", "@nope", "basic/fs@c"], 1, "cannot open 'basic/fs@nope': dataset does not exist"),
        (&["-I", "basic/cl@x", "basic/fs@c"], 2, "incremental source must be in same filesystem"),
        (&["-I", "@a@b", "basic/fs@c"], 2, "invalid incremental source"),
        (&["-I", "@c", "basic/fs@a"], 1, "incremental source (basic/fs@c) does not exist"),
        (&["-R", "basic@nope"], 1, "cannot open 'basic@nope': dataset does not exist"),
        (&["-s", "basic/fs@a"], 2, "skip-missing flag can only be used in conjunction"),
        (&["-X", "basic/fs", "basic/fs@a"], 2, "Cannot specify dataset exclusion (-X)"),
        (&["-R", "-X", "basic", "basic/fs@a"], 2, "-X basic: not a valid non-root dataset name."),
        (&["-R", "-t", "1-zz-b8-78"], 2, "invalid flags combined with -t"),
        (
            &["-p", "-i", "@nope", "basic/fs@b"],
            1,
            "incremental source (basic/fs@nope) does not exist",
        ),
        (&["--redact", "nope", "basic/fs@a"], 1, "cannot open 'basic/fs#nope'"),
        (&["--redact", "a", "basic/fs@a"], 1, "not a redaction bookmark"),
        (&["--redact", "a", "basic/fs"], 1, "cannot do a redacted send to a filesystem"),
        (&["-w", "--redact", "a", "basic/fs@a"], 2, "Error: raw sends may not be redacted."),
        (&["-R", "--redact", "a", "basic/fs@a"], 2, "multiple snapshots cannot be sent redacted"),
        (&["-S", "basic/fs"], 1, "cannot send 'basic/fs': there is no receive into it"),
        (&["-S", "basic/fs@a"], 2, "saved send must specify the dataset"),
        (&["-S", "-c", "basic/fs"], 2, "incompatible flags combined with saved send flag"),
        (&[], 2, "POOL/DS@SNAP"),
    ];
    for (args, code, text) in cases {
        let out = send(&dir, args);
        assert_eq!(out.status.code(), Some(*code), "{args:?}: {}", stderr(&out));
        assert!(stderr(&out).contains(text), "{args:?}: {}", stderr(&out));
        assert!(out.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_flipped_bit_names_its_block_and_leaves_no_file() {
    let all = blocks(&pool_dir("basic"), "basic/fs@c");
    let whole = send(&pool_dir("basic"), &["basic/fs@c"]).stdout;
    let data = all.iter().find(|(at, bp)| at.level == 0 && at.object > 40 && !bp.is_embedded());
    let indirect = all.iter().find(|(at, _)| at.level == 1 && at.object > 0);
    let dnodes = all.iter().find(|(at, _)| at.level == 0 && at.object == 0 && at.blkid > 0);
    for (at, bp) in [data, indirect, dnodes].map(Option::unwrap) {
        let copy = Copy::of("basic");
        copy.flip_block(bp);
        let out = send(copy.path(), &["basic/fs@c"]);
        assert_eq!(out.status.code(), Some(1));
        assert!(whole.starts_with(&out.stdout) && out.stdout.len() < whole.len());
        let text = stderr(&out);
        assert!(text.contains(&at.to_string()), "{at}: {text}");
        let offset = (4 << 20) + bp.dvas().next().unwrap().offset();
        assert!(text.contains(&format!("d0.img@{offset:#x}: fletcher4 checksum")), "{text}");

        let file = copy.path().join("out.zsend");
        let out = send(copy.path(), &["-o", file.to_str().unwrap(), "basic/fs@c"]);
        assert_eq!(out.status.code(), Some(1));
        assert!(!file.exists() && file.with_extension("zsend.partial").exists());
    }
}

/// Writes another feature's guid over one in every label, and the label's checksum anew.
#[test]
fn a_feature_that_is_not_known() {
    let copy = Copy::of("basic");
    let path = copy.image(0);
    let size = fs::metadata(&path).unwrap().len();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    for label in [0, 256 << 10, size - (512 << 10), size - (256 << 10)] {
        let at = label + (16 << 10);
        let mut phys = vec![0; 112 << 10];
        file.read_exact_at(&mut phys, at).unwrap();
        let old = b"com.delphix:hole_birth";
        let found = phys.windows(old.len()).position(|w| w == old).unwrap();
        phys[found..found + old.len()].copy_from_slice(b"com.example:hole_birth");
        let end = phys.len() - 32;
        phys[end..].copy_from_slice(&[0; 32]);
        phys[end..end + 8].copy_from_slice(&at.to_le_bytes());
        let digest = Sha256::digest(&phys);
        for (to, from) in phys[end..].chunks_exact_mut(8).zip(digest.chunks_exact(8)) {
            to.copy_from_slice(from);
            to.reverse();
        }
        file.write_all_at(&phys, at).unwrap();
    }
    let out = send(copy.path(), &["basic/fs@c"]);
    assert_eq!(out.status.code(), Some(4), "{}", stderr(&out));
    assert!(stderr(&out).contains("com.example:hole_birth"), "{}", stderr(&out));
}

#[test]
fn images_are_not_written_to() {
    let copy = Copy::of("dedup");
    let before = digest(&copy.image(0));
    assert!(send(copy.path(), &["dedup/fs@s"]).status.success());
    assert!(zsend(&["list", "-d", copy.path().to_str().unwrap(), "-t", "all"]).status.success());
    assert_eq!(digest(&copy.image(0)), before);
}

#[test]
fn a_reader_that_goes_away_is_a_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_zsend"))
        .args(["send", "-d", pool_dir("basic").to_str().unwrap(), "basic/fs@c"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(3));
    assert!(stderr(&out).contains("Broken pipe"), "{}", stderr(&out));
}

#[test]
fn an_output_that_is_full_is_a_device_that_failed() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_zsend"))
        .args(["send", "-d", pool_dir("dedup").to_str().unwrap(), "dedup/fs@s"])
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
}
