//! Space maps: a log of what was allocated and freed, and the segments that it leaves.
//!
//! A metaslab's counts bytes of a vdev. A device's DTL counts transaction groups: each is a segment of
//! one, and those that are allocated are the ones whose writes the device missed.

use std::collections::BTreeMap;
use std::ops::Range;
use zerocopy::FromBytes;
use zerocopy::byteorder::{LE, U64};
use zsend_ondisk::space_map::SpaceMapEntry;

/// Most segments that are kept, of some 32 bytes each. A DTL has a few; a metaslab that was so torn
/// could not be used by the kernel either.
const MAX_SEGMENTS: usize = 1 << 20;

/// Reason why a log is none that a writer wrote. Steps and units are those of the map's [`Scale`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceMapError {
    /// A block does not end where a word does.
    #[error("{0} bytes are no whole number of words")]
    Words(usize),
    /// An entry of two words begins in the last one of a block.
    #[error("half an entry at the end of a block")]
    HalfEntry,
    /// An entry leads out of what the map counts.
    #[error("{run} steps from step {offset:#x}, outside {:#x} to {:#x}", .range.start, .range.end)]
    Outside {
        /// The first step.
        offset: u64,
        /// Steps.
        run: u64,
        /// Units that segments may have.
        range: Range<u64>,
    },
    /// Something is allocated that was allocated already.
    #[error("{:#x} to {:#x} is allocated twice", .0.start, .0.end)]
    Twice(Range<u64>),
    /// Something is freed that was not allocated.
    #[error("{:#x} to {:#x} is freed and was not allocated", .0.start, .0.end)]
    NotAllocated(Range<u64>),
    /// The map leaves more segments than are kept.
    #[error("more than {MAX_SEGMENTS} segments")]
    Segments,
}

/// The result of reading a log.
type LogResult<T> = std::result::Result<T, SpaceMapError>;

/// Ascending segments, none of which touches the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments(Vec<Range<u64>>);

impl Segments {
    /// Returns true if a unit lies in one of them.
    pub fn contains(&self, unit: u64) -> bool {
        let after = self.0.partition_point(|s| s.start <= unit);
        after.checked_sub(1).is_some_and(|i| self.0[i].contains(&unit))
    }

    /// Returns true if there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The segments, in order.
    pub fn as_slice(&self) -> &[Range<u64>] {
        &self.0
    }
}

/// Scale of a space map: the units that it may have, and log2 of how many each step of its
/// entries stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The units that segments may have.
    pub range: Range<u64>,
    /// log2 of the units that an entry counts by: `sm_shift`.
    pub shift: u32,
}

impl Scale {
    /// That of a DTL: any transaction group, one by one. Source: `vdev_dtl_load()`, OpenZFS
    /// `module/zfs/vdev.c`, zfs-2.3.2.
    pub const DTL: Self = Self { range: 0..u64::MAX, shift: 0 };
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LogEntry {
    is_free: bool,
    units: Range<u64>,
}

impl Scale {
    /// The entry at the start of `words`, and how many of them it takes; no entry for what only tells
    /// when the next ones were written, or fills up a block.
    ///
    /// Source: `space_map_iterate()`, OpenZFS `module/zfs/space_map.c`, zfs-2.3.2.
    fn entry(&self, words: &[U64<LE>]) -> LogResult<(Option<LogEntry>, usize)> {
        let word = |i: usize| words.get(i).map(|w| w.get());
        let (is_free, offset, run, used) =
            match word(0).and_then(|first| SpaceMapEntry::decode(first, word(1))) {
                None => return Err(SpaceMapError::HalfEntry),
                Some((SpaceMapEntry::Debug(_), used)) => return Ok((None, used)),
                Some((SpaceMapEntry::Run { is_free, offset, run, vdev: _ }, used)) => {
                    (is_free, offset, run, used)
                }
            };
        let scaled = |steps: u64| {
            let units = steps.checked_shl(self.shift)?;
            (units >> self.shift == steps).then_some(units)
        };
        let units = scaled(offset).zip(scaled(run)).and_then(|(offset, run)| {
            let start = self.range.start.checked_add(offset)?;
            Some(start..start.checked_add(run).filter(|end| *end <= self.range.end)?)
        });
        match units {
            Some(units) => Ok((Some(LogEntry { is_free, units }), used)),
            None => Err(SpaceMapError::Outside { offset, run, range: self.range.clone() }),
        }
    }
}

/// The log as far as it was read.
#[derive(Clone, Debug)]
pub struct Log {
    scale: Scale,
    /// Ends by starts. None touches the next.
    segments: BTreeMap<u64, u64>,
}

impl Log {
    /// An empty one.
    pub const fn new(scale: Scale) -> Self {
        Self { scale, segments: BTreeMap::new() }
    }

    /// Reads the next block of the log, or as much of it as belongs to the log. Entries end where
    /// blocks do.
    ///
    /// # Errors
    /// [`SpaceMapError`] says what is wrong with an entry.
    pub fn push(&mut self, block: &[u8]) -> LogResult<()> {
        let words =
            <[U64<LE>]>::ref_from_bytes(block).map_err(|_| SpaceMapError::Words(block.len()))?;
        let mut rest = words;
        while !rest.is_empty() {
            let (entry, used) = self.scale.entry(rest)?;
            match entry {
                Some(LogEntry { is_free: false, units }) => self.allocate(units)?,
                Some(LogEntry { is_free: true, units }) => self.free(units)?,
                None => {}
            }
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// The segments that are allocated after all that was read.
    pub fn segments(self) -> Segments {
        Segments(self.segments.into_iter().map(|(start, end)| start..end).collect())
    }

    /// The last segment that begins at or before a unit.
    fn before(&self, unit: u64) -> Option<Range<u64>> {
        self.segments.range(..=unit).next_back().map(|(start, end)| *start..*end)
    }

    fn allocate(&mut self, units: Range<u64>) -> LogResult<()> {
        let Range { mut start, mut end } = units;
        let before = self.before(start);
        let after = self.segments.range(start..).next().map(|(start, end)| *start..*end);
        if before.as_ref().is_some_and(|b| b.end > start)
            || after.as_ref().is_some_and(|a| a.start < end)
        {
            return Err(SpaceMapError::Twice(start..end));
        }
        if let Some(before) = before.filter(|b| b.end == start) {
            start = before.start;
        }
        if let Some(after) = after.filter(|a| a.start == end) {
            self.segments.remove(&after.start);
            end = after.end;
        }
        self.segments.insert(start, end);
        self.check_size()
    }

    fn free(&mut self, units: Range<u64>) -> LogResult<()> {
        let Range { start, end } = units;
        let Some(held) = self.before(start).filter(|b| b.end >= end) else {
            return Err(SpaceMapError::NotAllocated(start..end));
        };
        self.segments.remove(&held.start);
        if held.start < start {
            self.segments.insert(held.start, start);
        }
        if end < held.end {
            self.segments.insert(end, held.end);
        }
        self.check_size()
    }

    fn check_size(&self) -> LogResult<()> {
        match self.segments.len() {
            0..=MAX_SEGMENTS => Ok(()),
            _ => Err(SpaceMapError::Segments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zsend_ondisk::space_map::NO_VDEV;

    fn block(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    /// An entry of no vdev, as in the map of one metaslab or DTL.
    fn run(offset: u64, run: u64, is_free: bool) -> (u64, Option<u64>) {
        SpaceMapEntry::Run { is_free, offset, run, vdev: NO_VDEV }.encode().unwrap()
    }

    fn one(offset: u64, len: u64, is_free: bool) -> u64 {
        run(offset, len, is_free).0
    }

    /// An entry of two words, whether one would do or not.
    fn two(offset: u64, run: u64, is_free: bool) -> [u64; 2] {
        let (first, second) =
            SpaceMapEntry::Run { is_free, offset, run, vdev: 0 }.encode().unwrap();
        [first | NO_VDEV, second.unwrap()]
    }

    /// A mark of when the next entries were written.
    fn mark() -> u64 {
        SpaceMapEntry::mark(false, 1, 77).unwrap().encode().unwrap().0
    }

    fn segments(words: &[u64]) -> LogResult<Vec<Range<u64>>> {
        let mut log = Log::new(Scale::DTL);
        log.push(&block(words))?;
        Ok(log.segments().as_slice().to_vec())
    }

    #[test]
    fn entries_of_both_kinds_are_read_in_any_order() {
        let [a, b] = two(1 << 60, 1 << 36, false);
        assert_eq!(
            segments(&[one(40, 2, false), mark(), one(4, 30, false), a, b, mark()]),
            Ok(vec![4..34, 40..42, 1 << 60..(1 << 60) + (1 << 36)])
        );
        let joined = [one(4, 3, false), one(7, 5, false), one(20, 1, false)];
        assert_eq!(segments(&joined), Ok(vec![4..12, 20..21]));
        let [first, second, last] = joined;
        assert_eq!(segments(&[last, second, first]), Ok(vec![4..12, 20..21]));
        let [c, d] = two(6, 2, true);
        assert_eq!(segments(&[one(4, 32768, false), c, d]), Ok(vec![4..6, 8..32772]));
        assert_eq!(segments(&[]), Ok(vec![]));
    }

    #[test]
    fn what_no_writer_writes_is_refused() {
        let [head, tail] = two(4, 4, false);
        let [freed, rest] = two(6, 4, true);
        for (words, why) in [
            (&[one(4, 3, false), one(6, 1, false)][..], "twice"),
            (&[one(6, 1, false), one(4, 3, false)], "twice"),
            (&[head, tail, one(5, 1, false)], "twice"),
            (&[head, tail, freed, rest], "not allocated"),
            (&[one(4, 3, true)], "not allocated"),
            (&[head], "half an entry"),
        ] {
            let found = segments(words).unwrap_err().to_string();
            assert!(found.contains(why), "{found}");
        }
        let narrow = Scale { range: 1 << 20..2 << 20, shift: 12 };
        let push = |word: u64| Log::new(narrow.clone()).push(&word.to_le_bytes());
        assert_eq!(push(one(255, 1, false)), Ok(()));
        assert!(matches!(push(one(255, 2, false)), Err(SpaceMapError::Outside { .. })));
        let wide = Scale { range: 0..u64::MAX, shift: 63 };
        assert!(Log::new(wide).push(&one(2, 1, false).to_le_bytes()).is_err());
        let over = Scale { range: 0..u64::MAX, shift: 64 };
        assert!(Log::new(over).push(&one(0, 1, false).to_le_bytes()).is_err());
        assert!(Log::new(Scale::DTL).push(&[0; 7]).is_err());
    }

    proptest! {
        /// A set of units, written as a log in which some are freed again, reads as that set.
        #[test]
        fn a_log_reads_as_what_it_leaves(
            steps in prop::collection::vec((0..60u64, 1..9u64, any::<bool>(), any::<bool>()), 0..60)
        ) {
            let mut model = [false; 80];
            let mut words = Vec::new();
            for (start, run, is_free, is_wide) in steps {
                let range = usize::try_from(start).unwrap()..usize::try_from(start + run).unwrap();
                if model[range.clone()].iter().any(|&held| held != is_free) {
                    continue;
                }
                model[range].fill(!is_free);
                match is_wide {
                    true => words.extend(two(start, run, is_free)),
                    false => words.extend([mark(), one(start, run, is_free)]),
                }
            }
            let mut log = Log::new(Scale::DTL);
            log.push(&block(&words)).unwrap();
            let found = log.segments();
            for (unit, held) in (0..).zip(model) {
                prop_assert_eq!(found.contains(unit), held, "{}", unit);
            }
            let apart = found.as_slice().windows(2).all(|w| w[0].end < w[1].start);
            prop_assert!(apart && found.as_slice().iter().all(|s| s.start < s.end));
        }

        #[test]
        fn any_words_end_in_segments_or_an_error(words: Vec<u64>, shift in 0..64u32) {
            let mut log = Log::new(Scale { range: 1 << 20..1 << 50, shift });
            if log.push(&block(&words)).is_ok() {
                for segment in log.segments().as_slice() {
                    prop_assert!(segment.start >= 1 << 20 && segment.end <= 1 << 50);
                }
            }
        }
    }
}
