//! Payload lengths: the bytes that follow each record, and their limits.

use crate::describe::Description;
use crate::drr::{Body, Object, RecordType, ReplayRecord, Spill, Write, each_record};
use zerocopy::ByteOrder;
use zerocopy::byteorder::LE;

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

/// Word, in the sender's byte order, that a block is filled with which the sender could not read and sends all the same:
/// `zfs_send_corrupt_data`.
///
/// Source: OpenZFS `module/zfs/dmu_send.c`, `do_dump()`, zfs-2.3.2.
pub const UNREADABLE: u64 = 0x02F5_BADD_B10C;

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
/// If the record's type is unknown.
pub fn payload_len<O: ByteOrder>(record: &ReplayRecord<O>) -> Result<u64, RecordError> {
    macro_rules! by_type {
        ($($(#[$doc:meta])* $kind:ident = $number:literal, $body:ident;)+) => {
            match record.record_type() {
                $(RecordType::$kind => {
                    let body = record.body_as::<crate::drr::$body<O>>();
                    body.map_or(0, |body| body.payload_len(record))
                })+
                RecordType(found) => return Err(RecordError::UnknownType { found }),
            }
        };
    }
    Ok(each_record!(by_type))
}

/// A raw bonus is sent as it is; a plain one is filled up to eight bytes.
pub(crate) fn object_len<O: ByteOrder>(object: &Object<O>) -> u64 {
    match object.raw_bonuslen.get() {
        0 => round_up_8(object.bonuslen.get()),
        raw => raw.into(),
    }
}

pub(crate) fn write_len<O: ByteOrder>(write: &Write<O>) -> u64 {
    if write.compressiontype == 0 { write.logical_size.get() } else { write.compressed_size.get() }
}

pub(crate) fn spill_len<O: ByteOrder>(spill: &Spill<O>) -> u64 {
    match spill.compressed_size.get() {
        0 => spill.length.get(),
        compressed => compressed,
    }
}

/// Bound of the payloads of a record type, by the contents that they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadBound {
    /// There is no payload.
    Absent,
    /// A packed list: [`Limits::nvlist`].
    List,
    /// The bonus of a dnode: [`Limits::bonus`].
    Bonus,
    /// A block: [`Limits::block`].
    Block,
    /// A block that lay in its block pointer: [`Limits::embedded`].
    Embedded,
}

/// The longest payloads that are read, in bytes.
///
/// ```
/// use zsend_records::payload::Limits;
///
/// let limits = Limits::DEFAULT.with_nvlist(1 << 20);
/// assert_eq!(limits.block, Limits::DEFAULT.block);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Limits of the format itself: blocks of 16 MiB, and one MiB more for what a codec or a
    /// sector may add; dnodes of 16 KiB; 112 embedded bytes. A package header may take 64 MiB,
    /// which lists about a quarter of a million snapshots.
    pub const DEFAULT: Self =
        Self { nvlist: 64 << 20, bonus: 16 << 10, block: 17 << 20, embedded: 112 };

    /// Small enough that a fuzzer's inputs reach them.
    pub const FUZZ: Self =
        Self { nvlist: 64 << 10, bonus: 1 << 10, block: 16 << 10, embedded: 112 };

    /// The same but for the nvlist after a BEGIN.
    #[must_use]
    pub const fn with_nvlist(self, nvlist: u64) -> Self {
        Self { nvlist, ..self }
    }

    /// The same but for the bonus after an OBJECT.
    #[must_use]
    pub const fn with_bonus(self, bonus: u64) -> Self {
        Self { bonus, ..self }
    }

    /// The same but for the block after a WRITE or SPILL.
    #[must_use]
    pub const fn with_block(self, block: u64) -> Self {
        Self { block, ..self }
    }

    /// The same but for the data after a WRITE_EMBEDDED.
    #[must_use]
    pub const fn with_embedded(self, embedded: u64) -> Self {
        Self { embedded, ..self }
    }

    /// The limit of payloads with this bound.
    pub const fn of(&self, bound: PayloadBound) -> u64 {
        match bound {
            PayloadBound::Absent => 0,
            PayloadBound::List => self.nvlist,
            PayloadBound::Bonus => self.bonus,
            PayloadBound::Block => self.block,
            PayloadBound::Embedded => self.embedded,
        }
    }

    /// The payload length of `record`, if it is known and within the limit.
    ///
    /// # Errors
    /// If the type is unknown or the payload is longer than the limit.
    pub fn check<O: ByteOrder>(&self, record: &ReplayRecord<O>) -> Result<u64, RecordError> {
        let kind = record.record_type();
        let found = payload_len(record)?;
        let description = kind.description().ok_or(RecordError::UnknownType { found: kind.0 })?;
        self.bound(kind, description.payload, found)
    }

    /// As [`Self::check`], for a type that may be described by another crate.
    ///
    /// # Errors
    /// If the payload is longer than the limit.
    pub fn check_described(
        &self,
        record: &ReplayRecord<LE>,
        description: &Description,
    ) -> Result<u64, RecordError> {
        self.bound(record.record_type(), description.payload, (description.payload_len)(record))
    }

    fn bound(
        &self,
        record: RecordType,
        bound: PayloadBound,
        found: u64,
    ) -> Result<u64, RecordError> {
        let limit = self.of(bound);
        if found > limit {
            return Err(RecordError::PayloadTooLong { record, found, limit });
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
    use crate::drr::WriteEmbedded;
    use alloc::string::ToString;
    use zerocopy::FromZeros;
    use zerocopy::byteorder::BE;

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
    fn a_type_with_a_payload_has_a_bound_and_no_other_has() {
        for number in (0..).take(RecordType::COUNT) {
            let description = RecordType(number).description().expect("one of this crate's");
            // A header in which every number is one.
            let mut record = ReplayRecord::<LE>::new_zeroed();
            record.drr_type = number.into();
            record.payloadlen = 1.into();
            record.body = [1; 272];
            let has_payload = (description.payload_len)(&record) > 0;
            assert_eq!(has_payload, description.payload != PayloadBound::Absent, "{number}");
        }
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
