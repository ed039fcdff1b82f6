//! The vdev tree: from a DVA to candidate bytes, using whatever redundancy there is.
//!
//! A read carries a check, and each vdev offers it one candidate after another (the sides of a
//! mirror, the reconstructions of a raidz) until one passes. So redundancy composes: a mirror of
//! anything, or a removed device over anything, needs to know nothing of what lies below.

mod build;
mod copies;
mod draid;
mod indirect;
mod raidz;
#[cfg(test)]
mod tests;
mod trust;

pub use build::{Known, Leaves, Member};
pub use trust::{Dtl, Dtls, Trust, Want};

use crate::blkptr::Dva;
use crate::device::Device;
use crate::place::Attempt;
use copies::Copies;
pub(crate) use copies::MISSING_DEVICE;
use draid::Draid;
use indirect::Indirect;
pub(crate) use indirect::load as load_indirect;
use raidz::Raidz;
pub(crate) use raidz::Rows;

/// Decides whether candidate bytes are the wanted ones; says what was found if not.
pub type Check<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

/// A read on its way down the tree.
pub struct Request<'a> {
    /// Accepts or refuses candidate bytes.
    pub check: &'a mut Check<'a>,
    /// Where refused and failed candidates are noted.
    pub attempts: &'a mut Vec<Attempt>,
    /// Where it is noted which devices gave bytes that they may not have: each once.
    pub doubts: &'a mut Vec<Attempt>,
    /// Which block is wanted.
    pub want: Want,
}

/// How many attempts at one block are noted: what matters is which devices failed, not how often they
/// were asked. A raidz can ask for the same column many times, and have very many columns.
const MAX_NOTED: usize = 64;

impl Request<'_> {
    /// Notes a candidate that was not accepted.
    pub(crate) fn failed(
        &mut self,
        device: impl Into<String>,
        offset: u64,
        why: impl Into<String>,
        io: bool,
    ) {
        let (device, why) = (device.into(), why.into());
        self.note(Attempt { device, offset, why, io, planned: false });
    }

    /// Notes a device that was not asked, since it is recorded as not having the block.
    pub(crate) fn passed_over(&mut self, device: String, offset: u64, why: String) {
        self.note(Attempt { device, offset, why, io: true, planned: true });
    }

    fn note(&mut self, attempt: Attempt) {
        if self.attempts.len() < MAX_NOTED && !self.attempts.contains(&attempt) {
            self.attempts.push(attempt);
        }
    }

    /// Notes a device that gave bytes which, as far as is recorded, it may not have.
    pub(crate) fn doubted(&mut self, device: String, offset: u64, why: String) {
        let is_noted = self.doubts.iter().any(|doubt| doubt.device == device);
        if !is_noted && self.doubts.len() < MAX_NOTED {
            self.doubts.push(Attempt { device, offset, why, io: false, planned: false });
        }
    }
}

/// A top-level vdev.
#[derive(Debug)]
pub struct Vdev {
    /// The vdev's guid.
    pub guid: u64,
    /// log2 of the sector size.
    pub ashift: u32,
    /// Name for messages: the path at the time of writing, or the kind and number.
    pub name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Every device has everything: a disk, mirror, replacing, spare.
    Copies(Copies),
    /// Data and parity over all children.
    Raidz(Raidz),
    /// Data, parity and spares over all children, permuted.
    Draid(Box<Draid>),
    /// A removed device, whose contents were copied to others.
    Indirect(Indirect),
    /// Nothing can be read: a hole left by a removed log, or a top-level vdev that is missing.
    Absent(&'static str),
    /// A layout that this build does not read.
    Unsupported(String),
}

impl Vdev {
    /// The layout, if it is one that this build does not read.
    fn unsupported(&self) -> Option<&str> {
        match &self.kind {
            Kind::Unsupported(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether some of its data cannot be read for want of devices.
    fn is_missing(&self) -> bool {
        match &self.kind {
            Kind::Copies(copies) => copies.present() == 0,
            Kind::Raidz(raidz) => raidz.is_missing(),
            Kind::Draid(draid) => draid.is_missing(),
            Kind::Indirect(_) => false,
            Kind::Absent(why) => *why == MISSING,
            Kind::Unsupported(_) => true,
        }
    }
}

/// Why a top-level vdev that no label told about cannot be read.
const MISSING: &str = "top-level vdev is missing";

/// The pool's top-level vdevs, by the number that DVAs use.
#[derive(Debug, Default)]
pub struct Tree {
    tops: Vec<Vdev>,
}

impl Tree {
    /// Reads a copy of a block: the first candidate of `size` bytes that passes the request's
    /// check.
    pub fn read(&self, dva: Dva, size: usize, request: &mut Request<'_>) -> Option<Vec<u8>> {
        self.read_at(dva.vdev(), dva.offset(), size, request)
    }

    /// Reads from an offset of a top-level vdev's data.
    fn read_at(
        &self,
        vdev: u64,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Vec<u8>> {
        let Some(top) = self.top(vdev) else {
            let why = format!("the pool has only {} top-level vdevs", self.tops.len());
            request.failed(format!("vdev {vdev}"), offset, why, false);
            return None;
        };
        match &top.kind {
            Kind::Copies(copies) => copies.read(offset, size, request),
            Kind::Raidz(raidz) => raidz.read(&top.name, offset, size, request),
            Kind::Draid(draid) => draid.read(&top.name, offset, size, request),
            Kind::Indirect(_) => self.read_indirect(vdev, offset, size, request),
            Kind::Absent(why) => {
                request.failed(&top.name, offset, *why, true);
                None
            }
            Kind::Unsupported(kind) => {
                request.failed(&top.name, offset, format!("{kind} is not supported"), true);
                None
            }
        }
    }

    fn top(&self, vdev: u64) -> Option<&Vdev> {
        self.tops.get(usize::try_from(vdev).ok()?)
    }

    /// The device that is read first at any offset of a top-level vdev, where offsets of the vdev
    /// are offsets of its devices and that device has most blocks: see [`Self::plain_device_has`].
    pub(crate) fn plain_device(&self, vdev: u64) -> Option<&Device> {
        self.copies(vdev)?.first_device()
    }

    /// Whether the device that is read first can be trusted with a block.
    pub(crate) fn plain_device_has(&self, vdev: u64, want: Want) -> bool {
        self.copies(vdev).is_some_and(|copies| copies.first_has(want))
    }

    /// The sides that a top-level vdev has.
    fn copies(&self, vdev: u64) -> Option<&Copies> {
        match &self.top(vdev)?.kind {
            Kind::Copies(copies) => Some(copies),
            _ => None,
        }
    }

    /// The raidz that a top-level vdev is: neighbouring offsets are neighbouring sectors of several
    /// children.
    fn raidz(&self, vdev: u64) -> Option<(&Raidz, &str)> {
        let top = self.top(vdev)?;
        match &top.kind {
            Kind::Raidz(raidz) => Some((raidz, &top.name)),
            _ => None,
        }
    }

    /// Bytes of its top-level vdev that a copy of a block takes, of those that lie between it and its
    /// neighbour: all that is allocated where parity lies there too, else the block's own.
    pub(crate) fn span(&self, dva: Dva, size: u64) -> u64 {
        if self.raidz(dva.vdev()).is_some() { dva.asize().max(size) } else { size }
    }

    /// Reads all that lies between two offsets of a raidz, on every child at once. The caller bounds
    /// `len`.
    pub(crate) fn read_rows(&self, vdev: u64, offset: u64, len: usize) -> Option<Rows> {
        self.raidz(vdev)?.0.read_rows(offset, len)
    }

    /// Takes a block from rows that were read: the one candidate of `size` bytes, if it passes the
    /// request's check.
    pub(crate) fn read_from(
        &self,
        rows: &Rows,
        dva: Dva,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Vec<u8>> {
        let (raidz, name) = self.raidz(dva.vdev())?;
        raidz.read_from(rows, name, dva.offset(), size, request)
    }

    /// Data bytes of the smallest allocation on a top-level vdev: what a gang header may fill.
    ///
    /// Source: `vdev_gang_header_psize()`, OpenZFS `include/sys/vdev.h`, zfs-2.4.0.
    pub(crate) fn min_alloc(&self, vdev: u64) -> Option<usize> {
        let top = self.top(vdev)?;
        match &top.kind {
            Kind::Draid(draid) => Some(draid.min_alloc()),
            _ => 1_usize.checked_shl(top.ashift),
        }
    }

    /// The top-level vdevs, in the order of their numbers.
    pub fn tops(&self) -> &[Vdev] {
        &self.tops
    }

    /// Names of the top-level vdevs that cannot be read for want of devices.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.tops.iter().filter(|t| t.is_missing()).map(|t| t.name.as_str())
    }

    /// A layout in the tree that this build does not read.
    pub fn unsupported(&self) -> Option<&str> {
        self.tops.iter().find_map(Vdev::unsupported)
    }
}
