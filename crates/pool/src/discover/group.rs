//! From labelled devices to pools: which belong together, and which is the newest of a kind.

use super::Labelled;
use crate::cancel::CancelToken;
use crate::config::{LabelConfig, PoolState, VdevConfig, VdevType};
use crate::device::Device;
use crate::error::PassedOver;
use crate::label::{LabelSet, Labels, Rings};
use crate::uberblock::Uberblock;
use crate::vdev::{Leaves, Member};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use zsend_ondisk::label::{DATA_START, LABELS_END_SIZE};

/// A pool that was found, before it is opened.
#[derive(Clone, Debug)]
pub struct FoundPool {
    /// The newest configuration that any of its labels has.
    pub config: LabelConfig,
    /// Its devices by guid; of several with one guid, the newest first.
    pub leaves: Leaves,
    /// The newest configuration of each top-level vdev.
    pub tops: Vec<VdevConfig>,
    /// The newest good uberblock on any of them.
    pub newest: Option<Uberblock>,
    /// Warnings for the administrator.
    pub warnings: Vec<String>,
    /// Devices that were looked at beside it and passed over: of those that could not be read, one may be a
    /// device that the pool lacks.
    pub passed_over: PassedOver,
    /// Places of its uberblocks.
    pub(super) rings: Vec<RingsOf>,
    /// Token that its devices ask before each read.
    pub(crate) cancel: CancelToken,
}

/// Places of a pool's uberblocks on one of its devices.
#[derive(Clone, Debug)]
pub(super) struct RingsOf {
    pub(super) device: Device,
    /// log2 of its sector size.
    ashift: u64,
    /// The labels that are the pool's.
    set: LabelSet,
}

impl RingsOf {
    pub(super) fn read(&self) -> Rings {
        Rings::read(&self.device, self.ashift, self.set)
    }
}

impl FoundPool {
    /// Returns true if the pool was destroyed. Until something else is written there, it can be read.
    pub fn is_destroyed(&self) -> bool {
        self.config.state == PoolState::DESTROYED
    }

    /// Txg of the state that the pool was exported or destroyed with: all its devices got it, labels
    /// and uberblocks.
    ///
    /// Source: `spa_export_common()`, OpenZFS `module/zfs/spa.c`, zfs-2.3.2.
    pub(crate) fn exported(&self) -> Option<u64> {
        self.newest.filter(|_| is_exported(self.config.state)).map(|newest| newest.txg)
    }

    /// The same pool, of whose devices nothing more is read once the token is cancelled.
    pub(crate) fn with_cancel(&self, cancel: &CancelToken) -> Self {
        let mut found = self.clone();
        for member in found.leaves.values_mut().flatten() {
            member.device = member.device.with_cancel(cancel);
        }
        for rings in &mut found.rings {
            rings.device = rings.device.with_cancel(cancel);
        }
        found.cancel = cancel.clone();
        found
    }

    /// Every good uberblock that its devices have now, newest first, without repeats.
    pub fn uberblocks(&self) -> Vec<Uberblock> {
        let rings = self.rings.iter().map(RingsOf::read);
        let mut all: Vec<Uberblock> = rings.flat_map(|rings| rings.uberblocks()).collect();
        all.sort_by_key(|u| Reverse(u.rank()));
        all.dedup();
        all
    }
}

fn is_exported(state: PoolState) -> bool {
    state == PoolState::EXPORTED || state == PoolState::DESTROYED
}

impl Labelled {
    /// Rank of a device; that of a newer one is higher: the state of the pool that it was last written
    /// with, then its label, which changes more rarely.
    fn rank(&self) -> ((u64, u64, u64), u64) {
        let newest = self.labels.newest.map(|u| u.rank());
        (newest.unwrap_or_default(), self.labels.config.txg)
    }
}

/// The pools that the devices belong to.
pub(super) fn group(labelled: Vec<Labelled>, cancel: &CancelToken) -> Vec<FoundPool> {
    let mut pools: BTreeMap<u64, Vec<Labelled>> = BTreeMap::new();
    for one in labelled {
        pools.entry(one.labels.config.pool_guid).or_default().push(one);
    }
    pools.into_values().filter_map(|members| assemble(members, cancel)).collect()
}

/// Warning for the administrator about a device's labels.
fn labels_warning(device: &Device, labels: &Labels) -> Option<String> {
    let mut what = Vec::new();
    if labels.damaged > 0 {
        what.push(format!("only {} of 4 labels are good", 4 - labels.damaged));
    }
    if !labels.others.is_empty() {
        let pool = labels.config.id();
        let others: Vec<String> = labels.others.iter().map(ToString::to_string).collect();
        let (own, others) = (labels.good, others.join(", "));
        what.push(format!("{own} of its labels are of pool {pool}, others of {others}"));
    }
    if !labels.unread.is_empty() {
        let why: Vec<String> = labels.unread.iter().map(ToString::to_string).collect();
        let (count, why) = (labels.unread.len(), why.join("; "));
        what.push(format!(
            "{count} of its rings of uberblocks cannot be read, and the newest state may be there: {why}"
        ));
    }
    (!what.is_empty()).then(|| format!("{}: {}", device.name(), what.join("; ")))
}

/// Says that a device ends before the space that the pool uses of it. Only where each device has all
/// of its top-level vdev's space is that known.
fn cut_short(device: &Device, top: &VdevConfig) -> Option<String> {
    let whole = match &top.kind {
        VdevType::Disk | VdevType::File | VdevType::Mirror => true,
        // Devices of a spare or replacing vdev, and children of the others, need not be of one size.
        VdevType::Root
        | VdevType::Replacing
        | VdevType::Spare
        | VdevType::Raidz
        | VdevType::Draid
        | VdevType::DraidSpare
        | VdevType::Indirect
        | VdevType::Hole
        | VdevType::Missing
        | VdevType::Unknown(_) => false,
    };
    let used = DATA_START.checked_add(top.asize)?.checked_add(LABELS_END_SIZE)?;
    (whole && device.size() < used).then(|| {
        let (name, size) = (device.name(), device.size());
        format!("{name}: has {size} bytes, and the pool uses {used}: it was cut short")
    })
}

fn assemble(mut members: Vec<Labelled>, cancel: &CancelToken) -> Option<FoundPool> {
    let config = members.iter().max_by_key(|m| m.labels.config.txg)?.labels.config.clone();
    // The newest copy of a device comes first; its name breaks ties, so that the choice is the same
    // each time.
    members.sort_by(|a, b| {
        let names = || a.device.name().cmp(b.device.name());
        b.rank().cmp(&a.rank()).then_with(names)
    });
    let mut warnings = Vec::new();
    let mut leaves = Leaves::new();
    let mut is_node = BTreeMap::new();
    let mut newest: Option<Uberblock> = None;
    let mut rings = Vec::new();
    let mut tops: BTreeMap<u64, (u64, VdevConfig)> = BTreeMap::new();
    // The newest state on any device of a top-level vdev: all of them are written together, and those
    // of all vdevs when the pool is exported.
    let mut latest_of: BTreeMap<Option<u64>, u64> = BTreeMap::new();
    for member in members {
        let label_txg = member.labels.config.txg;
        // A device without a whole uberblock has the state that its label was written with.
        let synced = member.labels.synced.filter(|synced| synced.txg > 0);
        let txg = synced.map_or(label_txg, |synced| synced.txg);
        let Labelled { device, labels, is_node: node } = member;
        let label = labels.config.clone();
        match leaves.entry(label.guid) {
            Entry::Occupied(mut o) => {
                // Two names of one device in a folder such as /dev are no news.
                let is_alias = node && is_node.get(&label.guid) == Some(&(true, txg));
                let copies: &mut Vec<Member> = o.get_mut();
                if let Some(first) = copies.first().filter(|_| !is_alias) {
                    warnings.push(format!(
                        "{}: the same device as {}, which is as new or newer; it is read where that \
                         one fails",
                        device.name(),
                        first.device.name()
                    ));
                    copies.push(Member { device, txg });
                }
                continue;
            }
            Entry::Vacant(v) => {
                warnings.extend(labels_warning(&device, &labels));
                warnings.extend(cut_short(&device, &label.top));
                let top = (!is_exported(config.state)).then_some(label.top.id);
                let latest = *latest_of.entry(top).or_insert(txg);
                if txg < latest {
                    warnings.push(format!(
                        "{}: out of date: it has the pool's state of txg {txg}, and another device \
                         that should have been written with it that of txg {latest}",
                        device.name()
                    ));
                }
                is_node.insert(label.guid, (node, txg));
                let ashift = label.top.ashift;
                rings.push(RingsOf { device: device.clone(), ashift, set: labels.set });
                v.insert(vec![Member { device, txg }]);
            }
        }
        // Of the first member, which is the newest.
        newest = newest.or(labels.newest);
        match tops.entry(label.top.id) {
            std::collections::btree_map::Entry::Vacant(v) => {
                v.insert((label_txg, label.top));
            }
            std::collections::btree_map::Entry::Occupied(mut o) => {
                if o.get().0 < label_txg {
                    o.insert((label_txg, label.top));
                }
            }
        }
    }
    match config.state {
        PoolState::ACTIVE => {
            let host = config.hostname.as_deref().unwrap_or("an unknown host");
            let name = &config.name;
            warnings.push(format!("pool '{name}' was not exported; last used by {host}"));
        }
        PoolState::DESTROYED => {
            warnings.push(format!("pool '{}' was destroyed", config.name));
        }
        _ => {}
    }
    let tops = tops.into_values().map(|(_, top)| top).collect();
    let (passed_over, cancel) = (PassedOver::default(), cancel.clone());
    Some(FoundPool { config, leaves, tops, newest, warnings, passed_over, rings, cancel })
}
