//! Reading on threads that look at what they read themselves, while their own caches have it: each piece in its turn,
//! the order being that of the input.
//!
//! A thread whose turn has not come yet reads its next piece meanwhile. So it hardly ever waits: to sleep and be woken up
//! takes longer than a look at a piece. Nor does it look at what another has read, which is in that one's cache.

use crate::read_ahead::{ReadAhead, is_read_at, read_at, read_full};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use zsend_metal::pages::Pages;

/// Bytes of a buffer: it has to stay in the cache of one core.
const BUFFER: usize = 256 << 10;
/// Pieces that a thread has read and not looked at, at most.
const HELD: usize = 4;
/// Threads, if there are cores for them: what is done in turn is done by one at a time.
const THREADS: usize = 2;

/// Reads a file, or whatever else a descriptor has, from where it stands, and gives it to `look` in order, in pieces that
/// are not empty, until that returns false. It is called on any of the threads, on one at a time.
///
/// What is no file is read ahead by a thread that nobody waits for: what is at the other end of a pipe may be silent.
///
/// # Errors
/// Those of reading; what was read before is looked at before.
pub(crate) fn each_piece(mut file: File, look: impl FnMut(&[u8]) -> bool + Send) -> io::Result<()> {
    if !is_read_at(&file)? {
        return ReadAhead::new(file)?.each(look);
    }
    let reading = Reading {
        start: file.stream_position()?,
        file,
        turn: Mutex::new(Turn { read: 0, next: 0, look: Some(look), end: None, waiting: 0 }),
        turned: Condvar::new(),
    };
    let others = thread::available_parallelism().map_or(1, usize::from).min(THREADS) - 1;
    thread::scope(|scope| {
        for _ in 0..others {
            let builder = thread::Builder::new().name("read in turn".into());
            // One that cannot be started is not missed: this thread does all that is left.
            let _ = builder.spawn_scoped(scope, || reading.work());
        }
        reading.work();
    });
    let turn = reading.turn.into_inner().unwrap_or_else(PoisonError::into_inner);
    turn.end.unwrap_or(Ok(()))
}

/// A file from an offset on.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = read_at(self.file, buf, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// A piece that a thread has read.
struct Piece {
    number: u64,
    buffer: Pages,
    /// The error behind it.
    read: io::Result<()>,
}

/// State that all threads share.
struct Turn<F> {
    /// Number of the piece that is read next.
    read: u64,
    /// Number of the piece that is looked at next.
    next: u64,
    /// Nothing while a thread is at it.
    look: Option<F>,
    end: Option<io::Result<()>>,
    /// Threads that can read no more before they have looked at something.
    waiting: usize,
}

struct Reading<F> {
    file: File,
    /// Offset of the first piece.
    start: u64,
    turn: Mutex<Turn<F>>,
    /// A piece was looked at, or there is an end.
    turned: Condvar,
}

impl<F: FnMut(&[u8]) -> bool> Reading<F> {
    /// Reads, and looks at what was read in its turn, until the end.
    fn work(&self) {
        let ends = EndOnPanic(self);
        let mut held = VecDeque::with_capacity(HELD);
        let mut free: Vec<Pages> = Vec::with_capacity(HELD);
        while let Some(number) = self.look(&mut held, &mut free) {
            let mut buffer = free.pop().unwrap_or_else(|| Pages::zeroed(BUFFER));
            buffer.set_len(BUFFER);
            let offset = self.start + number * BUFFER as u64;
            let mut at = At { file: &self.file, offset };
            let (len, read) = read_full(&mut at, buffer.as_mut_slice());
            buffer.set_len(len);
            held.push_back(Piece { number, buffer, read });
        }
        std::mem::forget(ends);
    }

    /// Looks at those pieces whose turn has come, and at one at least if there is no room for more. The number of the
    /// piece that is to be read; `None` at the end.
    fn look(&self, held: &mut VecDeque<Piece>, free: &mut Vec<Pages>) -> Option<u64> {
        let mut turn = lock(&self.turn);
        while turn.end.is_none() {
            let mine = held.front().is_some_and(|piece| piece.number == turn.next);
            if mine
                && let Some(mut look) = turn.look.take()
                && let Some(Piece { buffer, read, .. }) = held.pop_front()
            {
                drop(turn);
                let bytes = buffer.as_slice();
                let goes_on = bytes.is_empty() || look(bytes);
                let is_last = bytes.len() < BUFFER;
                turn = lock(&self.turn);
                (turn.look, turn.next) = (Some(look), turn.next + 1);
                if !goes_on || is_last {
                    turn.end.get_or_insert(if goes_on { read } else { Ok(()) });
                }
                if turn.waiting > 0 {
                    self.turned.notify_all();
                }
                free.push(buffer);
            } else if held.len() < HELD {
                turn.read += 1;
                return Some(turn.read - 1);
            } else {
                turn.waiting += 1;
                turn = self.turned.wait(turn).unwrap_or_else(PoisonError::into_inner);
                turn.waiting -= 1;
            }
        }
        None
    }
}

/// Sees to it that the other threads do not wait for one that panicked.
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
                each_piece(file, |piece| {
                    assert!(!piece.is_empty());
                    read.extend_from_slice(piece);
                    true
                })
                .unwrap();
                assert!(read == data[start..], "{len} bytes from {start}");
                std::fs::remove_file(path).unwrap();
            }
        }
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
            each_piece(file, |piece| {
                read.extend_from_slice(piece);
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
        each_piece(file, |_| {
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
        let error = each_piece(folder, |_| true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let (path, file) = file("panic", &bytes(20 * BUFFER));
        let looked = std::panic::AssertUnwindSafe(|| each_piece(file, |_| panic!("looked at")));
        std::panic::catch_unwind(looked).unwrap_err();
        std::fs::remove_file(path).unwrap();
    }
}
