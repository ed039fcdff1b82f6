//! Names in the header of a package.

use std::collections::BTreeMap;
use zsend_records::nvlist::{NvList, NvValue};

/// Most snapshots of a package whose names are kept.
const MOST_NAMES: usize = 64 << 10;

/// What the header of a package says of its datasets, beside the streams themselves.
///
/// Source: `send_iterate_fs()` and `send_iterate_snap()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageNames {
    /// Full names of snapshots, by their guids.
    pub snapshots: BTreeMap<u64, String>,
    /// Full names of datasets that are encryption roots.
    pub encryption_roots: Vec<String>,
}

impl PackageNames {
    /// Reads the list of a package's header. What it does not say is not there.
    pub(super) fn of(list: &NvList) -> Self {
        let mut names = Self::default();
        let datasets = list.list("fss").into_iter().flat_map(NvList::iter);
        for (_, dataset) in datasets {
            let NvValue::List(dataset) = dataset else { continue };
            let Some(name) = dataset.str("name") else { continue };
            if dataset.contains("is_encroot") && names.encryption_roots.len() < MOST_NAMES {
                names.encryption_roots.push(name.to_owned());
            }
            for (short, guid) in dataset.list("snaps").into_iter().flat_map(NvList::iter) {
                if let NvValue::Uint64(guid) = guid
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
        let is_above = |root: &&String| {
            let below = dataset.strip_prefix(root.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        self.encryption_roots.iter().filter(is_above).max_by_key(|root| root.len()).map(|r| &**r)
    }
}
