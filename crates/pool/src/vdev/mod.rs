//! The vdev tree: from a DVA to candidate bytes, using whatever redundancy there is.
//!
//! A read carries a check, and each vdev offers it one candidate after another (the sides of a
//! mirror, the reconstructions of a raidz) until one passes. So redundancy composes: a mirror of
//! anything, or a removed device over anything, needs to know nothing of what lies below.

mod build;
mod mirror;

pub use build::{Leaves, Member};

use crate::blkptr::Dva;
use crate::device::Device;
use crate::label::DATA_START;
use crate::place::Attempt;

/// Decides whether candidate bytes are the wanted ones; says what was found if not.
pub type Check<'a> = dyn FnMut(&[u8]) -> Result<(), String> + 'a;

/// A read on its way down the tree.
pub struct Request<'a> {
    /// Accepts or refuses candidate bytes.
    pub check: &'a mut Check<'a>,
    /// Where refused and failed candidates are noted.
    pub attempts: &'a mut Vec<Attempt>,
    /// Physical birth of the block, which decides the width of an expanded raidz.
    pub txg: u64,
}

impl Request<'_> {
    /// Notes a candidate that was not accepted.
    pub(crate) fn failed(
        &mut self,
        device: impl Into<String>,
        offset: u64,
        why: impl Into<String>,
        io: bool,
    ) {
        // A raidz can have many combinations; what matters is which devices, not how many tries.
        if self.attempts.len() < 64 {
            self.attempts.push(Attempt { device: device.into(), offset, why: why.into(), io });
        }
    }
}

/// A vdev that can be read.
#[derive(Debug)]
pub struct Vdev {
    /// The vdev's guid.
    pub guid: u64,
    /// log2 of the sector size.
    pub ashift: u32,
    /// Name for messages: the path at the time of writing, or the kind and number.
    pub name: String,
    /// Whether its contents may be older than its siblings': a resilver's target, or a device whose
    /// label was left behind. Read last, since a block without checksum cannot tell.
    pub suspect: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A device; `None` if it was not found.
    Leaf(Option<Device>),
    /// Any child has everything: mirror, replacing, spare.
    Mirror(Vec<Vdev>),
    /// Nothing can be read: a hole left by a removed log, or a top-level vdev that is missing.
    Absent(&'static str),
    /// A layout that this build does not read.
    Unsupported(String),
}

impl Vdev {
    /// Reads `size` bytes at `offset` of the vdev's data and returns the first candidate that
    /// passes the request's check.
    pub fn read(&self, offset: u64, size: usize, request: &mut Request<'_>) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Leaf(Some(device)) => {
                let at = offset.checked_add(DATA_START)?;
                let bytes = match device.read_vec(at, size) {
                    Ok(bytes) => bytes,
                    Err(e) => {
                        request.failed(device.name(), device.absolute(at), e.to_string(), true);
                        return None;
                    }
                };
                match (request.check)(&bytes) {
                    Ok(()) => Some(bytes),
                    Err(why) => {
                        request.failed(device.name(), device.absolute(at), why, false);
                        None
                    }
                }
            }
            Kind::Leaf(None) => {
                request.failed(
                    &self.name,
                    offset.saturating_add(DATA_START),
                    "device is missing",
                    true,
                );
                None
            }
            Kind::Mirror(children) => mirror::read(children, offset, size, request),
            Kind::Absent(why) => {
                request.failed(&self.name, offset, *why, true);
                None
            }
            Kind::Unsupported(kind) => {
                request.failed(&self.name, offset, format!("{kind} is not supported"), true);
                None
            }
        }
    }

    /// The layout, if it is one that this build does not read.
    fn unsupported(&self) -> Option<&str> {
        match &self.kind {
            Kind::Unsupported(kind) => Some(kind),
            Kind::Mirror(children) => children.iter().find_map(Self::unsupported),
            Kind::Leaf(_) | Kind::Absent(_) => None,
        }
    }

    /// Whether some of its data cannot be read for want of devices.
    fn is_missing(&self) -> bool {
        match &self.kind {
            Kind::Leaf(device) => device.is_none(),
            Kind::Mirror(children) => children.iter().all(Self::is_missing),
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
    /// Reads a copy of a block.
    pub fn read(&self, dva: Dva, size: usize, request: &mut Request<'_>) -> Option<Vec<u8>> {
        let top = usize::try_from(dva.vdev()).ok().and_then(|i| self.tops.get(i));
        let Some(top) = top else {
            let name = format!("vdev {}", dva.vdev());
            let why = format!("the pool has only {} top-level vdevs", self.tops.len());
            request.failed(name, dva.offset(), why, false);
            return None;
        };
        top.read(dva.offset(), size, request)
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
