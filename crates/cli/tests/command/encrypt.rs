//! `encrypt` of plain full streams: whole with its key, and decrypted what it was.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, records, send, stderr, through, zsend};
use std::fs;
use std::io::Cursor;
use tempfile::TempDir;
use zeroize::Zeroizing;
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, RecordType, Write};
use zsend_records::flags::Features;
use zsend_records::reader::{Record, StreamRecord};
use zsend_records::zerocopy::IntoBytes;
use zsend_records::zerocopy::byteorder::{LE, U64};
use zsend_stream::change::{ChangeError, Given, Verb};
use zsend_stream::verify::{Fault, Verdict, VerifyOptions, verify};

const KEY: [u8; 32] = [7; 32];

fn given(dataset: &str, options: &[(&str, &str)], key: &[u8]) -> Given {
    let mut given = Given::default();
    given.keys.push((dataset.to_owned(), Zeroizing::new(key.to_vec())));
    let words = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    given.options.extend(options.iter().map(words));
    given
}

#[track_caller]
fn assert_whole(dataset: &str, stream: &[u8], key: &[u8]) {
    let options =
        VerifyOptions::default().with_keys([(dataset.to_owned(), Zeroizing::new(key.to_vec()))]);
    let mut faults: Vec<Fault> = Vec::new();
    let outcome = verify("in", Cursor::new(stream.to_vec()), &options, &mut faults).unwrap();
    let fault = faults.first().map(ToString::to_string);
    assert_eq!((outcome.verdict, outcome.opened), (Verdict::Whole, 1), "{dataset}: {fault:?}");
}

/// A plain stream with the key of its dataset in the fixture.
fn plain(fixture: &str, args: &[&str]) -> Vec<u8> {
    let folder = zsend_testkit::fixture(fixture);
    let cases = zsend_testkit::cases::read(&folder).unwrap();
    // Each key of a passphrase takes a quarter of a second, so only the dataset's own is given.
    let is_of = |root: &str| args.iter().any(|arg| arg.starts_with(root));
    let keys: Vec<String> = cases
        .iter()
        .filter_map(|case| case.key.as_ref())
        .filter(|(root, _)| is_of(root))
        .map(|(root, file)| format!("{root}={}", folder.join(file).display()))
        .collect();
    let mut all = vec!["-q"];
    for key in &keys {
        all.extend(["--key", key]);
    }
    all.extend(args);
    let out = send(&pool_dir(fixture), &all);
    assert!(out.status.success(), "{args:?}: {}", stderr(&out));
    out.stdout
}

/// Snapshots of the fixture that a reference sends.
fn snapshots(fixture: &str) -> Vec<String> {
    let cases = zsend_testkit::cases::read(&zsend_testkit::fixture(fixture)).unwrap();
    let sent = cases.iter().filter(|case| {
        case.references.iter().any(|reference| reference.rc == 0 && reference.sha256.is_some())
    });
    let names = sent.filter_map(|case| case.args.last());
    let mut names: Vec<String> = names.filter(|name| name.contains('@')).cloned().collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn what_a_sender_with_a_key_sends_is_the_same_behind_both() {
    let suites =
        ["aes-128-ccm", "aes-192-ccm", "aes-256-ccm", "aes-128-gcm", "aes-192-gcm", "aes-256-gcm"];
    let mut compared = 0;
    for (snapshot, suite) in snapshots("crypt").iter().zip(suites.iter().cycle()) {
        let stream = plain("crypt", &["-Lc", snapshot]);
        let dataset = snapshot.split('@').next().unwrap();
        let made = through("encrypt", &given(dataset, &[("suite", suite)], &KEY), &stream);
        let made = made.unwrap_or_else(|e| panic!("{snapshot}: {e}"));
        assert_whole(dataset, &made, &KEY);
        assert!(
            through("decrypt", &given(dataset, &[], &KEY), &made).unwrap() == stream,
            "{snapshot}"
        );
        // Nothing is encrypted as it was the last time.
        let again =
            through("encrypt", &given(dataset, &[("suite", suite)], &KEY), &stream).unwrap();
        let ivs = |stream: &[u8]| -> Vec<[u8; 12]> {
            let ivs = records(stream).into_iter().filter_map(|record| match record.record() {
                Record::Write(write) if write.iv != [0; 12] => Some(write.iv),
                Record::Spill(spill) => Some(spill.iv),
                Record::ObjectRange(range) => Some(range.iv),
                _ => None,
            });
            ivs.collect()
        };
        let mut all = [ivs(&made), ivs(&again)].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert!(count > 2 && all.len() == count, "{snapshot}");
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

/// The records of a stream, without what tells where its blocks lay, and embedded blocks as WRITE has them.
fn canonical(stream: &[u8]) -> Vec<(RecordType, Vec<u8>, Bytes)> {
    let stream = through("decompress", &Given::default(), stream).unwrap();
    let records = records(&stream).into_iter().filter(|record| {
        // What is embedded is another test's.
        !matches!(record.record(), Record::WriteEmbedded(_) | Record::Begin(_) | Record::End(_))
    });
    let bare = records.map(|mut record| {
        if let Some(write) = record.header.body_as_mut::<Write<LE>>() {
            (write.checksumtype, write.flags) = (2, 0);
            (write.key_cksum, write.key_prop) = ([U64::ZERO; 4], U64::ZERO);
        }
        (record.frame.record_type(), record.header.as_mut_bytes()[..280].to_vec(), record.payload)
    });
    bare.collect()
}

#[test]
fn any_file_system_or_volume_is_encrypted() {
    let mut compared = 0;
    for fixture in ["basic", "comp", "bvol", "misc"] {
        for snapshot in snapshots(fixture) {
            let stream = plain(fixture, &["-Lc", &snapshot]);
            let begin = records(&stream)[0].header.body_as::<Begin<LE>>().copied().unwrap();
            let dataset = snapshot.split('@').next().unwrap();
            let made = through("encrypt", &given(dataset, &[], &KEY), &stream);
            if ![2, 3].contains(&begin.objset_type.get())
                || begin.features().contains(Features::REDACTED)
            {
                assert!(matches!(made, Err(ChangeError::Refused { .. })), "{snapshot}");
                continue;
            }
            let made = made.unwrap_or_else(|e| panic!("{snapshot}: {e}"));
            assert_whole(dataset, &made, &KEY);
            let back = through("decrypt", &given(dataset, &[], &KEY), &made).unwrap();
            assert!(canonical(&back) == canonical(&stream), "{snapshot}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared}");
}

#[test]
fn embedded_blocks_become_blocks() {
    let mut embedded = 0;
    for snapshot in snapshots("comp") {
        let (with, without) =
            (plain("comp", &["-Lec", &snapshot]), plain("comp", &["-Lc", &snapshot]));
        let count = |record: &StreamRecord| matches!(record.record(), Record::WriteEmbedded(_));
        embedded += records(&with).iter().filter(|record| count(record)).count();
        let dataset = snapshot.split('@').next().unwrap();
        let made = through("encrypt", &given(dataset, &[], &KEY), &with).unwrap();
        assert_whole(dataset, &made, &KEY);
        let back = through("decrypt", &given(dataset, &[], &KEY), &made).unwrap();
        assert!(canonical(&back) == canonical(&without), "{snapshot}");
    }
    assert!(embedded > 3, "{embedded}");
}

#[test]
fn every_form_of_a_key_opens_what_it_made() {
    let stream = plain("crypt", &["-Lc", "crypt/hex@b"]);
    for (format, key) in [
        ("raw", &KEY[..]),
        ("hex", &b"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n"[..]),
        ("passphrase", &b"correct horse\n"[..]),
    ] {
        let mut options = vec![("keyformat", format)];
        if format == "passphrase" {
            options.push(("pbkdf2iters", "100000"));
        }
        let made = through("encrypt", &given("crypt/hex", &options, key), &stream).unwrap();
        assert_whole("crypt/hex", &made, key);
    }
    for (options, key) in [
        (&[("keyformat", "hex")][..], &KEY[..]),
        (&[("suite", "aes-512-gcm")], &KEY),
        (&[("pbkdf2iters", "100000")], &KEY),
        (&[("keyformat", "passphrase"), ("pbkdf2iters", "99999")], b"correct horse"),
        (&[], &KEY[..31]),
    ] {
        let verb = Verb::named("encrypt").unwrap();
        assert!((verb.make)(&given("crypt/hex", options, key)).is_err(), "{options:?}");
    }
}

#[test]
fn what_the_program_says() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (key, full, out) = (path("key"), path("full"), path("out"));
    fs::write(&key, KEY).unwrap();
    fs::write(&full, plain("crypt", &["-Lc", "crypt/raw/child@b"])).unwrap();
    let key = format!("crypt/raw/child={key}");
    let ran = |args: &[&str]| zsend(&[&["encrypt", "--key", &key], args].concat());
    let done = ran(&["--tmp", dir.path().to_str().unwrap(), &full, "-o", &out]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert_whole("crypt/raw/child", &fs::read(&out).unwrap(), &KEY);
    fs::remove_file(&out).unwrap();

    let increment = path("increment");
    fs::write(&increment, plain("crypt", &["-Lc", "-i", "@a", "crypt/raw/child@b"])).unwrap();
    for (args, why) in [
        (["-L", "-w", "crypt/raw/child@b"], "is encrypted already"),
        (["-L", "-c", "crypt/raw@b"], "the key was given for crypt/raw/child"),
    ] {
        let other = path("other");
        fs::write(&other, plain("crypt", &args)).unwrap();
        let refused = ran(&[&other, "-o", &out]);
        assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
    }
    let refused = ran(&[&increment, "-o", &out]);
    assert_eq!(refused.status.code(), Some(4), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("the stream is incremental"), "{}", stderr(&refused));
    // What is cut is no stream that anything could be made of.
    let whole = fs::read(&full).unwrap();
    fs::write(&full, &whole[..whole.len() - 312]).unwrap();
    let cut = ran(&[&full, "-o", &out]);
    assert_eq!(cut.status.code(), Some(10), "{}", stderr(&cut));
    assert!(!fs::exists(&out).unwrap());
}
