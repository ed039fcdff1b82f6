//! Every field of every record type, set to 0, 1, its neighbours, its double and its maximum behind a mended chain, and every type to every other: what
//! `verify` lets pass is what a right sender could have written, and docs/verify.md says why.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::kinds::FREE_FIELDS;
use crate::support::{records, streams, verified};
use std::collections::{BTreeMap, BTreeSet};
use zerocopy::IntoBytes;
use zerocopy::byteorder::LE;
use zsend_records::describe::Field;
use zsend_records::drr::{CHECKSUM_OFFSET, RecordType, ReplayRecord};
use zsend_records::reader::{Role, StreamRecord};
use zsend_stream::verify::{Verdict, VerifyOptions};
use zsend_testkit::damage::stamp;

/// Fields that every record has beside its own.
const HEAD: [Field; 2] = [
    Field { name: "drr_type", offset: 0, width: 4, count: 1, doc: "" },
    Field { name: "payloadlen", offset: 4, width: 4, count: 1, doc: "" },
];
const CHECKSUM: Field =
    Field { name: "checksum", offset: CHECKSUM_OFFSET, width: 8, count: 4, doc: "" };

/// Record types, numbered from zero.
const COUNT: u32 = 11;
/// Records of a type that are changed in a stream: the first ones.
const OF_A_TYPE: usize = 3;

/// Counts of changes.
#[derive(Default)]
struct Tally {
    changes: usize,
    refused: usize,
    /// Fields of which a change was let pass, with the first such change.
    passed: BTreeMap<String, String>,
    /// Record types that were seen.
    types: BTreeSet<u32>,
}

/// Other values for an integer of this many bytes.
fn others(value: u64, width: usize) -> BTreeSet<u64> {
    let most = u64::MAX >> (64 - 8 * width);
    let others = [0, 1, value.wrapping_sub(1), value.wrapping_add(1), value.wrapping_mul(2), most];
    let mut others: BTreeSet<u64> = others.iter().map(|other| other & most).collect();
    others.remove(&value);
    others
}

/// The header with one integer of a field changed.
fn changed(header: &ReplayRecord<LE>, field: &Field, at: usize, value: u64) -> ReplayRecord<LE> {
    let mut changed = *header;
    let start = field.offset + at * field.width;
    changed.as_mut_bytes()[start..start + field.width]
        .copy_from_slice(&value.to_le_bytes()[..field.width]);
    changed
}

fn change_all(name: &str, stream: &[u8], tally: &mut Tally) {
    let records = records(stream);
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let kind = record.frame.record_type();
        let of_type = seen.entry(kind.0).or_default();
        *of_type += 1;
        let is_first = *of_type <= OF_A_TYPE;
        tally.types.insert(kind.0);
        for field in HEAD.iter().chain(record.frame.description.fields) {
            // A type may fit another by chance, so all records are tried.
            if !is_first && field.name != "drr_type" {
                continue;
            }
            // Of bytes that are no number the first and the last.
            let ints: Vec<u64> = field.ints(record.header.as_bytes()).collect();
            let places: BTreeSet<usize> = if field.width == 1 {
                BTreeSet::from([0, ints.len() - 1])
            } else {
                (0..ints.len()).collect()
            };
            for place in places {
                let mut values = others(ints[place], field.width);
                if field.name == "drr_type" {
                    values.extend((0..COUNT.into()).filter(|other| *other != u64::from(kind.0)));
                }
                for value in values {
                    change(name, &records, at, (field, place, value), tally);
                }
            }
        }
        if is_first && kind != RecordType::BEGIN && record.frame.role == Role::Stream {
            for value in [1, u64::MAX] {
                unmended(stream, record, value, tally);
            }
        }
    }
}

fn change(
    name: &str,
    records: &[StreamRecord],
    at: usize,
    (field, place, value): (&Field, usize, u64),
    tally: &mut Tally,
) {
    let kind = records[at].frame.name();
    let mut damaged = records.to_vec();
    damaged[at].header = changed(&records[at].header, field, place, value);
    let stream = stamp(&damaged, field.name == "end_checksum");
    let what = format!("{kind}.{}", field.name);
    let told = format!("{name}: record {at}, {what}[{place}] = {value:#x}");
    judge(&stream, what, told, tally);
}

/// Changes a checksum itself, which nothing mends.
fn unmended(stream: &[u8], record: &StreamRecord, value: u64, tally: &mut Tally) {
    let mut damaged = stream.to_vec();
    let at = usize::try_from(record.frame.offset).unwrap() + CHECKSUM.offset;
    damaged[at..at + 8].copy_from_slice(&value.to_le_bytes());
    let what = format!("{}.checksum", record.frame.name());
    judge(&damaged, what.clone(), what, tally);
}

fn judge(stream: &[u8], what: String, told: String, tally: &mut Tally) {
    tally.changes += 1;
    let (outcome, faults) = verified(stream, &VerifyOptions::default());
    match outcome.verdict {
        Verdict::Whole => {
            tally.passed.entry(what).or_insert(told);
        }
        Verdict::Damaged => {
            assert_eq!(faults.len(), 1, "{told}");
            tally.refused += 1;
        }
        // It can only seem to be cut where a payload seems to be longer.
        Verdict::Cut(_) | Verdict::ChainBroken => tally.refused += 1,
        other => panic!("{told}: {other:?}"),
    }
}

/// The IV or the MAC of each encrypted block, all zeros: as in a record of another type, which has other fields there.
#[test]
fn no_encrypted_block_is_without_an_iv_or_a_mac() {
    let mut rules = BTreeSet::new();
    for (name, stream) in streams() {
        let whole = records(&stream);
        for at in 0..whole.len() {
            for part in ["iv", "mac"] {
                let mut damaged = whole.clone();
                let description = damaged[at].frame.description;
                let Some(field) = description.fields.iter().find(|field| field.name == part) else {
                    continue;
                };
                if field.bytes(whole[at].header.as_bytes()).iter().all(|&byte| byte == 0) {
                    continue;
                }
                let range = field.offset..field.offset + field.width * field.count;
                damaged[at].header.as_mut_bytes()[range].fill(0);
                let (outcome, faults) =
                    verified(&stamp(&damaged, false), &VerifyOptions::default());
                assert_eq!(outcome.verdict, Verdict::Damaged, "{name}: record {at}, {part}");
                rules.insert(faults[0].rule.name);
            }
        }
    }
    assert_eq!(rules, BTreeSet::from(["range.crypt", "spill.raw", "write.crypt"]));
}

#[test]
fn what_passes_could_be_right() {
    let mut tally = Tally::default();
    for (name, stream) in streams() {
        change_all(&name, &stream, &mut tally);
    }
    let all: BTreeSet<u32> = (0..COUNT).collect();
    assert_eq!(tally.types, all, "every record type was there");
    let passed: BTreeSet<&str> = tally.passed.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = FREE_FIELDS.iter().map(|(field, _)| *field).collect();
    println!("{} changes, {} refused", tally.changes, tally.refused);
    for field in passed.difference(&known) {
        println!("passed: {}", tally.passed[*field]);
    }
    assert_eq!(passed, known);
}
