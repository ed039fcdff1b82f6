//! The MACs of a raw stream that are over more than one record: those of blocks of dnodes, and of the object set.
//!
//! A full stream has all that they are over. The pointers of a dnode are made anew of its blocks, the dnodes
//! of a block of its records, and the object set of all blocks of dnodes. An incremental stream has not: there
//! the MACs of its blocks are checked, and these are not.

use super::dnode::{RawDnode, block_of, field, objset_of};
use super::tree::{BlockTree, TreeLeaf, TreeShape};
use std::sync::Arc;
use zsend_crypto::key_data::{names, portable_mac_in};
use zsend_crypto::{
    BlockParams, CryptoError, DatasetKey, MetaDnode, decrypt_dnode_block, verify_objset,
};
use zsend_ondisk::dnode::{DNODE_SIZE, DNODES_PER_BLOCK, DnodePhys, MAX_BLKPTRS};
use zsend_ondisk::objset::ObjsetPhys;
use zsend_ondisk::{LayoutError, Order};
use zsend_records::bytes::Bytes;
use zsend_records::drr::{Begin, ObjectRange};
use zsend_records::flags::{Features, RecordFlags};
use zsend_records::nvlist::NvList;
use zsend_records::reader::Record;
use zsend_records::types::{Compress, DmuType};
use zsend_records::zerocopy::byteorder::LE;
use zsend_records::zerocopy::{FromBytes, FromZeros};

/// A block of dnodes.
#[derive(Debug)]
struct DnodeBlock<P> {
    range: ObjectRange<LE>,
    order: Order,
    is_swapped: bool,
    dnodes: Vec<RawDnode>,
    /// Place of the OBJECT_RANGE.
    place: P,
}

/// MACs of a full raw stream that are yet to be checked. `P` is a place in the stream.
#[derive(Debug)]
pub(crate) struct Macs<P> {
    key: Arc<DatasetKey>,
    block: Option<DnodeBlock<P>>,
    /// The tree of the meta-dnode.
    meta: BlockTree,
    core: DnodePhys,
    objset_type: u64,
    portable_mac: [u8; 32],
    order: Order,
}

/// Blocks that a MAC is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// A block of dnodes, of which this is the first.
    Dnodes(u64),
    /// A block that has no pointer as its record tells of it.
    Block,
    /// The object set.
    Objset,
}

/// A MAC that is wrong.
#[derive(Debug)]
pub(crate) struct WrongMac<P> {
    /// Place of the record that has it.
    pub(crate) place: P,
    pub(crate) over: Over,
    pub(crate) fault: MacFault,
}

/// Returns true if the stream has not every block of its object set: those that it starts from, those that were sent before,
/// or those that are withheld, which have pointers that nothing in the stream tells.
pub(crate) fn is_part(begin: &Begin<LE>) -> bool {
    let parts = Features::RESUMING | Features::REDACTED;
    begin.fromguid.get() != 0 || begin.features().intersects(parts)
}

/// A difference between a MAC and what it is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MacFault {
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An object whose dnode is not in this block.
    #[error("the dnode of object {object} does not lie in the block of dnodes from object {first}")]
    Slot {
        /// Number of the object.
        object: u64,
        /// The first object of the block.
        first: u64,
    },
}

impl<P: Clone> Macs<P> {
    /// The MACs of the stream behind a BEGIN with this list; `None` if it has not all that they are over.
    ///
    /// # Errors
    /// [`MacFault::Crypto`] or [`MacFault::Layout`] for a part of `crypt_keydata` that is not there, or that no
    /// meta-dnode has.
    pub(crate) fn begin(
        begin: &Begin<LE>,
        list: &NvList,
        key: Arc<DatasetKey>,
        order: Order,
    ) -> Result<Option<Self>, MacFault> {
        if is_part(begin) {
            return Ok(None);
        }
        let what = names::LIST;
        let keys = list.list(what).ok_or(CryptoError::KeyData { what, found: "absent" })?;
        let MetaDnode { checksum, compress, nlevels, blksz, indblkshift, nblkptr, maxblkid } =
            MetaDnode::from_nvlist(keys)?;
        for (what, found, right, expected) in [
            (names::META_LEVELS, nlevels, 1..=6, "1 to 6"),
            (names::META_INDBLKSHIFT, indblkshift, 12..=17, "12 to 17"),
            (names::META_BLKPTRS, nblkptr, MAX_BLKPTRS..=MAX_BLKPTRS, "3"),
        ] {
            if !right.contains(&found) {
                return Err(field(what, found.into(), expected).into());
            }
        }
        let sectors = u16::try_from(blksz / DNODE_SIZE as u64)
            .map_err(|_| field(names::META_BLKSZ, blksz, "16384"))?;
        let shape = TreeShape { object_type: DmuType::DNODE, nlevels, indblkshift, nblkptr };
        let mut core = DnodePhys::new_zeroed();
        core.kind = DmuType::DNODE.0;
        (core.indblkshift, core.nlevels, core.nblkptr) = (indblkshift, nlevels, nblkptr);
        (core.checksum, core.compress) = (checksum, compress);
        (core.datablkszsec, core.maxblkid) = (sectors.into(), maxblkid.into());
        Ok(Some(Self {
            key,
            block: None,
            meta: BlockTree::new(shape),
            core,
            objset_type: begin.objset_type.get().into(),
            portable_mac: portable_mac_in(keys)?,
            order,
        }))
    }

    /// Takes a record in whose numbers are within the limits of the rules; the MAC that is wrong, if one can be checked
    /// now and is. `payload` is that of an OBJECT.
    pub(crate) fn take(
        &mut self,
        place: &P,
        record: &Record<'_>,
        payload: Option<&Bytes>,
    ) -> Option<WrongMac<P>> {
        let at = |error: LayoutError| {
            Some(WrongMac { place: place.clone(), over: Over::Block, fault: error.into() })
        };
        match *record {
            Record::ObjectRange(range) => {
                let wrong = self.close();
                let flags = range.flags();
                self.block = Some(DnodeBlock {
                    order: self.order_of(flags),
                    is_swapped: flags.contains(RecordFlags::RAW_BYTESWAP),
                    range: *range,
                    dnodes: Vec::new(),
                    place: place.clone(),
                });
                wrong
            }
            Record::Object(object) => {
                let bonus = payload.cloned().unwrap_or_default();
                match RawDnode::new(object, bonus) {
                    Ok(dnode) => {
                        self.block.as_mut()?.dnodes.push(dnode);
                        None
                    }
                    Err(error) => at(error),
                }
            }
            Record::Write(write) => {
                let Some(object_type) = write.object_type().filter(|kind| kind.is_valid()) else {
                    let found = write.object_type.get().into();
                    return at(field("type", found, "a type that there is"));
                };
                let leaf = TreeLeaf {
                    object_type,
                    lsize: write.logical_size.get(),
                    psize: write.compressed_size.get(),
                    compress: write.compression().unwrap_or(Compress::OFF),
                    mac: write.mac,
                    order: self.order_of(write.flags()),
                };
                let dnode = self.dnode(write.object.get())?;
                let blkid = write.offset.get() / u64::from(dnode.object.blksz.get()).max(1);
                dnode.tree.add(blkid, &leaf).err().and_then(at)
            }
            Record::Spill(spill) => {
                let leaf = TreeLeaf {
                    object_type: DmuType::SA,
                    lsize: spill.length.get(),
                    psize: spill.compressed_size.get(),
                    compress: Compress(spill.compressiontype),
                    mac: spill.mac,
                    order: self.order_of(spill.flags()),
                };
                let dnode = self.dnode(spill.object.get())?;
                match leaf.pointer() {
                    Ok(pointer) => {
                        dnode.spill = Some(pointer);
                        None
                    }
                    Err(error) => at(error),
                }
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

    /// The MAC that is wrong at the end of the stream, `place` being that of END.
    pub(crate) fn end(mut self, place: P) -> Option<WrongMac<P>> {
        self.close().or_else(|| {
            self.objset().err().map(|fault| WrongMac { place, over: Over::Objset, fault })
        })
    }

    fn dnode(&mut self, object: u64) -> Option<&mut RawDnode> {
        let dnodes = &mut self.block.as_mut()?.dnodes;
        dnodes.iter_mut().find(|dnode| dnode.object.object.get() == object)
    }

    /// The byte order of what a record holds.
    fn order_of(&self, flags: RecordFlags) -> Order {
        let is_swapped = flags.contains(RecordFlags::RAW_BYTESWAP);
        Order::from_big_endian((self.order == Order::Big) != is_swapped)
    }

    /// Checks the block of dnodes whose records came, and adds it to the meta-dnode's tree.
    fn close(&mut self) -> Option<WrongMac<P>> {
        let DnodeBlock { range, order, is_swapped, dnodes, place } = self.block.take()?;
        let first = range.firstobj.get();
        let checked = self.check(&range, order, is_swapped, dnodes).and_then(|()| {
            Ok(self.meta.add(first / DNODES_PER_BLOCK, &TreeLeaf::of_dnodes(range.mac, order))?)
        });
        checked.err().map(|fault| WrongMac { place, over: Over::Dnodes(first), fault })
    }

    fn check(
        &self,
        range: &ObjectRange<LE>,
        order: Order,
        is_swapped: bool,
        dnodes: Vec<RawDnode>,
    ) -> Result<(), MacFault> {
        let mut bytes = block_of(range.firstobj.get(), dnodes, order, is_swapped)?;
        let params = BlockParams { salt: range.salt, iv: range.iv, mac: range.mac };
        Ok(decrypt_dnode_block(&self.key, &params, order == Order::Big, &mut bytes)?)
    }

    /// Checks the object set.
    fn objset(self) -> Result<(), MacFault> {
        let mut block = objset_of(&self.core, self.meta, self.objset_type)?;
        if let Ok((phys, _)) = ObjsetPhys::mut_from_prefix(&mut block) {
            phys.portable_mac = self.portable_mac;
        }
        verify_objset(&self.key, false, &block)?;
        Ok(())
    }
}
