//! Object sets: the MOS and every dataset, down to the blocks of their objects.

use super::dnode::{DNODE_BLOCK_SIZE, DNODE_SIZE, DNODES_PER_BLOCK, Dnode, DnodeRef};
use super::zil;
use crate::blkptr::{self, BlkPtr};
use crate::cache::BlockCache;
use crate::cancel::CancelToken;
use crate::error::{Unsupported, len};
use crate::zbookmark::Zbookmark;
use crate::zio::crypt::{self, Crypt};
use crate::zio::{Access, Extent, Zio};
use crate::{PoolError, Result};
use bytes::Bytes;
use std::sync::Arc;
use zerocopy::FromBytes;
use zsend_ondisk::objset::{ACCOUNTING, ObjsetPhys, SIZE_V1};
use zsend_records::sizes::MAX_OBJECT;
use zsend_records::types::{DmuType, ObjsetType};

/// An object set.
#[derive(Clone, Debug)]
pub struct Objset {
    zio: Arc<Zio>,
    cache: Arc<BlockCache>,
    id: u64,
    kind: ObjsetType,
    meta: Dnode,
    root: BlkPtr,
    portable_mac: [u8; 32],
    zil: zil::LogHeader,
    accounting: Vec<(u64, Dnode)>,
    crypt: Option<Arc<Crypt>>,
    cancel: Option<CancelToken>,
}

/// The object numbers that stand for the user, group and project accounting dnodes:
/// `DMU_USERUSED_OBJECT` and its fellows.
const ACCOUNTING_OBJECTS: [u64; 3] = [u64::MAX, u64::MAX - 1, u64::MAX - 2];

/// Kinds of object set.
const KINDS: [ObjsetType; 4] =
    [ObjsetType::META, ObjsetType::ZFS, ObjsetType::ZVOL, ObjsetType::OTHER];

impl Objset {
    /// Opens the object set that `root` points to. `id` is its dataset's object number, zero for
    /// the MOS; `crypt` how it is encrypted, if it is.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if the block is no object set, or what reading it gives.
    pub fn open(
        zio: &Arc<Zio>,
        cache: &Arc<BlockCache>,
        id: u64,
        root: BlkPtr,
        crypt: Option<Arc<Crypt>>,
    ) -> Result<Self> {
        let at = Zbookmark::root(id);
        if root.is_hole() {
            return Err(PoolError::corrupt(at, "root block pointer", "a hole", "an object set"));
        }
        if root.object_type() != DmuType::OBJSET || root.lsize() < SIZE_V1 as u64 {
            let found = format!("type {} of {} bytes", root.object_type(), root.lsize());
            return Err(PoolError::corrupt(at, "root block", found, "an object set"));
        }
        let block = zio.read(&root, &at, Access::new(crypt.as_deref()))?;
        let Ok((phys, _)) = ObjsetPhys::ref_from_prefix(&block) else {
            return Err(PoolError::corrupt(at, "root block size", block.len(), SIZE_V1));
        };
        let meta = Dnode::parse(&block.slice(..DNODE_SIZE), 0, &at)?;
        if meta.object_type != DmuType::DNODE || meta.datablksz() != DNODE_BLOCK_SIZE as u64 {
            let found = format!("type {}, {} bytes a block", meta.object_type, meta.datablksz());
            return Err(PoolError::corrupt(
                at,
                "meta-dnode",
                found,
                "type 10, 16384 bytes a block",
            ));
        }
        let kind = phys.kind.get();
        let Some(kind) = KINDS.into_iter().find(|k| u64::from(k.0) == kind) else {
            return Err(PoolError::corrupt(at, "os_type", kind, "1 to 4"));
        };
        let mut accounting = Vec::new();
        for (place, object) in ACCOUNTING.into_iter().zip(ACCOUNTING_OBJECTS) {
            if block.len() >= place.end {
                let dnode = Dnode::parse(&block.slice(..place.end), place.start, &at)?;
                if dnode.object_type != DmuType::NONE {
                    accounting.push((object, dnode));
                }
            }
        }
        Ok(Self {
            zio: Arc::clone(zio),
            cache: Arc::clone(cache),
            id,
            kind,
            meta,
            root,
            portable_mac: phys.portable_mac,
            zil: zil::LogHeader::of(&phys.zil_header),
            accounting,
            crypt,
            cancel: None,
        })
    }

    /// The same object set, of which no copy and no column of a block is read any more once the token is
    /// cancelled: reads then end with [`PoolError::Cancelled`].
    #[must_use]
    pub fn with_cancel(&self, cancel: CancelToken) -> Self {
        Self { cancel: Some(cancel), ..self.clone() }
    }

    /// The dataset's object number; zero for the MOS.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Filesystem, volume or other.
    pub const fn kind(&self) -> ObjsetType {
        self.kind
    }

    /// The meta-dnode: the object whose data are all other dnodes.
    pub const fn meta(&self) -> &Dnode {
        &self.meta
    }

    /// The accounting objects (space by user, group and project), by the numbers that stand for
    /// them. They are never sent.
    pub fn accounting(&self) -> &[(u64, Dnode)] {
        &self.accounting
    }

    /// The pointer to the object set's own block.
    pub const fn root(&self) -> &BlkPtr {
        &self.root
    }

    /// The header of its intent log, which snapshots have none of.
    pub const fn zil(&self) -> &zil::LogHeader {
        &self.zil
    }

    /// The MAC that raw receivers check the object set by.
    pub const fn portable_mac(&self) -> &[u8; 32] {
        &self.portable_mac
    }

    /// Encryption of its blocks, with the key if it was loaded; `None` if they are not encrypted.
    pub const fn crypt(&self) -> Option<&Arc<Crypt>> {
        self.crypt.as_ref()
    }

    /// Reads a block of this object set: see [`Zio::read`].
    ///
    /// # Errors
    /// Those of [`Zio::read`].
    pub fn read_block(&self, bp: &BlkPtr, at: &Zbookmark) -> Result<Bytes> {
        self.zio.read(bp, at, self.access(None))
    }

    /// Refuses a level-0 block for what its pointer says, without reading it: whoever reads it is
    /// refused for the same, and whoever counts it should be. `expanded` says that it is wanted
    /// decompressed and in host order.
    ///
    /// # Errors
    /// Those of [`blkptr::check`]; [`PoolError::Corrupt`] for an unencrypted block in an encrypted
    /// dataset and for a checksum that lies in its block; [`PoolError::Unsupported`] for a type whose
    /// byte order is not known.
    pub fn check_block(&self, bp: &BlkPtr, at: &Zbookmark, expanded: bool) -> Result<()> {
        if bp.is_hole() || bp.is_redacted() {
            let found = if bp.is_hole() { "a hole" } else { "redacted" };
            return Err(PoolError::corrupt(*at, "block", found, "a block"));
        }
        crypt::check(bp, at, self.crypt.as_deref())?;
        blkptr::check(bp, at)?;
        if !bp.is_embedded() && bp.checksum_type().is_in_block() {
            let found = bp.checksum_type().name();
            return Err(PoolError::corrupt(*at, "checksum", found, "one that lies in the pointer"));
        }
        if expanded && bp.is_big_endian() && bp.object_type().byteswap().is_none() {
            let kind = bp.object_type();
            return Err(Unsupported::ByteOrder { at: *at, kind }.into());
        }
        Ok(())
    }

    /// Access to blocks of this object set, with bytes that were read already.
    pub fn access<'a>(&'a self, extent: Option<&'a Extent>) -> Access<'a> {
        Access { crypt: self.crypt.as_deref(), extent, cancel: self.cancel.as_ref() }
    }

    /// The reader of the pool's blocks.
    pub const fn zio(&self) -> &Arc<Zio> {
        &self.zio
    }

    /// An object's dnode.
    ///
    /// # Errors
    /// [`PoolError::NotFound`] if the object is free or its number lies past the end.
    pub fn dnode(&self, object: u64) -> Result<Dnode> {
        let missing = || PoolError::NotFound {
            what: "object",
            name: format!("{object} of object set {}", self.id),
        };
        if object == 0 || object >= MAX_OBJECT {
            return Err(missing());
        }
        let blkid = object / DNODES_PER_BLOCK;
        let block = self.block(&self.meta, 0, blkid)?.ok_or_else(missing)?;
        let at = Zbookmark::new(self.id, 0, 0, blkid);
        let wanted = len(object % DNODES_PER_BLOCK)?;
        match DnodeRef::at(&block, wanted) {
            Some(outline) if outline.object_type() != DmuType::NONE => {
                Dnode::parse(&block, wanted * DNODE_SIZE, &at)
            }
            _ => Err(missing()),
        }
    }

    /// Block `blkid` of an object, in host order; `None` for a hole.
    ///
    /// # Errors
    /// Those of reading the block, or an indirect block above it.
    pub fn block(&self, dnode: &Dnode, object: u64, blkid: u64) -> Result<Option<Bytes>> {
        let bp = self.block_pointer(dnode, object, blkid)?;
        if bp.is_hole() || bp.is_redacted() {
            return Ok(None);
        }
        self.cached(&bp, &Zbookmark::new(self.id, object, 0, blkid)).map(Some)
    }

    /// The pointer to block `blkid` of an object; a hole if there is none at any level.
    ///
    /// # Errors
    /// Those of reading an indirect block above it.
    pub fn block_pointer(&self, dnode: &Dnode, object: u64, blkid: u64) -> Result<BlkPtr> {
        self.pointer_and_span(dnode, object, blkid).map(|(bp, _)| bp)
    }

    /// As [`Self::block_pointer`], with the number of blocks from `blkid` on that the pointer tells of:
    /// one, or all to the end of the hole that it lies in.
    ///
    /// # Errors
    /// As [`Self::block_pointer`].
    pub fn pointer_and_span(
        &self,
        dnode: &Dnode,
        object: u64,
        blkid: u64,
    ) -> Result<(BlkPtr, u64)> {
        let hole = BlkPtr::default();
        if blkid > dnode.maxblkid {
            return Ok((hole, u64::MAX - blkid));
        }
        let top = dnode.top();
        let first = dnode.blkid_at(top, blkid);
        let Some(mut bp) = usize::try_from(first).ok().and_then(|i| dnode.blkptr(i)) else {
            return Ok((hole, u64::MAX - blkid));
        };
        let mut level = top;
        loop {
            let below = level.below();
            if bp.is_hole() || bp.is_redacted() {
                let span = dnode.span(level);
                return match below {
                    None => Ok((bp, 1)),
                    Some(_) => Ok((hole, span - blkid % span)),
                };
            }
            let at = Zbookmark::new(self.id, object, level.into(), dnode.blkid_at(level, blkid));
            if bp.level() != u32::from(level) {
                return Err(PoolError::corrupt(at, "level", bp.level(), level));
            }
            let Some(below) = below else { return Ok((bp, 1)) };
            let data = self.cached(&bp, &at)?;
            let child = dnode.blkid_at(below, blkid) & ((1 << dnode.epb_shift()) - 1);
            bp = BlkPtr::at(&data, len(child)?).ok_or_else(|| {
                let want = 1u64 << dnode.indblkshift;
                PoolError::corrupt(at, "indirect block size", data.len(), want)
            })?;
            level = below;
        }
    }

    fn cached(&self, bp: &BlkPtr, at: &Zbookmark) -> Result<Bytes> {
        let decrypted = self.crypt.as_ref().is_some_and(|c| c.key.is_some());
        self.cache.get(bp, decrypted, || self.read_block(bp, at))
    }

    /// The bytes of an object from `offset`, as many as `bytes`; holes read as zeros. The caller bounds `bytes`.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn read(&self, dnode: &Dnode, object: u64, offset: u64, bytes: usize) -> Result<Vec<u8>> {
        let blksz = dnode.datablksz();
        if blksz == 0 {
            let at = Zbookmark::new(self.id, object, 0, 0);
            return Err(PoolError::corrupt(at, "dn_datablkszsec", 0, "at least 1"));
        }
        let mut out = Vec::new();
        let mut at = offset;
        while out.len() < bytes {
            let within = len(at % blksz)?;
            let take = (bytes - out.len()).min(len(blksz)? - within);
            match self.block(dnode, object, at / blksz)? {
                Some(data) => {
                    let part = data.get(within..within + take).ok_or_else(|| {
                        let place = Zbookmark::new(self.id, object, 0, at / blksz);
                        PoolError::corrupt(place, "block size", data.len(), blksz)
                    })?;
                    out.extend_from_slice(part);
                }
                None => out.resize(out.len() + take, 0),
            }
            at += take as u64;
        }
        Ok(out)
    }
}
