//! The plain bytes of a block from its stored ones: decrypted, decompressed and brought to host order.

use super::crypt::{self, Crypt};
use super::extent::Extent;
use super::{StoredBlock, Zio};
use crate::blkptr::{self, BlkPtr, Dva};
use crate::cancel::CancelToken;
use crate::error::{Unsupported, len};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result, buffer};
use bytes::Bytes;
use std::fmt;
use zsend_codec::{DecompressError, decompress};
use zsend_ondisk::byteswap;
use zsend_records::types::Compress;

/// Access to a block: what it is read with besides its pointer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Access<'a> {
    /// Encryption of its object set; without a key in it, what can be read without one is.
    pub crypt: Option<&'a Crypt>,
    /// Bytes of the device that were read already.
    pub extent: Option<&'a Extent>,
    /// Asked before each read of a copy of the block, or of a column of one.
    pub cancel: Option<&'a CancelToken>,
}

impl<'a> Access<'a> {
    /// From the device, as its object set is encrypted.
    pub const fn new(crypt: Option<&'a Crypt>) -> Self {
        Self { crypt, extent: None, cancel: None }
    }

    /// The same with bytes that were read already.
    #[must_use]
    pub const fn with_extent(self, extent: Option<&'a Extent>) -> Self {
        Self { extent, ..self }
    }

    /// The same with a token to ask.
    #[must_use]
    pub const fn with_cancel(self, cancel: Option<&'a CancelToken>) -> Self {
        Self { cancel, ..self }
    }
}

/// Reason why a block does not decompress, and the place of its first copy.
#[derive(Debug, thiserror::Error)]
struct Compressed {
    source: DecompressError,
    dva: Option<Dva>,
}

impl fmt::Display for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        match self.dva {
            Some(dva) => write!(f, " (vdev {} offset {:#x})", dva.vdev(), dva.offset()),
            None => Ok(()),
        }
    }
}

impl Zio {
    /// The block's LSIZE bytes: verified, decrypted, decompressed, in little-endian order.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Corrupt`] if the bytes do not decompress, and what
    /// [`Self::read_decrypted`] gives.
    pub fn read(&self, bp: &BlkPtr, at: &Zbookmark, access: Access<'_>) -> Result<Bytes> {
        let crypt = access.crypt;
        if bp.is_embedded() {
            crypt::check(bp, at, crypt)?;
            blkptr::check(bp, at)?;
            if bp.is_redacted() {
                return Err(PoolError::corrupt(*at, "block", "redacted", "data"));
            }
            let (payload, len) = bp.embedded_payload();
            let data = self.expand(bp, at, Bytes::copy_from_slice(&payload[..len]))?;
            return self.to_host_order(bp, at, data);
        }
        let stored = self.read_decrypted(bp, at, access)?;
        let data = self.expand(bp, at, stored.data)?;
        if bp.level() > 0 && crypt.is_some() {
            crypt::check_indirect(bp, at, &data)?;
        }
        self.to_host_order(bp, at, data)
    }

    /// The block's PSIZE bytes, verified and decrypted but still compressed.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Cancelled`]; [`PoolError::Crypto`] if a MAC does not fit,
    /// [`PoolError::Corrupt`] for an unencrypted block in an encrypted dataset,
    /// [`PoolError::KeyNeeded`] if it cannot be read without the key.
    pub fn read_decrypted(
        &self,
        bp: &BlkPtr,
        at: &Zbookmark,
        access: Access<'_>,
    ) -> Result<StoredBlock> {
        crypt::check(bp, at, access.crypt)?;
        let stored = self.stored(bp, at, access)?;
        match access.crypt {
            Some(crypt) if bp.level() == 0 => crypt.open(bp, at, stored),
            _ => Ok(stored),
        }
    }

    /// The block's PSIZE bytes as stored, of an encrypted dataset or not, for raw streams.
    ///
    /// # Errors
    /// As [`Self::read_stored`]; [`PoolError::Cancelled`]; [`PoolError::Corrupt`] for an unencrypted block in an encrypted
    /// dataset.
    pub fn read_raw(&self, bp: &BlkPtr, at: &Zbookmark, access: Access<'_>) -> Result<StoredBlock> {
        crypt::check(bp, at, access.crypt)?;
        self.stored(bp, at, access)
    }

    /// Decompresses stored bytes.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if they do not give LSIZE bytes.
    fn expand(&self, bp: &BlkPtr, at: &Zbookmark, stored: Bytes) -> Result<Bytes> {
        if bp.compress() == Compress::OFF {
            return Ok(stored);
        }
        let mut out = buffer::take(len(bp.lsize())?);
        decompress(bp.compress(), &stored, &mut out).map_err(|source| {
            let dva = bp.dvas().next();
            PoolError::refused(*at, "compressed block", Compressed { source, dva }, "a whole block")
        })?;
        Ok(buffer::freeze(out))
    }

    /// Turns a big-endian block to little-endian order, by its object's type.
    ///
    /// # Errors
    /// [`PoolError::Unsupported`] if the type is unknown.
    fn to_host_order(&self, bp: &BlkPtr, at: &Zbookmark, data: Bytes) -> Result<Bytes> {
        if !bp.is_big_endian() {
            return Ok(data);
        }
        let mut data = buffer::copy_of(&data);
        if bp.level() > 0 {
            byteswap::u64s(&mut data);
        } else {
            let kind = bp.object_type().byteswap().ok_or_else(|| {
                PoolError::from(Unsupported::ByteOrder { at: *at, kind: bp.object_type() })
            })?;
            byteswap::swap(kind, &mut data);
        }
        Ok(buffer::freeze(data))
    }
}

#[cfg(test)]
mod tests;
