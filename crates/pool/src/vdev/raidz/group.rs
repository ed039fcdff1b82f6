//! The children of a raidz or draid, and reading a column from one of them.

use super::super::copies::{Copies, MISSING_DEVICE, Source};
use super::super::draid::Layout;
use crate::label::DATA_START;

/// How often a distributed spare may lead to a child that is a distributed spare itself. Each one
/// in use replaces a device, so a chain is at most as long as there are spares.
const MAX_SPARE_DEPTH: usize = 16;

/// Why a column could not be read, and where.
pub(super) struct Failure {
    pub(super) device: String,
    pub(super) offset: u64,
    pub(super) why: String,
}

/// The children, in order.
#[derive(Debug)]
pub(in crate::vdev) struct Group {
    children: Vec<Copies>,
    /// Where the blocks of distributed spares lie; of a draid only.
    spares: Option<Layout>,
    /// Which side of each child is read first: see [`Self::preferred`].
    preferred: Vec<Option<usize>>,
}

impl Group {
    pub(in crate::vdev) fn new(children: Vec<Copies>, spares: Option<Layout>) -> Self {
        let preferred = children.iter().map(|c| c.is_healthy().then_some(0)).collect();
        Self { children, spares, preferred }
    }

    /// The children, in order.
    pub(super) fn children(&self) -> &[Copies] {
        &self.children
    }

    /// For each child the side to read first, or `None` for one that is missing or may be out of
    /// date: it is better computed from the others, since a block without checksum cannot tell.
    pub(super) fn preferred(&self) -> &[Option<usize>] {
        &self.preferred
    }

    /// How many children cannot be read at all.
    pub(in crate::vdev) fn missing(&self) -> usize {
        self.children.iter().filter(|c| c.present() == 0).count()
    }

    /// How errors name this place of a child.
    pub(super) fn place(&self, child: usize, side: usize, pos: u64) -> (String, u64) {
        match self.children.get(child).and_then(|c| c.sides().get(side)) {
            Some(side) => (side.name.clone(), side.absolute(pos)),
            None => (format!("child {child}"), pos),
        }
    }

    /// Fills `buf` from `pos` of a child's side, counted as in [`super::map::Col::pos`].
    pub(super) fn read(
        &self,
        child: usize,
        side: usize,
        pos: u64,
        buf: &mut [u8],
    ) -> Result<(), Failure> {
        self.read_at_depth(child, side, pos, buf, MAX_SPARE_DEPTH)
    }

    fn read_at_depth(
        &self,
        child: usize,
        side: usize,
        pos: u64,
        buf: &mut [u8],
        depth: usize,
    ) -> Result<(), Failure> {
        let failure = |why: String| {
            let (device, offset) = self.place(child, side, pos);
            Err(Failure { device, offset, why })
        };
        let Some(found) = self.children.get(child).and_then(|c| c.sides().get(side)) else {
            return failure(MISSING_DEVICE.to_owned());
        };
        match &found.source {
            Source::Device(device) => match device.read_at(buf, pos) {
                Ok(()) => Ok(()),
                Err(e) => failure(e.to_string()),
            },
            Source::Missing => failure(MISSING_DEVICE.to_owned()),
            Source::Spare(number) => {
                let target = self.spares.as_ref().and_then(|layout| {
                    layout.spare(*number, pos.checked_sub(DATA_START)?, buf.len())
                });
                let Some(target) = target.filter(|_| depth > 0) else {
                    return failure("no device is behind this part of the spare".to_owned());
                };
                let mut last = None;
                for side in 0..self.children.get(target).map_or(0, |c| c.sides().len()) {
                    match self.read_at_depth(target, side, pos, buf, depth - 1) {
                        Ok(()) => return Ok(()),
                        Err(e) => last = last.or(Some(e)),
                    }
                }
                last.map_or_else(|| failure(MISSING_DEVICE.to_owned()), Err)
            }
        }
    }
}
