//! The blocks that a stream has written, for references back to them.

use std::collections::VecDeque;

/// Most runs that are kept: 24 bytes each.
const RUNS: usize = 256 << 10;

/// Runs of bytes of objects, in the order in which blocks come: ascending. Of more than are kept the first
/// are forgotten, and count as written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Object, offset, offset behind.
    runs: VecDeque<(u64, u64, u64)>,
    /// The last run that was forgotten.
    forgotten: Option<(u64, u64)>,
}

impl Written {
    /// Adds a block behind all that was added.
    pub(super) fn add(&mut self, object: u64, offset: u64, end: u64) {
        match self.runs.back_mut() {
            Some(last) if last.0 == object && last.2 == offset => last.2 = end,
            _ => {
                if self.runs.len() == RUNS {
                    self.forgotten = self.runs.pop_front().map(|(object, _, end)| (object, end));
                }
                self.runs.push_back((object, offset, end));
            }
        }
    }

    /// Returns true if these bytes were written, or were once and are forgotten.
    pub(super) fn contains(&self, object: u64, offset: u64, end: u64) -> bool {
        if self.forgotten.is_some_and(|forgotten| (object, end) <= forgotten) {
            return true;
        }
        let behind = self.runs.partition_point(|&(o, start, _)| (o, start) <= (object, offset));
        let run = behind.checked_sub(1).and_then(|at| self.runs.get(at));
        run.is_some_and(|&(o, _, run_end)| o == object && end <= run_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_and_nothing_between_them_counts() {
        let mut written = Written::default();
        for (object, offset, end) in [(2, 0, 10), (2, 10, 20), (2, 30, 40), (3, 0, 10)] {
            written.add(object, offset, end);
        }
        assert_eq!(written.runs.len(), 3);
        assert!(written.contains(2, 0, 20) && written.contains(2, 5, 6));
        assert!(written.contains(2, 30, 40) && written.contains(3, 0, 10));
        for (object, offset, end) in [(2, 15, 25), (2, 20, 30), (1, 0, 1), (3, 5, 11), (4, 0, 1)] {
            assert!(!written.contains(object, offset, end), "{object} {offset}");
        }
    }

    #[test]
    fn what_is_forgotten_counts_as_written() {
        let mut written = Written::default();
        for object in 0..RUNS as u64 + 10 {
            written.add(object, 0, 10);
        }
        assert_eq!(written.runs.len(), RUNS);
        assert!(written.contains(0, 0, 10) && written.contains(9, 0, 10));
        assert!(written.contains(10, 0, 10) && !written.contains(10, 0, 11));
    }
}
