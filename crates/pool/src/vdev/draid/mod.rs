//! dRAID: groups of raidz columns spread over all children by fixed permutations, with spare space
//! on each of them.

pub(super) mod map;
mod permutation;
mod seeds;

use super::copies::Copies;
use super::raidz::group::Group;
use super::raidz::map::Map;
use super::raidz::reconstruct::Block;
use super::request::Request;
use crate::buffer::Buffer;
use crate::config::VdevConfig;
use crate::error::{Cause, ShapeError};
use map::Layout;

/// A dRAID.
#[derive(Debug)]
pub(crate) struct Draid {
    group: Group,
    layout: Layout,
}

impl Draid {
    /// From the configuration and the children that it names; says what no dRAID can be.
    pub(super) fn new(config: &VdevConfig, children: Vec<Copies>) -> Result<Self, ShapeError> {
        let layout = Layout::new(config)?;
        Ok(Self { group: Group::new(children, Some(layout.clone())), layout })
    }

    /// The children, in order.
    pub(super) fn children(&self) -> &[Copies] {
        self.group.children()
    }

    /// Children that parity can stand for. A group may be lucky and have none of those that are missing.
    pub(super) const fn nparity(&self) -> usize {
        self.layout.nparity()
    }

    /// Data bytes of the smallest allocation.
    pub(super) const fn min_alloc(&self) -> usize {
        self.layout.min_alloc()
    }

    /// Map of a block.
    pub(super) fn map(&self, offset: u64, size: usize) -> Option<Map> {
        self.layout.map(offset, size)
    }

    /// The child that holds a sector of a distributed spare.
    #[cfg(test)]
    pub(super) fn spare(&self, number: u64, offset: u64) -> Option<usize> {
        self.layout.spare(number, offset, 512)
    }

    /// Reads a block.
    pub(super) fn read(
        &self,
        name: &str,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let Some(map) = self.map(offset, size) else {
            request.failed(name, offset, Cause::NoRoom { size });
            return None;
        };
        let former = Vec::new();
        Block { group: &self.group, map: &map, size, former, name, offset }.read(request)
    }
}
