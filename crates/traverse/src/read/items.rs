//! From what a leaf has to the items that are sent: the sender's side of the traversal.

use super::payload::SendPayload;
use crate::error::Result;
use crate::walk::{Node, Visit, WalkSpec};
use zsend_crypto::BlockParams;
use zsend_encoder::event::{CryptParams, Event, FreeSlot, Hole, Object, ObjectRange, Redact};
use zsend_encoder::policy::Policy;
use zsend_ondisk::Level;
use zsend_pool::PoolError;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{DNODES_PER_BLOCK, Dnode};
use zsend_records::flags::Features;
use zsend_records::types::DmuType;

/// A block of data to be read.
#[derive(Clone, Debug)]
pub(super) struct DataBlock {
    pub(super) at: Zbookmark,
    pub(super) bp: BlkPtr,
    pub(super) dnode_type: DmuType,
    pub(super) blksz: u64,
}

/// One step of the send, before its data are there.
#[derive(Clone, Debug)]
pub(super) enum SendItem<P> {
    /// Nothing to read.
    Ready(Event<P>),
    /// A data block.
    Data(DataBlock),
    /// A spill block.
    Spill { at: Zbookmark, bp: BlkPtr, unmodified: bool },
}

impl<P> SendItem<P> {
    /// The block that it reads.
    pub(super) const fn bp(&self) -> Option<&BlkPtr> {
        match self {
            Self::Ready(_) => None,
            Self::Data(data) => Some(&data.bp),
            Self::Spill { bp, .. } => Some(bp),
        }
    }
}

/// The rules by which a visit becomes items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Forms of payloads.
    pub(crate) policy: Policy,
    /// `zfs_send_unmodified_spill_blocks`: spill blocks are sent with their objects.
    pub(crate) unmodified_spill: bool,
}

/// Makes items of visits, and gives them to `each`.
pub(super) struct Items<'a, F> {
    pub(super) spec: &'a WalkSpec,
    pub(super) rules: Rules,
    pub(super) each: F,
}

impl<F> Items<'_, F> {
    /// Makes the items of one visit.
    ///
    /// # Errors
    /// Those of `each`, and [`PoolError::Corrupt`] for a block that is not of its object's size.
    pub(super) fn visit<P>(&mut self, visit: Visit<'_>) -> Result<()>
    where
        P: SendPayload,
        F: FnMut(SendItem<P>) -> Result<()>,
    {
        let is_illumos = self.rules.policy.dialect.is_illumos();
        match visit {
            Visit::Opening { bp, blkid, dnodes } => {
                if self.is_raw() {
                    let event = Event::ObjectRange(ObjectRange {
                        firstobj: blkid.wrapping_mul(DNODES_PER_BLOCK),
                        numslots: DNODES_PER_BLOCK,
                        crypt: crypt_params(bp),
                    });
                    (self.each)(SendItem::Ready(event))?;
                }
                // illumos sends all objects of a block before the data of any.
                let dnodes = if is_illumos { dnodes } else { &[] };
                dnodes.iter().try_for_each(|(object, dnode)| self.object(bp, *object, dnode))
            }
            // OpenZFS passes over slot 0, which is never an object; illumos calls it free.
            Visit::Dnode { .. } if is_illumos => Ok(()),
            Visit::Dnode { object: 0, .. } => Ok(()),
            Visit::Dnode { bp, object, dnode } => self.object(bp, object, dnode),
            Visit::Indirect { .. } => Ok(()),
            Visit::Pointer { dnode, node, bp } => self.pointer(dnode, node, bp),
        }
    }

    fn is_raw(&self) -> bool {
        self.rules.policy.features.contains(Features::RAW)
    }

    /// A dnode as an event, then its spill block if that is sent again although it is old.
    fn object<P>(&mut self, bp: &BlkPtr, object: u64, dnode: &Dnode) -> Result<()>
    where
        P: SendPayload,
        F: FnMut(SendItem<P>) -> Result<()>,
    {
        // illumos comes here with the whole block, whatever an earlier stream has sent of it.
        if self.spec.is_before_resume(object) {
            return Ok(());
        }
        if dnode.object_type == DmuType::NONE {
            return (self.each)(SendItem::Ready(Event::FreeSlot(FreeSlot { object })));
        }
        // A raw stream has the whole bonus area, since what follows the bonus is encrypted too.
        let bonus_len = if dnode.bonuslen == 0 {
            0
        } else if self.is_raw() {
            dnode.max_bonus_len().ok_or_else(|| {
                let at = self.spec.bookmark(Node::data(0, object / DNODES_PER_BLOCK));
                let expected = "0 where block pointers leave no room";
                PoolError::corrupt(at, "dn_bonuslen", dnode.bonuslen, expected)
            })?
        } else {
            usize::from(dnode.bonuslen).next_multiple_of(8)
        };
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
            bonus: P::at_hand(bonus_len as u64, || dnode.bonus_area(bonus_len)),
        });
        (self.each)(SendItem::Ready(event))?;
        if let Some(spill) = dnode.spill()
            && self.rules.unmodified_spill
            && spill.logical_birth() <= self.spec.fromtxg
        {
            let at = self.spec.bookmark(Node::spill(object));
            return (self.each)(SendItem::Spill { at, bp: spill, unmodified: true });
        }
        Ok(())
    }

    /// A block pointer of an object as an item.
    fn pointer<P>(&mut self, dnode: &Dnode, node: Node, bp: &BlkPtr) -> Result<()>
    where
        F: FnMut(SendItem<P>) -> Result<()>,
    {
        if bp.is_hole() {
            let event = Event::Hole(Hole {
                object: node.object,
                level: node.level.into(),
                blkid: node.blkid,
                indblkshift: dnode.indblkshift,
                datablkszsec: dnode.datablkszsec,
                maxblkid: dnode.maxblkid,
                is_metadata: dnode.object_type.is_metadata(),
            });
            return (self.each)(SendItem::Ready(event));
        }
        let (at, blksz) = (self.spec.bookmark(node), dnode.datablksz());
        if bp.is_redacted() {
            // One that is withheld by this send may stand for all blocks below an indirect one.
            let (first, end) = (node.first_block(dnode), node.end_block(dnode));
            let (offset, length) = (first.wrapping_mul(blksz), (end - first).wrapping_mul(blksz));
            let event = Event::Redact(Redact { object: node.object, offset, length });
            return (self.each)(SendItem::Ready(event));
        }
        if node.level != Level::DATA {
            return Err(PoolError::corrupt(
                at,
                "level",
                node.level,
                "0 below which no metadata lie",
            )
            .into());
        }
        if self.rules.policy.is_spill(bp.object_type()) {
            return (self.each)(SendItem::Spill { at, bp: *bp, unmodified: false });
        }
        if bp.lsize() != blksz {
            let expected = format!("{blksz}, the object's block size");
            return Err(PoolError::corrupt(at, "lsize", bp.lsize(), expected).into());
        }
        let data = DataBlock { at, bp: *bp, dnode_type: dnode.object_type, blksz };
        (self.each)(SendItem::Data(data))
    }
}

/// The encryption parameters in a block pointer.
pub(super) fn crypt_params(bp: &BlkPtr) -> CryptParams {
    if !bp.uses_crypt() {
        return CryptParams::default();
    }
    let BlockParams { salt, iv, mac } = BlockParams::of(bp);
    CryptParams { salt, iv, mac, byteswap: bp.is_big_endian() }
}
