//! LZJB: compression, to the bytes that ZFS makes. The format is described at its decompression.
//!
//! Three bytes are looked up in a table of the places where bytes of the same hash were last seen, of
//! which ten bits are kept: as far as a match reaches back. ZFS keeps those bits of the address, and its
//! buffers for blocks lie at multiples of 1 KiB; so an entry that was never written means the last such
//! place, and positions do as well as addresses. Blocks of 512 bytes may lie otherwise there, and then
//! differ in what such an entry gives.
//!
//! Source: OpenZFS `module/zfs/lzjb.c`, zfs-2.3.2.

/// The shortest and the longest match.
const MATCH_MIN: usize = 3;
const MATCH_MAX: usize = 66;
/// Mask of the distance.
const DISTANCE: usize = 0x3ff;
/// Entries of the table.
const ENTRIES: usize = 1024;
/// Bytes of the longest group: the control byte and eight matches.
const GROUP_MAX: usize = 1 + 8 * 2;

/// The table.
pub(super) type Table = [u16; ENTRIES];

/// A table, to be used for any number of blocks.
pub(super) const fn table() -> Table {
    [0; ENTRIES]
}

/// Compresses a block; `None` if it does not fit. As in ZFS, a group is begun only where the longest would leave
/// a byte of room.
pub(super) fn compress(table: &mut Table, src: &[u8], dst: &mut [u8]) -> Option<usize> {
    table.fill(0);
    let mut at = 0;
    let mut out = 0;
    while at < src.len() {
        let group: &mut [u8; GROUP_MAX + 1] = dst.get_mut(out..)?.first_chunk_mut()?;
        let mut control = 0;
        let mut filled = 1;
        for item in 0..8 {
            let Some(&literal) = src.get(at) else { break };
            match find(table, src, at) {
                Some((distance, len)) => {
                    control |= 1 << item;
                    let item = (len - MATCH_MIN) << 10 | distance;
                    let [low, high, ..] = item.to_le_bytes();
                    group[filled] = high;
                    group[filled + 1] = low;
                    filled += 2;
                    at += len;
                }
                None => {
                    group[filled] = literal;
                    filled += 1;
                    at += 1;
                }
            }
        }
        group[0] = control;
        out += filled;
    }
    Some(out)
}

/// The match for the bytes at a position, as distance and length, and notes the position. The last bytes of a
/// block, from where the longest match would pass its end, are literals.
#[inline]
fn find(table: &mut Table, src: &[u8], at: usize) -> Option<(usize, usize)> {
    let here: &[u8; MATCH_MAX] = src.get(at..)?.first_chunk()?;
    let mut hash = u32::from_be_bytes([0, here[0], here[1], here[2]]);
    hash += hash >> 9;
    hash += hash >> 5;
    let entry = &mut table[hash as usize % ENTRIES];
    let distance = at.wrapping_sub(usize::from(*entry)) & DISTANCE;
    let [low, high, ..] = at.to_le_bytes();
    *entry = u16::from_le_bytes([low, high]);
    if distance == 0 {
        return None;
    }
    let before: &[u8; MATCH_MAX] = src.get(at.checked_sub(distance)?..)?.first_chunk()?;
    if here[..MATCH_MIN] != before[..MATCH_MIN] {
        return None;
    }
    let same = here.iter().zip(before).skip(MATCH_MIN).take_while(|(a, b)| a == b).count();
    Some((distance, MATCH_MIN + same))
}
