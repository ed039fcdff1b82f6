//! Choice of the record that a block becomes, and of its payload's form, made before it is read.

use crate::dialect::Dialect;
use crate::event::{BlockInfo, WriteForm};
use zsend_records::flags::Features;
use zsend_records::types::{Compress, DmuType};

pub use zsend_records::sizes::OLD_MAX_BLOCK_SIZE;

/// Record that a data block is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// One WRITE in this form.
    Write(WriteForm),
    /// WRITEs of at most [`OLD_MAX_BLOCK_SIZE`] each, of the plain block.
    Split,
    /// WRITE_EMBEDDED.
    Embedded,
}

/// The choices of one stream.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Sender whose choices are made.
    pub dialect: Dialect,
    /// The stream's features.
    pub features: Features,
}

impl Policy {
    /// The choices of a stream of that sender with these features.
    pub const fn new(dialect: Dialect, features: Features) -> Self {
        Self { dialect, features }
    }

    /// Returns the record that a level-0 block of an object with blocks of `blksz` bytes becomes.
    ///
    /// `big_endian` tells a block of the other byte order, which is never sent compressed: the
    /// receiver could not swap it. Follows the last branch of `do_dump()` in illumos `dmu_send.c`
    /// and OpenZFS `module/zfs/dmu_send.c`, zfs-2.3.2.
    pub fn plan(&self, block: &BlockInfo, blksz: u64, big_endian: bool) -> Plan {
        let split = blksz > OLD_MAX_BLOCK_SIZE && !self.features.contains(Features::LARGE_BLOCKS);
        if block.embedded.is_some() {
            // A reference sends an embedded block of over 128 KiB whole, in an object that was
            // announced with smaller blocks; receivers refuse that, so it is split as any other.
            return match (split, self.sends_embedded(block)) {
                (true, _) => Plan::Split,
                (false, true) => Plan::Embedded,
                (false, false) => Plan::Write(WriteForm::Anonymous),
            };
        }
        if self.features.contains(Features::RAW) {
            return Plan::Write(WriteForm::Raw);
        }
        if split {
            return Plan::Split;
        }
        let compressed = self.features.contains(Features::COMPRESSED)
            && block.compress != Compress::OFF
            && !big_endian
            && !block.object_type.is_metadata();
        Plan::Write(if compressed { WriteForm::Compressed } else { WriteForm::Plain })
    }

    fn sends_embedded(&self, block: &BlockInfo) -> bool {
        let knows = |feature| self.features.contains(feature);
        // Of a compression that nobody knows no receiver makes the block.
        let Some(feature) = block.compress.feature() else { return false };
        // Whatever has a feature of its own needs LZ4 too (`ZIO_COMPRESS_LEGACY_FUNCTIONS`); illumos asks for no more.
        let is_legacy = feature.is_empty();
        block.embedded == Some(0)
            && knows(Features::EMBED_DATA)
            && (is_legacy || knows(Features::LZ4))
            && (knows(feature) || self.dialect.is_illumos())
    }

    /// Returns true if a visited level-0 block is a spill block: its type says so in both lineages.
    pub fn is_spill(&self, bp_type: DmuType) -> bool {
        bp_type == DmuType::SA
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zsend_records::types::Checksum;

    fn policy(features: Features) -> Policy {
        Policy { dialect: Dialect::OpenZfs, features }
    }

    fn block(compress: Compress) -> BlockInfo {
        BlockInfo {
            object_type: DmuType::PLAIN_FILE_CONTENTS,
            lsize: 4096,
            psize: 1024,
            compress,
            checksum_type: Checksum::FLETCHER_4,
            ..BlockInfo::default()
        }
    }

    #[test]
    fn compressed_only_if_asked_and_stored_so_and_not_metadata() {
        let c = policy(Features::COMPRESSED);
        let compressed = Plan::Write(WriteForm::Compressed);
        let plain = Plan::Write(WriteForm::Plain);
        assert_eq!(c.plan(&block(Compress::LZ4), 4096, false), compressed);
        assert_eq!(c.plan(&block(Compress::LZ4), 4096, true), plain);
        assert_eq!(c.plan(&block(Compress::OFF), 4096, false), plain);
        assert_eq!(policy(Features::empty()).plan(&block(Compress::LZ4), 4096, false), plain);
        let mut directory = block(Compress::LZ4);
        directory.object_type = DmuType(20);
        assert_eq!(c.plan(&directory, 4096, false), plain);
    }

    #[test]
    fn large_blocks_are_split_unless_the_stream_has_them() {
        let c = policy(Features::COMPRESSED);
        assert_eq!(c.plan(&block(Compress::LZ4), 1 << 20, false), Plan::Split);
        let l = policy(Features::COMPRESSED | Features::LARGE_BLOCKS);
        assert_eq!(
            l.plan(&block(Compress::LZ4), 1 << 20, false),
            Plan::Write(WriteForm::Compressed)
        );
    }

    #[test]
    fn embedded_blocks_need_their_codec_announced() {
        let mut b = block(Compress::LZ4);
        b.embedded = Some(0);
        let anonymous = Plan::Write(WriteForm::Anonymous);
        assert_eq!(policy(Features::EMBED_DATA).plan(&b, 4096, false), anonymous);
        let e = policy(Features::EMBED_DATA | Features::LZ4);
        assert_eq!(e.plan(&b, 4096, false), Plan::Embedded);
        assert_eq!(e.plan(&b, 1 << 20, false), Plan::Split);
        b.compress = Compress::ZSTD;
        assert_eq!(e.plan(&b, 4096, false), anonymous);
        let z = policy(Features::EMBED_DATA | Features::LZ4 | Features::ZSTD);
        assert_eq!(z.plan(&b, 4096, false), Plan::Embedded);
        // illumos knows no zstd, and asks of whatever has a feature of its own for LZ4.
        let illumos = Policy::new(Dialect::Illumos, Features::EMBED_DATA | Features::LZ4);
        assert_eq!(illumos.plan(&b, 4096, false), Plan::Embedded);
        let without = policy(Features::EMBED_DATA | Features::ZSTD);
        assert_eq!(without.plan(&b, 4096, false), anonymous);
        // No feature says that a receiver knows a compression of which there is no row.
        b.compress = Compress(17);
        assert_eq!(policy(Features::all()).plan(&b, 4096, false), anonymous);
    }
}
