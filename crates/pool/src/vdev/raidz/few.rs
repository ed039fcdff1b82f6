//! A list of a few columns, without memory of its own.

use super::parity::MAX_PARITY;

/// Indices of columns, no more than there can be parity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Few {
    indices: [usize; MAX_PARITY],
    len: usize,
}

impl Few {
    /// Adds one; returns whether there was room.
    pub(super) fn push(&mut self, index: usize) -> bool {
        let Some(place) = self.indices.get_mut(self.len) else { return false };
        *place = index;
        self.len += 1;
        true
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn as_slice(&self) -> &[usize] {
        &self.indices[..self.len]
    }
}
