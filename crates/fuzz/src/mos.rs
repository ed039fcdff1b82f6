//! Object sets in memory.

use std::sync::Arc;
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DNODE_BLOCK_SIZE, DnodeBuilder, DnodePhys};
use zsend_ondisk::objset::{self, ObjsetBuilder, SIZE_V1};
use zsend_pool::blkptr::{BlkPtr, Dva};
use zsend_pool::{BlockCache, Objset};
use zsend_records::types::{DmuType, ObjsetType};

/// Bytes of a sector.
pub(crate) const SECTOR: usize = 512;
/// Sector where the block of dnodes lies, behind the object set's own block.
const DNODES: u64 = (SIZE_V1 / SECTOR) as u64;
/// The first sector behind those.
pub(crate) const FREE: u64 = DNODES + (DNODE_BLOCK_SIZE / SECTOR) as u64;

/// An object set of these dnodes of one slot, from object 1 on; `data` lies from sector [`FREE`] on.
pub(crate) fn objset(dnodes: &[DnodeBuilder], data: &[u8]) -> Objset {
    let meta = DnodeBuilder {
        core: core(DmuType::DNODE, 32, 0),
        pointers: vec![pointer(DmuType::DNODE, DNODES, 32)],
        ..DnodeBuilder::default()
    };
    let root = ObjsetBuilder::new(ObjsetType::ZFS, meta).build(Order::Little);
    let mut device = root.expect("a dnode of one slot");
    let dnodes = objset::dnodes(dnodes.iter().map(Some), Order::Little);
    device.extend(dnodes.expect("dnodes of one slot"));
    device.extend(data);
    let (zio, cache) = (Arc::new(crate::memory::zio(&device, 9)), Arc::new(BlockCache::default()));
    Objset::open(&zio, &cache, 1, pointer(DmuType::OBJSET, 0, DNODES), None)
        .expect("the object set is sound")
}

/// A pointer without checksum to `sectors` at `sector`.
pub(crate) fn pointer(kind: DmuType, sector: u64, sectors: u64) -> BlkPtr {
    let bp = BlkPtr::builder()
        .object_type(kind)
        .size(sectors * 512)
        .dva(0, Dva::new(0, sector * 512, sectors * 512).expect("a small device"))
        .logical_birth(1);
    bp.build().expect("a small block")
}

/// The fixed part of a dnode that points to data blocks of `sectors`.
pub(crate) fn core(kind: DmuType, sectors: u16, maxblkid: u64) -> DnodePhys {
    DnodePhys {
        kind: kind.0,
        indblkshift: 14,
        nlevels: 1,
        checksum: 2,
        compress: 2,
        datablkszsec: sectors.into(),
        maxblkid: maxblkid.into(),
        ..DnodePhys::default()
    }
}
