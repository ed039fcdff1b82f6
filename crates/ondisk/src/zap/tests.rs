//! Layouts, and blocks that are built and looked into as the kernel does.

use super::*;
use crate::LayoutError;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

#[test]
fn fields_lie_where_the_format_says() {
    let bytes: Vec<u8> = (0..104).collect();
    let header = ZapHeaderPhys::read_from_bytes(&bytes).unwrap();
    assert_eq!((header.salt.to_bytes()[0], header.flags.to_bytes()[0]), (80, 96));
    assert_eq!(header.as_bytes(), bytes);
    let leaf = LeafPhys::read_from_bytes(&bytes[..48]).unwrap();
    assert_eq!((leaf.freelist.to_bytes(), leaf.flags), ([34, 35], 36));
    let entry = EntryPhys::read_from_bytes(&bytes[..24]).unwrap();
    assert_eq!((entry.value_chunk.to_bytes(), entry.hash.to_bytes()[0]), ([8, 9], 16));
    let array = ArrayPhys::read_from_bytes(&bytes[..24]).unwrap();
    assert_eq!((array.bytes[0], array.next.to_bytes()), (1, [22, 23]));
    let entry = MicroEntryPhys::read_from_bytes(&bytes[..64]).unwrap();
    assert_eq!((entry.cd.to_bytes()[0], entry.name[0]), (8, 14));
    assert_eq!(LeafPhys::hash_size(16384), 1024);
    assert_eq!([512, 1024, 16384].map(LeafPhys::chunks), [18, 38, 638]);
    assert_eq!(LeafPhys::slot(0x1234_5678_9abc_def0, 4, 1 << 14), 0x234 >> 3);
    assert_eq!((LeafPhys::slot(u64::MAX, 0, 0), LeafPhys::slot(u64::MAX, 9, 40)), (0, 0));
}

fn hash(flags: u64) -> ZapHash {
    ZapHash { salt: 0x1234_5678_9abc_def1, normflags: 0, flags }
}

/// The bytes of a chain of chunks.
fn chain(chunks: &[[u8; CHUNK_SIZE]], first: U16<LE>, len: usize) -> Vec<u8> {
    let (mut bytes, mut next) = (Vec::new(), first.get());
    while next != CHAIN_END {
        let array = ArrayPhys::ref_from_bytes(&chunks[usize::from(next)]).unwrap();
        assert_eq!(array.kind, CHUNK_ARRAY);
        bytes.extend(array.bytes);
        next = array.next.get();
    }
    assert_eq!(len.div_ceil(ARRAY_BYTES) * ARRAY_BYTES, bytes.len());
    bytes.truncate(len);
    bytes
}

/// Looks an entry up by the table of pointers, the hash table of its leaf, and the chain there.
fn lookup(blocks: &[Vec<u8>], hash: ZapHash, name: &[u8]) -> Option<(u8, Vec<u8>, u32)> {
    let (header, _) = ZapHeaderPhys::read_from_prefix(&blocks[0]).unwrap();
    let size = blocks[0].len();
    let [start, count] =
        [header.ptrtbl_blk, header.ptrtbl_numblks].map(|n| usize::try_from(n.get()).unwrap());
    let table = match count {
        0 => blocks[0][size / 2..].to_vec(),
        _ => blocks[start..start + count].concat(),
    };
    let shift = u32::try_from(header.ptrtbl_shift.get()).unwrap();
    assert_eq!(table.len(), 8 << shift);
    let of = hash.of(name);
    let index = usize::try_from(of >> (64 - shift)).unwrap();
    let blkid = u64::from_le_bytes(table.as_chunks::<8>().0[index]);
    let block = &blocks[usize::try_from(blkid).unwrap()];
    let (leaf, rest) = LeafPhys::read_from_prefix(block).unwrap();
    assert_eq!((leaf.block_type.get(), leaf.magic.get()), (BLOCK_LEAF, LEAF_MAGIC));
    assert_eq!(
        of.checked_shr(64 - u32::from(leaf.prefix_len.get())).unwrap_or_default(),
        leaf.prefix.get()
    );
    let (slots, chunks) = rest.split_at(LeafPhys::hash_size(size));
    let chunks = chunks.as_chunks::<CHUNK_SIZE>().0;
    let slot = LeafPhys::slot(of, leaf.prefix_len.get(), size);
    let mut next = u16::from_le_bytes(slots.as_chunks::<2>().0[slot]);
    let mut last = 0;
    while next != CHAIN_END {
        let entry = EntryPhys::read_from_bytes(&chunks[usize::from(next)]).unwrap();
        assert_eq!(entry.kind, CHUNK_ENTRY);
        assert!(entry.cd.get() >= last, "a chain is in the order of differentiators");
        last = entry.cd.get();
        let key_size = if hash.flags & FLAG_UINT64_KEY == 0 { 1 } else { 8 };
        let found =
            chain(chunks, entry.name_chunk, usize::from(entry.name_numints.get()) * key_size);
        let found = if key_size == 1 { found.strip_suffix(&[0]).unwrap() } else { &found };
        if entry.hash.get() == of && found == name {
            let len = usize::from(entry.value_numints.get()) * usize::from(entry.value_intlen);
            return Some((entry.value_intlen, chain(chunks, entry.value_chunk, len), last));
        }
        next = entry.next.get();
    }
    None
}

/// Chunks that are free by the chain of free ones, and by the header.
fn check_free(block: &[u8]) {
    let (leaf, rest) = LeafPhys::read_from_prefix(block).unwrap();
    let chunks = rest[LeafPhys::hash_size(block.len())..].as_chunks::<CHUNK_SIZE>().0;
    assert_eq!(chunks.len(), LeafPhys::chunks(block.len()));
    let (mut next, mut free) = (leaf.freelist.get(), 0);
    while next != CHAIN_END {
        assert_eq!(chunks[usize::from(next)][0], CHUNK_FREE);
        next = u16::from_le_bytes([chunks[usize::from(next)][22], chunks[usize::from(next)][23]]);
        free += 1;
    }
    let kinds = |kind| chunks.iter().filter(|chunk| chunk[0] == kind).count();
    assert_eq!((free, kinds(CHUNK_FREE)), (leaf.nfree.get(), usize::from(free)));
    assert_eq!(kinds(CHUNK_ENTRY), usize::from(leaf.nentries.get()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]
    /// Every entry is found where its hash leads, in blocks of any size; nothing else is there.
    #[test]
    fn entries_lie_where_their_hashes_lead(
        values in prop::collection::btree_map("[a-z]{1,60}", (0..4_u32, prop::collection::vec(any::<u64>(), 0..6)), 0..120),
        shift in 9..=15_u32,
        flags in prop::sample::select(vec![0, FLAG_HASH64]),
    ) {
        let entries: Vec<NewEntry> = values
            .iter()
            .map(|(name, (size, ints))| {
                let size = 1_u8 << size;
                let value = ints.iter().flat_map(|i| i.to_be_bytes()[8 - usize::from(size)..].to_vec()).collect();
                NewEntry { name: name.clone().into(), int_size: size, value }
            })
            .collect();
        let builder = ZapBuilder { hash: hash(flags), entries };
        let blocks = builder.fat(shift).unwrap();
        prop_assert!(blocks.iter().all(|block| block.len() == 1 << shift));
        let (header, _) = ZapHeaderPhys::read_from_prefix(&blocks[0]).unwrap();
        prop_assert_eq!(header.freeblk.get(), blocks.len() as u64);
        prop_assert_eq!(header.num_entries.get(), values.len() as u64);
        let leaves = usize::try_from(header.num_leafs.get()).unwrap();
        blocks[1..=leaves].iter().for_each(|block| check_free(block));
        for entry in &builder.entries {
            let found = lookup(&blocks, builder.hash, &entry.name);
            prop_assert_eq!(found, Some((entry.int_size, entry.value.clone(), 0)));
        }
        prop_assert_eq!(lookup(&blocks, builder.hash, b"NO SUCH NAME"), None);
    }
}

/// Names that one hash stands for, by the alphabet's case.
fn spellings(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| (0..12).map(|bit| if i >> bit & 1 == 0 { 'a' } else { 'A' }).collect())
        .collect()
}

#[test]
fn names_of_one_hash_are_told_apart_by_their_order() {
    let hash = ZapHash { normflags: NORM_TOUPPER, ..hash(0) };
    let names = spellings(100);
    let entries: Vec<_> = names.iter().map(|name| NewEntry::number(name, 7)).collect();
    let builder = ZapBuilder { hash, entries };
    let blocks = builder.fat(14).unwrap();
    for (cd, name) in (0..).zip(&names) {
        assert_eq!(lookup(&blocks, hash, name.as_bytes()).unwrap().2, cd);
    }
    let (leaf, _) = LeafPhys::read_from_prefix(&blocks[1]).unwrap();
    assert_eq!(leaf.flags, LEAF_SORTED);
    let block = builder.micro(MAX_MICRO_SIZE).unwrap();
    let slots: Vec<_> =
        block[64..].chunks_exact(64).map(|b| MicroEntryPhys::read_from_bytes(b).unwrap()).collect();
    let cds: Vec<_> = slots[..100].iter().map(|slot| slot.cd.get()).collect();
    assert!(cds.into_iter().eq(0..100));
    assert!(slots[100..].iter().all(|slot| slot.name[0] == 0));
    // A leaf has no room for more, and no bit of the hash divides them.
    let entries = spellings(300).iter().map(|name| NewEntry::number(name, 7)).collect();
    let refused = ZapBuilder { hash, entries }.fat(14).unwrap_err();
    assert!(
        matches!(refused, LayoutError::Field { what: "chunks of a ZAP leaf", found: 900, .. }),
        "{refused}"
    );
}

#[test]
fn a_table_that_outgrows_the_header_has_blocks_of_its_own() {
    let names: Vec<_> = (0..2000).map(|i| format!("name {i}")).collect();
    let entries = names.iter().map(|name| NewEntry::number(name, 7)).collect();
    let builder = ZapBuilder { hash: hash(0), entries };
    let blocks = builder.fat(9).unwrap();
    let (header, _) = ZapHeaderPhys::read_from_prefix(&blocks[0]).unwrap();
    assert!(
        header.ptrtbl_numblks.get() > 1 && header.ptrtbl_blk.get() == header.num_leafs.get() + 1
    );
    for name in &names {
        assert!(lookup(&blocks, builder.hash, name.as_bytes()).is_some(), "{name}");
    }
}

#[test]
fn integer_keys_are_found_by_their_low_bytes() {
    for flags in [FLAG_UINT64_KEY, FLAG_UINT64_KEY | FLAG_HASH64, FLAG_UINT64_KEY | FLAG_PRE_HASHED]
    {
        let keys: Vec<[u64; 2]> = (0..200).map(|i| [i << 40 | i, i * 3]).collect();
        let entries = keys.iter().map(|key| NewEntry::keyed(key, b"value")).collect();
        let builder = ZapBuilder { hash: hash(flags), entries };
        let blocks = builder.fat(11);
        for key in &keys {
            let name: Vec<u8> = key.iter().flat_map(|word| word.to_be_bytes()).collect();
            let blocks = blocks.as_ref().unwrap();
            assert_eq!(lookup(blocks, builder.hash, &name).unwrap().1, b"value");
        }
    }
    // As a little-endian machine counts: byte by byte of the word in memory.
    let (of, key) = (hash(FLAG_UINT64_KEY), 0x0807_0605_0403_0201_u64);
    assert_eq!(of.of(&key.to_be_bytes()), hash(0).of(&[1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(
        hash(FLAG_UINT64_KEY | FLAG_PRE_HASHED).of(&key.to_be_bytes()),
        0x0807_0600_0000_0000
    );
}

#[test]
fn what_no_zap_has_is_refused() {
    let long = "n".repeat(MAX_NAME_LEN);
    let field = |entry: NewEntry, flags: u64| {
        let builder = ZapBuilder { hash: hash(flags), entries: vec![entry] };
        match builder.fat(14) {
            Err(LayoutError::Field { what, .. }) => what,
            other => panic!("{:?}", other.map(|blocks| blocks.len())),
        }
    };
    assert_eq!(field(NewEntry::number("", 1), 0), "bytes of a ZAP name");
    assert_eq!(field(NewEntry::number(&long, 1), 0), "bytes of a ZAP name");
    assert_eq!(field(NewEntry::number("a\0b", 1), 0), "NUL in a ZAP name, at byte");
    assert_eq!(field(NewEntry::number("seven b", 1), FLAG_UINT64_KEY), "bytes of a ZAP key");
    assert_eq!(field(NewEntry::ints("name", &[0; 1025]), 0), "bytes of a ZAP value");
    let odd = |int_size| NewEntry { name: b"name".to_vec(), int_size, value: vec![0; 5] };
    assert_eq!((field(odd(3), 0), field(odd(2), 0)), ("ZAP value size", "bytes of a ZAP value"));
    let builder = |entries: Vec<NewEntry>| ZapBuilder { hash: hash(0), entries };
    let one = || vec![NewEntry::number("name", 1)];
    assert!(builder(one()).fat(8).is_err() && builder(one()).fat(18).is_err());
    let salt = ZapBuilder { hash: ZapHash { salt: 0, ..hash(0) }, entries: one() };
    assert!(salt.fat(14).is_err() && salt.micro(512).is_err());
    let twice = builder(vec![NewEntry::number("name", 1), NewEntry::number("name", 2)]);
    assert_eq!(twice.fat(14).unwrap_err(), LayoutError::Repeated("name".into()));
    let hash = ZapHash { normflags: NORM_TOUPPER, ..hash(0) };
    let letter = ZapBuilder { hash, entries: vec![NewEntry::number("\u{fc}", 1)] };
    assert!(letter.micro(512).is_err());
    // A micro ZAP has short names and one number each, and seven of them in a sector.
    for entry in [
        NewEntry::number(&long[..50], 1),
        NewEntry::ints("name", &[]),
        NewEntry::text("name", "text"),
    ] {
        assert!(!entry.is_micro() && builder(vec![entry]).micro(MAX_MICRO_SIZE).is_err());
    }
    let seven: Vec<_> = (0..8).map(|i| NewEntry::number(&long[..42 + i], 1)).collect();
    assert_eq!(builder(seven[..7].to_vec()).micro(512).map(|block| block.len()), Ok(512));
    assert!(builder(seven.clone()).micro(512).is_err());
    assert_eq!(builder(seven).micro(1024).map(|block| block.len()), Ok(1024));
    assert_eq!(builder(Vec::new()).micro(512).map(|block| block.len()), Ok(512));
    let flagged = ZapBuilder { hash: self::hash(FLAG_HASH64), entries: one() };
    assert!(flagged.micro(512).is_err());
}

/// Digests of ZAPs of which zdb 2.3.2 lists every entry with its value, which it looks up by the name: of 3002
/// entries in blocks of 4 KiB, and in blocks of 512 bytes with a table of its own, and of 500 integer keys.
const BY_ZDB: [&str; 3] = ["cdd478fc0f60b6c4", "7673c598e248bd02", "39d40926ad8720f4"];

#[test]
fn zdb_finds_every_entry() {
    let mut entries: Vec<_> =
        (0..3000).map(|i| NewEntry::number(&format!("name number {i}"), i)).collect();
    entries.push(NewEntry::text("text", &"long text ".repeat(30)));
    entries.push(NewEntry::ints("ints", &[1, 2, 3, u64::MAX]));
    let named = ZapBuilder { hash: hash(0), entries };
    let key = |i: u64| (i << 33).wrapping_mul(0x9e37_79b9_7f4a_7c15) | i;
    let entries = (0..500).map(|i| NewEntry::keyed(&[key(i)], b"xyz")).collect();
    let keyed = ZapBuilder { hash: hash(FLAG_UINT64_KEY | FLAG_HASH64), entries };
    for ((builder, shift), want) in
        [(&named, 12), (&named, 9), (&keyed, 12)].into_iter().zip(BY_ZDB)
    {
        let digest = Sha256::digest(builder.fat(shift).unwrap().concat());
        let first = digest.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
        assert_eq!(format!("{:016x}", first.unwrap()), want, "blocks of 2^{shift}");
    }
}
