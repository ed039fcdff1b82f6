//! Reading ahead of the checks, on a thread of its own: the source fills one buffer while another is checked.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use zsend_records::bytes::Bytes;

/// Bytes of a buffer: large enough that few payloads lie in two, small enough that some stay in a cache.
const BUFFER: usize = 512 << 10;
/// Buffers that are filled and wait.
const WAITING: usize = 2;

/// Pieces of the input, in order, each read before it is asked for.
#[derive(Debug)]
pub(super) struct ReadAhead {
    filled: Receiver<io::Result<Bytes>>,
    /// The last piece was handed out.
    is_over: bool,
}

/// A buffer that goes back to be filled again once nobody looks at it.
struct Filled {
    buffer: Vec<u8>,
    len: usize,
    home: Sender<Vec<u8>>,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        // Nobody waits for it where reading is over.
        let _ = self.home.send(std::mem::take(&mut self.buffer));
    }
}

impl ReadAhead {
    /// Begins to read. The thread ends with the source, or when nobody asks any more and the read that is
    /// under way returns.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(super) fn new(source: impl Read + Send + 'static) -> io::Result<Self> {
        let (to, filled) = sync_channel(WAITING);
        thread::Builder::new().name("read ahead".into()).spawn(move || fill(source, &to))?;
        Ok(Self { filled, is_over: false })
    }

    /// The next piece, never empty; `None` at the end.
    ///
    /// # Errors
    /// Those of the source. There is nothing behind one.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.is_over {
            return Ok(None);
        }
        let next = self.filled.recv().ok().transpose();
        self.is_over = !matches!(next, Ok(Some(_)));
        next
    }
}

fn fill(mut source: impl Read, to: &SyncSender<io::Result<Bytes>>) {
    let (home, free) = channel();
    loop {
        let mut buffer: Vec<u8> = free.try_recv().unwrap_or_else(|_| vec![0; BUFFER]);
        let mut len = 0;
        let mut failed = None;
        while len < BUFFER {
            match source.read(&mut buffer[len..]) {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let is_last = len < BUFFER;
        if len > 0 {
            let filled = Filled { buffer, len, home: home.clone() };
            if to.send(Ok(Bytes::from_owner(filled))).is_err() {
                return;
            }
        }
        if let Some(error) = failed {
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
}
