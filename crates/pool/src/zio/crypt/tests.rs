//! MACs of every kind of block, by a pool of every suite.

use super::*;
use crate::blkptr::{Dva, EmbeddedType};
use crate::dmu::objset::Objset;
use crate::dsl::name::Name;
use crate::zio::Zio;
use crate::{OpenOptions, Pool};
use zsend_crypto::CryptoError;

const DATASETS: [&str; 6] =
    ["aes-128-ccm", "aes-192-ccm", "aes-256-ccm", "aes-128-gcm", "aes-192-gcm", "aes-256-gcm"];

fn flipped(stored: &StoredBlock) -> StoredBlock {
    let mut data = stored.data.to_vec();
    let middle = data.len() / 2;
    data[middle] ^= 1;
    StoredBlock { data: data.into(), sum: None }
}

/// Opens a level-0 block as it is, then with one bit of it flipped behind its checksum, as
/// somebody who can write checksums would.
fn try_block(zio: &Zio, crypt: &Crypt, bp: &BlkPtr, at: &Zbookmark) {
    let stored = zio.read_stored(bp, at).unwrap();
    crypt.open(bp, at, stored.clone()).unwrap();
    match crypt.open(bp, at, flipped(&stored)) {
        Err(PoolError::Crypto { at: named, source: CryptoError::Mac { .. } }) => {
            assert_eq!(named, *at);
        }
        other => panic!("{at}: a flipped bit gave {:?}", other.map(|s| s.data.len())),
    }
}

fn try_indirect(os: &Objset, bp: &BlkPtr, at: &Zbookmark) {
    let data = os.read_block(bp, at).unwrap();
    check_indirect(bp, at, &data).unwrap();
    let mut data = data.to_vec();
    // The MAC of the first child's block pointer, which the parent's MAC covers.
    data[127] ^= 1;
    assert!(matches!(check_indirect(bp, at, &data), Err(PoolError::Crypto { .. })), "{at}");
}

#[test]
fn what_no_mac_covers_is_refused() {
    let crypt = Crypt { key: None };
    let at = Zbookmark::new(54, 1, 0, 0);
    let stored = BlkPtr::builder().size(512).dva(0, Dva::new(0, 0, 512).unwrap());
    let embedded = BlkPtr::builder().lsize(512).embedded(EmbeddedType::DATA, &[7; 64]);
    for (bp, encrypted, other) in [(stored, true, true), (embedded, false, true)] {
        let [with, without] = [true, false].map(|x| bp.uses_crypt(x).build().unwrap());
        assert_eq!(check(&with, &at, Some(&crypt)).is_ok(), encrypted);
        assert!(check(&without, &at, Some(&crypt)).is_err());
        assert_eq!(check(&without, &at, None).is_ok(), other);
    }
}

#[test]
fn every_mac_refuses_a_flipped_bit_in_every_suite() {
    let fixture = zsend_testkit::fixture("crypt");
    let dir = zsend_testkit::images::unpack(&fixture).unwrap();
    let pool = Pool::open(&[dir], "crypt", &OpenOptions::default()).unwrap();
    let pass = std::fs::read(fixture.join("keys/pass")).unwrap();
    for name in DATASETS {
        let snapshot = pool.dataset(&Name::parse(&format!("crypt/{name}@b")).unwrap()).unwrap();
        pool.load_key(&snapshot, &pass).unwrap();
        let os = pool.objset(&snapshot).unwrap();
        let crypt = os.crypt().unwrap().clone();
        let (zio, id) = (pool.zio(), os.id());
        try_block(zio, &crypt, os.root(), &Zbookmark::root(id));
        // Down the meta-dnode to its first block of dnodes.
        let mut bp = os.meta().blkptr(0).unwrap();
        for level in (1..os.meta().nlevels).rev() {
            let at = Zbookmark::new(id, 0, level.into(), 0);
            try_indirect(&os, &bp, &at);
            bp = BlkPtr::at(&os.read_block(&bp, &at).unwrap(), 0).unwrap();
        }
        try_block(zio, &crypt, &bp, &Zbookmark::new(id, 0, 0, 0));
        // The master node is authenticated, the root directory encrypted.
        let mut kinds = [false; 2];
        for object in 1..64 {
            let Ok(dnode) = os.dnode(object) else { continue };
            let Some(bp) = dnode.blkptr(0).filter(|bp| !bp.is_hole() && bp.level() == 0) else {
                continue;
            };
            try_block(zio, &crypt, &bp, &Zbookmark::new(id, object, 0, 0));
            kinds[usize::from(bp.is_encrypted())] = true;
        }
        assert_eq!(kinds, [true; 2], "{name}: authenticated and encrypted blocks");
    }
}

#[test]
fn an_unencrypted_block_is_refused_in_an_encrypted_object_set() {
    let (bp, at) = (BlkPtr::default(), Zbookmark::default());
    assert!(check(&bp, &at, None).is_ok());
    let refused = check(&bp, &at, Some(&Crypt { key: None }));
    assert!(matches!(refused, Err(PoolError::Corrupt { what: "block", .. })));
}
