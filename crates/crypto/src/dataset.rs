//! A dataset's unwrapped keys: decrypting blocks, and the MACs that need a key.

use crate::aead::{Aead, Forged};
use crate::auth::BlockParams;
use crate::bonus::BonusCipher;
use crate::error::CryptoError;
use crate::key_object::KeyVersion;
use crate::suite::{Mode, Suite};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// HMAC-SHA-512 with the dataset's HMAC key.
pub(crate) type DatasetHmac = Hmac<Sha512>;

/// Block keys that are kept. A dataset has a new salt each time that its key is loaded, so few are
/// in use at a time; with dedup each block has its own, and none is worth keeping.
const KEPT: usize = 8;

/// The keys that encrypt and authenticate a dataset and its clones; wiped when dropped.
///
/// May be shared between threads: the only lock is held while a block's key is looked up.
pub struct DatasetKey {
    suite: Suite,
    version: KeyVersion,
    mode: Mode,
    key_len: usize,
    /// HKDF after its extraction from the master key.
    derive: Hkdf<Sha512>,
    hmac: DatasetHmac,
    block_keys: RwLock<RecentKeys>,
}

/// Recent block keys by their salts, in a ring.
#[derive(Default)]
struct RecentKeys {
    keys: Vec<([u8; 8], Arc<Aead>)>,
    next: usize,
}

impl ZeroizeOnDrop for DatasetKey {}

impl fmt::Debug for DatasetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatasetKey")
            .field("suite", &self.suite)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl DatasetKey {
    /// `master` has the suite's key length, `hmac` is 64 bytes.
    pub(crate) fn new(
        suite: Suite,
        version: KeyVersion,
        master: &[u8],
        hmac: &[u8],
    ) -> Result<Self, CryptoError> {
        let unsupported = CryptoError::Suite(suite);
        let (mut pseudorandom, derive) = Hkdf::<Sha512>::extract(None, master);
        pseudorandom.as_mut_slice().zeroize();
        Ok(Self {
            suite,
            version,
            mode: suite.mode().ok_or(unsupported)?,
            key_len: suite.key_len().ok_or(unsupported)?,
            derive,
            hmac: DatasetHmac::new_from_slice(hmac).map_err(|_| unsupported)?,
            block_keys: RwLock::default(),
        })
    }

    /// The suite of the key object.
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The version of the key object.
    pub const fn version(&self) -> KeyVersion {
        self.version
    }

    /// Decrypts a level 0 block of an encrypted type in place: `data` is its PSIZE bytes as they
    /// are stored, which are still compressed afterwards. `aad` is empty for every type but
    /// DNODE, which is [`decrypt_dnode_block`](crate::decrypt_dnode_block)'s.
    ///
    /// On an error `data` is wiped. Follows `zio_do_crypt_data()`, OpenZFS
    /// `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2.
    pub fn decrypt(
        &self,
        params: &BlockParams,
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<(), CryptoError> {
        let key = self.block_key(params.salt)?;
        if !key.fits(data.len()) {
            return Err(CryptoError::BlockLength { what: "AES-CCM", found: data.len() });
        }
        key.open(&params.iv, &params.mac, aad, data)
            .map_err(|Forged| CryptoError::Mac { what: "MAC of an encrypted block" })
    }

    /// Encrypts a level 0 block of an encrypted type in place, with this salt and IV; its MAC. `aad` is as
    /// [`DatasetKey::decrypt`] has it. No two blocks may have the same salt and IV.
    ///
    /// # Errors
    /// If the block is longer than the suite takes; `data` is then anything.
    pub fn encrypt(
        &self,
        salt: [u8; 8],
        iv: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; 16], CryptoError> {
        let key = self.block_key(salt)?;
        let found = data.len();
        let mac = key.seal(&iv, aad, data);
        mac.ok_or(CryptoError::BlockLength { what: "encrypted", found })
    }

    /// The key of the blocks with this salt: HKDF-SHA-512 of the master key, without an HKDF salt,
    /// the block's salt being the info.
    fn block_key(&self, salt: [u8; 8]) -> Result<Arc<Aead>, CryptoError> {
        let kept = self.block_keys.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = kept.keys.iter().find(|(kept, _)| *kept == salt) {
            return Ok(Arc::clone(key));
        }
        drop(kept);
        let bytes = self.block_key_bytes(salt)?;
        let key = Arc::new(Aead::new(self.mode, &bytes[..self.key_len], self.suite)?);
        let mut kept = self.block_keys.write().unwrap_or_else(PoisonError::into_inner);
        kept.keep(salt, Arc::clone(&key));
        Ok(key)
    }

    /// The bytes of that key, of which the suite's key length counts.
    fn block_key_bytes(&self, salt: [u8; 8]) -> Result<Zeroizing<[u8; 32]>, CryptoError> {
        let mut bytes = Zeroizing::new([0; 32]);
        let expanded = self.derive.expand(&salt, &mut bytes[..self.key_len]);
        expanded.map_err(|_| CryptoError::Suite(self.suite))?;
        Ok(bytes)
    }

    /// Cipher that decrypts the bonuses of a block of dnodes as they come, its MAC not being checked.
    ///
    /// # Errors
    /// If this build has not the suite.
    pub fn bonus_cipher(&self, params: &BlockParams) -> Result<BonusCipher, CryptoError> {
        let bytes = self.block_key_bytes(params.salt)?;
        BonusCipher::new(self.suite, self.mode, &bytes[..self.key_len], params)
    }

    /// The MAC of a level 0 block that is authenticated only, over its PSIZE bytes as stored.
    pub fn data_mac(&self, stored: &[u8]) -> [u8; 16] {
        let full = self.hmac.clone().chain_update(stored).finalize().into_bytes();
        let mut mac = [0; 16];
        mac.copy_from_slice(&full[..16]);
        mac
    }

    /// Checks the MAC of a level 0 block that is authenticated only.
    pub fn verify_data(&self, stored: &[u8], mac: &[u8; 16]) -> Result<(), CryptoError> {
        if self.data_mac(stored).ct_eq(mac).into() {
            return Ok(());
        }
        Err(CryptoError::Mac { what: "MAC of an authenticated block" })
    }

    /// HMAC-SHA-512 with the dataset's key, before its first byte.
    pub(crate) fn hmac(&self) -> DatasetHmac {
        self.hmac.clone()
    }
}

impl RecentKeys {
    fn keep(&mut self, salt: [u8; 8], key: Arc<Aead>) {
        // Another thread may have been faster.
        if self.keys.iter().any(|(kept, _)| *kept == salt) {
            return;
        }
        if self.keys.len() < KEPT {
            self.keys.push((salt, key));
        } else {
            self.keys[self.next] = (salt, key);
            self.next = (self.next + 1) % KEPT;
        }
    }
}

#[cfg(test)]
mod tests;
