//! The order in which streams are received, and where each goes.

use crate::catalogue::Catalogue;
use crate::entry::Entry;
use std::collections::{HashMap, HashSet};

/// The receipt of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt<'c> {
    /// The stream.
    pub entry: &'c Entry,
    /// The dataset that it goes into, by its name at the sender: that of the stream itself if it begins a
    /// dataset, and else of the one that its source went into.
    pub into: String,
    /// The snapshot that a clone stands on, by the name under which it was received.
    pub origin: Option<String>,
    /// Datasets above it of which no stream is there, the upper ones first: they are to be made.
    pub parents: Vec<String>,
}

/// State of a stream while an order is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VisitState {
    New,
    /// It waits for what goes before it.
    Open,
    Done,
}

/// Most sources that are looked at before a dataset above is let go before one below.
const MOST_LOOKED_AT: usize = 4096;

impl Catalogue {
    /// All streams in an order in which a receiver can take them: each behind the one that it is incremental from,
    /// and the one that begins a dataset behind the one that begins the dataset above; as their lines are, as far as that
    /// goes.
    pub fn in_order(&self) -> Vec<&Entry> {
        let entries = self.entries();
        self.order().into_iter().map(|place| &entries[place]).collect()
    }

    fn order(&self) -> Vec<usize> {
        let entries = self.entries();
        let mut first: HashMap<&str, usize> = HashMap::new();
        let begins = |entry: &Entry| entry.fromguid.is_none() || entry.clone;
        for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| begins(entry)) {
            first.entry(&entry.dataset).or_insert(place);
        }
        let above = |place: usize| {
            let dataset = entries[place].dataset.as_str();
            let is_first = first.get(dataset) == Some(&place);
            let (above, _) = dataset.rsplit_once('/').filter(|_| is_first)?;
            first.get(above).copied()
        };
        let mut state = vec![VisitState::New; entries.len()];
        let mut order = Vec::with_capacity(entries.len());
        let mut path = Vec::new();
        for place in 0..entries.len() {
            path.push(place);
            while let Some(&last) = path.last() {
                if state[last] == VisitState::Done {
                    path.pop();
                    continue;
                }
                state[last] = VisitState::Open;
                // Sources are older, so they make no circle; with what is above there may be one.
                let base = self.base(&entries[last]).filter(|&base| state[base] == VisitState::New);
                let above = above(last).filter(|&above| self.may_go_before(above, &state));
                if let Some(need) = base.or(above) {
                    path.push(need);
                } else {
                    path.pop();
                    state[last] = VisitState::Done;
                    order.push(last);
                }
            }
        }
        order
    }

    /// Returns true if a stream was not met, and nothing that it stands on waits for another.
    fn may_go_before(&self, place: usize, state: &[VisitState]) -> bool {
        if state[place] != VisitState::New {
            return false;
        }
        let mut next = Some(place);
        for _ in 0..MOST_LOOKED_AT {
            match next {
                Some(at) if state[at] == VisitState::Open => return false,
                Some(at) if state[at] == VisitState::New => next = self.base(&self.entries()[at]),
                Some(_) | None => return true,
            }
        }
        false
    }

    /// Destinations of the streams, in the order of [`Self::in_order`]. A stream whose source is not there has none,
    /// nor has what stands on it.
    ///
    /// A dataset whose name is taken, as of one that was destroyed and made anew, gets a number behind it.
    pub fn receipts(&self) -> Vec<Receipt<'_>> {
        let entries = self.entries();
        let mut names = Names::default();
        let mut into: Vec<Option<String>> = vec![None; entries.len()];
        let mut receipts = Vec::with_capacity(entries.len());
        for place in self.order() {
            let entry = &entries[place];
            let base = self.base(entry);
            let stands_on = base.and_then(|base| Some((into[base].clone()?, base)));
            if entry.fromguid.is_some() && stands_on.is_none() {
                continue;
            }
            let (name, origin, parents) = match stands_on {
                Some((name, _)) if !entry.clone => (name, None, Vec::new()),
                other => {
                    let origin =
                        other.map(|(name, base)| format!("{name}@{}", entries[base].snapshot));
                    let parents = names.parents(&entry.dataset);
                    (names.fresh(&entry.dataset), origin, parents)
                }
            };
            into[place] = Some(name.clone());
            receipts.push(Receipt { entry, into: name, origin, parents });
        }
        receipts
    }
}

/// Names of datasets that are there.
#[derive(Debug, Default)]
struct Names {
    taken: HashSet<String>,
    /// The number that is tried next behind a name.
    next: HashMap<String, u32>,
}

impl Names {
    /// Datasets above one that are not there, the upper ones first. Now they are.
    fn parents(&mut self, dataset: &str) -> Vec<String> {
        let ends = dataset.match_indices('/').map(|(end, _)| &dataset[..end]);
        ends.filter(|name| self.taken.insert((*name).to_owned())).map(str::to_owned).collect()
    }

    /// A name for a new dataset.
    fn fresh(&mut self, dataset: &str) -> String {
        if self.taken.insert(dataset.to_owned()) {
            return dataset.to_owned();
        }
        let next = self.next.entry(dataset.to_owned()).or_insert(2);
        loop {
            let name = format!("{dataset}.{next}");
            *next = next.saturating_add(1);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests;
