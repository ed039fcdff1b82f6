//! Seeded damages of whole streams, each behind a mended chain: bits, cuts, records swapped, doubled and left
//! out. What `verify` lets pass is of a kind that docs/verify.md has, with the reason.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crate::support::kinds::{FREE_FIELDS, FREE_KINDS};
use crate::support::random::Random;
use crate::support::{field_at, records, streams, verified};
use std::collections::BTreeMap;
use zerocopy::IntoBytes;
use zsend_records::bytes::Bytes;
use zsend_records::drr::CHECKSUM_OFFSET;
use zsend_records::reader::StreamRecord;
use zsend_stream::verify::{Verdict, VerifyOptions};
use zsend_testkit::damage::stamp;

/// Damages in all, spread over the streams.
const DAMAGES: usize = 10_000;

/// A damaged stream, and what kind of damage it is.
fn damage(stream: &[u8], whole: &[StreamRecord], random: &mut Random) -> (Vec<u8>, String) {
    let mut records = whole.to_vec();
    let name = |record: &StreamRecord| record.frame.name();
    let at = random.below(records.len());
    match random.below(7) {
        0 | 1 => {
            let byte = random.below(CHECKSUM_OFFSET);
            records[at].header.as_mut_bytes()[byte] ^= 1 << random.below(8);
            let kind = format!("{}.{}", name(&whole[at]), field_at(&whole[at], byte));
            let keeps = kind == "END.end_checksum";
            (stamp(&records, keeps), kind)
        }
        2 => {
            let with: Vec<usize> =
                (0..records.len()).filter(|&i| !records[i].payload.is_empty()).collect();
            let at = with[random.below(with.len())];
            let mut payload = records[at].payload.to_vec();
            let byte = random.below(payload.len());
            payload[byte] ^= 1 << random.below(8);
            records[at].payload = Bytes::from(payload);
            (stamp(&records, false), format!("payload of {}", name(&whole[at])))
        }
        3 => (stream[..random.below(stream.len())].to_vec(), "cut".into()),
        4 => {
            let other = random.below(records.len());
            let kind = format!(
                "{} and {} swapped",
                name(&whole[at.min(other)]),
                name(&whole[at.max(other)])
            );
            records.swap(at, other);
            let kind = if at == other { "the same".into() } else { kind };
            (stamp(&records, false), kind)
        }
        5 => {
            records.insert(at, whole[at].clone());
            (stamp(&records, false), format!("{} doubled", name(&whole[at])))
        }
        _ => {
            records.remove(at);
            (stamp(&records, false), format!("{} left out", name(&whole[at])))
        }
    }
}

#[test]
fn what_passes_is_of_a_known_kind() {
    let streams = streams();
    let mut random = Random(0x5eed);
    let mut passed: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let (mut refused, mut cut) = (0, 0);
    for (name, stream) in &streams {
        let whole = records(stream);
        for i in 0..DAMAGES.div_ceil(streams.len()) {
            let (damaged, kind) = damage(stream, &whole, &mut random);
            if damaged == *stream || kind == "the same" {
                continue;
            }
            let (outcome, faults) = verified(&damaged, &VerifyOptions::default());
            match outcome.verdict {
                Verdict::Whole => {
                    passed.entry(kind).or_insert((0, format!("{name} {i}"))).0 += 1;
                }
                Verdict::Damaged => {
                    assert_eq!(faults.len(), 1, "{name} {i}: {kind}");
                    assert!(faults[0].byte <= damaged.len() as u64);
                    refused += 1;
                }
                Verdict::Cut(_) => {
                    assert!(
                        kind == "cut" || kind.contains("END") || kind.contains("."),
                        "{name} {i}: {kind}"
                    );
                    cut += 1;
                }
                other => panic!("{name} {i}: {kind}: {other:?}"),
            }
        }
    }
    println!("{refused} refused, {cut} cut");
    for (kind, (count, first)) in &passed {
        println!("passed: {kind}: {count}, first {first}");
    }
    let is_of = |table: &[(&str, &str)], kind: &str| table.iter().any(|(known, _)| *known == kind);
    let unknown: Vec<&String> = passed
        .keys()
        .filter(|kind| !is_of(FREE_FIELDS, kind) && !is_of(FREE_KINDS, kind))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for (kind, _) in FREE_KINDS {
        assert!(passed.contains_key(*kind), "{kind} is in the table, and was refused each time");
    }
}
