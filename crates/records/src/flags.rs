//! The flag words of a stream: features and header type, BEGIN flags, record flags.

use bitflags::bitflags;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_info_keeps_unknown_bits() {
        let word = VersionInfo(1 | (1 << 40) | (1 << 18));
        assert_eq!(word.header_type(), HeaderType::SUBSTREAM);
        assert!(word.features().contains(Features::EMBED_DATA));
        assert_eq!(word.features().unknown(), 1 << 38);
        assert_eq!(VersionInfo::new(word.header_type(), word.features()), word);
    }
}
