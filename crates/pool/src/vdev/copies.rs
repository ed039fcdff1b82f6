//! Devices that hold the same bytes: a disk alone, or the sides of a mirror, a replacing or a
//! spare vdev.

use super::Request;
use crate::device::Device;
use crate::label::DATA_START;

/// Where one side's bytes come from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A device that was found.
    Device(Device),
    /// A device that was not found.
    Missing,
    /// The distributed spare of this number, of the draid that has it as a child.
    Spare(u64),
}

/// One side of a mirror-like vdev.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// The device's name, or the path that the configuration gives.
    pub(super) name: String,
    /// Whether it may hold older contents than the others: see [`super::Vdev`].
    pub(super) suspect: bool,
    /// Where its bytes come from.
    pub(super) source: Source,
}

impl Side {
    /// Whether there is something to read.
    pub(super) const fn is_present(&self) -> bool {
        !matches!(self.source, Source::Missing)
    }

    /// The offset to name in an error, for one that counts from the start of the device or of the
    /// partition that the vdev lies on.
    pub(super) fn absolute(&self, pos: u64) -> u64 {
        match &self.source {
            Source::Device(device) => device.absolute(pos),
            Source::Missing | Source::Spare(_) => pos,
        }
    }
}

/// The sides of a vdev, best first: healthy, then those that may be out of date, then those that
/// are missing.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    sides: Vec<Side>,
}

impl Copies {
    /// Sorts the sides; their order in the configuration decides between equals.
    pub(super) fn new(mut sides: Vec<Side>) -> Self {
        sides.sort_by_key(|s| (!s.is_present(), s.suspect));
        Self { sides }
    }

    /// All sides, best first.
    pub(super) fn sides(&self) -> &[Side] {
        &self.sides
    }

    /// How many sides can be read.
    pub(super) fn present(&self) -> usize {
        self.sides.iter().filter(|s| s.is_present()).count()
    }

    /// Whether the best side can be read and is up to date.
    pub(super) fn is_healthy(&self) -> bool {
        self.sides.first().is_some_and(|s| s.is_present() && !s.suspect)
    }

    /// The device that is read first, unless it is missing or may be out of date.
    pub(super) fn first_device(&self) -> Option<&Device> {
        match self.sides.first() {
            Some(Side { source: Source::Device(device), suspect: false, .. }) => Some(device),
            _ => None,
        }
    }

    /// Offers each side's bytes to the request's check.
    pub(super) fn read(
        &self,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Vec<u8>> {
        let pos = offset.saturating_add(DATA_START);
        for side in &self.sides {
            let Source::Device(device) = &side.source else {
                request.failed(&side.name, pos, MISSING_DEVICE, true);
                continue;
            };
            match device.read_vec(pos, size) {
                Ok(bytes) => match (request.check)(&bytes) {
                    Ok(()) => return Some(bytes),
                    Err(why) => request.failed(device.name(), device.absolute(pos), why, false),
                },
                Err(e) => {
                    request.failed(device.name(), device.absolute(pos), e.to_string(), true);
                }
            }
        }
        None
    }
}

/// Why a device that was not found cannot be read.
pub(super) const MISSING_DEVICE: &str = "device is missing";
