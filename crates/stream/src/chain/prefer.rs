//! Choice among streams of which a receiver takes one: it takes the first.

use super::links::{begins_dataset, wrong_with};
use crate::outline::{Outline, OutlinedStream};
use std::collections::{BTreeMap, BTreeSet};

/// Most streams from one snapshot that are looked at.
const MOST_NEXT: usize = 64;

/// Comparison of an input with others. The one that compares less goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lost {
    /// Another stream of one of its snapshots has more of it: it is whole, not redacted, or more streams fit it.
    same: bool,
    /// Another stream from where one of its streams starts, or that begins the same dataset, leads to more snapshots.
    fork: bool,
}

/// Streams of which a receiver takes one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rivals<'a> {
    /// Those of a snapshot, by its guid.
    Same(u64),
    /// Those that continue a snapshot in its dataset, by its guid.
    Fork(u64),
    /// Those that begin a dataset, by its name.
    Begin(&'a str),
}

/// Grounds of the comparison, the weightiest first.
type Merit = (u64, u64, u64, (u64, u64));

/// Compares inputs, all but those that `is_out`.
pub(super) fn compared(outlines: &[Outline], is_out: impl Fn(usize) -> bool) -> Vec<Lost> {
    let inputs = outlines.iter().enumerate().filter(|(place, _)| !is_out(*place));
    let all: Vec<(usize, &OutlinedStream)> = inputs
        .flat_map(|(place, outline)| outline.streams.iter().map(move |stream| (place, stream)))
        .collect();
    let weights = weights(&all);
    let of = |at: usize| groups(all[at].1, weights[at]);
    let mut best: BTreeMap<Rivals<'_>, Merit> = BTreeMap::new();
    for (group, merit) in (0..all.len()).flat_map(of) {
        let best = best.entry(group).or_insert(merit);
        *best = merit.max(*best);
    }
    let mut lost = vec![Lost::default(); outlines.len()];
    for (at, &(place, _)) in all.iter().enumerate() {
        for (group, merit) in of(at) {
            let is_less = merit < best[&group];
            match group {
                Rivals::Same(_) => lost[place].same |= is_less,
                Rivals::Fork(_) | Rivals::Begin(_) => lost[place].fork |= is_less,
            }
        }
    }
    lost
}

/// Groups of a stream, and its merit in each. One that goes on with another is in none.
fn groups(stream: &OutlinedStream, weight: u64) -> impl Iterator<Item = (Rivals<'_>, Merit)> {
    let segment = &stream.segment;
    let (whole, full) = (u64::from(stream.is_whole), u64::from(!segment.is_redacted()));
    let reached = if stream.is_whole { (0, 0) } else { stream.reached };
    let same = (Rivals::Same(segment.toguid), (whole, full, weight, reached));
    let other = if begins_dataset(segment) {
        Rivals::Begin(segment.dataset())
    } else {
        Rivals::Fork(segment.fromguid)
    };
    let is_first = segment.resumed_at.is_none();
    [same, (other, (weight, whole, full, reached))].into_iter().filter(move |_| is_first)
}

/// Number of snapshots that each stream leads to with those that fit it, itself included; of several that continue a
/// snapshot in its dataset, the one counts that leads to most.
fn weights(all: &[(usize, &OutlinedStream)]) -> Vec<u64> {
    let segment = |at: usize| &all[at].1.segment;
    let mut from: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut rests = BTreeSet::new();
    for at in 0..all.len() {
        let next = from.entry(segment(at).fromguid).or_default();
        if segment(at).fromguid != 0 && next.len() < MOST_NEXT {
            next.push(at);
        }
        if segment(at).resumed_at.is_some() {
            rests.insert(segment(at).toguid);
        }
    }
    let next = |at: usize| {
        let next = from.get(&segment(at).toguid).into_iter().flatten().copied();
        next.filter(move |&next| wrong_with(segment(next), segment(at)).is_none())
    };
    let mut weights: Vec<Option<u64>> = vec![None; all.len()];
    let mut is_open = vec![false; all.len()];
    let mut path = Vec::new();
    for first in 0..all.len() {
        path.push(first);
        while let Some(&at) = path.last() {
            if weights[at].is_some() {
                path.pop();
            } else if is_open[at] {
                // Guids may make a circle: what is open counts for nothing there.
                let (mut most, mut clones) = (0, BTreeMap::new());
                for (next, weight) in next(at).filter_map(|next| Some((next, weights[next]?))) {
                    if segment(next).is_clone() {
                        let clone = clones.entry(segment(next).toguid).or_insert(0);
                        *clone = weight.max(*clone);
                    } else {
                        most = weight.max(most);
                    }
                }
                let is_usable = all[at].1.is_whole || rests.contains(&segment(at).toguid);
                let below = clones.into_values().fold(most, u64::saturating_add);
                weights[at] = Some(if is_usable { below.saturating_add(1) } else { 0 });
                path.pop();
            } else {
                is_open[at] = true;
                path.extend(next(at).filter(|&next| !is_open[next]));
            }
        }
    }
    weights.into_iter().map(Option::unwrap_or_default).collect()
}
