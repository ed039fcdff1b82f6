//! The vdev tree: from a DVA to candidate bytes, using whatever redundancy there is.
//!
//! A read carries a check, and each vdev offers it one candidate after another (the sides of a
//! mirror, the reconstructions of a raidz) until one passes. So redundancy composes: a mirror of
//! anything, or a removed device over anything, needs to know nothing of what lies below.

mod build;
mod copies;
pub(crate) mod draid;
mod health;
pub(crate) mod indirect;
pub(crate) mod raidz;
mod request;
mod split;
#[cfg(test)]
mod tests;
mod trust;

pub use build::{KnownDevices, Leaves, Member};
pub use request::{Check, Request};
pub use trust::{Dtl, Dtls, Trust, Want};

use crate::blkptr::Dva;
use crate::buffer::{self, Buffer};
use crate::cancel::CancelToken;
use crate::device::Device;
use crate::error::{Cause, VdevError};
use bytes::Bytes;
use copies::Copies;
use draid::Draid;
use indirect::Indirect;
use raidz::Raidz;
pub(crate) use raidz::Rows;

/// A top-level vdev.
#[derive(Debug)]
pub struct Vdev {
    /// The vdev's guid.
    pub guid: u64,
    /// log2 of the sector size.
    pub ashift: u32,
    /// Name for messages: the path at the time of writing, or the kind and number.
    pub name: String,
    kind: VdevKind,
}

#[derive(Debug)]
enum VdevKind {
    /// Every device has everything: a disk, mirror, replacing, spare.
    Copies(Copies),
    /// Data and parity over all children.
    Raidz(Raidz),
    /// Data, parity and spares over all children, permuted.
    Draid(Box<Draid>),
    /// A removed device, whose contents were copied to others.
    Indirect(Indirect),
    /// A hole that a removed log left.
    Hole,
    /// No label names it.
    Missing,
    /// A layout that this build does not read.
    Unsupported(VdevError),
}

impl Vdev {
    /// The layout, if it is one that this build does not read.
    fn unsupported(&self) -> Option<&VdevError> {
        match &self.kind {
            VdevKind::Unsupported(why) => Some(why),
            VdevKind::Copies(_)
            | VdevKind::Raidz(_)
            | VdevKind::Draid(_)
            | VdevKind::Indirect(_)
            | VdevKind::Hole
            | VdevKind::Missing => None,
        }
    }
}

/// The pool's top-level vdevs, by the number that DVAs use.
#[derive(Debug, Default)]
pub struct VdevTree {
    tops: Vec<Vdev>,
}

impl VdevTree {
    /// Reads a copy of a block: the first candidate of `size` bytes that passes the request's
    /// check.
    pub fn read(&self, dva: Dva, size: usize, request: &mut Request<'_>) -> Option<Bytes> {
        self.read_buffer(dva, size, request).map(buffer::freeze)
    }

    /// As [`Self::read`], of what the caller may change.
    pub(crate) fn read_buffer(
        &self,
        dva: Dva,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        self.read_at(dva.vdev(), dva.offset(), size, request)
    }

    /// Reads from an offset of a top-level vdev's data.
    fn read_at(
        &self,
        vdev: u64,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let Some(top) = self.top(vdev) else {
            let cause = Cause::NoVdev { count: self.tops.len() };
            request.failed(self.name(vdev), offset, cause);
            return None;
        };
        match &top.kind {
            VdevKind::Copies(copies) => copies.read(offset, size, request),
            VdevKind::Raidz(raidz) => raidz.read(&top.name, offset, size, request),
            VdevKind::Draid(draid) => draid.read(&top.name, offset, size, request),
            VdevKind::Indirect(_) => self.read_indirect(vdev, offset, size, request),
            VdevKind::Hole => {
                request.failed(&top.name, offset, Cause::RemovedLog);
                None
            }
            VdevKind::Missing => {
                request.failed(&top.name, offset, Cause::MissingTop);
                None
            }
            VdevKind::Unsupported(why) => {
                request.failed(&top.name, offset, Cause::Layout(why.clone()));
                None
            }
        }
    }

    fn top(&self, vdev: u64) -> Option<&Vdev> {
        self.tops.get(usize::try_from(vdev).ok()?)
    }

    /// The name that messages give a top-level vdev.
    fn name(&self, vdev: u64) -> String {
        self.top(vdev).map_or_else(|| format!("vdev {vdev}"), |top| top.name.clone())
    }

    /// The device that is read first at any offset of a top-level vdev, where offsets of the vdev
    /// are offsets of its devices and that device has most blocks: see [`Self::plain_device_has`].
    pub(crate) fn plain_device(&self, vdev: u64) -> Option<&Device> {
        self.copies(vdev)?.first_device()
    }

    /// Returns true if the device that is read first can be trusted with a block.
    pub(crate) fn plain_device_has(&self, vdev: u64, want: Want) -> bool {
        self.copies(vdev).is_some_and(|copies| copies.first_has(want))
    }

    /// The sides that a top-level vdev has.
    fn copies(&self, vdev: u64) -> Option<&Copies> {
        match &self.top(vdev)?.kind {
            VdevKind::Copies(copies) => Some(copies),
            VdevKind::Raidz(_)
            | VdevKind::Draid(_)
            | VdevKind::Indirect(_)
            | VdevKind::Hole
            | VdevKind::Missing
            | VdevKind::Unsupported(_) => None,
        }
    }

    /// The raidz that a top-level vdev is: neighbouring offsets are neighbouring sectors of several
    /// children.
    fn raidz(&self, vdev: u64) -> Option<(&Raidz, &str)> {
        let top = self.top(vdev)?;
        match &top.kind {
            VdevKind::Raidz(raidz) => Some((raidz, &top.name)),
            VdevKind::Copies(_)
            | VdevKind::Draid(_)
            | VdevKind::Indirect(_)
            | VdevKind::Hole
            | VdevKind::Missing
            | VdevKind::Unsupported(_) => None,
        }
    }

    /// Bytes of its top-level vdev that a copy of a block takes, of those that lie between it and its
    /// neighbour: all that is allocated where parity lies there too, else the block's own.
    pub(crate) fn span(&self, dva: Dva, size: u64) -> u64 {
        if self.raidz(dva.vdev()).is_some() { dva.asize().max(size) } else { size }
    }

    /// Reads all that lies between two offsets of a raidz, on every child at once. The caller bounds
    /// `len`.
    pub(crate) fn read_rows(
        &self,
        vdev: u64,
        offset: u64,
        len: usize,
        cancel: &CancelToken,
    ) -> Option<Rows> {
        self.raidz(vdev)?.0.read_rows(offset, len, cancel)
    }

    /// Takes a block from rows that were read: the one candidate of `size` bytes, if it passes the
    /// request's check.
    pub(crate) fn read_from(
        &self,
        rows: &Rows,
        dva: Dva,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let (raidz, name) = self.raidz(dva.vdev())?;
        raidz.read_from(rows, name, dva.offset(), size, request)
    }

    /// Data bytes of the smallest allocation on a top-level vdev: what a gang header may fill.
    ///
    /// Source: `vdev_gang_header_psize()`, OpenZFS `include/sys/vdev.h`, zfs-2.4.0.
    pub(crate) fn min_alloc(&self, vdev: u64) -> Option<usize> {
        let top = self.top(vdev)?;
        match &top.kind {
            VdevKind::Draid(draid) => Some(draid.min_alloc()),
            VdevKind::Copies(_)
            | VdevKind::Raidz(_)
            | VdevKind::Indirect(_)
            | VdevKind::Hole
            | VdevKind::Missing
            | VdevKind::Unsupported(_) => 1_usize.checked_shl(top.ashift),
        }
    }

    /// The top-level vdevs, in the order of their numbers.
    pub fn tops(&self) -> &[Vdev] {
        &self.tops
    }

    /// A layout in the tree that this build does not read.
    pub fn unsupported(&self) -> Option<&VdevError> {
        self.tops.iter().find_map(Vdev::unsupported)
    }
}
