//! Dnode blocks sealed by a plain writing of the rules, opened, altered and random.

use super::*;
use crate::suite::Suite;
use crate::test_keys::{PARAMS, dataset_key, seal_block};
use proptest::prelude::*;

const V0: KeyVersion = KeyVersion::V0;
const V1: KeyVersion = KeyVersion::CURRENT;
const BLOCK: usize = 16 << 10;

/// Fields of a test dnode; everything else in it is a pattern.
#[derive(Clone, Copy)]
struct Shape {
    slot: usize,
    extra: u8,
    nblkptr: u8,
    bonustype: u8,
    bonuslen: u16,
    spill: bool,
}

const SA: u8 = 44;
const DSL_DIR: u8 = 12;

/// Encrypted, none, not encrypted, no length, large, with spill, and the last slot.
const SHAPES: [Shape; 7] = [
    Shape { slot: 0, extra: 0, nblkptr: 1, bonustype: SA, bonuslen: 168, spill: false },
    Shape { slot: 1, extra: 0, nblkptr: 3, bonustype: 0, bonuslen: 0, spill: false },
    Shape { slot: 3, extra: 0, nblkptr: 1, bonustype: DSL_DIR, bonuslen: 256, spill: false },
    Shape { slot: 4, extra: 0, nblkptr: 1, bonustype: SA, bonuslen: 0, spill: false },
    Shape { slot: 6, extra: 3, nblkptr: 2, bonustype: SA, bonuslen: 900, spill: false },
    Shape { slot: 12, extra: 1, nblkptr: 1, bonustype: SA, bonuslen: 64, spill: true },
    Shape { slot: 31, extra: 0, nblkptr: 1, bonustype: SA, bonuslen: 320, spill: true },
];

fn bonus_area(shape: &Shape) -> Range<usize> {
    let start = shape.slot * 512;
    let end = start + (usize::from(shape.extra) + 1) * 512 - if shape.spill { 128 } else { 0 };
    start + 64 + 128 * usize::from(shape.nblkptr)..end
}

/// A plain block with these dnodes, in the order given; other slots are free.
fn plain(shapes: &[Shape], big_endian: bool) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    for shape in shapes {
        let start = shape.slot * 512;
        let bytes = &mut block[start..start + 512 * (usize::from(shape.extra) + 1)];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from((i * 31 + shape.slot) % 251).unwrap();
        }
        bytes[0] = 19;
        bytes[3] = shape.nblkptr;
        bytes[4] = shape.bonustype;
        bytes[7] = if shape.spill { 0b1111 } else { 0b1011 };
        let len = shape.bonuslen;
        let len = if big_endian { len.to_be_bytes() } else { len.to_le_bytes() };
        bytes[10..12].copy_from_slice(&len);
        bytes[12] = shape.extra;
    }
    block
}

/// The authenticated data of a plain block, written anew from the description of the format.
fn aad_of(block: &[u8], shapes: &[Shape], big_endian: bool, version: KeyVersion) -> Vec<u8> {
    let mut aad = Vec::new();
    let mut slot = 0;
    while slot < block.len() / 512 {
        let at = slot * 512;
        let free = Shape { slot, extra: 0, nblkptr: 0, bonustype: 0, bonuslen: 0, spill: false };
        let shape = shapes.iter().find(|shape| shape.slot == slot).unwrap_or(&free);
        aad.extend(&block[at..at + 7]);
        aad.push(block[at + 7] & 4);
        aad.extend(&block[at + 8..at + 24]);
        aad.extend([0; 8]);
        aad.extend(&block[at + 32..at + 64]);
        let bonus = bonus_area(shape);
        let mut pointers: Vec<usize> = (at + 64..bonus.start).step_by(128).collect();
        if shape.spill {
            pointers.push(bonus.end);
        }
        for at in pointers {
            let stored = block[at..at + 128].try_into().unwrap();
            aad.extend(AuthBp::from_stored(stored, big_endian, version).as_bytes());
        }
        if shape.bonustype != SA || shape.bonuslen == 0 {
            aad.extend(&block[bonus]);
        }
        slot += 1 + usize::from(shape.extra);
    }
    aad
}

/// Encrypts a block in place.
fn seal_dnodes(
    suite: Suite,
    block: &mut [u8],
    shapes: &[Shape],
    big_endian: bool,
    version: KeyVersion,
) -> BlockParams {
    let aad = aad_of(block, shapes, big_endian, version);
    let areas: Vec<_> = shapes
        .iter()
        .filter(|shape| shape.bonustype == SA && shape.bonuslen != 0)
        .map(bonus_area)
        .collect();
    let mut text: Vec<u8> = areas.iter().flat_map(|area| block[area.clone()].to_vec()).collect();
    let params = seal_block(suite, &aad, &mut text);
    let mut text = text.as_slice();
    for area in areas {
        let (now, later) = text.split_at(area.len());
        block[area].copy_from_slice(now);
        text = later;
    }
    params
}

#[test]
fn every_kind_of_slot_decrypts_in_both_orders_and_versions() {
    for suite in [Suite::AES_256_GCM, Suite::AES_128_CCM] {
        for version in [V0, V1] {
            for big_endian in [false, true] {
                let plain = plain(&SHAPES, big_endian);
                let mut block = plain.clone();
                let params = seal_dnodes(suite, &mut block, &SHAPES, big_endian, version);
                assert_ne!(block, plain);
                let key = dataset_key(suite, version);
                let sealed = block.clone();
                decrypt_dnode_block(&key, &params, big_endian, &mut block).unwrap();
                assert!(block == plain);
                let BlockParams { salt, iv, mac } = params;
                assert_eq!(encrypt_dnode_block(&key, salt, iv, big_endian, &mut block), Ok(mac));
                assert!(block == sealed);
            }
        }
    }
}

#[test]
fn a_block_without_encrypted_bonuses_is_authenticated() {
    for shapes in [&SHAPES[1..4], &[]] {
        let mut block = plain(shapes, false);
        let params = seal_dnodes(Suite::AES_256_GCM, &mut block, shapes, false, V1);
        let key = dataset_key(Suite::AES_256_GCM, V1);
        let want = block.clone();
        decrypt_dnode_block(&key, &params, false, &mut block).unwrap();
        assert!(block == want);
        block[16] ^= 1;
        let altered = block.clone();
        let refused = decrypt_dnode_block(&key, &params, false, &mut block);
        assert_eq!(refused, Err(CryptoError::Mac { what: "MAC of a dnode block" }));
        assert!(block == altered, "a block that is refused is as it was");
    }
}

#[test]
fn altered_dnodes_are_refused() {
    let mut sealed = plain(&SHAPES, false);
    let params = seal_dnodes(Suite::AES_256_GCM, &mut sealed, &SHAPES, false, V1);
    let key = dataset_key(Suite::AES_256_GCM, V1);
    let opens = |byte: usize, bit: u8| {
        let mut block = sealed.clone();
        block[byte] ^= 1 << bit;
        decrypt_dnode_block(&key, &params, false, &mut block).is_ok()
    };
    // Core, portable flag, a pointer's level, a pointer's MAC, both kinds of bonus, a free slot.
    let spill = bonus_area(&SHAPES[6]).end;
    for (byte, bit) in [
        (1, 0),
        (7, 2),
        (16, 0),
        (40, 7),
        (64 + 55, 0),
        (64 + 112, 3),
        (300, 1),
        (3 * 512 + 400, 6),
        (2 * 512 + 100, 0),
        (spill + 120, 0),
    ] {
        assert!(!opens(byte, bit), "byte {byte}");
    }
    // `used`, the other flags and where a child lies belong to this pool only.
    for (byte, bit) in [(24, 0), (31, 7), (7, 0), (7, 1), (7, 3), (64 + 8, 0)] {
        assert!(opens(byte, bit), "byte {byte}");
    }
}

#[test]
fn fields_that_lead_out_are_refused() {
    let key = dataset_key(Suite::AES_256_GCM, V1);
    let refusal = |byte: usize, value: u8| {
        let mut block = plain(&SHAPES, false);
        block[byte] = value;
        decrypt_dnode_block(&key, &PARAMS, false, &mut block).unwrap_err()
    };
    let dnode = |slot, what, found, max| CryptoError::Dnode { slot, what, found, max };
    assert_eq!(refusal(12, 32), dnode(0, "extra_slots", 32, 31));
    assert_eq!(refusal(31 * 512 + 12, 1), dnode(31, "extra_slots", 1, 0));
    assert_eq!(refusal(3, 4), dnode(0, "nblkptr", 4, 3));
    // With a spill pointer there is room for two.
    assert_eq!(refusal(31 * 512 + 3, 3), dnode(31, "nblkptr", 3, 2));
    for found in [0, 511, 513] {
        assert_eq!(
            decrypt_dnode_block(&key, &PARAMS, false, &mut vec![0; found]),
            Err(CryptoError::BlockLength { what: "dnode", found })
        );
    }
}

proptest! {
    #[test]
    fn any_block_has_an_answer(
        mut block in prop::collection::vec(prop_oneof![9 => 0u8..6, 1 => any::<u8>()], 4096),
        big_endian in any::<bool>(),
    ) {
        let key = dataset_key(Suite::AES_256_GCM, V1);
        prop_assert!(decrypt_dnode_block(&key, &PARAMS, big_endian, &mut block).is_err());
    }
}
