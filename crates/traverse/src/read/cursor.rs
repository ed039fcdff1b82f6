//! The listed blocks: those that the receiver of a redacted stream does not have, which a send from
//! that stream's bookmark brings along wherever it passes them.

use crate::error::Result;
use zsend_pool::dsl::redaction::{BlockRun, RedactionList};

/// A place in a redaction list, from which runs of blocks are taken in ascending order.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedactionCursor {
    /// The runs behind the front; `None` once there are no more.
    rest: Option<Runs>,
    /// The run at the front, or what is left of it.
    front: Option<BlockRun>,
}

/// Runs that are read one by one.
#[derive(Clone, Debug)]
enum Runs {
    List(Box<RedactionList>),
    #[cfg(test)]
    Model(std::collections::VecDeque<BlockRun>),
}

impl RedactionCursor {
    /// The runs of a redaction list.
    pub(crate) fn new(list: RedactionList) -> Self {
        Self { rest: Some(Runs::List(Box::new(list))), front: None }
    }

    /// True if the list is known to have no more blocks. Once it is true, it stays so.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_none() && self.front.is_none()
    }

    #[cfg(test)]
    pub(super) fn of_runs(runs: impl IntoIterator<Item = BlockRun>) -> Self {
        Self { rest: Some(Runs::Model(runs.into_iter().collect())), front: None }
    }

    /// The run at the front.
    fn front(&mut self) -> Result<Option<&mut BlockRun>> {
        while self.front.is_none_or(|run| run.first >= run.end) {
            self.front = match &mut self.rest {
                None => None,
                Some(Runs::List(list)) => list.next_run()?,
                #[cfg(test)]
                Some(Runs::Model(runs)) => runs.pop_front(),
            };
            if self.front.is_none() {
                self.rest = None;
                return Ok(None);
            }
        }
        Ok(self.front.as_mut())
    }

    /// The next listed blocks before block `blkid` of `object`, taken from the list.
    pub(crate) fn next_before(&mut self, object: u64, blkid: u64) -> Result<Option<BlockRun>> {
        let Some(run) = self.front()? else { return Ok(None) };
        if (run.object, run.first) >= (object, blkid) {
            return Ok(None);
        }
        let end = if run.object == object { run.end.min(blkid) } else { run.end };
        let taken = BlockRun { end, ..*run };
        run.first = end;
        Ok(Some(taken))
    }

    /// Passes over the listed blocks of an object that lie before `end`: they were just sent.
    pub(crate) fn skip_to(&mut self, object: u64, end: u64) -> Result<()> {
        while let Some(run) = self.front()? {
            if run.object != object || run.first >= end {
                break;
            }
            run.first = run.end.min(end);
        }
        Ok(())
    }

    /// Passes over all that lies before block `blkid` of `object`: an earlier stream brought it.
    pub(crate) fn start_at(&mut self, object: u64, blkid: u64) -> Result<()> {
        while self.next_before(object, blkid)?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run((object, first, end): (u64, u64, u64)) -> BlockRun {
        BlockRun { object, first, end }
    }

    fn listed(runs: &[(u64, u64, u64)]) -> RedactionCursor {
        RedactionCursor::of_runs(runs.iter().copied().map(run))
    }

    #[test]
    fn blocks_come_out_in_order_up_to_a_place() {
        let mut l = listed(&[(3, 0, 2), (5, 7, 9)]);
        assert_eq!(l.next_before(3, 0).unwrap(), None);
        assert_eq!(l.next_before(3, 1).unwrap(), Some(run((3, 0, 1))));
        assert_eq!(l.next_before(3, 1).unwrap(), None);
        assert_eq!(l.next_before(5, 8).unwrap(), Some(run((3, 1, 2))));
        assert_eq!(l.next_before(5, 8).unwrap(), Some(run((5, 7, 8))));
        assert_eq!(l.next_before(5, 8).unwrap(), None);
        assert_eq!(l.next_before(u64::MAX, 0).unwrap(), Some(run((5, 8, 9))));
        assert_eq!(l.next_before(u64::MAX, 0).unwrap(), None);
        assert!(l.is_empty());
    }

    #[test]
    fn what_was_sent_is_passed_over() {
        let mut l = listed(&[(3, 0, 4), (3, 6, 8), (4, 0, 1)]);
        l.skip_to(3, 2).unwrap();
        assert_eq!(l.next_before(9, 0).unwrap(), Some(run((3, 2, 4))));
        l.skip_to(3, 100).unwrap();
        assert_eq!(l.next_before(9, 0).unwrap(), Some(run((4, 0, 1))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        /// A set of blocks is the model: what is taken, passed over and left is the set, each block
        /// once.
        #[test]
        fn every_listed_block_comes_out_once_or_is_passed_over(
            lengths in prop::collection::vec((0..3u64, 0..4u64, 1..6u64), 0..20),
            steps in prop::collection::vec((any::<bool>(), 1..6u64, 0..40u64), 0..20),
        ) {
            let (mut runs, mut object, mut next) = (Vec::new(), 1, 0);
            for (objects, gap, count) in lengths {
                if objects > 0 {
                    (object, next) = (object + objects, 0);
                }
                runs.push((object, next + gap, next + gap + count));
                next += gap + count;
            }
            let mut model: std::collections::BTreeSet<(u64, u64)> =
                runs.iter().flat_map(|&(o, f, e)| (f..e).map(move |b| (o, b))).collect();
            let mut list = listed(&runs);
            for (skip, object, blkid) in steps {
                if skip {
                    // Only what is at the front is ever passed over.
                    while model.first().is_some_and(|&(o, b)| o == object && b < blkid) {
                        model.pop_first();
                    }
                    list.skip_to(object, blkid).unwrap();
                    continue;
                }
                while let Some(run) = list.next_before(object, blkid).unwrap() {
                    for b in run.first..run.end {
                        prop_assert!((run.object, b) < (object, blkid));
                        prop_assert_eq!(model.pop_first(), Some((run.object, b)));
                    }
                }
                prop_assert!(model.first().is_none_or(|&first| first >= (object, blkid)));
            }
            list.start_at(u64::MAX, 0).unwrap();
            prop_assert!(list.is_empty());
        }
    }
}
