//! GUID partition tables: where the partitions of a whole disk lie.

use crate::device::Device;
use crate::error::{GptError, NoLabelReason};
use bytes::Bytes;
use core::mem::offset_of;
use static_assertions::{assert_eq_size, const_assert_eq};
use zerocopy::byteorder::{LE, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Signature at the start of a header.
const SIGNATURE: [u8; 8] = *b"EFI PART";
/// Bytes of a logical block: of nearly all disks, and of those that show 4 KiB sectors.
pub(super) const BLOCK_SIZES: [u64; 2] = [512, 4096];
/// Bounds of the table: the standard reserves 16 KiB, 128 entries of 128 bytes.
const MAX_ENTRIES: u32 = 1024;
const MAX_ENTRY_SIZE: u32 = 4096;

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its number, from one.
    pub number: usize,
    /// Bytes from the start of the disk.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// The header, before the rest of its block. Source: UEFI Specification 2.10, section 5.3.2.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct GptHeader {
    signature: [u8; 8],
    revision: U32<LE>,
    header_size: U32<LE>,
    header_crc: U32<LE>,
    reserved: U32<LE>,
    my_lba: U64<LE>,
    alternate_lba: U64<LE>,
    first_usable_lba: U64<LE>,
    last_usable_lba: U64<LE>,
    disk_guid: [u8; 16],
    entries_lba: U64<LE>,
    entry_count: U32<LE>,
    entry_size: U32<LE>,
    entries_crc: U32<LE>,
}
assert_eq_size!(GptHeader, [u8; 92]);
const_assert_eq!(offset_of!(GptHeader, entries_lba), 72);

/// An entry, before its attributes and name. Source: as above, section 5.3.3.
#[derive(FromBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct GptEntry {
    type_guid: [u8; 16],
    unique_guid: [u8; 16],
    first_lba: U64<LE>,
    last_lba: U64<LE>,
}
assert_eq_size!(GptEntry, [u8; 48]);

/// Bytes at a disk's start that hold the first block of every kind of table: see [`head`].
const HEAD_SIZE: usize = 8 << 10;

/// The first bytes of a disk, with the DOS table and the primary header of the GPT in them; none if
/// they cannot be read.
pub fn head(disk: &Device) -> Bytes {
    let len = usize::try_from(disk.size()).map_or(HEAD_SIZE, |size| size.min(HEAD_SIZE));
    disk.read_bytes(0, len).unwrap_or_default()
}

/// The partitions of a disk with this [`head`], by the first table that is sound: the primary one,
/// else the backup in the disk's last block.
///
/// # Errors
/// There is none, or what is wrong with the one that there is.
pub fn partitions(disk: &Device, head: &[u8]) -> Result<Vec<Partition>, Option<NoLabelReason>> {
    let mut why = None;
    for block_size in BLOCK_SIZES {
        let last = (disk.size() / block_size).saturating_sub(1);
        for lba in [1, last] {
            match table(disk, head, block_size, lba) {
                Ok(partitions) => return Ok(partitions),
                // Of the four places, the one that has a table at all is worth telling about.
                Err(Some(source)) => why = Some(NoLabelReason::Gpt { lba, block_size, source }),
                Err(None) => {}
            }
        }
    }
    Err(why)
}

/// Reads one copy of the table. `None` as the error says that there is none.
fn table(
    disk: &Device,
    head: &[u8],
    block_size: u64,
    lba: u64,
) -> Result<Vec<Partition>, Option<GptError>> {
    let at = lba.checked_mul(block_size).ok_or(None)?;
    let len = usize::try_from(block_size).map_err(|_| None)?;
    let in_head = usize::try_from(at).ok().and_then(|at| head.get(at..at.checked_add(len)?));
    let block = match in_head {
        Some(block) => Bytes::copy_from_slice(block),
        None => disk.read_bytes(at, len).map_err(|_| None)?,
    };
    let (header, _) = GptHeader::ref_from_prefix(&block).map_err(|_| None)?;
    if header.signature != SIGNATURE {
        return Err(None);
    }
    check_header(header, &block, lba).map_err(Some)?;
    let (count, size) = (header.entry_count.get(), header.entry_size.get());
    let len = u64::from(count) * u64::from(size);
    let entries = header
        .entries_lba
        .get()
        .checked_mul(block_size)
        .zip(usize::try_from(len).ok())
        .and_then(|(at, len)| disk.read_bytes(at, len).ok())
        .ok_or(Some(GptError::Entries))?;
    let (found, expected) = (crc32(&entries), header.entries_crc.get());
    if found != expected {
        return Err(Some(GptError::EntriesCrc { found, expected }));
    }
    let entries = entries.chunks_exact(size as usize).enumerate();
    Ok(entries.filter_map(|(i, entry)| partition(entry, i + 1, block_size, disk.size())).collect())
}

fn check_header(header: &GptHeader, block: &[u8], lba: u64) -> Result<(), GptError> {
    let size = header.header_size.get() as usize;
    let Some(bytes) = block.get(..size).filter(|b| b.len() >= size_of::<GptHeader>()) else {
        return Err(GptError::HeaderSize(header.header_size.get()));
    };
    let mut bytes = bytes.to_vec();
    let crc_at = offset_of!(GptHeader, header_crc);
    bytes[crc_at..crc_at + 4].fill(0);
    let (found, expected) = (crc32(&bytes), header.header_crc.get());
    if found != expected {
        return Err(GptError::HeaderCrc { found, expected });
    }
    // A header that was copied from another disk, or to another place, says where it belongs.
    if header.my_lba.get() != lba {
        return Err(GptError::Elsewhere(header.my_lba.get()));
    }
    let (count, size) = (header.entry_count.get(), header.entry_size.get());
    if count > MAX_ENTRIES || !(128..=MAX_ENTRY_SIZE).contains(&size) {
        return Err(GptError::Size { count, size });
    }
    Ok(())
}

/// The partition of an entry; `None` if the entry is unused or leaves the disk.
fn partition(entry: &[u8], number: usize, block_size: u64, disk: u64) -> Option<Partition> {
    let (entry, _) = GptEntry::ref_from_prefix(entry).ok()?;
    if entry.type_guid == [0; 16] {
        return None;
    }
    let start = entry.first_lba.get().checked_mul(block_size)?;
    let end = entry.last_lba.get().checked_add(1)?.checked_mul(block_size)?;
    let size = end.min(disk).checked_sub(start)?;
    (size > 0).then_some(Partition { number, start, size })
}

/// CRC-32 as Ethernet and zlib have it: polynomial 0x04C11DB7, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0_u32;
        while i < 256 {
            let mut crc = i;
            let mut bit = 0;
            while bit < 8 {
                crc = (crc >> 1) ^ if crc & 1 != 0 { 0xEDB8_8320 } else { 0 };
                bit += 1;
            }
            table[i as usize] = crc;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc: u32, &b| (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ b)])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::device::tests::Memory;
    use std::sync::Arc;

    /// A disk with partitions at these blocks (first and last), its table in both places.
    pub(crate) fn disk(block_size: usize, blocks: usize, parts: &[(u64, u64)]) -> Vec<u8> {
        let mut disk = vec![0; block_size * blocks];
        let mut entries = vec![0; 128 * 128];
        for (entry, (first, last)) in entries.chunks_mut(128).zip(parts) {
            entry[..16].fill(0x6a);
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&last.to_le_bytes());
        }
        let table_blocks = entries.len() / block_size;
        for (at, entries_at) in [(1, 2), (blocks - 1, blocks - 1 - table_blocks)] {
            disk[entries_at * block_size..][..entries.len()].copy_from_slice(&entries);
            let mut h = vec![0; 92];
            h[..8].copy_from_slice(&SIGNATURE);
            h[12..16].copy_from_slice(&92_u32.to_le_bytes());
            h[24..32].copy_from_slice(&(at as u64).to_le_bytes());
            h[72..80].copy_from_slice(&(entries_at as u64).to_le_bytes());
            h[80..84].copy_from_slice(&128_u32.to_le_bytes());
            h[84..88].copy_from_slice(&128_u32.to_le_bytes());
            h[88..92].copy_from_slice(&crc32(&entries).to_le_bytes());
            let crc = crc32(&h);
            h[16..20].copy_from_slice(&crc.to_le_bytes());
            disk[at * block_size..][..92].copy_from_slice(&h);
        }
        disk
    }

    fn parse(disk: Vec<u8>) -> Result<Vec<Partition>, Option<NoLabelReason>> {
        let disk = Device::new("disk", Arc::new(Memory(disk)));
        partitions(&disk, &head(&disk))
    }

    /// Text of the reason why the table of a disk is not used.
    fn told(disk: Vec<u8>) -> String {
        parse(disk).unwrap_err().unwrap().to_string()
    }

    #[test]
    fn the_check_value_of_the_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn tables_of_either_block_size_are_found() {
        for block_size in [512, 4096] {
            let size = block_size as u64;
            let found = parse(disk(block_size, 200, &[(40, 99), (100, 150)])).unwrap();
            assert_eq!(
                found,
                [
                    Partition { number: 1, start: 40 * size, size: 60 * size },
                    Partition { number: 2, start: 100 * size, size: 51 * size },
                ]
            );
        }
    }

    #[test]
    fn a_damaged_primary_table_leaves_the_backup() {
        for at in [512 + 40, 1024 + 33] {
            let mut bytes = disk(512, 200, &[(40, 99)]);
            bytes[at] ^= 1;
            assert_eq!(parse(bytes).unwrap().len(), 1, "byte {at}");
        }
    }

    #[test]
    fn two_damaged_tables_are_told_from_none() {
        let mut bytes = disk(512, 200, &[(40, 99)]);
        bytes[512 + 40] ^= 1;
        bytes[199 * 512 + 40] ^= 1;
        assert!(told(bytes).contains("CRC of its header"));
        assert!(matches!(parse(vec![0; 8192]), Err(None)));
        assert!(matches!(parse(Vec::new()), Err(None)));
    }

    #[test]
    fn entries_that_leave_the_disk_are_cut_or_dropped() {
        let parts = [(190, 500), (300, 400), (99, 40), (0, u64::MAX), (u64::MAX, u64::MAX)];
        let found = parse(disk(512, 200, &parts)).unwrap();
        assert_eq!(found, [Partition { number: 1, start: 190 * 512, size: 10 * 512 }]);
    }

    #[test]
    fn a_table_too_large_to_believe_is_refused() {
        let mut bytes = disk(512, 200, &[(40, 99)]);
        for at in [512, 199 * 512] {
            bytes[at + 80..at + 84].copy_from_slice(&u32::MAX.to_le_bytes());
            bytes[at + 16..at + 20].fill(0);
            let crc = crc32(&bytes[at..at + 92]);
            bytes[at + 16..at + 20].copy_from_slice(&crc.to_le_bytes());
        }
        assert!(told(bytes).contains("4294967295 entries"));
    }
}
