//! Devices that hold the same bytes: a disk alone, or the sides of a mirror, a replacing or a
//! spare vdev.

use super::request::Request;
use super::trust::{DeviceRecord, Trust, Want};
use crate::buffer::Buffer;
use crate::device::Device;
use crate::error::{Cause, DeviceFailure};
use zsend_ondisk::label::DATA_START;

/// Origin of one side's bytes.
#[derive(Clone, Debug)]
pub(super) enum SideOrigin {
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
    /// Record of what it may lack.
    pub(super) record: DeviceRecord,
    /// Origin of its bytes.
    pub(super) origin: SideOrigin,
    /// Number of better copies of the same device.
    pub(super) nth: usize,
}

impl Side {
    /// Returns true if there is something to read.
    pub(super) const fn is_present(&self) -> bool {
        !matches!(self.origin, SideOrigin::Missing)
    }

    /// The offset to name in an error, for one that counts from the start of the device or of the
    /// partition that the vdev lies on.
    pub(super) fn absolute(&self, pos: u64) -> u64 {
        match &self.origin {
            SideOrigin::Device(device) => device.absolute(pos),
            SideOrigin::Missing | SideOrigin::Spare(_) => pos,
        }
    }
}

/// The sides of a vdev: those that have everything, then those that may lack some blocks, then those
/// that are missing. Which of them is read first is a question of the block.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    sides: Vec<Side>,
}

impl Copies {
    /// Sorts the sides; their order in the configuration decides between equals.
    pub(super) fn new(mut sides: Vec<Side>) -> Self {
        sides.sort_by_key(|s| {
            (!s.is_present(), !s.record.is_whole(), !s.record.is_mostly_whole(), s.nth)
        });
        Self { sides }
    }

    /// All sides.
    pub(super) fn sides(&self) -> &[Side] {
        &self.sides
    }

    /// Number of sides that can be read. They come first.
    pub(super) fn present(&self) -> usize {
        self.sides.iter().filter(|s| s.is_present()).count()
    }

    /// Returns true if the first side is a device that has every block.
    pub(super) fn is_whole(&self) -> bool {
        self.first_device().is_some() && self.sides[0].record.is_whole()
    }

    /// The device that is read first, for most blocks at least: see [`Self::first_has`].
    pub(super) fn first_device(&self) -> Option<&Device> {
        match self.sides.first() {
            Some(Side { origin: SideOrigin::Device(device), record, .. })
                if record.is_mostly_whole() =>
            {
                Some(device)
            }
            _ => None,
        }
    }

    /// Returns true if the first side can be trusted with a block.
    pub(super) fn first_has(&self, want: Want) -> bool {
        self.sides.first().is_some_and(|s| s.record.trust(want) == Trust::Fit)
    }

    /// The sides that can be read and are trusted enough, the most trusted first.
    fn trusted(&self, want: Want) -> impl Iterator<Item = (Trust, &Side)> {
        Trust::ALL.into_iter().filter(move |trust| *trust <= want.limit).flat_map(move |trust| {
            let is_it = move |side: &&Side| side.is_present() && side.record.trust(want) == trust;
            self.sides.iter().filter(is_it).map(move |side| (trust, side))
        })
    }

    /// Offers each side's bytes to the request's check.
    pub(super) fn read(
        &self,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        let pos = offset.saturating_add(DATA_START);
        for (trust, side) in self.trusted(request.want) {
            if request.is_cancelled() {
                return None;
            }
            let SideOrigin::Device(device) = &side.origin else {
                request.failed(&side.name, pos, Cause::Missing);
                continue;
            };
            match device.read(pos, size) {
                Ok(bytes) => match (request.check)(&bytes) {
                    Ok(()) => {
                        if trust != Trust::Fit {
                            let (name, why) = (side.name.clone(), side.record.why(request.want));
                            request.doubted(name, side.absolute(pos), why);
                        }
                        return Some(bytes);
                    }
                    Err(why) => request.failed(device.name(), device.absolute(pos), why),
                },
                Err(e) => {
                    let failure = DeviceFailure::from(e);
                    request.failed(device.name(), device.absolute(pos), failure);
                }
            }
        }
        for side in self.sides.iter().filter(|s| !s.is_present()) {
            request.failed(&side.name, pos, Cause::Missing);
        }
        None
    }
}
