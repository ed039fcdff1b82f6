//! Every object type's blocks, and their twins as a big-endian machine writes them.

use crate::blkptr::{BlkPtr, Dva};
use crate::dmu::dnode::Dnode;
use crate::zap::tests::{fat_blocks, micro_block};
use crate::zbookmark::Zbookmark;
use crate::zio::Access;
use crate::zio::read::tests::zio_of;
use bytes::Bytes;
use zsend_codec::checksum;
use zsend_ondisk::Order;
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_records::types::{ByteswapKind, Checksum, DmuType};

/// All types that exist: the old list, and each way to write a new one.
fn types() -> Vec<DmuType> {
    let old = 0..54;
    let new = (0..10).flat_map(|kind| [0x80, 0xa0, 0xc0, 0xe0].map(|flags| flags | kind));
    old.chain(new).map(DmuType).collect()
}

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Bytes that are all different from their neighbours.
fn counting(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

fn entry(kind: u16, flags: u16, rest: usize) -> Vec<u8> {
    let mut e = counting(8 + rest);
    put(&mut e, 0, &kind.to_le_bytes());
    put(&mut e, 2, &flags.to_le_bytes());
    e
}

/// An owner's entry, a user's, one with GUIDs, the owning group's, everyone's, and zeros.
fn acl() -> Vec<u8> {
    let entries = [(0, 0x1000, 0), (1, 0, 8), (6, 0, 40), (0, 0x2040, 0), (2, 0x4000, 0)];
    let mut acl: Vec<u8> =
        entries.iter().flat_map(|&(kind, flags, rest)| entry(kind, flags, rest)).collect();
    acl.resize(512, 0);
    acl
}

/// A znode with the ACL version given, and a link's target behind it.
fn znode(version: u16) -> Vec<u8> {
    let mut z = counting(264 + 40);
    put(&mut z, 188, &version.to_le_bytes());
    put(&mut z, 192, &acl()[..72]);
    z
}

/// A dnode of `slots` with a block pointer and a bonus that fills its room.
fn dnode(kind: DmuType, bonustype: DmuType, slots: usize, spill: bool) -> Vec<u8> {
    let mut d = counting(slots * 512);
    let room = slots * 512 - 192 - if spill { 128 } else { 0 };
    put(&mut d, 0, &[kind.0, 14, 1, 1, bonustype.0, 7, 15, if spill { 5 } else { 1 }]);
    put(&mut d, 8, &256_u16.to_le_bytes());
    put(&mut d, 10, &u16::try_from(room).unwrap().to_le_bytes());
    put(&mut d, 12, &[u8::try_from(slots - 1).unwrap(), 0, 0, 0]);
    let bonus = match bonustype.byteswap() {
        Some(ByteswapKind::Znode) => znode(1),
        Some(ByteswapKind::Acl) => acl(),
        Some(ByteswapKind::Zap) => micro_block(),
        _ => Vec::new(),
    };
    let len = bonus.len().min(room);
    put(&mut d, 192, &bonus[..len]);
    d
}

/// A block of dnodes with every bonus type, large dnodes and free slots among them.
fn dnodes() -> Vec<u8> {
    let mut block = Vec::new();
    for (i, bonustype) in types().into_iter().enumerate() {
        block.extend(dnode(DmuType(19), bonustype, 1 + i % 3, i % 2 == 0));
        if i % 5 == 0 {
            block.extend([0; 512]);
        }
    }
    block
}

/// An object set's block of that size: 1, 2 or 4 KiB.
fn objset(size: usize) -> Vec<u8> {
    let mut o = counting(size);
    o[752 + 32..1024].fill(0);
    for at in [0, 1024, 1536, 2048] {
        if at + 512 <= size {
            let mut d = dnode(DmuType::DNODE, DmuType::NONE, 1, false);
            put(&mut d, 10, &[0, 0]);
            put(&mut o, at, &d);
        }
    }
    o
}

/// Blocks as a little-endian machine has them.
fn samples(kind: ByteswapKind) -> Vec<Vec<u8>> {
    let [header, leaf] = fat_blocks();
    match kind {
        ByteswapKind::Zap => {
            let table: Vec<u8> = (1..=128_u64).rev().flat_map(u64::to_le_bytes).collect();
            vec![micro_block(), header, leaf, table]
        }
        ByteswapKind::Dnode => vec![dnodes()],
        ByteswapKind::Objset => [1024, 2048, 4096].map(objset).to_vec(),
        ByteswapKind::Znode => vec![znode(0), znode(1)],
        ByteswapKind::Acl => vec![acl()],
        _ => vec![counting(512), counting(1536)],
    }
}

/// Reads `data` as a block of `kind`, from a device, as a pool would.
fn read(kind: DmuType, data: &[u8], big: bool) -> Bytes {
    let zio = zio_of(&[(0, data)], 9);
    let len = data.len() as u64;
    let bp = BlkPtr::builder()
        .object_type(kind)
        .size(len)
        .order(Order::from_big_endian(big))
        .checksum_type(Checksum::FLETCHER_4)
        .checksum(checksum::compute(Checksum::FLETCHER_4, data, big, None).unwrap())
        .dva(0, Dva::new(0, 0, len).unwrap())
        .logical_birth(1)
        .build()
        .unwrap();
    zio.read(&bp, &Zbookmark::default(), Access::default()).unwrap()
}

#[test]
fn a_twin_of_every_type_reads_the_same() {
    for kind in types() {
        let swap_kind = kind.byteswap().unwrap();
        for mut sample in samples(swap_kind) {
            sample.resize(sample.len().next_multiple_of(512), 0);
            let mut twin = sample.clone();
            swap_out(swap_kind, &mut twin);
            assert_eq!(twin != sample, swap_kind != ByteswapKind::U8, "type {kind}");
            assert_eq!(read(kind, &sample, false), sample, "type {kind}");
            assert_eq!(read(kind, &twin, true), sample, "type {kind}, twin");
        }
    }
}

#[test]
fn a_twin_of_every_bonus_reads_the_same() {
    for bonustype in types() {
        let sample = dnode(DmuType(19), bonustype, 2, true);
        let mut twin = sample.clone();
        swap_out(ByteswapKind::Dnode, &mut twin);
        // Strings stay, and what nothing has in a bonus; the rest is turned.
        let stays = [ByteswapKind::U8, ByteswapKind::Dnode, ByteswapKind::Objset];
        let is_turned = bonustype.byteswap().is_some_and(|kind| !stays.contains(&kind));
        assert_eq!(twin[192..896] != sample[192..896], is_turned, "type {bonustype}");
        swap(ByteswapKind::Dnode, &mut twin);
        let at = Zbookmark::default();
        let parse = |bytes: &[u8]| Dnode::parse(&Bytes::copy_from_slice(bytes), 0, &at).unwrap();
        let (ours, theirs) = (parse(&sample), parse(&twin));
        assert_eq!(ours.bonus(), theirs.bonus(), "type {bonustype}");
        assert_eq!((ours.blkptr(0), ours.spill()), (theirs.blkptr(0), theirs.spill()));
    }
}

#[test]
fn an_encrypted_bonus_is_turned_by_its_type() {
    let kinds = [(DmuType::SA, 1), (DmuType(0xa1), 2), (DmuType(0xa2), 4), (DmuType(0xa3), 8)];
    for (bonustype, width) in kinds {
        assert!(bonustype.is_encrypted());
        let sample = dnode(DmuType(19), bonustype, 1, false);
        let mut turned = sample.clone();
        swap_out(ByteswapKind::Dnode, &mut turned);
        let wanted: Vec<u8> =
            sample[192..].chunks(width).flat_map(|w| w.iter().rev()).copied().collect();
        assert_eq!(turned[192..], wanted, "{bonustype}");
    }
}

#[test]
fn a_spill_pointer_may_overlap_the_last_pointer() {
    let mut sample = dnode(DmuType(19), DmuType::NONE, 1, true);
    (sample[3], sample[10], sample[11]) = (3, 0, 0);
    let mut turned = sample.clone();
    swap_out(ByteswapKind::Dnode, &mut turned);
    for (ours, theirs) in sample[64..].chunks(8).zip(turned[64..].chunks(8)) {
        assert!(ours.iter().eq(theirs.iter().rev()));
    }
}
