//! Objects that are one array: read block by block, so that one that claims a size and holds nothing costs
//! no memory.

use super::dnode::Dnode;
use super::objset::Objset;
use crate::error::len;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};

/// Most bytes that an object can have: those of the blocks up to `dn_maxblkid`.
pub(crate) fn size(dnode: &Dnode) -> u64 {
    dnode.maxblkid.saturating_add(1).saturating_mul(dnode.datablksz())
}

/// Gives the first `bytes` bytes of an object of the MOS to `take`, a block at a time with its bookmark.
/// `what` names the object for errors. The caller bounds `bytes` by [`size`].
///
/// # Errors
/// [`PoolError::Corrupt`] for a hole or a block of another size, and those of reading and of `take`.
pub(crate) fn each_block(
    mos: &Objset,
    object: u64,
    dnode: &Dnode,
    bytes: u64,
    what: &'static str,
    mut take: impl FnMut(Zbookmark, &[u8]) -> Result<()>,
) -> Result<()> {
    let blksz = dnode.datablksz();
    let (mut rest, mut blkid) = (bytes, 0);
    while rest > 0 {
        let at = Zbookmark::new(mos.id(), object, 0, blkid);
        let block = mos
            .block(dnode, object, blkid)?
            .ok_or_else(|| PoolError::corrupt(at, what, "a hole", "a block"))?;
        if block.is_empty() || block.len() as u64 != blksz {
            let found = format!("a block of {} bytes", block.len());
            return Err(PoolError::corrupt(at, what, found, format!("one of {blksz}")));
        }
        let used = rest.min(blksz);
        take(at, block.get(..len(used)?).unwrap_or(&block))?;
        rest -= used;
        blkid += 1;
    }
    Ok(())
}
