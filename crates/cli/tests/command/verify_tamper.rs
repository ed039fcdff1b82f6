//! Raw streams of every suite, changed behind a mended chain: with the key each change is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use tempfile::TempDir;
use zeroize::Zeroizing;
use zsend_records::bytes::Bytes;
use zsend_records::drr::RecordType;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::reader::{SliceReader, StreamRecord};
use zsend_records::zerocopy::IntoBytes;
use zsend_stream::verify::{Fault, Verdict, VerifyOptions, verify};
use zsend_testkit::cases;
use zsend_testkit::damage::stamp;

/// A full raw stream, and what it is opened with.
struct Raw {
    records: Vec<StreamRecord>,
    options: VerifyOptions,
}

/// A stream of one dataset for each suite, by the suite's name.
fn raw_streams() -> BTreeMap<String, Raw> {
    let fixture = zsend_testkit::fixture("crypt");
    let mut streams = BTreeMap::new();
    for case in cases::read(&fixture).unwrap() {
        let Some((root, file)) = &case.key else { continue };
        let Some((dataset, snapshot)) = case.args.last().and_then(|name| name.split_once('@'))
        else {
            continue;
        };
        if dataset != root || streams.contains_key(dataset) {
            continue;
        }
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("raw.zsend");
        let name = format!("{dataset}@{snapshot}");
        let out = send(&pool_dir("crypt"), &["-q", "-w", "-o", path.to_str().unwrap(), &name]);
        assert!(out.status.success(), "{}", stderr(&out));
        let stream = Bytes::from(fs::read(path).unwrap());
        let records = SliceReader::new(stream).map(Result::unwrap).collect();
        let material = Zeroizing::new(fs::read(fixture.join(file)).unwrap());
        let options = VerifyOptions::default().with_keys([(root.clone(), material)]);
        streams.insert(dataset.to_owned(), Raw { records, options });
    }
    streams
}

/// Number of streams that were opened, and the rule that is broken.
fn verified(records: &[StreamRecord], options: &VerifyOptions) -> (u64, Option<&'static str>) {
    let stream = stamp(records, false);
    let mut faults: Vec<Fault> = Vec::new();
    let outcome = verify("in", Cursor::new(stream), options, &mut faults).unwrap();
    assert_eq!(outcome.verdict == Verdict::Whole, faults.is_empty());
    (outcome.opened, faults.first().map(|fault| fault.rule.name))
}

impl Raw {
    /// The rule that these records break.
    fn broken(&self, records: &[StreamRecord]) -> Option<&'static str> {
        let (opened, rule) = verified(records, &self.options);
        let is_open = rule.is_none_or(|rule| !rule.starts_with("raw."));
        assert_eq!(opened, u64::from(is_open), "{rule:?}");
        rule
    }

    fn with(&self, at: usize, change: impl FnOnce(&mut StreamRecord)) -> Option<&'static str> {
        let mut records = self.records.clone();
        change(&mut records[at]);
        self.broken(&records)
    }

    /// Records of a type, with a payload or without.
    fn of(&self, kind: RecordType) -> Vec<usize> {
        let is_of = |record: &StreamRecord| record.frame.record_type() == kind;
        (0..self.records.len()).filter(|&at| is_of(&self.records[at])).collect()
    }

    /// The rules that are broken when one bit of a field of one record is another.
    fn with_field(&self, at: usize, name: &str) -> Option<&'static str> {
        let field = self.records[at].frame.description.fields.iter().find(|f| f.name == name);
        let place = field.unwrap().offset;
        self.with(at, |record| record.header.as_mut_bytes()[place] ^= 1)
    }

    /// The same of a payload.
    fn with_payload(&self, at: usize, byte: usize) -> Option<&'static str> {
        self.with(at, |record| {
            let mut payload = record.payload.to_vec();
            payload[byte] ^= 1;
            record.payload = payload.into();
        })
    }
}

#[test]
fn what_is_changed_is_refused() {
    let streams = raw_streams();
    assert!(streams.len() >= 6, "{:?}", streams.keys());
    for (name, raw) in &streams {
        assert_eq!(raw.broken(&raw.records), None, "{name}");
        let mut rules = BTreeSet::new();
        let mut refuse = |what: &str, at: usize, rule: Option<&'static str>| {
            rules.insert(rule.unwrap_or_else(|| panic!("{name}: {what} of record {at} passes")));
        };
        for at in raw.of(RecordType::WRITE).into_iter().step_by(3).take(12) {
            for field in ["salt", "iv", "mac", "key_cksum", "compressiontype"] {
                refuse(field, at, raw.with_field(at, field));
            }
            let last = raw.records[at].payload.len() - 1;
            for byte in [0, last / 2, last] {
                refuse("payload", at, raw.with_payload(at, byte));
            }
        }
        for at in raw.of(RecordType::SPILL).into_iter().take(4) {
            for field in ["salt", "iv", "mac", "compressiontype"] {
                refuse(field, at, raw.with_field(at, field));
            }
            refuse("payload", at, raw.with_payload(at, 0));
        }
        for at in raw.of(RecordType::OBJECT_RANGE) {
            for field in ["salt", "iv", "mac", "flags"] {
                refuse(field, at, raw.with_field(at, field));
            }
        }
        for at in raw.of(RecordType::OBJECT).into_iter().take(12) {
            for field in ["checksumtype", "compress", "indblkshift", "nlevels", "bonustype"] {
                refuse(field, at, raw.with_field(at, field));
            }
            if let Some(last) = raw.records[at].payload.len().checked_sub(1) {
                refuse("bonus", at, raw.with_payload(at, 0));
                refuse("bonus", at, raw.with_payload(at, last));
            }
        }
        for rule in ["mac.dnodes", "write.mac"] {
            assert!(rules.contains(rule), "{name}: {rules:?}");
        }
    }
}

#[test]
fn the_object_set_and_the_wrapped_keys_are_checked() {
    for (name, raw) in raw_streams() {
        let (list, _) = NvList::decode(&raw.records[0].payload).unwrap();
        let keys = list.list("crypt_keydata").unwrap();
        let changed = |key: &str| {
            let mut other = NvList::new();
            for (name, value) in keys.iter() {
                let value = match value {
                    NvValue::Uint8Array(bytes) if name == key => {
                        let mut bytes = bytes.clone();
                        bytes[0] ^= 1;
                        NvValue::Uint8Array(bytes)
                    }
                    NvValue::Uint64(number) if name == key => NvValue::Uint64(number ^ 1),
                    other => other.clone(),
                };
                other.insert(name, value);
            }
            let mut list = NvList::new();
            list.insert("crypt_keydata", NvValue::List(other));
            raw.with(0, |record| record.payload = list.encode(Encoding::Native).unwrap().into())
        };
        for key in ["portable_mac", "mdn_checksum", "mdn_compress", "mdn_indblkshift"] {
            assert_eq!(changed(key), Some("mac.objset"), "{name}: {key}");
        }
        for key in [
            "DSL_CRYPTO_MASTER_KEY_1",
            "DSL_CRYPTO_HMAC_KEY_1",
            "DSL_CRYPTO_IV",
            "DSL_CRYPTO_MAC",
            "DSL_CRYPTO_GUID",
        ] {
            assert_eq!(changed(key), Some("raw.wrapped-key"), "{name}: {key}");
        }
        assert_eq!(changed("DSL_CRYPTO_VERSION"), Some("raw.key-version"), "{name}");
    }
}

#[test]
fn another_key_opens_nothing() {
    let mut streams = raw_streams();
    let (name, raw) = streams.pop_first().unwrap();
    let other = Zeroizing::new(vec![7; 32]);
    let options = VerifyOptions::default().with_keys([(name, other)]);
    assert_eq!(verified(&raw.records, &options), (0, Some("raw.wrapped-key")));
    // Of another dataset it is not tried, nor of one whose name only begins so.
    for (_, stream) in streams {
        assert_eq!(verified(&stream.records, &options), (0, None));
    }
    let half = VerifyOptions::default().with_keys([("crypt/aes".into(), vec![7; 32].into())]);
    assert_eq!(verified(&raw.records, &half), (0, None));
}
