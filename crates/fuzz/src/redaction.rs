//! Any bytes as a redaction list: `[flags]`, 64 bytes of its header, then its entries in blocks of 512
//! bytes; flag 1 puts the header into the spill block.
//!
//! The list ends, whatever it says of itself, and its runs ascend and do not overlap.

use crate::mos::{FREE, SECTOR, core, objset, pointer};
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dsl::redaction::RedactionList;
use zsend_records::types::DmuType;

/// `DMU_OTN_UINT64_METADATA`.
const UINT64_METADATA: DmuType = DmuType(0x80 | 0x40 | 3);
/// Bytes of the header.
const HEADER: usize = 64;
/// Sectors where the spill block and the entries lie.
const SPILL: u64 = FREE;
const ENTRIES: u64 = FREE + 1;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&flags, rest)) = bytes.split_first() else { return };
    let Some((header, entries)) = rest.split_at_checked(HEADER) else { return };
    let spill = flags & 1 != 0;
    let blocks = (entries.len() / SECTOR).clamp(1, 2) as u64;
    let entries_at = |i: u64| pointer(UINT64_METADATA, ENTRIES + i, 1);
    let second = if blocks > 1 { entries_at(1) } else { BlkPtr::default() };
    let list = DnodeBuilder {
        core: DnodePhys { bonustype: UINT64_METADATA.0, ..core(UINT64_METADATA, 1, blocks - 1) },
        pointers: vec![entries_at(0), second],
        bonus: if spill { Vec::new() } else { header.to_vec() },
        spill: spill.then(|| pointer(UINT64_METADATA, SPILL, 1)),
    };
    let mut data = header.to_vec();
    data.resize(SECTOR, 0);
    data.extend(entries);
    let os = objset(&[list], &data);
    let Ok(mut list) = RedactionList::open(&os, 1) else { return };
    assert!(list.guids().len() <= SECTOR / 8);
    let (mut last, mut runs) = ((0, 0), 0);
    while let Ok(Some(run)) = list.next_run() {
        assert!((run.object, run.first) >= last && run.first < run.end);
        last = (run.object, run.end);
        runs += 1;
    }
    assert!(runs <= blocks as usize * SECTOR / 32, "{runs} runs in {blocks} blocks");
}
