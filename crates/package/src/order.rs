//! The order of the streams in a package: datasets, and the snapshots of each.

use crate::error::Omission;
use crate::tree::{Node, Scope, Snap};
use std::collections::{HashMap, HashSet};

/// A stream of the package: which snapshot, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Index of the dataset.
    pub(crate) node: usize,
    /// Index of the snapshot.
    pub(crate) snap: usize,
    /// Its source.
    pub(crate) from: From,
}

/// The source of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// None: the stream is full.
    Nothing,
    /// The snapshot of this index, of the same dataset.
    Snap(usize),
    /// The dataset's origin.
    Origin,
}

/// Datasets that must have been sent before one: indices of those that it depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Dataset that the parent's guid leads to.
    pub(crate) parent: Option<usize>,
    /// Dataset that the origin's guid leads to.
    pub(crate) origin: Option<usize>,
}

/// Orders datasets as `dump_filesystems()` does: it goes over all of them, and again, as long as one is
/// left, and sends those whose parent and origin were sent. `Err` is one that waits for itself.
///
/// Source: OpenZFS `lib/libzfs/libzfs_sendrecv.c`, zfs-2.3.2.
pub(crate) fn order(needs: &[Needs]) -> Result<Vec<usize>, usize> {
    // A dataset is sent in the pass of what it waits for, if that comes earlier in the list, or else in
    // the one after.
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut open: Vec<usize> = vec![0; needs.len()];
    for (i, need) in needs.iter().enumerate() {
        for &dep in [need.parent, need.origin].iter().flatten() {
            waiting[dep].push(i);
            open[i] += 1;
        }
    }
    let mut pass = vec![0usize; needs.len()];
    let mut ready: Vec<usize> = (0..needs.len()).filter(|&i| open[i] == 0).collect();
    let mut done = Vec::with_capacity(needs.len());
    while let Some(i) = ready.pop() {
        done.push(i);
        for &j in &waiting[i] {
            pass[j] = pass[j].max(pass[i] + usize::from(j < i));
            open[j] -= 1;
            if open[j] == 0 {
                ready.push(j);
            }
        }
    }
    if done.len() < needs.len() {
        return Err(open.iter().position(|&n| n > 0).unwrap_or_default());
    }
    done.sort_by_key(|&i| (pass[i], i));
    Ok(done)
}

/// Snapshots by their guids: of two with one guid, the first in the list counts, as in `fsavl_create()`.
pub(crate) struct ByGuid<'t> {
    index: HashMap<u64, (usize, &'t str)>,
}

impl<'t> ByGuid<'t> {
    /// Of these datasets.
    pub(crate) fn of(nodes: &'t [Node]) -> Self {
        let mut index = HashMap::new();
        for (i, node) in nodes.iter().enumerate() {
            for snap in &node.snaps {
                index.entry(snap.guid).or_insert((i, &*snap.name));
            }
        }
        Self { index }
    }

    /// Needs of each dataset.
    pub(crate) fn needs(&self, nodes: &[Node]) -> Vec<Needs> {
        let found = |guid| self.index.get(&guid).map(|(node, _)| *node);
        let of = |node: &Node| Needs {
            parent: found(node.parent_guid).filter(|_| node.parent_guid != 0),
            origin: node.origin.and_then(|origin| found(origin.guid)),
        };
        nodes.iter().map(of).collect()
    }

    /// The snapshots of which clones are sent: `is_clone_origin`.
    pub(crate) fn origins(&self, nodes: &[Node]) -> HashSet<(usize, &'t str)> {
        let origins = nodes.iter().filter_map(|node| node.origin);
        origins.filter_map(|origin| self.index.get(&origin.guid).copied()).collect()
    }

    /// True if it is one of these.
    fn is_among(&self, snap: &Snap, origins: &HashSet<(usize, &str)>) -> bool {
        self.index.get(&snap.guid).is_some_and(|(node, _)| origins.contains(&(*node, &*snap.name)))
    }
}

/// Lists the streams of one dataset, oldest snapshot first; or says why there are not all.
///
/// Follows `dump_filesystem()` and `dump_snapshot()`, in the same place.
pub(crate) fn steps(
    scope: &Scope<'_>,
    index: usize,
    node: &Node,
    by_guid: &ByGuid<'_>,
    origins: &HashSet<(usize, &str)>,
    out: &mut Vec<Step>,
) -> Option<Omission> {
    let options = scope.options;
    let from = scope.fromsnap.as_deref();
    // A dataset that came later has no source, and is sent whole.
    let is_late = options.replicate && node.has_later_source;
    let is_new =
        options.replicate && from.is_some_and(|from| node.snap(from).is_none()) && !is_late;
    let mut seen_from = from.is_none() || is_new;
    let mut seen_to = false;
    let mut last = None;
    for (i, snap) in node.snaps.iter().enumerate() {
        let is_from = from == Some(&*snap.name);
        if !seen_from && is_from {
            seen_from = true;
            last = Some(i);
            continue;
        }
        if seen_to || !seen_from {
            continue;
        }
        let is_to = *scope.tosnap == *snap.name;
        seen_to |= is_to;
        let is_wanted = scope.is_doall || is_to || by_guid.is_among(snap, origins);
        if !is_wanted || is_excluded(&node.full_name(snap), &options.excluded) {
            continue;
        }
        let from = match last {
            Some(last) => From::Snap(last),
            None if node.origin.is_some() && (options.replicate || scope.from_origin) => {
                From::Origin
            }
            None => From::Nothing,
        };
        out.push(Step { node: index, snap: i, from });
        last = Some(i);
    }
    let to = || format!("{}@{}", node.name, scope.tosnap);
    match from.map(|from| format!("{}@{from}", node.name)) {
        Some(from) if !seen_from && !is_late => Some(Omission::NoSource { to: to(), from }),
        Some(from) if !seen_to => Some(Omission::NotEarlier { to: to(), from }),
        _ => None,
    }
}

/// Returns true if a snapshot is one of those that are left out, or its dataset is, or is below one.
///
/// Follows `zfs_do_send_exclude()`, OpenZFS `cmd/zfs/zfs_main.c`, zfs-2.3.2.
fn is_excluded(name: &str, excluded: &[String]) -> bool {
    let is_of = |e: &String| {
        name.strip_prefix(e.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '@']))
    };
    excluded.iter().any(is_of)
}

#[cfg(test)]
mod tests;
