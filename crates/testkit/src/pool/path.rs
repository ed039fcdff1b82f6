//! The way from the uberblock to a block: every pointer on it, and where that lies.

use super::DamageError;
use super::overlay::index;
use std::mem::offset_of;
use zerocopy::FromBytes;
use zsend_codec::decompress;
use zsend_ondisk::Order;
use zsend_ondisk::blkptr::{BLKPTR_SHIFT, BLKPTR_SIZE, BlkPtr, MAX_BLOCK_SIZE};
use zsend_ondisk::dnode::{CORE_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, DnodePhys};
use zsend_ondisk::dsl::DatasetPhys;
use zsend_pool::{PoolError, Zbookmark, Zio};
use zsend_pool::{ROOT_LEVEL, SPILL_BLKID};
use zsend_records::types::Compress;

/// A block on the way.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) bp: BlkPtr,
    pub(super) at: Zbookmark,
    /// Its bytes, decompressed, in the order in which they are stored.
    pub(super) bytes: Vec<u8>,
    /// First byte of the pointer to the next block of the way.
    pub(super) next: usize,
}

/// The way to a block: the blocks above it, and its own pointer.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) steps: Vec<Step>,
    pub(super) at: Zbookmark,
    pub(super) bp: BlkPtr,
}

impl Path {
    /// The way from the root of the MOS.
    pub(super) fn find(zio: &Zio, root: BlkPtr, at: Zbookmark) -> Result<Self, DamageError> {
        let mut path = Self { steps: Vec::new(), at: Zbookmark::root(0), bp: root };
        if at.objset != 0 {
            let dnode = path.reach_dnode(zio, 0, at.objset)?;
            let bonus = path.dnode(dnode)?.bonus_start();
            path.follow(dnode + bonus + offset_of!(DatasetPhys, bp), Zbookmark::root(at.objset))?;
        }
        if at.level == ROOT_LEVEL {
            return Ok(path);
        }
        if at.object == 0 {
            path.enter(zio)?;
            path.down(zio, 0, at)?;
        } else {
            let dnode = path.reach_dnode(zio, at.objset, at.object)?;
            path.down(zio, dnode, at)?;
        }
        Ok(path)
    }

    /// Goes on to the block that holds a dnode, from the object set's own, and gives its first byte there.
    pub(super) fn reach_dnode(
        &mut self,
        zio: &Zio,
        objset: u64,
        object: u64,
    ) -> Result<usize, DamageError> {
        self.enter(zio)?;
        let block = Zbookmark::new(objset, 0, 0, object / DNODES_PER_BLOCK);
        self.down(zio, 0, block)?;
        self.enter(zio)?;
        Ok(index(object % DNODES_PER_BLOCK) * DNODE_SIZE)
    }

    /// Reads the block that the way has led to.
    fn enter(&mut self, zio: &Zio) -> Result<(), DamageError> {
        let bytes = read(zio, &self.bp, self.at)?;
        self.steps.push(Step { bp: self.bp, at: self.at, bytes, next: 0 });
        Ok(())
    }

    /// Takes the pointer at a byte of the block that was read last.
    fn follow(&mut self, next: usize, to: Zbookmark) -> Result<(), DamageError> {
        let step = self.steps.last_mut().ok_or(DamageError::Absent(to))?;
        let bytes = step.bytes.get(next..).and_then(|rest| rest.first_chunk::<BLKPTR_SIZE>());
        let bp = BlkPtr::parse_in(bytes.ok_or(DamageError::Absent(to))?, step.bp.order());
        step.next = next;
        (self.bp, self.at) = (bp, to);
        Ok(())
    }

    /// The fixed part of the dnode at a byte of the block that was read last.
    fn dnode(&self, dnode: usize) -> Result<DnodePhys, DamageError> {
        let step = self.steps.last().ok_or(DamageError::Absent(self.at))?;
        let bytes = step.bytes.get(dnode..).ok_or(DamageError::Absent(self.at))?;
        let Ok((mut phys, _)) = DnodePhys::read_from_prefix(bytes) else {
            return Err(DamageError::Absent(self.at));
        };
        if step.bp.order() == Order::Big {
            phys.swap();
        }
        phys.check().map_err(|source| DamageError::Layout { at: self.at, source })?;
        Ok(phys)
    }

    /// Goes on from a dnode in the block that was read last to the pointer of a block of its object.
    fn down(&mut self, zio: &Zio, dnode: usize, to: Zbookmark) -> Result<(), DamageError> {
        let phys = self.dnode(dnode)?;
        if to.blkid == SPILL_BLKID {
            let spill = phys.spill(phys.size()).ok_or(DamageError::Absent(to))?;
            return self.follow(dnode + spill.start, to);
        }
        // An object without an indirect level may have any shift.
        let shift = u32::from(phys.indblkshift).clamp(BLKPTR_SHIFT, 24) - BLKPTR_SHIFT;
        let mut level = i64::from(phys.nlevels) - 1;
        let number = |level: i64| {
            let above = u32::try_from(level - to.level).ok()?.checked_mul(shift)?;
            Some(to.blkid.checked_shr(above).unwrap_or_default())
        };
        let first = number(level).filter(|&i| i < phys.nblkptr.into());
        let first = index(first.filter(|_| !phys.is_free()).ok_or(DamageError::Absent(to))?);
        let mut place = dnode + CORE_SIZE + first * BLKPTR_SIZE;
        loop {
            let blkid = number(level).ok_or(DamageError::Absent(to))?;
            self.follow(place, Zbookmark { level, blkid, ..to })?;
            if level == to.level {
                return Ok(());
            }
            self.enter(zio)?;
            level -= 1;
            let below = number(level).ok_or(DamageError::Absent(to))?;
            place = index(below & ((1 << shift) - 1)) * BLKPTR_SIZE;
        }
    }
}

/// A block's bytes, verified and decompressed, in the order in which they are stored.
///
/// # Errors
/// Those of reading it; what is encrypted, in its pointer, or no block at all is refused.
pub(super) fn read(zio: &Zio, bp: &BlkPtr, at: Zbookmark) -> Result<Vec<u8>, DamageError> {
    super::disks::Form::of(bp, at)?;
    zsend_pool::blkptr::check(bp, &at)?;
    let stored = zio.read_stored(bp, &at)?.data;
    if bp.compress() == Compress::OFF {
        return Ok(stored.to_vec());
    }
    let size = usize::try_from(bp.lsize().min(MAX_BLOCK_SIZE)).map_err(|_| {
        DamageError::Pool(PoolError::corrupt(at, "lsize", bp.lsize(), "at most 16 MiB"))
    })?;
    let mut bytes = vec![0; size];
    decompress(bp.compress(), &stored, &mut bytes)
        .map_err(|source| DamageError::Compressed { at, source })?;
    Ok(bytes)
}
