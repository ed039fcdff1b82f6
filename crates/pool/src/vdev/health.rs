//! Health of top-level vdevs: which devices are missing or behind, and what redundancy is left.

use super::copies::{Copies, Side};
use super::{Vdev, VdevKind, VdevTree};
use crate::error::Health;

impl VdevTree {
    /// Health of the top-level vdevs of which something is amiss, in the order of their numbers.
    pub fn health(&self) -> Vec<Health> {
        self.tops.iter().filter_map(Vdev::health).collect()
    }
}

impl VdevTree {
    /// Names of the devices that were found.
    pub fn devices(&self) -> Vec<String> {
        let copies = self.tops.iter().flat_map(|top| match &top.kind {
            VdevKind::Copies(copies) => std::slice::from_ref(copies),
            VdevKind::Raidz(raidz) => raidz.children(),
            VdevKind::Draid(draid) => draid.children(),
            VdevKind::Indirect(_)
            | VdevKind::Hole
            | VdevKind::Missing
            | VdevKind::Unsupported(_) => &[],
        });
        let sides = copies.flat_map(Copies::sides).filter(|side| side.is_present());
        sides.map(|side| side.name.clone()).collect()
    }
}

impl Vdev {
    fn health(&self) -> Option<Health> {
        let health = match &self.kind {
            VdevKind::Copies(copies) => self.of_copies(copies),
            VdevKind::Raidz(raidz) => self.of_children(raidz.children(), raidz.nparity()),
            VdevKind::Draid(draid) => self.of_children(draid.children(), draid.nparity()),
            // Nothing is known of its devices.
            VdevKind::Missing => Health {
                vdev: self.name.clone(),
                devices: 0,
                missing: Vec::new(),
                behind: Vec::new(),
                spare: None,
            },
            VdevKind::Indirect(_) | VdevKind::Hole | VdevKind::Unsupported(_) => return None,
        };
        let is_amiss = |h: &Health| h.is_broken() || !h.missing.is_empty() || !h.behind.is_empty();
        Some(health).filter(is_amiss)
    }

    /// Of devices that all hold the same.
    fn of_copies(&self, copies: &Copies) -> Health {
        let sides = || copies.sides().iter().filter(|side| side.nth == 0);
        let names = |f: fn(&&Side) -> bool| {
            sides().filter(f).map(|side| side.name.clone()).collect::<Vec<_>>()
        };
        let missing = names(|side| !side.is_present());
        let behind = names(|side| side.is_present() && side.record.is_behind());
        let devices = sides().count();
        let present = devices - missing.len();
        let whole = present - behind.len();
        let spare = if present == 0 { None } else { Some(whole.saturating_sub(1)) };
        Health { vdev: self.name.clone(), devices, missing, behind, spare }
    }

    /// Of devices that hold data and parity in turn.
    fn of_children(&self, children: &[Copies], nparity: usize) -> Health {
        let name = |child: &Copies| child.sides().first().map_or("", |side| &side.name).to_owned();
        let missing: Vec<_> = children.iter().filter(|c| c.present() == 0).map(name).collect();
        let lacks = |side: &Side| !side.is_present() || side.record.is_behind();
        let is_behind = |c: &&Copies| c.present() > 0 && c.sides().iter().all(lacks);
        let behind: Vec<_> = children.iter().filter(is_behind).map(name).collect();
        let spare = nparity.checked_sub(missing.len());
        let spare = spare.map(|spare| spare.saturating_sub(behind.len()));
        Health { vdev: self.name.clone(), devices: children.len(), missing, behind, spare }
    }
}
