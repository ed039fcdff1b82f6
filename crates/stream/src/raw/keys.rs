//! Keys of encrypted datasets, which raw streams are opened with.

use crate::keys::KeyData;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;
use zsend_crypto::key_data::names;
use zsend_crypto::{CryptoError, DatasetKey, KeyFormat, KeyObject, WrappingKey};
use zsend_records::nvlist::NvList;

/// A user's key.
struct HeldKey {
    dataset: String,
    material: Zeroizing<Vec<u8>>,
    /// The wrapping keys that were made of it, by form, salt and iterations: each takes some time.
    made: Mutex<Vec<([u64; 3], WrappingKey)>>,
}

/// Keys by the datasets that they are of.
#[derive(Default)]
pub(crate) struct Keys(Vec<HeldKey>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.dataset)).finish()
    }
}

/// Wrapping keys of one user's key that are kept.
const KEPT: usize = 16;

impl Keys {
    /// Keys, each with the dataset that it is of.
    pub(crate) fn new(given: impl IntoIterator<Item = (String, Zeroizing<Vec<u8>>)>) -> Self {
        let made = |(dataset, material)| HeldKey { dataset, material, made: Mutex::default() };
        Self(given.into_iter().map(made).collect())
    }

    /// Returns true if there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Opens the keys of a raw stream of this snapshot. `None` if no key is of its dataset, or of one above it.
    pub(crate) fn open(
        &self,
        toname: &str,
        list: &NvList,
    ) -> Option<Result<Arc<DatasetKey>, CryptoError>> {
        let keys = list.list(names::LIST)?;
        let dataset = toname.split('@').next().unwrap_or_default();
        let is_of = |key: &&HeldKey| {
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

impl HeldKey {
    fn open(&self, keys: &NvList) -> Result<DatasetKey, CryptoError> {
        let data = KeyData::of(keys);
        let form = [data.format.0, data.salt, data.iterations];
        KeyObject::from_nvlist(keys)?.unwrap(&self.wrapping(form)?)
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
