//! A writer that hashes what goes through it.

use std::io::{self, IoSlice, Write};

/// A writer with BLAKE3 of what it took.
#[derive(Debug)]
pub(super) struct Hashing<W> {
    to: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(to: W) -> Self {
        Self { to, hasher: blake3::Hasher::new() }
    }

    /// The writer, and the hash in hexadecimal digits.
    pub(super) fn finish(self) -> (W, String) {
        let hash = self.hasher.finalize().to_hex().to_string();
        (self.to, hash)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let taken = self.to.write(buf)?;
        self.hasher.update(&buf[..taken]);
        Ok(taken)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let taken = self.to.write_vectored(bufs)?;
        let mut left = taken;
        for buf in bufs {
            let of_this = left.min(buf.len());
            self.hasher.update(&buf[..of_this]);
            left -= of_this;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most seven bytes at a time, as a pipe may.
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let taken = buf.len().min(7);
            self.0.extend(&buf[..taken]);
            Ok(taken)
        }

        fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            let all = bufs.iter().flat_map(|buf| buf.iter().copied()).collect::<Vec<_>>();
            self.write(&all)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_taken_is_hashed_and_nothing_else() {
        let mut hashing = Hashing::new(Slow(Vec::new()));
        let parts = [&b"abc"[..], b"", b"defghij", b"k"].map(IoSlice::new);
        assert_eq!(hashing.write_vectored(&parts).unwrap(), 7);
        hashing.write_all(b"hijkl").unwrap();
        let (to, hash) = hashing.finish();
        assert_eq!(to.0, b"abcdefghijkl");
        assert_eq!(hash, blake3::hash(b"abcdefghijkl").to_hex().as_str());
    }
}
