//! The four labels of a device: its configuration nvlist and its uberblocks.

use crate::PoolError;
use crate::config::LabelConfig;
use crate::device::Device;
use crate::error::{ConfigError, LabelError, PoolId, Unlabelled};
use crate::uberblock::{self, Uberblock, Unverified};
use bytes::Bytes;
use zsend_ondisk::embedded::{self, Siblings, Sum, label_verifier};
use zsend_ondisk::label::{PHYS_OFFSET, PHYS_SIZE, RING_OFFSET, places};
use zsend_records::nvlist::NvList;

/// Those of a device's four labels that belong to one pool.
pub(crate) type LabelSet = [bool; 4];

/// Contents of those of a device's labels that belong to one pool.
#[derive(Debug)]
pub(crate) struct Labels {
    /// The newest good configuration.
    pub(crate) config: LabelConfig,
    /// The newest good uberblock of any of them.
    pub(crate) newest: Option<Uberblock>,
    /// The newest of them that was written with the txg that it closes. A host with multihost on writes
    /// the newest again and again, to one device at a time, which says nothing of the others.
    pub(crate) synced: Option<Uberblock>,
    /// Number of them that had a good configuration.
    pub(crate) good: usize,
    /// The labels whose uberblocks are the pool's: those with a good configuration, and of the others
    /// those whose newest uberblock is of a pool with the same vdevs.
    pub(crate) set: LabelSet,
    /// Labels of the device that have no good configuration, of whatever pool.
    pub(crate) damaged: usize,
    /// Other pools that the device has labels of.
    pub(crate) others: Vec<PoolId>,
    /// Reasons why rings of uberblocks of [`Self::set`] could not be read: the newest may lie there.
    pub(crate) unread: Vec<PoolError>,
}

/// Reads the labels of a device, by the pool that they name, in the order of their first label.
///
/// A device that was part of an older pool, and has grown or shrunk since, can have labels of both.
///
/// # Errors
/// [`Unlabelled`] says why there is none, label by label.
pub(crate) fn read(device: &Device) -> Result<Vec<Labels>, Unlabelled> {
    let Some(places) = places(device.size()) else {
        return Err(Unlabelled::Small { size: device.size() });
    };
    let mut pools: Vec<(LabelConfig, LabelSet)> = Vec::new();
    let mut why: [Option<LabelError>; 4] = [const { None }; 4];
    let at = places.map(|label| label + PHYS_OFFSET);
    let read = device.read_many(&at.map(|at| (at, PHYS_SIZE))).into_iter();
    let regions: Vec<Option<Bytes>> = read
        .zip(&mut why)
        .map(|(read, why)| read.map_err(|e| *why = Some(e.into())).ok())
        .collect();
    let mut siblings = Siblings::default();
    for (i, (at, region)) in at.into_iter().zip(&regions).enumerate() {
        let Some(region) = region else { continue };
        match parse_config(region, at, &mut siblings) {
            Ok(config) => {
                let id = |c: &LabelConfig| (c.pool_guid, c.guid);
                match pools.iter_mut().find(|(known, _)| id(known) == id(&config)) {
                    Some((known, set)) => {
                        set[i] = true;
                        if config.txg > known.txg {
                            *known = config;
                        }
                    }
                    None => pools.push((config, std::array::from_fn(|j| i == j))),
                }
            }
            Err(e) => why[i] = Some(e),
        }
    }
    if pools.is_empty() {
        return Err(Unlabelled::Labels(why.into_iter().flatten().collect()));
    }
    let damaged = 4 - pools.iter().flat_map(|(_, set)| set).filter(|&&good| good).count();
    let ids: Vec<_> = pools.iter().map(|(config, _)| config.id()).collect();
    let labels = pools.into_iter().enumerate().map(|(i, (config, good))| {
        let set = if damaged == 0 { good } else { with_rings(device, &config, good) };
        let rings = Rings::read(device, config.top.ashift, set);
        let newest = rings.newest(|_| true);
        let synced = match newest {
            Some(heartbeat) if heartbeat.mmp_seq > 0 => rings.newest(|u| u.mmp_seq == 0),
            synced => synced,
        };
        let good = good.into_iter().filter(|&good| good).count();
        let others = ids.iter().enumerate().filter(|(j, _)| *j != i);
        let others = others.map(|(_, id)| id.clone()).collect();
        let unread = rings.unread;
        Labels { config, newest, synced, good, set, damaged, others, unread }
    });
    Ok(labels.collect())
}

/// Adds to the good labels of a pool those whose uberblocks are the pool's too, as the sum of its
/// vdevs' guids tells. Where no good label has an uberblock, nothing tells, and all are added.
fn with_rings(device: &Device, config: &LabelConfig, good: LabelSet) -> LabelSet {
    let newest = |i: usize| {
        let set = std::array::from_fn(|j| i == j);
        Rings::read(device, config.top.ashift, set).newest(|_| true).map(|newest| newest.guid_sum)
    };
    let sums: [Option<u64>; 4] = std::array::from_fn(newest);
    let own: Vec<u64> =
        sums.iter().zip(good).filter(|(_, good)| *good).filter_map(|(sum, _)| *sum).collect();
    std::array::from_fn(|i| {
        good[i] || own.is_empty() || sums[i].is_none_or(|sum| own.contains(&sum))
    })
}

/// The uberblock rings of a device.
#[derive(Debug)]
pub(crate) struct Rings {
    /// First byte of each on the device, and its bytes.
    rings: Vec<(u64, Bytes)>,
    ashift: u64,
    /// Reasons why others could not be read, each with its offset.
    pub(crate) unread: Vec<PoolError>,
}

impl Rings {
    /// Reads those of the labels in `set`; those that cannot be read are [`Self::unread`]. `ashift` is that of
    /// the device's top-level vdev.
    pub(crate) fn read(device: &Device, ashift: u64, set: LabelSet) -> Self {
        let labels = places(device.size()).into_iter().flatten().zip(set);
        let offsets: Vec<u64> =
            labels.filter(|(_, is_in)| *is_in).map(|(label, _)| label + RING_OFFSET).collect();
        let ranges: Vec<_> = offsets.iter().map(|at| (*at, uberblock::RING_SIZE)).collect();
        let read = offsets.into_iter().zip(device.read_many(&ranges));
        let (mut rings, mut unread) = (Vec::new(), Vec::new());
        for (at, bytes) in read {
            match bytes {
                Ok(bytes) => rings.push((at, bytes)),
                Err(source) => {
                    let (device, offset) = (device.name().to_owned(), device.absolute(at));
                    unread.push(PoolError::Device { device, offset, source });
                }
            }
        }
        Self { rings, ashift, unread }
    }

    fn slots(&self) -> impl Iterator<Item = Unverified<'_>> {
        self.rings.iter().flat_map(|(at, bytes)| uberblock::ring(bytes, *at, self.ashift))
    }

    /// The newest good uberblock of those that `wanted` takes.
    pub(crate) fn newest(&self, wanted: impl Fn(&Uberblock) -> bool) -> Option<Uberblock> {
        uberblock::newest(self.slots(), wanted)
    }

    /// Every good uberblock, unordered, with repeats.
    pub(crate) fn uberblocks(&self) -> Vec<Uberblock> {
        self.slots().filter_map(|slot| slot.verify()).collect()
    }
}

/// The configuration in the region at byte `at` of a device.
fn parse_config<'r>(
    region: &'r [u8],
    at: u64,
    siblings: &mut Siblings<'r>,
) -> Result<LabelConfig, LabelError> {
    siblings.verify(region, label_verifier(at), Sum::Whole)?;
    let (list, ..) = NvList::decode_prefix(&region[..PHYS_SIZE - embedded::LEN])?;
    let config = LabelConfig::parse(&list)?;
    // Source: `zpool_read_label()`, OpenZFS `lib/libzutil/zutil_import.c`, zfs-2.3.2.
    if config.txg == 0 && !config.is_auxiliary() {
        return Err(ConfigError::NoTxg { pool: config.id() }.into());
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::Memory;
    use crate::uberblock::tests::slot;
    use proptest::prelude::*;
    use std::sync::Arc;
    use zsend_ondisk::Order;
    use zsend_records::nvlist::{Encoding, NvValue};

    /// LabelContents of the place of a label.
    #[derive(Clone, Copy, Debug)]
    enum LabelContents {
        /// Nothing.
        Empty,
        /// A label of the pool with this guid, written in this txg, and an uberblock of it.
        Of { pool: u64, txg: u64 },
        /// The same with a damaged nvlist; its uberblock is whole.
        Damaged { pool: u64, txg: u64 },
    }

    fn config(pool: u64, txg: u64) -> Vec<u8> {
        let mut tree = NvList::new();
        tree.insert("type", NvValue::String("file".into()));
        tree.insert("id", NvValue::Uint64(0));
        tree.insert("ashift", NvValue::Uint64(9));
        let mut list = NvList::new();
        list.insert("name", NvValue::String(format!("pool{pool}").as_str().into()));
        for (key, value) in
            [("version", 5000), ("state", 0), ("txg", txg), ("pool_guid", pool), ("guid", pool + 1)]
        {
            list.insert(key, NvValue::Uint64(value));
        }
        list.insert("vdev_tree", NvValue::List(tree));
        list.encode(Encoding::Xdr).unwrap()
    }

    fn device(places: [LabelContents; 4]) -> Device {
        let size = 8 << 20;
        let mut bytes = vec![0; size];
        for (i, place) in places.into_iter().enumerate() {
            let (LabelContents::Of { pool, txg } | LabelContents::Damaged { pool, txg }) = place
            else {
                continue;
            };
            let at = zsend_ondisk::label::places(size as u64).unwrap()[i];
            let start = usize::try_from(at + PHYS_OFFSET).unwrap();
            let region = &mut bytes[start..start + PHYS_SIZE];
            let config = config(pool, txg);
            region[..config.len()].copy_from_slice(&config);
            embedded::seal(region, label_verifier(at + PHYS_OFFSET), Sum::Whole, Order::Little)
                .unwrap();
            if matches!(place, LabelContents::Damaged { .. }) {
                region[7] ^= 1;
            }
            let ring = at + RING_OFFSET;
            let uberblock = slot(&[uberblock::MAGIC, 5000, txg, pool], ring, false);
            let start = usize::try_from(ring).unwrap();
            bytes[start..start + uberblock.len()].copy_from_slice(&uberblock);
        }
        Device::new("device", Arc::new(Memory(bytes)))
    }

    fn place() -> impl Strategy<Value = LabelContents> {
        let of = (prop::sample::select(vec![10u64, 20, 30]), 1u64..100);
        prop_oneof![
            1 => Just(LabelContents::Empty),
            4 => of.clone().prop_map(|(pool, txg)| LabelContents::Of { pool, txg }),
            1 => of.prop_map(|(pool, txg)| LabelContents::Damaged { pool, txg }),
        ]
    }

    proptest! {
        /// Each pool that some good label names is there once, with the newest of its labels and
        /// with an uberblock of its own.
        #[test]
        fn labels_of_several_pools_are_told_apart(
            places in [place(), place(), place(), place()],
        ) {
            let mut wanted: Vec<(u64, u64, usize)> = Vec::new();
            for place in places {
                let LabelContents::Of { pool, txg } = place else { continue };
                match wanted.iter_mut().find(|(known, ..)| *known == pool) {
                    Some((_, newest, good)) => (*newest, *good) = (txg.max(*newest), *good + 1),
                    None => wanted.push((pool, txg, 1)),
                }
            }
            let found = read(&device(places)).unwrap_or_default();
            let told: Vec<_> =
                found.iter().map(|l| (l.config.pool_guid, l.config.txg, l.good)).collect();
            prop_assert_eq!(&told, &wanted);
            for labels in found {
                let newest = labels.newest.unwrap();
                // The sum of guids, which is the pool's own guid here, is all that names the pool.
                prop_assert_eq!(newest.guid_sum, labels.config.pool_guid);
                prop_assert!(newest.txg >= labels.config.txg);
            }
        }
    }

    #[test]
    fn a_heartbeat_is_not_a_txg_that_was_written() {
        const MMP_MAGIC: u64 = 0xA11C_EA11;
        let size = 8 << 20;
        let mut bytes = vec![0; size];
        let region = &mut bytes[16 << 10..128 << 10];
        let config = config(10, 5);
        region[..config.len()].copy_from_slice(&config);
        embedded::seal(region, label_verifier(PHYS_OFFSET), Sum::Whole, Order::Little).unwrap();
        // Txg 7 was written here; of txg 9 this device has the host's heartbeat alone.
        for (i, (txg, seq)) in [(7, 0), (9, 3)].into_iter().enumerate() {
            let mut words = [0; 27];
            words[..4].copy_from_slice(&[uberblock::MAGIC, 5000, txg, 10]);
            words[22..25].copy_from_slice(&[MMP_MAGIC, 5, seq << 32 | 2]);
            let at = RING_OFFSET + i as u64 * 1024;
            let slot = slot(&words, at, false);
            let start = usize::try_from(at).unwrap();
            bytes[start..start + slot.len()].copy_from_slice(&slot);
        }
        let labels = read(&Device::new("device", Arc::new(Memory(bytes)))).unwrap();
        let txgs = [labels[0].newest, labels[0].synced].map(|u| u.unwrap().txg);
        assert_eq!(txgs, [9, 7]);
    }

    #[test]
    fn a_reason_is_told_once_for_all_labels_that_have_it() {
        let e = read(&device([LabelContents::Empty; 4])).unwrap_err().to_string();
        assert!(e.starts_with("labels 0, 1, 2, 3: embedded checksum's magic"), "{e}");
        let damaged = LabelContents::Damaged { pool: 10, txg: 1 };
        let e = read(&device([
            damaged,
            LabelContents::Empty,
            LabelContents::Empty,
            LabelContents::Empty,
        ]));
        let e = e.unwrap_err().to_string();
        assert!(e.contains("label 0: ") && e.contains("labels 1, 2, 3: "), "{e}");
    }
}
