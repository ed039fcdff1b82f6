//! ZAPs: the name-to-value objects that directories, datasets and properties are made of.

mod fat;
mod micro;
#[cfg(test)]
pub(crate) mod tests;

use crate::dmu::dnode::Dnode;
use crate::dmu::objset::Objset;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use bytes::Bytes;
use zsend_ondisk::zap::{BLOCK_HEADER, BLOCK_MICRO, normalized};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZapEntry {
    /// The name without its NUL; for a ZAP of integer keys, the key's big-endian bytes.
    pub name: Vec<u8>,
    /// Bytes of each integer of the value: 1, 2, 4 or 8.
    pub int_size: u8,
    /// The value's integers, big-endian, one after another.
    pub value: Vec<u8>,
    /// Hash of the name as the ZAP normalises it; entries are iterated in the order of (hash, cd).
    pub hash: u64,
    /// Collision differentiator.
    pub cd: u32,
}

impl ZapEntry {
    /// The name as text.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// The value's integers, whatever their size.
    pub fn ints(&self) -> Vec<u64> {
        self.value
            .chunks_exact(usize::from(self.int_size.clamp(1, 8)))
            .map(|c| c.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
            .collect()
    }

    /// The value's first integer if it has eight bytes: what most ZAPs hold.
    pub fn u64(&self) -> Option<u64> {
        if self.int_size != 8 {
            return None;
        }
        self.value.first_chunk::<8>().map(|b| u64::from_be_bytes(*b))
    }

    /// The one 64-bit integer that the value must be. `at` is for the error.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if it is anything else.
    pub fn number(&self, at: Zbookmark) -> Result<u64> {
        self.u64().filter(|_| self.value.len() == 8).ok_or_else(|| {
            let found = format!("{} bytes, in integers of {}", self.value.len(), self.int_size);
            PoolError::corrupt(at, "ZAP value", found, "one 64-bit integer")
        })
    }

    /// A value of bytes, as a string without its NUL.
    pub fn string(&self) -> Option<String> {
        if self.int_size != 1 {
            return None;
        }
        let end = self.value.iter().position(|&b| b == 0).unwrap_or(self.value.len());
        Some(String::from_utf8_lossy(&self.value[..end]).into_owned())
    }
}

/// The part of a ZAP that can be read.
#[derive(Debug, Default)]
pub struct Readable {
    /// The entries, in iteration order: ascending by hash, then differentiator.
    pub entries: Vec<ZapEntry>,
    /// Flags by which names are made alike before they are hashed, and compared if the caller asks for it:
    /// `zap_normflags`, of the flags that `u8_textprep_str()` takes. Zero means as they are.
    pub normflags: u64,
    /// Reasons why some leaves cannot be read. After [`MAX_LOST`] of them no more are tried.
    pub lost: Vec<PoolError>,
}

/// Leaves of a ZAP that may be lost before the rest is given up.
pub const MAX_LOST: usize = 64;

impl Readable {
    /// The entries, if all could be read.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn whole(self) -> Result<Vec<ZapEntry>> {
        match self.lost.into_iter().next() {
            None => Ok(self.entries),
            Some(e) => Err(e),
        }
    }

    /// The entry of that name, or `None`; where names are to be taken for one another, the one that is
    /// written so, or else the first that is normalised to the same.
    ///
    /// A ZAP without normalisation has no other names than those it was given, as in the fallback of
    /// `dsl_dataset_snap_lookup()`, OpenZFS `module/zfs/dsl_dataset.c`, zfs-2.3.2.
    ///
    /// # Errors
    /// It may lie in a leaf that cannot be read.
    pub fn find(self, name: &[u8], matching: Matching) -> Result<Option<ZapEntry>> {
        let exact = self.entries.iter().position(|e| e.name == name);
        let found = match matching {
            Matching::Exact => exact,
            Matching::Normalized => exact.or_else(|| {
                let wanted = normalized(name, self.normflags);
                self.entries.iter().position(|e| normalized(&e.name, self.normflags) == wanted)
            }),
        };
        match found.and_then(|at| self.entries.into_iter().nth(at)) {
            Some(entry) => Ok(Some(entry)),
            None => self.lost.into_iter().next().map_or(Ok(None), Err),
        }
    }
}

/// All entries of a ZAP object, in iteration order: ascending by hash, then differentiator.
///
/// # Errors
/// [`PoolError::Corrupt`] names the block and field that is not sound, and whatever reading gives.
pub fn entries(os: &Objset, object: u64) -> Result<Vec<ZapEntry>> {
    readable(os, object)?.whole()
}

/// As [`entries`], with the dnode at hand.
///
/// # Errors
/// As [`entries`].
pub fn entries_of(os: &Objset, object: u64, dnode: &Dnode) -> Result<Vec<ZapEntry>> {
    readable_of(os, object, dnode)?.whole()
}

/// As [`entries`], but a leaf that cannot be read hides its own entries alone.
///
/// # Errors
/// As [`entries`], where no entry can be found.
pub fn readable(os: &Objset, object: u64) -> Result<Readable> {
    let dnode = os.dnode(object)?;
    readable_of(os, object, &dnode)
}

/// As [`readable`], with the dnode at hand.
///
/// # Errors
/// As [`readable`].
pub fn readable_of(os: &Objset, object: u64, dnode: &Dnode) -> Result<Readable> {
    let blocks = ZapBlocks {
        objset: os.id(),
        object,
        maxblkid: dnode.maxblkid,
        read: &|blkid| os.block(dnode, object, blkid),
    };
    blocks.readable()
}

/// Comparison of names that are normalised to the same: `matchtype_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// They are two names.
    Exact,
    /// They are one name: `MT_NORMALIZE`.
    Normalized,
}

/// A ZAP as the blocks of its object, wherever those come from.
#[derive(Clone, Copy)]
pub struct ZapBlocks<'a> {
    /// The object set, for messages.
    pub objset: u64,
    /// The object, for messages.
    pub object: u64,
    /// The object's highest block number.
    pub maxblkid: u64,
    /// Gives a block in little-endian order, or `None` for a hole.
    pub read: &'a dyn Fn(u64) -> Result<Option<Bytes>>,
}

impl std::fmt::Debug for ZapBlocks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { objset, object, maxblkid, read: _ } = self;
        let mut shown = f.debug_struct("ZapBlocks");
        shown.field("objset", objset).field("object", object).field("maxblkid", maxblkid);
        shown.finish_non_exhaustive()
    }
}

impl ZapBlocks<'_> {
    /// All entries that can be read, in iteration order.
    ///
    /// # Errors
    /// As [`readable`].
    pub fn readable(&self) -> Result<Readable> {
        let block = self.block(0)?;
        let kind = block.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
        let mut found = match kind {
            BLOCK_MICRO => micro::entries(&block),
            BLOCK_HEADER => fat::entries(self, &block)?,
            other => {
                let found = format!("{other:#x}");
                return Err(PoolError::corrupt(self.at(0), "ZAP type", found, "micro or fat"));
            }
        };
        found.entries.sort_by_key(|e| (e.hash, e.cd));
        Ok(found)
    }

    fn at(&self, blkid: u64) -> Zbookmark {
        Zbookmark::new(self.objset, self.object, 0, blkid)
    }

    /// A block that must exist: a ZAP has no holes.
    fn block(&self, blkid: u64) -> Result<Bytes> {
        (self.read)(blkid)?
            .ok_or_else(|| PoolError::corrupt(self.at(blkid), "ZAP block", "a hole", "a block"))
    }
}

/// The entry of that name, or `None`.
///
/// # Errors
/// As [`entries`].
pub fn lookup(os: &Objset, object: u64, name: &str) -> Result<Option<ZapEntry>> {
    lookup_matching(os, object, name, Matching::Exact)
}

/// As [`lookup`], of names that may be taken for one another.
///
/// # Errors
/// As [`entries`].
pub fn lookup_matching(
    os: &Objset,
    object: u64,
    name: &str,
    matching: Matching,
) -> Result<Option<ZapEntry>> {
    readable(os, object)?.find(name.as_bytes(), matching)
}

/// The one 64-bit value of that name, or `None`.
///
/// # Errors
/// As [`entries`].
pub fn lookup_u64(os: &Objset, object: u64, name: &str) -> Result<Option<u64>> {
    let at = Zbookmark::new(os.id(), object, 0, 0);
    lookup(os, object, name)?.map(|entry| entry.number(at)).transpose()
}
