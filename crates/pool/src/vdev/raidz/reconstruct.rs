//! Finds the columns of a raidz block that make it whole: those that can be read, then those that
//! parity gives for the missing, then for every combination of columns that may be wrong.

use super::group::{Choice, Group};
use super::map::{Col, Map};
use super::rows::Rows;
use super::stripe::{Repair, Stripe};
use crate::buffer::Buffer;
use crate::error::{Cause, Mismatch};
use crate::vdev::request::Request;
use crate::vdev::trust::{Trust, Want};
use std::collections::{BTreeSet, HashSet};

/// Combinations of sides that are tried, where children are mirrors of their own.
const MAX_CHOICES: usize = 64;
/// Combinations of wrong columns that are tried for any block: all that a raidz3 of 33 devices
/// has, and wider ones are not advised.
const MIN_CANDIDATES: usize = 8192;
/// Bytes of candidates that are tried for a smaller block, if those are more.
const CANDIDATE_BYTES: usize = 4 << 30;

/// A set of columns that go wrong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspect {
    /// Those on one child.
    Child(usize),
    /// Those on one child when the raidz was narrower: an expansion copied its errors along.
    Former { width: u64, index: u64 },
}

impl Suspect {
    const fn holds(self, col: &Col) -> bool {
        match self {
            Self::Child(child) => col.child == child,
            Self::Former { width, index } => col.sector % width == index,
        }
    }
}

/// A block of a raidz or draid to be read.
pub(in crate::vdev) struct Block<'a> {
    /// The children.
    pub(in crate::vdev) group: &'a Group,
    /// Places of the block on them.
    pub(in crate::vdev) map: &'a Map,
    /// Bytes of the block.
    pub(in crate::vdev) size: usize,
    /// Widths that the raidz had before the one it has.
    pub(in crate::vdev) former: Vec<usize>,
    /// The vdev and the offset in it, for errors.
    pub(in crate::vdev) name: &'a str,
    /// Bytes from the start of the vdev's data.
    pub(in crate::vdev) offset: u64,
}

impl Block<'_> {
    /// Reads the block: the first candidate that passes the request's check.
    pub(in crate::vdev) fn read(&self, request: &mut Request<'_>) -> Option<Buffer> {
        let failed_before = request.attempts.len();
        let fit = self.group.choice(self.map, request.want.within(Trust::Fit));
        if let Some(bytes) = self.read_known(&fit, request) {
            return Some(bytes);
        }
        let choices = self.choices(&fit, request.want);
        for choice in choices.iter().skip(1) {
            if let Some(bytes) = self.read_known(choice, request) {
                return Some(bytes);
            }
        }
        let mut left = MIN_CANDIDATES.max(CANDIDATE_BYTES / self.size.max(1));
        for choice in &choices {
            if let Some(bytes) = self.search(choice, &mut left, request) {
                return Some(bytes);
            }
        }
        // What was read is suspect only if it was enough to be checked.
        let checked = request.attempts.iter().skip(failed_before).any(|a| !a.cause.is_device());
        if let Some(choice) = choices.last().filter(|_| checked) {
            let mut stripe = Stripe::new(self.group, self.map, choice, request.want);
            stripe.load_all(request);
            stripe.note_all(request);
        }
        None
    }

    /// Computes the columns of a plan, and asks what the request's check says of the block; `None`
    /// if they cannot be computed.
    fn check(
        &self,
        stripe: &mut Stripe<'_>,
        plan: &Repair,
        request: &mut Request<'_>,
    ) -> Option<Result<(), Mismatch>> {
        let block = stripe.compute(plan)?;
        Some((request.check)(block.get(..self.size).unwrap_or(block)))
    }

    /// The block that has passed the check.
    fn finish(&self, stripe: Stripe<'_>, request: &mut Request<'_>) -> Buffer {
        stripe.note_doubts(request);
        let mut bytes = stripe.into_block();
        bytes.truncate(self.size);
        bytes
    }

    /// As [`Self::read`] for bytes that were read already; the first candidate is the only one.
    pub(super) fn take_from(&self, rows: &Rows, request: &mut Request<'_>) -> Option<Buffer> {
        let want = request.want.within(Trust::Fit);
        let choice = self.group.choice(self.map, want);
        if !rows.hold(self.map, &choice, self.group.first()) {
            return None;
        }
        let stripe = Stripe::new(self.group, self.map, &choice, want).with_rows(rows);
        self.known(stripe, request)
    }

    fn read_known(&self, choice: &Choice, request: &mut Request<'_>) -> Option<Buffer> {
        self.known(Stripe::new(self.group, self.map, choice, request.want), request)
    }

    /// Trusts what can be read, and computes the rest.
    fn known(&self, mut stripe: Stripe<'_>, request: &mut Request<'_>) -> Option<Buffer> {
        stripe.load_data(request);
        let plan = stripe.plan(|_| false, request)?;
        match self.check(&mut stripe, &plan, request)? {
            Ok(()) => {
                if !plan.is_empty() {
                    request.failed(self.name, self.offset, Cause::Rebuilt);
                }
                Some(self.finish(stripe, request))
            }
            Err(why) => {
                let read = plan.is_empty();
                let cause = if read { why.into() } else { Cause::Reconstructed(why) };
                request.failed(self.name, self.offset, cause);
                None
            }
        }
    }

    /// The sides to read each child from, most likely first: those that are `fit`, then as many as are
    /// trusted enough, then others of the same children.
    fn choices(&self, fit: &Choice, want: Want) -> Vec<Vec<Option<usize>>> {
        let mut all = vec![fit.to_vec()];
        for limit in Trust::ALL.into_iter().filter(|limit| *limit <= want.limit) {
            all.push(self.group.choice(self.map, want.within(limit)).into_owned());
        }
        let children: BTreeSet<usize> = self.map.cols.iter().map(|c| c.child).collect();
        for child in children {
            let sides = self.group.sides(self.map, child, want);
            for i in 0..all.len() {
                for (_, side) in sides.iter().skip(1) {
                    if all.len() < MAX_CHOICES {
                        let mut choice = all[i].clone();
                        choice[child] = Some(*side);
                        all.push(choice);
                    }
                }
            }
        }
        let mut seen = HashSet::new();
        all.retain(|choice| seen.insert(choice.clone()));
        all
    }

    /// Tries each combination of as many wrong columns as parity allows, fewest first.
    fn search(
        &self,
        choice: &Choice,
        left: &mut usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let mut stripe = Stripe::new(self.group, self.map, choice, request.want);
        stripe.load_all(request);
        let known = stripe.plan(|_| false, request)?;
        let original = stripe.snapshot();
        let targets = self.targets(&stripe);
        // Different assumptions can lead to the same columns from the same parity.
        let mut seen = HashSet::from([known.digest()]);
        for count in 1..=self.map.nparity.min(targets.len()) {
            let mut combination: Vec<usize> = (0..count).collect();
            loop {
                if request.is_cancelled() {
                    return None;
                }
                *left = left.checked_sub(1)?;
                let assumed = |col: &Col| combination.iter().any(|&t| targets[t].holds(col));
                if let Some(plan) = stripe.plan(assumed, request)
                    && seen.insert(plan.digest())
                {
                    if let Some(Ok(())) = self.check(&mut stripe, &plan, request) {
                        stripe.note_wrong(&plan, &original, request);
                        request.failed(self.name, self.offset, Cause::Rebuilt);
                        return Some(self.finish(stripe, request));
                    }
                    stripe.restore(&plan, &original);
                }
                if !advance(&mut combination, targets.len()) {
                    break;
                }
            }
        }
        None
    }

    /// Columns that may be wrong together.
    fn targets(&self, stripe: &Stripe<'_>) -> Vec<Suspect> {
        let mut children: Vec<usize> = self.map.cols.iter().map(|c| c.child).collect();
        children.sort_unstable();
        children.dedup();
        let mut targets: Vec<Suspect> = children
            .into_iter()
            .filter(|&child| stripe.has_good(child))
            .map(Suspect::Child)
            .collect();
        for width in self.former.iter().map(|&w| w as u64) {
            targets.extend((0..width).map(|index| Suspect::Former { width, index }));
        }
        targets
    }
}

/// The next combination of indices below `n`, in order; returns whether there is one.
fn advance(combination: &mut [usize], n: usize) -> bool {
    let count = combination.len();
    for i in (0..count).rev() {
        if combination[i] + count - i < n {
            combination[i] += 1;
            for j in i + 1..count {
                combination[j] = combination[j - 1] + 1;
            }
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advance_passes_through_every_combination() {
        let mut combination = vec![0, 1, 2];
        let mut seen = HashSet::from([combination.clone()]);
        while advance(&mut combination, 7) {
            assert!(combination.is_sorted() && combination[2] < 7);
            assert!(seen.insert(combination.clone()));
        }
        assert_eq!(seen.len(), 35);
        assert!(!advance(&mut [0, 1], 2));
    }
}
