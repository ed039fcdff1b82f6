//! From what the walk meets to the items that are sent: the sender's side of the traversal.

use crate::error::Result;
use crate::read::listed::Listed;
use crate::read::payload::Wanted;
use crate::walk::Visitor;
use crate::walk::part::Part;
use std::ops::Range;
use zsend_crypto::BlockParams;
use zsend_encoder::event::{CryptParams, Event, FreeSlot, Hole, Object, ObjectRange, Redact};
use zsend_encoder::policy::Policy;
use zsend_pool::PoolError;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{DNODES_PER_BLOCK, Dnode};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::dsl::redaction::Run;
use zsend_pool::place::{Bookmark, SPILL_BLKID};
use zsend_records::flags::Features;
use zsend_records::types::DmuType;

/// A block of data to be read.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) at: Bookmark,
    pub(crate) bp: BlkPtr,
    pub(crate) dnode_type: DmuType,
    pub(crate) blksz: u64,
}

/// One step of the send, before its data are there.
#[derive(Clone, Debug)]
pub(crate) enum Item<P> {
    /// Nothing to read.
    Ready(Event<P>),
    /// A data block.
    Data(Data),
    /// A spill block.
    Spill { at: Bookmark, bp: BlkPtr, unmodified: bool },
}

/// Takes items in send order.
pub(crate) trait Out {
    /// What is wanted of payloads.
    type Payload: Wanted;

    /// Takes an item whose payload has at most so many bytes.
    fn item(&mut self, item: Item<Self::Payload>, bytes: u64) -> Result<()>;

    /// Takes a part as it is, to be walked by another; says whether it did.
    fn part(&mut self, part: &Part) -> Result<bool> {
        let _ = part;
        Ok(false)
    }
}

impl<P: Wanted> Out for Vec<Item<P>> {
    type Payload = P;

    fn item(&mut self, item: Item<P>, _: u64) -> Result<()> {
        self.push(item);
        Ok(())
    }
}

/// What decides which items a visit gives, besides what is visited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// Txg of the incremental source.
    pub(crate) fromtxg: u64,
    /// Objects before this one were sent by an earlier stream.
    pub(crate) resume_object: u64,
    /// `zfs_send_unmodified_spill_blocks`.
    pub(crate) unmodified_spill: bool,
}

/// Makes items of what the walk meets.
pub(crate) struct Collector<'a, O> {
    pub(crate) rules: Rules,
    /// Where listed blocks are looked up.
    pub(crate) objset: &'a Objset,
    /// Blocks that are sent although they are old.
    pub(crate) listed: Listed,
    pub(crate) out: O,
}

impl<O: Out> Collector<'_, O> {
    /// Sends the listed blocks before a place, as they are now.
    ///
    /// Follows the branch of `send_reader_thread()` for `PREVIOUSLY_REDACTED`, OpenZFS
    /// `module/zfs/dmu_send.c`, zfs-2.3.8: up to 2.3.7 and 2.4.2 it left out an object's last block.
    fn catch_up(&mut self, object: u64, blkid: u64) -> Result<()> {
        while let Some(run) = self.listed.next_before(object, blkid)? {
            match self.objset.dnode(run.object) {
                Ok(dnode) => self.run(&dnode, run)?,
                // What is gone needs no block; a FREEOBJECTS tells of it.
                Err(PoolError::NotFound { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// Listed blocks of an object that exists, as far as it reaches; what lies past its end, a FREE
    /// tells of.
    fn run(&mut self, dnode: &Dnode, run: Run) -> Result<()> {
        let end = run.end.min(dnode.blocks());
        let mut blkid = run.first;
        while blkid < end {
            let (bp, span) = self.objset.pointer_and_span(dnode, run.object, blkid)?;
            if bp.is_hole() {
                let stop = end.min(blkid.saturating_add(span));
                blkid = self.holes(dnode, run.object, blkid..stop)?;
            } else {
                let at = Bookmark::new(self.objset.id(), run.object, 0, blkid);
                self.one_block(dnode, &bp, &at)?;
                blkid += 1;
            }
        }
        Ok(())
    }

    /// Holes that fill a range of blocks, in as few pointers as the tree has for it, so that no list
    /// and no sparse object makes more of them than it is worth. Gives the range's end.
    fn holes(&mut self, dnode: &Dnode, object: u64, range: Range<u64>) -> Result<u64> {
        let shift = dnode.epb_shift();
        let blocks = |level: u32| 1u64.checked_shl(level * shift);
        let mut blkid = range.start;
        while blkid < range.end {
            let fits = |level: u32| {
                blocks(level).is_some_and(|n| blkid.is_multiple_of(n) && n <= range.end - blkid)
            };
            let mut level = 0;
            while shift > 0 && fits(level + 1) {
                level += 1;
            }
            let at =
                Bookmark::new(self.objset.id(), object, level.into(), blkid >> (level * shift));
            self.one_block(dnode, &BlkPtr::default(), &at)?;
            blkid += blocks(level).unwrap_or(1);
        }
        Ok(blkid)
    }

    /// The end of the walk: what is still listed.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.catch_up(u64::MAX, 0)
    }

    fn is_raw(&self) -> bool {
        self.rules.policy.features.contains(Features::RAW)
    }

    /// A dnode as an event, then its spill block if that is sent again although it is old.
    fn object(&mut self, bp: &BlkPtr, object: u64, dnode: &Dnode) -> Result<()> {
        if object < self.rules.resume_object {
            return Ok(());
        }
        if dnode.object_type == DmuType::NONE {
            return self.out.item(Item::Ready(Event::FreeSlot(FreeSlot { object })), 0);
        }
        // A raw stream has the whole bonus area, since what follows the bonus is encrypted too.
        let bonus_len = if dnode.bonuslen == 0 {
            0
        } else if self.is_raw() {
            dnode.max_bonus_len().unwrap_or(0)
        } else {
            usize::from(dnode.bonuslen).next_multiple_of(8)
        };
        let bonus = O::Payload::at_hand(bonus_len as u64, || dnode.bonus_area(bonus_len));
        let event = Event::Object(Object {
            object,
            object_type: dnode.object_type,
            bonustype: dnode.bonustype,
            blksz: dnode.datablksz(),
            bonuslen: dnode.bonuslen.into(),
            checksum: dnode.checksum,
            compress: dnode.compress,
            slots: dnode.slots(),
            maxblkid: dnode.maxblkid,
            indblkshift: dnode.indblkshift,
            nlevels: dnode.nlevels,
            nblkptr: dnode.nblkptr,
            has_spill: dnode.has_spill(),
            byteswap: bp.is_big_endian(),
            bonus,
        });
        // The event holds the dnode's block, of which its slots are its share.
        self.out.item(Item::Ready(event), dnode.bytes().len() as u64)?;
        if let Some(spill) = dnode.spill()
            && self.rules.unmodified_spill
            && spill.logical_birth() <= self.rules.fromtxg
        {
            let at = Bookmark::new(self.objset.id(), object, 0, SPILL_BLKID);
            self.spill(&spill, &at, true)?;
        }
        Ok(())
    }

    fn spill(&mut self, bp: &BlkPtr, at: &Bookmark, unmodified: bool) -> Result<()> {
        self.out.item(Item::Spill { at: *at, bp: *bp, unmodified }, bp.largest_size())
    }
}

impl<O: Out> Visitor for Collector<'_, O> {
    fn dnode_block(&mut self, bp: &BlkPtr, blkid: u64, dnodes: &[(u64, Dnode)]) -> Result<()> {
        self.catch_up(blkid.wrapping_mul(DNODES_PER_BLOCK), 0)?;
        if self.is_raw() {
            let event = Event::ObjectRange(ObjectRange {
                firstobj: blkid.wrapping_mul(DNODES_PER_BLOCK),
                numslots: DNODES_PER_BLOCK,
                crypt: crypt_params(bp),
            });
            self.out.item(Item::Ready(event), 0)?;
        }
        if self.rules.policy.dialect.is_illumos() {
            for (object, dnode) in dnodes {
                self.object(bp, *object, dnode)?;
            }
        }
        Ok(())
    }

    fn dnode(&mut self, bp: &BlkPtr, object: u64, dnode: &Dnode) -> Result<()> {
        // OpenZFS passes over slot 0, which is never an object; illumos calls it free.
        if self.rules.policy.dialect.is_illumos() || object == 0 {
            return Ok(());
        }
        self.catch_up(object, 0)?;
        self.object(bp, object, dnode)
    }

    fn block(&mut self, dnode: &Dnode, bp: &BlkPtr, at: &Bookmark) -> Result<()> {
        let shift = u32::try_from(at.level).unwrap_or(0) * dnode.epb_shift();
        let first = at.blkid.checked_shl(shift).unwrap_or(u64::MAX);
        if at.object != 0 {
            self.catch_up(at.object, first)?;
        }
        self.one_block(dnode, bp, at)?;
        if at.level == 0 || bp.is_hole() {
            let count = 1u64.checked_shl(shift).unwrap_or(u64::MAX);
            self.listed.skip_to(at.object, first.saturating_add(count))?;
        }
        Ok(())
    }

    fn take(&mut self, part: &Part) -> Result<bool> {
        // Listed blocks come between those of the part, in an order that is kept here alone.
        if self.listed.is_empty() { self.out.part(part) } else { Ok(false) }
    }
}

impl<O: Out> Collector<'_, O> {
    /// A block pointer of an object as an item.
    fn one_block(&mut self, dnode: &Dnode, bp: &BlkPtr, at: &Bookmark) -> Result<()> {
        if bp.is_hole() {
            let hole = Hole {
                object: at.object,
                level: u32::try_from(at.level).unwrap_or(0),
                blkid: at.blkid,
                indblkshift: dnode.indblkshift,
                datablkszsec: dnode.datablkszsec,
                maxblkid: dnode.maxblkid,
                is_metadata: dnode.object_type.is_metadata(),
            };
            return self.out.item(Item::Ready(Event::Hole(hole)), 0);
        }
        let blksz = dnode.datablksz();
        if bp.is_redacted() {
            let offset = at.blkid.wrapping_mul(blksz);
            let event = Event::Redact(Redact { object: at.object, offset, length: blksz });
            return self.out.item(Item::Ready(event), 0);
        }
        if at.level > 0 {
            return Ok(());
        }
        if self.rules.policy.is_spill(bp.object_type()) {
            return self.spill(bp, at, false);
        }
        if bp.lsize() != blksz {
            let expected = format!("{blksz}, the object's block size");
            return Err(PoolError::corrupt(*at, "lsize", bp.lsize(), expected).into());
        }
        let data = Data { at: *at, bp: *bp, dnode_type: dnode.object_type, blksz };
        self.out.item(Item::Data(data), bp.largest_size())
    }
}

/// The encryption parameters in a block pointer.
pub(crate) fn crypt_params(bp: &BlkPtr) -> CryptParams {
    if !bp.uses_crypt() {
        return CryptParams::default();
    }
    let BlockParams { salt, iv, mac } = BlockParams::of(bp);
    CryptParams { salt, iv, mac, byteswap: bp.is_big_endian() }
}
