//! DOS partition tables: primary partitions, and the chain of logical ones in an extended partition.

use super::gpt::Partition;
use crate::device::Device;
use static_assertions::assert_eq_size;
use std::collections::BTreeSet;
use zerocopy::byteorder::{LE, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Bytes of a boot record, whatever the disk's block size.
const RECORD_SIZE: usize = 512;
/// The four entries, then the two bytes that end a boot record.
const ENTRIES_AT: usize = 446;
const SIGNATURE: [u8; 2] = [0x55, 0xaa];
/// The number of the first logical partition.
const FIRST_LOGICAL: usize = 5;
/// Logical partitions that are followed; no system makes more than 60 or so.
const MAX_LOGICAL: usize = 256;

/// Types of an extended partition: of DOS, of Windows (by LBA), of old Linux.
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// Type of the entry that keeps others off a disk with a GPT.
const PROTECTIVE: u8 = 0xee;

/// One of the four entries. Source: UEFI Specification 2.10, section 5.2.1.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct DosEntry {
    /// Zero, or 0x80 for the one to boot.
    status: u8,
    first_chs: [u8; 3],
    kind: u8,
    last_chs: [u8; 3],
    first_lba: U32<LE>,
    blocks: U32<LE>,
}
assert_eq_size!(DosEntry, [u8; 16]);

impl DosEntry {
    /// Returns true if it describes something; the boot record of a file system has code in its place.
    fn is_used(&self) -> bool {
        let sound = matches!(self.status, 0 | 0x80);
        sound && self.kind != 0 && self.first_lba.get() != 0 && self.blocks.get() != 0
    }

    fn is_protective(&self) -> bool {
        self.kind == PROTECTIVE
    }

    fn is_extended(&self) -> bool {
        EXTENDED.contains(&self.kind)
    }
}

/// The partitions of a disk by the table in its first block, with which its `head` begins and whose
/// numbers count blocks of `block_size` bytes. The extended partition itself, which holds the logical
/// ones, is not among them, nor is what only stands before a GPT. None where there is no such table.
pub(super) fn partitions(disk: &Device, head: &[u8], block_size: u64) -> Vec<Partition> {
    let Some(entries) = record(head) else { return Vec::new() };
    let mut found = Vec::new();
    for (entry, number) in
        entries.iter().zip(1..).filter(|(e, _)| e.is_used() && !e.is_protective())
    {
        if entry.is_extended() {
            let start = u64::from(entry.first_lba.get());
            logical(disk, block_size, start, &mut found);
        } else {
            found.extend(partition(disk, block_size, 0, entry, number));
        }
    }
    found.sort_by_key(|p| p.number);
    found
}

/// Returns true if the table only stands before a GPT.
pub(super) fn is_protective(head: &[u8]) -> bool {
    record(head).is_some_and(|entries| entries.iter().any(DosEntry::is_protective))
}

/// The four entries of the boot record that `bytes` begin with; `None` if there is none.
fn record(bytes: &[u8]) -> Option<[DosEntry; 4]> {
    let record = bytes.get(ENTRIES_AT..RECORD_SIZE)?;
    let (entries, end) = <[DosEntry; 4]>::read_from_prefix(record).ok()?;
    (end == SIGNATURE).then_some(entries)
}

/// Follows the chain of an extended partition that starts at block `start`: each record has a
/// logical partition, counted from the record, and the next record, counted from `start`.
fn logical(disk: &Device, block_size: u64, start: u64, found: &mut Vec<Partition>) {
    let mut at = start;
    let mut number = FIRST_LOGICAL;
    // Partitions that were made in the place of others make a chain that goes back and forth. One that
    // leads to a place for the second time is a loop.
    let mut seen = BTreeSet::new();
    while seen.insert(at) && seen.len() <= MAX_LOGICAL {
        let Some(at_byte) = at.checked_mul(block_size) else { return };
        let Ok(bytes) = disk.read_bytes(at_byte, RECORD_SIZE) else { return };
        let Some(entries) = record(&bytes) else { return };
        // The first two entries are all that most programs write.
        let used = || entries.iter().filter(|e| e.is_used());
        for entry in used().filter(|e| !e.is_extended()) {
            found.extend(partition(disk, block_size, at, entry, number));
            number += 1;
        }
        let Some(next) = used().find(|e| e.is_extended()) else { return };
        at = start + u64::from(next.first_lba.get());
    }
}

/// The partition of an entry that counts from block `base`; `None` if it leaves the disk.
fn partition(
    disk: &Device,
    block_size: u64,
    base: u64,
    entry: &DosEntry,
    number: usize,
) -> Option<Partition> {
    let start = (base + u64::from(entry.first_lba.get())).checked_mul(block_size)?;
    let size = u64::from(entry.blocks.get()).checked_mul(block_size)?;
    let size = start.checked_add(size)?.min(disk.size()).checked_sub(start)?;
    (size > 0).then_some(Partition { number, start, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::Memory;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Type of a partition with a native Linux file system.
    const LINUX: u8 = 0x83;

    /// Writes entries of (type, first block, blocks) at a record.
    fn put(disk: &mut [u8], at: usize, entries: &[(u8, u32, u32)]) {
        for (i, (kind, first, blocks)) in entries.iter().enumerate() {
            let entry = &mut disk[at + ENTRIES_AT + i * 16..][..16];
            entry[4] = *kind;
            entry[8..12].copy_from_slice(&first.to_le_bytes());
            entry[12..].copy_from_slice(&blocks.to_le_bytes());
        }
        disk[at + 510..at + 512].copy_from_slice(&SIGNATURE);
    }

    fn parse(disk: Vec<u8>, block_size: u64) -> Vec<Partition> {
        let disk = Device::new("disk", Arc::new(Memory(disk)));
        partitions(&disk, &super::super::gpt::head(&disk), block_size)
    }

    fn bytes(number: usize, start: u64, size: u64) -> Partition {
        Partition { number, start: start * 512, size: size * 512 }
    }

    #[test]
    fn a_boot_record_of_a_file_system_has_no_partitions() {
        let mut disk = vec![0xb8; 1 << 20];
        disk[510..512].copy_from_slice(&SIGNATURE);
        assert_eq!(parse(disk, 512), []);
        assert_eq!(parse(vec![0; 1 << 20], 512), []);
        assert_eq!(parse(Vec::new(), 512), []);
    }

    #[test]
    fn a_protective_table_is_left_to_the_gpt() {
        let mut disk = vec![0; 1 << 20];
        put(&mut disk, 0, &[(PROTECTIVE, 1, u32::MAX)]);
        assert_eq!(parse(disk, 512), []);
    }

    #[test]
    fn large_blocks_count_in_large_blocks() {
        let mut disk = vec![0; 1 << 20];
        put(&mut disk, 0, &[(LINUX, 16, 32)]);
        assert_eq!(parse(disk, 4096), [Partition { number: 1, start: 16 << 12, size: 32 << 12 }]);
    }

    #[test]
    fn a_chain_may_go_back_but_not_in_a_loop() {
        let mut disk = vec![0; 1 << 20];
        put(&mut disk, 0, &[(0x05, 100, 1000)]);
        put(&mut disk, 100 * 512, &[(LINUX, 10, 50), (0x05, 200, 100)]);
        put(&mut disk, 300 * 512, &[(LINUX, 10, 50), (0x05, 100, 100)]);
        put(&mut disk, 200 * 512, &[(LINUX, 10, 50), (0x05, 200, 100)]);
        let wanted = [bytes(5, 110, 50), bytes(6, 310, 50), bytes(7, 210, 50)];
        assert_eq!(parse(disk, 512), wanted);
    }

    #[test]
    fn partitions_that_leave_the_disk_are_cut_or_dropped() {
        let mut disk = vec![0; 1 << 20];
        put(&mut disk, 0, &[(LINUX, 2000, 5000), (LINUX, 4000, 1), (LINUX, u32::MAX, u32::MAX)]);
        assert_eq!(parse(disk, 512), [bytes(1, 2000, 48)]);
    }

    proptest! {
        /// Every partition of a table that a model writes is found where the model put it.
        #[test]
        fn all_partitions_are_found(
            primary in prop::collection::vec(1u32..50, 0..4),
            logical in prop::collection::vec((1u32..20, 1u32..50), 0..12),
        ) {
            let mut disk = vec![0; 1 << 20];
            let (mut at, mut entries, mut wanted) = (1, Vec::new(), Vec::new());
            for (blocks, number) in primary.iter().zip(1..) {
                entries.push((LINUX, at, *blocks));
                wanted.push(bytes(number, at.into(), (*blocks).into()));
                at += blocks;
            }
            let first = at;
            if !logical.is_empty() {
                entries.push((0x0f, first, 1500));
            }
            put(&mut disk, 0, &entries);
            for (i, (gap, blocks)) in logical.iter().enumerate() {
                let next = at + gap + blocks;
                let mut record = vec![(LINUX, *gap, *blocks)];
                if i + 1 < logical.len() {
                    record.push((0x05, next - first, 100));
                }
                put(&mut disk, at as usize * 512, &record);
                wanted.push(bytes(5 + i, (at + gap).into(), (*blocks).into()));
                at = next;
            }
            prop_assert_eq!(parse(disk, 512), wanted);
        }

        /// Any bytes end, and what is found lies inside the disk.
        #[test]
        fn any_table_stays_inside_the_disk(
            table in prop::collection::vec(any::<u8>(), 64),
            block_size in prop::sample::select(vec![512u64, 4096]),
        ) {
            let mut disk = vec![0; 64 << 10];
            // Every sector is such a boot record, so that chains lead on.
            for sector in disk.chunks_mut(512) {
                sector[ENTRIES_AT..510].copy_from_slice(&table);
                sector[510..].copy_from_slice(&SIGNATURE);
            }
            let size = disk.len() as u64;
            for p in parse(disk, block_size) {
                prop_assert!(p.size > 0 && p.start + p.size <= size);
            }
        }
    }
}
