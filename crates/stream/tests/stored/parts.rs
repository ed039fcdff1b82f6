//! Streams in parts: split, checked, joined, made again, and repaired by parity.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may fail")]

use crate::support::random::Random;
use crate::support::{records, streams};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use tempfile::TempDir;
use zerocopy::FromZeros;
use zerocopy::byteorder::LE;
use zsend_records::drr::{Begin, MAGIC, ReplayRecord};
use zsend_records::writer::StreamWriter;
use zsend_stream::parity::{ParityError, make, repair, volume_name};
use zsend_stream::split::{
    JoinOrder, MANIFEST, Manifest, PartState, SplitError, check_part, join, part_name, remake,
    split,
};

/// All files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let named = names.map(|name| name.into_string().unwrap());
    named.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

fn split_into(folder: &Path, stream: &[u8], size: u64) -> Result<Manifest, SplitError> {
    split(Cursor::new(stream.to_vec()), folder, size).map(|done| done.manifest)
}

fn joined(folder: &Path, order: JoinOrder) -> Result<Vec<u8>, SplitError> {
    let mut out = Vec::new();
    join(folder, &Manifest::of_folder(folder)?, &mut out, order)?;
    Ok(out)
}

/// Bytes of the longest record.
fn longest(stream: &[u8]) -> u64 {
    let frames = records(stream);
    frames.iter().map(|record| 312 + record.frame.payload_len).max().unwrap()
}

/// A file of a stream, to be made parts of again.
fn file(stream: &[u8]) -> fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(stream).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    file
}

#[test]
fn every_stream_comes_back_from_parts_that_are_the_same_each_time() {
    for (name, stream) in streams() {
        let least = longest(&stream);
        for size in [least, least + 1, 2 * least + 77, stream.len() as u64, u64::MAX] {
            let dir = TempDir::new().unwrap();
            let list = split_into(dir.path(), &stream, size).unwrap();
            let borders: Vec<u64> = records(&stream).iter().map(|r| r.frame.offset).collect();
            for (number, part) in (1..).zip(&list.parts) {
                assert!(part.length <= size && borders.contains(&part.offset), "{name}");
                assert_eq!(check_part(dir.path(), &list, number).unwrap(), PartState::Whole);
            }
            assert_eq!(list.hash, blake3::hash(&stream));
            assert_eq!(list.records, borders.len() as u64);
            for order in [JoinOrder::Before, JoinOrder::Meanwhile] {
                assert!(joined(dir.path(), order).unwrap() == stream, "{name}, {size}");
            }
            // Once more, into the same folder and into another.
            let before = files(dir.path());
            let again = split(Cursor::new(stream.clone()), dir.path(), size).unwrap();
            assert_eq!(again.found, list.parts.len() as u64);
            let other = TempDir::new().unwrap();
            split_into(other.path(), &stream, size).unwrap();
            assert!(files(dir.path()) == before && files(other.path()) == before, "{name}");
            assert_eq!(before.len(), list.parts.len() + 1);
        }
        let dir = TempDir::new().unwrap();
        match split_into(dir.path(), &stream, least - 1) {
            Err(SplitError::TooSmall { least: said, .. }) => assert_eq!(said, least),
            other => panic!("{name}: {other:?}"),
        }
        assert!(files(dir.path()).is_empty(), "{name}");
    }
}

/// A stream of blocks of many lengths, so that headers lie in two pieces of the input as it is read.
fn large(bytes: u64) -> Vec<u8> {
    let mut writer = StreamWriter::new(Vec::new());
    let mut begin = Begin::<LE>::new_zeroed();
    (begin.magic, begin.versioninfo) = (MAGIC.into(), 1.into());
    writer.record(ReplayRecord::new(&begin), &[]).unwrap();
    let mut random = Random(bytes);
    while writer.offset() < bytes {
        let length = random.below(3000) * 8;
        let mut block = zsend_records::drr::Write::<LE>::new_zeroed();
        (block.object, block.logical_size) = (1.into(), (length as u64).into());
        let payload: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        writer.body(&block, &payload).unwrap();
    }
    writer.end(0).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn parts_of_more_than_one_piece_of_input_come_back() {
    let stream = large(5 << 20);
    for size in [longest(&stream), 100_000, 3 << 20] {
        let dir = TempDir::new().unwrap();
        let list = split_into(dir.path(), &stream, size).unwrap();
        assert!(list.parts.len() > 1);
        for order in [JoinOrder::Before, JoinOrder::Meanwhile] {
            assert!(joined(dir.path(), order).unwrap() == stream);
        }
        make(dir.path(), 50).unwrap();
        let whole = files(dir.path());
        for number in (1..=list.parts.len() as u64).step_by(3) {
            fs::remove_file(dir.path().join(part_name(number))).unwrap();
        }
        assert!(size == 3 << 20 || repair(dir.path()).is_ok());
        assert!(size == 3 << 20 || files(dir.path()) == whole);
    }
}

#[test]
fn each_part_is_known_by_itself_and_made_again_alone() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name == "right").unwrap();
    let dir = TempDir::new().unwrap();
    let list = split_into(dir.path(), &stream, longest(&stream)).unwrap();
    let (whole, all) = (files(dir.path()), records(&stream));
    let count = list.parts.len() as u64;
    assert!(count > 3, "{count} parts");
    for number in 1..=count {
        let path = dir.path().join(part_name(number));
        let part = whole[&part_name(number)].clone();
        // Alone in a folder with the list.
        let alone = TempDir::new().unwrap();
        fs::write(alone.path().join(MANIFEST), &whole[MANIFEST]).unwrap();
        fs::write(alone.path().join(part_name(number)), &part).unwrap();
        assert_eq!(check_part(alone.path(), &list, number).unwrap(), PartState::Whole);
        fs::remove_file(&path).unwrap();
        assert_eq!(check_part(dir.path(), &list, number).unwrap(), PartState::Missing);
        let made = remake(file(&stream), dir.path(), None, number).unwrap();
        assert!(made.is_listed && !made.is_found && files(dir.path()) == whole);
        fs::write(&path, &part[..part.len() - 1]).unwrap();
        let state = check_part(dir.path(), &list, number).unwrap();
        assert!(matches!(state, PartState::Length { .. }), "{state}");
        for order in [JoinOrder::Before, JoinOrder::Meanwhile] {
            let why = joined(dir.path(), order).unwrap_err().to_string();
            assert!(why.contains(&part_name(number)), "{why}");
        }
        for at in [0, 8, 150, part.len() / 2, part.len() - 1] {
            let mut damaged = part.clone();
            damaged[at] ^= 4;
            fs::write(&path, &damaged).unwrap();
            let state = check_part(dir.path(), &list, number).unwrap();
            let PartState::Damaged { before } = state else { panic!("{state}") };
            // The first header that does not fit is that of the record, or the one behind it.
            let first = before.map(|(record, _)| record);
            assert!(first.is_none_or(|record| record >= list.parts[number as usize - 1].record));
            for order in [JoinOrder::Before, JoinOrder::Meanwhile] {
                assert!(matches!(joined(dir.path(), order), Err(SplitError::Part { .. })), "{at}");
            }
            // Before: whole records have gone out, all but one or two of those before the damage ends; none of a first part.
            let mut out = Vec::new();
            join(dir.path(), &list, &mut out, JoinOrder::Before).unwrap_err();
            let at = list.parts[number as usize - 1].offset + at as u64;
            let begins: Vec<u64> = all.iter().map(|record| record.frame.offset).collect();
            let damaged = begins.partition_point(|&begin| begin <= at) - 1;
            let begins = &begins[damaged.saturating_sub(1)..=damaged];
            let out_len = out.len() as u64;
            assert!(if number == 1 { out_len == 0 } else { begins.contains(&out_len) }, "{at}");
            assert!(out == stream[..out.len()]);
        }
        assert!(!remake(file(&stream), dir.path(), Some(list.size), number).unwrap().is_found);
        assert!(files(dir.path()) == whole);
    }
    let other = records(&stream).len() as u64;
    assert!(matches!(
        remake(file(&stream), dir.path(), None, other),
        Err(SplitError::NoPart { parts, .. }) if parts == count
    ));
    assert!(matches!(
        remake(file(&stream), dir.path(), Some(u64::MAX), 1),
        Err(SplitError::OtherStream { number: 1 })
    ));
    assert!(files(dir.path()) == whole);
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name == "right").unwrap();
    let dir = TempDir::new().unwrap();
    let notes = dir.path().join(part_name(2));
    fs::write(&notes, "notes").unwrap();
    let size = longest(&stream);
    assert!(
        matches!(split_into(dir.path(), &stream, size), Err(SplitError::Exists(path)) if path == notes)
    );
    assert_eq!(files(dir.path()).into_values().collect::<Vec<_>>(), [b"notes"]);
    assert!(matches!(remake(file(&stream), dir.path(), Some(size), 2), Err(SplitError::Exists(_))));
    fs::remove_file(&notes).unwrap();
    split_into(dir.path(), &stream, size).unwrap();
    let whole = files(dir.path());
    // The parts are the same, as the first is, until the list would say something else.
    assert!(split_into(dir.path(), &stream, u64::MAX).is_err());
    assert!(files(dir.path()) == whole);
    for cut in [0, 5, 313, stream.len() / 2, stream.len() - 1] {
        let other = TempDir::new().unwrap();
        assert!(split_into(other.path(), &stream[..cut], u64::MAX).is_err(), "{cut}");
        assert!(files(other.path()).is_empty(), "{cut}");
    }
    let mut damaged = stream.clone();
    damaged[stream.len() / 2] ^= 1;
    let other = TempDir::new().unwrap();
    assert!(matches!(split_into(other.path(), &damaged, size), Err(SplitError::Stream(_))));
    assert!(files(other.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name == "right").unwrap();
    let dir = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    let size = longest(&stream);
    let list = split_into(dir.path(), &stream, size).unwrap();
    let path = dir.path().join(part_name(1));
    let away = outside.path().join("away");
    fs::rename(&path, &away).unwrap();
    std::os::unix::fs::symlink(&away, &path).unwrap();
    assert!(check_part(dir.path(), &list, 1).is_err());
    assert!(joined(dir.path(), JoinOrder::Before).is_err());
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(
        outside.path().join("made"),
        dir.path().join("000001.zpart.partial"),
    )
    .unwrap();
    assert!(split_into(dir.path(), &stream, size).is_err());
    assert!(!outside.path().join("made").exists());
}

/// A folder of parts with parity, and all that is in it.
fn with_parity(stream: &[u8], size: u64, percent: u64) -> (TempDir, BTreeMap<String, Vec<u8>>) {
    let dir = TempDir::new().unwrap();
    split_into(dir.path(), stream, size).unwrap();
    make(dir.path(), percent).unwrap();
    // The same parity each time.
    let whole = files(dir.path());
    make(dir.path(), percent).unwrap();
    assert!(files(dir.path()) == whole);
    (dir, whole)
}

#[test]
fn a_part_and_the_list_that_are_lost_come_back() {
    for (name, stream) in streams() {
        let size = longest(&stream).max(stream.len() as u64 / 12);
        let (dir, whole) = with_parity(&stream, size, 30);
        let list = Manifest::of_folder(dir.path()).unwrap();
        assert_eq!(repair(dir.path()).unwrap(), Default::default(), "{name}");
        let (lost, _) = (1..)
            .zip(&list.parts)
            .filter(|(_, part)| part.length < stream.len() as u64 / 5)
            .max_by_key(|(_, part)| part.length)
            .unwrap();
        fs::remove_file(dir.path().join(part_name(lost))).unwrap();
        fs::remove_file(dir.path().join(MANIFEST)).unwrap();
        let repaired = repair(dir.path()).unwrap();
        assert!(repaired.list && repaired.parts[0].number == lost, "{name}: {repaired:?}");
        assert!(files(dir.path()) == whole, "{name}");
        assert!(joined(dir.path(), JoinOrder::Meanwhile).unwrap() == stream);
    }
}

#[test]
fn more_than_can_be_made_good_is_left_as_it_is() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name == "right").unwrap();
    let (dir, mut whole) = with_parity(&stream, longest(&stream), 20);
    let list = Manifest::of_folder(dir.path()).unwrap();
    for number in 1..=list.parts.len() as u64 / 2 {
        fs::remove_file(dir.path().join(part_name(number))).unwrap();
        whole.remove(&part_name(number));
    }
    let why = repair(dir.path()).unwrap_err();
    assert!(matches!(why, ParityError::TooMuch { .. }), "{why}");
    assert!(why.to_string().contains(&part_name(1)), "{why}");
    assert!(files(dir.path()) == whole);
}

#[test]
fn parity_that_is_damaged_itself_does_what_it_can() {
    let (_, stream) = streams().into_iter().find(|(name, _)| name == "right").unwrap();
    let (dir, whole) = with_parity(&stream, longest(&stream), 100);
    let volume = volume_name(1);
    let bytes = &whole[&volume];
    // A part is lost, and the parity file is damaged at one end, or has lost it.
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let ends = [flipped(0), flipped(60), flipped(130), flipped(bytes.len() - 1)];
    let cut = [bytes[..bytes.len() - 40].to_vec(), bytes[..bytes.len() - 1000].to_vec()];
    for damaged in ends.into_iter().chain(cut) {
        fs::write(dir.path().join(&volume), &damaged).unwrap();
        fs::remove_file(dir.path().join(part_name(2))).unwrap();
        let repaired = repair(dir.path()).unwrap();
        assert_eq!(repaired.volumes, [dir.path().join(&volume)]);
        assert_eq!(repaired.parts.len(), 1);
        assert!(files(dir.path())[&part_name(2)] == whole[&part_name(2)]);
    }
    fs::write(dir.path().join(&volume), b"no parity").unwrap();
    assert!(matches!(repair(dir.path()), Err(ParityError::Volume { .. })));
    fs::remove_file(dir.path().join(&volume)).unwrap();
    assert!(matches!(repair(dir.path()), Err(ParityError::NoParity(_))));
    make(dir.path(), 100).unwrap();
    assert!(files(dir.path()) == whole);
    // Of another stream.
    let (_, other) = streams().into_iter().find(|(name, _)| name == "right-big").unwrap();
    let (other, _) = with_parity(&other, u64::MAX, 10);
    fs::copy(other.path().join(&volume), dir.path().join(&volume)).unwrap();
    assert!(matches!(repair(dir.path()), Err(ParityError::OtherList { .. })));
    assert!(matches!(make(dir.path(), 100), Err(ParityError::Parts(SplitError::Exists(_)))));
    // Parity is made of what is whole.
    fs::remove_file(dir.path().join(&volume)).unwrap();
    fs::write(dir.path().join(part_name(1)), b"x").unwrap();
    assert!(matches!(make(dir.path(), 100), Err(ParityError::Parts(SplitError::Part { .. }))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]
    #[test]
    fn what_is_damaged_comes_back_or_is_left(
        which in 0..6usize,
        percent in 1..=60u64,
        hits in 1..24usize,
        seed in any::<u64>(),
    ) {
        let mut streams = streams();
        let which = which % streams.len();
        let (_, stream) = streams.swap_remove(which);
        let size = longest(&stream).max(stream.len() as u64 / 9);
        let (dir, whole) = with_parity(&stream, size, percent);
        let mut random = Random(seed | 1);
        let names: Vec<&String> = whole.keys().collect();
        for _ in 0..hits {
            let name = names[random.below(names.len())];
            let path = dir.path().join(name);
            let Ok(mut bytes) = fs::read(&path) else { continue };
            match random.below(8) {
                0 => { fs::remove_file(&path).unwrap(); continue }
                1 => bytes.truncate(random.below(bytes.len() + 1)),
                2 => bytes.extend(b"more"),
                _ if bytes.is_empty() => {}
                _ => { let at = random.below(bytes.len()); bytes[at] ^= 0x40 }
            }
            fs::write(&path, bytes).unwrap();
        }
        let damaged = files(dir.path());
        // Whole records go out, and none that is damaged.
        if let Ok(list) = Manifest::of_folder(dir.path()) {
            let mut out = Vec::new();
            let done = join(dir.path(), &list, &mut out, JoinOrder::Before);
            prop_assert!(stream.starts_with(&out));
            prop_assert_eq!(done.is_ok(), out.len() == stream.len());
            let at = out.len() as u64;
            let mut records = records(&stream).into_iter();
            prop_assert!(done.is_ok() || records.any(|record| record.frame.offset == at));
        }
        match repair(dir.path()) {
            Ok(_) => {
                let after = files(dir.path());
                for (name, bytes) in &whole {
                    prop_assert!(name.ends_with(".zpar") || after[name] == *bytes, "{}", name);
                }
                prop_assert!(joined(dir.path(), JoinOrder::Before).unwrap() == stream);
            }
            Err(why) => prop_assert!(files(dir.path()) == damaged, "{}", why),
        }
    }
}
