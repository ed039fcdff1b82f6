//! The walk: depth first over the block tree of a dataset, in the order in which blocks are sent.
//!
//! Metadata blocks (indirect blocks, blocks of dnodes) are read ahead on the thread pool, so that
//! the walk seldom waits for one.

pub mod part;
pub(crate) mod prefetch;

use crate::error::{Result, SendError};
use crate::walk::part::Part;
use crate::walk::prefetch::Job;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zsend_pool::PoolError;
use zsend_pool::blkptr::{BLKPTR_SIZE, BlkPtr};
use zsend_pool::dmu::dnode::{DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, Dnode};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::place::{Bookmark, SPILL_BLKID};
use zsend_records::types::DmuType;

/// Metadata blocks that are read ahead of each point of the walk: a few for each thread, since what
/// is read too early has left the caches when its turn comes, and as many on slow devices, which
/// have many threads.
const AHEAD: RangeInclusive<usize> = 8..=32;
const AHEAD_A_THREAD: usize = 4;

/// The largest indirect block; a block of dnodes is smaller.
const LARGEST_METADATA: u64 = 128 << 10;

/// Where an earlier stream stopped: objects before it, and blocks of it before `blkid`, are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// Object number.
    pub object: u64,
    /// Level-0 block number in it.
    pub blkid: u64,
}

/// What is walked.
#[derive(Clone, Debug)]
pub struct WalkSpec {
    /// The object set.
    pub objset: Arc<Objset>,
    /// Blocks born in this txg or before are passed over, with all below them.
    pub fromtxg: u64,
    /// Where to go on.
    pub resume: Option<ResumePoint>,
}

/// Is told what the walk meets, in send order.
pub trait Visitor {
    /// A level-0 block of dnodes with its slots, before any of them: object number and dnode.
    ///
    /// # Errors
    /// Any error ends the walk.
    fn dnode_block(&mut self, bp: &BlkPtr, blkid: u64, dnodes: &[(u64, Dnode)]) -> Result<()>;

    /// One of those dnodes, before its blocks; free slots too.
    ///
    /// # Errors
    /// Any error ends the walk.
    fn dnode(&mut self, bp: &BlkPtr, object: u64, dnode: &Dnode) -> Result<()>;

    /// A block pointer of an object: data, hole, redacted or indirect.
    ///
    /// # Errors
    /// Any error ends the walk.
    fn block(&mut self, dnode: &Dnode, bp: &BlkPtr, at: &Bookmark) -> Result<()>;

    /// Offers a part of the tree below which there is no more metadata to read. A visitor that
    /// takes it says so, and is told nothing of what is in it: whoever walks the part, on any
    /// thread, is.
    ///
    /// # Errors
    /// Any error ends the walk.
    fn take(&mut self, part: &Part) -> Result<bool> {
        let _ = part;
        Ok(false)
    }
}

type Read = Arc<Job<zsend_pool::Result<Bytes>>>;

/// Walks a dataset. Follows `traverse_dataset_resume()`, OpenZFS `module/zfs/dmu_traverse.c`,
/// zfs-2.3.2, with every hole visited, as both lineages do by default.
///
/// # Errors
/// Those of reading metadata and of the visitor; [`SendError::Cancelled`].
pub fn walk(
    spec: &WalkSpec,
    pool: &rayon::ThreadPool,
    cancel: &AtomicBool,
    visitor: &mut dyn Visitor,
) -> Result<()> {
    let mut walk = Walk { spec, pool: Some(pool), cancel, visitor };
    if spec.objset.root().logical_birth() <= spec.fromtxg {
        return Ok(());
    }
    walk.blocks_of(0, spec.objset.meta(), None)
}

/// Walks the accounting objects too, which [`walk`] leaves out since they are never sent.
///
/// # Errors
/// As [`walk`].
pub fn walk_with_accounting(
    spec: &WalkSpec,
    pool: &rayon::ThreadPool,
    cancel: &AtomicBool,
    visitor: &mut dyn Visitor,
) -> Result<()> {
    walk(spec, pool, cancel, visitor)?;
    let mut walk = Walk { spec, pool: Some(pool), cancel, visitor };
    for (object, dnode) in spec.objset.accounting() {
        walk.blocks_of(*object, dnode, None)?;
    }
    Ok(())
}

/// Walks a part that a visitor took.
///
/// # Errors
/// Those of the visitor, and [`PoolError::Corrupt`].
pub(crate) fn walk_part(spec: &WalkSpec, part: &Part, visitor: &mut dyn Visitor) -> Result<()> {
    let cancel = AtomicBool::new(false);
    let mut walk = Walk { spec, pool: None, cancel: &cancel, visitor };
    match part {
        Part::Dnodes { bp, data, at } => walk.dnodes(bp, data, *at),
        Part::Children { dnode, data, at, range } => {
            walk.children_in(dnode, data, *at, range.clone())
        }
    }
}

struct Walk<'a> {
    spec: &'a WalkSpec,
    /// Where metadata are read ahead; in a part there are none.
    pool: Option<&'a rayon::ThreadPool>,
    cancel: &'a AtomicBool,
    visitor: &'a mut dyn Visitor,
}

impl Walk<'_> {
    /// The block pointers in a dnode, then its spill block. `first` is the read-ahead of the first.
    fn blocks_of(&mut self, object: u64, dnode: &Dnode, first: Option<Read>) -> Result<()> {
        let level = u32::from(dnode.nlevels) - 1;
        let mut first = first;
        for i in 0..usize::from(dnode.nblkptr) {
            let Some(bp) = dnode.blkptr(i) else { break };
            let at = self.place(object, level, i as u64);
            self.visit(dnode, &bp, at, first.take())?;
        }
        if let Some(spill) = dnode.spill() {
            let at = self.place(object, 0, SPILL_BLKID);
            self.visit(dnode, &spill, at, None)?;
        }
        Ok(())
    }

    fn place(&self, object: u64, level: u32, blkid: u64) -> Bookmark {
        Bookmark::new(self.spec.objset.id(), object, i64::from(level), blkid)
    }

    /// Whether the walk goes to this pointer at all.
    fn is_wanted(&self, dnode: &Dnode, bp: &BlkPtr, at: &Bookmark) -> bool {
        if let Some(resume) = self.spec.resume
            && is_completed(dnode, at, resume)
        {
            return false;
        }
        // A hole without a birth is visited always: it may be as old as the object or as young.
        bp.logical_birth() == 0 || bp.logical_birth() > self.spec.fromtxg
    }

    fn visit(
        &mut self,
        dnode: &Dnode,
        bp: &BlkPtr,
        at: Bookmark,
        ahead: Option<Read>,
    ) -> Result<()> {
        if !self.is_wanted(dnode, bp, &at) {
            return Ok(());
        }
        if self.cancel.load(Ordering::Relaxed) {
            return Err(SendError::Cancelled);
        }
        if bp.is_hole() || bp.is_redacted() {
            return self.visitor.block(dnode, bp, &at);
        }
        if i64::from(bp.level()) != at.level {
            return Err(PoolError::corrupt(at, "level", bp.level(), at.level).into());
        }
        if at.level == 0 && at.object != 0 {
            return self.visitor.block(dnode, bp, &at);
        }
        if at.object == 0 && bp.object_type() != DmuType::DNODE {
            return Err(PoolError::corrupt(at, "type", bp.object_type(), "10").into());
        }
        let data = match ahead {
            Some(job) => job.take()?,
            None => self.spec.objset.read_block(bp, &at)?,
        };
        if at.level > 0 {
            self.visitor.block(dnode, bp, &at)?;
            self.children(dnode, &data, at)
        } else {
            self.dnodes(bp, &data, at)
        }
    }

    /// The pointers in an indirect block.
    fn children(&mut self, dnode: &Dnode, data: &Bytes, at: Bookmark) -> Result<()> {
        let fanout = 1usize << dnode.epb_shift();
        if data.len() != fanout * BLKPTR_SIZE {
            return Err(PoolError::corrupt(
                at,
                "indirect block size",
                data.len(),
                fanout * BLKPTR_SIZE,
            )
            .into());
        }
        // Below level 1 of an object are data alone. A block that is higher up ends in holes, if it
        // is not full: a thousand for most large files.
        let metadata = if at.level == 1 && at.object != 0 {
            0
        } else {
            let is_hole = |i: &usize| BlkPtr::at(data, *i).is_none_or(|bp| bp.is_hole());
            fanout - (0..fanout).rev().take_while(is_hole).count()
        };
        self.children_in(dnode, data, at, 0..metadata)?;
        let rest = metadata..fanout;
        let part =
            Part::Children { dnode: dnode.clone(), data: data.clone(), at, range: rest.clone() };
        if self.visitor.take(&part)? {
            return Ok(());
        }
        self.children_in(dnode, data, at, rest)
    }

    /// A range of the pointers in an indirect block of the right size.
    fn children_in(
        &mut self,
        dnode: &Dnode,
        data: &[u8],
        at: Bookmark,
        range: Range<usize>,
    ) -> Result<()> {
        let fanout = 1u64 << dnode.epb_shift();
        let level = u32::try_from(at.level - 1).unwrap_or(0);
        let first = at.blkid.wrapping_mul(fanout);
        // Below are either data, which the visitor has read, or metadata, read ahead here.
        let is_metadata = level > 0 || at.object == 0;
        let mut ahead: VecDeque<(usize, Read)> = VecDeque::new();
        let most = self.reads_ahead();
        let mut next = range.start;
        for i in range.clone() {
            while is_metadata && next < range.end && ahead.len() < most {
                if let Some(bp) = BlkPtr::at(data, next) {
                    let at = self.place(at.object, level, first.wrapping_add(next as u64));
                    if !bp.is_hole() && self.is_wanted(dnode, &bp, &at) {
                        ahead.extend(self.read_ahead(bp, at).map(|job| (next, job)));
                    }
                }
                next += 1;
            }
            let Some(bp) = BlkPtr::at(data, i) else { break };
            let child = self.place(at.object, level, first.wrapping_add(i as u64));
            let job = ahead.pop_front_if(|(index, _)| *index == i).map(|(_, job)| job);
            self.visit(dnode, &bp, child, job)?;
        }
        Ok(())
    }

    /// How many blocks are read ahead.
    fn reads_ahead(&self) -> usize {
        let threads = self.pool.map_or(0, rayon::ThreadPool::current_num_threads);
        (threads * AHEAD_A_THREAD).clamp(*AHEAD.start(), *AHEAD.end())
    }

    /// Nothing for a block that says it is larger than metadata are: many of those would fill the
    /// memory. It is read when its turn comes, to be refused.
    fn read_ahead(&self, bp: BlkPtr, at: Bookmark) -> Option<Read> {
        if bp.largest_size() > LARGEST_METADATA {
            return None;
        }
        let objset = Arc::clone(&self.spec.objset);
        Some(Job::spawn(self.pool?, move || objset.read_block(&bp, &at)))
    }

    /// The dnodes in a block of them.
    fn dnodes(&mut self, bp: &BlkPtr, data: &Bytes, at: Bookmark) -> Result<()> {
        if data.len() != DNODE_BLOCK_SIZE {
            return Err(
                PoolError::corrupt(at, "dnode block size", data.len(), DNODE_BLOCK_SIZE).into()
            );
        }
        if self.pool.is_some() {
            let part = Part::Dnodes { bp: *bp, data: data.clone(), at };
            if part.is_flat() && self.visitor.take(&part)? {
                return Ok(());
            }
        }
        let first = at.blkid.wrapping_mul(DNODES_PER_BLOCK);
        let mut dnodes = Vec::with_capacity(DNODE_BLOCK_SIZE / DNODE_SIZE);
        let mut slot = 0;
        while slot * DNODE_SIZE < DNODE_BLOCK_SIZE {
            let dnode = Dnode::parse(data, slot * DNODE_SIZE, &at)?;
            let object = first + slot as u64;
            slot += usize::from(dnode.extra_slots) + 1;
            dnodes.push((object, dnode));
        }
        self.visitor.dnode_block(bp, at.blkid, &dnodes)?;
        // The roots of all trees in the block are read together.
        let mut roots: Vec<Option<Read>> = dnodes
            .iter()
            .map(|(object, dnode)| {
                let root = (dnode.nlevels > 1).then(|| dnode.blkptr(0))??;
                let at = self.place(*object, u32::from(dnode.nlevels) - 1, 0);
                let wanted = !root.is_hole() && self.is_wanted(dnode, &root, &at);
                (wanted && !self.is_before_resume(*object)).then(|| self.read_ahead(root, at))?
            })
            .collect();
        for ((object, dnode), root) in dnodes.iter().zip(&mut roots) {
            if self.is_before_resume(*object) {
                continue;
            }
            self.visitor.dnode(bp, *object, dnode)?;
            if dnode.object_type != DmuType::NONE {
                self.blocks_of(*object, dnode, root.take())?;
            }
        }
        Ok(())
    }

    fn is_before_resume(&self, object: u64) -> bool {
        self.spec.resume.is_some_and(|r| object < r.object)
    }
}

/// Whether everything at and below `at` was sent before `resume`.
///
/// Follows `zbookmark_subtree_completed()` and `zbookmark_compare()`, OpenZFS `module/zfs/zio.c`,
/// zfs-2.3.2: the place after the subtree is compared with the resume point, where a block of the
/// meta-dnode counts as the first object that it describes.
fn is_completed(dnode: &Dnode, at: &Bookmark, resume: ResumePoint) -> bool {
    let level = u32::try_from(at.level).unwrap_or(0);
    let first = at.blkid.wrapping_add(1).wrapping_shl(level * dnode.epb_shift());
    let (object, block, height) = if at.object == 0 {
        (first.wrapping_mul(u64::from(dnode.datablkszsec)), 0, i64::from(level) + 0x80)
    } else {
        (at.object, first, i64::from(level))
    };
    (object, block, -height) <= (resume.object, resume.blkid, 0)
}
