//! `zsend list`: pools, datasets, snapshots and bookmarks.

mod row;

use crate::args::{ListArgs, ListType};
use crate::exit::{Done, Failure, be_quiet, warn};
use crate::stdout;
use crate::txgs::{self, Style};
use row::{Row, UNREADABLE, columns, json, table};
use std::collections::HashSet;
use std::fmt::Display;
use zsend_pool::discover::discover;
use zsend_pool::dsl::bookmark::DsBookmark;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::place::Bookmark;
use zsend_pool::pool::Pool;
use zsend_pool::{CancelToken, ErrorClass, Listed, PoolError, zap};
use zsend_records::types::ObjsetType;

/// Runs the subcommand.
pub(crate) fn run(args: &ListArgs) -> Done {
    be_quiet(args.pool.quiet);
    let columns = columns(args)?;
    let target = args.target.as_deref().map(Name::parse).transpose()?;
    if args.pool.list_txgs {
        let style = Style { scripted: args.scripted, exact: args.exact, json: args.json };
        return txgs::list(&args.pool.devices, target.as_ref().map(Name::pool), style);
    }
    let discovery = discover(&args.pool.devices)?;
    discovery.refused().iter().for_each(warn);
    let (pools, passed_over) = (discovery.pools, discovery.passed_over);
    let options = args.pool.options(&CancelToken::default());
    let total = pools.len();
    let mut rows = Vec::new();
    let mut failures = Failures::default();
    let mut matched = false;
    for found in pools {
        let name = found.config.name.clone();
        let guid = found.config.pool_guid.to_string();
        if target.as_ref().is_some_and(|t| t.pool() != name && t.pool() != guid) {
            continue;
        }
        matched = true;
        // One pool that cannot be read hides no other.
        match Pool::open_found(&found, &options) {
            Ok(pool) => {
                for warning in pool.warnings() {
                    warn(warning);
                }
                let target = target.as_ref().map(|t| Name::parse(&pool.full_name(&t.to_string())));
                let (rows, failures) = (&mut rows, &mut failures);
                let mut list = List { pool: &pool, args, rows, failures, seen: HashSet::new() };
                list.of(target.transpose()?.as_ref())?;
            }
            Err(e) => failures.add(format!("pool '{name}' ({guid})"), e),
        }
    }
    if !matched {
        let what = target.map_or_else(|| "a pool".to_owned(), |t| format!("pool '{}'", t.pool()));
        let why = format!(
            "{what} was not found; {} on the given devices{}",
            crate::text::count(total as u64, "pool"),
            Listed(&passed_over)
        );
        return Err(Failure::new(ErrorClass::Damaged, why));
    }
    let text = if args.json { json(&rows, &columns) } else { table(&rows, &columns, args) };
    // No header stands over nothing but an error.
    if !(rows.is_empty() && failures.first.is_some()) {
        stdout::print(text.as_bytes())?;
    }
    failures.end()
}

/// Errors of what could not be read. All are printed; the first decides the exit code.
#[derive(Default)]
struct Failures {
    first: Option<Failure>,
}

impl Failures {
    fn add(&mut self, what: impl Display, e: impl Into<Failure>) {
        let failure = e.into().context(what);
        match &self.first {
            None => self.first = Some(failure),
            Some(_) => {
                let _ = failure.report();
            }
        }
    }

    fn end(self) -> Done {
        self.first.map_or(Ok(()), Err)
    }
}

/// The list of one pool's datasets while it is made. What cannot be read becomes a row that says so,
/// and a failure that says why.
struct List<'a> {
    pool: &'a Pool,
    args: &'a ListArgs,
    rows: &'a mut Vec<Row>,
    failures: &'a mut Failures,
    /// Directories that were listed. A broken pool's tree may lead back to itself.
    seen: HashSet<u64>,
}

impl List<'_> {
    /// Lists what was asked for: all, or a dataset, or one snapshot or bookmark.
    fn of(&mut self, target: Option<&Name>) -> Done {
        let Some(target) = target else {
            self.tree(self.pool.name(), self.pool.root_dir(), true);
            return Ok(());
        };
        let missing = || {
            let why = format!("cannot open '{target}': dataset does not exist");
            Failure::new(ErrorClass::Damaged, why)
        };
        let dir = match self.pool.dir(&target.dataset) {
            Err(PoolError::NotFound { .. }) => return Err(missing()),
            dir => dir,
        };
        if target.suffix == Suffix::None {
            self.tree(&target.dataset, dir, self.args.recursive);
            return Ok(());
        }
        // A snapshot or bookmark that is named is listed whatever -t says, and found as `send` finds it.
        let dir = dir?;
        let row = match &target.suffix {
            Suffix::Bookmark(short) => {
                let head = Dataset::open(self.pool.mos(), dir.head_dataset)?;
                let bookmark = self.pool.bookmark(&head, short)?.ok_or_else(missing)?;
                self.bookmark(target.to_string(), &dir, &bookmark)
            }
            Suffix::Snapshot(_) | Suffix::None => match self.pool.dataset(target) {
                Err(PoolError::NotFound { .. }) => return Err(missing()),
                snapshot => self.row(target.to_string(), "snapshot", &dir, &snapshot?),
            },
        };
        self.rows.push(row);
        Ok(())
    }

    fn wants(&self, kind: ListType) -> bool {
        let types = &self.args.types;
        if types.is_empty() {
            matches!(kind, ListType::Filesystem | ListType::Volume)
        } else {
            types.contains(&ListType::All) || types.contains(&kind)
        }
    }

    fn lose(&mut self, name: String, e: PoolError) {
        self.failures.add(format!("'{name}'"), e);
        self.rows.push(Row { name, kind: UNREADABLE, ..Row::default() });
    }

    /// A dataset, and all below it if `recursive`.
    fn tree(&mut self, name: &str, dir: Result<Dir, PoolError>, recursive: bool) {
        let dir = match dir {
            Ok(dir) => dir,
            Err(e) => return self.lose(name.to_owned(), e),
        };
        if !self.seen.insert(dir.object) {
            let at = Bookmark::new(0, dir.object, 0, 0);
            let e = PoolError::corrupt(at, "directory", "in two places of the tree", "in one");
            return self.lose(name.to_owned(), e);
        }
        match Dataset::open(self.pool.mos(), dir.head_dataset) {
            Ok(head) => {
                if self.wants(ListType::Filesystem) || self.wants(ListType::Volume) {
                    self.head(name, &dir, &head);
                }
                if self.wants(ListType::Snapshot) {
                    self.snapshots(name, &dir, &head);
                }
                if self.wants(ListType::Bookmark) {
                    self.bookmarks(name, &dir, &head);
                }
            }
            Err(e) => self.lose(name.to_owned(), e),
        }
        // Names of at most 255 bytes end the recursion in any pool, looping ones too.
        if !recursive || name.len() >= 256 {
            return;
        }
        match dir.children(self.pool.mos()) {
            Ok(children) => {
                for (child, object) in children.items {
                    if !child.starts_with(['$', '%']) {
                        let dir = object.and_then(|object| Dir::open(self.pool.mos(), object));
                        self.tree(&format!("{name}/{child}"), dir, true);
                    }
                }
                for e in children.lost {
                    self.lose(format!("{name}/"), e);
                }
            }
            Err(e) => self.lose(format!("{name}/"), e),
        }
    }

    /// A filesystem or volume, if it is of a wanted kind.
    fn head(&mut self, name: &str, dir: &Dir, head: &Dataset) {
        // A head without contents yet is a filesystem. A volume has no object set without one.
        let kind = if head.bp.is_hole() {
            Ok(ObjsetType::ZFS)
        } else {
            self.pool.objset(head).map(|os| os.kind())
        };
        let (kind, wanted) = match kind {
            Ok(ObjsetType::ZVOL) => ("volume", self.wants(ListType::Volume)),
            Ok(_) => ("filesystem", self.wants(ListType::Filesystem)),
            Err(e) => {
                self.failures.add(format!("'{name}'"), e);
                (UNREADABLE, true)
            }
        };
        if !wanted {
            return;
        }
        let origin = match dir.origin {
            0 => None,
            object => {
                let origin = Dataset::open(self.pool.mos(), object);
                let origin = origin.and_then(|origin| self.pool.dataset_name(&origin));
                Some(origin.unwrap_or_else(|e| {
                    self.failures.add(format!("origin of '{name}'"), e);
                    UNREADABLE.to_owned()
                }))
            }
        };
        let row = Row {
            used: Some(dir.used_bytes),
            origin: origin.filter(|name| !name.contains("/$ORIGIN")),
            ..self.row(name.to_owned(), kind, dir, head)
        };
        self.rows.push(row);
    }

    /// The row of a head or snapshot.
    fn row(&mut self, name: String, kind: &'static str, dir: &Dir, d: &Dataset) -> Row {
        Row {
            kind,
            guid: Some(d.guid),
            createtxg: Some(d.creation_txg),
            creation: Some(d.creation_time),
            used: Some(d.unique_bytes),
            refer: Some(d.referenced_bytes),
            object: Some(d.object),
            encrypted: self.is_encrypted(&name, dir),
            name,
            origin: None,
        }
    }

    fn is_encrypted(&mut self, name: &str, dir: &Dir) -> Option<bool> {
        if !dir.zapified {
            return Some(false);
        }
        // What no column shows is not asked: it may be damaged.
        if !self.args.columns.iter().any(|column| column == "encryption") {
            return None;
        }
        match zap::lookup(self.pool.mos(), dir.object, "com.datto:crypto_key_obj") {
            Ok(key) => Some(key.is_some()),
            Err(e) => {
                self.failures.add(format!("encryption of '{name}'"), e);
                None
            }
        }
    }

    fn snapshots(&mut self, name: &str, dir: &Dir, head: &Dataset) {
        match self.pool.snapshots(head) {
            Ok(snapshots) => {
                for (short, snapshot) in snapshots.items {
                    let name = format!("{name}@{short}");
                    match snapshot {
                        Ok(snapshot) => {
                            let row = self.row(name, "snapshot", dir, &snapshot);
                            self.rows.push(row);
                        }
                        Err(e) => self.lose(name, e),
                    }
                }
                for e in snapshots.lost {
                    self.lose(format!("{name}@"), e);
                }
            }
            Err(e) => self.lose(format!("{name}@"), e),
        }
    }

    /// The row of a bookmark.
    fn bookmark(&mut self, name: String, dir: &Dir, b: &DsBookmark) -> Row {
        Row {
            kind: "bookmark",
            guid: Some(b.guid),
            createtxg: Some(b.creation_txg),
            creation: Some(b.creation_time),
            refer: b.has_freed_before_next().then_some(b.referenced[0]),
            encrypted: self.is_encrypted(&name, dir),
            name,
            ..Row::default()
        }
    }

    fn bookmarks(&mut self, name: &str, dir: &Dir, head: &Dataset) {
        match self.pool.bookmarks(head) {
            Ok(bookmarks) => {
                for (short, bookmark) in bookmarks.items {
                    let name = format!("{name}#{short}");
                    match bookmark {
                        Ok(bookmark) => {
                            let row = self.bookmark(name, dir, &bookmark);
                            self.rows.push(row);
                        }
                        Err(e) => self.lose(name, e),
                    }
                }
                for e in bookmarks.lost {
                    self.lose(format!("{name}#"), e);
                }
            }
            Err(e) => self.lose(format!("{name}#"), e),
        }
    }
}
