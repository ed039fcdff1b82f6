//! One walk of the tree, by which datasets become nodes and entries of the header.

use super::{Node, Origin, Scope, Snap, Tree};
use crate::error::{Omission, PackageRefusal, Result};
use crate::header::Room;
use crate::properties::{self, Choice, Owner};
use std::collections::HashSet;
use zsend_pool::PoolError;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::MAX_NAME;
use zsend_pool::pool::Pool;
use zsend_pool::zbookmark::Zbookmark;
use zsend_records::nvlist::{NvList, NvValue};

/// Most bytes of a ZAP of names. The least entry of one takes 72, so there are fewer names in it than a
/// million; `zfs receive` takes no header that is larger.
const MAX_NAMES_ZAP: u64 = 64 << 20;

/// What a dataset has from the one above it.
#[derive(Clone, Copy, Debug, Default)]
struct Above {
    /// Guid of its source, or of its target.
    guid: u64,
    /// Txg of its target, or zero.
    tosnap_txg: u64,
    /// True if properties were received into it, or above.
    has_received: bool,
}

/// Result of looking at one dataset.
enum Seen {
    /// It is sent; the datasets below have this from it.
    Sent(Above),
    /// It is left out with all below it.
    LeftOut(Omission),
}

/// A walk under way.
pub(super) struct Walk<'a> {
    pool: &'a Pool,
    mos: &'a Objset,
    scope: &'a Scope<'a>,
    tree: Tree,
    room: Room,
    /// The origin of what is no clone.
    no_origin: u64,
    /// Names and directories that are yet to come, the next one last.
    next: Vec<(String, zsend_pool::Result<u64>, Above)>,
    /// Directories that were met. A directory that is its own descendant would have no end.
    met: HashSet<u64>,
}

impl<'a> Walk<'a> {
    /// A walk from the top dataset of a package.
    pub(super) fn new(pool: &'a Pool, scope: &'a Scope<'a>) -> Result<Self> {
        let mos = pool.mos();
        let dir = pool.dir(&scope.top)?;
        let above = Above { has_received: marked_above(mos, &dir)?, ..Above::default() };
        Ok(Self {
            pool,
            mos,
            scope,
            tree: Tree { nodes: Vec::new(), described: NvList::new(), omitted: Vec::new() },
            room: Room::default(),
            no_origin: pool.origin_snapshot()?,
            next: vec![(scope.top.clone(), Ok(dir.object), above)],
            met: HashSet::new(),
        })
    }

    /// Walks to the end.
    pub(super) fn run(mut self) -> Result<Tree> {
        while let Some((name, object, above)) = self.next.pop() {
            let dir = object.and_then(|object| self.open(&name, object));
            let is_top = self.tree.nodes.is_empty();
            let seen = match dir {
                Ok(dir) => self.dataset(name.clone(), &dir, above).map(|seen| (seen, Some(dir))),
                Err(e) => Err(e.into()),
            };
            match seen {
                Ok((Seen::Sent(above), Some(dir))) if self.scope.options.replicate => {
                    self.below(&name, &dir, above);
                }
                Ok((Seen::LeftOut(omission), _)) => self.tree.omitted.push(omission),
                Ok((Seen::Sent(_), _)) => {}
                Err(crate::PackageError::Send(zsend_traverse::SendError::Pool(why))) if !is_top => {
                    self.tree.omitted.push(Omission::Unreadable { name, why });
                }
                Err(e) => return Err(e),
            }
        }
        Ok(self.tree)
    }

    fn open(&mut self, name: &str, object: u64) -> zsend_pool::Result<Dir> {
        let at = Zbookmark::new(self.mos.id(), object, 0, 0);
        if !self.met.insert(object) {
            return Err(PoolError::corrupt(at, "directory", "in two places of the tree", "in one"));
        }
        if name.len() > MAX_NAME {
            let found = format!("{} bytes", name.len());
            return Err(PoolError::corrupt(at, "name", found, format!("at most {MAX_NAME}")));
        }
        Dir::open(self.mos, object)
    }

    /// Puts the datasets below one on the list, in the order in which the kernel lists them.
    fn below(&mut self, name: &str, dir: &Dir, above: Above) {
        let children = bounded(self.mos, dir.children, "children");
        let children = children.and_then(|()| dir.children_unsorted(self.mos));
        let (children, lost) = match children {
            Ok(children) => (children.items, children.lost),
            Err(e) => (Vec::new(), vec![e]),
        };
        let lost = lost.into_iter().rev().map(|e| (format!("{name}/"), Err(e), above));
        self.next.extend(lost);
        // Internal directories and partial receives are not shown to `zfs send`.
        let shown = children.into_iter().filter(|(short, _)| !short.contains(['$', '%'])).rev();
        let shown = shown.map(|(short, child)| (format!("{name}/{short}"), child, above));
        self.next.extend(shown);
    }

    /// Looks at one dataset: makes a node of it, and its entry of the header.
    fn dataset(&mut self, name: String, dir: &Dir, above: Above) -> Result<Seen> {
        let scope = self.scope;
        let head = Dataset::open(self.mos, dir.head_dataset)?;
        let snapshots = self.snapshots(&name, &head)?;
        let Some(tosnap_txg) = txg_of(&snapshots, &scope.tosnap) else {
            let tosnap = scope.tosnap.clone();
            if above.tosnap_txg != 0 && head.creation_txg > above.tosnap_txg {
                return Ok(Seen::LeftOut(Omission::LaterDataset { name, tosnap }));
            }
            if scope.options.skip_missing {
                return Ok(Seen::LeftOut(Omission::Missing { name, tosnap }));
            }
            return Err(PackageRefusal::Missing {
                target: scope.target(),
                recursive: scope.options.replicate,
                missing: format!("{name}@{tosnap}"),
            }
            .into());
        };
        let from_txg = scope.fromsnap.as_deref().and_then(|from| txg_of(&snapshots, from));
        let mut node = Node {
            name,
            parent_guid: above.guid,
            origin: self.origin(dir)?,
            has_later_source: from_txg.is_some_and(|txg| txg > tosnap_txg),
            snaps: Vec::new(),
        };
        let has_received = above.has_received || properties::has_received(self.mos, dir.props)?;
        let choice = match (scope.options.backup, has_received) {
            (false, _) => Choice::Effective,
            (true, true) => Choice::Received,
            (true, false) => Choice::Local,
        };
        let mut entry = self.entry(&node, dir, choice)?;
        let guid = self.list(&mut node, &mut entry, snapshots, tosnap_txg, choice)?;
        if scope.options.is_described() {
            let key = format!("{:#x}", head.guid);
            let entry = NvValue::List(entry.finish(scope));
            if !self.room.takes(&key, &entry) {
                let at = format!("{}@{}", node.name, scope.tosnap);
                return Err(PackageRefusal::TooLarge { target: scope.target(), at }.into());
            }
            self.tree.described.insert(key, entry);
        }
        self.tree.nodes.push(node);
        Ok(Seen::Sent(Above { guid, tosnap_txg, has_received }))
    }

    fn origin(&self, dir: &Dir) -> Result<Option<Origin>> {
        if dir.origin == 0 || dir.origin == self.no_origin {
            return Ok(None);
        }
        let origin = Dataset::open(self.mos, dir.origin)?;
        Ok(Some(Origin { object: origin.object, guid: origin.guid }))
    }

    /// The snapshots of a head that can be read, oldest first; the others are left out.
    fn snapshots(&mut self, name: &str, head: &Dataset) -> Result<Vec<(String, Dataset)>> {
        bounded(self.mos, head.snapnames, "snapshots")?;
        let listing = self.pool.snapshots(head)?;
        let mut found = Vec::with_capacity(listing.items.len());
        for (short, snapshot) in listing.items {
            match snapshot {
                Ok(snapshot) => found.push((short, snapshot)),
                Err(why) => {
                    let name = format!("{name}@{short}");
                    self.tree.omitted.push(Omission::Unreadable { name, why });
                }
            }
        }
        for why in listing.lost {
            let name = format!("{name}@");
            self.tree.omitted.push(Omission::Unreadable { name, why });
        }
        Ok(found)
    }

    /// Begins the entry of a dataset.
    fn entry(&self, node: &Node, dir: &Dir, choice: Choice) -> Result<Entry> {
        let options = &self.scope.options;
        let mut list = NvList::new();
        list.insert("name", NvValue::String((&node.name).into()));
        list.insert("parentfromsnap", NvValue::Uint64(node.parent_guid));
        if let Some(origin) = node.origin {
            list.insert("origin", NvValue::Uint64(origin.guid));
        }
        if !options.is_described() {
            return Ok(Entry { list, ..Entry::default() });
        }
        let has_props = options.properties || options.backup || options.replicate;
        let mut props = None;
        if has_props {
            let own = properties::own(self.mos, dir.props, Owner::Head(dir), choice)?;
            props = Some(NvValue::List(own));
        }
        // OpenZFS before 2.2 and illumos have the properties after the mark.
        let is_illumos = options.send.dialect.is_illumos();
        if let Some(props) = props.take_if(|_| !is_illumos) {
            list.insert("props", props);
        }
        if let Some(encryption) = Encryption::open(self.mos, dir)? {
            if encryption.root_dir == dir.object {
                list.insert("is_encroot", NvValue::Boolean);
            }
            if !options.send.raw {
                let (target, dataset) = (self.scope.target(), node.name.clone());
                return Err(PackageRefusal::Encrypted { target, dataset }.into());
            }
        }
        if let Some(props) = props {
            list.insert("props", props);
        }
        Ok(Entry { list, ..Entry::default() })
    }

    /// Lists the snapshots in the node and in its entry; returns the guid that those below have for their
    /// parent's.
    ///
    /// Follows `send_iterate_snap()`, in the same place.
    fn list(
        &mut self,
        node: &mut Node,
        entry: &mut Entry,
        snapshots: Vec<(String, Dataset)>,
        tosnap_txg: u64,
        choice: Choice,
    ) -> Result<u64> {
        let scope = self.scope;
        let options = scope.options;
        let from = scope.fromsnap.as_deref();
        let from_txg = from.and_then(|from| txg_of(&snapshots, from)).unwrap_or(0);
        let (mut guid, mut seen_from, mut seen_to) = (0, false, false);
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
                        self.tree.omitted.push(Omission::LaterSnapshot { name, tosnap });
                    }
                    continue;
                }
            } else if !is_to {
                continue;
            }
            if is_from || (guid == 0 && is_to) {
                guid = snapshot.guid;
            }
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
                let own = properties::own(self.mos, snapshot.props, Owner::Snapshot, choice)?;
                entry.props.insert(&*name, NvValue::List(own));
                if options.holds {
                    let holds = properties::holds(self.mos, snapshot.holds)?;
                    entry.holds.insert(&*name, NvValue::List(holds));
                }
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

/// A dataset's entry of the header, under way.
#[derive(Debug, Default)]
struct Entry {
    list: NvList,
    snaps: NvList,
    props: NvList,
    holds: NvList,
}

impl Entry {
    fn finish(self, scope: &Scope<'_>) -> NvList {
        let mut list = self.list;
        list.insert("snaps", NvValue::List(self.snaps));
        list.insert("snapprops", NvValue::List(self.props));
        if scope.options.holds {
            list.insert("snapholds", NvValue::List(self.holds));
        }
        list
    }
}

fn txg_of(snapshots: &[(String, Dataset)], name: &str) -> Option<u64> {
    snapshots.iter().find(|(short, _)| short == name).map(|(_, s)| s.creation_txg)
}

/// Returns true if a directory above has the mark that properties were received.
fn marked_above(mos: &Objset, dir: &Dir) -> zsend_pool::Result<bool> {
    let mut parent = dir.parent;
    // A name of 255 bytes has at most 128 parts, so a longer chain of parents is a loop.
    for _ in 0..=MAX_NAME {
        if parent == 0 {
            return Ok(false);
        }
        let above = Dir::open(mos, parent)?;
        if properties::has_received(mos, above.props)? {
            return Ok(true);
        }
        parent = above.parent;
    }
    let at = Zbookmark::new(mos.id(), dir.object, 0, 0);
    Err(PoolError::corrupt(at, "chain of parents", "a loop", "an end"))
}

/// Refuses a ZAP of names that is larger than any package can list.
fn bounded(mos: &Objset, object: u64, what: &'static str) -> zsend_pool::Result<()> {
    if object == 0 {
        return Ok(());
    }
    let dnode = mos.dnode(object)?;
    let size = dnode.maxblkid.saturating_add(1).saturating_mul(dnode.datablksz());
    if size > MAX_NAMES_ZAP {
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let found = format!("{size} bytes");
        return Err(PoolError::corrupt(at, what, found, format!("at most {MAX_NAMES_ZAP}")));
    }
    Ok(())
}
