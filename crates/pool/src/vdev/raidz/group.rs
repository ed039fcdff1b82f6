//! The children of a raidz or draid, and reading a column from one of them.

use super::super::copies::{Copies, Side, SideOrigin};
use super::super::draid::map::Layout;
use super::super::trust::{Trust, Want};
use super::map::{Col, Map};
use crate::error::{Attempt, Cause, DeviceFailure, Lack};
use std::borrow::Cow;
use zsend_ondisk::label::DATA_START;

/// The distributed spares that were passed on the way to a device. One may lead to a child that is
/// another one itself, but none twice: each in use replaces a device.
type Passed = Vec<u64>;

/// A device that gave a column and is not trusted with it, the offset to name, and why.
pub(super) type Doubtful = (String, u64, Lack);

/// For each child the side to read first, or `None` to do without that child.
pub(super) type Choice = [Option<usize>];

/// Bytes of a child, counted as in [`Col::pos`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) pos: u64,
    pub(super) len: usize,
}

impl From<&Col> for Span {
    fn from(col: &Col) -> Self {
        Self { pos: col.pos, len: col.len }
    }
}

/// The children, in order.
#[derive(Debug)]
pub(in crate::vdev) struct Group {
    children: Vec<Copies>,
    /// Layout of the distributed spares; of a draid only.
    spares: Option<Layout>,
    /// The first side of each child that is a device and has most blocks.
    first: Vec<Option<usize>>,
    /// True if every child that is there has all blocks, so that the choice is the same for all.
    is_whole: bool,
}

impl Group {
    pub(in crate::vdev) fn new(children: Vec<Copies>, spares: Option<Layout>) -> Self {
        let first = children.iter().map(|c| c.first_device().map(|_| 0)).collect();
        let is_whole = children.iter().all(|c| c.is_whole() || c.present() == 0);
        Self { children, spares, first, is_whole }
    }

    /// The children, in order.
    pub(in crate::vdev) fn children(&self) -> &[Copies] {
        &self.children
    }

    /// The first side of each child, where that is a device and has most blocks: what is read where
    /// the blocks are not known yet.
    pub(super) fn first(&self) -> &Choice {
        &self.first
    }

    /// Returns true if every child that is there has all blocks.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// For each child of a block the most trusted side, or `None` for one that is missing or is not
    /// trusted enough: it is better computed from the others, since a block without checksum cannot
    /// tell.
    ///
    /// Source: `vdev_raidz_io_start_read_row()` and `vdev_draid_io_start_read()`, OpenZFS
    /// `module/zfs`, zfs-2.3.2.
    pub(super) fn choice(&self, map: &Map, want: Want) -> Cow<'_, Choice> {
        if self.is_whole {
            return Cow::Borrowed(&self.first);
        }
        let mut choice = vec![None; self.children.len()];
        let mut is_known = vec![false; self.children.len()];
        for col in &map.cols {
            if let Some(is_known) = is_known.get_mut(col.child)
                && !std::mem::replace(is_known, true)
            {
                choice[col.child] = self.sides(map, col.child, want).first().map(|(_, s)| *s);
            }
        }
        Cow::Owned(choice)
    }

    /// The sides of a child that can be read and are trusted enough with all that a block has there,
    /// the most trusted first.
    pub(super) fn sides(&self, map: &Map, child: usize, want: Want) -> Vec<(Trust, usize)> {
        let Some(copies) = self.children.get(child) else { return Vec::new() };
        let trust = |(i, side): (usize, &Side)| {
            let trust = match &side.origin {
                SideOrigin::Missing => return None,
                SideOrigin::Device(_) => side.record.trust(want),
                SideOrigin::Spare(_) => map
                    .cols
                    .iter()
                    .filter(|col| col.child == child && col.len > 0)
                    .map(|col| self.side_trust(side, col.into(), want, &mut Passed::new()))
                    .try_fold(Trust::Fit, |worst, one| Some(worst.max(one?)))?,
            };
            (trust <= want.limit).then_some((trust, i))
        };
        let mut sides: Vec<_> = copies.sides().iter().enumerate().filter_map(trust).collect();
        sides.sort_unstable();
        sides
    }

    /// Trust in a side for some bytes of its child; `None` if it cannot be read there.
    /// A distributed spare is no better than the child that it leads to.
    ///
    /// Source: `vdev_draid_missing()`, OpenZFS `module/zfs/vdev_draid.c`, zfs-2.3.2.
    fn side_trust(
        &self,
        side: &Side,
        span: Span,
        want: Want,
        passed: &mut Passed,
    ) -> Option<Trust> {
        let own = side.record.trust(want);
        match &side.origin {
            SideOrigin::Device(_) => Some(own),
            SideOrigin::Missing => None,
            SideOrigin::Spare(number) => {
                let sides = self.behind(*number, span, passed)?.sides().iter();
                let best = sides.filter_map(|s| self.side_trust(s, span, want, passed)).min()?;
                Some(own.max(best))
            }
        }
    }

    /// The child that holds some bytes of a distributed spare that was not passed yet.
    fn behind(&self, number: u64, span: Span, passed: &mut Passed) -> Option<&Copies> {
        if passed.contains(&number) {
            return None;
        }
        passed.push(number);
        let layout = self.spares.as_ref()?;
        let child = layout.spare(number, span.pos.checked_sub(DATA_START)?, span.len)?;
        self.children.get(child)
    }

    /// The sides of a child that can be read somewhere and are trusted enough, the most trusted first.
    fn trusted<'a>(
        &self,
        copies: &'a Copies,
        span: Span,
        want: Want,
        passed: &Passed,
    ) -> Vec<(Trust, &'a Side)> {
        let trust = |s: &'a Side| Some((self.side_trust(s, span, want, &mut passed.clone())?, s));
        let mut sides: Vec<_> = copies.sides().iter().filter_map(trust).collect();
        sides.retain(|(trust, _)| *trust <= want.limit);
        sides.sort_by_key(|(trust, _)| *trust);
        sides
    }

    /// Device and offset by which errors name this place of a child.
    pub(super) fn place(&self, child: usize, side: usize, pos: u64) -> (String, u64) {
        match self.children.get(child).and_then(|c| c.sides().get(side)) {
            Some(side) => (side.name.clone(), side.absolute(pos)),
            None => (format!("child {child}"), pos),
        }
    }

    /// Fills `buf` from `pos` of a child's side, counted as in [`Col::pos`]. Of the children that a
    /// distributed spare leads to only sides that are trusted enough are read. Returns the devices that
    /// gave the bytes and are not trusted with them: each with the offset to name, and why.
    pub(super) fn read(
        &self,
        child: usize,
        side: usize,
        pos: u64,
        buf: &mut [u8],
        want: Want,
    ) -> Result<Vec<Doubtful>, Attempt> {
        match self.children.get(child).and_then(|c| c.sides().get(side)) {
            Some(side) => self.read_side(side, pos, buf, want, &mut Passed::new()),
            None => {
                let (device, offset) = self.place(child, side, pos);
                Err(Attempt { device, offset, cause: Cause::Missing })
            }
        }
    }

    fn read_side(
        &self,
        side: &Side,
        pos: u64,
        buf: &mut [u8],
        want: Want,
        passed: &mut Passed,
    ) -> Result<Vec<Doubtful>, Attempt> {
        let named = || (side.name.clone(), side.absolute(pos));
        let failure = |cause: Cause| {
            let (device, offset) = named();
            Err(Attempt { device, offset, cause })
        };
        let own = || {
            if side.record.trust(want) == Trust::Fit {
                return Vec::new();
            }
            let (device, offset) = named();
            vec![(device, offset, side.record.why(want))]
        };
        match &side.origin {
            SideOrigin::Device(device) => match device.read_at(buf, pos) {
                Ok(()) => Ok(own()),
                Err(e) => failure(DeviceFailure::from(e).into()),
            },
            SideOrigin::Missing => failure(Cause::Missing),
            SideOrigin::Spare(number) => {
                let span = Span { pos, len: buf.len() };
                let Some(target) = self.behind(*number, span, passed) else {
                    return failure(Cause::NothingBehind);
                };
                let mut last = None;
                for (_, side) in self.trusted(target, span, want, passed) {
                    match self.read_side(side, pos, buf, want, passed) {
                        Ok(doubts) => return Ok(own().into_iter().chain(doubts).collect()),
                        Err(e) => last = last.or(Some(e)),
                    }
                }
                last.map_or_else(|| failure(Cause::Missing), Err)
            }
        }
    }
}
