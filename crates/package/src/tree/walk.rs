//! One walk of the tree, by which datasets become nodes and entries of the header.

mod snapshots;

use super::{Node, Origin, Scope, Tree};
use crate::error::{Omission, PackageError, PackageRefusal, Result};
use crate::header::Room;
use crate::properties::{self, Choice, Owner};
use std::collections::HashSet;
use zsend_pool::Pool;
use zsend_pool::PoolError;
use zsend_pool::Zbookmark;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::crypt::Encryption;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::MAX_NAME;
use zsend_records::nvlist::{NvList, NvValue};
use zsend_traverse::SendError;

/// Most bytes of a ZAP of names. The least entry of one takes 72, so there are fewer names in it than a
/// million; `zfs receive` takes no header that is larger.
const MAX_NAMES_ZAP: u64 = 64 << 20;

/// Facts that a dataset has from the one above it.
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
    /// It is sent.
    Sent(Box<Found>),
    /// It is left out with all below it.
    LeftOut(Omission),
    /// It is left out with all below it, for what is noted already.
    Lost,
}

/// A dataset that is sent.
struct Found {
    dir: Dir,
    node: Node,
    /// Its key and entry of the header.
    entry: Option<(String, NvValue)>,
    /// Facts that the datasets below have from it.
    above: Above,
}

/// A dataset that was looked at, and is to be put into the tree.
struct Looked {
    name: String,
    seen: Result<Seen>,
    /// Things of it that are left out.
    omitted: Vec<Omission>,
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
    /// Datasets that are yet to be put into the tree, the next one last.
    next: Vec<Looked>,
    /// Directories that were met. A directory that is its own descendant would have no end.
    met: HashSet<u64>,
}

impl<'a> Walk<'a> {
    /// A walk from the top dataset of a package.
    pub(super) fn new(pool: &'a Pool, scope: &'a Scope<'a>) -> Result<Self> {
        let mos = pool.mos();
        let dir = pool.dir(&scope.top)?;
        let above = Above { has_received: marked_above(mos, &dir)?, ..Above::default() };
        let mut walk = Self {
            pool,
            mos,
            scope,
            tree: Tree { nodes: Vec::new(), described: NvList::new(), omitted: Vec::new() },
            room: Room::default(),
            no_origin: pool.origin_snapshot()?,
            next: Vec::new(),
            met: HashSet::new(),
        };
        let top = walk.look(scope.top.clone(), Ok(dir.object), above);
        walk.next.push(top);
        Ok(walk)
    }

    /// Walks to the end.
    pub(super) fn run(mut self) -> Result<Tree> {
        while let Some(Looked { name, seen, omitted }) = self.next.pop() {
            self.tree.omitted.extend(omitted);
            match seen {
                Ok(Seen::Lost) => {}
                Ok(Seen::LeftOut(omission)) => self.tree.omitted.push(omission),
                Ok(Seen::Sent(found)) => {
                    let Found { dir, node, entry, above } = *found;
                    self.tree.nodes.push(node);
                    if let Some((key, entry)) = entry {
                        self.tree.described.insert(key, entry);
                    }
                    if self.scope.options.replicate {
                        self.below(&name, &dir, above);
                    }
                }
                Err(PackageError::Send(SendError::Pool(why))) if !self.tree.nodes.is_empty() => {
                    self.tree.omitted.push(Omission::Unreadable { name, why });
                }
                Err(e) => return Err(e),
            }
        }
        Ok(self.tree)
    }

    fn look(&mut self, name: String, object: zsend_pool::Result<u64>, above: Above) -> Looked {
        let mut omitted = Vec::new();
        let dir = object.and_then(|object| self.open(&name, object));
        let seen = match dir {
            Ok(dir) => self.dataset(name.clone(), dir, above, &mut omitted),
            Err(e) => Err(e.into()),
        };
        Looked { name, seen, omitted }
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
    ///
    /// They are looked at in the order of their objects: those that were made together lie together, and
    /// a block of the MOS is read once for all of them.
    fn below(&mut self, name: &str, dir: &Dir, above: Above) {
        let children = bounded(self.mos, dir.children, "children");
        let children = children.and_then(|()| dir.children_unsorted(self.mos));
        let (children, lost) = match children {
            Ok(children) => (children.items, children.lost),
            Err(e) => (Vec::new(), vec![e]),
        };
        for e in lost.into_iter().rev() {
            let lost = self.look(format!("{name}/"), Err(e), above);
            self.next.push(lost);
        }
        // Internal directories and partial receives are not shown to `zfs send`.
        let shown = children.into_iter().filter(|(short, _)| !short.contains(['$', '%']));
        let mut shown: Vec<_> = shown.enumerate().collect();
        shown.sort_by_key(|(_, (_, object))| *object.as_ref().unwrap_or(&0));
        let mut looked = Vec::new();
        for (place, (short, object)) in shown {
            looked.push((place, self.look(format!("{name}/{short}"), object, above)));
            // No package has room for what is behind one that has none.
            if self.room.is_spent() {
                break;
            }
        }
        looked.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        self.next.extend(looked.into_iter().map(|(_, looked)| looked));
    }

    /// Looks at one dataset: makes a node of it, and its entry of the header.
    fn dataset(
        &mut self,
        name: String,
        dir: Dir,
        above: Above,
        omitted: &mut Vec<Omission>,
    ) -> Result<Seen> {
        let scope = self.scope;
        let head = Dataset::open(self.mos, dir.head_dataset)?;
        let snapshots = self.snapshots(&name, &head, omitted)?;
        let Some(tosnap_txg) = txg_of(&snapshots, &scope.tosnap) else {
            let tosnap = scope.tosnap.clone();
            // What cannot be read may be it.
            if omitted.iter().any(|lost| lost.may_be(&name, &tosnap)) {
                return Ok(Seen::Lost);
            }
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
            origin: self.origin(&dir)?,
            has_later_source: from_txg.is_some_and(|txg| txg > tosnap_txg),
            snaps: Vec::new(),
        };
        let has_received = scope.options.backup
            && (above.has_received || properties::has_received(self.mos, dir.props)?);
        let choice = match (scope.options.backup, has_received) {
            (false, _) => Choice::Effective,
            (true, true) => Choice::Received,
            (true, false) => Choice::Local,
        };
        let mut entry = self.entry(&node, &dir, choice, omitted)?;
        let guid = self.list(&mut node, &mut entry, snapshots, tosnap_txg, choice, omitted)?;
        let mut described = None;
        if scope.options.is_described() {
            let key = format!("{:#x}", head.guid);
            let entry = NvValue::List(entry.finish(scope));
            if !self.room.takes(&key, &entry) {
                let at = format!("{}@{}", node.name, scope.tosnap);
                return Err(PackageRefusal::TooLarge { target: scope.target(), at }.into());
            }
            described = Some((key, entry));
        }
        let above = Above { guid, tosnap_txg, has_received };
        Ok(Seen::Sent(Box::new(Found { dir, node, entry: described, above })))
    }

    fn origin(&self, dir: &Dir) -> Result<Option<Origin>> {
        if dir.origin == 0 || dir.origin == self.no_origin {
            return Ok(None);
        }
        let origin = Dataset::open(self.mos, dir.origin)?;
        Ok(Some(Origin { object: origin.object, guid: origin.guid }))
    }

    /// Begins the entry of a dataset.
    fn entry(
        &self,
        node: &Node,
        dir: &Dir,
        choice: Choice,
        omitted: &mut Vec<Omission>,
    ) -> Result<Entry> {
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
            let own = bounded(self.mos, dir.props, "properties");
            let own = own
                .and_then(|()| properties::own(self.mos, dir.props, Owner::Head(dir), choice))
                .unwrap_or_else(|why| {
                    omitted.push(Omission::Undescribed { name: node.name.clone(), why });
                    NvList::new()
                });
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
            if !options.send.raw && !options.decrypted {
                let (target, dataset) = (self.scope.target(), node.name.clone());
                return Err(PackageRefusal::Encrypted { target, dataset }.into());
            }
        }
        if let Some(props) = props {
            list.insert("props", props);
        }
        Ok(Entry { list, ..Entry::default() })
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

/// Returns true if a directory above has the mark that properties were received.
fn marked_above(mos: &Objset, dir: &Dir) -> zsend_pool::Result<bool> {
    for above in dir.ancestors(mos) {
        if properties::has_received(mos, above?.props)? {
            return Ok(true);
        }
    }
    Ok(false)
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

/// The txg of a snapshot by its name; `None` if there is none.
fn txg_of(snapshots: &[(String, Dataset)], name: &str) -> Option<u64> {
    snapshots.iter().find(|(short, _)| short == name).map(|(_, s)| s.creation_txg)
}
