//! Values of the fields, as the types that they are.

use crate::drr::{Begin, Object, ObjectRange, RecordType, Spill, Write, WriteByref, WriteEmbedded};
use crate::flags::{BeginFlags, Features, HeaderType, RecordFlags, VersionInfo};
use crate::types::{Checksum, Compress, DmuType, ObjsetType};
use core::fmt;
use zerocopy::ByteOrder;

impl fmt::Display for RecordType {
    /// The name that `zstream dump` prints, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl<O: ByteOrder> Begin<O> {
    /// Name of the sent snapshot, up to its NUL. It may be any bytes.
    pub fn toname(&self) -> &[u8] {
        self.toname.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Kind of stream that the record opens.
    pub fn header_type(&self) -> HeaderType {
        VersionInfo(self.versioninfo.get()).header_type()
    }

    /// Features of the stream, unknown bits included.
    pub fn features(&self) -> Features {
        VersionInfo(self.versioninfo.get()).features()
    }

    /// Puts other features in. The header type stays.
    pub fn set_features(&mut self, features: Features) {
        self.versioninfo = VersionInfo::new(self.header_type(), features).0.into();
    }

    /// Type of the sent object set.
    pub fn objset_type(&self) -> ObjsetType {
        ObjsetType(self.objset_type.get())
    }

    /// Flags of the stream, unknown bits included.
    pub fn flags(&self) -> BeginFlags {
        BeginFlags::from_bits_retain(self.flags.get())
    }
}

/// A type that a record has in 32 bits; `None` if it does not fit the eight that a dnode has.
fn dmu_type(number: u32) -> Option<DmuType> {
    u8::try_from(number).ok().map(DmuType)
}

impl<O: ByteOrder> Object<O> {
    /// Type of the object; `None` if it is no number that a dnode can hold.
    pub fn object_type(&self) -> Option<DmuType> {
        dmu_type(self.object_type.get())
    }

    /// Type of the bonus; `None` if it is no number that a dnode can hold.
    pub fn bonustype(&self) -> Option<DmuType> {
        dmu_type(self.bonustype.get())
    }

    /// Checksum of the object's blocks; zero means that it is inherited.
    pub fn checksum(&self) -> Checksum {
        Checksum(self.checksumtype)
    }

    /// Compression of the object's blocks; zero means that it is inherited.
    pub fn compression(&self) -> Compress {
        Compress(self.compress)
    }

    /// Flags, unknown bits included.
    pub fn flags(&self) -> RecordFlags {
        RecordFlags::from_bits_retain(self.flags)
    }
}

impl<O: ByteOrder> Write<O> {
    /// Type of the data; `None` if it is no number that a dnode can hold.
    pub fn object_type(&self) -> Option<DmuType> {
        dmu_type(self.object_type.get())
    }

    /// Compression of the payload; `None` if the payload is the block itself.
    pub fn compression(&self) -> Option<Compress> {
        Some(Compress(self.compressiontype)).filter(|compress| compress.0 != 0)
    }

    /// Algorithm of the checksum in the dedup key.
    pub fn checksum(&self) -> Checksum {
        Checksum(self.checksumtype)
    }

    /// Flags, unknown bits included.
    pub fn flags(&self) -> RecordFlags {
        RecordFlags::from_bits_retain(self.flags)
    }
}

impl<O: ByteOrder> WriteByref<O> {
    /// Algorithm of the checksum in the dedup key.
    pub fn checksum(&self) -> Checksum {
        Checksum(self.checksumtype)
    }

    /// Flags, unknown bits included.
    pub fn flags(&self) -> RecordFlags {
        RecordFlags::from_bits_retain(self.flags)
    }
}

impl<O: ByteOrder> Spill<O> {
    /// Compression of the payload; `None` if the payload is the block itself, as in every stream that is
    /// not raw.
    pub fn compression(&self) -> Option<Compress> {
        Some(Compress(self.compressiontype)).filter(|_| self.compressed_size.get() != 0)
    }

    /// Flags, unknown bits included.
    pub fn flags(&self) -> RecordFlags {
        RecordFlags::from_bits_retain(self.flags)
    }
}

impl<O: ByteOrder> WriteEmbedded<O> {
    /// Compression of the payload's first `psize` bytes.
    pub fn compression(&self) -> Compress {
        Compress(self.compression)
    }
}

impl<O: ByteOrder> ObjectRange<O> {
    /// Flags, unknown bits included.
    pub fn flags(&self) -> RecordFlags {
        RecordFlags::from_bits_retain(self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use zerocopy::FromZeros;
    use zerocopy::byteorder::LE;

    #[test]
    fn a_plain_payload_has_no_compression() {
        let mut write = Write::<LE>::new_zeroed();
        assert_eq!(write.compression(), None);
        // A block of a raw stream that is stored as it is.
        write.compressiontype = 2;
        assert_eq!(write.compression(), Some(Compress::OFF));
        let mut spill = Spill::<LE>::new_zeroed();
        spill.compressiontype = 15;
        assert_eq!(spill.compression(), None);
        spill.compressed_size = 512.into();
        assert_eq!(spill.compression(), Some(Compress::LZ4));
    }

    #[test]
    fn names_end_with_their_nul_or_their_field() {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.toname[..4].copy_from_slice(b"a@b\0");
        assert_eq!(begin.toname(), b"a@b");
        begin.toname.fill(b'n');
        assert_eq!(begin.toname().len(), crate::drr::NAME_SIZE);
    }

    #[test]
    fn what_does_not_fit_a_dnode_is_no_type() {
        let mut object = Object::<LE>::new_zeroed();
        object.object_type = 44.into();
        object.bonustype = 256.into();
        assert_eq!((object.object_type(), object.bonustype()), (Some(DmuType::SA), None));
        assert_eq!(RecordType::WRITE.to_string(), "WRITE");
        assert_eq!(RecordType(12).to_string(), "0xc");
    }
}
