//! Objset MACs against a plain writing of the rules, in both byte orders and all sizes.

use super::*;
use crate::auth::AuthBp;
use crate::key_object::KeyVersion;
use crate::suite::Suite;
use crate::test_keys::{HMAC, dataset_key};
use aws_lc_rs::hmac as reference;
use proptest::prelude::*;
use std::mem::offset_of;

const V1: KeyVersion = KeyVersion::CURRENT;
const SUITE: Suite = Suite::AES_256_GCM;

/// A dnode of three pointers, its integers in the order given.
fn dnode(kind: u8, seed: u8, big_endian: bool) -> [u8; 512] {
    let mut bytes = [seed; 512];
    bytes[0] = kind;
    bytes[3] = 3;
    bytes[7] = 0b1011;
    bytes[12] = 0;
    for (at, len) in [(8, 2), (10, 2), (16, 8), (24, 8)] {
        let field: &mut [u8] = &mut bytes[at..at + len];
        field.fill(0);
        field[if big_endian { len - 1 } else { 0 }] = seed;
        field[if big_endian { 0 } else { len - 1 }] = 1;
    }
    bytes
}

/// Bytes of such a dnode that a MAC takes in: little-endian.
fn portable(dnode: &[u8; 512], big_endian: bool, version: KeyVersion) -> Vec<u8> {
    let mut bytes = dnode[..64].to_vec();
    bytes[7] = 0;
    if big_endian {
        bytes[8..10].reverse();
        bytes[10..12].reverse();
        bytes[16..24].reverse();
    }
    bytes[24..32].fill(0);
    for bp in dnode[64..448].as_chunks::<128>().0 {
        bytes.extend(AuthBp::from_stored(bp, big_endian, version).as_bytes());
    }
    bytes
}

fn hmac(data: &[u8]) -> Vec<u8> {
    let key = reference::Key::new(reference::HMAC_SHA512, &HMAC);
    reference::sign(&key, data).as_ref()[..32].to_vec()
}

/// An objset block with both MACs; `kinds` are the types of the accounting dnodes.
fn sealed(
    size: usize,
    big_endian: bool,
    flags: u64,
    kinds: [u8; 3],
    version: KeyVersion,
) -> Vec<u8> {
    let word = |value: u64| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut block = vec![0; size];
    let meta = dnode(10, 7, big_endian);
    block[..512].copy_from_slice(&meta);
    block[704..712].copy_from_slice(&word(2));
    block[712..720].copy_from_slice(&word(flags));
    let data = [vec![0, 0, 0, 0, 0, 0, 0, 2], vec![0; 8], portable(&meta, big_endian, version)];
    block[720..752].copy_from_slice(&hmac(&data.concat()));
    let mut data = flags.to_le_bytes().to_vec();
    for (i, kind) in kinds.into_iter().enumerate() {
        let at = 1024 + i * 512;
        if at < size {
            let dnode = dnode(kind, 20 + kind, big_endian);
            block[at..at + 512].copy_from_slice(&dnode);
            if kind != 0 {
                data.extend(portable(&dnode, big_endian, version));
            }
        }
    }
    block[752..784].copy_from_slice(&hmac(&data));
    block
}

#[test]
fn both_macs_of_every_size_order_and_version() {
    for version in [KeyVersion::V0, V1] {
        let key = dataset_key(SUITE, version);
        for big_endian in [false, true] {
            for (size, want) in
                [(1024, LocalMac::NotUsed), (2048, LocalMac::Verified), (4096, LocalMac::Verified)]
            {
                let block = sealed(size, big_endian, 7, [37, 37, 37], version);
                assert_eq!(verify_objset(&key, big_endian, &block), Ok(want));
                let stored = ObjsetPhys::ref_from_prefix(&block).unwrap().0.portable_mac;
                assert_eq!(portable_mac(&key, big_endian, &block), Ok(stored));
            }
        }
    }
}

#[test]
fn absent_accounting_dnodes_are_left_out() {
    let key = dataset_key(SUITE, V1);
    for (kinds, want) in [
        ([37, 0, 0], LocalMac::Verified),
        ([0, 37, 37], LocalMac::Verified),
        ([0, 0, 0], LocalMac::NotUsed),
        ([0, 0, 37], LocalMac::NotUsed),
    ] {
        assert_eq!(verify_objset(&key, false, &sealed(4096, false, 5, kinds, V1)), Ok(want));
    }
}

#[test]
fn an_unused_local_mac_is_not_looked_at() {
    let key = dataset_key(SUITE, V1);
    // As a raw receive leaves it: accounting not complete, the MAC zero; and a stale one.
    let mut block = sealed(4096, false, 0, [37, 37, 0], V1);
    assert_eq!(verify_objset(&key, false, &block), Ok(LocalMac::NotUsed));
    block[offset_of!(ObjsetPhys, local_mac)..][..32].fill(0);
    assert_eq!(verify_objset(&key, false, &block), Ok(LocalMac::NotUsed));
    // Zero where there is accounting is not: the writer would have made one.
    let mut block = sealed(4096, false, 1, [37, 37, 0], V1);
    block[offset_of!(ObjsetPhys, local_mac)..][..32].fill(0);
    assert_eq!(
        verify_objset(&key, false, &block),
        Err(CryptoError::Mac { what: "local MAC of an objset" })
    );
}

#[test]
fn altered_objsets_are_refused() {
    let key = dataset_key(SUITE, V1);
    let sealed = sealed(4096, false, 1, [37, 37, 37], V1);
    let check = |byte: usize, bit: u8| {
        let mut block = sealed.clone();
        block[byte] ^= 1 << bit;
        verify_objset(&key, false, &block)
    };
    for (byte, bit) in [(1, 0), (17, 4), (64 + 113, 0), (704, 0), (711, 7), (720, 0), (751, 7)] {
        let wrong = Err(CryptoError::Mac { what: "portable MAC of an objset" });
        assert_eq!(check(byte, bit), wrong, "byte {byte}");
    }
    for (byte, bit) in [(712, 1), (752, 0), (783, 7), (1025, 0), (1552, 0), (2049, 0)] {
        let wrong = Err(CryptoError::Mac { what: "local MAC of an objset" });
        assert_eq!(check(byte, bit), wrong, "byte {byte}");
    }
    // The intent log's header, `used` and the padding are not covered.
    for (byte, bit) in [(512, 0), (24, 0), (800, 0), (4095, 0)] {
        assert_eq!(check(byte, bit), Ok(LocalMac::Verified), "byte {byte}");
    }
}

#[test]
fn blocks_of_other_sizes_and_wild_dnodes_are_refused() {
    let key = dataset_key(SUITE, V1);
    for found in [0, 512, 1023, 1536, 8192] {
        assert_eq!(
            verify_objset(&key, false, &vec![0; found]),
            Err(CryptoError::BlockLength { what: "objset", found })
        );
    }
    let mut block = sealed(4096, false, 1, [37, 37, 37], V1);
    block[1536 + 12] = 1;
    assert_eq!(
        verify_objset(&key, false, &block),
        Err(CryptoError::Dnode { slot: 3, what: "extra_slots", found: 1, max: 0 })
    );
}

proptest! {
    #[test]
    fn any_block_has_an_answer(
        block in prop::collection::vec(any::<u8>(), 4096),
        size in prop::sample::select(vec![1024_usize, 2048, 4096]),
        big_endian in any::<bool>(),
    ) {
        let key = dataset_key(SUITE, V1);
        prop_assert!(verify_objset(&key, big_endian, &block[..size]).is_err());
    }
}
