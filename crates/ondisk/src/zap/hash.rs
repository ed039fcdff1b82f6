//! Hashes of names, which say where an entry lies, and in which order entries are iterated.

use super::{FLAG_HASH64, FLAG_PRE_HASHED, FLAG_UINT64_KEY};
use alloc::borrow::Cow;

/// `U8_TEXTPREP_TOUPPER`: letters are made capitals. Source: OpenZFS `include/sys/u8_textprep.h`,
/// zfs-2.3.2.
pub const NORM_TOUPPER: u64 = 2;

/// A name as a ZAP with these flags normalises it.
///
/// Letters beyond ASCII stay as they are: the ZAPs that are looked up so hold names of snapshots and
/// bookmarks, which have none (`zfs_component_namecheck()`, OpenZFS `module/zcommon/zfs_namecheck.c`,
/// zfs-2.3.2).
pub fn normalized(name: &[u8], normflags: u64) -> Cow<'_, [u8]> {
    if normflags & NORM_TOUPPER != 0 {
        Cow::Owned(name.to_ascii_uppercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// A ZAP's way to hash names: CRC-64 (ECMA, reflected) over the name from the ZAP's salt, of which
/// the top 28 bits count, or 48 in a ZAP that says so.
///
/// Source: OpenZFS `module/zfs/zap_micro.c`, `zap_hash()`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZapHash {
    /// Value that hashes start from.
    pub salt: u64,
    /// Flags by which names are normalised.
    pub normflags: u64,
    /// [`FLAG_HASH64`], [`FLAG_UINT64_KEY`] and [`FLAG_PRE_HASHED`]; zero in a micro ZAP.
    pub flags: u64,
}

impl ZapHash {
    /// Bits of a hash that count, from the highest on: `zap_hashbits()`.
    pub const fn bits(self) -> u32 {
        if self.flags & FLAG_HASH64 != 0 { 48 } else { 28 }
    }

    /// The hash of a name without its NUL, or of the big-endian bytes of integers.
    pub fn of(self, name: &[u8]) -> u64 {
        let crc = if self.flags & FLAG_UINT64_KEY == 0 {
            crc(self.salt, normalized(name, self.normflags).iter().copied())
        } else if self.flags & FLAG_PRE_HASHED == 0 {
            // The low byte of each integer first, whatever the machine.
            let (words, rest) = name.as_chunks::<8>();
            let low_first = words.iter().flat_map(|word| word.iter().rev());
            crc(self.salt, low_first.chain(rest).copied())
        } else {
            name.first_chunk::<8>().map_or(0, |word| u64::from_be_bytes(*word))
        };
        crc & !((1_u64 << (64 - self.bits())) - 1)
    }
}

fn crc(salt: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    const POLY: u64 = 0xC96C_5795_D787_0F42;
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let mut crc = i as u64;
            let mut bit = 0;
            while bit < 8 {
                crc = (crc >> 1) ^ if crc & 1 != 0 { POLY } else { 0 };
                bit += 1;
            }
            table[i] = crc;
            i += 1;
        }
        table
    };
    bytes.fold(salt, |crc, b| (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ b)])
}
