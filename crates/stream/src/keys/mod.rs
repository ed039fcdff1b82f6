//! Encryption of a raw stream, as its BEGIN tells it without a key.

mod diverge;
mod json;

pub use diverge::{Divergence, SnapshotKeys, divergences};
pub use json::key_object_json;

use zsend_crypto::key_data::names;
use zsend_crypto::{KeyFormat, KeyObject, Suite};
use zsend_records::nvlist::NvList;

/// The list `crypt_keydata` of a raw stream's BEGIN.
///
/// Source: `dsl_crypto_populate_key_nvlist()`, OpenZFS `module/zfs/dsl_crypt.c`, zfs-2.3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyData {
    /// `DSL_CRYPTO_SUITE`; zero if it is not there, as with every number here.
    pub suite: Suite,
    /// `DSL_CRYPTO_GUID`: the same in every snapshot of a dataset and its clones, and in every raw copy of them.
    pub key_guid: u64,
    /// `keyformat` of the encryption root.
    pub format: KeyFormat,
    /// `pbkdf2iters` of the encryption root; zero unless its key is a passphrase.
    pub iterations: u64,
    /// `pbkdf2salt` of the encryption root, likewise.
    pub salt: u64,
    /// Guid of the set of IVs that the snapshot's blocks have: `to_ivset_guid`.
    pub to_ivset: u64,
    /// The same of the incremental source; zero for a full stream: `from_ivset_guid`.
    pub from_ivset: u64,
    /// The wrapped keys; `None` if a part of them is not there, or has another length.
    pub key_object: Option<KeyObject>,
}

impl KeyData {
    /// Reads the list. What is not there is zero: `zsend verify` has the rules.
    pub fn of(list: &NvList) -> Self {
        let number = |name| list.u64(name).unwrap_or_default();
        Self {
            suite: Suite(number(names::SUITE)),
            key_guid: number(names::GUID),
            format: KeyFormat(number(names::FORMAT)),
            iterations: number(names::ITERATIONS),
            salt: number(names::SALT),
            to_ivset: number(names::TO_IVSET),
            from_ivset: number(names::FROM_IVSET),
            key_object: KeyObject::from_nvlist(list).ok(),
        }
    }

    /// Returns true if the same user's key opens both, as far as can be told without it: the keys are wrapped to
    /// the same bytes. `None` if either has no wrapped keys.
    pub fn is_wrapped_as(&self, other: &Self) -> Option<bool> {
        let (ours, theirs) = self.key_object.as_ref().zip(other.key_object.as_ref())?;
        let form = |keys: &Self| (keys.format, keys.iterations, keys.salt);
        Some(ours == theirs && form(self) == form(other))
    }
}
