//! The snapshots of a dataset: which are listed, and what is said of each.

use super::{Entry, Walk, bounded, txg_of};
use crate::error::{Omission, PackageRefusal, Result};
use crate::properties::{self, Choice, Owner};
use crate::tree::{Node, Snap};
use zsend_pool::PoolError;
use zsend_pool::Zbookmark;
use zsend_pool::dsl::dataset::Dataset;
use zsend_records::nvlist::{NvList, NvValue};

/// Bytes of the least pair of a packed list, without its name.
const PAIR: usize = 24;

impl Walk<'_> {
    /// The snapshots of a head that can be read, oldest first; the others are left out.
    pub(super) fn snapshots(
        &self,
        name: &str,
        head: &Dataset,
        omitted: &mut Vec<Omission>,
    ) -> Result<Vec<(String, Dataset)>> {
        bounded(self.mos, head.snapnames, "snapshots")?;
        let listing = self.pool.snapshots(head)?;
        let mut found = Vec::with_capacity(listing.items.len());
        for (short, snapshot) in listing.items {
            match snapshot {
                Ok(snapshot) => found.push((short, snapshot)),
                Err(why) => {
                    let name = format!("{name}@{short}");
                    omitted.push(Omission::Unreadable { name, why });
                }
            }
        }
        for why in listing.lost {
            let name = format!("{name}@");
            omitted.push(Omission::Unreadable { name, why });
        }
        Ok(found)
    }

    /// Lists the snapshots in the node and in its entry; returns the guid that those below have for their
    /// parent's.
    ///
    /// Follows `send_iterate_snap()`, in the same place.
    pub(super) fn list(
        &mut self,
        node: &mut Node,
        entry: &mut Entry,
        snapshots: Vec<(String, Dataset)>,
        tosnap_txg: u64,
        choice: Choice,
        omitted: &mut Vec<Omission>,
    ) -> Result<u64> {
        let scope = self.scope;
        let options = scope.options;
        let from = scope.fromsnap.as_deref();
        // Of a dataset without the source all snapshots are younger than it.
        let from_txg = from.and_then(|from| txg_of(&snapshots, from)).unwrap_or_default();
        let (mut guid, mut seen_from, mut seen_to) = (0, false, false);
        // Bytes that the entry takes at least.
        let mut taken = 0;
        for (name, snapshot) in snapshots {
            let (is_from, is_to) = (from == Some(&*name), scope.tosnap == name);
            if options.replicate || scope.is_doall {
                if !options.replicate && snapshot.creation_txg < from_txg {
                    continue;
                }
                if snapshot.creation_txg > tosnap_txg {
                    if options.replicate {
                        let (name, tosnap) =
                            (format!("{}@{name}", node.name), scope.tosnap.clone());
                        omitted.push(Omission::LaterSnapshot { name, tosnap });
                    }
                    continue;
                }
            } else if !is_to {
                continue;
            }
            if is_from || (guid == 0 && is_to) {
                guid = snapshot.guid;
            }
            if entry.snaps.contains(&name) {
                let at = Zbookmark::new(self.mos.id(), snapshot.object, 0, 0);
                let why = PoolError::corrupt(at, "name of a snapshot", "there twice", "once");
                omitted.push(Omission::Unreadable { name: format!("{}@{name}", node.name), why });
                continue;
            }
            taken += PAIR + name.len();
            entry.snaps.insert(&*name, NvValue::Uint64(snapshot.guid));
            let mut is_described = options.is_described();
            if !options.replicate {
                seen_from |= scope.is_doall && from.is_none();
                if !seen_from && is_from {
                    seen_from = true;
                    is_described = false;
                }
                is_described &= (seen_from && !seen_to && !is_from) || (is_to && from.is_none());
                seen_to |= is_to && is_described;
            }
            if is_described {
                let full = || format!("{}@{name}", node.name);
                let mut read = |read: zsend_pool::Result<NvList>| {
                    let list = read.unwrap_or_else(|why| {
                        omitted.push(Omission::Undescribed { name: full(), why });
                        NvList::new()
                    });
                    taken += PAIR * (1 + list.len());
                    NvValue::List(list)
                };
                let (mos, props) = (self.mos, snapshot.props);
                let own = bounded(mos, props, "properties")
                    .and_then(|()| properties::own(mos, props, Owner::Snapshot, choice));
                entry.props.insert(&*name, read(own));
                if options.holds {
                    let holds = bounded(mos, snapshot.holds, "holds")
                        .and_then(|()| properties::holds(mos, snapshot.holds));
                    entry.holds.insert(&*name, read(holds));
                }
            }
            if !self.room.has(taken) {
                let at = format!("{}@{}", node.name, scope.tosnap);
                return Err(PackageRefusal::TooLarge { target: scope.target(), at }.into());
            }
            node.snaps.push(Snap {
                name: name.into(),
                object: snapshot.object,
                guid: snapshot.guid,
            });
        }
        Ok(guid)
    }
}
