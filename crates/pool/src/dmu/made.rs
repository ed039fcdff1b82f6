//! Object sets made in memory, for tests.

use super::objset::Objset;
use crate::blkptr::BlkPtr;
use crate::cache::BlockCache;
use crate::zio::read::tests::zio_of;
use std::sync::Arc;

/// Where an object set's block lies, and where what a test adds may begin.
const ROOT: u64 = 0;
const DNODES: u64 = 4096;
pub(crate) const FREE: u64 = 64 << 10;

/// A pointer without checksum to `len` bytes at `offset`.
pub(crate) fn pointer(kind: u8, level: u64, offset: u64, len: u64) -> [u64; 16] {
    let mut words = [0; 16];
    let sectors = len / 512;
    (words[0], words[1], words[10]) = (sectors, offset >> 9, 1);
    words[6] = ((sectors - 1) * 0x1_0001)
        | 2 << 32
        | 2 << 40
        | u64::from(kind) << 48
        | level << 56
        | 1 << 63;
    words
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
    pub(crate) pointers: Vec<[u64; 16]>,
    pub(crate) bonus: Vec<u8>,
    pub(crate) spill: Option<[u64; 16]>,
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
        let rest = [bytes(self.pointers.as_flattened()), self.bonus.clone()].concat();
        d[64..64 + rest.len()].copy_from_slice(&rest);
        if let Some(spill) = &self.spill {
            d[384..].copy_from_slice(&bytes(spill));
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
    let mut bp = pointer(11, 0, ROOT, 1024);
    // An offset of zero is no hole: the pointer has a size.
    bp[10] = 1;
    let cache = Arc::new(BlockCache::default());
    Objset::open(&Arc::new(zio_of(&all, 9)), &cache, 1, BlkPtr::from_words(bp), None).unwrap()
}
