//! The flag words of a stream: features and header type, BEGIN flags, record flags.

use crate::drr::RecordType;
use bitflags::bitflags;
use core::fmt;

bitflags! {
    /// Feature flags of a stream: bits 2 and up of `drr_versioninfo`.
    ///
    /// Unknown bits are kept; [`Features::unknown`] tells them. Source: OpenZFS
    /// `include/sys/zfs_ioctl.h`, `DMU_BACKUP_FEATURE_*`, zfs-2.3.2.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct Features: u64 {
        /// WRITE_BYREF records (only before OpenZFS 2.0).
        const DEDUP = 1;
        /// Dedup with properties (only before OpenZFS 2.0).
        const DEDUPPROPS = 1 << 1;
        /// System attributes, hence SPILL records: ZPL version 5.
        const SA_SPILL = 1 << 2;
        /// WRITE_EMBEDDED records.
        const EMBED_DATA = 1 << 16;
        /// LZ4-compressed payloads or embedded data.
        const LZ4 = 1 << 17;
        /// Blocks over 128 KiB.
        const LARGE_BLOCKS = 1 << 19;
        /// The stream goes on where an earlier one stopped.
        const RESUMING = 1 << 20;
        /// REDACT records.
        const REDACTED = 1 << 21;
        /// Compressed WRITE payloads.
        const COMPRESSED = 1 << 22;
        /// Dnodes of more than one slot.
        const LARGE_DNODE = 1 << 23;
        /// Blocks as they lie on disk, encrypted.
        const RAW = 1 << 24;
        /// Zstandard payloads.
        const ZSTD = 1 << 25;
        /// Snapshot holds in a package header.
        const HOLDS = 1 << 26;
        /// Used by the receiver; no sender sets it.
        const SWITCH_TO_LARGE_BLOCKS = 1 << 27;
        /// Directory entry names over 255 bytes.
        const LONGNAME = 1 << 28;
        /// Micro ZAPs over 128 KiB.
        const LARGE_MICROZAP = 1 << 29;
    }

    /// `drr_flags` of a BEGIN record. Source: `include/sys/zfs_ioctl.h`, `DRR_FLAG_*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct BeginFlags: u32 {
        /// The incremental source is in another dataset.
        const CLONE = 1;
        /// The dataset has case-insensitive names.
        const CI_DATA = 1 << 1;
        /// FREE and FREEOBJECTS tell all that is free.
        const FREERECORDS = 1 << 2;
        /// Every object with a spill block is marked.
        const SPILL_BLOCK = 1 << 3;
    }

    /// `drr_flags` of WRITE, WRITE_BYREF, SPILL, OBJECT and OBJECT_RANGE records.
    ///
    /// Value 4 means two things: see [`RecordFlags::OBJECT_SPILL`] and
    /// [`RecordFlags::SPILL_UNMODIFIED`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct RecordFlags: u8 {
        /// WRITE: the key's checksum is strong enough for dedup.
        const CHECKSUM_DEDUP = 1;
        /// Raw payload: its byte order is not the stream's.
        const RAW_BYTESWAP = 1 << 1;
        /// OBJECT: the dnode has a spill block.
        const OBJECT_SPILL = 1 << 2;
        /// SPILL: sent again although unchanged.
        const SPILL_UNMODIFIED = 1 << 2;
    }
}

impl Features {
    /// The bits that no known feature has.
    pub const fn unknown(self) -> u64 {
        self.bits() & !Self::all().bits()
    }
}

/// Kind of stream that a BEGIN record opens: the low two bits of `drr_versioninfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct HeaderType(pub u8);

impl HeaderType {
    /// One snapshot: `DMU_SUBSTREAM`.
    pub const SUBSTREAM: Self = Self(1);
    /// A package of several: `DMU_COMPOUNDSTREAM`.
    pub const COMPOUND: Self = Self(2);
}

/// `drr_versioninfo`: header type in bits 0 and 1, features from bit 2 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct VersionInfo(pub u64);

impl VersionInfo {
    /// Packs the two.
    pub const fn new(kind: HeaderType, features: Features) -> Self {
        Self(features.bits() << 2 | (kind.0 & 3) as u64)
    }

    /// The header type.
    pub const fn header_type(self) -> HeaderType {
        HeaderType((self.0 & 3) as u8)
    }

    /// The features, unknown bits included.
    pub const fn features(self) -> Features {
        Features::from_bits_retain(self.0 >> 2)
    }
}

impl fmt::Display for HeaderType {
    /// As `DMU_*` in `include/sys/zfs_ioctl.h`, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SUBSTREAM => f.write_str("SUBSTREAM"),
            Self::COMPOUND => f.write_str("COMPOUNDSTREAM"),
            Self(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Display for Features {
    /// The names of the bits, with ` | ` between; unknown ones as a hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bitflags::parser::to_writer(self, f)
    }
}

impl fmt::Display for BeginFlags {
    /// The names of the bits, with ` | ` between; unknown ones as a hexadecimal number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bitflags::parser::to_writer(self, f)
    }
}

impl RecordFlags {
    /// The flags by their names in a record of this type, with ` | ` between; unknown ones as a hexadecimal
    /// number.
    pub fn named(self, record: RecordType) -> impl fmt::Display {
        let name = match record {
            RecordType::SPILL => "SPILL_UNMODIFIED",
            _ => "OBJECT_SPILL",
        };
        FlagNames(self, name)
    }
}

/// Flags, and the name of the bit that has two.
struct FlagNames(RecordFlags, &'static str);

impl fmt::Display for FlagNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(flags, shared) = *self;
        if !flags.contains(RecordFlags::OBJECT_SPILL) {
            return bitflags::parser::to_writer(&flags, f);
        }
        let rest = flags.difference(RecordFlags::OBJECT_SPILL);
        if !rest.is_empty() {
            bitflags::parser::to_writer(&rest, &mut *f)?;
            f.write_str(" | ")?;
        }
        f.write_str(shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn version_info_keeps_unknown_bits() {
        let word = VersionInfo(1 | (1 << 40) | (1 << 18));
        assert_eq!(word.header_type(), HeaderType::SUBSTREAM);
        assert!(word.features().contains(Features::EMBED_DATA));
        assert_eq!(word.features().unknown(), 1 << 38);
        assert_eq!(VersionInfo::new(word.header_type(), word.features()), word);
    }

    #[test]
    fn flags_are_shown_by_name() {
        let features = Features::COMPRESSED | Features::LZ4 | Features::from_bits_retain(1 << 38);
        assert_eq!(features.to_string(), "LZ4 | COMPRESSED | 0x4000000000");
        assert_eq!(BeginFlags::FREERECORDS.to_string(), "FREERECORDS");
        assert_eq!(HeaderType::COMPOUND.to_string(), "COMPOUNDSTREAM");
        let flags = RecordFlags::RAW_BYTESWAP | RecordFlags::OBJECT_SPILL;
        let named = |kind| flags.named(kind).to_string();
        assert_eq!(named(RecordType::OBJECT), "RAW_BYTESWAP | OBJECT_SPILL");
        assert_eq!(named(RecordType::SPILL), "RAW_BYTESWAP | SPILL_UNMODIFIED");
        assert_eq!(RecordFlags::empty().named(RecordType::WRITE).to_string(), "");
    }
}
