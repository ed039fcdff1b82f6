//! The mapping of a removed device: where each range of it was copied to.

use crate::blkptr::Dva;
use zerocopy::FromBytes;
use zsend_ondisk::indirect::MappingEntryPhys;

/// Reason why a mapping is none that a writer wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MappingError {
    /// Bytes that are no whole number of entries.
    #[error("a part of an entry")]
    Part,
    /// A range that is empty, overflows, or does not follow the one before it.
    #[error("a range of {len} bytes from sector {start:#x} after one that ends at {last:#x}")]
    Range {
        /// Bytes of the range.
        len: u64,
        /// The field of its source, in sectors and with its mark.
        start: u64,
        /// End of the range before it, in bytes.
        last: u64,
    },
}

/// One range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MappingEntry {
    /// Bytes from the start of the removed device's data.
    start: u64,
    dst: Dva,
}

/// A piece of a read, on the vdev that it was copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vdev) struct MappedRange {
    pub(in crate::vdev) vdev: u64,
    pub(in crate::vdev) offset: u64,
    pub(in crate::vdev) len: u64,
}

/// The ranges in ascending order, none overlapping the next.
#[derive(Debug, Default)]
pub(crate) struct Mapping {
    entries: Vec<MappingEntry>,
}

impl Mapping {
    /// Adds entries as they lie in the mapping object.
    ///
    /// # Errors
    /// [`MappingError`] says why they do not follow the last one.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<(), MappingError> {
        let entries =
            <[MappingEntryPhys]>::ref_from_bytes(bytes).map_err(|_| MappingError::Part)?;
        entries.iter().try_for_each(|entry| self.push(entry))
    }

    fn push(&mut self, entry: &MappingEntryPhys) -> Result<(), MappingError> {
        let dst = entry.destination();
        let last = self.entries.last().map_or(0, |e| e.start + e.dst.asize());
        let start = entry.start().filter(|s| s.checked_add(dst.asize()).is_some());
        match start {
            Some(start) if start >= last && dst.asize() > 0 => {
                self.entries.push(MappingEntry { start, dst });
                Ok(())
            }
            _ => Err(MappingError::Range { len: dst.asize(), start: entry.src.get(), last }),
        }
    }

    /// The pieces of a range in order, or the first offset that nothing is known of.
    pub(super) fn pieces(
        &self,
        offset: u64,
        len: u64,
        out: &mut Vec<MappedRange>,
    ) -> Result<(), u64> {
        let mut offset = offset;
        let mut left = len;
        let mut index = self.entries.partition_point(|e| e.start + e.dst.asize() <= offset);
        while left > 0 {
            let entry = self.entries.get(index).filter(|e| e.start <= offset).ok_or(offset)?;
            let inner = offset - entry.start;
            let len = left.min(entry.dst.asize() - inner);
            let to = entry.dst.offset().checked_add(inner).ok_or(offset)?;
            out.push(MappedRange { vdev: entry.dst.vdev(), offset: to, len });
            offset += len;
            left -= len;
            index += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Start and length in sectors, destination vdev and sector.
    pub(in crate::vdev) fn mapping(
        ranges: &[(u64, u64, u64, u64)],
    ) -> Result<Mapping, MappingError> {
        let mut mapping = Mapping::default();
        for (start, len, vdev, to) in ranges {
            mapping.push(&MappingEntryPhys {
                src: (*start).into(),
                dst: [(len | vdev << 32).into(), (*to).into()],
            })?;
        }
        Ok(mapping)
    }

    fn pieces(m: &Mapping, offset: u64, len: u64) -> Result<Vec<MappedRange>, u64> {
        let mut out = Vec::new();
        m.pieces(offset, len, &mut out).map(|()| out)
    }

    #[test]
    fn a_read_is_split_where_entries_end() {
        let m = mapping(&[(0, 2, 1, 100), (2, 8, 2, 7), (16, 1, 1, 0)]).unwrap();
        let piece =
            |vdev, sector: u64, len: u64| MappedRange { vdev, offset: sector << 9, len: len << 9 };
        assert_eq!(pieces(&m, 0, 1024), Ok(vec![piece(1, 100, 2)]));
        assert_eq!(pieces(&m, 512, 2048), Ok(vec![piece(1, 101, 1), piece(2, 7, 3)]));
        assert_eq!(pieces(&m, 16 << 9, 512), Ok(vec![piece(1, 0, 1)]));
        assert_eq!(pieces(&m, 9 << 9, 1024), Err(10 << 9));
        assert_eq!(pieces(&m, 17 << 9, 512), Err(17 << 9));
        assert_eq!(pieces(&Mapping::default(), 0, 512), Err(0));
    }

    #[test]
    fn the_mark_is_no_part_of_the_offset() {
        let m = mapping(&[(1 << 63 | 4, 2, 1, 100)]).unwrap();
        assert_eq!(pieces(&m, 4 << 9, 512).unwrap()[0].offset, 100 << 9);
    }

    #[test]
    fn ranges_that_overlap_descend_are_empty_or_overflow_are_refused() {
        assert!(mapping(&[(0, 2, 1, 0), (1, 2, 1, 9)]).is_err());
        assert!(mapping(&[(4, 2, 1, 0), (0, 2, 1, 9)]).is_err());
        assert!(mapping(&[(0, 0, 1, 0)]).is_err());
        assert!(mapping(&[(1 << 60, 1, 1, 0)]).is_err());
        assert!(mapping(&[((1 << 55) - 1, 9, 1, 0)]).is_err());
    }
}
