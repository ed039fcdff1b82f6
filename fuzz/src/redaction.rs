//! Any bytes as a redaction list: `[flags]`, 64 bytes of its header, then its entries in blocks of 512
//! bytes; flag 1 puts the header into the spill block.
//!
//! The list ends, whatever it says of itself, and its runs ascend and do not overlap.

use std::mem::offset_of;
use std::sync::Arc;
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_ondisk::objset::ObjsetPhys;
use zsend_pool::BlockCache;
use zsend_pool::blkptr::{BlkPtr, Dva};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::redaction::RedactionList;
use zsend_records::types::DmuType;

/// `DMU_OTN_UINT64_METADATA`.
const UINT64_METADATA: u8 = 0x80 | 0x40 | 3;
/// Bytes of the header, and of each block.
const HEADER: usize = 64;
const BLOCK: usize = 512;
/// Sectors where the blocks of dnodes, the spill block and the entries lie.
const DNODES: u64 = 2;
const SPILL: u64 = 34;
const ENTRIES: u64 = 35;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&flags, rest)) = bytes.split_first() else { return };
    let Some((header, entries)) = rest.split_at_checked(HEADER) else { return };
    let spill = flags & 1 != 0;
    let blocks = (entries.len() / BLOCK).clamp(1, 2) as u64;
    let entries_at = |i: u64| pointer(UINT64_METADATA, ENTRIES + i, 1);
    let second = if blocks > 1 { entries_at(1) } else { BlkPtr::default() };
    let list = DnodeBuilder {
        core: DnodePhys { bonustype: UINT64_METADATA, ..core(UINT64_METADATA, 1, blocks - 1) },
        pointers: vec![entries_at(0), second],
        bonus: if spill { Vec::new() } else { header.to_vec() },
        spill: spill.then(|| pointer(UINT64_METADATA, SPILL, 1)),
    };
    let meta = DnodeBuilder {
        core: core(10, 32, 0),
        pointers: vec![pointer(10, DNODES, 32)],
        ..DnodeBuilder::default()
    };
    let built = |dnode: &DnodeBuilder| dnode.build(Order::Little).expect("a dnode of one slot");
    let mut root = built(&meta);
    root.resize(1024, 0);
    root[offset_of!(ObjsetPhys, kind)] = 2;
    let mut device = root;
    device.resize(1024 + 512, 0);
    device.extend(built(&list));
    device.resize(SPILL as usize * BLOCK, 0);
    device.extend(header);
    device.resize(ENTRIES as usize * BLOCK, 0);
    device.extend(entries);
    let (zio, cache) = (Arc::new(crate::memory::zio(&device, 9)), Arc::new(BlockCache::default()));
    let os =
        Objset::open(&zio, &cache, 1, pointer(11, 0, 2), None).expect("the object set is sound");
    let Ok(mut list) = RedactionList::open(&os, 1) else { return };
    assert!(list.guids().len() <= BLOCK / 8);
    let (mut last, mut runs) = ((0, 0), 0);
    while let Ok(Some(run)) = list.next_run() {
        assert!((run.object, run.first) >= last && run.first < run.end);
        last = (run.object, run.end);
        runs += 1;
    }
    assert!(runs <= blocks as usize * BLOCK / 32, "{runs} runs in {blocks} blocks");
}

/// A pointer without checksum to `sectors` at `sector`.
fn pointer(kind: u8, sector: u64, sectors: u64) -> BlkPtr {
    let bp = BlkPtr::builder()
        .object_type(DmuType(kind))
        .size(sectors * 512)
        .dva(0, Dva::new(0, sector * 512, sectors * 512).expect("a small device"))
        .logical_birth(1);
    bp.build().expect("a small block")
}

fn core(kind: u8, sectors: u16, maxblkid: u64) -> DnodePhys {
    DnodePhys {
        kind,
        indblkshift: 14,
        nlevels: 1,
        checksum: 2,
        compress: 2,
        datablkszsec: sectors.into(),
        maxblkid: maxblkid.into(),
        ..DnodePhys::default()
    }
}
