//! Objset blocks: in the clear, with two MACs inside.

use crate::dataset::{DatasetHmac, DatasetKey};
use crate::dnode::DnodeView;
use crate::error::CryptoError;
use hmac::Mac;
use std::ops::Range;
use subtle::ConstantTimeEq;
use zerocopy::byteorder::{LE, U64};
use zerocopy::{FromBytes, IntoBytes};
use zsend_ondisk::Order;
use zsend_ondisk::dnode::DNODE_SIZE;
use zsend_ondisk::objset::{
    ACCOUNTING, FLAG_USERACCOUNTING, ObjsetPhys, SIZE_V1, SIZE_V2, SIZE_V3,
};

/// Outcome for the local MAC, which protects the accounting objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalMac {
    /// It was checked.
    Verified,
    /// There is nothing to check: no accounting, or not all of it yet. So it is after a raw
    /// receive, until the filesystem is mounted with its key.
    NotUsed,
}

/// Checks both MACs of an objset block, `block` being its bytes in the byte order that it was
/// written in (objset blocks of encrypted datasets are not compressed).
///
/// The portable MAC covers the type and the meta-dnode, and with it every object. It must match.
/// The local MAC covers the flags and the three accounting dnodes, which no send carries. Where
/// accounting is incomplete or absent the writer leaves it zero; what is stored there is then not
/// looked at, as the reference does not look at it. A local MAC that
/// is wrong has an error of its own, so that a caller who reads no accounting may go on.
///
/// Follows `zio_crypt_do_objset_hmacs()` and `spa_do_crypt_objset_mac_abd()`, OpenZFS
/// `module/os/linux/zfs/zio_crypt.c` and `module/zfs/dsl_crypt.c`, zfs-2.4.4.
pub fn verify_objset(
    key: &DatasetKey,
    big_endian: bool,
    block: &[u8],
) -> Result<LocalMac, CryptoError> {
    let objset = ObjsetView::of(key, big_endian, block)?;
    let portable = objset.portable_mac()?;
    if !bool::from(portable.as_slice().ct_eq(&objset.phys.portable_mac)) {
        return Err(CryptoError::Mac { what: "portable MAC of an objset" });
    }
    let Some(local) = objset.local_mac()? else {
        return Ok(LocalMac::NotUsed);
    };
    if !bool::from(local.as_slice().ct_eq(&objset.phys.local_mac)) {
        return Err(CryptoError::Mac { what: "local MAC of an objset" });
    }
    Ok(LocalMac::Verified)
}

/// The portable MAC of an objset block, whatever is stored there for it; see [`verify_objset`].
///
/// # Errors
/// If the block has another size than an object set, or the meta-dnode's fields lead out of it.
pub fn portable_mac(
    key: &DatasetKey,
    big_endian: bool,
    block: &[u8],
) -> Result<[u8; 32], CryptoError> {
    ObjsetView::of(key, big_endian, block)?.portable_mac()
}

struct ObjsetView<'a> {
    key: &'a DatasetKey,
    big_endian: bool,
    /// 1024, 2048 or 4096 bytes.
    block: &'a [u8],
    /// Their beginning, the words of it in the writer's order.
    phys: &'a ObjsetPhys,
}

impl<'a> ObjsetView<'a> {
    fn of(key: &'a DatasetKey, big_endian: bool, block: &'a [u8]) -> Result<Self, CryptoError> {
        let wrong = CryptoError::BlockLength { what: "objset", found: block.len() };
        if ![SIZE_V1, SIZE_V2, SIZE_V3].contains(&block.len()) {
            return Err(wrong);
        }
        let (phys, _) = ObjsetPhys::ref_from_prefix(block).map_err(|_| wrong)?;
        Ok(Self { key, big_endian, block, phys })
    }

    fn word(&self, stored: U64<LE>) -> u64 {
        Order::from_big_endian(self.big_endian).u64(stored.to_bytes())
    }

    /// The dnode in one slot of the block.
    fn dnode(&self, place: Range<usize>) -> Result<DnodeView<'_>, CryptoError> {
        let slot = place.start / DNODE_SIZE;
        DnodeView::parse(self.block.get(place).unwrap_or_default(), slot)
    }

    fn add_dnode(&self, mac: &mut DatasetHmac, dnode: &DnodeView<'_>) {
        mac.update(dnode.portable_core_le(self.big_endian).as_bytes());
        for pointer in dnode.pointers(self.big_endian, self.key.version()) {
            mac.update(pointer.as_bytes());
        }
    }

    /// Over the type, the portable flags and the meta-dnode.
    fn portable_mac(&self) -> Result<[u8; 32], CryptoError> {
        let mut mac = self.key.hmac();
        // Where all else is little-endian, the first writer made this one big-endian.
        mac.update(&self.word(self.phys.kind).to_be_bytes());
        // No flag is portable.
        mac.update(&0_u64.to_le_bytes());
        self.add_dnode(&mut mac, &self.dnode(0..DNODE_SIZE)?);
        Ok(cut(mac))
    }

    /// Over the flags and the accounting dnodes; `None` where the writer leaves zeros.
    fn local_mac(&self) -> Result<Option<[u8; 32]>, CryptoError> {
        let flags = self.word(self.phys.flags);
        if flags & FLAG_USERACCOUNTING == 0 || self.block.len() < SIZE_V2 {
            return Ok(None);
        }
        let [user, group, project] = ACCOUNTING;
        let (user, group) = (self.dnode(user)?, self.dnode(group)?);
        if user.is_free() && group.is_free() {
            return Ok(None);
        }
        let mut dnodes = vec![user, group];
        if self.block.len() >= SIZE_V3 {
            dnodes.push(self.dnode(project)?);
        }
        let mut mac = self.key.hmac();
        mac.update(&flags.to_le_bytes());
        for dnode in dnodes.iter().filter(|dnode| !dnode.is_free()) {
            self.add_dnode(&mut mac, dnode);
        }
        Ok(Some(cut(mac)))
    }
}

fn cut(mac: DatasetHmac) -> [u8; 32] {
    let full = mac.finalize().into_bytes();
    let mut mac = [0; 32];
    mac.copy_from_slice(&full[..32]);
    mac
}

#[cfg(test)]
mod tests;
