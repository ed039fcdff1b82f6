//! Raidz: blocks spread over all children, with one to three columns of parity.

mod expanded;
mod few;
pub(super) mod group;
pub(super) mod map;
mod parity;
pub(super) mod reconstruct;
mod rows;
mod stripe;

use super::copies::Copies;
use super::request::Request;
use crate::buffer::Buffer;
use crate::cancel::CancelToken;
use crate::config::VdevConfig;
use crate::error::{Cause, ShapeError};
use crate::uberblock::Reflow;
use expanded::Widths;
use group::Group;
use map::{Map, Shape};
use reconstruct::Block;
pub(crate) use rows::Rows;

/// A raidz.
#[derive(Debug)]
pub(crate) struct Raidz {
    group: Group,
    /// As wide as the raidz is now.
    shape: Shape,
    widths: Widths,
}

impl Raidz {
    /// From the configuration and the children that it names; says what no raidz can be.
    pub(super) fn new(
        config: &VdevConfig,
        children: Vec<Copies>,
        reflow: Reflow,
    ) -> Result<Self, ShapeError> {
        // Pools of the first versions with raidz do not say that parity is single.
        let shape = Shape::new(config.ashift, config.nparity.max(1), children.len())?;
        let widths = Widths::new(config, reflow)?;
        Ok(Self { group: Group::new(children, None), shape, widths })
    }

    /// The children, in order.
    pub(super) fn children(&self) -> &[Copies] {
        self.group.children()
    }

    /// Children that parity can stand for.
    pub(super) const fn nparity(&self) -> usize {
        self.shape.nparity
    }

    /// Map of a block that was born in a txg.
    pub(super) fn map(&self, offset: u64, size: usize, txg: u64) -> Option<Map> {
        let width = self.widths.logical(txg);
        if width == self.widths.physical() {
            self.shape.classic(offset, size)
        } else {
            self.widths.map(Shape { width, ..self.shape }, offset, size)
        }
    }

    /// Reads a block.
    pub(super) fn read(
        &self,
        name: &str,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let Some(map) = self.map(offset, size, request.want.txg) else {
            request.failed(name, offset, Cause::NoRoom { size });
            return None;
        };
        let former = self.widths.former().collect();
        Block { group: &self.group, map: &map, size, former, name, offset }.read(request)
    }

    /// Reads the rows that `len` bytes from an offset lie in.
    pub(super) fn read_rows(&self, offset: u64, len: usize, cancel: &CancelToken) -> Option<Rows> {
        Rows::read(&self.group, self.shape, offset, len, cancel)
    }

    /// Takes a block from rows that were read, if it is whole there but for children that are missing.
    pub(super) fn read_from(
        &self,
        rows: &Rows,
        name: &str,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let map = self.map(offset, size, request.want.txg)?;
        let former = Vec::new();
        Block { group: &self.group, map: &map, size, former, name, offset }.take_from(rows, request)
    }
}
