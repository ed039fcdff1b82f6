//! A run: the new snapshots of many datasets, several streams at once.

mod chain;
mod hash;
mod queue;
mod share;
mod unit;

use crate::catalogue::Key;
use crate::entry::Entry;
use crate::error::CatalogueError;
use crate::settings::Settings;
use crate::units::Units;
use crate::writer::CatalogueWriter;
use queue::Queue;
use share::Shares;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::thread;
use unit::Sender;
use zsend_pool::{CancelToken, Pool, PoolError};
use zsend_traverse::{SendError, SendOptions};

/// Most streams that are made at once where nobody says how many: each has buffers of its own.
const MOST_AT_ONCE: usize = 8;
/// Most streams that may be asked for: each has a thread of its own.
const MOST_ASKED: usize = 512;

/// Kinds of incremental sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// Snapshots alone. Where no snapshot of a dataset that has a stream is there any more, the next
    /// stream is full.
    Snapshot,
    /// Snapshots, and bookmarks where the snapshot is gone.
    #[default]
    Bookmark,
}

/// Options of a run.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Options of every stream. Its threads and its `zfs_send_queue_length` are those of all streams
    /// together; it resumes none.
    pub send: SendOptions,
    /// Kinds of incremental sources.
    pub base: Base,
    /// Of each dataset the newest snapshot alone, not each that is new.
    pub newest: bool,
    /// Streams that are made at once; zero for as many as there are threads, and eight at most.
    pub at_once: usize,
}

impl RunOptions {
    /// With these options of every stream.
    #[must_use]
    pub fn with_send(self, send: SendOptions) -> Self {
        Self { send, ..self }
    }

    /// With these kinds of incremental sources.
    #[must_use]
    pub fn with_base(self, base: Base) -> Self {
        Self { base, ..self }
    }

    /// Of the newest snapshots alone, or of all that are new.
    #[must_use]
    pub fn with_newest(self, newest: bool) -> Self {
        Self { newest, ..self }
    }

    /// With this many streams at once, or as many as are worth it (zero).
    #[must_use]
    pub fn with_at_once(self, at_once: usize) -> Self {
        Self { at_once, ..self }
    }

    /// The flags of `zfs send` and the dialect that its streams have.
    pub fn settings(&self) -> Settings {
        let SendOptions { large_block, embed, compress, raw, dialect, .. } = self.send;
        let flags = [(large_block, 'L'), (embed, 'e'), (compress, 'c'), (raw, 'w')];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag);
        Settings::new(flags.collect::<String>(), dialect.name())
    }
}

/// A place for streams: each gets its name once it is whole and durable.
pub trait Store: Sync {
    /// A stream that is being written.
    type File: Write + Send;
    /// An error of making one, or of giving it its name.
    type Error: Send;

    /// Makes an empty stream that is to be called `file`, one plain name.
    ///
    /// # Errors
    /// Those of the place.
    fn create(&self, file: &str) -> Result<Self::File, Self::Error>;

    /// Makes a whole stream durable and gives it its name.
    ///
    /// # Errors
    /// Those of the place.
    fn commit(&self, file: Self::File) -> Result<(), Self::Error>;

    /// Removes a stream that is not whole.
    fn discard(&self, file: Self::File);
}

/// News of a run. They come from several threads, one after another.
#[derive(Debug)]
#[non_exhaustive]
pub enum News<'a> {
    /// A stream is whole, and in the catalogue.
    Sent(&'a Entry),
    /// A snapshot was not sent, nor are those of its dataset that come after it.
    Failed {
        /// Full name.
        snapshot: &'a str,
        /// The reason.
        error: &'a SendError,
        /// Later snapshots that were left out.
        left_out: usize,
    },
    /// Something cannot be read: a dataset, a snapshot, a part of a list of them.
    Lost {
        /// Name of the dataset that it belongs to.
        dataset: &'a str,
        /// The reason.
        error: &'a PoolError,
    },
    /// A dataset has no snapshot, and so nothing to send.
    NoSnapshot {
        /// Its name.
        dataset: &'a str,
    },
    /// Something that an administrator should know of a stream.
    Warning(&'a str),
    /// A block of a stream was replaced by a pattern (`zfs_send_corrupt_data`).
    Replaced(&'a PoolError),
    /// Bytes that were written, of whichever stream.
    Written(u64),
}

/// Totals of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Streams that were sent.
    pub streams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their records.
    pub records: u64,
    /// Snapshots that had a stream before.
    pub known: u64,
    /// Datasets of which something was not sent.
    pub failed: u64,
}

/// Reason why a run ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// A stream could not be made or named.
    #[error("{0}")]
    Store(E),
    /// A stream could not be written: this one, for this reason.
    #[error("cannot write the stream of '{0}': {1}")]
    Output(String, std::io::Error),
    /// The catalogue could not be written.
    #[error(transparent)]
    Catalogue(CatalogueError),
    /// The catalogue was opened for streams with other flags or of another dialect.
    #[error("the catalogue was opened for streams with the flags '{}', dialect {}", .0.flags, .0.dialect)]
    Settings(Settings),
    /// It was cancelled.
    #[error("interrupted")]
    Cancelled,
}

/// Sends what is new of all units. Each stream is durable and has its name before its line is in the
/// catalogue. What a unit cannot read costs that unit alone.
///
/// # Errors
/// [`RunError`]: nothing more could be sent. All that the catalogue says is true nevertheless.
pub fn run<S: Store>(
    pool: &Pool,
    units: &Units,
    catalogue: CatalogueWriter,
    store: &S,
    options: &RunOptions,
    cancel: &CancelToken,
    tell: impl FnMut(News<'_>) + Send,
) -> Result<Totals, RunError<S::Error>> {
    if *catalogue.settings() != options.settings() {
        return Err(RunError::Settings(catalogue.settings().clone()));
    }
    let latency = options.send.latency.unwrap_or_else(|| pool.zio().latency());
    let threads = options.send.thread_count(latency);
    let at_once = match options.at_once {
        0 => threads.min(MOST_AT_ONCE),
        at_once => at_once.min(MOST_ASKED),
    };
    let sender = Sender {
        pool,
        catalogue: Mutex::new(catalogue),
        store,
        options,
        settings: options.settings(),
        cancel,
        tell: Mutex::new(tell),
        shares: Shares::new(threads, options.send.tunables.queue_length),
        totals: Mutex::default(),
        seen: Mutex::default(),
    };
    for (dataset, error) in &units.lost {
        sender.tell(News::Lost { dataset, error });
        sender.count(|totals| totals.failed += 1);
    }
    let queue = Queue::new(units);
    thread::scope(|scope| {
        for _ in 0..at_once.min(units.units.len()) {
            scope.spawn(|| {
                let _ended_by_panic = queue.end_on_panic();
                while let Some(unit) = queue.next(&sender.shares) {
                    let done = sender.unit(&units.units[unit]);
                    if done.is_err() {
                        // What others have under way would fail the same way.
                        cancel.cancel();
                    }
                    queue.done(unit, done, &sender.shares);
                }
            });
        }
    });
    let totals = *sender.totals.lock().unwrap_or_else(PoisonError::into_inner);
    queue.finish().map(|()| totals)
}

/// The identity of a snapshot of a pool.
pub(crate) fn key_of(pool: &Pool, guid: u64, createtxg: u64) -> Key {
    Key { poolguid: pool.label().pool_guid, guid, createtxg }
}
