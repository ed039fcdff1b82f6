//! Parts of every small pool beside its data: the configuration and the objects of the MOS.

use super::{
    ASIZE, HEAD, METASLAB_SHIFT, NAME, POOL_GUID, SNAPSHOT_OBJECT, SmallObject, TIME, TOP_GUID,
    TXG, VERSION, micro_zap,
};
use zerocopy::{FromZeros, IntoBytes};
use zsend_ondisk::Order;
use zsend_ondisk::blkptr::BlkPtr;
use zsend_ondisk::bpobj::{BpobjForm, BpobjPhys};
use zsend_ondisk::dsl::{DatasetPhys, DirPhys};
use zsend_ondisk::names::{config as key, dir, directory};
use zsend_pool::config::PoolState;
use zsend_records::nvlist::{Encoding, NvList, NvValue};
use zsend_records::sizes::in_memory;
use zsend_records::types::{Checksum, Compress, DmuType};

/// Numbers of object types. Source: OpenZFS `include/sys/dmu.h`, zfs-2.3.2.
mod kind {
    pub(super) const OBJECT_DIRECTORY: u8 = 1;
    pub(super) const OBJECT_ARRAY: u8 = 2;
    pub(super) const PACKED_NVLIST: u8 = 3;
    pub(super) const PACKED_NVLIST_SIZE: u8 = 4;
    pub(super) const BPOBJ: u8 = 5;
    pub(super) const BPOBJ_HDR: u8 = 6;
    pub(super) const DSL_DIR: u8 = 12;
    pub(super) const DSL_DIR_CHILD_MAP: u8 = 13;
    pub(super) const DSL_DS_SNAP_MAP: u8 = 14;
    pub(super) const DSL_PROPS: u8 = 15;
    pub(super) const DSL_DATASET: u8 = 16;
}

/// Guid of a side. The only side is its own top-level vdev.
pub(super) const fn leaf_guid(sides: usize, i: u64) -> u64 {
    TOP_GUID + i + (sides > 1) as u64
}

/// The pool's one top-level vdev, with the keys of `vdev_config_generate()`, OpenZFS
/// `module/zfs/vdev_label.c`, zfs-2.3.2.
pub(super) fn vdev_tree(sides: usize, ashift: u64) -> NvList {
    let vdev = |kind: &str, id: u64, guid: u64| {
        let mut list = NvList::new();
        list.insert(key::TYPE, NvValue::String(kind.into()));
        list.insert(key::ID, NvValue::Uint64(id));
        list.insert(key::GUID, NvValue::Uint64(guid));
        list
    };
    let leaf = |id: u64| {
        let mut list = vdev("file", id, leaf_guid(sides, id));
        list.insert(key::PATH, NvValue::String(format!("/{id}.img").as_str().into()));
        list
    };
    let mut top = if sides > 1 { vdev("mirror", 0, TOP_GUID) } else { leaf(0) };
    for (key, value) in [
        (key::METASLAB_ARRAY, 15),
        (key::METASLAB_SHIFT, METASLAB_SHIFT),
        (key::ASHIFT, ashift),
        (key::ASIZE, ASIZE),
        (key::IS_LOG, 0),
    ] {
        top.insert(key, NvValue::Uint64(value));
    }
    if sides > 1 {
        top.insert(key::CHILDREN, NvValue::ListArray((0..sides as u64).map(leaf).collect()));
    }
    top
}

/// The keys that the labels and the MOS have in common: `spa_config_generate()`, OpenZFS
/// `module/zfs/spa_config.c`, zfs-2.3.2.
pub(super) fn config() -> NvList {
    let mut list = NvList::new();
    list.insert(key::VERSION, NvValue::Uint64(VERSION));
    list.insert(key::NAME, NvValue::String(NAME.into()));
    list.insert(key::STATE, NvValue::Uint64(PoolState::EXPORTED.0));
    list.insert(key::TXG, NvValue::Uint64(TXG));
    list.insert(key::POOL_GUID, NvValue::Uint64(POOL_GUID));
    list
}

/// The objects of the MOS, from number 1 on. Source of what there must be: `dsl_pool_open()`, OpenZFS
/// `module/zfs/dsl_pool.c`, and `spa_load_impl()`, `module/zfs/spa.c`, zfs-2.3.2.
pub(super) fn mos(dataset: &BlkPtr, vdev: &NvList) -> Vec<Option<SmallObject>> {
    let mut root = NvList::new();
    root.insert(key::TYPE, NvValue::String("root".into()));
    root.insert(key::ID, NvValue::Uint64(0));
    root.insert(key::GUID, NvValue::Uint64(POOL_GUID));
    root.insert(key::CHILDREN, NvValue::ListArray(vec![vdev.clone()]));
    let mut list = config();
    list.insert(key::VDEV_CHILDREN, NvValue::Uint64(1));
    list.insert(key::VDEV_TREE, NvValue::List(root));
    let packed = list.encode(Encoding::Xdr).expect("a short list");

    let dir = |head: u64, parent: u64, children: u64, props: u64| {
        let mut phys = DirPhys::new_zeroed();
        (phys.head_dataset_obj, phys.parent_obj) = (head.into(), parent.into());
        (phys.child_dir_zapobj, phys.props_zapobj) = (children.into(), props.into());
        phys.creation_time = TIME.into();
        bonus(kind::DSL_DIR, kind::DSL_DIR, phys.as_bytes())
    };
    let ds = |set: &dyn Fn(&mut DatasetPhys)| {
        let mut phys = DatasetPhys::new_zeroed();
        phys.dir_obj = 2.into();
        phys.creation_time = TIME.into();
        phys.bp = dataset.to_bytes(Order::Little);
        set(&mut phys);
        bonus(kind::DSL_DATASET, kind::DSL_DATASET, phys.as_bytes())
    };
    let head = ds(&|phys| {
        (phys.prev_snap_obj, phys.prev_snap_txg) = (SNAPSHOT_OBJECT.into(), (TXG - 1).into());
        (phys.snapnames_zapobj, phys.deadlist_obj) = (11.into(), 12.into());
        (phys.creation_txg, phys.guid, phys.fsid_guid) = (1.into(), 71.into(), 72.into());
    });
    let snapshot = ds(&|phys| {
        (phys.next_snap_obj, phys.num_children) = (HEAD.into(), 1.into());
        phys.deadlist_obj = 14.into();
        (phys.creation_txg, phys.guid, phys.fsid_guid) = ((TXG - 1).into(), 131.into(), 132.into());
    });
    let array = vec![0; in_memory(ASIZE >> METASLAB_SHIFT) * 8];
    let all = [
        zap(
            kind::OBJECT_DIRECTORY,
            &[
                (directory::ROOT_DATASET, 2),
                (directory::CONFIG, 3),
                (directory::SYNC_BPLIST, 4),
                (directory::DEFLATE, 1),
                (directory::CREATION_VERSION, VERSION),
            ],
        ),
        dir(HEAD, 0, 5, 6),
        SmallObject {
            bonus: (
                DmuType(kind::PACKED_NVLIST_SIZE),
                (packed.len() as u64).to_le_bytes().to_vec(),
            ),
            ..data(kind::PACKED_NVLIST, packed)
        },
        empty_bpobj(),
        zap(kind::DSL_DIR_CHILD_MAP, &[(dir::MOS, 8)]),
        zap(kind::DSL_PROPS, &[]),
        head,
        dir(0, 2, 9, 10),
        zap(kind::DSL_DIR_CHILD_MAP, &[]),
        zap(kind::DSL_PROPS, &[]),
        zap(kind::DSL_DS_SNAP_MAP, &[("s", SNAPSHOT_OBJECT)]),
        empty_bpobj(),
        snapshot,
        empty_bpobj(),
        data(kind::OBJECT_ARRAY, array),
    ];
    all.into_iter().map(Some).collect()
}

/// An object of one block.
pub(super) fn data(kind: u8, bytes: Vec<u8>) -> SmallObject {
    let sectors = u16::try_from(bytes.len().div_ceil(512)).expect("a small object");
    SmallObject {
        object_type: DmuType(kind),
        sectors: sectors.max(1),
        compress: Compress::OFF,
        checksum: Checksum::FLETCHER_4,
        bonus: (DmuType::NONE, Vec::new()),
        blocks: vec![Some(bytes)],
    }
}

/// An object without blocks, of which the bonus is all.
fn bonus(kind: u8, bonus_kind: u8, bytes: &[u8]) -> SmallObject {
    let bonus = (DmuType(bonus_kind), bytes.to_vec());
    SmallObject { bonus, blocks: Vec::new(), ..data(kind, Vec::new()) }
}

/// A list of no block pointers, as the first pools had it: a count and the bytes that they stand for.
fn empty_bpobj() -> SmallObject {
    let header = BpobjPhys::new_zeroed().to_bonus(BpobjForm::Counted).expect("zeros");
    bonus(kind::BPOBJ, kind::BPOBJ_HDR, &header)
}

fn zap(kind: u8, entries: &[(&str, u64)]) -> SmallObject {
    data(kind, micro_zap(entries))
}
