//! The open value sets that streams and pools share: DMU object types, compressions, checksums.
//!
//! Each is a newtype over the number that is stored, so that an unknown value survives to be
//! printed and to be refused by name.

mod compress;
mod names;

pub use compress::Compress;

/// Contents of a block of some object type, which decide how it is turned to another byte order.
///
/// Source: OpenZFS `include/sys/dmu.h`, `dmu_object_byteswap`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteswapKind {
    /// Bytes: nothing to swap.
    U8,
    /// Sixteen-bit integers.
    U16,
    /// Thirty-two-bit integers.
    U32,
    /// Sixty-four-bit integers.
    U64,
    /// A micro or fat ZAP block.
    Zap,
    /// An array of dnodes.
    Dnode,
    /// An `objset_phys_t`.
    Objset,
    /// A `znode_phys_t` (bonus of ZPL versions before 5).
    Znode,
    /// An ACL of old twelve-byte entries.
    OldAcl,
    /// An ACL of `zfs_ace_hdr` entries.
    Acl,
}

/// `dmu_object_type_t`: the type byte of a dnode, a bonus or a block pointer.
///
/// Values below 54 are the old list; with bit 7 set the byte describes itself (metadata,
/// encrypted, byteswap function). Source: OpenZFS `include/sys/dmu.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct DmuType(pub u8);

/// One row of the old list: byteswap function, metadata, encrypted in an encrypted dataset.
type OldType = (ByteswapKind, bool, bool);

/// Rows of `dmu_ot[]`, OpenZFS `module/zfs/dmu.c`, zfs-2.3.2: index is the type number.
const OLD_TYPES: [OldType; 54] = {
    use ByteswapKind::{Acl, Dnode, Objset, OldAcl, U8, U64, Zap, Znode};
    [
        (U8, true, false),
        (Zap, true, false),
        (U64, true, false),
        (U8, true, false),
        (U64, true, false),
        (U64, true, false),
        (U64, true, false),
        (U64, true, false),
        (U64, true, false),
        (U64, true, true),
        (Dnode, true, true),
        (Objset, true, false),
        (U64, true, false),
        (Zap, true, false),
        (Zap, true, false),
        (Zap, true, false),
        (U64, true, false),
        (Znode, true, false),
        (OldAcl, true, true),
        (U8, false, true),
        (Zap, true, true),
        (Zap, true, false),
        (Zap, true, true),
        (U8, false, true),
        (Zap, true, false),
        (U8, false, true),
        (U64, false, true),
        (Zap, true, false),
        (Zap, true, false),
        (U8, true, false),
        (U64, true, false),
        (Zap, true, false),
        (Zap, true, false),
        (Acl, true, true),
        (U8, true, true),
        (U8, true, true),
        (U64, true, false),
        (Zap, true, false),
        (Zap, true, false),
        (Zap, true, true),
        (Zap, true, false),
        (Zap, true, false),
        (Zap, true, false),
        (Zap, true, false),
        (U8, true, true),
        (Zap, true, true),
        (Zap, true, true),
        (Zap, true, true),
        (Zap, true, false),
        (U8, false, true),
        (Zap, true, false),
        (U64, true, false),
        (Zap, true, false),
        (U64, true, false),
    ]
};

impl DmuType {
    /// No object: a free dnode slot.
    pub const NONE: Self = Self(0);
    /// A packed nvlist, such as the pool's configuration.
    pub const PACKED_NVLIST: Self = Self(3);
    /// An array of dnodes: the meta-dnode's data.
    pub const DNODE: Self = Self(10);
    /// An `objset_phys_t`.
    pub const OBJSET: Self = Self(11);
    /// `dsl_dir_phys_t`, a bonus.
    pub const DSL_DIR: Self = Self(12);
    /// `dsl_dataset_phys_t`, a bonus.
    pub const DSL_DATASET: Self = Self(16);
    /// `znode_phys_t`, the bonus of ZPL versions before 5.
    pub const ZNODE: Self = Self(17);
    /// The data of a plain file.
    pub const PLAIN_FILE_CONTENTS: Self = Self(19);
    /// The ZPL's master node.
    pub const MASTER_NODE: Self = Self(21);
    /// System attributes: bonus and spill.
    pub const SA: Self = Self(44);

    const NEW: u8 = 0x80;
    const NEW_METADATA: u8 = 0x40;
    const NEW_ENCRYPTED: u8 = 0x20;
    const NEW_BYTESWAP: u8 = 0x1f;

    /// Returns true if the number names a type at all.
    pub const fn is_valid(self) -> bool {
        if self.0 & Self::NEW != 0 {
            (self.0 & Self::NEW_BYTESWAP) < 10
        } else {
            (self.0 as usize) < OLD_TYPES.len()
        }
    }

    /// Returns true if blocks of this type are metadata (never sent compressed, kept in more copies).
    ///
    /// An unknown type counts as metadata, the careful answer.
    pub const fn is_metadata(self) -> bool {
        if self.0 & Self::NEW != 0 {
            self.0 & Self::NEW_METADATA != 0
        } else if (self.0 as usize) < OLD_TYPES.len() {
            OLD_TYPES[self.0 as usize].1
        } else {
            true
        }
    }

    /// Returns true if blocks or bonuses of this type are encrypted in an encrypted dataset.
    pub const fn is_encrypted(self) -> bool {
        if self.0 & Self::NEW != 0 {
            self.0 & Self::NEW_ENCRYPTED != 0
        } else if (self.0 as usize) < OLD_TYPES.len() {
            OLD_TYPES[self.0 as usize].2
        } else {
            false
        }
    }

    /// Returns the byte swap for contents of this type; `None` for an unknown type.
    pub const fn byteswap(self) -> Option<ByteswapKind> {
        use ByteswapKind::{Acl, Dnode, Objset, OldAcl, U8, U16, U32, U64, Zap, Znode};
        if self.0 & Self::NEW != 0 {
            return match self.0 & Self::NEW_BYTESWAP {
                0 => Some(U8),
                1 => Some(U16),
                2 => Some(U32),
                3 => Some(U64),
                4 => Some(Zap),
                5 => Some(Dnode),
                6 => Some(Objset),
                7 => Some(Znode),
                8 => Some(OldAcl),
                9 => Some(Acl),
                _ => None,
            };
        }
        if (self.0 as usize) < OLD_TYPES.len() { Some(OLD_TYPES[self.0 as usize].0) } else { None }
    }
}

/// `enum zio_checksum`: how a block is checked. Source: `include/sys/zio.h`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Checksum(pub u8);

/// Use of a checksum algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChecksumUse {
    /// It is a value of the property, and of no block.
    Property,
    /// There is no sum.
    Absent,
    /// The sum lies in the block, which no block of a dataset has (`ZCHECKSUM_FLAG_EMBEDDED`).
    InBlock,
    /// The sum lies in the block pointer.
    Pointer,
    /// The same, and it is strong enough for dedup without verification (`ZCHECKSUM_FLAG_DEDUP`).
    Dedup,
}

/// Refuses rows that do not stand in the order of their numbers, while it is compiled.
const fn in_order(numbers: &[usize]) {
    let mut i = 0;
    while i < numbers.len() {
        assert!(numbers[i] == i, "the rows stand in the order of their numbers");
        i += 1;
    }
}

/// The algorithms, in the order of their numbers. All that is known of one follows from its row.
macro_rules! checksums {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, $name:literal, $role:ident;)+) => {
        impl Checksum {
            $($(#[$doc])* pub const $kind: Self = Self($number);)+

            /// The rows, by number: a row out of its place does not compile.
            const ALL: [(&'static str, ChecksumUse); [$($number),+].len()] = [$(($name, ChecksumUse::$role)),+];
        }
        const _: () = in_order(&[$($number),+]);
    };
}
checksums! {
    /// As the parent; no block has it.
    INHERIT = 0, "inherit", Property;
    /// The default, Fletcher-4; no block has it.
    ON = 1, "on", Property;
    /// No checksum.
    OFF = 2, "off", Absent;
    /// SHA-256 embedded in a label.
    LABEL = 3, "label", InBlock;
    /// SHA-256 embedded in a gang header.
    GANG_HEADER = 4, "gang_header", InBlock;
    /// Fletcher-2 embedded in an intent-log block.
    ZILOG = 5, "zilog", InBlock;
    /// Fletcher-2.
    FLETCHER_2 = 6, "fletcher2", Pointer;
    /// Fletcher-4.
    FLETCHER_4 = 7, "fletcher4", Pointer;
    /// SHA-256.
    SHA256 = 8, "sha256", Dedup;
    /// Fletcher-4 embedded in an intent-log block.
    ZILOG2 = 9, "zilog2", InBlock;
    /// No checksum, and no parity on raidz.
    NOPARITY = 10, "noparity", Absent;
    /// SHA-512/256.
    SHA512 = 11, "sha512", Dedup;
    /// Skein-512-256, salted.
    SKEIN = 12, "skein", Dedup;
    /// Edon-R-512, salted and cut.
    EDONR = 13, "edonr", Pointer;
    /// BLAKE3, salted.
    BLAKE3 = 14, "blake3", Dedup;
}

impl Checksum {
    fn row(self) -> Option<&'static (&'static str, ChecksumUse)> {
        Self::ALL.get(usize::from(self.0))
    }

    const fn role(self) -> Option<ChecksumUse> {
        // A method of a slice that gives an option is none of a constant function.
        if (self.0 as usize) < Self::ALL.len() { Some(Self::ALL[self.0 as usize].1) } else { None }
    }

    /// Returns true if a block pointer may name it: it is known, and no mere value of the property.
    pub const fn is_of_block(self) -> bool {
        match self.role() {
            Some(
                ChecksumUse::Absent
                | ChecksumUse::InBlock
                | ChecksumUse::Pointer
                | ChecksumUse::Dedup,
            ) => true,
            Some(ChecksumUse::Property) | None => false,
        }
    }

    /// Returns true if the sum lies in the block and not in its pointer, which no block of a dataset
    /// has.
    pub const fn is_in_block(self) -> bool {
        matches!(self.role(), Some(ChecksumUse::InBlock))
    }

    /// Returns true if the sum lies in the block pointer.
    pub const fn is_in_pointer(self) -> bool {
        matches!(self.role(), Some(ChecksumUse::Pointer | ChecksumUse::Dedup))
    }

    /// Returns true if the algorithm is strong enough for dedup without verification, which is what
    /// the stream's CHECKSUM_DEDUP flag says.
    pub const fn is_dedup(self) -> bool {
        matches!(self.role(), Some(ChecksumUse::Dedup))
    }
}

/// `dmu_objset_type_t`: what kind of dataset an object set is. Source: `include/sys/fs/zfs.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct ObjsetType(pub u32);

impl ObjsetType {
    /// The pool's own meta object set.
    pub const META: Self = Self(1);
    /// A filesystem.
    pub const ZFS: Self = Self(2);
    /// A volume.
    pub const ZVOL: Self = Self(3);
    /// Anything else (tests, Lustre).
    pub const OTHER: Self = Self(4);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn old_and_new_types_agree_on_what_they_say() {
        assert!(DmuType::DNODE.is_metadata() && DmuType::DNODE.is_encrypted());
        assert!(!DmuType::PLAIN_FILE_CONTENTS.is_metadata());
        assert!(!DmuType::MASTER_NODE.is_encrypted());
        assert_eq!(DmuType(0xc4).byteswap(), Some(ByteswapKind::Zap));
        assert!(DmuType(0xc4).is_metadata() && !DmuType(0xc4).is_encrypted());
        assert!(!DmuType(54).is_valid() && !DmuType(0x8a).is_valid());
        assert_eq!(DmuType(36).byteswap(), Some(ByteswapKind::U64));
        assert_eq!(DmuType(44).byteswap(), Some(ByteswapKind::U8));
    }

    #[test]
    fn dedup_checksums_are_those_that_the_stream_flags() {
        let flagged: Vec<u8> = (0..=14).filter(|&n| Checksum(n).is_dedup()).collect();
        assert_eq!(flagged, [8, 11, 12, 14]);
    }

    #[test]
    fn checksums_of_blocks_are_those_from_off_to_the_last_row() {
        let of_block: Vec<u8> = (0..=255).filter(|&n| Checksum(n).is_of_block()).collect();
        assert_eq!(of_block, (2..=14).collect::<Vec<u8>>());
    }
}
