//! The MACs of a raw stream that are over more than one record: those of blocks of dnodes, and of the object set.
//!
//! A full stream has all that they are over. The pointers of a dnode are made anew of its blocks, the dnodes
//! of a block of its records, and the object set of all blocks of dnodes. An incremental stream has not: there
//! the MACs of its blocks are checked, and these are not.

mod tree;

use super::fault::{About, Wrong};
use super::framer::{Frame, Payload};
use std::sync::Arc;
use tree::{Leaf, Shape, Tree};
use zsend_crypto::{BlockParams, CryptoError, DatasetKey, decrypt_dnode_block, verify_objset};
use zsend_ondisk::blkptr::{BLKPTR_SIZE, BlkPtr};
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_ondisk::dnode::{CORE_SIZE, DNODE_BLOCK_SIZE, DNODE_SIZE, DnodePhys, FLAG_SPILL};
use zsend_ondisk::objset::{ObjsetPhys, SIZE_V1};
use zsend_ondisk::{LayoutError, Order};
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Object, ObjectRange, RecordType};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::reader::Record;
use zsend_records::types::{Compress, DmuType};
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::zerocopy::{FromBytes, FromZeros, IntoBytes};

/// The MAC of a block of dnodes.
pub(super) static DNODES: About = About::new(
    "mac.dnodes",
    "With the key, in a full stream: the MAC in an OBJECT_RANGE is that of its dnodes, their bonuses and all their blocks.",
    "zio_crypt.c zio_crypt_init_uios_dnode",
);
/// The MAC of the object set.
pub(super) static OBJSET: About = About::new(
    "mac.objset",
    "With the key, in a full stream: the MAC in BEGIN is that of the object set, and of every object in it.",
    "zio_crypt.c zio_crypt_do_objset_hmacs",
);

/// A dnode that has come, and its blocks.
#[derive(Debug)]
struct Dnode {
    object: Object<LE>,
    bonus: Bytes,
    tree: Tree,
    spill: Option<BlkPtr>,
}

/// A block of dnodes.
#[derive(Debug)]
struct Block {
    range: ObjectRange<LE>,
    order: Order,
    is_swapped: bool,
    dnodes: Vec<Dnode>,
    /// Place of the OBJECT_RANGE.
    record: u64,
    byte: u64,
}

/// The MACs of the stream that is under way, if they can be checked.
#[derive(Debug, Default)]
pub(super) struct PendingMacs(Option<Macs>);

impl PendingMacs {
    /// Takes a record of a stream in, which keeps the rules if `is_right`; the MACs that are wrong, of those that
    /// can be checked now.
    pub(super) fn take(
        &mut self,
        frame: &Frame,
        payload: &Payload,
        is_right: bool,
    ) -> Vec<WrongMac> {
        let payload = match payload {
            Payload::Bytes(bytes) => Some(bytes),
            Payload::Sum(_) => None,
        };
        match frame.record_type() {
            // What is missing would be blamed on others.
            _ if !is_right => self.0 = None,
            RecordType::BEGIN => self.0 = Macs::begin(frame),
            RecordType::END => return self.0.take().map_or_else(Vec::new, |macs| macs.end(frame)),
            RecordType(_) => {
                let wrong = self.0.as_mut().and_then(|macs| macs.take(frame, payload));
                return wrong.into_iter().collect();
            }
        }
        Vec::new()
    }
}

/// MACs of a full raw stream that are yet to be checked.
#[derive(Debug)]
struct Macs {
    key: Arc<DatasetKey>,
    block: Option<Block>,
    /// The tree of the meta-dnode.
    meta: Tree,
    core: DnodePhys,
    objset_type: u64,
    portable_mac: [u8; 32],
    order: Order,
}

/// A MAC that is wrong: record and byte of its place, the first object of a block, the rule, and what is wrong.
pub(super) struct WrongMac {
    pub(super) record: u64,
    pub(super) byte: u64,
    pub(super) object: Option<u64>,
    pub(super) about: &'static About,
    pub(super) wrong: Wrong,
}

impl Macs {
    /// The MACs of the stream behind a BEGIN; `None` if it has not all that they are over, or there is no key.
    fn begin(frame: &Frame) -> Option<Self> {
        let context = &frame.context;
        let key = Arc::clone(context.key()?.as_ref().ok()?);
        let begin = context.begin();
        let list = context.nvlist()?;
        // What is withheld has a pointer that nothing in the stream tells.
        let is_part = begin.fromguid.get() != 0
            || context.has(Features::RESUMING)
            || list.contains("redact_snaps");
        if is_part {
            return None;
        }
        let keys = list.list("crypt_keydata")?;
        let byte = |name| keys.u64(name).and_then(|number| u8::try_from(number).ok());
        let shape = Shape {
            object_type: DmuType::DNODE,
            nlevels: byte("mdn_nlevels").filter(|levels| (1..=6).contains(levels))?,
            indblkshift: byte("mdn_indblkshift").filter(|shift| (12..=17).contains(shift))?,
            nblkptr: byte("mdn_nblkptr").filter(|&number| number == 3)?,
        };
        let mut core = DnodePhys::new_zeroed();
        core.kind = DmuType::DNODE.0;
        (core.indblkshift, core.nlevels) = (shape.indblkshift, shape.nlevels);
        core.nblkptr = shape.nblkptr;
        (core.checksum, core.compress) = (byte("mdn_checksum")?, byte("mdn_compress")?);
        let sectors = u16::try_from(keys.u64("mdn_blksz")? / DNODE_SIZE as u64).ok()?;
        core.datablkszsec = sectors.into();
        core.maxblkid = keys.u64("mdn_maxblkid")?.into();
        Some(Self {
            key,
            block: None,
            meta: Tree::new(shape),
            core,
            objset_type: begin.objset_type.get().into(),
            portable_mac: keys.u8_array("portable_mac")?.try_into().ok()?,
            order: frame.order,
        })
    }

    /// Takes a record in that keeps the rules; the MAC that is wrong, if one can be checked now and is.
    fn take(&mut self, frame: &Frame, payload: Option<&Bytes>) -> Option<WrongMac> {
        match Record::of(&frame.header) {
            Record::ObjectRange(range) => {
                let wrong = self.close();
                let flags = range.flags();
                self.block = Some(Block {
                    order: self.order_of(flags),
                    is_swapped: flags.contains(RecordFlags::RAW_BYTESWAP),
                    range,
                    dnodes: Vec::new(),
                    record: frame.record,
                    byte: frame.byte,
                });
                wrong
            }
            Record::Object(object) => {
                let shape = Shape {
                    object_type: object.object_type().unwrap_or_default(),
                    nlevels: object.nlevels,
                    indblkshift: object.indblkshift,
                    nblkptr: object.nblkptr,
                };
                let bonus = payload.cloned().unwrap_or_default();
                let dnode = Dnode { object, bonus, tree: Tree::new(shape), spill: None };
                self.block.as_mut()?.dnodes.push(dnode);
                None
            }
            Record::Write(write) => {
                let leaf = Leaf {
                    object_type: write.object_type().unwrap_or_default(),
                    lsize: write.logical_size.get(),
                    psize: write.compressed_size.get(),
                    compress: write.compression().unwrap_or(Compress::OFF),
                    mac: write.mac,
                    order: self.order_of(write.flags()),
                };
                let dnode = self.dnode(write.object.get())?;
                let blkid = write.offset.get() / u64::from(dnode.object.blksz.get()).max(1);
                let added = dnode.tree.add(blkid, &leaf);
                added.err().map(|error| at(frame, &DNODES, layout(&error)))
            }
            Record::Spill(spill) => {
                let leaf = Leaf {
                    object_type: DmuType::SA,
                    lsize: spill.length.get(),
                    psize: spill.compressed_size.get(),
                    compress: Compress(spill.compressiontype),
                    mac: spill.mac,
                    order: self.order_of(spill.flags()),
                };
                let dnode = self.dnode(spill.object.get())?;
                match leaf.pointer() {
                    Ok(pointer) => dnode.spill = Some(pointer),
                    Err(error) => return Some(at(frame, &DNODES, layout(&error))),
                }
                None
            }
            Record::Begin(_)
            | Record::FreeObjects(_)
            | Record::Free(_)
            | Record::End(_)
            | Record::WriteByref(_)
            | Record::WriteEmbedded(_)
            | Record::Redact(_)
            | Record::Unknown(_) => None,
        }
    }

    /// The MACs that are wrong at the end of the stream.
    fn end(mut self, frame: &Frame) -> Vec<WrongMac> {
        let mut wrong = Vec::new();
        wrong.extend(self.close());
        if wrong.is_empty()
            && let Err(error) = self.objset()
        {
            wrong.push(at(frame, &OBJSET, error));
        }
        wrong
    }

    fn dnode(&mut self, object: u64) -> Option<&mut Dnode> {
        let dnodes = &mut self.block.as_mut()?.dnodes;
        dnodes.iter_mut().find(|dnode| dnode.object.object.get() == object)
    }

    /// The byte order of what a record holds.
    fn order_of(&self, flags: RecordFlags) -> Order {
        let is_swapped = flags.contains(RecordFlags::RAW_BYTESWAP);
        Order::from_big_endian((self.order == Order::Big) != is_swapped)
    }

    /// Checks the block of dnodes whose records came, and adds it to the meta-dnode's tree.
    fn close(&mut self) -> Option<WrongMac> {
        let block = self.block.take()?;
        let Block { range, order, record, byte, .. } = block;
        let checked = self.check(block);
        let first = range.firstobj.get();
        let wrong = |wrong| WrongMac { record, byte, object: Some(first), about: &DNODES, wrong };
        if let Err(error) = checked {
            return Some(wrong(error));
        }
        let leaf = Leaf {
            object_type: DmuType::DNODE,
            lsize: DNODE_BLOCK_SIZE as u64,
            psize: DNODE_BLOCK_SIZE as u64,
            compress: Compress::OFF,
            mac: range.mac,
            order,
        };
        let blkid = first / (DNODE_BLOCK_SIZE / DNODE_SIZE) as u64;
        self.meta.add(blkid, &leaf).err().map(|error| wrong(layout(&error)))
    }

    fn check(&self, block: Block) -> Result<(), Wrong> {
        let Block { range, order, is_swapped, dnodes, .. } = block;
        let mut bytes = vec![0; DNODE_BLOCK_SIZE];
        for dnode in dnodes {
            let slot = dnode.object.object.get().saturating_sub(range.firstobj.get());
            let start = usize::try_from(slot).unwrap_or(usize::MAX).saturating_mul(DNODE_SIZE);
            let made = dnode.bytes(order, is_swapped).map_err(|error| layout(&error))?;
            let place = bytes.get_mut(start..start.saturating_add(made.len()));
            place
                .ok_or_else(|| Wrong::words("dnode", slot, "in its block"))?
                .copy_from_slice(&made);
        }
        let params = BlockParams { salt: range.salt, iv: range.iv, mac: range.mac };
        decrypt_dnode_block(&self.key, &params, order == Order::Big, &mut bytes)
            .map_err(|e| crypto(&e))
    }

    /// Checks the object set.
    fn objset(self) -> Result<(), Wrong> {
        let pointers = self.meta.finish().map_err(|error| layout(&error))?;
        let mut block = vec![0; SIZE_V1];
        let core = self.core.as_bytes();
        block[..core.len()].copy_from_slice(core);
        let places = block[core.len()..].as_chunks_mut::<BLKPTR_SIZE>().0.iter_mut();
        for (place, pointer) in places.zip(pointers) {
            *place = pointer.to_bytes(Order::Little);
        }
        if let Ok((phys, _)) = ObjsetPhys::mut_from_prefix(&mut block) {
            phys.kind = self.objset_type.into();
            phys.portable_mac = self.portable_mac;
        }
        verify_objset(&self.key, false, &block).map(|_| ()).map_err(|e| crypto(&e))
    }
}

impl Dnode {
    /// The dnode as it lies on disk, in that order.
    fn bytes(self, order: Order, is_swapped: bool) -> Result<Vec<u8>, LayoutError> {
        let Self { object, bonus, tree, spill } = self;
        let mut core = DnodePhys::new_zeroed();
        let type_of = |number: u32| u8::try_from(number).unwrap_or(0);
        (core.kind, core.bonustype) =
            (type_of(object.object_type.get()), type_of(object.bonustype.get()));
        (core.indblkshift, core.nlevels) = (object.indblkshift, object.nlevels);
        (core.nblkptr, core.checksum) = (object.nblkptr, object.checksumtype);
        core.compress = object.compress;
        core.extra_slots = object.dn_slots.saturating_sub(1);
        core.datablkszsec = u16::try_from(object.blksz.get() / 512).unwrap_or(0).into();
        core.bonuslen = u16::try_from(object.bonuslen.get()).unwrap_or(0).into();
        core.maxblkid = object.maxblkid.get().into();
        if object.flags().contains(RecordFlags::OBJECT_SPILL) {
            core.flags = FLAG_SPILL;
        }
        let size = core.size();
        let (room, spill_place) = (core.bonus_room(size), core.spill(size));
        if order == Order::Big {
            core.swap();
        }
        let mut bytes = vec![0; size];
        bytes[..CORE_SIZE].copy_from_slice(core.as_bytes());
        for (i, pointer) in tree.finish()?.iter().enumerate() {
            let start = CORE_SIZE + i * BLKPTR_SIZE;
            if let Some(place) = bytes.get_mut(start..start + BLKPTR_SIZE) {
                place.copy_from_slice(&pointer.to_bytes(order));
            }
        }
        if let Some(place) = room.and_then(|room| bytes.get_mut(room))
            && place.len() >= bonus.len()
        {
            let place = &mut place[..bonus.len()];
            place.copy_from_slice(&bonus);
            // The sender has turned the bonus by its type, though it is encrypted.
            if is_swapped && let Some(kind) = DmuType(type_of(object.bonustype.get())).byteswap() {
                match order {
                    Order::Little => swap(kind, place),
                    Order::Big => swap_out(kind, place),
                }
            }
        }
        if let (Some(place), Some(pointer)) = (spill_place, spill) {
            bytes[place].copy_from_slice(&pointer.to_bytes(order));
        }
        Ok(bytes)
    }
}

fn at(frame: &Frame, about: &'static About, wrong: Wrong) -> WrongMac {
    WrongMac { record: frame.record, byte: frame.byte, object: None, about, wrong }
}

fn layout(error: &LayoutError) -> Wrong {
    Wrong::words("block pointer", error.to_string(), "one that can be")
}

/// The difference where a MAC does not match, or a key does not open.
pub(super) fn crypto(error: &CryptoError) -> Wrong {
    Wrong::words("MAC", error.to_string(), "a MAC that matches, with this key")
}
