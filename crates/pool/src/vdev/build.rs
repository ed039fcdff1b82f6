//! The vdev tree from its configuration and the devices that were found.

use super::{Kind, MISSING, Tree, Vdev};
use crate::config::VdevConfig;
use crate::device::Device;
use std::collections::HashMap;

/// A device that belongs to the pool.
#[derive(Clone, Debug)]
pub struct Member {
    /// The device, or the partition.
    pub device: Device,
    /// Txg of its label.
    pub txg: u64,
}

/// The pool's devices by guid.
pub type Leaves = HashMap<u64, Member>;

impl Tree {
    /// Builds a tree from the configurations of its top-level vdevs; a number that none of them
    /// has becomes a vdev that cannot be read.
    pub fn build(tops: &[VdevConfig], count: u64, leaves: &Leaves) -> Self {
        let newest = leaves.values().map(|m| m.txg).max().unwrap_or(0);
        let most = tops.iter().map(|t| t.id + 1).max().unwrap_or(0).max(count);
        // Vdev numbers have 24 bits, but a real tree has few; a larger one is a broken config.
        let most = most.min(1 << 16);
        let tops = (0..most)
            .map(|id| match tops.iter().find(|t| t.id == id) {
                Some(config) => Vdev::build(config, config.ashift, newest, leaves),
                None => Vdev {
                    guid: 0,
                    ashift: 9,
                    name: format!("vdev {id}"),
                    suspect: false,
                    kind: Kind::Absent(MISSING),
                },
            })
            .collect();
        Self { tops }
    }
}

impl Vdev {
    fn build(config: &VdevConfig, ashift: u64, newest: u64, leaves: &Leaves) -> Self {
        let children = || -> Vec<Self> {
            config.children.iter().map(|c| Self::build(c, ashift, newest, leaves)).collect()
        };
        let member = leaves.get(&config.guid);
        let kind = match config.kind.as_str() {
            "disk" | "file" => Kind::Leaf(member.map(|m| m.device.clone())),
            "mirror" | "replacing" | "spare" => Kind::Mirror(children()),
            "hole" => Kind::Absent("a log device lay here and was removed"),
            "missing" => Kind::Absent(MISSING),
            other => Kind::Unsupported(other.to_owned()),
        };
        let name = match (member, &config.path) {
            (Some(m), _) => m.device.name().to_owned(),
            (None, Some(path)) => path.clone(),
            (None, None) => format!("{}-{}", config.kind, config.id),
        };
        Self {
            guid: config.guid,
            ashift: u32::try_from(ashift).unwrap_or(9),
            name,
            suspect: config.resilver_txg != 0 || member.is_some_and(|m| m.txg < newest),
            kind,
        }
    }
}
