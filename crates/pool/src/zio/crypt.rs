//! Encrypted object sets: what each kind of block needs between its checksum and its codec.

use super::read::StoredBlock;
use crate::blkptr::BlkPtr;
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result, buffer};
use zsend_crypto::{
    BlockParams, CryptoError, DatasetKey, decrypt_dnode_block, verify_indirect, verify_objset,
};
use zsend_records::types::DmuType;

/// Encryption of an object set, and the key if there is one.
#[derive(Debug)]
pub struct Crypt {
    /// The dataset's key, if it was loaded.
    pub key: Option<DatasetKey>,
}

/// Checks the MAC of an indirect block, which covers those of its children. It needs no key.
pub(crate) fn check_indirect(bp: &BlkPtr, at: &Zbookmark, data: &[u8]) -> Result<()> {
    let mac = BlockParams::of(bp).mac;
    verify_indirect(data, bp.is_big_endian(), &mac).map_err(|e| failed(at, e))?;
    Ok(())
}

/// Refuses what somebody else put into an encrypted object set: a block without the crypt bit, and
/// one that lies in its pointer, where nothing authenticates it. No writer embeds a block there.
///
/// Source: `zio_write_compress()`, OpenZFS `module/zfs/zio.c`, zfs-2.3.2.
pub(crate) fn check(bp: &BlkPtr, at: &Zbookmark, crypt: Option<&Crypt>) -> Result<()> {
    let found = match crypt {
        Some(_) if !bp.uses_crypt() => "not encrypted",
        Some(_) if bp.is_embedded() => "in its pointer, and no MAC covers it",
        _ => return Ok(()),
    };
    Err(PoolError::corrupt(*at, "block", found, "an encrypted block, as the dataset is"))
}

impl Crypt {
    /// Decrypts or authenticates the stored bytes of a level-0 block. Without a key, what needs
    /// none passes: dnodes (their bonuses stay encrypted), object sets, and authenticated blocks.
    pub(crate) fn open(
        &self,
        bp: &BlkPtr,
        at: &Zbookmark,
        stored: StoredBlock,
    ) -> Result<StoredBlock> {
        let Some(key) = &self.key else {
            let opaque = bp.is_encrypted() && bp.object_type() != DmuType::DNODE;
            return if opaque { Err(PoolError::KeyNeeded(at.to_string())) } else { Ok(stored) };
        };
        if bp.object_type() == DmuType::OBJSET {
            verify_objset(key, bp.is_big_endian(), &stored.data).map_err(|e| failed(at, e))?;
            return Ok(stored);
        }
        let params = BlockParams::of(bp);
        if !bp.is_encrypted() {
            key.verify_data(&stored.data, &params.mac).map_err(|e| failed(at, e))?;
            return Ok(stored);
        }
        let mut data = buffer::copy_of(&stored.data);
        if bp.object_type() == DmuType::DNODE {
            decrypt_dnode_block(key, &params, bp.is_big_endian(), &mut data)
        } else {
            key.decrypt(&params, &[], &mut data)
        }
        .map_err(|e| failed(at, e))?;
        // The sum that verified the ciphertext is not that of the plain bytes.
        Ok(StoredBlock { data: buffer::freeze(data), sum: None })
    }
}

fn failed(at: &Zbookmark, source: CryptoError) -> PoolError {
    PoolError::Crypto { at: *at, source }
}

#[cfg(test)]
#[cfg(feature = "fixtures")]
mod tests;
