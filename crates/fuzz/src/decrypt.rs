//! Any bytes as a block of dnodes of an encrypted dataset: `[flags]`, then whole slots; flag 1 says that the
//! key is of version 0, flag 2 that the block is big-endian.
//!
//! The block is sealed by a plain writing of the rules first, as its writer would. It opens to what it was, in
//! either byte order; turned to the other one it is refused for the same, or opens to the same; and it does not
//! open once a byte that the MAC covers was changed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use std::ops::Range;
use zsend_crypto::{
    AuthBp, BlockParams, CryptoError, DatasetKey, KeyObject, KeyVersion, Suite, WrappingKey,
    decrypt_dnode_block,
};
use zsend_ondisk::blkptr::BLKPTR_SIZE;
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_ondisk::dnode::{CORE_SIZE, DNODE_BLOCK_SIZE, DNODE_SIZE, FLAG_SPILL};
use zsend_records::types::{ByteswapKind, DmuType};

const MASTER: [u8; 32] = [0x35; 32];
const HMAC: [u8; 64] = [0x53; 64];
const SALT: [u8; 8] = *b"the salt";
const IV: [u8; 12] = *b"twelve bytes";
const GUID: u64 = 7;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [flags, block @ ..] = bytes else { return };
    let version = if flags & 1 != 0 { KeyVersion::V0 } else { KeyVersion::CURRENT };
    let big = flags & 2 != 0;
    let block = &block[..block.len().min(DNODE_BLOCK_SIZE)];
    let key = dataset_key(version);
    let zero = BlockParams { salt: SALT, iv: IV, mac: [0; 16] };
    let mut unsealed = block.to_vec();
    let refused = decrypt_dnode_block(&key, &zero, big, &mut unsealed).expect_err("the MAC is wrong");
    assert_eq!(unsealed, block, "a block that is refused is as it was");
    let Some(areas) = areas(block) else {
        assert!(matches!(refused, CryptoError::Dnode { .. } | CryptoError::BlockLength { .. }));
        return;
    };
    assert!(matches!(refused, CryptoError::Mac { .. }), "{refused}");

    let mut sealed = block.to_vec();
    let params = seal(&mut sealed, &areas, big, version);
    let mut opened = sealed.clone();
    decrypt_dnode_block(&key, &params, big, &mut opened).expect("it was sealed so");
    assert_eq!(opened, block);
    // The type of the first slot is authenticated, whatever it says.
    let mut changed = sealed.clone();
    changed[0] ^= 1;
    assert!(decrypt_dnode_block(&key, &params, big, &mut changed).is_err());

    // What free slots hold is no more once a block was turned.
    let mut settled = block.to_vec();
    turn(&mut settled, big, true);
    turn(&mut settled, !big, true);
    let mut twin = settled.clone();
    turn(&mut twin, big, false);
    let [one, other] = [(&settled, big), (&twin, !big)].map(|(block, big)| {
        let areas = self::areas(block)?;
        let mut sealed = block.clone();
        let params = seal(&mut sealed, &areas, big, version);
        decrypt_dnode_block(&key, &params, big, &mut sealed).expect("it was sealed so");
        assert_eq!(&sealed, block);
        turn(&mut sealed, big, false);
        Some(sealed)
    });
    assert_eq!(one.is_some(), other.is_some());
    if let (Some(one), Some(other)) = (one, other) {
        assert_eq!((one, other), (twin, settled));
    }
}

/// Turns a block of that order to the other one; a free slot is cleared on the way in alone.
fn turn(block: &mut [u8], big: bool, settle: bool) {
    if big || settle {
        swap(ByteswapKind::Dnode, block);
    } else {
        swap_out(ByteswapKind::Dnode, block);
    }
}

/// A dnode of a block: its bytes, and the rooms of its bonus and of its spill pointer among them.
struct Area {
    dnode: Range<usize>,
    bonus: Range<usize>,
    spill: Range<usize>,
    is_encrypted: bool,
}

/// The dnodes of a block, free slots as they lie; `None` if a field leads out of its dnode.
fn areas(block: &[u8]) -> Option<Vec<Area>> {
    if block.is_empty() || !block.len().is_multiple_of(DNODE_SIZE) {
        return None;
    }
    let (mut all, mut start) = (Vec::new(), 0);
    while start < block.len() {
        let head = &block[start..];
        let size = (usize::from(head[12]) + 1) * DNODE_SIZE;
        let has_spill = head[7] & FLAG_SPILL != 0;
        let end = if has_spill { size - BLKPTR_SIZE } else { size };
        let bonus = CORE_SIZE + usize::from(head[3]) * BLKPTR_SIZE;
        if size > head.len() || head[3] > 3 || bonus > end {
            return None;
        }
        let is_encrypted =
            head[0] != 0 && DmuType(head[4]).is_encrypted() && head[10..12] != [0; 2];
        all.push(Area {
            dnode: start..start + size,
            bonus: start + bonus..start + end,
            spill: start + end..start + size,
            is_encrypted,
        });
        start += size;
    }
    Some(all)
}

/// Encrypts the bonuses of a block in place.
fn seal(block: &mut [u8], areas: &[Area], big: bool, version: KeyVersion) -> BlockParams {
    let (mut aad, mut text) = (Vec::new(), Vec::new());
    for Area { dnode, bonus, spill, is_encrypted } in areas {
        let at = dnode.start;
        aad.extend(&block[at..at + 7]);
        aad.push(block[at + 7] & FLAG_SPILL);
        aad.extend(&block[at + 8..at + 24]);
        aad.extend([0; 8]);
        aad.extend(&block[at + 32..at + CORE_SIZE]);
        let pointers = [&block[at + CORE_SIZE..bonus.start], &block[spill.clone()]].concat();
        for bp in pointers.as_chunks().0 {
            aad.extend(AuthBp::from_stored(bp, big, version).as_bytes());
        }
        let bonus = &block[bonus.clone()];
        if *is_encrypted { text.extend(bonus) } else { aad.extend(bonus) }
    }
    let mut key = [0; 32];
    let derived = Salt::new(HKDF_SHA512, &[]).extract(&MASTER);
    let filled = derived.expand(&[&SALT[..]], Length).and_then(|okm| okm.fill(&mut key));
    filled.expect("32 bytes can be derived");
    let mac = gcm(&key, &aad, &mut text);
    let mut text = text.as_slice();
    for area in areas.iter().filter(|area| area.is_encrypted) {
        let (bonus, rest) = text.split_at(area.bonus.len());
        block[area.bonus.clone()].copy_from_slice(bonus);
        text = rest;
    }
    BlockParams { salt: SALT, iv: IV, mac }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

fn gcm(key: &[u8; 32], aad: &[u8], text: &mut [u8]) -> [u8; 16] {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are a key"));
    let nonce = Nonce::assume_unique_for_key(IV);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), text).expect("it is short");
    tag.as_ref().try_into().expect("a tag has 16 bytes")
}

/// The key of the sealed blocks, by way of a key object.
fn dataset_key(version: KeyVersion) -> DatasetKey {
    let raw = [9; 32];
    let suite = Suite::AES_256_GCM;
    let mut aad = GUID.to_le_bytes().to_vec();
    if version != KeyVersion::V0 {
        aad.extend(suite.0.to_le_bytes());
        aad.extend(version.0.to_le_bytes());
    }
    let mut keys = [&MASTER[..], &HMAC].concat();
    let mac = gcm(&raw, &aad, &mut keys);
    let (mut master_key, mut hmac_key) = ([0; 32], [0; 64]);
    master_key.copy_from_slice(&keys[..32]);
    hmac_key.copy_from_slice(&keys[32..]);
    let object = KeyObject { suite, guid: GUID, version, master_key, hmac_key, iv: IV, mac };
    let wrapping = WrappingKey::from_raw(&raw).expect("32 bytes are a key");
    object.unwrap(&wrapping).expect("it was wrapped so")
}
