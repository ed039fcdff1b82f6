//! Parts on their way into a folder.

use super::check::hash_of;
use super::cutter::{PartSink, PartStart, StreamTotals, cut};
use super::error::SplitError;
use super::manifest::{MANIFEST, Manifest, Part, part_name};
use super::pieces::{way, write_all};
use crate::folder::{self, Partial};
use crate::in_turn::ReadableInput;
use blake3::{Hash, Hasher};
use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::thread::{Builder, JoinHandle};
use zsend_records::bytes::Bytes;

/// Result of a split.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Split {
    /// The list.
    pub manifest: Manifest,
    /// Parts that were there already, with the same bytes.
    pub found: u64,
    /// False for a stream without END, which was saved (`zfs send -S`) or cut at a record: its parts are whole all the
    /// same.
    pub has_end: bool,
}

/// A part that was made again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Remade {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes.
    pub length: u64,
    /// True if the folder's list says the same of it; there may be no list.
    pub is_listed: bool,
    /// True if the same file was there already.
    pub is_found: bool,
}

/// Cuts a stream or package into parts of at most `size` bytes, and writes them and their list into a folder, which
/// is made if it is not there. Every sum along the stream is checked. A file that has a part's name stays if it is
/// that part; anything else is not overwritten.
///
/// # Errors
/// [`SplitError`]; parts that this call has made are removed then.
pub fn split(
    source: impl Read + Send + 'static,
    folder: &Path,
    size: u64,
) -> Result<Split, SplitError> {
    run(ReadableInput::Reader(Box::new(source)), folder, size)
}

/// As [`split`], of a file from where it stands, which is read on two threads.
///
/// # Errors
/// As [`split`].
pub fn split_file(source: File, folder: &Path, size: u64) -> Result<Split, SplitError> {
    run(ReadableInput::File(source), folder, size)
}

fn run(source: ReadableInput, folder: &Path, size: u64) -> Result<Split, SplitError> {
    make(folder)?;
    let path = folder.join(MANIFEST);
    let failed = || SplitError::io("write", &path);
    // It is locked, and so is the folder.
    let mut list = Partial::create(path.clone()).map_err(failed())?;
    let mut writer = PartsWriter::new(folder);
    let done = cut(source, size, &mut writer).and_then(|totals| {
        writer.end()?;
        writer.wait()?;
        Ok(totals)
    });
    let (manifest, has_end) = match done {
        Ok(StreamTotals { bytes, records, has_end, .. }) => {
            let (parts, hash) = (std::mem::take(&mut writer.parts), writer.whole.finalize());
            (Manifest { size, length: bytes, records, hash, parts }, has_end)
        }
        Err(e) => return Err(writer.undo().unwrap_or(e)),
    };
    let text = manifest.to_text();
    if let Some(old) = folder::open_if_there(&path).map_err(failed())? {
        let old = super::manifest::bytes_of(&old).map_err(failed())?;
        if old.as_deref() != Ok(text.as_bytes()) {
            writer.undo();
            return Err(SplitError::Exists(path));
        }
    }
    // The parts are durable under their names before the list says that they are there.
    folder::sync(folder).map_err(failed())?;
    list.file.write_all(text.as_bytes()).map_err(failed())?;
    list.commit().map_err(failed())?;
    folder::sync(folder).map_err(failed())?;
    Ok(Split { manifest, found: writer.found, has_end })
}

/// Makes one part of a stream again, by its number from 1 on, from the whole stream. If the folder has a list, the
/// part must be the one that it has, and takes the place of a file that is not.
///
/// # Errors
/// [`SplitError`].
pub fn remake(
    source: File,
    folder: &Path,
    size: Option<u64>,
    number: u64,
) -> Result<Remade, SplitError> {
    let listed = match Manifest::of_folder(folder) {
        Ok(list) => Some(list),
        Err(SplitError::NoManifest(_)) => None,
        Err(e) => return Err(e),
    };
    let Some(size) = size.or(listed.as_ref().map(|list| list.size)) else {
        return Err(SplitError::NoManifest(folder.to_owned()));
    };
    make(folder)?;
    let path = folder.join(part_name(number));
    let mut one = One { wanted: number, path: &path, is_it: false, made: None };
    let totals = cut(ReadableInput::File(source), size, &mut one)?;
    let Some((partial, hasher, length)) = one.made else {
        return Err(SplitError::NoPart { number, parts: totals.parts });
    };
    let hash = hasher.finalize();
    let entry = listed.as_ref().map(|list| {
        usize::try_from(number - 1).ok().and_then(|i| list.parts.get(i)).map(|part| part.hash)
    });
    let is_listed = match entry {
        None => false,
        Some(known) if known == Some(hash) => true,
        Some(_) => return Err(SplitError::OtherStream { number }),
    };
    let is_found = is_there(&path, hash)?;
    if is_found == Some(false) && !is_listed {
        return Err(SplitError::Exists(path));
    }
    if is_found != Some(true) {
        partial.commit().map_err(SplitError::io("write", &path))?;
        folder::sync(folder).map_err(SplitError::io("write", folder))?;
    }
    Ok(Remade { length, is_listed, is_found: is_found == Some(true), path })
}

fn make(folder: &Path) -> Result<(), SplitError> {
    match std::fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            Err(SplitError::io("make", folder)(e))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Says if a file is there, and if it has these bytes.
fn is_there(path: &Path, hash: Hash) -> Result<Option<bool>, SplitError> {
    let failed = || SplitError::io("read", path);
    let Some(file) = folder::open_if_there(path).map_err(failed())? else { return Ok(None) };
    Ok(Some(hash_of(file).map_err(failed())?.0 == hash))
}

/// A part that is written.
#[derive(Debug)]
struct OpenPart {
    path: PathBuf,
    file: Writing,
    start: PartStart,
    length: u64,
}

/// A file that is hashed and written by a thread of its own.
#[derive(Debug)]
struct Writing {
    pieces: SyncSender<Bytes>,
    thread: JoinHandle<Result<(Partial, Hash), SplitError>>,
}

impl Writing {
    fn start(partial: Partial) -> io::Result<Self> {
        let (pieces, given) = way();
        let write = move || {
            let mut hasher = Hasher::new();
            let hashed = given.into_iter().inspect(|piece: &Bytes| {
                hasher.update(piece);
            });
            let written = write_all(&partial.file, hashed);
            written.map_err(SplitError::io("write", partial.target()))?;
            Ok((partial, hasher.finalize()))
        };
        let thread = Builder::new().name("write".into()).spawn(write)?;
        Ok(Self { pieces, thread })
    }

    /// Gives a piece to be written.
    fn write(&self, piece: &Bytes) -> bool {
        self.pieces.send(piece.clone()).is_ok()
    }

    /// The file and its hash, once all is written, or the error of writing.
    fn end(self) -> Result<(Partial, Hash), SplitError> {
        drop(self.pieces);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Writes all parts.
#[derive(Debug)]
struct PartsWriter<'a> {
    folder: &'a Path,
    open: Option<OpenPart>,
    /// A part that gets its name, while the next is written.
    committing: Option<JoinHandle<Result<PathBuf, SplitError>>>,
    /// Files that were not there before.
    made: Vec<PathBuf>,
    parts: Vec<Part>,
    whole: Hasher,
    found: u64,
}

impl<'a> PartsWriter<'a> {
    fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            open: None,
            committing: None,
            made: Vec::new(),
            parts: Vec::new(),
            whole: Hasher::new(),
            found: 0,
        }
    }

    /// Ends the part that is written.
    fn end(&mut self) -> Result<(), SplitError> {
        if let Some(OpenPart { path, file, start, length }) = self.open.take() {
            let (partial, hash) = file.end()?;
            let PartStart { offset, record, chain, .. } = start;
            self.parts.push(Part { offset, length, record, chain, hash });
            match is_there(&path, hash)? {
                Some(true) => self.found += 1,
                Some(false) => return Err(SplitError::Exists(path)),
                None => {
                    self.wait()?;
                    // To make a file durable takes as long as to write it.
                    let named = path.clone();
                    let commit = move || {
                        partial.commit().map_err(SplitError::io("write", &path))?;
                        Ok(path)
                    };
                    let thread = Builder::new().name("commit".into()).spawn(commit);
                    self.committing = Some(thread.map_err(SplitError::io("write", &named))?);
                }
            }
        }
        Ok(())
    }

    /// Waits for the part that gets its name.
    fn wait(&mut self) -> Result<(), SplitError> {
        if let Some(thread) = self.committing.take() {
            let done = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            self.made.push(done?);
        }
        Ok(())
    }

    /// Removes all that was made. The error of writing, if that was before anything else was wrong.
    fn undo(&mut self) -> Option<SplitError> {
        // A part that did not get its name removes itself, once nobody writes to it.
        let written = self.open.take().and_then(|open| open.file.end().err());
        let _ = self.wait();
        for path in self.made.drain(..) {
            let _ = std::fs::remove_file(path);
        }
        written
    }
}

impl PartSink for PartsWriter<'_> {
    fn begin(&mut self, start: PartStart) -> Result<(), SplitError> {
        self.end()?;
        let path = self.folder.join(part_name(start.number));
        let partial = Partial::create(path.clone()).map_err(SplitError::io("write", &path))?;
        let file = Writing::start(partial).map_err(SplitError::io("write", &path))?;
        self.open = Some(OpenPart { path, file, start, length: 0 });
        Ok(())
    }

    fn bytes(&mut self, piece: &Bytes) -> Result<(), SplitError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        // Hashed while the cache of whoever has read it has it.
        self.whole.update(piece);
        open.length += piece.len() as u64;
        // Why it is not written, the end of the part tells.
        if open.file.write(piece) { Ok(()) } else { self.end() }
    }
}

/// Writes one part of all.
struct One<'a> {
    wanted: u64,
    path: &'a Path,
    is_it: bool,
    made: Option<(Partial, Hasher, u64)>,
}

impl PartSink for One<'_> {
    fn begin(&mut self, start: PartStart) -> Result<(), SplitError> {
        self.is_it = start.number == self.wanted;
        if self.is_it {
            let partial = Partial::create(self.path.to_owned());
            let partial = partial.map_err(SplitError::io("write", self.path))?;
            self.made = Some((partial, Hasher::new(), 0));
        }
        Ok(())
    }

    fn bytes(&mut self, piece: &Bytes) -> Result<(), SplitError> {
        let Some((partial, hasher, length)) = self.made.as_mut().filter(|_| self.is_it) else {
            return Ok(());
        };
        hasher.update(piece);
        *length += piece.len() as u64;
        (&partial.file).write_all(piece).map_err(SplitError::io("write", self.path))
    }
}
