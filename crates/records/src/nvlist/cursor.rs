//! A place in a packed nvlist, from which bounded reads go on.

use super::visit::{NvElement, NvVisitor, STRETCH};
use super::{NvError, NvSource};
use alloc::string::String;

/// Reads on from `pos`, in the byte order of the list, up to `end`.
pub(super) struct Cursor<'a, S> {
    source: &'a mut S,
    pub(super) pos: usize,
    end: usize,
    /// Integers are big-endian.
    pub(super) big: bool,
    /// A byte was read that a writer of XDR had extended with its sign.
    pub(super) signed: bool,
    /// Memory of the name of the pair that is being read.
    pub(super) name: String,
}

impl<'a, S: NvSource> Cursor<'a, S> {
    pub(super) fn new(source: &'a mut S, big: bool) -> Self {
        let end = source.size();
        Self { source, pos: 0, end, big, signed: false, name: String::new() }
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.end.saturating_sub(self.pos)
    }

    /// Ends what can be read behind a pair of `size` bytes from `start`; returns the former end.
    pub(super) fn enter_pair(&mut self, start: usize, size: usize) -> Result<usize, NvError> {
        let read = core::mem::replace(&mut self.pos, start);
        self.room(size, 1, "pair")?;
        self.pos = read;
        Ok(core::mem::replace(&mut self.end, start + size))
    }

    /// Goes back to the end that [`Self::enter_pair`] returned.
    pub(super) fn leave_pair(&mut self, end: usize) {
        self.end = end;
    }

    /// The next `len` bytes, no more than [`STRETCH`].
    pub(super) fn bytes(&mut self, len: usize, what: &'static str) -> Result<&[u8], NvError> {
        self.room(len, 1, what)?;
        let bytes = self.source.stretch(self.pos, len)?;
        self.pos += len;
        Ok(bytes)
    }

    /// Passes over the next `len` bytes.
    pub(super) fn skip(&mut self, len: usize, what: &'static str) -> Result<(), NvError> {
        self.room(len, 1, what)?;
        self.pos += len;
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], NvError> {
        let offset = self.pos;
        let short = NvError::Truncated { offset, what, need: N as u64, have: 0 };
        self.bytes(N, what)?.try_into().map_err(|_| short)
    }

    /// The next `N` bytes, as an integer's bytes in big-endian order.
    pub(super) fn int<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], NvError> {
        let mut word: [u8; N] = self.array(what)?;
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

    /// Checks that `count` elements of at least `each` bytes can still follow.
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

    /// Tells a visitor the next `len` bytes, of an array of them.
    pub(super) fn tell_bytes<V: NvVisitor>(
        &mut self,
        mut len: usize,
        what: &'static str,
        visitor: &mut V,
    ) -> Result<(), V::Error> {
        self.room(len, 1, what)?;
        while len > 0 {
            let some = len.min(STRETCH);
            let offset = self.pos + some;
            visitor.element(NvElement::Bytes(self.bytes(some, what)?), offset)?;
            len -= some;
        }
        Ok(())
    }

    /// Tells a visitor the `count` elements of an array, each of which `one` reads.
    pub(super) fn tell_each<V: NvVisitor>(
        &mut self,
        count: usize,
        visitor: &mut V,
        one: impl Fn(&mut Self) -> Result<NvElement<'static>, NvError>,
    ) -> Result<(), V::Error> {
        (0..count).try_for_each(|_| {
            let element = one(self)?;
            visitor.element(element, self.pos)
        })
    }
}
