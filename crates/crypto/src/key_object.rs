//! `DSL_CRYPTO_KEY`, the object that holds a dataset's wrapped keys.

use crate::aead::{Aead, Forged};
use crate::dataset::DatasetKey;
use crate::error::CryptoError;
use crate::suite::Suite;
use crate::wrapping::WrappingKey;
use std::fmt;
use zeroize::Zeroizing;

/// `DSL_CRYPTO_VERSION`: which rules block pointers are authenticated by.
///
/// Source: OpenZFS `include/sys/zio_crypt.h`, `ZIO_CRYPT_KEY_CURRENT_VERSION`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyVersion(pub u64);

impl KeyVersion {
    /// Development versions before 0.8.0-rc1: authentication buffers of 24 bytes, and another mask.
    pub const V0: Self = Self(0);
    /// Everything since.
    pub const CURRENT: Self = Self(1);

    /// Returns true if this crate knows the rules.
    pub const fn is_known(self) -> bool {
        self.0 <= Self::CURRENT.0
    }
}

/// Most bytes of a master key.
const MASTER_MAX: usize = 32;
/// `SHA512_HMAC_KEYLEN`.
const HMAC_LEN: usize = 64;

/// Random bytes that new keys are made of; wiped when dropped. All of them must be such that nobody can guess them.
#[derive(Clone)]
pub struct NewKeys {
    /// The master key; a suite with shorter keys uses its first bytes.
    pub master_key: Zeroizing<[u8; MASTER_MAX]>,
    /// The key of HMACs.
    pub hmac_key: Zeroizing<[u8; HMAC_LEN]>,
    /// The IV that both are wrapped with.
    pub iv: [u8; 12],
    /// The guid of the key.
    pub guid: u64,
}

impl fmt::Debug for NewKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKeys").field("guid", &self.guid).finish_non_exhaustive()
    }
}

/// A key object's entries, as they lie in its ZAP.
///
/// Source: OpenZFS `include/sys/dsl_crypt.h`, `DSL_CRYPTO_KEY_*`, zfs-2.3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyObject {
    /// `DSL_CRYPTO_SUITE`.
    pub suite: Suite,
    /// `DSL_CRYPTO_GUID`.
    pub guid: u64,
    /// `DSL_CRYPTO_VERSION`; 0 if there is no such entry.
    pub version: KeyVersion,
    /// `DSL_CRYPTO_MASTER_KEY_1`, encrypted; a suite with shorter keys uses its first bytes.
    pub master_key: [u8; MASTER_MAX],
    /// `DSL_CRYPTO_HMAC_KEY_1`, encrypted.
    pub hmac_key: [u8; HMAC_LEN],
    /// `DSL_CRYPTO_IV`.
    pub iv: [u8; 12],
    /// `DSL_CRYPTO_MAC`.
    pub mac: [u8; 16],
}

impl KeyObject {
    /// Decrypts the dataset's keys. [`CryptoError::WrongKey`] says that `wrapping` is not the key
    /// that they were wrapped with.
    ///
    /// The wrapping key is 32 bytes and the cipher AES-256, whatever the suite's own key length;
    /// the mode is the suite's. Follows `zio_crypt_key_unwrap()`, OpenZFS
    /// `module/os/linux/zfs/zio_crypt.c`, zfs-2.3.2.
    pub fn unwrap(&self, wrapping: &WrappingKey) -> Result<DatasetKey, CryptoError> {
        let unsupported = CryptoError::Suite(self.suite);
        let master_len = self.suite.key_len().ok_or(unsupported)?;
        let mode = self.suite.mode().ok_or(unsupported)?;
        if !self.version.is_known() {
            return Err(CryptoError::Version { found: self.version.0 });
        }
        let mut keys = Zeroizing::new([0; MASTER_MAX + HMAC_LEN]);
        let keys = &mut keys[..master_len + HMAC_LEN];
        let (master, hmac) = keys.split_at_mut(master_len);
        master.copy_from_slice(&self.master_key[..master_len]);
        hmac.copy_from_slice(&self.hmac_key);

        let aad = self.aad();
        let aad = if self.version == KeyVersion::V0 { &aad[..8] } else { &aad[..] };
        Aead::new(mode, wrapping.0.as_slice(), self.suite)?
            .open(&self.iv, &self.mac, aad, keys)
            .map_err(|Forged| CryptoError::WrongKey { guid: self.guid })?;
        let (master, hmac) = keys.split_at(master_len);
        DatasetKey::new(self.suite, self.version, master, hmac)
    }

    /// Wraps new keys of the current version: the opposite of [`KeyObject::unwrap`].
    ///
    /// # Errors
    /// If the suite is not known, or this build has it not.
    pub fn wrap(
        wrapping: &WrappingKey,
        suite: Suite,
        new: &NewKeys,
    ) -> Result<(Self, DatasetKey), CryptoError> {
        let unsupported = CryptoError::Suite(suite);
        let master_len = suite.key_len().ok_or(unsupported)?;
        let mode = suite.mode().ok_or(unsupported)?;
        let key = DatasetKey::new(
            suite,
            KeyVersion::CURRENT,
            &new.master_key[..master_len],
            new.hmac_key.as_slice(),
        )?;
        let mut keys = Zeroizing::new([0; MASTER_MAX + HMAC_LEN]);
        let keys = &mut keys[..master_len + HMAC_LEN];
        let (master, hmac) = keys.split_at_mut(master_len);
        master.copy_from_slice(&new.master_key[..master_len]);
        hmac.copy_from_slice(new.hmac_key.as_slice());
        let mut object = Self {
            suite,
            guid: new.guid,
            version: KeyVersion::CURRENT,
            master_key: [0; MASTER_MAX],
            hmac_key: [0; HMAC_LEN],
            iv: new.iv,
            mac: [0; 16],
        };
        let aead = Aead::new(mode, wrapping.0.as_slice(), suite)?;
        object.mac = aead.seal(&new.iv, &object.aad(), keys).ok_or(unsupported)?;
        let (master, hmac) = keys.split_at(master_len);
        object.master_key[..master_len].copy_from_slice(master);
        object.hmac_key.copy_from_slice(hmac);
        Ok((object, key))
    }

    /// All that is authenticated beside the keys; version 0 has the guid alone.
    fn aad(&self) -> [u8; 24] {
        let mut aad = [0; 24];
        aad[..8].copy_from_slice(&self.guid.to_le_bytes());
        aad[8..16].copy_from_slice(&self.suite.0.to_le_bytes());
        aad[16..].copy_from_slice(&self.version.0.to_le_bytes());
        aad
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_keys::{HMAC, MASTER, wrap};

    #[test]
    fn every_suite_and_version_unwraps() {
        let wrapping = WrappingKey::from_raw(&[9; 32]).unwrap();
        for suite in (3..=8).map(Suite) {
            for version in [KeyVersion::V0, KeyVersion::CURRENT] {
                let object = wrap(&wrapping, suite, version);
                let key = object.unwrap(&wrapping).unwrap();
                assert_eq!(key.version(), version);
                assert_eq!(key.suite(), suite);
                let direct =
                    DatasetKey::new(suite, version, &MASTER[..suite.key_len().unwrap()], &HMAC);
                assert_eq!(key.data_mac(b"stored"), direct.unwrap().data_mac(b"stored"));
            }
        }
    }

    #[test]
    fn new_keys_are_wrapped_as_another_implementation_wraps_them() {
        let wrapping = WrappingKey::from_raw(&[9; 32]).unwrap();
        let new = NewKeys {
            master_key: Zeroizing::new(MASTER),
            hmac_key: Zeroizing::new(HMAC),
            iv: *b"wrapping iv!",
            guid: 0x1122_3344_5566_7788,
        };
        for suite in (3..=8).map(Suite) {
            let (object, key) = KeyObject::wrap(&wrapping, suite, &new).unwrap();
            assert_eq!(object, wrap(&wrapping, suite, KeyVersion::CURRENT));
            let opened = object.unwrap(&wrapping).unwrap();
            assert_eq!(opened.data_mac(b"stored"), key.data_mac(b"stored"));
        }
        assert_eq!(format!("{new:?}"), "NewKeys { guid: 1234605616436508552, .. }");
    }

    #[test]
    fn another_key_or_an_altered_object_is_refused() {
        let wrapping = WrappingKey::from_raw(&[9; 32]).unwrap();
        for suite in (3..=8).map(Suite) {
            let object = wrap(&wrapping, suite, KeyVersion::CURRENT);
            let wrong = Err(CryptoError::WrongKey { guid: object.guid });
            let other = WrappingKey::from_raw(&[8; 32]).unwrap();
            assert_eq!(object.unwrap(&other).map(drop), wrong);
            let altered = [
                KeyObject { guid: object.guid ^ 1, ..object.clone() },
                KeyObject { version: KeyVersion::V0, ..object.clone() },
                KeyObject { iv: [0; 12], ..object.clone() },
                KeyObject { mac: [0; 16], ..object.clone() },
                KeyObject { master_key: [0; 32], ..object.clone() },
                KeyObject { hmac_key: [0; 64], ..object.clone() },
                KeyObject { suite: Suite((suite.0 - 2) % 6 + 3), ..object.clone() },
            ];
            for object in altered {
                assert_eq!(
                    object.unwrap(&wrapping).map(drop),
                    Err(CryptoError::WrongKey { guid: object.guid })
                );
            }
        }
    }

    #[test]
    fn unknown_values_are_named() {
        let wrapping = WrappingKey::from_raw(&[9; 32]).unwrap();
        let object = wrap(&wrapping, Suite::AES_256_GCM, KeyVersion::CURRENT);
        for id in [0, 1, 2, 9] {
            let object = KeyObject { suite: Suite(id), ..object.clone() };
            assert_eq!(object.unwrap(&wrapping).map(drop), Err(CryptoError::Suite(Suite(id))));
        }
        let object = KeyObject { version: KeyVersion(2), ..object };
        assert_eq!(object.unwrap(&wrapping).map(drop), Err(CryptoError::Version { found: 2 }));
    }
}
