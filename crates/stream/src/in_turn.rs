//! Reading on threads that look at what they read themselves, while their own caches have it: each piece in its turn,
//! the order being that of the input.
//!
//! A thread whose turn has not come reads its next piece. It leaves alone what the other has read, which is in that one's
//! cache. If the other sleeps, as enough was read ahead, its pieces are looked at all the same: to wake it takes longer.

use crate::buffers::Buffers;
use crate::read_ahead::{FileFrom, ReadAhead, is_read_at, read_full};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use zsend_records::bytes::Bytes;

/// Pieces in which a file is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    /// Bytes of one.
    pub(crate) len: usize,
    /// Pieces that are read, or were and wait.
    pub(crate) ahead: u64,
}

impl Pieces {
    /// Pieces that stay in the cache of one core, for what nobody keeps. With pieces of 256 KiB, `verify --quick` of 4K records
    /// takes a sixth longer.
    pub(crate) const SMALL: Self = Self { len: 128 << 10, ahead: 8 };
    /// Pieces for those who keep what is in them: few records of 128 KiB lie in two, and have to be copied together.
    pub(crate) const LARGE: Self = Self { len: 1 << 20, ahead: 2 };
    /// Pieces of one of many inputs that are read side by side: of each, some are in memory.
    pub(crate) const SHARED: Self = Self { len: 128 << 10, ahead: 4 };
}

/// Threads. One core has two as well, so that it sums up while a disk is read; more would wait for one another.
const THREADS: usize = 2;

/// Input that can be read.
pub(crate) enum ReadableInput {
    /// A file, or whatever else a descriptor has, from where it stands.
    File(File),
    /// Anything.
    Reader(Box<dyn Read + Send>),
}

impl ReadableInput {
    /// Gives all of it to `look`: see [`each_piece`]. What is no file comes in pieces as [`ReadAhead`] has them.
    ///
    /// # Errors
    /// Those of reading, and if no thread can be started.
    pub(crate) fn each(
        self,
        pieces: Pieces,
        look: impl FnMut(Bytes) -> bool + Send,
    ) -> io::Result<()> {
        match self {
            Self::File(file) => each_piece(file, pieces, look),
            Self::Reader(reader) => ReadAhead::new(reader)?.each(look),
        }
    }

    /// Begins to read it, for one who asks for pieces.
    ///
    /// # Errors
    /// Those of looking at a file, and if no thread can be started.
    pub(crate) fn ahead(self) -> io::Result<ReadAhead> {
        match self {
            Self::File(file) => ReadAhead::of_file(file),
            Self::Reader(reader) => ReadAhead::new(reader),
        }
    }
}

/// Reads a file, or whatever else a descriptor has, from where it stands, and gives it to `look` in order, in pieces that
/// are not empty, until that returns false. It is called on any of the threads, on one at a time. What it keeps of a piece
/// keeps a buffer.
///
/// Anything but a file is read ahead by a thread that nobody waits for: a pipe may be silent.
///
/// # Errors
/// Those of reading; what was read before is looked at before. Where it is no file, if no thread can be started.
pub(crate) fn each_piece(
    mut file: File,
    pieces: Pieces,
    look: impl FnMut(Bytes) -> bool + Send,
) -> io::Result<()> {
    if !is_read_at(&file)? {
        return ReadAhead::new(file)?.each(look);
    }
    let reading = Reading {
        start: file.stream_position()?,
        file,
        pieces,
        buffers: Buffers::new(pieces.len),
        turn: Mutex::new(Turn {
            read: 0,
            next: 0,
            held: BTreeMap::new(),
            look: Some(look),
            end: None,
            waits: [false; THREADS],
        }),
        turned: Condvar::new(),
    };
    thread::scope(|scope| {
        let others = (1..THREADS).map(|other| {
            let builder = thread::Builder::new().name("read in turn".into());
            let reading = &reading;
            // One that cannot be started is not missed: this thread does all that is left.
            builder.spawn_scoped(scope, move || reading.work(other)).ok()
        });
        let others: Vec<_> = others.collect();
        reading.work(0);
        for other in others.into_iter().flatten() {
            other.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
    let turn = reading.turn.into_inner().unwrap_or_else(PoisonError::into_inner);
    turn.end.unwrap_or(Ok(()))
}

/// A piece that was read.
struct Piece {
    bytes: Bytes,
    /// The error behind it.
    read: io::Result<()>,
    /// Thread that has read it.
    reader: usize,
}

/// State that all threads share.
struct Turn<F> {
    /// Number of the piece that is read next.
    read: u64,
    /// Number of the piece that is looked at next.
    next: u64,
    /// Pieces that were read and not looked at.
    held: BTreeMap<u64, Piece>,
    /// Nothing while a thread is at it.
    look: Option<F>,
    end: Option<io::Result<()>>,
    /// By thread: it sleeps until less is read ahead.
    waits: [bool; THREADS],
}

impl<F> Turn<F> {
    /// The next piece and what looks at it, if this thread is to look: if it has read the piece, or the one that has
    /// sleeps.
    fn next_of(&mut self, thread: usize) -> Option<(Piece, F)> {
        let piece = self.held.get(&self.next)?;
        if piece.reader != thread && !self.waits[piece.reader] {
            return None;
        }
        let look = self.look.take()?;
        self.held.remove(&self.next).map(|piece| (piece, look))
    }

    /// Pieces that are read, or were and wait.
    const fn ahead(&self) -> u64 {
        self.read - self.next
    }
}

struct Reading<F> {
    file: File,
    /// Offset of the first piece.
    start: u64,
    pieces: Pieces,
    buffers: Buffers,
    turn: Mutex<Turn<F>>,
    /// Less is read ahead, or there is an end.
    turned: Condvar,
}

impl<F: FnMut(Bytes) -> bool> Reading<F> {
    /// Reads, and looks at what was read in its turn, until the end.
    fn work(&self, thread: usize) {
        let _ends = EndOnPanic(self);
        while let Some(number) = self.look(thread) {
            let mut buffer = self.buffers.take();
            let offset = self.start + number * self.pieces.len as u64;
            let mut at = FileFrom { file: &self.file, offset };
            let (len, read) = read_full(&mut at, buffer.as_mut_slice());
            buffer.set_len(len);
            let bytes = self.buffers.filled(buffer);
            lock(&self.turn).held.insert(number, Piece { bytes, read, reader: thread });
        }
    }

    /// Looks at the pieces that are this thread's to look at. The number of the piece that it is to read; `None` at the
    /// end.
    fn look(&self, thread: usize) -> Option<u64> {
        let mut turn = lock(&self.turn);
        while turn.end.is_none() {
            if let Some((Piece { bytes, read, .. }, mut look)) = turn.next_of(thread) {
                drop(turn);
                let is_last = bytes.len() < self.pieces.len;
                let goes_on = bytes.is_empty() || look(bytes);
                turn = lock(&self.turn);
                (turn.look, turn.next) = (Some(look), turn.next + 1);
                if !goes_on || is_last {
                    turn.end.get_or_insert(if goes_on { read } else { Ok(()) });
                }
                // To wake a thread for each piece takes longer than to read it.
                if turn.end.is_some() || turn.ahead() <= self.pieces.ahead / 2 {
                    self.turned.notify_all();
                }
            } else if turn.ahead() < self.pieces.ahead {
                turn.read += 1;
                return Some(turn.read - 1);
            } else {
                turn.waits[thread] = true;
                turn = self.turned.wait(turn).unwrap_or_else(PoisonError::into_inner);
                turn.waits[thread] = false;
            }
        }
        None
    }
}

/// Sees to it that the other threads do not wait for one that panicked. Where all is read, it changes nothing.
struct EndOnPanic<'a, F>(&'a Reading<F>);

impl<F> Drop for EndOnPanic<'_, F> {
    fn drop(&mut self) {
        lock(&self.0.turn).end.get_or_insert(Ok(()));
        self.0.turned.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::path::PathBuf;
    use zsend_records::fletcher::Fletcher4;

    const BUFFER: usize = Pieces::SMALL.len;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i / 5 % 251).unwrap()).collect()
    }

    fn file(name: &str, data: &[u8]) -> (PathBuf, File) {
        let name = format!("zsend-in-turn-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, data).unwrap();
        let file = File::open(&path).unwrap();
        (path, file)
    }

    #[test]
    fn a_file_comes_in_order_from_where_it_stands() {
        for len in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER, 23 * BUFFER + 7] {
            let data = bytes(len);
            for start in [0, len / 3, len] {
                let (path, mut file) = file("order", &data);
                file.seek(io::SeekFrom::Start(start as u64)).unwrap();
                let mut read = Vec::new();
                each_piece(file, Pieces::SMALL, |piece| {
                    assert!(!piece.is_empty());
                    read.extend_from_slice(&piece);
                    true
                })
                .unwrap();
                assert!(read == data[start..], "{len} bytes from {start}");
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    #[test]
    fn a_thread_whose_buffers_are_full_misses_nothing() {
        let data = bytes(40 * BUFFER + 9);
        let (path, file) = file("slow", &data);
        let mut sum = Fletcher4::ZERO;
        each_piece(file, Pieces::SMALL, |piece| {
            // Far longer than it takes to read one.
            let sums: Vec<_> =
                (0..40).map(|_| Fletcher4::of(std::hint::black_box(&piece))).collect();
            assert!(sums.iter().all(|other| *other == sums[0]));
            sum.update(&piece);
            true
        })
        .unwrap();
        assert_eq!(sum, Fletcher4::of(&data));
        std::fs::remove_file(path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_comes_in_order() {
        let data = bytes(9 * BUFFER + 1);
        let (reader, mut writer) = io::pipe().unwrap();
        let mut read = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| writer.write_all(&data).map(|()| drop(writer)));
            let file = File::from(std::os::fd::OwnedFd::from(reader));
            each_piece(file, Pieces::SMALL, |piece| {
                read.extend_from_slice(&piece);
                true
            })
            .unwrap();
        });
        assert!(read == data);
    }

    #[test]
    fn nothing_comes_behind_the_piece_that_was_enough() {
        let (path, file) = file("enough", &bytes(20 * BUFFER));
        let mut pieces = 0;
        each_piece(file, Pieces::SMALL, |_| {
            pieces += 1;
            pieces < 3
        })
        .unwrap();
        assert_eq!(pieces, 3);
        std::fs::remove_file(path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn an_error_of_reading_is_told() {
        let folder = File::open(std::env::temp_dir()).unwrap();
        let error = each_piece(folder, Pieces::SMALL, |_| true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let (path, file) = file("panic", &bytes(20 * BUFFER));
        let looked = std::panic::AssertUnwindSafe(|| {
            each_piece(file, Pieces::SMALL, |_| panic!("looked at"))
        });
        let panic = std::panic::catch_unwind(looked).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"looked at"));
        std::fs::remove_file(path).unwrap();
    }
}
