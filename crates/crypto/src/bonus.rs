//! Bonuses of a block of dnodes, one after the other, before all is there that their MAC is over.

use crate::auth::BlockParams;
use crate::error::CryptoError;
use crate::suite::{Mode, Suite};
use aes::cipher::{KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use ctr::Ctr32BE;
use std::fmt;
use zsend_ondisk::dnode::DNODE_BLOCK_SIZE;

/// Key stream of the bonuses of one block of dnodes. Each variant wipes itself when it is dropped.
enum KeyStream {
    Aes128(Box<Ctr32BE<Aes128>>),
    Aes192(Box<Ctr32BE<Aes192>>),
    Aes256(Box<Ctr32BE<Aes256>>),
}

/// Decrypts the encrypted bonuses of a block of dnodes, end to end, as [`decrypt_dnode_block`] does, but as they come.
///
/// It checks nothing: the MAC of the block is over the dnodes' pointers too. Whoever decrypts so checks the whole block
/// once it is there.
///
/// [`decrypt_dnode_block`]: crate::decrypt_dnode_block
pub struct BonusCipher {
    stream: KeyStream,
    /// Bytes that the block may still have.
    left: usize,
}

impl fmt::Debug for BonusCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BonusCipher").field("left", &self.left).finish_non_exhaustive()
    }
}

impl BonusCipher {
    /// `key` is that of the blocks with this salt.
    pub(crate) fn new(
        suite: Suite,
        mode: Mode,
        key: &[u8],
        params: &BlockParams,
    ) -> Result<Self, CryptoError> {
        let first = first_counter(mode, &params.iv);
        let unsupported = CryptoError::Suite(suite);
        let stream = match key.len() {
            16 => Ctr32BE::new_from_slices(key, &first).map(Box::new).map(KeyStream::Aes128),
            24 => Ctr32BE::new_from_slices(key, &first).map(Box::new).map(KeyStream::Aes192),
            _ => Ctr32BE::new_from_slices(key, &first).map(Box::new).map(KeyStream::Aes256),
        };
        let stream = stream.map_err(|_| unsupported)?;
        Ok(Self { stream, left: DNODE_BLOCK_SIZE })
    }

    /// Decrypts the next bonus in place, the whole area of it.
    ///
    /// # Errors
    /// If it and those before it are longer than a block of dnodes; it is then as it was.
    pub fn apply(&mut self, bonus: &mut [u8]) -> Result<(), CryptoError> {
        let too_long = CryptoError::BlockLength { what: "dnode", found: bonus.len() };
        self.left = self.left.checked_sub(bonus.len()).ok_or(too_long)?;
        match &mut self.stream {
            KeyStream::Aes128(stream) => stream.apply_keystream(bonus),
            KeyStream::Aes192(stream) => stream.apply_keystream(bonus),
            KeyStream::Aes256(stream) => stream.apply_keystream(bonus),
        }
        Ok(())
    }
}

/// The counter block of the first bytes of a message. A block of dnodes is so short that neither of the two counters,
/// of 32 and of 24 bits, runs over.
///
/// Sources: NIST SP 800-38D, 7.1, where counter 1 is the tag's; RFC 3610, 2.3, where counter 0 is, and the first byte
/// says that lengths have three.
fn first_counter(mode: Mode, iv: &[u8; 12]) -> [u8; 16] {
    let mut block = [0; 16];
    match mode {
        Mode::Gcm => {
            block[..12].copy_from_slice(iv);
            block[15] = 2;
        }
        Mode::Ccm => {
            block[0] = 2;
            block[1..13].copy_from_slice(iv);
            block[15] = 1;
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_object::KeyVersion;
    use crate::test_keys::{dataset_key, seal_block};

    #[test]
    fn pieces_are_decrypted_as_the_whole_is_by_another_implementation() {
        for suite in (3..=8).map(Suite) {
            let plain: Vec<u8> = (0..=250).cycle().take(DNODE_BLOCK_SIZE).collect();
            let mut data = plain.clone();
            let params = seal_block(suite, b"pointers", &mut data);
            let key = dataset_key(suite, KeyVersion::CURRENT);
            let mut bonuses = key.bonus_cipher(&params).unwrap();
            let mut rest = &mut data[..];
            for len in [0, 320, 1, 15, 17, 192, DNODE_BLOCK_SIZE - 545] {
                let (bonus, behind) = rest.split_at_mut(len);
                bonuses.apply(bonus).unwrap();
                rest = behind;
            }
            assert!(rest.is_empty() && data == plain, "{suite}");
            let refused = bonuses.apply(&mut [0]).unwrap_err();
            assert_eq!(refused, CryptoError::BlockLength { what: "dnode", found: 1 });
        }
    }
}
