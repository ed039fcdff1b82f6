//! Any bytes as a disk: `[flags]`, then its first bytes; flag 1 puts the CRCs right.
//!
//! Every partition lies inside the disk.

use zsend_pool::discover::gpt::{head, partitions};

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [flags, disk @ ..] = bytes else { return };
    let mut disk = disk.to_vec();
    if flags & 1 != 0 {
        for block_size in [512, 4096] {
            put_right(&mut disk, block_size);
        }
    }
    let size = if flags & 2 != 0 { disk.len() as u64 } else { 1 << 30 };
    let device = crate::memory::device(&disk, size);
    for partition in partitions(&device, &head(&device)).unwrap_or_default() {
        assert!(partition.size > 0 && partition.start + partition.size <= size);
        assert_eq!(device.part(partition.start, partition.size).size(), partition.size);
    }
}

/// Computes the CRCs of a header in block 1 and of its entries.
fn put_right(disk: &mut [u8], block_size: usize) {
    let word = |disk: &[u8], at: usize| {
        disk.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
    };
    let start = block_size.saturating_mul(word(disk, block_size + 72));
    let len = word(disk, block_size + 80).saturating_mul(word(disk, block_size + 84));
    let Some(entries) = disk.get(start..start.saturating_add(len)) else { return };
    let crc = crc32(entries);
    let Some(header) = disk.get_mut(block_size..block_size + 92) else { return };
    header[88..].copy_from_slice(&crc.to_le_bytes());
    header[16..20].fill(0);
    let crc = crc32(header);
    header[16..20].copy_from_slice(&crc.to_le_bytes());
}

/// CRC-32, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |crc: u32, _| {
            (crc >> 1) ^ if crc & 1 != 0 { 0xEDB8_8320 } else { 0 }
        })
    })
}
