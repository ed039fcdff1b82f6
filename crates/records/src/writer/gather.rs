//! Gathered writes: headers and short payloads are copied together, long ones are written from where
//! they lie, all with few system calls.

use alloc::vec::Vec;
use bytes::Bytes;
use std::io::{self, IoSlice, Write};

/// A payload at least this long is written from where it is; a shorter one is copied, since another
/// slice costs the kernel more than the copy.
const COPY_BELOW: usize = 4 << 10;
/// Bytes gathered before they are written.
const GATHER: usize = 256 << 10;
/// Slices in one gathered write; systems take at least 1024.
const MAX_SLICES: usize = 512;

/// Bytes on their way to a destination.
#[derive(Debug)]
pub(super) struct Gather<W> {
    out: W,
    /// Headers and short payloads, back to back.
    buffer: Vec<u8>,
    /// Long payloads, each with its place in `buffer`.
    long: Vec<(usize, Bytes)>,
    /// Bytes in both.
    held: usize,
    /// Those of them that a write took before it failed: the next one goes on after them.
    gone: usize,
    /// Bytes that the destination took, of those before this began too.
    written: u64,
}

impl<W: Write> Gather<W> {
    pub(super) fn new(out: W) -> Self {
        Self::behind(out, 0)
    }

    /// As [`Self::new`], to a destination that has taken `written` bytes.
    pub(super) fn behind(out: W, written: u64) -> Self {
        let buffer = Vec::with_capacity(GATHER / 4);
        Self { out, buffer, long: Vec::new(), held: 0, gone: 0, written }
    }

    /// Bytes that the destination took.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// The destination. What is held is lost.
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Adds bytes that a payload follows.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.held += bytes.len();
    }

    /// Adds a payload, and writes what is held if it is enough.
    pub(super) fn payload(&mut self, data: &Bytes) -> io::Result<()> {
        if data.len() < COPY_BELOW {
            self.copy(data);
        } else {
            self.long.push((self.buffer.len(), data.clone()));
            self.held += data.len();
        }
        self.settle()
    }

    /// As [`Self::payload`], of bytes that are the caller's.
    pub(super) fn slice(&mut self, data: &[u8]) -> io::Result<()> {
        if data.len() < COPY_BELOW {
            self.copy(data);
            self.settle()
        } else {
            self.payload(&Bytes::copy_from_slice(data))
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        if self.held >= GATHER { self.write_out() } else { Ok(()) }
    }

    /// Writes what is held. After an error it can be called again and goes on where that one ended.
    pub(super) fn write_out(&mut self) -> io::Result<()> {
        let mut slices = Vec::with_capacity(2 * self.long.len() + 1);
        let mut from = 0;
        for (at, data) in &self.long {
            slices.push(IoSlice::new(&self.buffer[from..*at]));
            slices.push(IoSlice::new(data));
            from = *at;
        }
        slices.push(IoSlice::new(&self.buffer[from..]));
        let mut slices = &mut slices[..];
        IoSlice::advance_slices(&mut slices, self.gone);
        let before = self.gone;
        let done = write_all(&mut self.out, slices, &mut self.gone);
        self.written += (self.gone - before) as u64;
        done?;
        self.buffer.clear();
        self.long.clear();
        (self.held, self.gone) = (0, 0);
        Ok(())
    }

    /// Writes what is held, and flushes the destination.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.out.flush()
    }
}

/// Writes every slice, going on after short and interrupted writes; `gone` grows by what was written.
fn write_all(
    out: &mut impl Write,
    mut slices: &mut [IoSlice<'_>],
    gone: &mut usize,
) -> io::Result<()> {
    // Empty ones at the front are no end of the output.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let n = slices.len().min(MAX_SLICES);
        match out.write_vectored(&slices[..n]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                *gone += written;
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    /// Takes what the plan says at each call: a number of bytes, none because it was interrupted, or
    /// none because it failed.
    struct Slow {
        taken: Vec<u8>,
        plan: Vec<Result<usize, io::ErrorKind>>,
        calls: usize,
    }

    impl Write for Slow {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let step = self.plan[self.calls % self.plan.len()];
            self.calls += 1;
            let n = buf.len().min(step.map_err(io::Error::from)?);
            self.taken.extend_from_slice(&buf[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn step() -> impl Strategy<Value = Result<usize, io::ErrorKind>> {
        prop_oneof![
            6 => (1usize..9000).prop_map(Ok),
            1 => Just(Err(io::ErrorKind::Interrupted)),
            1 => Just(Err(io::ErrorKind::StorageFull)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
        #[test]
        fn what_was_taken_is_a_beginning_whatever_the_destination_does(
            lengths in prop::collection::vec(
                prop_oneof![0usize..64, 4090..4100usize, 100_000..300_000usize], 1..8),
            borrow in any::<u8>(),
            mut plan in prop::collection::vec(step(), 1..12),
        ) {
            plan.push(Ok(700));
            let mut gather = Gather::new(Slow { taken: Vec::new(), plan, calls: 0 });
            let mut want = Vec::new();
            for (i, len) in lengths.into_iter().enumerate() {
                let data = vec![u8::try_from(i).unwrap(); len];
                gather.copy(b"header");
                want.extend_from_slice(b"header");
                want.extend_from_slice(&data);
                let mut done = if borrow >> i & 1 == 1 {
                    gather.slice(&data)
                } else {
                    gather.payload(&data.into())
                };
                while done.is_err() {
                    prop_assert_eq!(gather.written(), gather.out.taken.len() as u64);
                    prop_assert!(want.starts_with(&gather.out.taken));
                    done = gather.write_out();
                }
            }
            while gather.flush().is_err() {}
            prop_assert_eq!(gather.written(), want.len() as u64);
            prop_assert!(gather.into_inner().taken == want);
        }
    }

    #[test]
    fn short_and_interrupted_writes_change_no_byte() {
        let plan = vec![Ok(7), Ok(7), Ok(7), Ok(7), Err(io::ErrorKind::Interrupted)];
        let mut gather = Gather::new(Slow { taken: Vec::new(), plan, calls: 0 });
        let mut want = Vec::new();
        for len in [0usize, 8, 5000, 0, 4096, 64] {
            let data = vec![u8::try_from(len % 251).unwrap(); len];
            want.extend_from_slice(&data);
            gather.payload(&data.into()).unwrap();
        }
        gather.flush().unwrap();
        assert_eq!(gather.into_inner().taken, want);
    }
}
