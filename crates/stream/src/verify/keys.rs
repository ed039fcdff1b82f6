//! Keys of encrypted datasets, which raw streams are opened with.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;
use zsend_crypto::{CryptoError, DatasetKey, KeyFormat, KeyObject, KeyVersion, Suite, WrappingKey};
use zsend_records::nvlist::NvList;

/// A user's key.
struct Key {
    dataset: String,
    material: Zeroizing<Vec<u8>>,
    /// The wrapping keys that were made of it, by form, salt and iterations: each takes some time.
    made: Mutex<Vec<([u64; 3], WrappingKey)>>,
}

/// Keys by the datasets that they are of.
#[derive(Default)]
pub(super) struct Keys(Vec<Key>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.dataset)).finish()
    }
}

/// Wrapping keys of one user's key that are kept.
const KEPT: usize = 16;

impl Keys {
    pub(super) fn add(&mut self, dataset: &str, material: Zeroizing<Vec<u8>>) {
        self.0.push(Key { dataset: dataset.to_owned(), material, made: Mutex::default() });
    }

    /// Opens the keys of a raw stream of this snapshot. `None` if no key is of its dataset, or of one above it.
    pub(super) fn open(
        &self,
        toname: &str,
        list: &NvList,
    ) -> Option<Result<Arc<DatasetKey>, CryptoError>> {
        let keys = list.list("crypt_keydata")?;
        let dataset = toname.split('@').next().unwrap_or_default();
        let is_of = |key: &&Key| {
            let below = dataset.strip_prefix(&*key.dataset);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let mut tried = None;
        for key in self.0.iter().filter(is_of) {
            match key.open(keys) {
                Ok(opened) => return Some(Ok(Arc::new(opened))),
                Err(error) => tried = Some(Err(error)),
            }
        }
        tried
    }
}

impl Key {
    fn open(&self, keys: &NvList) -> Result<DatasetKey, CryptoError> {
        let number = |name| keys.u64(name).unwrap_or(0);
        let form = [number("keyformat"), number("pbkdf2salt"), number("pbkdf2iters")];
        key_object(keys)
            .ok_or(CryptoError::Version { found: u64::MAX })?
            .unwrap(&self.wrapping(form)?)
    }

    fn wrapping(&self, form: [u64; 3]) -> Result<WrappingKey, CryptoError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = made.iter().find(|(known, _)| *known == form) {
            return Ok(key.clone());
        }
        let [format, salt, iterations] = form;
        let key = WrappingKey::new(KeyFormat(format), &self.material, salt, iterations)?;
        if made.len() < KEPT {
            made.push((form, key.clone()));
        }
        Ok(key)
    }
}

/// The wrapped keys of a stream, if all their parts are there.
fn key_object(keys: &NvList) -> Option<KeyObject> {
    Some(KeyObject {
        suite: Suite(keys.u64("DSL_CRYPTO_SUITE")?),
        guid: keys.u64("DSL_CRYPTO_GUID")?,
        version: KeyVersion(keys.u64("DSL_CRYPTO_VERSION")?),
        master_key: keys.u8_array("DSL_CRYPTO_MASTER_KEY_1")?.try_into().ok()?,
        hmac_key: keys.u8_array("DSL_CRYPTO_HMAC_KEY_1")?.try_into().ok()?,
        iv: keys.u8_array("DSL_CRYPTO_IV")?.try_into().ok()?,
        mac: keys.u8_array("DSL_CRYPTO_MAC")?.try_into().ok()?,
    })
}
