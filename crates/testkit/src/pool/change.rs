//! Arbitrary small pools, and arbitrary changes of any pool: for a fuzzer from its bytes, for proptest as
//! strategies over the same bytes. Fewer bytes make a smaller pool, so what fails shrinks.

use super::make::{SmallObject, SmallPool, micro_zap};
use super::{DamageError, MendedPool};
use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use zsend_pool::{Pool, Zbookmark};
use zsend_pool::{ROOT_LEVEL, SPILL_BLKID};
use zsend_records::types::{Checksum, Compress, DmuType};

/// Most objects of an arbitrary pool.
const OBJECTS: usize = 40;
/// Most blocks of one of its objects: enough for an indirect block.
const BLOCKS: usize = 9;

impl<'a> Arbitrary<'a> for SmallPool {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let (sides, ashift) = (u.int_in_range(1..=3)?, u.int_in_range(9..=12)?);
        let mut objects = Vec::new();
        while objects.len() < OBJECTS && u.arbitrary::<bool>()? {
            objects.push(u.arbitrary()?);
        }
        Ok(Self { sides, ashift, objects })
    }
}

impl<'a> Arbitrary<'a> for SmallObject {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let sectors = *u.choose(&[1, 2, 3, 8, 32, 256])?;
        let compress =
            *u.choose(&[Compress::OFF, Compress::LZ4, Compress::GZIP_1, Compress::ZSTD])?;
        let checksum =
            *u.choose(&[Checksum::FLETCHER_2, Checksum::FLETCHER_4, Checksum::SHA256])?;
        let bonus = u.arbitrary::<[u8; 8]>()?;
        let object = Self {
            object_type: DmuType::PLAIN_FILE_CONTENTS,
            sectors,
            compress,
            checksum,
            bonus: (DmuType::ZNODE, bonus.repeat(u.int_in_range(0..=5)?)),
            blocks: Vec::new(),
        };
        if u.ratio(1, 4)? {
            let names =
                ["a", "b", "size", "VERSION", "ROOT"].map(|name| (name, bonus.len() as u64));
            let block = micro_zap(&names[..u.int_in_range(0..=names.len())?]);
            let kind = DmuType::MASTER_NODE;
            return Ok(Self { object_type: kind, sectors: 1, blocks: vec![Some(block)], ..object });
        }
        let mut blocks = Vec::new();
        for _ in 0..u.int_in_range(0..=BLOCKS)? {
            // A few bytes again and again compress, and differ from block to block.
            let seed = u.arbitrary::<Option<[u8; 3]>>()?;
            blocks.push(seed.map(|seed| seed.repeat(usize::from(sectors) * 512 / 3 + 1)));
        }
        blocks.iter_mut().flatten().for_each(|block| block.truncate(usize::from(sectors) * 512));
        Ok(Self { blocks, ..object })
    }
}

/// A change of a few bytes somewhere in a pool, that a fuzzer can draw.
#[derive(Clone, Debug, PartialEq, Eq, Arbitrary)]
pub struct Change {
    /// Number of the object set: the MOS, then the datasets in the order in which they are found.
    pub objset: u8,
    /// Object; zero for the meta-dnode.
    pub object: u16,
    /// The kind of block.
    pub part: ChangedBlock,
    /// First byte that is changed, taken modulo the size of the part.
    pub offset: u16,
    /// New values.
    pub bytes: [u8; 4],
    /// Number of these that count.
    pub count: u8,
}

/// The kind of block that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
pub enum ChangedBlock {
    /// The object set's own block.
    Objset,
    /// The object's dnode.
    Dnode,
    /// A block of it, by its level and its number.
    Block(u8, u8),
    /// Its spill block.
    Spill,
    /// The pointer to such a block.
    Pointer(u8, u8),
}

impl Change {
    /// Changes the pool.
    ///
    /// # Errors
    /// Those of [`MendedPool::change_block`]: the place is arbitrary, so most often there is nothing.
    pub fn apply(&self, pool: &mut MendedPool, objsets: &[u64]) -> Result<(), DamageError> {
        let number = usize::from(self.objset).checked_rem(objsets.len());
        let objset = number.and_then(|i| objsets.get(i)).copied().unwrap_or_default();
        let object = u64::from(self.object);
        let block =
            |level: u8, blkid: u8| Zbookmark::new(objset, object, (level % 8).into(), blkid.into());
        let change = |bytes: &mut [u8]| self.put(bytes);
        match self.part {
            ChangedBlock::Objset => pool
                .change_block(Zbookmark { level: ROOT_LEVEL, ..Zbookmark::root(objset) }, change),
            ChangedBlock::Dnode => pool.change_dnode(objset, object, change),
            ChangedBlock::Block(level, blkid) => pool.change_block(block(level, blkid), change),
            ChangedBlock::Spill => {
                pool.change_block(Zbookmark::new(objset, object, 0, SPILL_BLKID), change)
            }
            ChangedBlock::Pointer(level, blkid) => pool.change_pointer(block(level, blkid), |bp| {
                let order = bp.order();
                let mut bytes = bp.to_bytes(order);
                self.put(&mut bytes);
                zsend_ondisk::blkptr::BlkPtr::parse_in(&bytes, order)
            }),
        }
    }

    fn put(&self, bytes: &mut [u8]) {
        let count = usize::from(self.count) % self.bytes.len() + 1;
        let Some(start) = usize::from(self.offset).checked_rem(bytes.len()) else { return };
        bytes[start..].iter_mut().zip(&self.bytes[..count]).for_each(|(to, from)| *to = *from);
    }
}

/// The object sets that a [`Change`] counts: the MOS, and the head and the snapshots of each dataset.
pub fn objsets(pool: &Pool) -> Vec<u64> {
    let mut all = vec![0];
    for (_, head) in pool.datasets() {
        let Ok(head) = head else { continue };
        all.push(head.object);
        let snapshots = pool.snapshots(&head).map(|list| list.items).unwrap_or_default();
        all.extend(snapshots.into_iter().filter_map(|(_, snapshot)| Some(snapshot.ok()?.object)));
    }
    all
}

/// A value of any type that a fuzzer can draw, over up to so many bytes.
pub fn arbitrary_value<T: for<'a> Arbitrary<'a> + std::fmt::Debug>(
    bytes: usize,
) -> impl Strategy<Value = T> {
    prop::collection::vec(any::<u8>(), 0..bytes)
        .prop_filter_map("too few bytes", |bytes| T::arbitrary(&mut Unstructured::new(&bytes)).ok())
}

/// Small pools.
pub fn small_pool() -> impl Strategy<Value = SmallPool> {
    arbitrary_value(400)
}

/// Changes of a pool.
pub fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(arbitrary_value(32), 1..6)
}
