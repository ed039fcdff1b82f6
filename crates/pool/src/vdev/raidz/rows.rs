//! Neighbouring rows of a raidz, read at once: one read of each child for many blocks.

use super::group::{Choice, Group};
use super::map::{Map, Shape};
use crate::buffer;
use crate::cancel::CancelToken;
use crate::vdev::trust::Want;
use bytes::Bytes;
use std::sync::Arc;
use zsend_ondisk::label::DATA_START;

/// The same bytes of the first side of every child, as far as they could be read. Nothing in them was
/// verified.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// First byte on each child.
    pos: u64,
    children: Arc<[Option<Bytes>]>,
}

impl Rows {
    /// Reads the rows that `len` bytes from `offset` of the raidz lie in, from the first side of each
    /// child. The caller bounds `len`. `None` if the rows hold much more than that, as those of a
    /// small block alone do: its own columns are fewer reads.
    ///
    /// Whatever the width of a block's own rows, its sectors lie one after another over all children.
    ///
    /// Once the token is cancelled, no other child is read.
    pub(super) fn read(
        group: &Group,
        shape: Shape,
        offset: u64,
        len: usize,
        cancel: &CancelToken,
    ) -> Option<Self> {
        let row = (shape.width as u64) << shape.ashift;
        let (first, end) = (offset / row, offset.checked_add(len as u64)?.div_ceil(row));
        if (end - first).checked_mul(row)? > len as u64 + len as u64 / 2 {
            return None;
        }
        let pos = (first << shape.ashift).checked_add(DATA_START)?;
        let len = usize::try_from((end - first) << shape.ashift).ok()?;
        let read = |(child, side): (usize, &Option<usize>)| {
            let side = (*side).filter(|_| !cancel.is_cancelled())?;
            let mut bytes = buffer::take_at_least(len);
            // Which blocks these are, and so which of them the child lacks, shows when they are taken.
            let read = group.read(child, side, pos, &mut bytes[..len], Want::written_in(0));
            let bytes = buffer::freeze(bytes).slice(..len);
            read.is_ok().then_some(bytes)
        };
        let children = group.first().iter().enumerate().map(read).collect();
        Some(Self { pos, children })
    }

    /// Bytes of the first side of a child, counted as in [`super::map::Col::pos`].
    pub(super) fn get(&self, child: usize, pos: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(pos.checked_sub(self.pos)?).ok()?;
        self.children.get(child)?.as_ref()?.get(from..from.checked_add(len)?)
    }

    /// Returns true if all of a block is here but what lies on children that it is not to be read from.
    pub(super) fn hold(&self, map: &Map, choice: &Choice, first: &Choice) -> bool {
        map.cols.iter().all(|col| {
            let side = choice.get(col.child).copied().flatten();
            let is_first = || side == first.get(col.child).copied().flatten();
            side.is_none() || (is_first() && self.get(col.child, col.pos, col.len).is_some())
        })
    }
}
