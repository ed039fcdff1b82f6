//! An object whose blocks get another size, and what becomes of its ranges.

use zsend_records::drr::OBJECT_END;
use zsend_records::types::DmuType;

/// An object whose blocks get another size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resized {
    pub(super) object_type: DmuType,
    /// Smaller blocks are joined.
    pub(super) joins: bool,
    /// The end of its last block before, as the FREE behind its OBJECT tells.
    pub(super) end: Option<u64>,
}

impl Resized {
    /// Offset and length of the new blocks that lie in a range as a whole. Nothing lies behind the end of the object, so
    /// that a range which ends there has the last of them too.
    pub(super) fn whole_blocks(self, size: u64, offset: u64, length: u64) -> Option<(u64, u64)> {
        let start = offset.checked_next_multiple_of(size)?;
        if length == OBJECT_END {
            return Some((start, OBJECT_END));
        }
        let end = offset.saturating_add(length);
        let end = match self.end {
            Some(last) if last == end => end.checked_next_multiple_of(size)?,
            Some(_) | None => end - end % size,
        };
        (start < end).then(|| (start, end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_to_the_end_has_the_last_block_too() {
        let object = |end| Resized { object_type: DmuType::PLAIN_FILE_CONTENTS, joins: true, end };
        let blocks = |end, offset, length| object(end).whole_blocks(100, offset, length);
        assert_eq!(blocks(None, 50, 200), Some((100, 100)));
        assert_eq!(blocks(Some(300), 50, 200), Some((100, 100)));
        assert_eq!(blocks(Some(250), 50, 200), Some((100, 200)));
        assert_eq!(blocks(Some(250), 120, 60), None);
        assert_eq!(blocks(Some(250), 250, OBJECT_END), Some((300, OBJECT_END)));
        assert_eq!(blocks(None, u64::MAX - 10, 5), None);
        assert_eq!(blocks(Some(u64::MAX), 0, u64::MAX - 1), Some((0, u64::MAX - 15)));
    }
}
