//! The order: each input behind those that bring what it starts from.

use super::links::{ChainFault, ChainFaultKind, begins_dataset, note_on, wrong_rest, wrong_with};
use super::prefer::{Lost, compared};
use super::{ChainReport, ChainStep, Fate};
use crate::outline::{Outline, OutlineEnd, OutlinedStream};
use crate::segment::Segment;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that a receiver has, or a stream needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// A whole snapshot, by its guid.
    Snapshot(u64),
    /// The beginning of a snapshot, by its guid.
    Beginning(u64),
}

/// State while inputs are put in order.
struct Sorter<'a> {
    outlines: &'a [Outline],
    /// Full names of snapshots that streams start from.
    names: BTreeMap<u64, &'a str>,
    /// Parts that were received, with the stream that brought it: input and place in it. `None` where the receiver has it.
    received: BTreeMap<Need, Option<(usize, usize)>>,
    /// Snapshots that a stream continues in their own dataset, with that stream.
    grown: BTreeMap<u64, (usize, usize)>,
    /// Datasets that a stream begins, by their names at the sender, with that stream.
    begun: BTreeMap<&'a str, (usize, usize)>,
    /// Streams that bring a part: input, and place in it.
    brought_by: BTreeMap<Need, Vec<(usize, usize)>>,
    /// Comparison of each input with others that a receiver takes instead.
    lost: Vec<Lost>,
    fates: Vec<Option<Fate>>,
    order: Vec<usize>,
    /// Faults, each with its input.
    faults: Vec<(usize, ChainFault)>,
    notes: Vec<String>,
}

/// Parts that the streams of a package bring which go before one of them.
#[derive(Default)]
struct Own<'a> {
    snapshots: BTreeMap<u64, (usize, usize)>,
    begun: BTreeMap<&'a str, (usize, usize)>,
}

/// Parts of other inputs that the streams of an input need, each with the first of these by its place.
fn needs(outline: &Outline) -> BTreeMap<Need, usize> {
    let mut own = BTreeSet::new();
    let mut needs = BTreeMap::new();
    for (at, stream) in outline.streams.iter().enumerate() {
        let segment = &stream.segment;
        let beginning = segment.resumed_at.map(|_| Need::Beginning(segment.toguid));
        let base = (segment.fromguid != 0).then_some(Need::Snapshot(segment.fromguid));
        for need in beginning.into_iter().chain(base).filter(|need| !own.contains(need)) {
            needs.entry(need).or_insert(at);
        }
        own.insert(Need::Snapshot(segment.toguid));
    }
    needs
}

/// Parts that an input brings.
fn brings(outline: &Outline) -> impl Iterator<Item = Need> {
    outline.streams.iter().map(|stream| {
        let guid = stream.segment.toguid;
        if stream.is_whole { Need::Snapshot(guid) } else { Need::Beginning(guid) }
    })
}

pub(super) fn chain(
    outlines: Vec<Outline>,
    have: &[u64],
    names: &BTreeMap<u64, String>,
) -> ChainReport {
    let segments = || outlines.iter().flat_map(|outline| &outline.streams).map(|s| &s.segment);
    // No other names are asked for than those of snapshots that a stream starts from.
    let asked: BTreeSet<u64> = segments().map(|segment| segment.fromguid).collect();
    let of_packages = outlines.iter().flat_map(|outline| &outline.package);
    let named = names.iter().chain(of_packages.flat_map(|package| &package.snapshots));
    let named = named.map(|(guid, name)| (*guid, name.as_str()));
    let of_streams = segments().map(|segment| (segment.toguid, segment.toname.as_str()));
    let known = named.chain(of_streams).filter(|(guid, _)| asked.contains(guid)).collect();
    let mut sorter = Sorter {
        outlines: &outlines,
        names: known,
        received: have.iter().map(|&guid| (Need::Snapshot(guid), None)).collect(),
        grown: BTreeMap::new(),
        begun: BTreeMap::new(),
        brought_by: BTreeMap::new(),
        lost: compared(&outlines, |place| matches!(outlines[place].end, OutlineEnd::Damaged(_))),
        fates: vec![None; outlines.len()],
        order: Vec::new(),
        faults: Vec::new(),
        notes: Vec::new(),
    };
    sorter.run();
    let Sorter { mut fates, mut order, faults, notes, .. } = sorter;
    let is_placed: BTreeSet<usize> = order.iter().copied().collect();
    order.extend((0..outlines.len()).filter(|place| !is_placed.contains(place)));
    let mut fate = |place: usize| fates[place].get_or_insert(Fate::Broken).clone();
    // What one input has against it does not count if its snapshots come with others.
    let faults = faults.into_iter().filter(|(place, _)| fate(*place) == Fate::Broken);
    let faults = faults.map(|(_, fault)| fault).collect();
    let mut outlines: Vec<Option<Outline>> = outlines.into_iter().map(Some).collect();
    let steps = order.into_iter().filter_map(|place| {
        let outline = outlines[place].take()?;
        Some(ChainStep::of(outline, fate(place)))
    });
    ChainReport { steps: steps.collect(), faults, notes }
}

impl<'a> Sorter<'a> {
    fn run(&mut self) {
        let outlines = self.outlines;
        let mut waiting: BTreeMap<Need, Vec<usize>> = BTreeMap::new();
        let mut missing = vec![0; outlines.len()];
        let mut ready = BTreeSet::new();
        for (place, outline) in outlines.iter().enumerate() {
            if let OutlineEnd::Damaged(error) = &outline.end {
                self.fates[place] = Some(Fate::Damaged(error.clone()));
                continue;
            }
            if outline.has_no_stream() {
                self.fates[place] = Some(Fate::NoStream);
                continue;
            }
            for (at, part) in brings(outline).enumerate() {
                self.brought_by.entry(part).or_default().push((place, at));
            }
        }
        for (place, outline) in outlines.iter().enumerate() {
            if self.fates[place].is_some() {
                continue;
            }
            for need in needs(outline).into_keys() {
                if !self.received.contains_key(&need) {
                    waiting.entry(need).or_default().push(place);
                    missing[place] += 1;
                }
            }
            if missing[place] == 0 {
                ready.insert((self.rank(place), place));
            }
        }
        while let Some((_, place)) = ready.pop_first() {
            if !self.receive(place) {
                continue;
            }
            for part in brings(&outlines[place]) {
                for waiter in waiting.remove(&part).unwrap_or_default() {
                    missing[waiter] -= 1;
                    if missing[waiter] == 0 {
                        ready.insert((self.rank(waiter), waiter));
                    }
                }
            }
        }
        for place in 0..outlines.len() {
            if self.fates[place].is_some() {
                continue;
            }
            // What it starts from is missed by nobody if its snapshots come otherwise.
            let comes_otherwise = self.comes_otherwise(place);
            self.fates[place] = Some(if comes_otherwise { Fate::Again } else { Fate::Broken });
            if !comes_otherwise {
                self.blame(place);
            }
        }
    }

    /// Rank of an input among those that can be received: the least goes first. What begins a dataset goes behind
    /// what begins one above, and of several that go on with a cut stream the one that does so first.
    fn rank(&self, place: usize) -> (Lost, bool, usize, Option<(u64, u64)>) {
        let first = self.outlines[place].streams.first().map(|stream| &stream.segment);
        let depth = first
            .filter(|first| begins_dataset(first))
            .map_or(0, |first| first.dataset().matches('/').count());
        (self.lost[place], self.is_spare(place), depth, first.and_then(|first| first.resumed_at))
    }

    /// Returns true for a full stream of a snapshot that an increment brings, too: that goes before it, so that
    /// one dataset has both.
    fn is_spare(&self, place: usize) -> bool {
        self.outlines[place].streams.iter().all(|stream| {
            let brought = self.brought_by.get(&Need::Snapshot(stream.segment.toguid));
            let mut others = brought.into_iter().flatten().filter(|(other, _)| *other != place);
            stream.segment.fromguid == 0 && others.any(|&other| self.segment(other).fromguid != 0)
        })
    }

    /// Returns true if everything that an input brings was received.
    fn comes_otherwise(&self, place: usize) -> bool {
        let outline = &self.outlines[place];
        !outline.streams.is_empty() && outline.streams.iter().all(|stream| self.has(stream))
    }

    /// Returns true if what was received has all that a stream has: one that is redacted has less, and so has one that
    /// was cut before.
    fn has(&self, stream: &OutlinedStream) -> bool {
        let guid = stream.segment.toguid;
        let is_less = |by| self.segment(by).is_redacted() && !stream.segment.is_redacted();
        if let Some(by) = self.received.get(&Need::Snapshot(guid)) {
            return !by.is_some_and(is_less);
        }
        let begun = self.received.get(&Need::Beginning(guid)).copied().flatten();
        let is_enough = |by| !is_less(by) && self.stream(by).reached >= stream.reached;
        !stream.is_whole && begun.is_some_and(is_enough)
    }

    /// Receives an input, or says why it cannot be; returns true if it was.
    fn receive(&mut self, place: usize) -> bool {
        let outlines = self.outlines;
        let outline = &outlines[place];
        let streams = &outline.streams;
        if self.comes_otherwise(place) {
            self.fates[place] = Some(Fate::Again);
            return false;
        }
        let (mut notes, mut own) = (Vec::new(), Own::default());
        for (at, stream) in streams.iter().enumerate() {
            let segment = &stream.segment;
            // Of a package what is there is passed over: `recv_skip()`, libzfs_sendrecv.c.
            if self.has(stream) {
                continue;
            }
            if let Some(wrong) = self.wrong_with(segment, &own, &mut notes) {
                self.fault(place, at, wrong);
                return false;
            }
            own.snapshots.insert(segment.toguid, (place, at));
            if begins_dataset(segment) {
                own.begun.entry(segment.dataset()).or_insert((place, at));
            }
        }
        self.begun.append(&mut own.begun);
        self.notes.append(&mut notes);
        for (at, (part, stream)) in brings(outline).zip(streams).enumerate() {
            let segment = &stream.segment;
            let is_new = !self.received.contains_key(&part);
            let by = self.received.entry(part).or_insert(Some((place, at)));
            // A cut stream may go on with a cut one.
            if let (Need::Beginning(_), Some(of)) = (part, &by)
                && outlines[of.0].streams[of.1].reached < stream.reached
            {
                *by = Some((place, at));
            }
            if is_new && segment.fromguid != 0 && !segment.is_clone() {
                self.grown.entry(segment.fromguid).or_insert((place, at));
            }
        }
        self.order.push(place);
        self.fates[place] = Some(if outline.is_cut() { Fate::Cut } else { Fate::Received });
        true
    }

    /// Reason that keeps a stream from being received, if anything does. `own` are those before it in its package.
    fn wrong_with(
        &self,
        segment: &Segment,
        own: &Own<'_>,
        notes: &mut Vec<String>,
    ) -> Option<ChainFaultKind> {
        let (from, dataset) = (segment.fromguid, segment.dataset());
        if begins_dataset(segment)
            && let Some(&other) = own.begun.get(dataset).or_else(|| self.begun.get(dataset))
            && !self.is_same(other, segment)
        {
            return Some(ChainFaultKind::SecondFull { other: self.segment(other).toname.clone() });
        }
        let begun = self.received.get(&Need::Beginning(segment.toguid)).copied().flatten();
        if segment.resumed_at.is_some()
            && let Some(wrong) = begun.and_then(|begun| wrong_rest(segment, self.stream(begun)))
        {
            return Some(wrong);
        }
        if from == 0 {
            return None;
        }
        let received = || *self.received.get(&Need::Snapshot(from))?;
        let base = own.snapshots.get(&from).copied().or_else(received);
        if !segment.is_clone()
            && let Some(&other) = self.grown.get(&from)
            && !self.is_same(other, segment)
        {
            let other = self.segment(other).toname.clone();
            return Some(ChainFaultKind::Fork { base: self.name(from), other });
        }
        let base = self.segment(base?);
        notes.extend(note_on(segment, base));
        wrong_with(segment, base)
    }

    /// Returns true if a stream is of the same snapshot as another, and has no more of it.
    fn is_same(&self, other: (usize, usize), segment: &Segment) -> bool {
        let other = self.segment(other);
        other.toguid == segment.toguid && (!other.is_redacted() || segment.is_redacted())
    }

    /// Says why an input waits for ever.
    fn blame(&mut self, place: usize) {
        let outlines = self.outlines;
        let mut needs = needs(&outlines[place]);
        needs.retain(|need, _| !self.received.contains_key(need));
        for (need, at) in needs {
            let wrong = match need {
                Need::Beginning(_) => ChainFaultKind::NoBeginning,
                Need::Snapshot(guid) => match (self.brought_by.get(&need), self.names.get(&guid)) {
                    (Some(_), Some(name)) => {
                        ChainFaultKind::BrokenBase { guid, name: (*name).to_owned() }
                    }
                    (_, name) => {
                        ChainFaultKind::NoBase { guid, name: name.map(|name| (*name).to_owned()) }
                    }
                },
            };
            self.fault(place, at, wrong);
        }
    }

    fn fault(&mut self, place: usize, at: usize, wrong: ChainFaultKind) {
        let segment = self.segment((place, at));
        let (file, byte) = (Arc::clone(&segment.file), segment.byte);
        let toname = segment.toname.clone();
        self.faults.push((place, ChainFault { file, byte, toname, wrong }));
    }

    fn segment(&self, at: (usize, usize)) -> &'a Segment {
        &self.stream(at).segment
    }

    fn stream(&self, (place, at): (usize, usize)) -> &'a OutlinedStream {
        &self.outlines[place].streams[at]
    }

    fn name(&self, guid: u64) -> String {
        self.names.get(&guid).map_or_else(|| format!("guid {guid}"), |name| (*name).to_owned())
    }
}
