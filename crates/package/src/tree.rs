//! The datasets of a package, as the pool has them: each with its snapshots, parents first.

mod walk;

use crate::error::{Omission, Result};
use crate::options::PackageOptions;
use zsend_pool::Pool;
use zsend_records::nvlist::NvList;

/// A dataset of the package.
#[derive(Debug)]
pub(crate) struct Node {
    /// Full name.
    pub(crate) name: String,
    /// Guid of the source in the dataset above, or of the target where that has no source: zero at the
    /// top.
    pub(crate) parent_guid: u64,
    /// The snapshot that it is a clone of.
    pub(crate) origin: Option<Origin>,
    /// True if it has the source, younger than the target.
    pub(crate) has_later_source: bool,
    /// Snapshots that are no younger than the target, oldest first.
    pub(crate) snaps: Vec<Snap>,
}

impl Node {
    /// Full name of one of its snapshots.
    pub(crate) fn full_name(&self, snap: &Snap) -> String {
        format!("{}@{}", self.name, snap.name)
    }

    /// The snapshot of a short name.
    pub(crate) fn snap(&self, name: &str) -> Option<&Snap> {
        self.snaps.iter().find(|snap| &*snap.name == name)
    }
}

/// The origin of a clone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Its object number.
    pub(crate) object: u64,
    /// Its guid.
    pub(crate) guid: u64,
}

/// A snapshot.
#[derive(Debug)]
pub(crate) struct Snap {
    /// Short name.
    pub(crate) name: Box<str>,
    /// Object number.
    pub(crate) object: u64,
    /// Guid.
    pub(crate) guid: u64,
}

/// Datasets and snapshots that a package is made of.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Datasets, each before those below it.
    pub(crate) nodes: Vec<Node>,
    /// Entries of the header, by guids: `fss`.
    pub(crate) described: NvList,
    /// Things that are left out.
    pub(crate) omitted: Vec<Omission>,
}

/// The names and the reach of a package.
#[derive(Debug)]
pub(crate) struct Scope<'o> {
    /// Name of the top dataset.
    pub(crate) top: String,
    /// Short name of the snapshot that is sent.
    pub(crate) tosnap: String,
    /// Short name of the source.
    pub(crate) fromsnap: Option<String>,
    /// All snapshots between the two are sent.
    pub(crate) is_doall: bool,
    /// The source is the top dataset's origin.
    pub(crate) from_origin: bool,
    /// Options.
    pub(crate) options: &'o PackageOptions,
}

impl Scope<'_> {
    /// Full name of what is sent.
    pub(crate) fn target(&self) -> String {
        format!("{}@{}", self.top, self.tosnap)
    }
}

impl Tree {
    /// Gathers what a package is made of, in one walk of the tree.
    ///
    /// Follows `send_iterate_fs()`, OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// [`PackageRefusal`](crate::PackageRefusal); those of reading the top dataset. What cannot be read
    /// below it is left out.
    pub(crate) fn gather(pool: &Pool, scope: &Scope<'_>) -> Result<Self> {
        walk::Walk::new(pool, scope)?.run()
    }
}
