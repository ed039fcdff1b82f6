//! Object sets made in memory, for tests.

use super::objset::Objset;
use crate::blkptr::{BlkPtr, BlkPtrBuilder, Dva};
use crate::cache::BlockCache;
use crate::zio::read::tests::zio_of;
use std::sync::Arc;
use zerocopy::IntoBytes;
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_ondisk::objset::{ObjsetBuilder, dnodes};
use zsend_records::types::{DmuType, ObjsetType};

/// Bytes at which an object set's block lies, its dnodes, and what a test adds.
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
pub(crate) struct DnodeFields {
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

impl DnodeFields {
    fn dnode(&self) -> DnodeBuilder {
        let core = DnodePhys {
            kind: self.kind,
            indblkshift: self.indblkshift,
            nlevels: self.levels,
            bonustype: self.bonustype,
            checksum: 2,
            compress: 2,
            datablkszsec: self.sectors.into(),
            maxblkid: self.maxblkid.into(),
            ..DnodePhys::default()
        };
        let (pointers, bonus) = (self.pointers.clone(), self.bonus.clone());
        DnodeBuilder { core, pointers, bonus, spill: self.spill }
    }
}

/// A filesystem of these objects from number 1 on, with an intent log's header and what lies elsewhere.
pub(crate) fn objset(objects: &[DnodeFields], zil: &[u8], parts: &[(u64, &[u8])]) -> Objset {
    let pointers = vec![pointer(10, 0, DNODES, 16 << 10)];
    let meta = DnodeFields { kind: 10, levels: 1, sectors: 32, pointers, ..DnodeFields::default() };
    let mut root = ObjsetBuilder::new(ObjsetType::ZFS, meta.dnode());
    root.zil_header.as_mut_bytes()[..zil.len()].copy_from_slice(zil);
    let root = root.build(Order::Little).unwrap();
    let made: Vec<_> = objects.iter().map(DnodeFields::dnode).collect();
    let dnodes = dnodes(made.iter().map(Some), Order::Little).unwrap();
    let mut all: Vec<(u64, &[u8])> = vec![(ROOT, &root), (DNODES, &dnodes)];
    all.extend(parts);
    // An offset of zero is no hole: the pointer has a size.
    let bp = pointer(11, 0, ROOT, 1024);
    let cache = Arc::new(BlockCache::default());
    Objset::open(&Arc::new(zio_of(&all, 9)), &cache, 1, bp, None).unwrap()
}
