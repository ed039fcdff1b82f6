//! The streams of a package beside the list that its header has of them.

use super::context::Context;
use super::fault::{About, Wrong};
use super::state::{EarlierGuids, name_hash};
use crate::segment::Segment;
use std::collections::{HashMap, HashSet};
use zsend_records::nvlist::{NvList, NvValue};

/// A stream is one of those that the header lists.
pub(super) static LISTED: About = About {
    name: "package.listed",
    says: "Every stream of a package is of a snapshot that the header lists, with its guid.",
    source: "libzfs_sendrecv.c send_iterate_fs, send_iterate_snap",
};
/// A dataset begins once.
pub(super) static ONCE: About = About {
    name: "package.once",
    says: "No snapshot is in a package twice, and a full stream is the first of its dataset.",
    source: "libzfs_sendrecv.c dump_filesystem",
};
/// The first stream of a dataset starts where the header says.
pub(super) static FIRST: About = About {
    name: "package.first",
    says: "The first stream of a dataset is full, or starts from the header's fromsnap, or from the dataset's origin, \
           which came before if it is in the package.",
    source: "libzfs_sendrecv.c dump_snapshot",
};
/// A receiver needs the dataset above before it can make one.
pub(super) static PARENTS: About = About {
    name: "package.parents",
    says: "The stream of a dataset's tosnap comes before the first of a dataset below it whose parentfromsnap is not zero.",
    source: "libzfs_sendrecv.c dump_filesystems",
};
/// All that is listed is there.
pub(super) static COMPLETE: About = About {
    name: "package.complete",
    says: "Every dataset that the header lists has the stream of the header's tosnap; without a list that of its own name.",
    source: "libzfs_sendrecv.c dump_filesystems",
};

/// A dataset of the header.
#[derive(Debug, Default)]
struct ListedDataset {
    /// Hash of each snapshot's name, and its guid; sorted.
    snaps: Vec<(u64, u64)>,
    /// Guid of the snapshot that it is a clone of.
    origin: Option<u64>,
    /// Its parentfromsnap is not zero: it comes behind the dataset above it.
    is_below: bool,
    /// A stream of it came.
    has_begun: bool,
    /// The stream of tosnap came.
    is_complete: bool,
}

/// The header's list.
#[derive(Debug)]
struct PackageList {
    /// By the hash of their names.
    datasets: HashMap<u64, ListedDataset>,
    /// Guids of the snapshots that are younger than their dataset's fromsnap: their streams are in the package.
    to_come: HashSet<u64>,
    tosnap: u64,
    fromsnap: Option<u64>,
    is_recursive: bool,
}

/// The streams of a package that came, and the list of its header.
#[derive(Debug, Default)]
pub(super) struct Members {
    header: Option<PackageList>,
    /// Name of the package, where no list has it; taken away when its stream comes.
    awaited: Option<String>,
}

impl Members {
    /// The members that the header of a package announces. What of the list makes no sense, other rules have.
    pub(super) fn of(context: &Context) -> Self {
        let header = context.nvlist().and_then(PackageList::of);
        let toname = String::from_utf8_lossy(context.begin().toname()).into_owned();
        let awaited = context.nvlist().is_none().then_some(toname);
        Self { header, awaited }
    }

    /// Looks at a stream that begins, `earlier` being the snapshots that came whole: the rule that is broken, if one is.
    pub(super) fn begin(
        &mut self,
        segment: &Segment,
        earlier: &EarlierGuids,
    ) -> Option<(&'static About, Wrong)> {
        if self.awaited.as_ref() == Some(&segment.toname) {
            self.awaited = None;
        }
        self.header.as_mut()?.begin(segment, earlier)
    }

    /// The end of the package: what is missing, if something is.
    pub(super) fn end(&mut self) -> Option<(&'static About, Wrong)> {
        if let Some(name) = self.awaited.take() {
            return Some((&COMPLETE, Wrong::words("stream", "absent", format!("that of {name}"))));
        }
        let header = self.header.take()?;
        let missing = header.datasets.values().filter(|d| d.lacks(header.tosnap)).count();
        let wrong =
            || Wrong::words("datasets without the stream of tosnap", missing.to_string(), "none");
        (missing > 0).then(|| (&COMPLETE, wrong()))
    }
}

impl PackageList {
    fn of(list: &NvList) -> Option<Self> {
        let fromsnap = list.str("fromsnap");
        let (mut datasets, mut to_come) = (HashMap::new(), HashSet::new());
        for (_, dataset) in list.list("fss")?.iter() {
            let NvValue::List(dataset) = dataset else { continue };
            let (Some(name), Some(snaps)) = (dataset.str("name"), dataset.list("snaps")) else {
                continue;
            };
            let guids = || {
                snaps.iter().filter_map(|(name, guid)| match guid {
                    NvValue::Uint64(guid) => Some((name, *guid)),
                    _ => None,
                })
            };
            // They are listed by their age.
            let source = guids().position(|(name, _)| Some(name) == fromsnap);
            let younger = guids().skip(source.map_or(0, |source| source + 1));
            to_come.extend(younger.map(|(_, guid)| guid));
            let mut snaps: Vec<_> = guids().map(|(name, guid)| (name_hash(name), guid)).collect();
            snaps.sort_unstable();
            let origin = dataset.u64("origin");
            let is_below = dataset.u64("parentfromsnap").is_some_and(|guid| guid != 0);
            let listed = ListedDataset { snaps, origin, is_below, ..ListedDataset::default() };
            datasets.insert(name_hash(name), listed);
        }
        Some(Self {
            datasets,
            to_come,
            tosnap: name_hash(list.str("tosnap")?),
            fromsnap: fromsnap.map(name_hash),
            is_recursive: !list.contains("not_recursive"),
        })
    }

    fn begin(
        &mut self,
        segment: &Segment,
        earlier: &EarlierGuids,
    ) -> Option<(&'static About, Wrong)> {
        let (dataset, short) = segment.toname.split_once('@')?;
        let short = name_hash(short);
        let name = || segment.toname.clone();
        let is_early = self.waits_for_parent(dataset);
        let listed = self.datasets.get_mut(&name_hash(dataset));
        let Some((listed, guid)) = listed.and_then(|d| d.guid(short).map(|guid| (d, guid))) else {
            return Some((&LISTED, Wrong::words("toname", name(), "one that the header lists")));
        };
        if guid != segment.toguid {
            let found = format!("{:#x}", segment.toguid);
            return Some((&LISTED, Wrong::words("toguid", found, format!("{guid:#x}"))));
        }
        let is_first = !std::mem::replace(&mut listed.has_begun, true);
        listed.is_complete |= short == self.tosnap;
        let from = segment.fromguid;
        if (from == 0 && !is_first) || earlier.is_known(segment.toguid) {
            let right = "one that did not come before";
            return Some((&ONCE, Wrong::words("stream", name(), right)));
        }
        if is_first && is_early {
            let right = "one of the dataset above it, which comes before";
            return Some((&PARENTS, Wrong::words("stream", name(), right)));
        }
        // Without -R the header does not say where the first starts from.
        if !is_first || from == 0 || !self.is_recursive {
            return None;
        }
        let is_right = if segment.is_clone() {
            let is_there = earlier.contains(from) || !self.to_come.contains(&from);
            listed.origin == Some(from) && is_there
        } else {
            self.fromsnap.and_then(|short| listed.guid(short)) == Some(from)
        };
        let wrong = || {
            let right = "zero, or the guid of the header's fromsnap or of the dataset's origin";
            Wrong::words("fromguid", format!("{from:#x}"), right)
        };
        (!is_right).then(|| (&FIRST, wrong()))
    }
}

impl PackageList {
    /// Returns true if the dataset comes behind the one above it, and the stream of tosnap of that is yet to come.
    fn waits_for_parent(&self, dataset: &str) -> bool {
        let is_below = self.datasets.get(&name_hash(dataset)).is_some_and(|listed| listed.is_below);
        let above = dataset.rsplit_once('/').map(|(above, _)| name_hash(above));
        let above = above.filter(|_| is_below).and_then(|above| self.datasets.get(&above));
        above.is_some_and(|above| above.lacks(self.tosnap))
    }
}

impl ListedDataset {
    fn guid(&self, short: u64) -> Option<u64> {
        let at = self.snaps.binary_search_by_key(&short, |(name, _)| *name).ok()?;
        Some(self.snaps[at].1)
    }

    fn lacks(&self, tosnap: u64) -> bool {
        !self.is_complete && self.guid(tosnap).is_some()
    }
}
