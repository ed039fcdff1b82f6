//! Authentication buffers against an independent writing of the rules, and indirect MACs.

use super::*;
use proptest::prelude::*;

const V0: KeyVersion = KeyVersion::V0;
const V1: KeyVersion = KeyVersion::CURRENT;

/// `blk_prop` from its fields, each as stored: lsize and psize in sectors less one.
fn prop(byteorder: u64, dedup: u64, level: u64, kind: u64, checksum: u64, compress: u64) -> u64 {
    byteorder << 63
        | dedup << 62
        | 1 << 61
        | level << 56
        | kind << 48
        | checksum << 40
        | compress << 32
        | 7 << 16
        | 0xff
}

/// A block pointer in its block's byte order.
fn stored(words: [u64; 16], big_endian: bool) -> [u8; 128] {
    BlkPtr::from_words(words).to_bytes(Order::from_big_endian(big_endian))
}

fn masked(prop: u64, hole: bool, version: KeyVersion) -> u64 {
    let auth = AuthBp::new(prop, [0; 16], hole, version);
    u64::from_le_bytes(auth.as_bytes()[..8].try_into().unwrap())
}

#[test]
fn level_zero_keeps_what_reads_the_data() {
    let want = 1 << 63 | 1 << 61 | 19 << 48 | 15 << 32 | 7 << 16 | 0xff;
    assert_eq!(masked(prop(1, 1, 0, 19, 7, 15), false, V1), want);
}

#[test]
fn upper_levels_lose_order_compression_and_size() {
    let want = 1 << 61 | 3 << 56 | 10 << 48 | 0xff;
    assert_eq!(masked(prop(1, 1, 3, 10, 7, 15), false, V1), want);
}

#[test]
fn holes_lose_all_but_in_version_zero() {
    let word = prop(1, 0, 1, 19, 7, 2);
    assert_eq!(masked(word, true, V1), 0);
    let want = 1 << 63 | 1 << 61 | 1 << 56 | 19 << 48 | 2 << 32 | 0xff;
    assert_eq!(masked(word, true, V0), want);
    assert_eq!(masked(word, false, V0), want);
}

#[test]
fn version_zero_has_no_padding() {
    assert_eq!(
        AuthBp::new(0, [1; 16], false, V0).as_bytes(),
        [[0; 8].as_slice(), &[1; 16]].concat()
    );
    assert_eq!(AuthBp::new(0, [1; 16], false, V1).as_bytes()[24..], [0; 8]);
}

#[test]
fn parameters_are_strings_in_the_pointer_s_own_order() {
    let bytes = |range: std::ops::Range<u8>| range.collect::<Vec<u8>>();
    let mut words = [0; 16];
    let params = BlockParams {
        salt: bytes(0..8).try_into().unwrap(),
        iv: bytes(8..20).try_into().unwrap(),
        mac: bytes(20..36).try_into().unwrap(),
    };
    // A little-endian writer loads the strings into words as they lie in memory.
    words[4] = 0x0706_0504_0302_0100;
    words[5] = 0x0f0e_0d0c_0b0a_0908;
    words[11] = 0x1312_1110 << 32 | 0x99;
    words[14] = 0x1b1a_1918_1716_1514;
    words[15] = 0x2322_2120_1f1e_1d1c;
    words[6] = prop(1, 0, 0, 19, 7, 15);
    assert_eq!(BlockParams::of(&BlkPtr::from_words(words)), params);
    // And a big-endian one into the same words read the other way.
    for i in [4, 5, 14, 15] {
        words[i] = words[i].swap_bytes();
    }
    words[11] = 0x1011_1213 << 32 | 0x99;
    words[6] = prop(0, 0, 0, 19, 7, 15);
    assert_eq!(BlockParams::of(&BlkPtr::from_words(words)), params);
}

#[test]
fn stored_pointers_tell_holes_embedded_and_objsets() {
    let mut words = [0; 16];
    words[6] = prop(1, 0, 1, 19, 7, 2);
    let mac =
        |words| AuthBp::from_stored(&stored(words, false), false, V1).as_bytes()[8..24].to_vec();
    let word =
        |words| AuthBp::from_stored(&stored(words, false), false, V1).as_bytes()[..8] != [0; 8];
    assert!(!word(words), "both words of the first DVA are zero: a hole");
    words[6] |= field::EMBEDDED.mask();
    assert!(word(words), "embedded is not a hole");
    words[6] = prop(1, 0, 0, 11, 7, 2);
    words[0] = 1;
    words[14] = 5;
    assert_eq!(mac(words), [0; 16], "an objset's pointer has no MAC");
    words[6] = prop(1, 0, 0, 10, 7, 2);
    assert_eq!(mac(words)[..2], [5, 0]);
}

/// An indirect block of three pointers and a hole, and its MAC computed by hand.
fn indirect(big_endian: bool, version: KeyVersion) -> (Vec<u8>, [u8; 16]) {
    let mut block = Vec::new();
    let mut hash = Sha512::new();
    for i in 0..4_u64 {
        let mut words = [0; 16];
        let order = i % 2;
        if i < 3 {
            words[0] = 8;
            words[1] = 100 + i;
            words[6] = prop(order, 1, 0, 19, 7, 15);
            words[14] = 0x1122_3344_5566_7788 + i;
            words[15] = 0x99aa_bbcc_ddee_ff00;
            let psize = if version == V0 { 0 } else { 7 << 16 };
            let kept = order << 63 | 1 << 61 | 19 << 48 | 15 << 32 | psize | 0xff;
            hash.update(kept.to_le_bytes());
        } else {
            hash.update([0; 8]);
        }
        for word in &words[14..] {
            hash.update(if order == 1 { word.to_le_bytes() } else { word.to_be_bytes() });
        }
        if version == V1 {
            hash.update([0; 8]);
        }
        block.extend(stored(words, big_endian));
    }
    (block, hash.finalize()[..16].try_into().unwrap())
}

#[test]
fn indirect_macs_of_both_versions_and_orders() {
    for version in [V0, V1] {
        for big_endian in [false, true] {
            let (block, mac) = indirect(big_endian, version);
            assert_eq!(verify_indirect(&block, big_endian, &mac), Ok(version));
        }
    }
}

#[test]
fn an_indirect_block_that_was_altered_is_refused() {
    let (block, mac) = indirect(false, V1);
    let refused = Err(CryptoError::Mac { what: "MAC of an indirect block" });
    // Portable bits of the first pointer's properties, a child's MAC, and the order of children.
    for (byte, bit) in [(48, 0), (54, 1), (55, 7), (112, 0), (127, 7)] {
        let mut block = block.clone();
        block[byte] ^= 1 << bit;
        assert_eq!(verify_indirect(&block, false, &mac), refused);
    }
    let swapped = [&block[128..256], &block[..128], &block[256..]].concat();
    assert_eq!(verify_indirect(&swapped, false, &mac), refused);
    assert_eq!(
        verify_indirect(&block[1..], false, &mac),
        Err(CryptoError::BlockLength { what: "indirect", found: 511 })
    );
    // Where the child lies, and its checksum, are not portable.
    let mut moved = block;
    moved[8] ^= 1;
    moved[96] ^= 1;
    assert_eq!(verify_indirect(&moved, false, &mac), Ok(V1));
}

proptest! {
    #[test]
    fn any_block_has_an_answer(
        block in prop::collection::vec(any::<u8>(), 0..600),
        big in any::<bool>(),
    ) {
        let _ = verify_indirect(&block, big, &[0; 16]);
    }

    #[test]
    fn the_containing_block_s_order_does_not_show(words in any::<[u64; 16]>(), v in 0..2_u64) {
        let version = KeyVersion(v);
        prop_assert_eq!(
            AuthBp::from_stored(&stored(words, false), false, version),
            AuthBp::from_stored(&stored(words, true), true, version)
        );
    }
}
