//! Where finished records go: gathered and written in large pieces, or only counted.

use crate::event::Payload;
use bytes::Bytes;
use std::io::{self, IoSlice, Write};
use zsend_records::drr::RECORD_SIZE;

/// Takes finished records in order.
pub trait RecordSink {
    /// Takes one record and its payload.
    ///
    /// # Errors
    /// Those of the output.
    fn record(&mut self, header: &[u8; RECORD_SIZE], payload: &Payload) -> io::Result<()>;

    /// Whether records need their checksums: not where they are only counted.
    fn needs_checksums(&self) -> bool {
        true
    }

    /// Everything taken so far must be with the output when this returns.
    ///
    /// # Errors
    /// Those of the output.
    fn flush(&mut self) -> io::Result<()>;
}

/// Counts only: for sizes that are wanted before the stream is.
#[derive(Debug, Default, Clone, Copy)]
pub struct Discard;

impl RecordSink for Discard {
    fn needs_checksums(&self) -> bool {
        false
    }

    fn record(&mut self, _: &[u8; RECORD_SIZE], _: &Payload) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A payload at least this long is written from where it is; a shorter one is copied, since another
/// slice costs the kernel more than the copy.
const COPY_BELOW: usize = 4 << 10;
/// Bytes gathered before they are written.
const GATHER: usize = 256 << 10;
/// Slices in one gathered write; systems take at least 1024.
const MAX_SLICES: usize = 512;

/// Gathers headers and payloads and writes them with few system calls.
#[derive(Debug)]
pub struct Gather<W> {
    out: W,
    /// Headers and short payloads, back to back.
    buffer: Vec<u8>,
    /// Long payloads, each with its place in `buffer`.
    long: Vec<(usize, Bytes)>,
    held: usize,
}

impl<W: Write> Gather<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, buffer: Vec::with_capacity(GATHER / 4), long: Vec::new(), held: 0 }
    }

    fn write_out(&mut self) -> io::Result<()> {
        let mut slices = Vec::with_capacity(2 * self.long.len() + 1);
        let mut from = 0;
        for (at, data) in &self.long {
            slices.push(IoSlice::new(&self.buffer[from..*at]));
            slices.push(IoSlice::new(data));
            from = *at;
        }
        slices.push(IoSlice::new(&self.buffer[from..]));
        write_all(&mut self.out, &mut slices)?;
        self.buffer.clear();
        self.long.clear();
        self.held = 0;
        Ok(())
    }
}

/// Writes every slice, going on after short and interrupted writes.
fn write_all(out: &mut impl Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let n = slices.len().min(MAX_SLICES);
        match out.write_vectored(&slices[..n]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

impl<W: Write> RecordSink for Gather<W> {
    fn record(&mut self, header: &[u8; RECORD_SIZE], payload: &Payload) -> io::Result<()> {
        self.buffer.extend_from_slice(header);
        if payload.data.len() < COPY_BELOW {
            self.buffer.extend_from_slice(&payload.data);
        } else {
            self.long.push((self.buffer.len(), payload.data.clone()));
        }
        self.held += RECORD_SIZE + payload.data.len();
        if self.held >= GATHER { self.write_out() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most seven bytes a call, and is interrupted now and then.
    struct Slow(Vec<u8>, usize);

    impl Write for Slow {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(5) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = buf.len().min(7);
            self.0.extend_from_slice(&buf[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_writes_change_no_byte() {
        let mut want = Vec::new();
        let mut slow = Slow(Vec::new(), 0);
        let mut gather = Gather::new(&mut slow);
        for (i, len) in [0usize, 8, 5000, 0, 4096, 64].into_iter().enumerate() {
            let header = [u8::try_from(i).unwrap(); RECORD_SIZE];
            let data = vec![0xa0 + u8::try_from(i).unwrap(); len];
            want.extend_from_slice(&header);
            want.extend_from_slice(&data);
            gather.record(&header, &Payload::new(data.into())).unwrap();
        }
        gather.flush().unwrap();
        assert_eq!(slow.0, want);
    }
}
