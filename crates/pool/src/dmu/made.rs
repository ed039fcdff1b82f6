//! Object sets made in memory, for tests.

use super::objset::Objset;
use crate::blkptr::{BlkPtr, BlkPtrBuilder, Dva};
use crate::cache::BlockCache;
use crate::zio::read::tests::zio_of;
use std::sync::Arc;
use zsend_ondisk::Order;
use zsend_records::types::DmuType;

/// Where an object set's block lies, and where what a test adds may begin.
const ROOT: u64 = 0;
const DNODES: u64 = 4096;
pub(crate) const FREE: u64 = 64 << 10;

/// A pointer without checksum to `len` bytes at `offset`.
pub(crate) fn builder(kind: u8, level: u32, offset: u64, len: u64) -> BlkPtrBuilder {
    let dva = Dva::new(0, offset, len).unwrap();
    let bp = BlkPtr::builder().object_type(DmuType(kind)).level(level).size(len);
    bp.dva(0, dva).logical_birth(1)
}

/// The same, built.
pub(crate) fn pointer(kind: u8, level: u32, offset: u64, len: u64) -> BlkPtr {
    builder(kind, level, offset, len).build().unwrap()
}

/// Words as they lie in memory.
pub(crate) fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// A dnode, of which only what is set is not zero.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) kind: u8,
    pub(crate) bonustype: u8,
    pub(crate) levels: u8,
    pub(crate) indblkshift: u8,
    pub(crate) sectors: u16,
    pub(crate) maxblkid: u64,
    pub(crate) pointers: Vec<BlkPtr>,
    pub(crate) bonus: Vec<u8>,
    pub(crate) spill: Option<BlkPtr>,
}

impl Made {
    fn dnode(&self) -> Vec<u8> {
        let mut d = vec![0; 512];
        let spill = if self.spill.is_some() { 4 } else { 0 };
        let count = u8::try_from(self.pointers.len()).unwrap();
        let core = [self.kind, self.indblkshift, self.levels, count, self.bonustype, 2, 2, spill];
        d[..8].copy_from_slice(&core);
        d[8..10].copy_from_slice(&self.sectors.to_le_bytes());
        d[10..12].copy_from_slice(&u16::try_from(self.bonus.len()).unwrap().to_le_bytes());
        d[16..24].copy_from_slice(&self.maxblkid.to_le_bytes());
        let pointers = self.pointers.iter().flat_map(|bp| bp.to_bytes(Order::Little));
        let rest: Vec<u8> = pointers.chain(self.bonus.iter().copied()).collect();
        d[64..64 + rest.len()].copy_from_slice(&rest);
        if let Some(spill) = &self.spill {
            d[384..].copy_from_slice(&spill.to_bytes(Order::Little));
        }
        d
    }
}

/// A filesystem of these objects from number 1 on, with an intent log's header and what lies elsewhere.
pub(crate) fn objset(objects: &[Made], zil: &[u8], parts: &[(u64, &[u8])]) -> Objset {
    let mut root = vec![0; 1024];
    let pointers = vec![pointer(10, 0, DNODES, 16 << 10)];
    let meta = Made { kind: 10, levels: 1, sectors: 32, pointers, ..Made::default() };
    root[..512].copy_from_slice(&meta.dnode());
    root[512..512 + zil.len()].copy_from_slice(zil);
    root[704] = 2;
    let mut dnodes = vec![0; 512];
    objects.iter().for_each(|object| dnodes.extend(object.dnode()));
    dnodes.resize(16 << 10, 0);
    let mut all: Vec<(u64, &[u8])> = vec![(ROOT, &root), (DNODES, &dnodes)];
    all.extend(parts);
    // An offset of zero is no hole: the pointer has a size.
    let bp = pointer(11, 0, ROOT, 1024);
    let cache = Arc::new(BlockCache::default());
    Objset::open(&Arc::new(zio_of(&all, 9)), &cache, 1, bp, None).unwrap()
}
