//! The devices of a pool that is written: where a block goes, and the uberblocks that lead to all.

use super::DamageError;
use super::codec::compress;
use super::overlay::Overlay;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use zsend_codec::checksum::{self, ChecksumSalt};
use zsend_ondisk::Order;
use zsend_ondisk::blkptr::{BlkPtr, Dva};
use zsend_ondisk::embedded::{self, Sum, label_verifier};
use zsend_ondisk::label::{
    DATA_START, LabelBuilder, PHYS_OFFSET, PHYS_SIZE, RING_OFFSET, data_size, places,
};
use zsend_ondisk::uberblock::{RING_SIZE, UberblockPhys, slot_size};
use zsend_pool::config::{LabelConfig, VdevConfig, VdevType};
use zsend_pool::{Device, Source, Zbookmark};
use zsend_records::nvlist::NvList;
use zsend_records::types::{Checksum, Compress, DmuType};

/// A stretch that is looked at as one when room is searched for.
const PIECE: usize = 128 << 10;

/// Form of a block that is written, and what its pointer says beside the place and the sum.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) object_type: DmuType,
    pub(super) level: u32,
    /// Wanted codec: a block that it does not shrink is stored as it is.
    pub(super) compress: Compress,
    pub(super) checksum: Checksum,
    pub(super) order: Order,
    pub(super) is_dedup: bool,
    pub(super) births: [u64; 2],
    pub(super) fill: u64,
    /// The top-level vdev of each copy.
    pub(super) copies: Vec<u64>,
}

impl Form {
    /// The form of a block that is there.
    ///
    /// # Errors
    /// The block is of a kind that is not written.
    pub(super) fn of(bp: &BlkPtr, at: Zbookmark) -> Result<Self, DamageError> {
        match () {
            () if bp.is_embedded() => Err(DamageError::Embedded(at)),
            () if bp.is_hole() => Err(DamageError::Absent(at)),
            () if bp.uses_crypt() => Err(DamageError::Encrypted(at)),
            () if bp.dvas().any(Dva::is_gang) => Err(DamageError::Gang(at)),
            () => Ok(Self {
                object_type: bp.object_type(),
                level: bp.level(),
                compress: bp.compress(),
                checksum: bp.checksum_type(),
                order: bp.order(),
                is_dedup: bp.is_dedup(),
                births: [bp.logical_birth(), bp.physical_birth()],
                fill: bp.fill(),
                copies: bp.dvas().map(Dva::vdev).collect(),
            }),
        }
    }
}

/// A leaf and what was written to it.
#[derive(Clone, Debug)]
struct Leaf {
    name: String,
    overlay: Arc<Overlay>,
    ashift: u64,
}

/// A top-level vdev whose leaves all hold the same.
#[derive(Clone, Debug)]
struct Top {
    /// Places in the list of leaves.
    leaves: Vec<usize>,
    ashift: u64,
    /// Bytes of its data where nothing lies.
    free: Range<u64>,
}

/// The devices of a pool, with what was written over them.
#[derive(Debug)]
pub(super) struct Disks {
    leaves: Vec<Leaf>,
    tops: BTreeMap<u64, Top>,
    /// Salt of the salted checksums, if the pool has one.
    pub(super) salt: Option<ChecksumSalt>,
}

impl Clone for Disks {
    /// The same devices, from here on written apart.
    fn clone(&self) -> Self {
        let fork = |leaf: &Leaf| Leaf { overlay: Arc::new(leaf.overlay.fork()), ..leaf.clone() };
        Self {
            leaves: self.leaves.iter().map(fork).collect(),
            tops: self.tops.clone(),
            salt: self.salt.clone(),
        }
    }
}

impl Disks {
    /// Devices that have labels.
    pub(super) fn open(devices: &[Device]) -> Result<Self, DamageError> {
        let (mut leaves, mut guids, mut configs) = (Vec::new(), Vec::new(), BTreeMap::new());
        for device in devices {
            let config =
                label(device).ok_or_else(|| DamageError::NoLabel(device.name().to_owned()))?;
            let (name, ashift) = (device.name().to_owned(), config.top.ashift);
            leaves.push(Leaf { name, overlay: Arc::new(Overlay::new(device.clone())), ashift });
            guids.push(config.guid);
            configs.insert(config.top.id, config.top);
        }
        let is_leaf = |config: &VdevConfig| [VdevType::Disk, VdevType::File].contains(&config.kind);
        let place = |config: &VdevConfig| {
            guids.iter().position(|guid| *guid == config.guid).filter(|_| is_leaf(config))
        };
        let tops = configs.into_iter().filter_map(|(id, config)| {
            let sides: Option<Vec<usize>> = match config.kind {
                VdevType::Mirror => config.children.iter().map(place).collect(),
                VdevType::Disk | VdevType::File => place(&config).map(|leaf| vec![leaf]),
                VdevType::Root
                | VdevType::Replacing
                | VdevType::Spare
                | VdevType::Raidz
                | VdevType::Draid
                | VdevType::DraidSpare
                | VdevType::Indirect
                | VdevType::Hole
                | VdevType::Missing
                | VdevType::Unknown(_) => None,
            };
            let sides = sides?;
            let free = room(&sides, &leaves, config.asize);
            Some((id, Top { leaves: sides, ashift: config.ashift, free }))
        });
        let tops = tops.collect();
        Ok(Self { leaves, tops, salt: None })
    }

    /// New devices, all sides of one vdev with sectors of `1 << ashift` and `asize` bytes for data.
    pub(super) fn new(devices: &[Device], ashift: u64, asize: u64) -> Self {
        let leaf = |device: &Device| Leaf {
            name: device.name().to_owned(),
            overlay: Arc::new(Overlay::new(device.clone())),
            ashift,
        };
        let leaves: Vec<Leaf> = devices.iter().map(leaf).collect();
        let top = Top { leaves: (0..leaves.len()).collect(), ashift, free: 0..asize };
        Self { leaves, tops: BTreeMap::from([(0, top)]), salt: None }
    }

    /// The devices as a reader sees them; what is written later shows on them, too.
    pub(super) fn devices(&self) -> Vec<Device> {
        let device = |leaf: &Leaf| {
            Device::new(leaf.name.clone(), Arc::clone(&leaf.overlay) as Arc<dyn Source>)
        };
        self.leaves.iter().map(device).collect()
    }

    /// Writes a block where nothing lay before, in every copy, and gives its pointer.
    pub(super) fn store(&mut self, block: &[u8], form: &Form) -> Result<BlkPtr, DamageError> {
        let packed = compress(form.compress, block).map_err(DamageError::Compress)?;
        let ashift = form.copies.iter().filter_map(|vdev| self.tops.get(vdev)).map(|t| t.ashift);
        let unit = 1_usize << ashift.max().unwrap_or(9).clamp(9, 16);
        let packed = packed.map(|mut stored| {
            stored.resize(stored.len().next_multiple_of(unit), 0);
            stored
        });
        let (compress, stored) = match packed.filter(|stored| stored.len() < block.len()) {
            Some(stored) => (form.compress, stored),
            None => (Compress::OFF, block.to_vec()),
        };
        let big = form.order == Order::Big;
        let sum = checksum::compute(form.checksum, &stored, big, self.salt.as_ref())?;
        let mut bp = BlkPtr::builder()
            .lsize(block.len() as u64)
            .psize(stored.len() as u64)
            .compress(compress)
            .checksum_type(form.checksum)
            .checksum(sum)
            .object_type(form.object_type)
            .level(form.level)
            .order(form.order)
            .dedup(form.is_dedup)
            .logical_birth(form.births[0])
            .fill(form.fill);
        if form.births[0] != form.births[1] {
            bp = bp.physical_birth(form.births[1]);
        }
        for (i, &vdev) in form.copies.iter().enumerate() {
            bp = bp.dva(i, self.put(vdev, &stored)?);
        }
        let at = Zbookmark::default();
        bp.build().map_err(|source| DamageError::Layout { at, source })
    }

    /// Writes bytes to every side of a vdev, where nothing lay before.
    fn put(&mut self, vdev: u64, stored: &[u8]) -> Result<Dva, DamageError> {
        let top = self.tops.get_mut(&vdev).ok_or(DamageError::Vdev(vdev))?;
        let asize = (stored.len() as u64).next_multiple_of(1 << top.ashift.clamp(9, 16));
        let free = &mut top.free;
        let offset = free.start;
        if free.end.saturating_sub(offset) < asize {
            return Err(DamageError::NoRoom { vdev, bytes: asize });
        }
        free.start += asize;
        for &leaf in &top.leaves {
            self.leaves[leaf].overlay.write(DATA_START + offset, stored);
        }
        let at = Zbookmark::default();
        Dva::new(vdev, offset, asize).map_err(|source| DamageError::Layout { at, source })
    }

    /// Puts another root into the uberblock of that txg and time, wherever a good one lies.
    pub(super) fn reseal(&self, txg: u64, time: u64, root: &BlkPtr) -> Result<(), DamageError> {
        let mut count = 0;
        for (leaf, ring) in self.rings() {
            let mut bytes = vec![0; RING_SIZE];
            if leaf.overlay.read_at(&mut bytes, ring).is_err() {
                continue;
            }
            let slot = slot_size(leaf.ashift);
            for (at, slot) in (ring..).step_by(slot).zip(bytes.chunks_exact_mut(slot)) {
                let Some((mut phys, order)) = UberblockPhys::parse(slot) else { continue };
                let is_newest = (phys.txg.get(), phys.timestamp.get()) == (txg, time);
                if is_newest && embedded::verify(slot, label_verifier(at), Sum::Whole).is_ok() {
                    phys.rootbp = root.to_bytes(Order::Little);
                    phys.seal_in(slot, at, order).expect("a slot has room for a sum");
                    leaf.overlay.write(at, slot);
                    count += 1;
                }
            }
        }
        if count == 0 { Err(DamageError::NoUberblock(txg)) } else { Ok(()) }
    }

    /// The ring of each label of each leaf: its first byte on the device.
    fn rings(&self) -> impl Iterator<Item = (&Leaf, u64)> {
        self.leaves.iter().flat_map(|leaf| {
            let labels = places(leaf.overlay.size()).into_iter().flatten();
            labels.map(move |label| (leaf, label + RING_OFFSET))
        })
    }

    /// Writes all labels: the packed configuration of each leaf, and one uberblock.
    pub(super) fn label(&self, configs: &[Vec<u8>], uberblock: &UberblockPhys) {
        let uberblocks = &[*uberblock];
        for (leaf, config) in self.leaves.iter().zip(configs) {
            let label = LabelBuilder { config, uberblocks, ashift: leaf.ashift, boot_env: None };
            for at in places(leaf.overlay.size()).into_iter().flatten() {
                let bytes = label.build(at, Order::Little).expect("a short configuration");
                leaf.overlay.write(at, &bytes);
            }
        }
    }
}

/// The configuration of the first label that has one.
fn label(device: &Device) -> Option<LabelConfig> {
    places(device.size())?.into_iter().find_map(|label| {
        let phys = device.read_bytes(label + PHYS_OFFSET, PHYS_SIZE).ok()?;
        let (list, ..) = NvList::decode_prefix(&phys).ok()?;
        LabelConfig::parse(&list).ok()
    })
}

/// The longest stretch of zeros that all sides have. Its beginning may be the end of a block that lies
/// before it, so it is left out.
fn room(sides: &[usize], leaves: &[Leaf], asize: u64) -> Range<u64> {
    let sides: Vec<&Overlay> = sides.iter().map(|&side| &*leaves[side].overlay).collect();
    let size = sides.iter().map(|side| side.size()).min().unwrap_or_default();
    let pieces = data_size(size).map_or(0, |data| asize.min(data)) / PIECE as u64;
    let (mut buffer, zeros) = (vec![0; PIECE], vec![0; PIECE]);
    let mut is_blank = |piece: u64| {
        sides.iter().all(|side| {
            let at = DATA_START + piece * PIECE as u64;
            side.read_at(&mut buffer, at).is_ok() && buffer == zeros
        })
    };
    let (mut longest, mut run) = (0..0, 0..0);
    for piece in 0..pieces {
        run = if is_blank(piece) { run.start..piece + 1 } else { piece + 1..piece + 1 };
        if run.end - run.start > longest.end - longest.start {
            longest = run.clone();
        }
    }
    let start = if longest.start == 0 { 0 } else { longest.start + 1 };
    start * PIECE as u64..longest.end.max(start) * PIECE as u64
}
