//! A place in a packed nvlist, from which bounded reads go on.

use super::NvError;
use core::cell::Cell;

/// Reads on from `pos`, in the byte order of the list.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    pub(super) data: &'a [u8],
    pub(super) pos: usize,
    /// Integers are big-endian.
    pub(super) big: bool,
    /// A byte was read that a writer of XDR had extended with its sign.
    pub(super) signed: bool,
    /// Bytes of memory that the list may still take; all cursors of a list share it.
    memory: &'a Cell<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(data: &'a [u8], big: bool, memory: &'a Cell<usize>) -> Self {
        Self { data, pos: 0, big, signed: false, memory }
    }

    /// Takes memory for `count` elements of `each` bytes, before it is allocated.
    pub(super) fn charge(&self, count: usize, each: usize) -> Result<(), NvError> {
        let left = count.checked_mul(each).and_then(|bytes| self.memory.get().checked_sub(bytes));
        self.memory.set(left.ok_or(NvError::TooLarge { offset: self.pos })?);
        Ok(())
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.data.len().saturating_sub(self.pos)
    }

    /// The next `len` bytes.
    pub(super) fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], NvError> {
        let slice = self.pos.checked_add(len).and_then(|end| self.data.get(self.pos..end));
        match slice {
            Some(slice) => {
                self.pos += len;
                Ok(slice)
            }
            None => Err(NvError::Truncated {
                offset: self.pos,
                what,
                need: len as u64,
                have: self.left() as u64,
            }),
        }
    }

    /// The next `N` bytes, as an integer's bytes in big-endian order.
    pub(super) fn int<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], NvError> {
        let offset = self.pos;
        let mut word: [u8; N] = self
            .bytes(N, what)?
            .try_into()
            .map_err(|_| NvError::Truncated { offset, what, need: N as u64, have: 0 })?;
        if !self.big {
            word.reverse();
        }
        Ok(word)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, NvError> {
        self.int(what).map(u32::from_be_bytes)
    }

    /// A size, count or length: a C `int` that cannot be negative.
    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, NvError> {
        let offset = self.pos;
        let found = self.u32(what)?;
        match usize::try_from(found) {
            Ok(count) if found <= i32::MAX as u32 => Ok(count),
            _ => Err(NvError::Invalid {
                offset,
                what,
                found: found.into(),
                expected: "a size below 2^31",
            }),
        }
    }

    /// Checks that `count` elements of at least `each` bytes can still follow, so that memory may
    /// be taken for them.
    pub(super) fn room(
        &self,
        count: usize,
        each: usize,
        what: &'static str,
    ) -> Result<(), NvError> {
        let need = (count as u64).saturating_mul(each as u64);
        if need <= self.left() as u64 {
            return Ok(());
        }
        Err(NvError::Truncated { offset: self.pos, what, need, have: self.left() as u64 })
    }

    /// The two words that open a list: its version, which must be zero, and its flags, which are returned.
    pub(super) fn list_head(&mut self) -> Result<u32, NvError> {
        let offset = self.pos;
        let version = self.u32("nvlist version")?;
        if version != 0 {
            return Err(NvError::Invalid {
                offset,
                what: "nvlist version",
                found: version.into(),
                expected: "0",
            });
        }
        self.u32("nvlist flags")
    }
}
