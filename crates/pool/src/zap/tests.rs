//! ZAPs built by hand, and what is wrong with some.

use super::*;
use crate::PoolError;
use proptest::prelude::*;
use zsend_ondisk::zap::{
    BLOCK_LEAF, FLAG_HASH64, FLAG_PRE_HASHED, FLAG_UINT64_KEY, MAX_LARGE_MICRO_SIZE, NORM_TOUPPER,
    NewEntry, ZapBuilder, ZapHash,
};

/// Sets `bytes` at `at`.
fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A micro ZAP of three slots, the second free.
pub(crate) fn micro_block() -> Vec<u8> {
    let mut b = vec![0; 256];
    put(&mut b, 0, &BLOCK_MICRO.to_le_bytes());
    put(&mut b, 8, &0x1234_5678_9abc_def1_u64.to_le_bytes());
    put(&mut b, 16, &2_u64.to_le_bytes());
    for (slot, value, cd, name) in [(64, 77_u64, 0_u32, "first"), (192, 1 << 60, 5, "third")] {
        put(&mut b, slot, &value.to_le_bytes());
        put(&mut b, slot + 8, &cd.to_le_bytes());
        put(&mut b, slot + 14, name.as_bytes());
    }
    b
}

/// A fat ZAP of blocks of 1 KiB: header with its table inside, and one leaf.
pub(crate) fn fat_blocks() -> [Vec<u8>; 2] {
    let mut header = vec![0; 1024];
    let words = [BLOCK_HEADER, 0x2_F52A_B2AB, 0, 0, 6, 0, 0, 2, 1, 2, 0xabcd_ef01, 0, 0];
    for (i, word) in words.iter().enumerate() {
        put(&mut header, i * 8, &word.to_le_bytes());
    }
    for i in 64..128 {
        put(&mut header, i * 8, &1_u64.to_le_bytes());
    }
    [header, leaf_block()]
}

/// A leaf of 1 KiB with two entries: four 16-bit integers, and a string over two chunks.
pub(crate) fn leaf_block() -> Vec<u8> {
    let mut b = vec![0; 1024];
    put(&mut b, 0, &BLOCK_LEAF.to_le_bytes());
    put(&mut b, 24, &0x2AB_1EAF_u32.to_le_bytes());
    for (i, half) in [33_u16, 2, 0, 6].iter().enumerate() {
        put(&mut b, 28 + 2 * i, &half.to_le_bytes());
    }
    b[36] = 1;
    for i in 0..32 {
        let head = if i == 3 { 0_u16 } else { 0xffff };
        put(&mut b, 48 + 2 * i, &head.to_le_bytes());
    }
    let chunk = |i: usize| 48 + 64 + 24 * i;
    let entry = |b: &mut Vec<u8>, i: usize, intlen: u8, halves: [u16; 5], cd: u32, hash: u64| {
        put(b, chunk(i), &[252, intlen]);
        for (n, half) in halves.iter().enumerate() {
            put(b, chunk(i) + 2 + 2 * n, &half.to_le_bytes());
        }
        put(b, chunk(i) + 12, &cd.to_le_bytes());
        put(b, chunk(i) + 16, &hash.to_le_bytes());
    };
    let array = |b: &mut Vec<u8>, i: usize, bytes: &[u8], next: u16| {
        b[chunk(i)] = 251;
        put(b, chunk(i) + 1, bytes);
        put(b, chunk(i) + 22, &next.to_le_bytes());
    };
    entry(&mut b, 0, 2, [3, 1, 4, 2, 4], 0, 0x7000_0000_0000_0000);
    array(&mut b, 1, b"abc\0", 0xffff);
    array(&mut b, 2, &[0, 1, 0, 2, 1, 0, 0xff, 0xff], 0xffff);
    entry(&mut b, 3, 1, [0xffff, 4, 2, 5, 25], 1, 0x1000_0000_0000_0000);
    array(&mut b, 4, b"z\0", 0xffff);
    array(&mut b, 5, &[b'x'; 21], 6);
    array(&mut b, 6, b"end\0", 0xffff);
    for i in 7..38 {
        b[chunk(i)] = 253;
        let next = if i == 37 { 0xffff } else { u16::try_from(i).unwrap() + 1 };
        put(&mut b, chunk(i) + 22, &next.to_le_bytes());
    }
    b
}

/// Parses blocks that are given whole; a number past them is a hole.
pub(crate) fn parse(blocks: &[Vec<u8>]) -> Result<Vec<ZapEntry>> {
    readable(blocks)?.whole()
}

fn readable(blocks: &[Vec<u8>]) -> Result<Readable> {
    let read = |n: u64| {
        let n = usize::try_from(n).unwrap();
        Ok(blocks.get(n).map(|b| Bytes::copy_from_slice(b)))
    };
    let maxblkid = blocks.len() as u64 - 1;
    ZapBlocks { objset: 5, object: 6, maxblkid, read: &read }.readable()
}

fn corrupt(blocks: &[Vec<u8>]) -> &'static str {
    match parse(blocks) {
        Err(PoolError::Corrupt { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn micro_and_fat_entries_come_in_hash_order() {
    let entries = parse(&[micro_block()]).unwrap();
    let mut found: Vec<_> = entries.iter().map(|e| (e.name(), e.u64(), e.cd)).collect();
    found.sort();
    assert_eq!(found, [("first".into(), Some(77), 0), ("third".into(), Some(1 << 60), 5)]);
    assert!(entries.is_sorted_by_key(|e| e.hash));

    let entries = parse(&fat_blocks()).unwrap();
    assert_eq!(entries[0].name(), "z");
    assert_eq!(entries[0].string().unwrap(), format!("{}end", "x".repeat(21)));
    assert_eq!((entries[1].name(), entries[1].ints()), ("abc".into(), vec![1, 2, 256, 0xffff]));
}

#[test]
fn a_pointer_out_of_the_object_is_refused() {
    for bad in [0_u64, 2] {
        let mut blocks = fat_blocks();
        put(&mut blocks[0], 600, &bad.to_le_bytes());
        assert_eq!(corrupt(&blocks), "ZAP pointer");
    }
}

#[test]
fn a_table_larger_than_its_shift_is_refused_before_it_is_read() {
    let mut blocks = fat_blocks();
    put(&mut blocks[0], 16, &1_u64.to_le_bytes());
    put(&mut blocks[0], 24, &(1_u64 << 40).to_le_bytes());
    assert_eq!(corrupt(&blocks), "ZAP pointer table");
    // Its blocks exist only on paper: the first hole ends the search.
    put(&mut blocks[0], 24, &(1_u64 << 15).to_le_bytes());
    put(&mut blocks[0], 32, &22_u64.to_le_bytes());
    put(&mut blocks[0], 16, &2_u64.to_le_bytes());
    let read = |n: u64| Ok((n == 0).then(|| Bytes::copy_from_slice(&blocks[0])));
    let zap = ZapBlocks { objset: 5, object: 6, maxblkid: u64::MAX, read: &read };
    assert!(matches!(zap.readable(), Err(PoolError::Corrupt { what: "ZAP block", .. })));
}

#[test]
fn entries_that_share_their_arrays_cannot_fill_the_memory() {
    let mut blocks = fat_blocks();
    // Every chunk is an entry whose value is the same chain, which ends in itself.
    let entry = blocks[1][112..136].to_vec();
    for i in (7..38).chain([3]) {
        put(&mut blocks[1], 112 + 24 * i, &entry);
        put(&mut blocks[1], 112 + 24 * i + 10, &0xffff_u16.to_le_bytes());
    }
    put(&mut blocks[1], 112 + 24 * 2 + 22, &2_u16.to_le_bytes());
    assert_eq!(corrupt(&blocks), "ZAP array");
}

#[test]
fn a_chain_through_another_kind_of_chunk_is_refused() {
    let mut blocks = fat_blocks();
    blocks[1][112 + 24] = 253;
    assert_eq!(corrupt(&blocks), "ZAP chunk");
    let mut blocks = fat_blocks();
    blocks[1][112 + 1] = 3;
    assert_eq!(corrupt(&blocks), "ZAP value size");
}

#[test]
fn a_lost_leaf_hides_its_own_names_alone() {
    let [mut header, leaf] = fat_blocks();
    // Half of the pointers lead to a second leaf, which is no leaf.
    for i in 96..128 {
        put(&mut header, i * 8, &2_u64.to_le_bytes());
    }
    let blocks = [header, leaf, vec![0; 1024]];
    let found = readable(&blocks).unwrap();
    assert_eq!((found.entries.len(), found.lost.len()), (2, 1));
    assert_eq!(found.find(b"abc", Matching::Exact).unwrap().unwrap().ints(), [1, 2, 256, 0xffff]);
    // A name that is not among the rest may have been in the lost leaf.
    let lost = readable(&blocks).unwrap().find(b"other", Matching::Exact).unwrap_err();
    assert!(matches!(lost, PoolError::Corrupt { what: "ZAP leaf magic", .. }), "{lost}");
    assert!(parse(&blocks).is_err());
    assert_eq!(readable(&fat_blocks()).unwrap().find(b"other", Matching::Exact).unwrap(), None);
}

#[test]
fn a_bad_entry_or_pointer_costs_itself_alone() {
    let mut blocks = fat_blocks();
    blocks[1][112 + 1] = 3;
    let found = readable(&blocks).unwrap();
    let names: Vec<_> = found.entries.iter().map(ZapEntry::name).collect();
    assert_eq!((names, found.lost.len()), (vec!["z".to_owned()], 1));

    let mut blocks = fat_blocks();
    (64..100).for_each(|i| put(&mut blocks[0], i * 8, &(i as u64).to_le_bytes()));
    let found = readable(&blocks).unwrap();
    assert_eq!((found.entries.len(), found.lost.len()), (2, 36));
}

#[test]
fn names_of_one_spelling_or_of_any() {
    let contents = |normflags: u64| Readable {
        entries: ["Monday", "monday", "TUESDAY"].iter().map(|name| entry(name)).collect(),
        normflags,
        lost: Vec::new(),
    };
    let find = |normflags, name: &str, matching| {
        let found = contents(normflags).find(name.as_bytes(), matching).unwrap();
        found.as_ref().map(ZapEntry::name)
    };
    let any = Matching::Normalized;
    assert_eq!(find(2, "monday", any).unwrap(), "monday");
    assert_eq!(find(2, "MONDAY", any).unwrap(), "Monday");
    assert_eq!(find(2, "tuesday", any).unwrap(), "TUESDAY");
    assert_eq!(find(2, "tuesday", Matching::Exact), None);
    assert_eq!(find(2, "wednesday", any), None);
    // A ZAP that does not normalise has no other spellings.
    assert_eq!(find(0, "tuesday", any), None);
    // Nor has a letter that no snapshot's name has.
    assert_eq!(find(2, "t\u{fc}esday", any), None);
}

#[test]
fn a_micro_zap_hashes_what_it_normalises_to() {
    let hash_of = |normflags: u8, name: &[u8; 5]| {
        let mut block = micro_block();
        block[16] = normflags;
        put(&mut block, 64 + 14, name);
        let entries = parse(&[block]).unwrap();
        entries.iter().find(|e| e.name == name).unwrap().hash
    };
    assert_eq!(hash_of(2, b"first"), hash_of(2, b"FiRst"));
    assert_ne!(hash_of(0, b"first"), hash_of(0, b"FiRst"));
    assert_eq!(hash_of(2, b"first"), hash_of(0, b"FIRST"));
}

fn entry(name: &str) -> ZapEntry {
    ZapEntry { name: name.into(), int_size: 8, value: vec![0; 8], hash: 0, cd: 0 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
    /// A name is found by every spelling of it where names are normalised, and by its own alone where
    /// they are not.
    #[test]
    fn every_spelling_finds_its_name(
        names in prop::collection::btree_set("[a-zA-Z0-9_.: -]{1,20}", 1..12),
        pick in any::<prop::sample::Index>(),
        flip in prop::collection::vec(any::<bool>(), 20),
        normalised in any::<bool>(),
    ) {
        let mut entries: Vec<ZapEntry> = Vec::new();
        for name in &names {
            if !entries.iter().any(|e| e.name.eq_ignore_ascii_case(name.as_bytes())) {
                entries.push(entry(name));
            }
        }
        let name = entries[pick.index(entries.len())].name();
        let spelt: String = name
            .chars()
            .zip(&flip)
            .map(|(c, flip)| match (flip, c.is_ascii_lowercase()) {
                (true, true) => c.to_ascii_uppercase(),
                (true, false) => c.to_ascii_lowercase(),
                (false, _) => c,
            })
            .collect();
        let normflags = if normalised { 2 } else { 0 };
        let find = |matching| {
            let readable = Readable { entries: entries.clone(), normflags, lost: Vec::new() };
            readable.find(spelt.as_bytes(), matching).unwrap().as_ref().map(ZapEntry::name)
        };
        let found = find(Matching::Normalized);
        prop_assert_eq!(found, (normalised || spelt == name).then(|| name.clone()));
        let exact = find(Matching::Exact);
        prop_assert_eq!(exact, (spelt == name).then_some(name));
    }
}

/// Entries as a reader is to find them: in the order of hashes, and of equal ones as they were given.
fn found(builder: &ZapBuilder) -> Vec<ZapEntry> {
    let mut found: Vec<ZapEntry> = Vec::new();
    for NewEntry { name, int_size, value } in &builder.entries {
        let hash = builder.hash.of(name);
        let cd = found.iter().filter(|entry| entry.hash == hash).count();
        let (name, value, cd) = (name.clone(), value.clone(), u32::try_from(cd).unwrap());
        found.push(ZapEntry { name, int_size: *int_size, value, hash, cd });
    }
    found.sort_by_key(|entry| (entry.hash, entry.cd));
    found
}

/// Names of one spelling and of another, values of any integers.
fn new_entries() -> impl Strategy<Value = Vec<NewEntry>> {
    let value = (0..4_u32, prop::collection::vec(any::<u64>(), 0..12)).prop_map(|(size, ints)| {
        let size = 1_u8 << size;
        let start = 8 - usize::from(size);
        (size, ints.iter().flat_map(|int| int.to_be_bytes()[start..].to_vec()).collect::<Vec<u8>>())
    });
    let name = prop_oneof!["[a-cA-C]{1,3}", "[ -~]{1,300}"];
    prop::collection::btree_map(name, value, 0..80).prop_map(|entries| {
        let entries = entries.into_iter();
        entries
            .map(|(name, (int_size, value))| NewEntry { name: name.into(), int_size, value })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
    /// A fat ZAP that is built reads as its entries, whatever its blocks' size, its flags and their number.
    #[test]
    fn a_fat_zap_that_is_built_reads_as_its_entries(
        entries in new_entries(),
        shift in 9..=15_u32,
        salt in 1..=u64::MAX,
        flags in prop::sample::select(vec![0, FLAG_HASH64]),
        normflags in prop::sample::select(vec![0, NORM_TOUPPER]),
    ) {
        let builder = ZapBuilder { hash: ZapHash { salt, normflags, flags }, entries };
        // A small leaf has no room for the longest.
        if let Ok(blocks) = builder.fat(shift) {
            prop_assert_eq!(parse(&blocks).unwrap(), found(&builder));
            prop_assert_eq!(readable(&blocks).unwrap().normflags, normflags);
        } else {
            prop_assert!(shift < 12);
        }
    }

    #[test]
    fn integer_keys_that_are_built_read_back(
        keys in prop::collection::btree_map(prop::array::uniform3(any::<u64>()), any::<[u8; 5]>(), 0..60),
        shift in 11..=14_u32,
        flags in prop::sample::select(vec![0, FLAG_HASH64, FLAG_PRE_HASHED]),
    ) {
        let entries = keys.iter().map(|(key, value)| NewEntry::keyed(key, value)).collect();
        let hash = ZapHash { salt: 9, normflags: 0, flags: flags | FLAG_UINT64_KEY };
        let builder = ZapBuilder { hash, entries };
        prop_assert_eq!(parse(&builder.fat(shift).unwrap()).unwrap(), found(&builder));
    }

    #[test]
    fn a_micro_zap_that_is_built_reads_as_its_entries(
        entries in prop::collection::btree_map("[a-cA-C]{1,3}|[ -~]{1,49}", any::<u64>(), 0..80),
        salt in 1..=u64::MAX,
        normflags in prop::sample::select(vec![0, NORM_TOUPPER]),
    ) {
        let entries = entries.iter().map(|(name, value)| NewEntry::number(name, *value)).collect();
        let builder = ZapBuilder { hash: ZapHash { salt, normflags, flags: 0 }, entries };
        let block = builder.micro(MAX_LARGE_MICRO_SIZE).unwrap();
        prop_assert_eq!(parse(&[block]).unwrap(), found(&builder));
    }
}
