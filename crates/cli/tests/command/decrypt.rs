//! `decrypt` of raw streams: equal to what a sender with the key sends, and refused where a MAC is wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, records, send, stderr, through, zsend};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use zeroize::Zeroizing;
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_records::Order;
use zsend_records::drr::{Begin, Object, ObjectRange, RecordType, Spill, Write};
use zsend_records::flags::{Features, RecordFlags, VersionInfo};
use zsend_records::nvlist::{NvList, NvValue};
use zsend_records::reader::{Record, StreamRecord};
use zsend_records::types::DmuType;
use zsend_records::writer::StreamWriter;
use zsend_records::zerocopy::IntoBytes;
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::change::{ChangeError, Given};
use zsend_testkit::cases::{self, Case};
use zsend_testkit::damage::stamp;

/// A fixture, its cases, and the keys of all its encryption roots.
struct Pool {
    name: &'static str,
    cases: Vec<Case>,
    keys: BTreeMap<String, PathBuf>,
}

impl Pool {
    fn of(name: &'static str) -> Self {
        let fixture = zsend_testkit::fixture(name);
        let cases = cases::read(&fixture).unwrap();
        let keys = cases.iter().filter_map(|case| case.key.clone());
        let keys = keys.map(|(root, file)| (root, fixture.join(file))).collect();
        Self { name, cases, keys }
    }

    fn send(&self, args: &[&str]) -> Vec<u8> {
        let out = send(&pool_dir(self.name), &[&["-q"], args].concat());
        assert!(out.status.success(), "{args:?}: {}", stderr(&out));
        out.stdout
    }

    /// A step with all keys.
    fn given(&self) -> Given {
        let read = |path| Zeroizing::new(fs::read(path).unwrap());
        let keys = self.keys.iter().map(|(root, path)| (root.clone(), read(path)));
        let mut given = Given::default();
        given.keys.extend(keys);
        given
    }

    fn decrypt(&self, stream: &[u8]) -> Result<Vec<u8>, ChangeError> {
        through("decrypt", &self.given(), stream)
    }

    /// Digest of what a sender with the key sends, blocks compressed as they are.
    fn reference(&self, raw: &Case, dialect: &str) -> Option<String> {
        ["-Lec", "-c"].iter().find_map(|form| {
            let plain = |arg: &String| if arg == "-w" { (*form).to_owned() } else { arg.clone() };
            let args: Vec<String> = raw.args.iter().map(plain).collect();
            let case = self.cases.iter().find(|case| case.args == args)?;
            // A stream without lists is the same in both dialects of OpenZFS.
            let dialects = [dialect, if dialect == "illumos" { dialect } else { "openzfs" }];
            let mut found = dialects.iter().filter_map(|dialect| {
                let of = |r: &&cases::Reference| r.dialect == *dialect && r.rc == 0;
                case.references.iter().find(of)?.sha256.clone()
            });
            found.next()
        })
    }
}

#[test]
fn it_is_what_a_sender_with_the_key_sends() {
    for (name, least) in [("crypt", 56), ("becrypt", 50)] {
        let pool = Pool::of(name);
        let mut compared = 0;
        for case in pool.cases.iter().filter(|case| case.args.iter().any(|arg| arg == "-w")) {
            for reference in case.references.iter().filter(|reference| reference.rc == 0) {
                let Some(digest) = pool.reference(case, reference.dialect) else { continue };
                let mut args = vec!["--dialect", reference.dialect];
                args.extend(case.args.iter().map(|arg| &**arg));
                let raw = pool.send(&args);
                if !records(&raw).iter().any(is_raw) {
                    continue;
                }
                let plain = pool.decrypt(&raw).unwrap();
                let found = hex(&Sha256::digest(&plain));
                assert_eq!(found, digest, "{name} {} {}", case.id, reference.dialect);
                compared += 1;
            }
        }
        assert!(compared >= least, "{name}: {compared}");
    }
}

fn is_raw(record: &StreamRecord) -> bool {
    record.header.body_as::<Begin<LE>>().is_some_and(|b| b.features().contains(Features::RAW))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same raw stream as a host of the other byte order sends it: its blocks lie on disk as they did.
fn twin(stream: &[u8]) -> Vec<u8> {
    let mut out = StreamWriter::in_order(Vec::new(), Order::Big);
    for mut record in records(stream) {
        let swapped = RecordFlags::RAW_BYTESWAP.bits();
        if let Some(range) = record.header.body_as_mut::<ObjectRange<LE>>() {
            range.flags ^= swapped;
        } else if let Some(write) = record.header.body_as_mut::<Write<LE>>() {
            write.flags ^= swapped;
        } else if let Some(spill) = record.header.body_as_mut::<Spill<LE>>() {
            spill.flags ^= swapped;
        } else if let Some(object) = record.header.body_as_mut::<Object<LE>>() {
            object.flags ^= swapped;
            let kind = DmuType(u8::try_from(object.bonustype.get()).unwrap()).byteswap().unwrap();
            let mut bonus = record.payload.to_vec();
            swap_out(kind, &mut bonus);
            record.payload = bonus.into();
        }
        out.record(record.header, &record.payload).unwrap();
    }
    out.into_inner().unwrap()
}

/// The records of a plain stream in little-endian order, without compression, its sums and what BEGIN says of both.
fn canonical(stream: &[u8]) -> Vec<(RecordType, Vec<u8>, Vec<u8>)> {
    let stream = through("decompress", &Given::default(), stream).unwrap();
    let records = records(&stream).into_iter().filter(|r| r.frame.record_type() != RecordType::END);
    let canonical = records.map(|mut record| {
        let mut payload = record.payload.to_vec();
        let kind = match record.record() {
            Record::Write(write) => write.object_type(),
            Record::Object(object) => u8::try_from(object.bonustype.get()).ok().map(DmuType),
            _ => None,
        };
        if record.frame.order == Order::Big
            && let Some(kind) = kind.and_then(|kind| kind.byteswap())
        {
            swap(kind, &mut payload);
        }
        let body = 8..if record.frame.record_type() == RecordType::BEGIN { 312 } else { 280 };
        (record.frame.record_type(), record.header.as_mut_bytes()[body].to_vec(), payload)
    });
    canonical.collect()
}

#[test]
fn either_byte_order_gives_the_same_blocks() {
    for (name, snapshots) in [
        ("crypt", &["crypt/aes-192-ccm@b", "crypt/raw/child@b", "crypt/vol@1", "crypt/dd@s"][..]),
        ("becrypt", &["becrypt/root/zpl@c", "becrypt/aes-256-gcm@b", "becrypt/root/oddbonus@b"]),
    ] {
        let pool = Pool::of(name);
        for snapshot in snapshots {
            let raw = pool.send(&["-w", snapshot]);
            let (plain, turned) = (pool.decrypt(&raw).unwrap(), pool.decrypt(&twin(&raw)).unwrap());
            assert!(records(&turned).iter().all(|record| record.frame.order == Order::Big));
            let (plain, turned) = (canonical(&plain), canonical(&turned));
            assert_eq!(plain.len(), turned.len(), "{snapshot}");
            for (at, (one, other)) in plain.iter().zip(&turned).enumerate() {
                assert!(one == other, "{snapshot}: record {at}: {}", one.0);
            }
        }
    }
}

#[test]
fn a_package_says_nothing_of_encryption_any_more() {
    let pool = Pool::of("crypt");
    let raw = pool.send(&["-R", "-w", "crypt/hex@b"]);
    let plain = pool.decrypt(&raw).unwrap();
    let list = |stream: &[u8]| NvList::decode(&records(stream)[0].payload).unwrap().0;
    let (before, after) = (list(&raw), list(&plain));
    assert!(before.contains("raw") && !after.contains("raw"));
    let datasets = |list: &NvList| format!("{:?}", list.list("fss").unwrap());
    assert!(datasets(&before).contains("is_encroot") && datasets(&before).contains("keylocation"));
    assert!(!datasets(&after).contains("is_encroot") && !datasets(&after).contains("keylocation"));
    assert_eq!(before.list("fss").unwrap().len(), after.list("fss").unwrap().len());
    assert!(records(&raw).iter().any(is_raw) && !records(&plain).iter().any(is_raw));
    // Each stream in it is the one that is sent by itself.
    let alone = pool.decrypt(&pool.send(&["-w", "crypt/hex@a"])).unwrap();
    assert!(plain.windows(alone.len()).any(|part| part == alone));
}

/// A stream with one record changed behind a mended chain.
fn with(records: &[StreamRecord], at: usize, change: impl FnOnce(&mut StreamRecord)) -> Vec<u8> {
    let mut records = records.to_vec();
    change(&mut records[at]);
    stamp(&records, false)
}

#[test]
fn what_is_changed_is_refused() {
    let (crypt, becrypt) = (Pool::of("crypt"), Pool::of("becrypt"));
    let gcm = crypt.send(&["-w", "crypt/hex@b"]);
    let (ccm, ccm_key) = with_ccm("crypt/hex", &crypt.decrypt(&gcm).unwrap());
    // A passphrase is stretched for each stream, so few of the kernel's own of CCM are changed.
    let rows = [
        (
            "little-endian CCM of a kernel",
            crypt.send(&["-w", "crypt/aes-128-ccm@b"]),
            crypt.given(),
            4,
        ),
        ("little-endian CCM", ccm, ccm_key, 40),
        ("big-endian CCM", becrypt.send(&["-w", "becrypt/aes-128-ccm@b"]), becrypt.given(), 40),
        ("GCM", gcm, crypt.given(), 40),
    ];
    std::thread::scope(|scope| {
        for (what, raw, given, most) in &rows {
            scope.spawn(move || is_refused_if_changed(what, raw, given, *most));
        }
    });
}

/// A plain stream encrypted anew with CCM and a raw key, and what decrypts it.
fn with_ccm(dataset: &str, plain: &[u8]) -> (Vec<u8>, Given) {
    let mut given = Given::default();
    given.keys.push((dataset.to_owned(), Zeroizing::new(vec![7; 32])));
    let mut with_suite = given.clone();
    with_suite.options.push(("suite".to_owned(), "aes-128-ccm".to_owned()));
    (through("encrypt", &with_suite, plain).unwrap(), given)
}

/// Changes records of each type, until more than `most` changes were refused.
fn is_refused_if_changed(what: &str, raw: &[u8], given: &Given, most: u32) {
    let records = records(raw);
    let mut refused = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let kind = record.frame.record_type();
        let fields: &[&str] = match kind {
            RecordType::WRITE | RecordType::SPILL => &["salt", "iv", "mac", "compressiontype"],
            RecordType::OBJECT_RANGE => &["salt", "iv", "mac", "flags", "firstobj"],
            RecordType::OBJECT => &["nlevels", "indblkshift", "nblkptr", "compress"],
            _ => continue,
        };
        if *refused.get(&kind.0).unwrap_or(&0) > most {
            continue;
        }
        let mut changed: Vec<Vec<u8>> = Vec::new();
        for name in fields {
            let fields = record.frame.description.fields;
            let place = fields.iter().find(|field| field.name == *name).unwrap().offset;
            // A block that is not encrypted has neither, and nobody looks at them.
            let is_bare = record
                .header
                .body_as::<Write<LE>>()
                .is_some_and(|write| write.iv == [0; 12] && ["salt", "iv"].contains(name));
            if !is_bare {
                // The first bit of an OBJECT_RANGE's flags is none that it may have, and changes nothing.
                let bit = if *name == "flags" { RecordFlags::RAW_BYTESWAP.bits() } else { 1 };
                changed.push(with(&records, at, |r| r.header.as_mut_bytes()[place] ^= bit));
            }
        }
        if !record.payload.is_empty() {
            changed.push(with(&records, at, |record| {
                let mut payload = record.payload.to_vec();
                payload[0] ^= 1;
                record.payload = payload.into();
            }));
        }
        for (change, stream) in changed.iter().enumerate() {
            let Err(error) = through("decrypt", given, stream) else {
                panic!("{what}: record {at}: change {change} passes");
            };
            let is_told = matches!(error, ChangeError::Contents { .. });
            assert!(is_told, "{what}: record {at}: {error}");
            *refused.entry(kind.0).or_insert(0) += 1;
        }
    }
    assert_eq!(refused.len(), 3 + usize::from(refused.contains_key(&RecordType::SPILL.0)));
}

#[test]
fn a_stream_that_was_resumed_within_a_block_of_dnodes_is_refused() {
    let pool = Pool::of("crypt");
    let whole = records(&pool.send(&["-w", "crypt/hex@b"]));
    let is_resumed = |object: u64| {
        let mut records = whole.clone();
        let (mut list, encoding) = NvList::decode(&records[0].payload).unwrap();
        list.insert("resume_object", NvValue::Uint64(object));
        list.insert("resume_offset", NvValue::Uint64(0));
        let begin = records[0].header.body_as_mut::<Begin<LE>>().unwrap();
        let info = VersionInfo(begin.versioninfo.get());
        let features = info.features() | Features::RESUMING;
        begin.versioninfo = VersionInfo::new(info.header_type(), features).0.into();
        let list = list.encode(encoding).unwrap();
        records[0].header.payloadlen = u32::try_from(list.len()).unwrap().into();
        records[0].payload = list.into();
        let comes = |record: &StreamRecord| match record.record() {
            Record::Object(o) => o.object.get() >= object,
            Record::Write(w) => w.object.get() >= object,
            Record::Free(f) => f.object.get() >= object,
            Record::FreeObjects(f) => f.firstobj.get() >= object,
            Record::Spill(s) => s.object.get() >= object,
            Record::ObjectRange(range) => range.firstobj.get() + 32 > object,
            _ => true,
        };
        records.retain(comes);
        stamp(&records, false)
    };
    let object = |record: &StreamRecord| match record.record() {
        Record::Object(object) => {
            let kind = DmuType(u8::try_from(object.bonustype.get()).unwrap());
            kind.is_encrypted().then_some(object.object.get())
        }
        _ => None,
    };
    let objects: Vec<u64> = whole.iter().filter_map(object).collect();
    let (within, first) = (objects[objects.len() / 2], 32);
    assert!(within % 32 > 1, "{within}");
    let error = pool.decrypt(&is_resumed(within)).unwrap_err();
    assert!(matches!(error, ChangeError::Refused { .. }), "{error}");
    // At the beginning of a block all of its dnodes are there.
    let plain = pool.decrypt(&is_resumed(first)).unwrap();
    assert!(objects.iter().any(|&object| object >= first) && !plain.is_empty());
}

#[test]
fn what_the_program_says() {
    let pool = Pool::of("crypt");
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (raw, bad, out) = (path("raw"), path("bad"), path("out"));
    let stream = pool.send(&["-w", "crypt/hex@b"]);
    fs::write(&raw, &stream).unwrap();
    let key = format!("crypt/hex={}", pool.keys["crypt/hex"].display());
    let ran = |args: &[&str]| zsend(&[&["decrypt"], args].concat());

    let done = ran(&["--key", &key, &raw, "-o", &out]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(fs::read(&out).unwrap() == pool.decrypt(&stream).unwrap());
    fs::remove_file(&out).unwrap();

    let none = ran(&[&raw]);
    assert_eq!(none.status.code(), Some(2), "{}", stderr(&none));
    let other = format!("crypt/raw={}", pool.keys["crypt/raw"].display());
    let other = ran(&["--key", &other, &raw, "-o", &out]);
    assert_eq!(other.status.code(), Some(4), "{}", stderr(&other));
    assert!(stderr(&other).contains("no key was given of the dataset of crypt/hex@b"));
    let wrong = path("wrong");
    fs::write(&wrong, [b'0'; 64]).unwrap();
    let wrong = ran(&["--key", &format!("crypt/hex={wrong}"), &raw, "-o", &out]);
    assert_eq!(wrong.status.code(), Some(1), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("does not open"), "{}", stderr(&wrong));

    // The MAC of a block of dnodes is told behind its records, and there is no file then.
    let records = records(&stream);
    let is_bonus = |record: &&StreamRecord| {
        record.frame.record_type() == RecordType::OBJECT && !record.payload.is_empty()
    };
    let at = records.iter().rposition(|record| is_bonus(&record)).unwrap();
    let changed = with(&records, at, |record| {
        let mut payload = record.payload.to_vec();
        payload[5] ^= 4;
        record.payload = payload.into();
    });
    fs::write(&bad, changed).unwrap();
    let forged = ran(&["--key", &key, &bad, "-o", &out]);
    assert_eq!(forged.status.code(), Some(1), "{}", stderr(&forged));
    assert!(stderr(&forged).contains("MAC of a dnode block does not match"), "{}", stderr(&forged));
    assert!(!fs::exists(&out).unwrap());
}
