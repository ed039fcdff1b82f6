//! Links between streams that continue one another, in a package or as files.

use super::fault::{About, Expected, Fault, FaultValue, Wrong};
use super::state::{EarlierGuids, name_hash};
use crate::chain::{self, wrong_with};
use crate::segment::Segment;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zsend_records::drr::RecordType;

/// A stream continues one that is there.
pub(super) static BASE: About = About {
    name: "chain.base",
    says: "In a package every incremental stream but the first of a dataset starts from a snapshot that came before; of several files, where a full stream begins the dataset, every one from a snapshot that comes with another, if it brings what no other does.",
    source: "libzfs_sendrecv.c dump_filesystem; dmu_recv.c recv_begin_check_existing_impl",
};
/// A raw stream continues the very blocks.
pub(super) static IVSET: About = About {
    name: "chain.ivset",
    says: "A raw incremental stream starts from the set of IVs of the snapshot that it starts from.",
    source: "dsl_crypt.c dsl_crypto_recv_raw_objset_check",
};

/// Of streams that are files of their own, one alone continues a snapshot in a dataset.
pub(super) static FORK: About = About {
    name: "chain.fork",
    says: "Of several files, no two of one dataset start from the same snapshot.",
    source: "dmu_recv.c recv_begin_check_existing_impl",
};
/// A file fits the one that it continues.
pub(super) static FITS: About = About {
    name: "chain.fits",
    says: "Of several files, a stream fits the one that it continues: raw or not, of the same key, redaction, size of blocks.",
    source: "dmu_recv.c recv_begin_check_existing_impl, dsl_crypt.c dsl_crypto_recv_raw_key_check",
};

/// Most datasets, snapshots and streams that are kept.
const MOST: usize = 64 << 10;

/// The streams of a package that came.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The set of IVs of each raw stream's snapshot, by its guid.
    ivsets: BTreeMap<u64, u64>,
    /// Datasets of which a stream came.
    datasets: BTreeSet<u64>,
}

impl Links {
    /// Looks at a stream that begins, `earlier` being the snapshots that came whole; the link that is broken, if one is.
    pub(super) fn begin(
        &mut self,
        segment: &Segment,
        earlier: &EarlierGuids,
    ) -> Option<(&'static About, Wrong)> {
        let broken = self.look(segment, earlier);
        if let Some(keys) = &segment.keys
            && self.ivsets.len() < MOST
        {
            self.ivsets.insert(segment.toguid, keys.to_ivset);
        }
        broken
    }

    fn look(
        &mut self,
        segment: &Segment,
        earlier: &EarlierGuids,
    ) -> Option<(&'static About, Wrong)> {
        let name = name_hash(segment.dataset());
        let is_first = self.datasets.len() < MOST && self.datasets.insert(name);
        let from = segment.fromguid;
        if from == 0 {
            return None;
        }
        if segment.is_member && !is_first && self.datasets.len() < MOST && !earlier.contains(from) {
            let right = "the guid of a stream that came before";
            return Some((&BASE, Wrong::words("fromguid", format!("{from:#x}"), right)));
        }
        let (&ivset, keys) = self.ivsets.get(&from).zip(segment.keys.as_ref())?;
        ivset_wrong(keys.from_ivset, ivset).map(|wrong| (&IVSET, wrong))
    }
}

/// Streams of several files, for whether they continue one another.
///
/// Streams of packages are looked at where they are read; here they are bases, and the first of each dataset needs one. Not
/// more than the first 65,536 streams are kept, and of those in packages 8,192 with all that a base has to fit.
#[derive(Clone, Debug, Default)]
pub struct Together {
    /// Streams that are files of their own, and the first ones of each dataset in a package.
    segments: Vec<Segment>,
    /// Other streams of packages.
    members: Vec<Segment>,
    /// Guids of the snapshots that any stream brings, each with those that the streams start from.
    brought: BTreeMap<u64, BTreeSet<u64>>,
    /// Datasets that a full stream begins.
    begun: BTreeSet<u64>,
    /// Package and dataset of the streams in packages.
    seen: BTreeSet<(u64, u64)>,
}

/// Most streams of packages whose every field is kept.
const MOST_MEMBERS: usize = 8 << 10;

impl Together {
    /// Adds a stream. Files come in any order; those of one in theirs.
    pub fn add(&mut self, segment: &Segment) {
        if self.brought.len() >= MOST || self.segments.len() >= MOST || self.seen.len() >= MOST {
            return;
        }
        let dataset = name_hash(segment.dataset());
        self.brought.entry(segment.toguid).or_default().insert(segment.fromguid);
        if segment.fromguid == 0 {
            self.begun.insert(dataset);
        }
        if !segment.is_member || self.seen.insert((name_hash(&segment.file), dataset)) {
            self.segments.push(segment.clone());
        } else if self.members.len() < MOST_MEMBERS {
            self.members.push(segment.clone());
        }
    }

    /// Returns a fault of each stream that cannot be received where the others are.
    ///
    /// It starts from a snapshot that no stream brings, though its dataset begins here, or another stream of that does so
    /// first; or from the same one as another; or it fits none of the streams that bring what it continues, by the rules of
    /// [`crate::chain`]. A stream is not needed whose snapshot can be received from a full stream on without it.
    pub fn broken(&self) -> Vec<Fault> {
        let mut by_guid: BTreeMap<u64, Vec<&Segment>> = BTreeMap::new();
        for segment in self.segments.iter().chain(&self.members) {
            by_guid.entry(segment.toguid).or_default().push(segment);
        }
        let begins_full = self.begins_full();
        // The base that a dataset's first stream starts from: the receiver may have it.
        let mut outside = BTreeMap::new();
        // The first stream that starts from a snapshot, of each dataset.
        let mut next = BTreeMap::new();
        let mut broken = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.fromguid != 0) {
            let from = segment.fromguid;
            let first = *next.entry((segment.dataset(), from)).or_insert(segment);
            let found = match by_guid.get(&from) {
                _ if first.toguid != segment.toguid => Some((&FORK, forked(segment, first))),
                Some(bases) => unfit(segment, bases),
                None if self.brought.contains_key(&from) => None,
                None if begins_full.contains(&segment.toguid) => None,
                None if self.begun.contains(&name_hash(segment.dataset())) => {
                    Some((&BASE, no_base(from, None)))
                }
                None => {
                    let first = *outside.entry(segment.dataset()).or_insert(from);
                    (first != from).then(|| (&BASE, no_base(from, Some(first))))
                }
            };
            broken.extend(found.map(|(rule, wrong)| Fault {
                file: Arc::clone(&segment.file),
                record: segment.record,
                byte: segment.byte,
                record_type: Some(RecordType::BEGIN),
                object: None,
                offset: None,
                rule,
                wrong,
            }));
        }
        broken
    }
}

impl Together {
    /// Returns the guids of the snapshots that can be received from a full stream on.
    fn begins_full(&self) -> BTreeSet<u64> {
        let mut next: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (&to, from) in &self.brought {
            from.iter().for_each(|&from| next.entry(from).or_default().push(to));
        }
        let mut found = BTreeSet::new();
        let mut ends = vec![0];
        while let Some(end) = ends.pop() {
            let behind = next.get(&end).into_iter().flatten();
            ends.extend(behind.copied().filter(|&guid| guid != 0 && found.insert(guid)));
        }
        found
    }
}

/// A stream starts from a snapshot that no stream brings. `first` is the guid of the one that the receiver may have.
fn no_base(guid: u64, first: Option<u64>) -> Wrong {
    let right = match first {
        Some(first) => format!("the snapshot of one of these streams, or that of guid {first}"),
        None => "the snapshot of one of these streams".to_owned(),
    };
    Wrong::words("fromguid", format!("{guid}, which no stream brings (no-base)"), right)
}

/// The rule that a stream breaks which fits none of those that it could continue: that of the first.
fn unfit(segment: &Segment, bases: &[&Segment]) -> Option<(&'static About, Wrong)> {
    if bases.iter().any(|base| wrong_with(segment, base).is_none()) {
        return None;
    }
    let base = bases.first()?;
    match wrong_with(segment, base)? {
        chain::ChainFaultKind::IvSet { found, base } => {
            ivset_wrong(found, base).map(|wrong| (&IVSET, wrong))
        }
        other => {
            let right = format!("a stream that fits {}", base.toname);
            Some((&FITS, Wrong::words("stream", format!("{}: {other}", other.rule()), right)))
        }
    }
}

fn forked(segment: &Segment, first: &Segment) -> Wrong {
    let found = format!("{:#x}, as that of {} is", segment.fromguid, first.toname);
    Wrong::words("fromguid", found, "the guid of a snapshot that no other stream starts from")
}

fn ivset_wrong(found: u64, right: u64) -> Option<Wrong> {
    let wrong = Wrong::new(
        "from_ivset_guid",
        FaultValue::Hex(found),
        Expected::Exactly(FaultValue::Hex(right)),
    );
    (found != right).then_some(wrong)
}
