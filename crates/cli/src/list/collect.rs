//! Collects what is listed: the datasets of a pool, their snapshots and bookmarks. What cannot be read
//! becomes a row that says so, and a failure that says why.

use crate::args::ChoiceArgs;
use crate::exit::{CommandResult, Failure};
use std::cmp::Ordering;
use std::fmt::Display;
use zsend_pool::Pool;
use zsend_pool::dsl::dataset::Dataset;
use zsend_pool::dsl::dir::Dir;
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::dsl::tree::Datasets;
use zsend_pool::{ErrorClass, PoolError};
use zsend_props::{Item, ItemKind};

/// Errors of what could not be read. All are printed; the first decides the exit code.
#[derive(Default)]
pub(crate) struct Failures {
    first: Option<Failure>,
}

impl Failures {
    pub(crate) fn add(&mut self, what: impl Display, e: impl Into<Failure>) {
        self.note(e.into().context(what));
    }

    pub(crate) fn note(&mut self, failure: Failure) {
        match &self.first {
            None => self.first = Some(failure),
            Some(_) => {
                let _ = failure.report();
            }
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn end(self) -> CommandResult {
        self.first.map_or(Ok(()), Err)
    }
}

/// Something to be shown. An item that is not there cannot be read.
#[derive(Debug)]
pub(crate) struct Row<'p> {
    pub(crate) name: String,
    pub(crate) item: Option<Item<'p>>,
    /// Txg of its creation, by which snapshots are sorted.
    txg: u64,
}

impl Row<'_> {
    /// Order of `zfs list`: by the names of datasets; snapshots behind their dataset, by their
    /// age; bookmarks behind those.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }

    fn key(&self) -> (&str, u8, u64, &str) {
        let end = self.name.find(['@', '#']).unwrap_or(self.name.len());
        let rank = match self.name.as_bytes().get(end) {
            None => 0,
            Some(b'@') => 1,
            Some(_) => 2,
        };
        (&self.name[..end], rank, self.txg, &self.name)
    }
}

/// Kinds that are collected if none are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Filesystems and volumes.
    Heads,
    /// All.
    All,
}

/// A pool's rows while they are collected.
pub(crate) struct Collector<'a, 'p> {
    pool: &'p Pool,
    choice: &'a ChoiceArgs,
    scope: Scope,
    rows: Vec<Row<'p>>,
    failures: &'a mut Failures,
}

impl<'a, 'p> Collector<'a, 'p> {
    pub(crate) fn new(
        pool: &'p Pool,
        choice: &'a ChoiceArgs,
        scope: Scope,
        failures: &'a mut Failures,
    ) -> Self {
        Self { pool, choice, scope, rows: Vec::new(), failures }
    }

    /// Gives the rows.
    pub(crate) fn rows(self) -> Vec<Row<'p>> {
        self.rows
    }

    /// Collects everything of the pool, or as deep as was asked for.
    pub(crate) fn all(&mut self) {
        let all = self.pool.datasets();
        self.tree(match self.choice.depth {
            Some(depth) => all.to_depth(depth),
            None => all,
        });
    }

    /// Collects what was named, and what is below it if that was asked for. What is not there is a
    /// failure, and hides nothing else.
    pub(crate) fn named(&mut self, target: &Name) {
        if let Err(failure) = self.try_named(target) {
            self.failures.note(failure);
        }
    }

    fn try_named(&mut self, target: &Name) -> CommandResult {
        let missing = || {
            let why = format!("cannot open '{target}': dataset does not exist");
            Failure::verbatim(ErrorClass::Damaged, why)
        };
        let dir = match self.pool.dir(&target.dataset) {
            Err(PoolError::NotFound { .. }) => return Err(missing()),
            dir => dir,
        };
        if target.suffix != Suffix::None {
            // What is named is shown whatever -t says, and found as `send` finds it.
            let item = match Item::open(self.pool, &target.to_string()) {
                Err(PoolError::NotFound { .. }) => return Err(missing()),
                item => item?,
            };
            self.push(item, 0);
            return Ok(());
        }
        let dir = match dir {
            Ok(dir) => dir,
            Err(e) => {
                self.lose(target.dataset.clone(), e);
                return Ok(());
            }
        };
        let all = Datasets::new(self.pool.mos(), &target.dataset, dir.object);
        self.tree(match (self.choice.recursive, self.choice.depth) {
            (_, Some(depth)) => all.to_depth(depth),
            (true, None) => all,
            (false, None) => all.to_depth(0),
        });
        Ok(())
    }

    fn wants(&self, kind: ItemKind) -> bool {
        let is_head = matches!(kind, ItemKind::Filesystem | ItemKind::Volume);
        match self.choice.types.as_slice() {
            [] => is_head || self.scope == Scope::All,
            types => types.iter().any(|t| t.is(kind)),
        }
    }

    fn push(&mut self, item: Item<'p>, txg: u64) {
        self.rows.push(Row { name: item.name().to_owned(), item: Some(item), txg });
    }

    fn lose(&mut self, name: String, e: PoolError) {
        self.failures.add(format!("cannot read '{name}'"), e);
        self.rows.push(Row { name, item: None, txg: u64::MAX });
    }

    /// Datasets of a tree. Its first is the one that was named.
    fn tree(&mut self, datasets: Datasets<'_>) {
        let mut first = None;
        for (name, head) in datasets {
            // Of a part of a list that cannot be read no name is known.
            if let (Some(parent), Err(e)) = (name.strip_suffix('/'), &head) {
                let failure = Failure::new(e.class(), e);
                self.failures
                    .note(failure.context(format!("cannot read all names below '{parent}'")));
                continue;
            }
            let levels = name.matches('/').count();
            let depth = levels - *first.get_or_insert(levels);
            if let Err(e) = head.and_then(|head| self.dataset(&name, head, depth)) {
                self.lose(name, e);
            }
        }
    }

    /// A dataset that many levels below the one that was named, with its snapshots and bookmarks.
    ///
    /// To `zfs list -d` they are one level deeper than it. `zfs list -t snapshot DATASET` shows those of the
    /// dataset itself all the same: `zfs_callback()`, OpenZFS `cmd/zfs/zfs_iter.c`, zfs-2.3.2.
    fn dataset(&mut self, name: &str, head: Dataset, depth: usize) -> Result<(), PoolError> {
        let dir = Dir::open(self.pool.mos(), head.dir)?;
        let is_above = self.choice.depth.is_none_or(|most| depth < most);
        if is_above && self.wants(ItemKind::Snapshot) {
            self.snapshots(name, &dir, &head);
        }
        if is_above && self.wants(ItemKind::Bookmark) {
            self.bookmarks(name, &dir, &head);
        }
        if self.wants(ItemKind::Filesystem) || self.wants(ItemKind::Volume) {
            let item = Item::dataset(self.pool, name.to_owned(), dir, head)?;
            if self.wants(item.kind()) {
                self.push(item, 0);
            }
        }
        Ok(())
    }

    fn snapshots(&mut self, name: &str, dir: &Dir, head: &Dataset) {
        match self.pool.snapshots(head) {
            Ok(snapshots) => {
                for (short, snapshot) in snapshots.items {
                    let name = format!("{name}@{short}");
                    let txg = snapshot.as_ref().map_or(u64::MAX, |snapshot| snapshot.creation_txg);
                    let item = snapshot
                        .and_then(|s| Item::dataset(self.pool, name.clone(), dir.clone(), s));
                    match item {
                        Ok(item) => self.push(item, txg),
                        Err(e) => self.lose(name, e),
                    }
                }
                for e in snapshots.lost {
                    self.failures.add(format!("cannot read all snapshots of '{name}'"), e);
                }
            }
            Err(e) => self.failures.add(format!("cannot read the snapshots of '{name}'"), e),
        }
    }

    fn bookmarks(&mut self, name: &str, dir: &Dir, head: &Dataset) {
        match self.pool.bookmarks(head) {
            Ok(bookmarks) => {
                for (short, bookmark) in bookmarks.items {
                    let name = format!("{name}#{short}");
                    match bookmark {
                        Ok(bookmark) => {
                            let txg = bookmark.creation_txg;
                            self.push(Item::bookmark(self.pool, name, dir.clone(), bookmark), txg);
                        }
                        Err(e) => self.lose(name, e),
                    }
                }
                for e in bookmarks.lost {
                    self.failures.add(format!("cannot read all bookmarks of '{name}'"), e);
                }
            }
            Err(e) => self.failures.add(format!("cannot read the bookmarks of '{name}'"), e),
        }
    }
}
