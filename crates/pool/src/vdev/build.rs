//! The vdev tree from its configuration and the devices that were found.

use super::copies::{Copies, Side, SideOrigin};
use super::draid::Draid;
use super::indirect::Indirect;
use super::raidz::Raidz;
use super::trust::{DeviceRecord, Dtls};
use super::{Vdev, VdevKind, VdevTree};
use crate::config::{VdevConfig, VdevType};
use crate::device::Device;
use crate::error::VdevError;
use crate::uberblock::Reflow;
use std::collections::HashMap;

/// A device that belongs to the pool.
#[derive(Clone, Debug)]
pub struct Member {
    /// The device, or the partition.
    pub device: Device,
    /// Txg of its newest uberblock, or of its label if it has none.
    pub txg: u64,
}

/// The pool's devices by guid. Of several with one guid the best comes first; the others may have what
/// is damaged there.
pub type Leaves = HashMap<u64, Vec<Member>>;

/// Material of a tree besides the configuration of its vdevs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KnownDevices<'a> {
    /// The pool's devices.
    pub leaves: &'a Leaves,
    /// Progress of a raidz expansion, by the uberblock.
    pub reflow: Reflow,
    /// Txgs that the devices are known to lack.
    pub dtls: &'a Dtls,
    /// Txg of the state that is read. A device that has it is not older than the others for that.
    pub txg: u64,
    /// Txg of a state that was written to all devices, such as that of an export.
    pub exported: Option<u64>,
}

impl<'a> KnownDevices<'a> {
    /// Devices of a pool of which the state of `txg` is read, with what each is known to lack; no raidz is being
    /// expanded, and no export is known.
    pub fn new(leaves: &'a Leaves, dtls: &'a Dtls, txg: u64) -> Self {
        Self { leaves, reflow: Reflow::default(), dtls, txg, exported: None }
    }

    /// The same with a raidz expansion that has come so far.
    #[must_use]
    pub const fn with_reflow(self, reflow: Reflow) -> Self {
        Self { reflow, ..self }
    }

    /// The same with the txg of an export.
    #[must_use]
    pub const fn with_exported(self, exported: Option<u64>) -> Self {
        Self { exported, ..self }
    }
}

impl VdevTree {
    /// Builds a tree from the configurations of its top-level vdevs; a number that none of them
    /// has becomes a vdev that cannot be read.
    pub fn build(tops: &[VdevConfig], count: u64, known: KnownDevices<'_>) -> Self {
        let most = tops.iter().map(|t| t.id.saturating_add(1)).max().unwrap_or_default().max(count);
        // Vdev numbers have 24 bits, but a real tree has few; a larger one is a broken config.
        let most = most.min(1 << 16);
        let by_id: HashMap<u64, &VdevConfig> = tops.iter().rev().map(|t| (t.id, t)).collect();
        let tops = (0..most)
            .map(|id| match by_id.get(&id) {
                Some(config) => build(config, known),
                None => {
                    Vdev { guid: 0, ashift: 9, name: format!("vdev {id}"), kind: VdevKind::Missing }
                }
            })
            .collect();
        Self { tops }
    }
}

/// Material of the sides of one top-level vdev.
struct Builder<'a> {
    known: KnownDevices<'a>,
    /// Guid of the top-level vdev.
    top: u64,
    /// The newest state that any of its devices has, or the one that is read if that is older. Those of
    /// one top-level vdev are written together, those of different ones only when a pool is exported.
    newest: u64,
}

fn build(config: &VdevConfig, known: KnownDevices<'_>) -> Vdev {
    let newest =
        newest(config, known.leaves).max(known.exported.unwrap_or_default()).min(known.txg);
    let builder = Builder { known, top: config.guid, newest };
    let children = || -> Result<Vec<Copies>, VdevError> {
        config.children.iter().map(|c| builder.copies(c)).collect()
    };
    let kind = match &config.kind {
        VdevType::Disk
        | VdevType::File
        | VdevType::Mirror
        | VdevType::Replacing
        | VdevType::Spare => builder.copies(config).map(VdevKind::Copies),
        VdevType::Raidz => children()
            .and_then(|c| Raidz::new(config, c, known.reflow).map_err(VdevError::Raidz))
            .map(VdevKind::Raidz),
        VdevType::Draid => children()
            .and_then(|c| Draid::new(config, c).map_err(VdevError::Draid))
            .map(|d| VdevKind::Draid(Box::new(d))),
        VdevType::Indirect => Ok(VdevKind::Indirect(Indirect::new(config))),
        VdevType::Hole => Ok(VdevKind::Hole),
        VdevType::Missing => Ok(VdevKind::Missing),
        other @ (VdevType::Root | VdevType::DraidSpare | VdevType::Unknown(_)) => {
            Err(VdevError::Type(other.to_string()))
        }
    };
    let (ashift, kind) = match (u32::try_from(config.ashift), kind) {
        (Ok(ashift), Ok(kind)) => (ashift, kind),
        (Ok(ashift), Err(why)) => (ashift, VdevKind::Unsupported(why)),
        (Err(_), _) => {
            let (kind, ashift) = (config.kind.to_string(), config.ashift);
            (0, VdevKind::Unsupported(VdevError::Ashift { kind, ashift }))
        }
    };
    Vdev { guid: config.guid, ashift, name: builder.name(config), kind }
}

/// The newest state that any of a vdev's devices has.
fn newest(config: &VdevConfig, leaves: &Leaves) -> u64 {
    let below = config.children.iter().map(|c| newest(c, leaves)).max().unwrap_or_default();
    leaves
        .get(&config.guid)
        .into_iter()
        .flatten()
        .map(|m| m.txg)
        .max()
        .unwrap_or_default()
        .max(below)
}

impl Builder<'_> {
    /// A device, or the devices below a vdev that mirrors them. Mirrors in mirrors, such as a
    /// device that is being replaced, come down to one set of sides.
    fn copies(&self, config: &VdevConfig) -> Result<Copies, VdevError> {
        let mut sides = Vec::new();
        self.sides(config, false, &mut sides)?;
        Ok(Copies::new(sides))
    }

    fn sides(
        &self,
        config: &VdevConfig,
        is_behind: bool,
        out: &mut Vec<Side>,
    ) -> Result<(), VdevError> {
        let is_behind = is_behind || config.is_behind;
        let side = |origin, newest, nth| {
            let dtl = self.known.dtls.get(config.guid);
            let has_twin = self.members(config).len() > 1;
            let record = DeviceRecord::new(config, dtl, newest, is_behind, has_twin);
            let name = match &origin {
                SideOrigin::Device(device) => device.name().to_owned(),
                SideOrigin::Missing | SideOrigin::Spare(_) => self.name(config),
            };
            Side { name, record, origin, nth }
        };
        match &config.kind {
            VdevType::Disk | VdevType::File => {
                let members = self.members(config);
                for (nth, member) in members.iter().enumerate() {
                    let newest = (member.txg < self.newest).then_some(member.txg);
                    out.push(side(SideOrigin::Device(member.device.clone()), newest, nth));
                }
                if members.is_empty() {
                    out.push(side(SideOrigin::Missing, None, 0));
                }
            }
            VdevType::DraidSpare if config.top_guid == self.top => {
                out.push(side(SideOrigin::Spare(config.spare_id), None, 0));
            }
            VdevType::Missing => out.push(side(SideOrigin::Missing, None, 0)),
            VdevType::Mirror | VdevType::Replacing | VdevType::Spare => {
                return config.children.iter().try_for_each(|c| self.sides(c, is_behind, out));
            }
            other @ (VdevType::Root
            | VdevType::Raidz
            | VdevType::Draid
            | VdevType::DraidSpare
            | VdevType::Indirect
            | VdevType::Hole
            | VdevType::Unknown(_)) => return Err(VdevError::Nested(other.to_string())),
        }
        Ok(())
    }

    /// The devices that were found with a vdev's guid.
    fn members(&self, config: &VdevConfig) -> &[Member] {
        self.known.leaves.get(&config.guid).map_or(&[], Vec::as_slice)
    }

    fn name(&self, config: &VdevConfig) -> String {
        match (self.members(config).first(), &config.path) {
            (Some(m), _) => m.device.name().to_owned(),
            (None, Some(path)) => path.clone(),
            (None, None) => match &config.kind {
                kind @ (VdevType::Raidz | VdevType::Draid) => {
                    format!("{kind}{}-{}", config.nparity.max(1), config.id)
                }
                kind @ (VdevType::Root
                | VdevType::Disk
                | VdevType::File
                | VdevType::Mirror
                | VdevType::Replacing
                | VdevType::Spare
                | VdevType::DraidSpare
                | VdevType::Indirect
                | VdevType::Hole
                | VdevType::Missing
                | VdevType::Unknown(_)) => format!("{kind}-{}", config.id),
            },
        }
    }
}
