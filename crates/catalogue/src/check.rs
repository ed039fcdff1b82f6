//! Checks of a folder: that its streams are what its catalogues say.

use crate::catalogue::Catalogue;
use crate::entry::Entry;
use crate::error::{CatalogueError, Result};
use crate::files;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use zerocopy::FromBytes;
use zerocopy::byteorder::LE;
use zsend_pool::CancelToken;
use zsend_records::drr::{Begin, ReplayRecord};

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;
/// Bytes of a record's header.
const HEADER: u64 = size_of::<ReplayRecord<LE>>() as u64;

/// Something that is wrong with a stream of a catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Its file is not there.
    #[error("it is not there")]
    Missing,
    /// Its file is a link, a folder, or something else that is no file.
    #[error("it is not a regular file")]
    NoFile,
    /// Its file is of another size.
    #[error("it has {found} bytes, expected {expected}")]
    Size {
        /// Its size.
        found: u64,
        /// The size that the catalogue says.
        expected: u64,
    },
    /// Its file has other bytes.
    #[error("its BLAKE3 is {found}, expected {expected}")]
    Hash {
        /// Its hash.
        found: String,
        /// The hash that the catalogue says.
        expected: String,
    },
    /// The stream that it is incremental from is not in the catalogue, or not older than it.
    #[error("no stream gives '{from}', which it is incremental from")]
    NoBase {
        /// The source, by its name when it was sent.
        from: String,
    },
    /// Its BEGIN is that of another stream.
    #[error(
        "it is a stream of guid {found} from {}, expected {guid} from {}",
        from(found_from),
        from(fromguid)
    )]
    Stream {
        /// Guid of its snapshot.
        found: u64,
        /// Guid of its source.
        found_from: Option<u64>,
        /// Guid of the snapshot that the catalogue says.
        guid: u64,
        /// Guid of the source that the catalogue says.
        fromguid: Option<u64>,
    },
    /// It does not begin as a stream does.
    #[error("it does not begin with the BEGIN of a stream")]
    NoStream,
    /// Its file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[source] io::Error),
}

fn from(guid: &Option<u64>) -> String {
    guid.map_or_else(|| "nothing".to_owned(), |guid| guid.to_string())
}

/// The outcome of a check.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// Streams that were looked at.
    pub streams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Flaws, by the name of the file; a stream may have two flaws.
    pub flaws: Vec<(String, Flaw)>,
    /// Streams in which blocks that could not be read were replaced by a pattern.
    pub replaced: u64,
    /// Names of what is in the folder and belongs to no catalogue.
    pub strays: Vec<String>,
}

/// Checks each stream of a catalogue that lies in `folder`: its file, size and BLAKE3, the guids of its BEGIN, and
/// that what it is incremental from is there. `threads` files are read at once.
///
/// # Errors
/// Those of reading the folder. The flaws of a stream are no error of the check.
pub fn check(
    folder: &Path,
    catalogue: &Catalogue,
    threads: usize,
    cancel: &CancelToken,
) -> Result<Checked> {
    let mut checked = Checked::default();
    let entries = catalogue.entries();
    let (next, flaws) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, entries.len().max(1)) {
            scope.spawn(|| {
                while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if cancel.is_cancelled() {
                        break;
                    }
                    let mut found = Vec::new();
                    if let Err(flaw) = check_file(folder, entry, cancel) {
                        found.push((entry.file.clone(), flaw));
                    }
                    if !catalogue.has_base(entry) {
                        let from = entry.from.clone().unwrap_or_default();
                        found.push((entry.file.clone(), Flaw::NoBase { from }));
                    }
                    flaws.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
                }
            });
        }
    });
    checked.streams = entries.len() as u64;
    checked.replaced = entries.iter().filter(|entry| entry.replaced > 0).count() as u64;
    checked.bytes = entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.size));
    checked.flaws = flaws.into_inner().unwrap_or_else(PoisonError::into_inner);
    // A sort that keeps the order of the two flaws of one file.
    checked.flaws.sort_by(|(a, _), (b, _)| a.cmp(b));
    checked.strays = strays(folder, catalogue)?;
    Ok(checked)
}

fn check_file(folder: &Path, entry: &Entry, cancel: &CancelToken) -> std::result::Result<(), Flaw> {
    let path = folder.join(&entry.file);
    let found = fs::symlink_metadata(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Flaw::Missing,
        _ => Flaw::Io(e),
    })?;
    if !found.is_file() {
        return Err(Flaw::NoFile);
    }
    if found.len() != entry.size {
        return Err(Flaw::Size { found: found.len(), expected: entry.size });
    }
    let file = files::open(&path, OpenOptions::new().read(true)).map_err(Flaw::Io)?;
    let mut file = file.take(entry.size);
    let mut header = Vec::new();
    file.by_ref().take(HEADER).read_to_end(&mut header).map_err(Flaw::Io)?;
    let (mut hasher, mut piece) = (blake3::Hasher::new(), vec![0; PIECE]);
    hasher.update(&header);
    loop {
        if cancel.is_cancelled() {
            return Err(Flaw::Io(io::ErrorKind::Interrupted.into()));
        }
        match file.read(&mut piece).map_err(Flaw::Io)? {
            0 => break,
            read => _ = hasher.update(&piece[..read]),
        }
    }
    let hash = hasher.finalize().to_hex();
    if hash.as_str() != entry.blake3 {
        let expected = entry.blake3.clone();
        return Err(Flaw::Hash { found: hash.to_string(), expected });
    }
    check_begin(&header, entry)
}

/// Compares the BEGIN of a stream with its line: the bytes may be those that were written, and the line of
/// another stream.
fn check_begin(header: &[u8], entry: &Entry) -> std::result::Result<(), Flaw> {
    let record = ReplayRecord::<LE>::read_from_prefix(header).map_err(|_| Flaw::NoStream)?.0;
    let begin = record.body_as::<Begin<LE>>().ok_or(Flaw::NoStream)?;
    let (found, from) = (begin.toguid.get(), begin.fromguid.get());
    let found_from = (from != 0).then_some(from);
    if (found, found_from) == (entry.guid, entry.fromguid) {
        return Ok(());
    }
    Err(Flaw::Stream { found, found_from, guid: entry.guid, fromguid: entry.fromguid })
}

fn strays(folder: &Path, catalogue: &Catalogue) -> Result<Vec<String>> {
    let failed = || CatalogueError::io("read", folder);
    let mut strays = Vec::new();
    for item in fs::read_dir(folder).map_err(failed())? {
        let name = item.map_err(failed())?.file_name();
        let is_known = name
            .to_str()
            .is_some_and(|n| files::is_of_catalogue(n) || catalogue.by_file(n).is_some());
        if !is_known {
            strays.push(name.to_string_lossy().into_owned());
        }
    }
    strays.sort();
    Ok(strays)
}
