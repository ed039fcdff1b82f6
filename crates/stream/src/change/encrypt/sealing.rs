//! Records of a plain stream, encrypted one by one; and the dnodes and MACs over them.

use super::super::blocks::{self, SECTOR};
use super::super::error::ChangeError;
use super::super::packet::Packet;
use super::keys::{AtEnd, MadeKeys, Salts, no_random, random, random_guid, seal};
use super::spool::Spool;
use crate::raw::{BlockTree, RawDnode, TreeLeaf, TreeShape, block_of, core_of, nblkptr, objset_of};
use zsend_crypto::{DatasetKey, KeyObject, encrypt_dnode_block, portable_mac};
use zsend_ondisk::dnode::{DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, DnodePhys};
use zsend_records::drr::{
    Begin, Free, OBJECT_END, Object, ObjectRange, ReplayRecord, Spill, Write, WriteEmbedded,
};
use zsend_records::flags::RecordFlags;
use zsend_records::reader::Record;
use zsend_records::types::{Checksum, Compress, DmuType};
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// `DN_MAX_INDBLKSHIFT`, which every dnode has by default, and the meta-dnode always.
///
/// Source: OpenZFS `include/sys/dnode.h` and `module/zfs/dmu_objset.c`, `dmu_objset_create_impl_dnstats()`, zfs-2.3.2.
const INDBLKSHIFT: u8 = 17;
/// Levels of a meta-dnode that can have every object, and its block pointers.
const META_LEVELS: u8 = 6;
const META_BLKPTRS: u8 = 3;

/// A dnode of the block that is under way.
#[derive(Debug)]
struct PendingDnode {
    dnode: RawDnode,
    /// Place of its OBJECT.
    place: u64,
    /// FREE to its end has come, which tells how many blocks it has.
    is_told: bool,
    /// Least offset of its next block.
    next: u64,
}

/// The block of dnodes that is under way.
#[derive(Debug)]
struct SealingBlock {
    range: ObjectRange<LE>,
    place: u64,
    dnodes: Vec<PendingDnode>,
    /// Least number of the next object.
    next: u64,
}

/// A stream that is being encrypted.
#[derive(Debug)]
pub(super) struct Sealing {
    key: DatasetKey,
    object: KeyObject,
    salts: Salts,
    spool: Spool,
    block: Option<SealingBlock>,
    meta: BlockTree,
    core: DnodePhys,
    objset_type: u64,
    /// The object behind the last block of dnodes.
    next: u64,
}

impl Sealing {
    pub(super) fn new(
        made: MadeKeys,
        spool: Spool,
        packet: &Packet,
        begin: &Begin<LE>,
    ) -> Result<Self, ChangeError> {
        let shape = TreeShape {
            object_type: DmuType::DNODE,
            nlevels: META_LEVELS,
            indblkshift: INDBLKSHIFT,
            nblkptr: META_BLKPTRS,
        };
        let mut core = DnodePhys::new_zeroed();
        core.kind = DmuType::DNODE.0;
        (core.indblkshift, core.nlevels, core.nblkptr) = (INDBLKSHIFT, META_LEVELS, META_BLKPTRS);
        let sectors = u16::try_from(DNODE_BLOCK_SIZE / SECTOR)
            .map_err(|_| ChangeError::refused(&packet.origin, "blocks of dnodes are too large"))?;
        core.datablkszsec = sectors.into();
        Ok(Self {
            key: made.key,
            object: made.object,
            salts: Salts::new()?,
            spool,
            block: None,
            meta: BlockTree::new(shape),
            core,
            objset_type: begin.objset_type.get().into(),
            next: 0,
        })
    }

    /// Takes the next record in.
    pub(super) fn take(&mut self, packet: &Packet, record: &Record<'_>) -> Result<(), ChangeError> {
        match record {
            Record::Object(object) => self.take_object(packet, object),
            Record::Write(write) => {
                let codec = write.compression().unwrap_or(Compress::OFF);
                self.take_write(packet, write, codec, packet.payload().to_vec())
            }
            Record::WriteEmbedded(embedded) => self.take_embedded(packet, embedded),
            Record::Spill(spill) => self.take_spill(packet, spill),
            Record::Free(free) => {
                self.take_free(packet, free)?;
                self.keep(packet)
            }
            Record::FreeObjects(_) => self.keep(packet),
            Record::Begin(_)
            | Record::End(_)
            | Record::WriteByref(_)
            | Record::ObjectRange(_)
            | Record::Redact(_)
            | Record::Unknown(_) => {
                let what = packet.record_type().name().unwrap_or("a record of an unknown type");
                let why = format!("{what} cannot be encrypted");
                Err(ChangeError::refused(&packet.origin, why))
            }
        }
    }

    /// The wrapped keys, what BEGIN is to say, and the records.
    pub(super) fn finish(mut self, end: &Packet) -> Result<(KeyObject, AtEnd, Spool), ChangeError> {
        self.close(end)?;
        let wrong = |why: String| ChangeError::contents(&end.origin, "object set", why);
        let block =
            objset_of(&self.core, self.meta, self.objset_type).map_err(|e| wrong(e.to_string()))?;
        let portable_mac =
            portable_mac(&self.key, false, &block).map_err(|e| wrong(e.to_string()))?;
        let ivset_guid = random_guid().map_err(no_random)?;
        Ok((self.object, AtEnd { portable_mac, meta: self.core, ivset_guid }, self.spool))
    }

    fn keep(&mut self, packet: &Packet) -> Result<(), ChangeError> {
        self.spool.add(&packet.header, packet.payload()).map(|_| ())
    }

    fn take_object(&mut self, packet: &Packet, plain: &Object<LE>) -> Result<(), ChangeError> {
        let number = plain.object.get();
        let wrong =
            |why: String| ChangeError::contents(&packet.origin, format!("object {number}"), why);
        let first = number - number % DNODES_PER_BLOCK;
        if self.block.as_ref().is_none_or(|block| block.range.firstobj.get() != first) {
            self.close(packet)?;
            if first < self.next {
                let why = "it comes behind objects of a later block of dnodes";
                return Err(wrong(why.to_owned()));
            }
            self.open(packet, first, plain.toguid.get())?;
        }
        let Some(block) = &mut self.block else { return Ok(()) };
        let slots = u64::from(plain.dn_slots.max(1));
        let next = number.checked_add(slots);
        let Some(next) = next.filter(|&next| next <= first + DNODES_PER_BLOCK) else {
            let why = format!("its {slots} slots are more than its block of dnodes has");
            return Err(wrong(why));
        };
        if number < block.next || number == 0 {
            return Err(wrong("its slots are those of an object before it".to_owned()));
        }
        let mut object = *plain;
        object.dn_slots = plain.dn_slots.max(1);
        object.flags &= RecordFlags::OBJECT_SPILL.bits();
        (object.indblkshift, object.nlevels, object.nblkptr) = (INDBLKSHIFT, 1, nblkptr(&object));
        let core = core_of(&object).map_err(|e| wrong(e.to_string()))?;
        let room = core.bonus_room(core.size()).map_or(0, |room| room.len());
        let len = object.bonuslen.get();
        if len as usize > room {
            return Err(wrong(format!("a bonus of {len} bytes, expected at most {room}")));
        }
        let mut bonus = packet.payload().to_vec();
        bonus.resize(if len == 0 { 0 } else { room }, 0);
        let raw = u32::try_from(bonus.len()).map_err(|e| wrong(e.to_string()))?;
        object.raw_bonuslen = raw.into();
        // What is plain does not come into the file: the bonus follows once its block is complete.
        let place = self.spool.add(&ReplayRecord::new(&object), &vec![0; bonus.len()])?;
        let dnode = RawDnode::new(&object, bonus.into()).map_err(|e| wrong(e.to_string()))?;
        block.dnodes.push(PendingDnode { dnode, place, is_told: false, next: 0 });
        block.next = next;
        Ok(())
    }

    /// Begins a block of dnodes.
    fn open(&mut self, packet: &Packet, first: u64, toguid: u64) -> Result<(), ChangeError> {
        let next = first.checked_add(DNODES_PER_BLOCK);
        self.next = next.ok_or_else(|| {
            let what = format!("object {first}");
            ChangeError::contents(&packet.origin, what, "no object has such a number")
        })?;
        let mut range = ObjectRange::<LE>::new_zeroed();
        range.firstobj = first.into();
        range.numslots = DNODES_PER_BLOCK.into();
        range.toguid = toguid.into();
        (range.salt, range.iv) = (self.salts.next()?, random().map_err(no_random)?);
        let place = self.spool.add(&ReplayRecord::new(&range), &[])?;
        self.block = Some(SealingBlock { range, place, dnodes: Vec::new(), next: first });
        Ok(())
    }

    /// Encrypts the dnodes of the block that is under way, whose blocks have all come.
    fn close(&mut self, packet: &Packet) -> Result<(), ChangeError> {
        let Some(SealingBlock { mut range, place, dnodes, .. }) = self.block.take() else {
            return Ok(());
        };
        let first = range.firstobj.get();
        let wrong = |why: String| {
            ChangeError::contents(&packet.origin, format!("dnodes from object {first}"), why)
        };
        let objects: Vec<_> = dnodes
            .iter()
            .map(|PendingDnode { place, dnode, .. }| (*place, dnode.object, dnode.bonus_place()))
            .collect();
        let dnodes = dnodes.into_iter().map(|pending| pending.dnode).collect();
        let mut bytes =
            block_of(first, dnodes, packet.order, false).map_err(|e| wrong(e.to_string()))?;
        let is_big = packet.order == zsend_records::Order::Big;
        range.mac = encrypt_dnode_block(&self.key, range.salt, range.iv, is_big, &mut bytes)
            .map_err(|e| wrong(e.to_string()))?;
        let mut records = vec![(place, ReplayRecord::new(&range), &[][..])];
        for (place, object, bonus) in &objects {
            let bonus = match bonus {
                None => Some(&[][..]),
                Some(bonus) => usize::try_from(object.object.get() - first)
                    .ok()
                    .and_then(|slot| bytes.get(slot * DNODE_SIZE..)?.get(bonus.clone())),
            };
            let bonus =
                bonus.ok_or_else(|| wrong(format!("object {} is not in it", object.object)))?;
            records.push((*place, ReplayRecord::new(object), bonus));
        }
        self.spool
            .replace(records.iter().map(|(place, header, bonus)| (*place, header, *bonus)))?;
        let blkid = first / DNODES_PER_BLOCK;
        self.core.maxblkid = blkid.into();
        let leaf = TreeLeaf::of_dnodes(range.mac, packet.order);
        self.meta.add(blkid, &leaf).map_err(|e| wrong(e.to_string()))
    }

    /// The dnode of an object whose blocks may come now.
    fn dnode(&mut self, packet: &Packet, object: u64) -> Result<&mut PendingDnode, ChangeError> {
        let dnodes = self.block.iter_mut().flat_map(|block| &mut block.dnodes);
        let mut found = dnodes.filter(|pending| pending.dnode.object.object.get() == object);
        found.next().ok_or_else(|| {
            let why = "its OBJECT is not among those of the block of dnodes before it";
            ChangeError::contents(&packet.origin, format!("object {object}"), why)
        })
    }

    /// Takes a hole in. The one behind an OBJECT tells where the object ends, and so the shape of its tree.
    fn take_free(&mut self, packet: &Packet, free: &Free<LE>) -> Result<(), ChangeError> {
        let pending = self.dnode(packet, free.object.get())?;
        if free.length.get() != OBJECT_END || pending.is_told {
            return Ok(());
        }
        let object = &mut pending.dnode.object;
        let blocks = free.offset.get() / u64::from(object.blksz.get()).max(1);
        let maxblkid = blocks.saturating_sub(1);
        let nlevels = levels(maxblkid, object.nblkptr).ok_or_else(|| {
            let why = format!("it has {blocks} blocks, and no tree reaches so many");
            ChangeError::contents(&packet.origin, format!("object {}", free.object), why)
        })?;
        object.maxblkid = maxblkid.into();
        object.nlevels = nlevels;
        let bonus = std::mem::take(&mut pending.dnode.bonus);
        let spill = pending.dnode.spill.take();
        pending.dnode = RawDnode::new(&pending.dnode.object, bonus).map_err(|error| {
            let what = format!("object {}", free.object);
            ChangeError::contents(&packet.origin, what, error.to_string())
        })?;
        pending.dnode.spill = spill;
        pending.is_told = true;
        Ok(())
    }

    fn take_write(
        &mut self,
        packet: &Packet,
        plain: &Write<LE>,
        codec: Compress,
        mut block: Vec<u8>,
    ) -> Result<(), ChangeError> {
        let (number, offset) = (plain.object.get(), plain.offset.get());
        let what = format!("object {number}, offset {offset}");
        let wrong = |why: String| ChangeError::contents(&packet.origin, what.clone(), why);
        let kind = plain.object_type().filter(|kind| kind.is_valid());
        let kind = kind.ok_or_else(|| wrong(format!("type {} is none", plain.object_type)))?;
        let lsize = plain.logical_size.get();
        let pending = self.dnode(packet, number)?;
        let blksz = u64::from(pending.dnode.object.blksz.get()).max(1);
        let blkid = offset / blksz;
        if lsize != blksz || !offset.is_multiple_of(blksz) {
            let why = format!(
                "{what}: {lsize} bytes of an object whose blocks have {blksz}: a raw stream has whole blocks alone"
            );
            return Err(ChangeError::refused(&packet.origin, why));
        }
        if !pending.is_told || blkid > pending.dnode.object.maxblkid.get() || offset < pending.next
        {
            let why = "it is not between the blocks before it and the end that a FREE behind OBJECT tells";
            return Err(wrong(why.to_owned()));
        }
        pending.next = offset.saturating_add(blksz);
        let mut write = *plain;
        write.compressiontype = codec.0;
        write.compressed_size = (block.len() as u64).into();
        write.flags = 0;
        write.checksumtype = Checksum::OFF.0;
        (write.key_cksum, write.key_prop) = Default::default();
        let salt = self.salts.next()?;
        let sealed = seal(&self.key, salt, kind, &mut block)?;
        (write.salt, write.iv, write.mac) = sealed.map_err(|e| wrong(e.to_string()))?;
        let leaf = TreeLeaf {
            object_type: kind,
            lsize,
            psize: block.len() as u64,
            compress: codec,
            mac: write.mac,
            order: packet.order,
        };
        let added = self.dnode(packet, number)?.dnode.tree.add(blkid, &leaf);
        added.map_err(|e| wrong(e.to_string()))?;
        self.spool.add(&ReplayRecord::new(&write), &block).map(|_| ())
    }

    /// Takes a block in that lay in its block pointer: an encrypted dataset has none.
    fn take_embedded(
        &mut self,
        packet: &Packet,
        embedded: &WriteEmbedded<LE>,
    ) -> Result<(), ChangeError> {
        let RawDnode { core, object, .. } = &self.dnode(packet, embedded.object.get())?.dnode;
        let (kind, blksz) = (core.object_type(), object.blksz.get());
        let (mut write, mut block) = blocks::embedded_block(packet, embedded, kind)?;
        if block.len() as u64 > blksz.into() {
            let why = format!("{} bytes in a block of {blksz}", block.len());
            return Err(ChangeError::contents(&packet.origin, blocks::named(&write), why));
        }
        block.resize(blksz as usize, 0);
        write.logical_size = u64::from(blksz).into();
        self.take_write(packet, &write, Compress::OFF, block)
    }

    fn take_spill(&mut self, packet: &Packet, plain: &Spill<LE>) -> Result<(), ChangeError> {
        let what = format!("spill block of object {}", plain.object);
        let wrong = |why: String| ChangeError::contents(&packet.origin, what.clone(), why);
        let mut block = packet.payload().to_vec();
        let salt = self.salts.next()?;
        let sealed = seal(&self.key, salt, DmuType::SA, &mut block)?;
        let mut spill = *plain;
        (spill.salt, spill.iv, spill.mac) = sealed.map_err(|e| wrong(e.to_string()))?;
        spill.compressiontype = Compress::OFF.0;
        spill.compressed_size = (block.len() as u64).into();
        spill.flags = 0;
        let leaf = TreeLeaf {
            object_type: DmuType::SA,
            lsize: plain.length.get(),
            psize: block.len() as u64,
            compress: Compress::OFF,
            mac: spill.mac,
            order: packet.order,
        };
        let pointer = leaf.pointer().map_err(|e| wrong(e.to_string()))?;
        let pending = self.dnode(packet, plain.object.get())?;
        if !pending.dnode.object.flags().contains(RecordFlags::OBJECT_SPILL) {
            return Err(wrong("its OBJECT does not say that it has one".to_owned()));
        }
        pending.dnode.spill = Some(pointer);
        self.spool.add(&ReplayRecord::new(&spill), &block).map(|_| ())
    }
}

/// Levels of a tree that reaches this block; `None` if none does.
///
/// Source: OpenZFS `module/zfs/dnode.c`, `dnode_new_blkid()`, zfs-2.3.2.
fn levels(maxblkid: u64, nblkptr: u8) -> Option<u8> {
    let mut reach = u64::from(nblkptr);
    for levels in 1..=META_LEVELS {
        if maxblkid < reach {
            return Some(levels);
        }
        reach = reach.saturating_mul(1 << (INDBLKSHIFT - 7));
    }
    None
}
