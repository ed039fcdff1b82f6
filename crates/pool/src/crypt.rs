//! Encrypted object sets: what each kind of block needs between its checksum and its codec.

use crate::blkptr::BlkPtr;
use crate::place::Bookmark;
use crate::zio::Stored;
use crate::{PoolError, Result};
use zsend_crypto::{CryptoError, DatasetKey, decrypt_dnode_block, verify_indirect, verify_objset};
use zsend_records::types::DmuType;

/// How the blocks of an encrypted object set are read.
#[derive(Debug)]
pub struct Crypt {
    /// The dataset's key, if it was loaded.
    pub key: Option<DatasetKey>,
}

/// Checks the MAC of an indirect block, which covers those of its children. It needs no key.
pub(crate) fn check_indirect(bp: &BlkPtr, at: &Bookmark, data: &[u8]) -> Result<()> {
    let mac = bp.crypt_params().mac;
    verify_indirect(data, bp.is_big_endian(), &mac).map_err(|e| failed(at, e))?;
    Ok(())
}

/// Refuses a block without the crypt bit in an encrypted object set: somebody else put it there.
pub(crate) fn check(bp: &BlkPtr, at: &Bookmark, crypt: Option<&Crypt>) -> Result<()> {
    if crypt.is_some() && !bp.uses_crypt() {
        let expected = "an encrypted block, as the dataset is";
        return Err(PoolError::corrupt(*at, "block", "not encrypted", expected));
    }
    Ok(())
}

impl Crypt {
    /// Decrypts or authenticates the stored bytes of a level-0 block. Without a key, what needs
    /// none passes: dnodes (their bonuses stay encrypted), object sets, and authenticated blocks.
    pub(crate) fn open(&self, bp: &BlkPtr, at: &Bookmark, stored: Stored) -> Result<Stored> {
        let Some(key) = &self.key else {
            let opaque = bp.is_encrypted() && bp.object_type() != DmuType::DNODE;
            return if opaque { Err(PoolError::KeyNeeded(at.to_string())) } else { Ok(stored) };
        };
        if bp.object_type() == DmuType::OBJSET {
            return match verify_objset(key, bp.is_big_endian(), &stored.data) {
                // The local MAC covers the accounting alone, which is not read.
                Ok(_) | Err(CryptoError::Mac { what: "local MAC of an objset" }) => Ok(stored),
                Err(e) => Err(failed(at, e)),
            };
        }
        let params = bp.crypt_params();
        if !bp.is_encrypted() {
            key.verify_data(&stored.data, &params.mac).map_err(|e| failed(at, e))?;
            return Ok(stored);
        }
        let mut data = Vec::from(stored.data);
        if bp.object_type() == DmuType::DNODE {
            decrypt_dnode_block(key, &params, bp.is_big_endian(), &mut data)
        } else {
            key.decrypt(&params, &[], &mut data)
        }
        .map_err(|e| failed(at, e))?;
        // The sum that verified the ciphertext is not that of the plain bytes.
        Ok(Stored { data: data.into(), sum: None })
    }
}

fn failed(at: &Bookmark, source: CryptoError) -> PoolError {
    PoolError::Crypto { at: *at, source }
}
