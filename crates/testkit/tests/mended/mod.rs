//! Places in the pools that are damaged, and checks of what was written.

#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test program uses some of it"
)]

use bytes::Bytes;
use std::collections::BTreeSet;
use zsend_codec::checksum;
use zsend_ondisk::blkptr::BlkPtr;
use zsend_ondisk::label::DATA_START;
use zsend_pool::{Dnode, Objset, Pool, PoolError, Zbookmark};
use zsend_records::types::DmuType;
use zsend_testkit::pool::MendedPool;
use zsend_testkit::pool::change::objsets;

/// A fixture whose blocks can be changed.
pub fn fixture(name: &str) -> MendedPool {
    MendedPool::fixture(name).unwrap()
}

/// A block of a pool's files.
#[derive(Clone, Copy, Debug)]
pub struct FileBlock {
    pub objset: u64,
    pub object: u64,
    pub blkid: u64,
}

impl FileBlock {
    pub fn at(self) -> Zbookmark {
        Zbookmark::new(self.objset, self.object, 0, self.blkid)
    }

    /// Contents of the block as the pool has them now.
    pub fn read(self, pool: &Pool) -> Result<Bytes, PoolError> {
        let os = objset(pool, self.objset)?;
        let dnode = os.dnode(self.object)?;
        Ok(os.block(&dnode, self.object, self.blkid)?.expect("it was no hole"))
    }
}

/// The object set of a dataset by its object.
pub fn objset(pool: &Pool, object: u64) -> Result<Objset, PoolError> {
    pool.objset(&zsend_pool::Dataset::open(pool.mos(), object)?)
}

/// Every object of a pool's datasets that has one of these types.
pub fn objects(pool: &Pool, wanted: impl Fn(&Dnode) -> bool) -> Vec<(u64, u64)> {
    let sets = objsets(pool).into_iter().filter(|&object| object != 0);
    let mut found = Vec::new();
    for (id, os) in sets.filter_map(|object| Some((object, objset(pool, object).ok()?))) {
        let all = (1..300).filter(|&object| os.dnode(object).is_ok_and(|dnode| wanted(&dnode)));
        found.extend(all.map(|object| (id, object)));
    }
    found
}

/// Blocks of the pool's files that are neither holes, gangs, encrypted nor in their pointer: one for each file.
pub fn file_blocks(pool: &Pool) -> Vec<FileBlock> {
    let files = objects(pool, |dnode| dnode.object_type == DmuType::PLAIN_FILE_CONTENTS);
    let block = |(id, object): (u64, u64)| {
        let os = objset(pool, id).ok()?;
        let dnode = os.dnode(object).ok()?;
        let blkid = (0..=dnode.maxblkid.min(20)).find(|&blkid| {
            let bp = os.block_pointer(&dnode, object, blkid);
            bp.is_ok_and(|bp| {
                !(bp.is_hole() || bp.is_embedded() || bp.is_gang() || bp.uses_crypt())
            })
        })?;
        Some(FileBlock { objset: id, object, blkid })
    };
    files.into_iter().filter_map(block).collect()
}

/// Checks a block on every device that has a copy of it, by the pointer's own sum.
pub fn every_copy_has(pool: &MendedPool, bp: &BlkPtr, is_mirror: bool) {
    let devices = pool.devices();
    let mut seen = BTreeSet::new();
    for dva in bp.dvas() {
        let at = DATA_START + dva.offset();
        for (i, device) in devices.iter().enumerate() {
            if is_mirror || i as u64 == dva.vdev() {
                let stored = device.read_bytes(at, usize::try_from(bp.psize()).unwrap()).unwrap();
                let big = bp.is_big_endian();
                let sum = checksum::compute(bp.checksum_type(), &stored, big, None).unwrap();
                assert_eq!(sum, bp.checksum(), "{} at {at:#x}", device.name());
                seen.insert((i, at));
            }
        }
    }
    let sides = if is_mirror { devices.len() } else { 1 };
    assert_eq!(seen.len(), bp.dvas().count() * sides);
}

/// Checks that no read needed another copy than the first.
pub fn healthy(pool: &Pool) {
    assert_eq!(pool.zio().recovered().count(), 0, "{:?}", pool.zio().healed());
}
