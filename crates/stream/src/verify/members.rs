//! The streams of a package beside the list that its header has of them.

use super::context::Context;
use super::fault::{About, Wrong};
use super::state::Earlier;
use crate::segment::Segment;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use zsend_records::flags::BeginFlags;
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
/// All that is listed is there.
pub(super) static COMPLETE: About = About {
    name: "package.complete",
    says: "Every dataset that the header lists has the stream of the header's tosnap; without a list that of its own name.",
    source: "libzfs_sendrecv.c dump_filesystems",
};

/// A dataset of the header.
#[derive(Debug, Default)]
struct Listed {
    /// Hash of each snapshot's name, its guid, and its place by age; sorted.
    snaps: Vec<(u64, u64, u32)>,
    /// Guid of the snapshot that it is a clone of.
    origin: Option<u64>,
    /// A stream of it came.
    has_begun: bool,
    /// The stream of tosnap came.
    is_complete: bool,
}

/// The header's list.
#[derive(Debug)]
struct Header {
    /// By the hash of their names.
    datasets: HashMap<u64, Listed>,
    tosnap: u64,
    fromsnap: Option<u64>,
    is_recursive: bool,
}

/// The streams of a package that came, and the list of its header.
#[derive(Debug, Default)]
pub(super) struct Members {
    header: Option<Header>,
    /// Name of the package, where no list has it; taken away when its stream comes.
    awaited: Option<String>,
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Members {
    /// The members that the header of a package announces. What of the list makes no sense, other rules have.
    pub(super) fn of(context: &Context) -> Self {
        let header = context.nvlist().and_then(Header::of);
        let toname = String::from_utf8_lossy(context.begin().toname()).into_owned();
        let awaited = context.nvlist().is_none().then_some(toname);
        Self { header, awaited }
    }

    /// Looks at a stream that begins, `earlier` being the snapshots that came whole: the rule that is broken, if one is.
    pub(super) fn begin(
        &mut self,
        segment: &Segment,
        earlier: &Earlier,
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

impl Header {
    fn of(list: &NvList) -> Option<Self> {
        let mut datasets = HashMap::new();
        for (_, dataset) in list.list("fss")?.iter() {
            let NvValue::List(dataset) = dataset else { continue };
            let (Some(name), Some(snaps)) = (dataset.str("name"), dataset.list("snaps")) else {
                continue;
            };
            let mut snaps: Vec<_> = snaps
                .iter()
                .zip(0u32..)
                .filter_map(|((name, guid), place)| match guid {
                    NvValue::Uint64(guid) => Some((hash(name), *guid, place)),
                    _ => None,
                })
                .collect();
            snaps.sort_unstable();
            let origin = dataset.u64("origin");
            datasets.insert(hash(name), Listed { snaps, origin, ..Listed::default() });
        }
        Some(Self {
            datasets,
            tosnap: hash(list.str("tosnap")?),
            fromsnap: list.str("fromsnap").map(hash),
            is_recursive: !list.contains("not_recursive"),
        })
    }

    fn begin(&mut self, segment: &Segment, earlier: &Earlier) -> Option<(&'static About, Wrong)> {
        let (dataset, short) = segment.toname.split_once('@')?;
        let short = hash(short);
        let name = || segment.toname.clone();
        let Some(listed) = self.datasets.get_mut(&hash(dataset)) else {
            return Some((&LISTED, Wrong::words("toname", name(), "one that the header lists")));
        };
        match listed.guid(short) {
            Some(guid) if guid == segment.toguid => {}
            Some(guid) => {
                let found = format!("{:#x}", segment.toguid);
                return Some((&LISTED, Wrong::words("toguid", found, format!("{guid:#x}"))));
            }
            None => {
                return Some((
                    &LISTED,
                    Wrong::words("toname", name(), "one that the header lists"),
                ));
            }
        }
        let is_first = !std::mem::replace(&mut listed.has_begun, true);
        listed.is_complete |= short == self.tosnap;
        let from = segment.fromguid;
        if (from == 0 && !is_first) || earlier.is_known(segment.toguid) {
            let right = "one that did not come before";
            return Some((&ONCE, Wrong::words("stream", name(), right)));
        }
        // Without -R the header does not say where the first starts from.
        if !is_first || from == 0 || !self.is_recursive {
            return None;
        }
        let is_clone = segment.flags.contains(BeginFlags::CLONE);
        let is_right = if is_clone {
            let is_to_come = || self.datasets.values().any(|d| d.is_to_come(from, self.fromsnap));
            listed_origin(&self.datasets, dataset) == Some(from)
                && (earlier.contains(from) || !is_to_come())
        } else {
            let source = self.fromsnap.and_then(|short| self.datasets[&hash(dataset)].guid(short));
            source == Some(from)
        };
        let wrong = || {
            let right = "zero, or the guid of the header's fromsnap or of the dataset's origin";
            Wrong::words("fromguid", format!("{from:#x}"), right)
        };
        (!is_right).then(|| (&FIRST, wrong()))
    }
}

fn listed_origin(datasets: &HashMap<u64, Listed>, name: &str) -> Option<u64> {
    datasets.get(&hash(name))?.origin
}

impl Listed {
    fn snap(&self, short: u64) -> Option<&(u64, u64, u32)> {
        let at = self.snaps.binary_search_by_key(&short, |(name, ..)| *name).ok()?;
        Some(&self.snaps[at])
    }

    fn guid(&self, short: u64) -> Option<u64> {
        self.snap(short).map(|(_, guid, _)| *guid)
    }

    /// True if a snapshot is of this dataset, and younger than the header's source: its stream is in the package.
    fn is_to_come(&self, guid: u64, fromsnap: Option<u64>) -> bool {
        let source = fromsnap.and_then(|short| self.snap(short)).map(|(.., place)| *place);
        let found = self.snaps.iter().find(|(_, other, _)| *other == guid);
        found.is_some_and(|(.., place)| source.is_none_or(|source| *place > source))
    }

    fn lacks(&self, tosnap: u64) -> bool {
        !self.is_complete && self.guid(tosnap).is_some()
    }
}
