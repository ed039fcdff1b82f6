//! A parity file: as it is, and with a head and an index that are summed up again. A small one is repaired by, in a
//! folder that has nothing else.

use std::fs;
use zsend_stream::parity::{check_volume, repair, volume_name};
use zsend_stream::split::Manifest;
use zsend_records::sizes::in_memory;

/// Bytes of the numbers in a head, and of all of it.
const NUMBERS: usize = 32;
/// Most bytes of a stream whose parts are asked for.
const SMALL: u64 = 8 << 10;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let _ = check_volume(bytes);
    let Some((numbers, index)) = bytes.split_at_checked(NUMBERS) else { return };
    let sealed = sealed(numbers, &with_list(index));
    let Ok(list) = check_volume(&sealed) else { return };
    if list.length <= SMALL {
        repaired(&sealed, numbers);
    }
}

/// An index whose list has a last line that fits, if the length before it leaves room.
fn with_list(index: &[u8]) -> Vec<u8> {
    let Some((length, rest)) = index.split_first_chunk::<8>() else { return index.to_vec() };
    let length = in_memory(u64::from_le_bytes(*length) % 4096);
    let Some((list, hashes)) = rest.split_at_checked(length) else { return index.to_vec() };
    let hash = blake3::hash(list).to_hex();
    let end = format!("{{\"kind\":\"end\",\"blake3\":\"{hash}\"}}\n").into_bytes();
    let list = [list, &end].concat();
    // As many hashes as there are blocks, if somebody knows how many these are.
    [&(list.len() as u64).to_le_bytes()[..], &list, hashes].concat()
}

/// A parity file of these numbers and this index.
fn sealed(numbers: &[u8], index: &[u8]) -> Vec<u8> {
    let mut head = b"ZSNDPAR1".to_vec();
    head.extend(numbers);
    head.extend((index.len() as u64).to_le_bytes());
    head.extend(blake3::hash(index).as_bytes());
    let hash = blake3::hash(&head);
    head.extend(hash.as_bytes());
    [&head[..], index, index, &head].concat()
}

fn repaired(volume: &[u8], numbers: &[u8]) {
    let number = numbers.last_chunk::<8>().map_or(1, |number| u64::from_le_bytes(*number));
    let folder = std::env::temp_dir().join(format!("zsend-fuzz-parity-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    if fs::create_dir(&folder).is_err()
        || fs::write(folder.join(volume_name(number)), volume).is_err()
    {
        return;
    }
    // Nothing is right that its parts would be made of, unless their hashes are.
    if let Ok(repaired) = repair(&folder) {
        let list = Manifest::of_folder(&folder).expect("a repair leaves a list");
        assert!(repaired.parts.len() <= list.parts.len());
    }
    let _ = fs::remove_dir_all(&folder);
}
