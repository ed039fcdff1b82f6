//! Object sets of a pool, and the keys of those that are encrypted.

use super::Pool;
use crate::dmu::objset::Objset;
use crate::dsl::crypt::Encryption;
use crate::dsl::dataset::Dataset;
use crate::dsl::dir::Dir;
use crate::zio::Crypt;
use crate::{PoolError, Result};
use std::sync::{Arc, PoisonError};
use zsend_crypto::{DatasetKey, WrappingKey};

impl Pool {
    /// The object set of a dataset: decrypted if the dataset is encrypted and its key was loaded.
    ///
    /// # Errors
    /// Those of reading its root block, which a loaded key authenticates.
    pub fn objset(&self, dataset: &Dataset) -> Result<Objset> {
        self.open_objset(dataset, true)
    }

    /// The object set of a dataset as it is stored, for raw streams: no key is used.
    ///
    /// # Errors
    /// Those of reading its root block.
    pub fn raw_objset(&self, dataset: &Dataset) -> Result<Objset> {
        self.open_objset(dataset, false)
    }

    fn open_objset(&self, dataset: &Dataset, with_key: bool) -> Result<Objset> {
        let crypt = match self.encryption(dataset)? {
            None => None,
            Some(encryption) => {
                let key = if with_key { self.unwrapped(&encryption)? } else { None };
                Some(Arc::new(Crypt { key }))
            }
        };
        Objset::open(&self.zio, &self.cache, dataset.object, dataset.bp, crypt)
    }

    /// Encryption of a dataset; `None` if it is not encrypted.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if its key object is not sound.
    pub fn encryption(&self, dataset: &Dataset) -> Result<Option<Encryption>> {
        let dir = Dir::open(&self.mos, dataset.dir)?;
        Encryption::open(&self.mos, &dir)
    }

    /// Full name of the dataset whose key wraps this one's: its encryption root.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`].
    pub fn encryption_root(&self, encryption: &Encryption) -> Result<String> {
        let dir = Dir::open(&self.mos, encryption.root_dir)?;
        self.dataset_name(&Dataset::open(&self.mos, dir.head_dataset)?)
    }

    /// Loads the key of the encryption root of `dataset`, as `zfs load-key` does: `material` is
    /// what a key file holds, or what was typed.
    ///
    /// # Errors
    /// [`PoolError::Crypto`] if it is malformed or not that dataset's key.
    pub fn load_key(&self, dataset: &Dataset, material: &[u8]) -> Result<()> {
        let Some(encryption) = self.encryption(dataset)? else {
            let name = self.dataset_name(dataset)?;
            return Err(PoolError::NotFound { what: "encryption key of", name });
        };
        let (format, salt, iterations) =
            (encryption.format, encryption.salt, encryption.iterations);
        let wrapping = WrappingKey::new(format, material, salt, iterations)
            .map_err(|e| encryption.error(e))?;
        encryption.key_object.unwrap(&wrapping).map_err(|e| encryption.error(e))?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(encryption.root_dir, wrapping);
        Ok(())
    }

    /// Returns true if the key of a dataset was loaded.
    pub fn has_key(&self, encryption: &Encryption) -> bool {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&encryption.root_dir)
    }

    fn unwrapped(&self, encryption: &Encryption) -> Result<Option<DatasetKey>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&encryption.root_dir)
            .map(|wrapping| encryption.key_object.unwrap(wrapping).map_err(|e| encryption.error(e)))
            .transpose()
    }
}
