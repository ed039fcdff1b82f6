//! How many payload bytes follow each record, and how many may.

use crate::drr::{Object, RecordType, ReplayRecord, Spill, Write, WriteEmbedded};
use zerocopy::ByteOrder;

/// A record header that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The type is none that is known, so neither is the payload's length.
    #[error("record type is {found:#x}, expected at most {:#x}", RecordType::REDACT.0)]
    UnknownType {
        /// The value of `drr_type`.
        found: u32,
    },
    /// The payload is longer than the limit.
    #[error("payload of {} is {found} bytes, expected at most {limit}", .record.name().unwrap_or("record"))]
    PayloadTooLong {
        /// The record's type.
        record: RecordType,
        /// Payload bytes.
        found: u64,
        /// The limit that [`Limits`] states.
        limit: u64,
    },
}

/// The least multiple of eight that is not below `len`.
pub const fn round_up_8(len: u32) -> u64 {
    (len as u64 + 7) & !7
}

/// Bytes of payload that follow a record header.
///
/// Follows `DRR_OBJECT_PAYLOAD_SIZE`, `DRR_WRITE_PAYLOAD_SIZE` and `DRR_SPILL_PAYLOAD_SIZE`,
/// OpenZFS `include/sys/zfs_ioctl.h`, zfs-2.3.2. Nothing is bounded here: see [`Limits::check`].
///
/// # Errors
/// When the record's type is unknown.
pub fn payload_len<O: ByteOrder>(record: &ReplayRecord<O>) -> Result<u64, RecordError> {
    let kind = record.record_type();
    let len = match kind {
        RecordType::BEGIN => Some(u64::from(record.payloadlen.get())),
        RecordType::OBJECT => record.body_as::<Object<O>>().map(object_len),
        RecordType::WRITE => record.body_as::<Write<O>>().map(write_len),
        RecordType::SPILL => record.body_as::<Spill<O>>().map(spill_len),
        RecordType::WRITE_EMBEDDED => {
            record.body_as::<WriteEmbedded<O>>().map(|embedded| round_up_8(embedded.psize.get()))
        }
        RecordType::FREEOBJECTS
        | RecordType::FREE
        | RecordType::END
        | RecordType::WRITE_BYREF
        | RecordType::OBJECT_RANGE
        | RecordType::REDACT => Some(0),
        RecordType(_) => None,
    };
    len.ok_or(RecordError::UnknownType { found: kind.0 })
}

/// A raw bonus is sent as it is; a plain one is filled up to eight bytes.
fn object_len<O: ByteOrder>(object: &Object<O>) -> u64 {
    match object.raw_bonuslen.get() {
        0 => round_up_8(object.bonuslen.get()),
        raw => raw.into(),
    }
}

fn write_len<O: ByteOrder>(write: &Write<O>) -> u64 {
    if write.compressiontype == 0 { write.logical_size.get() } else { write.compressed_size.get() }
}

fn spill_len<O: ByteOrder>(spill: &Spill<O>) -> u64 {
    match spill.compressed_size.get() {
        0 => spill.length.get(),
        compressed => compressed,
    }
}

/// The longest payloads that are read, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The nvlist after a BEGIN. Only a package's grows, with the snapshots that it lists.
    pub nvlist: u64,
    /// The bonus after an OBJECT.
    pub bonus: u64,
    /// The block after a WRITE or SPILL.
    pub block: u64,
    /// The data after a WRITE_EMBEDDED.
    pub embedded: u64,
}

impl Limits {
    /// What the format itself allows: blocks of 16 MiB, and one MiB more for what a codec or a
    /// sector may add; dnodes of 16 KiB; 112 embedded bytes. A package header may take 64 MiB,
    /// which lists about a quarter of a million snapshots.
    pub const DEFAULT: Self =
        Self { nvlist: 64 << 20, bonus: 16 << 10, block: 17 << 20, embedded: 112 };

    /// Small enough that a fuzzer's inputs reach them.
    pub const FUZZ: Self =
        Self { nvlist: 64 << 10, bonus: 1 << 10, block: 16 << 10, embedded: 112 };

    /// The limit for records of this type.
    pub const fn of(&self, kind: RecordType) -> u64 {
        match kind {
            RecordType::BEGIN => self.nvlist,
            RecordType::OBJECT => self.bonus,
            RecordType::WRITE | RecordType::SPILL => self.block,
            RecordType::WRITE_EMBEDDED => self.embedded,
            _ => 0,
        }
    }

    /// The payload length of `record`, if it is known and within the limit.
    ///
    /// # Errors
    /// When the type is unknown or the payload is longer than the limit.
    pub fn check<O: ByteOrder>(&self, record: &ReplayRecord<O>) -> Result<u64, RecordError> {
        let found = payload_len(record)?;
        let limit = self.of(record.record_type());
        if found > limit {
            return Err(RecordError::PayloadTooLong { record: record.record_type(), found, limit });
        }
        Ok(found)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;
    use zerocopy::byteorder::{BE, LE};

    #[test]
    fn a_bonus_is_rounded_up_unless_raw() {
        let mut object = Object::<LE>::new_zeroed();
        object.bonuslen = 169.into();
        assert_eq!(payload_len(&ReplayRecord::<LE>::new(&object)), Ok(176));
        object.raw_bonuslen = 323.into();
        assert_eq!(payload_len(&ReplayRecord::<LE>::new(&object)), Ok(323));
    }

    #[test]
    fn a_compressed_block_has_its_compressed_size() {
        let mut write = Write::<BE>::new_zeroed();
        write.logical_size = 131_072.into();
        write.compressed_size = 512.into();
        assert_eq!(payload_len(&ReplayRecord::<BE>::new(&write)), Ok(131_072));
        write.compressiontype = 15;
        assert_eq!(payload_len(&ReplayRecord::<BE>::new(&write)), Ok(512));
        // A SPILL goes by the size, not by the compression.
        let mut spill = Spill::<BE>::new_zeroed();
        spill.length = 1024.into();
        spill.compressiontype = 15;
        assert_eq!(payload_len(&ReplayRecord::<BE>::new(&spill)), Ok(1024));
        spill.compressed_size = 512.into();
        assert_eq!(payload_len(&ReplayRecord::<BE>::new(&spill)), Ok(512));
    }

    #[test]
    fn the_largest_sizes_do_not_wrap() {
        let mut embedded = WriteEmbedded::<LE>::new_zeroed();
        embedded.psize = u32::MAX.into();
        let record = ReplayRecord::<LE>::new(&embedded);
        assert_eq!(payload_len(&record), Ok(1 << 32));
        let error = Limits::DEFAULT.check(&record).expect_err("too long");
        assert_eq!(
            error.to_string(),
            "payload of WRITE_EMBEDDED is 4294967296 bytes, expected at most 112"
        );
    }

    #[test]
    fn an_unknown_type_is_refused_by_value() {
        let mut record = ReplayRecord::<LE>::new_zeroed();
        record.drr_type = 11.into();
        let error = payload_len(&record).expect_err("unknown");
        assert_eq!(error, RecordError::UnknownType { found: 11 });
        assert_eq!(error.to_string(), "record type is 0xb, expected at most 0xa");
    }
}
