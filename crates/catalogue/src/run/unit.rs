//! The new snapshots of one dataset.

use super::chain::Bases;
use super::hash::Hashing;
use super::share::Shares;
use super::{News, RunError, RunOptions, Store, Totals, key_of};
use crate::catalogue::Key;
use crate::entry::Entry;
use crate::error::CatalogueError;
use crate::file_name;
use crate::settings::Settings;
use crate::units::Unit;
use crate::writer::CatalogueWriter;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zsend_pool::{CancelToken, Dataset, Listing, Pool, PoolError, Zbookmark};
use zsend_traverse::{Notice, SendError, SendPlan};

/// All that the threads of a run share.
pub(super) struct Sender<'r, S, T> {
    pub(super) pool: &'r Pool,
    pub(super) catalogue: Mutex<CatalogueWriter>,
    pub(super) store: &'r S,
    pub(super) options: &'r RunOptions,
    pub(super) settings: Settings,
    pub(super) cancel: &'r CancelToken,
    pub(super) tell: Mutex<T>,
    pub(super) shares: Shares,
    pub(super) totals: Mutex<Totals>,
    /// Snapshots that were met.
    pub(super) seen: Mutex<HashSet<Key>>,
}

/// End of a stream that was not sent.
enum Ended<E> {
    /// It could not be read.
    Snapshot(SendError),
    /// No other can be sent either.
    Run(RunError<E>),
}

impl<E> From<SendError> for Ended<E> {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Cancelled => Self::Run(RunError::Cancelled),
            other => Self::Snapshot(other),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Store, T: FnMut(News<'_>) + Send> Sender<'_, S, T> {
    pub(super) fn tell(&self, news: News<'_>) {
        (*locked(&self.tell))(news);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Totals)) {
        count(&mut locked(&self.totals));
    }

    /// Sends what is new of a unit.
    ///
    /// # Errors
    /// Those that end the whole run.
    pub(super) fn unit(&self, unit: &Unit) -> Result<(), RunError<S::Error>> {
        let dataset = unit.name.as_str();
        let (chain, lost) = match self.chain(unit) {
            Ok(chain) => chain,
            Err(PoolError::Cancelled) => return Err(RunError::Cancelled),
            Err(error) => {
                self.tell(News::Lost { dataset, error: &error });
                self.count(|totals| totals.failed += 1);
                return Ok(());
            }
        };
        for error in &lost {
            self.tell(News::Lost { dataset, error });
        }
        if chain.snapshots.is_empty() && lost.is_empty() {
            self.tell(News::NoSnapshot { dataset });
        }
        let mut is_whole = lost.is_empty();
        let count = chain.snapshots.len();
        let first = if self.options.newest { count.saturating_sub(1) } else { 0 };
        for i in first..count {
            if self.cancel.is_cancelled() {
                return Err(RunError::Cancelled);
            }
            let (short, snapshot) = &chain.snapshots[i];
            if !locked(&self.seen).insert(self.key(snapshot)) {
                let at = Zbookmark::new(self.pool.mos().id(), snapshot.object, 0, 0);
                let error = PoolError::corrupt(at, "guid", snapshot.guid, "that of one snapshot");
                self.tell(News::Lost { dataset, error: &error });
                is_whole = false;
                continue;
            }
            let source = {
                let catalogue = locked(&self.catalogue);
                if catalogue.known().get(&self.key(snapshot)).is_some() {
                    self.count(|totals| totals.known += 1);
                    continue;
                }
                chain.source(i, self.options.base, catalogue.known())
            };
            let name = format!("{dataset}@{short}");
            match self.stream(&name, snapshot, source.as_deref()) {
                Ok(()) => {}
                Err(Ended::Run(error)) => return Err(error),
                Err(Ended::Snapshot(error)) => {
                    // What damages one snapshot mostly damages those after it, and each would be read up
                    // to there.
                    let left_out = count - i - 1;
                    self.tell(News::Failed { snapshot: &name, error: &error, left_out });
                    is_whole = false;
                    break;
                }
            }
        }
        if !is_whole {
            self.count(|totals| totals.failed += 1);
        }
        Ok(())
    }

    fn key(&self, snapshot: &Dataset) -> Key {
        key_of(self.pool, snapshot.guid, snapshot.creation_txg)
    }

    /// All of a unit that streams may be incremental from, and what of it cannot be read.
    fn chain<'u>(&'u self, unit: &'u Unit) -> Result<(Bases<'u>, Vec<PoolError>), PoolError> {
        let pool = self.pool;
        let head = Dataset::open(pool.mos(), unit.head)?;
        let (snapshots, lost) = pool.snapshots(&head)?.split();
        // Without bookmarks and origin more is sent, but nothing that is wrong.
        let warn = |what: &str, e: &PoolError| {
            let name = &unit.name;
            self.tell(News::Warning(&format!(
                "cannot read {what} of '{name}', so more of it may be sent than needed: {e}"
            )));
        };
        let bookmarks = match pool.bookmarks(&head).map(Listing::split) {
            Ok((bookmarks, lost)) => {
                lost.iter().for_each(|e| warn("a bookmark", e));
                bookmarks
            }
            Err(PoolError::Cancelled) => return Err(PoolError::Cancelled),
            Err(e) => {
                warn("the bookmarks", &e);
                Vec::new()
            }
        };
        let read = |origin| {
            let origin = Dataset::open(pool.mos(), origin)?;
            Ok((pool.dataset_name(&origin)?, origin))
        };
        let origin = match unit.origin.map(read).transpose() {
            Ok(origin) => origin,
            Err(PoolError::Cancelled) => return Err(PoolError::Cancelled),
            Err(e) => {
                warn("the origin", &e);
                None
            }
        };
        Ok((Bases { pool, dataset: &unit.name, snapshots, bookmarks, origin }, lost))
    }

    /// Sends one stream.
    fn stream(
        &self,
        name: &str,
        snapshot: &Dataset,
        source: Option<&str>,
    ) -> Result<(), Ended<S::Error>> {
        let share = self.shares.take();
        let mut options = self.options.send.clone().with_resume(None).with_received(0);
        options.threads = share.threads;
        options.tunables.queue_length = share.bytes;
        let plan = SendPlan::by_name(self.pool, name, source, options)?;
        plan.check()?;
        for warning in plan.warnings() {
            self.tell(News::Warning(&warning));
        }
        let mut entry = self.entry(&plan, snapshot)?;
        // A line of a snapshot that is not this one has the file: it would be written over.
        if let Some(other) = locked(&self.catalogue).known().by_file(&entry.file) {
            let error = CatalogueError::Taken { file: other.file.clone(), name: name.to_owned() };
            return Err(Ended::Run(RunError::Catalogue(error)));
        }
        let made = self.store.create(&entry.file).map_err(|e| Ended::Run(RunError::Store(e)))?;
        let mut out = Hashing::new(made);
        let mut written = 0;
        let sent = plan.write(&mut out, self.cancel, |notice| match notice {
            Notice::Progress(progress) => {
                self.tell(News::Written(progress.bytes - written));
                written = progress.bytes;
            }
            Notice::Replaced(error) => {
                entry.replaced += 1;
                self.tell(News::Replaced(&error));
            }
            _ => {}
        });
        let (made, blake3) = out.finish();
        let summary = match sent {
            Ok(summary) => summary,
            Err(error) => {
                self.store.discard(made);
                return Err(match error {
                    SendError::Output(e) => Ended::Run(RunError::Output(name.to_owned(), e)),
                    SendError::Pool(e) => Ended::Snapshot(SendError::Pool(self.pool.explained(e))),
                    other => other.into(),
                });
            }
        };
        self.store.commit(made).map_err(|e| Ended::Run(RunError::Store(e)))?;
        (entry.size, entry.records, entry.blake3) = (summary.bytes(), summary.records(), blake3);
        self.count(|totals| {
            totals.streams += 1;
            totals.bytes += entry.size;
            totals.records += entry.records;
        });
        self.tell(News::Written(entry.size - written));
        let appended = locked(&self.catalogue).append(entry.clone());
        appended.map_err(|e| Ended::Run(RunError::Catalogue(e)))?;
        self.tell(News::Sent(&entry));
        Ok(())
    }

    /// Facts of a stream that are known before it is sent.
    fn entry(&self, plan: &SendPlan<'_>, snapshot: &Dataset) -> Result<Entry, SendError> {
        let key = self.key(snapshot);
        let name = plan.target().to_string();
        let (dataset, short) = name.split_once('@').unwrap_or((&name, ""));
        let source = plan.incremental_source();
        let fromguid = source.map(|source| source.guid);
        let encryption = self.pool.encryption(plan.dataset())?;
        Ok(Entry {
            dataset: dataset.to_owned(),
            snapshot: short.to_owned(),
            guid: key.guid,
            from: source.map(|source| source.name.clone()),
            fromguid,
            clone: source.is_some_and(|source| source.is_clone),
            file: file_name::of(dataset, short, &key, fromguid, &self.settings),
            dialect: self.settings.dialect.clone(),
            flags: self.settings.flags.clone(),
            keyguid: encryption.map(|encryption| encryption.key_object.guid),
            createtxg: key.createtxg,
            creation: snapshot.creation_time,
            poolguid: key.poolguid,
            ..Entry::default()
        })
    }
}
