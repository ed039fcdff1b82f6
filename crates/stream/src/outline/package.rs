//! Names in the header of a package.

use super::{MOST_STREAMS, Outline};
use std::collections::{BTreeMap, BTreeSet};
use zsend_records::nvlist::{NvList, NvValue};

/// Most snapshots of a package whose names are kept.
const MOST_NAMES: usize = 64 << 10;
/// Longest full name, bytes, as `ZFS_MAX_DATASET_NAME_LEN` bounds it, OpenZFS `include/sys/fs/zfs.h`, zfs-2.3.2. What
/// is longer is no name, and is not kept.
const LONGEST_NAME: usize = 255;

/// Contents of the header of a package, beside the streams themselves.
///
/// Source: `send_iterate_fs()` and `send_iterate_snap()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageNames {
    /// Full names of snapshots, by their guids.
    pub snapshots: BTreeMap<u64, String>,
    /// Full names of datasets that are encryption roots.
    pub encryption_roots: BTreeSet<String>,
}

impl PackageNames {
    /// Reads the list of a package's header. What it does not say is not there.
    pub(super) fn of(list: &NvList) -> Self {
        let mut names = Self::default();
        let datasets = list.list("fss").into_iter().flat_map(NvList::iter);
        for (_, dataset) in datasets {
            let NvValue::List(dataset) = dataset else { continue };
            let name = dataset.str("name").filter(|name| name.len() <= LONGEST_NAME);
            let Some(name) = name else { continue };
            if dataset.contains("is_encroot") && names.encryption_roots.len() < MOST_NAMES {
                names.encryption_roots.insert(name.to_owned());
            }
            for (short, guid) in dataset.list("snaps").into_iter().flat_map(NvList::iter) {
                if let NvValue::Uint64(guid) = guid
                    && name.len() + 1 + short.len() <= LONGEST_NAME
                    && names.snapshots.len() < MOST_NAMES
                {
                    names.snapshots.insert(*guid, format!("{name}@{short}"));
                }
            }
        }
        names
    }

    /// The encryption root of a dataset, if the header says which: the nearest one at or above it.
    pub fn encryption_root(&self, dataset: &str) -> Option<&str> {
        let mut above = Some(dataset);
        while let Some(name) = above {
            if let Some(root) = self.encryption_roots.get(name) {
                return Some(root);
            }
            above = name.rsplit_once('/').map(|(above, _)| above);
        }
        None
    }

    /// Bytes that the names take, about.
    fn memory(&self) -> usize {
        self.snapshots.values().chain(&self.encryption_roots).map(|name| name.len() + ENTRY).sum()
    }
}

/// Bytes that a name takes beside its letters, about.
const ENTRY: usize = 48;
/// Most bytes of names that are kept of all inputs together.
const MOST_MEMORY: usize = 64 << 20;

/// Bound on what the outlines of several inputs take together.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    streams: usize,
    memory: usize,
}

impl Budget {
    /// Takes in what an outline keeps.
    ///
    /// # Errors
    /// A sentence that names the bound, if all together are over it.
    pub fn take(&mut self, outline: &Outline) -> Result<(), String> {
        self.streams += outline.streams.len();
        let segments = outline.streams.iter().map(|stream| &stream.segment);
        let redactions = segments.flat_map(|s| [&s.redact_snaps, &s.redact_from_snaps]).flatten();
        self.memory += redactions.map(|guids| size_of_val(&**guids)).sum::<usize>();
        self.memory += outline.package.as_ref().map_or(0, PackageNames::memory);
        if self.streams > MOST_STREAMS {
            return Err(format!(
                "more streams than the {MOST_STREAMS} that are looked at together"
            ));
        }
        if self.memory > MOST_MEMORY {
            let most = MOST_MEMORY >> 20;
            return Err(format!(
                "more names of snapshots than the {most} MiB that are kept together"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::outline;

    /// A dataset of a package's header, with snapshots of the guids 1, 2, ….
    fn dataset(name: &str, snapshots: &[&str]) -> NvValue {
        let mut snaps = NvList::new();
        for (guid, short) in (1..).zip(snapshots) {
            snaps.insert(*short, NvValue::Uint64(guid));
        }
        let mut list = NvList::new();
        list.insert("name", NvValue::String(name.into()));
        list.insert("is_encroot", NvValue::Boolean);
        list.insert("snaps", NvValue::List(snaps));
        NvValue::List(list)
    }

    fn names(datasets: &[NvValue]) -> PackageNames {
        let mut fss = NvList::new();
        for (number, dataset) in datasets.iter().enumerate() {
            fss.insert(format!("{number:#x}"), dataset.clone());
        }
        let mut list = NvList::new();
        list.insert("fss", NvValue::List(fss));
        PackageNames::of(&list)
    }

    #[test]
    fn what_is_longer_than_a_name_is_not_kept() {
        let found = names(&[dataset(&"a".repeat(1 << 20), &["a", "b"])]);
        assert_eq!(found, PackageNames::default());
        let (fits, long) = ("b".repeat(251), "b".repeat(252));
        let found = names(&[dataset("t/a", &[&fits, &long])]);
        assert_eq!(found.snapshots.values().map(String::len).collect::<Vec<_>>(), [255]);
    }

    #[test]
    fn the_nearest_root_is_that_of_a_dataset() {
        let found = names(&[dataset("t", &[]), dataset("t/a/b", &[])]);
        let roots = ["t/a", "t/a/b/c", "t/a/bc", "x"].map(|name| found.encryption_root(name));
        assert_eq!(roots, [Some("t"), Some("t/a/b"), Some("t"), None]);
    }

    #[test]
    fn all_inputs_together_have_one_bound() {
        let mut one = outline("p", &[][..]).unwrap();
        let snapshots = (0..60_000).map(|guid| (guid, "n".repeat(LONGEST_NAME))).collect();
        one.package = Some(PackageNames { snapshots, ..PackageNames::default() });
        let mut budget = Budget::default();
        let taken = (0..9).take_while(|_| budget.take(&one).is_ok()).count();
        assert!((2..5).contains(&taken), "{taken}");
        assert!(budget.take(&one).unwrap_err().contains("more names"));
    }
}
