//! Reading ahead, on threads of their own: the source fills one buffer while another is looked at. A file is read at
//! two places at once.

use crate::buffers::Buffers;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use zsend_records::bytes::Bytes;

/// Bytes of a buffer: large enough that few payloads lie in two, small enough that some stay in a cache.
const BUFFER: usize = 512 << 10;
/// Buffers that are filled and wait.
const WAITING: usize = 2;

/// Threads that read a file, each a buffer in turn.
const READERS: usize = 2;

/// Pieces of the input, in order, each read before it is asked for.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    /// Pieces that each reader has filled. The next piece is of the first.
    readers: VecDeque<Receiver<io::Result<Bytes>>>,
    /// The last piece was handed out.
    is_over: bool,
}

/// A file from an offset on, wherever it stands.
pub(crate) struct FileFrom<F> {
    pub(crate) file: F,
    pub(crate) offset: u64,
}

impl<F: Deref<Target = File>> Read for FileFrom<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buf, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The buffers of a file that are of one reader: those between them are of the others.
struct Strided {
    at: FileFrom<Arc<File>>,
    /// Bytes that are yet to come of the buffer at this offset.
    left: usize,
}

impl Read for Strided {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(self.left);
        let read = self.at.read(&mut buf[..len])?;
        self.left -= read;
        if self.left == 0 {
            self.left = BUFFER;
            self.at.offset += (BUFFER * (READERS - 1)) as u64;
        }
        Ok(read)
    }
}

/// Returns true if it is a file, and read at an offset where the system can.
pub(crate) fn is_read_at(file: &File) -> io::Result<bool> {
    Ok(cfg!(any(unix, windows)) && file.metadata()?.is_file())
}

/// Reads at an offset, whatever the file's position is. On Windows it moves that, which is of no matter here.
fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buf, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buf, offset);
    #[cfg(not(any(unix, windows)))]
    {
        let _ = (file, buf, offset);
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl ReadAhead {
    /// Begins to read. The thread ends with the source, or when nobody asks any more and the read that is
    /// under way returns.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        Ok(Self { readers: [start(source)?].into(), is_over: false })
    }

    /// Begins to read a file, or whatever else a descriptor has, from where it stands.
    ///
    /// # Errors
    /// Those of looking at it, and if no thread can be started.
    pub(crate) fn of_file(mut file: File) -> io::Result<Self> {
        if !is_read_at(&file)? {
            return Self::new(file);
        }
        let start_at = file.stream_position()?;
        let file = Arc::new(file);
        let readers = (0..READERS).map(|reader| {
            let offset = start_at + (BUFFER * reader) as u64;
            start(Strided { at: FileFrom { file: Arc::clone(&file), offset }, left: BUFFER })
        });
        Ok(Self { readers: readers.collect::<io::Result<_>>()?, is_over: false })
    }

    /// The next piece, never empty; `None` at the end.
    ///
    /// # Errors
    /// Those of the source. There is nothing behind one.
    pub(crate) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(reader) = self.readers.front().filter(|_| !self.is_over) else { return Ok(None) };
        let next = reader.recv().ok().transpose();
        self.is_over = !matches!(next, Ok(Some(_)));
        // Behind a piece that is not full comes what its own reader found: an error, or the end.
        if matches!(&next, Ok(Some(piece)) if piece.len() == BUFFER) {
            self.readers.rotate_left(1);
        }
        next
    }

    /// Gives all pieces to `look`, in order, until it returns false.
    ///
    /// # Errors
    /// Those of the source.
    pub(crate) fn each(&mut self, mut look: impl FnMut(Bytes) -> bool) -> io::Result<()> {
        while let Some(piece) = self.next()? {
            if !look(piece) {
                break;
            }
        }
        Ok(())
    }
}

/// Reads until a buffer is full or the source ends; gives the bytes that are in it, and why there are not more, if
/// that is an error.
pub(crate) fn read_full(source: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

/// Starts a reader.
fn start(source: impl Read + Send + 'static) -> io::Result<Receiver<io::Result<Bytes>>> {
    let (to, filled) = sync_channel(WAITING);
    thread::Builder::new().name("read ahead".into()).spawn(move || fill(source, &to))?;
    Ok(filled)
}

fn fill(mut source: impl Read, to: &SyncSender<io::Result<Bytes>>) {
    let buffers = Buffers::new(BUFFER);
    loop {
        let mut buffer = buffers.take();
        let (len, done) = read_full(&mut source, buffer.as_mut_slice());
        let is_last = len < BUFFER;
        if len > 0 {
            buffer.set_len(len);
            if to.send(Ok(buffers.filled(buffer))).is_err() {
                return;
            }
        }
        if let Err(error) = done {
            // Whoever would be told may be gone.
            let _ = to.send(Err(error));
            return;
        }
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives some bytes at a time, and fails behind them.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let left = &self.0[self.1..];
            if left.is_empty() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let len = left.len().min(buf.len()).min(70_001);
            buf[..len].copy_from_slice(&left[..len]);
            self.1 += len;
            Ok(len)
        }
    }

    #[test]
    fn all_bytes_come_before_the_error() {
        let data: Vec<u8> = (0..3 * BUFFER + 5).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let mut ahead = ReadAhead::new(Trickle(data.clone(), 0)).unwrap();
        let mut read = Vec::new();
        let error = loop {
            match ahead.next() {
                Ok(Some(piece)) => read.extend_from_slice(&piece),
                Ok(None) => panic!("no error came"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(read, data);
        assert!(ahead.next().unwrap().is_none());
    }

    #[test]
    fn buffers_are_used_again() {
        let mut ahead = ReadAhead::new(io::repeat(7).take(40 * BUFFER as u64)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let mut pieces = 0;
        while let Some(piece) = ahead.next().unwrap() {
            seen.insert(piece.as_ptr());
            pieces += 1;
        }
        assert_eq!(pieces, 40);
        assert!(seen.len() <= WAITING + 3, "{} buffers", seen.len());
    }

    #[test]
    fn a_file_is_read_from_where_it_stands_to_its_end() {
        let path = std::env::temp_dir().join(format!("zsend-read-ahead-{}", std::process::id()));
        for len in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 2 * BUFFER, 5 * BUFFER + 7] {
            let data: Vec<u8> = (0..len).map(|i| u8::try_from(i / 7 % 251).unwrap()).collect();
            std::fs::write(&path, &data).unwrap();
            for start in [0, len / 3, len] {
                let mut file = File::open(&path).unwrap();
                file.seek(io::SeekFrom::Start(start as u64)).unwrap();
                let mut ahead = ReadAhead::of_file(file).unwrap();
                let mut read = Vec::new();
                while let Some(piece) = ahead.next().unwrap() {
                    read.extend_from_slice(&piece);
                }
                assert!(read == data[start..], "{len} bytes from {start}");
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}
