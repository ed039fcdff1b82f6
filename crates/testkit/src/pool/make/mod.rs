//! Small pools, written from nothing.

mod mos;
mod objset;

use super::disks::{Disks, Form};
use super::overlay::Blank;
use super::{DamageError, MendedPool};
use mos::{config, leaf_guid, mos, vdev_tree};
use objset::objset;
use std::sync::Arc;
use zerocopy::FromZeros;
use zsend_ondisk::Order;
use zsend_ondisk::label::data_size;
use zsend_ondisk::names::config as key;
use zsend_ondisk::uberblock::{MAGIC, UberblockPhys};
use zsend_ondisk::zap::{MAX_MICRO_SIZE, NewEntry, ZapBuilder, ZapHash};
use zsend_pool::{Device, OpenOptions};
use zsend_records::nvlist::{Encoding, NvValue};
use zsend_records::types::{Checksum, Compress, DmuType, ObjsetType};

/// Name of every pool that is made here.
pub const NAME: &str = "small";
/// Name of the snapshot of its one dataset.
pub const SNAPSHOT: &str = "small@s";
/// Object of the head of the dataset, in the MOS.
pub const HEAD: u64 = 7;
/// Object of the snapshot, in the MOS.
pub const SNAPSHOT_OBJECT: u64 = 13;
/// Most objects of the dataset: three blocks of dnodes, less the slot of object zero.
pub const MOST_OBJECTS: usize = 95;

/// Pool version: the last but one without `$ORIGIN`, which needs the fewest objects.
const VERSION: u64 = 10;
/// Bytes of a device: `SPA_MINDEVSIZE`.
const DEVICE_SIZE: u64 = 64 << 20;
/// Bytes for data, in whole metaslabs.
const ASIZE: u64 =
    data_size(DEVICE_SIZE).expect("room for data") >> METASLAB_SHIFT << METASLAB_SHIFT;
const METASLAB_SHIFT: u64 = 24;
/// Txg that all was written in, and the time of the uberblock.
const TXG: u64 = 10;
const TIME: u64 = 1_700_000_000;
const POOL_GUID: u64 = 0x5e11_0001;
/// Guid of the mirror, where there is one; those of the disks follow.
const TOP_GUID: u64 = 0x5e11_0002;
/// log2 of an indirect block's bytes.
const INDIRECT_SHIFT: u8 = 14;

/// An object of a small pool's dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallObject {
    /// `dn_type`.
    pub object_type: DmuType,
    /// Sectors of a data block.
    pub sectors: u16,
    /// Wanted codec; see [`MendedPool`].
    pub compress: Compress,
    /// Checksum of its data; one without salt.
    pub checksum: Checksum,
    /// Type and bytes of the bonus.
    pub bonus: (DmuType, Vec<u8>),
    /// Its blocks, `None` for a hole. A block that is shorter than the others ends in zeros, a longer one is
    /// cut.
    pub blocks: Vec<Option<Vec<u8>>>,
}

/// A pool of one disk, or of a mirror, with one dataset and a snapshot of it: a volume, whose objects may be
/// of any type. It is exported, of version 10, little-endian, and `zdb -e` opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallPool {
    /// Sides of the mirror; one or none make a disk.
    pub sides: usize,
    /// log2 of the sector size, 9 to 12.
    pub ashift: u8,
    /// The objects of the dataset, from number 1 on; `None` for a number without one. Those past
    /// [`MOST_OBJECTS`] are left out.
    pub objects: Vec<Option<SmallObject>>,
}

impl Default for SmallPool {
    /// A disk, and a volume of two blocks.
    fn default() -> Self {
        let volume = SmallObject {
            object_type: DmuType(23),
            sectors: 16,
            compress: Compress::LZ4,
            checksum: Checksum::FLETCHER_4,
            bonus: (DmuType::NONE, Vec::new()),
            blocks: vec![Some(vec![7; 8192]), Some((0..=255).cycle().take(8192).collect())],
        };
        let size = SmallObject {
            object_type: DmuType(24),
            sectors: 1,
            blocks: vec![Some(micro_zap(&[("size", 16384)]))],
            ..volume.clone()
        };
        Self { sides: 1, ashift: 9, objects: vec![Some(volume), Some(size)] }
    }
}

impl SmallPool {
    /// Writes it to devices in memory.
    ///
    /// # Errors
    /// A block or a bonus that has no room, a checksum with salt, and what opening the pool gives.
    pub fn build(&self) -> Result<MendedPool, DamageError> {
        let sides = self.sides.clamp(1, 4);
        let device = |i| Device::new(format!("side {i}"), Arc::new(Blank(DEVICE_SIZE)));
        let devices: Vec<Device> = (0..sides).map(device).collect();
        let ashift = u64::from(self.ashift.clamp(9, 12));
        let mut disks = Disks::new(&devices, ashift, ASIZE);
        let objects = self.objects.iter().take(MOST_OBJECTS).cloned();
        let dataset = objset(&mut disks, ObjsetType::ZVOL, &objects.collect::<Vec<_>>())?;
        let vdev = vdev_tree(sides, ashift);
        let mos = objset(&mut disks, ObjsetType::META, &mos(&dataset, &vdev))?;
        let guids = (0..sides as u64).map(|i| leaf_guid(sides, i)).sum::<u64>();
        let top = if sides > 1 { TOP_GUID } else { 0 };
        let mut uberblock = UberblockPhys::new_zeroed();
        uberblock.magic = MAGIC.into();
        (uberblock.version, uberblock.software_version) = (VERSION.into(), VERSION.into());
        (uberblock.txg, uberblock.timestamp) = (TXG.into(), TIME.into());
        uberblock.guid_sum = (POOL_GUID + top + guids).into();
        uberblock.rootbp = mos.to_bytes(Order::Little);
        let configs = (0..sides as u64).map(|i| {
            let mut list = config();
            list.insert(
                key::TOP_GUID,
                NvValue::Uint64(if sides > 1 { TOP_GUID } else { leaf_guid(1, 0) }),
            );
            list.insert(key::GUID, NvValue::Uint64(leaf_guid(sides, i)));
            list.insert(key::VDEV_CHILDREN, NvValue::Uint64(1));
            list.insert(key::VDEV_TREE, NvValue::List(vdev.clone()));
            list.encode(Encoding::Xdr).expect("a short list")
        });
        disks.label(&configs.collect::<Vec<_>>(), &uberblock);
        MendedPool::of(disks, NAME, &OpenOptions::default())
    }
}

/// The one block of a micro ZAP of these names and their values.
///
/// # Panics
/// For a name that is longer than 49 bytes, empty, or there twice.
pub fn micro_zap(entries: &[(&str, u64)]) -> Vec<u8> {
    let hash = ZapHash { salt: 0x5a17, ..ZapHash::default() };
    let entries = entries.iter().map(|(name, value)| NewEntry::number(name, *value)).collect();
    let block = ZapBuilder { hash, entries }.micro(MAX_MICRO_SIZE);
    block.expect("names that are short, and each another")
}
