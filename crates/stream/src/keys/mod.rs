//! Encryption of a raw stream, as its BEGIN tells it without a key.

mod diverge;
mod json;

pub use diverge::{Divergence, SnapshotKeys, divergences};
pub use json::key_object_json;

use zsend_crypto::{KeyFormat, KeyObject, KeyVersion, Suite};
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
        let number = |name| list.u64(name).unwrap_or(0);
        Self {
            suite: Suite(number("DSL_CRYPTO_SUITE")),
            key_guid: number("DSL_CRYPTO_GUID"),
            format: KeyFormat(number("keyformat")),
            iterations: number("pbkdf2iters"),
            salt: number("pbkdf2salt"),
            to_ivset: number("to_ivset_guid"),
            from_ivset: number("from_ivset_guid"),
            key_object: key_object(list),
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

/// The wrapped keys of a list, if all their parts are there.
fn key_object(list: &NvList) -> Option<KeyObject> {
    Some(KeyObject {
        suite: Suite(list.u64("DSL_CRYPTO_SUITE")?),
        guid: list.u64("DSL_CRYPTO_GUID")?,
        version: KeyVersion(list.u64("DSL_CRYPTO_VERSION")?),
        master_key: list.u8_array("DSL_CRYPTO_MASTER_KEY_1")?.try_into().ok()?,
        hmac_key: list.u8_array("DSL_CRYPTO_HMAC_KEY_1")?.try_into().ok()?,
        iv: list.u8_array("DSL_CRYPTO_IV")?.try_into().ok()?,
        mac: list.u8_array("DSL_CRYPTO_MAC")?.try_into().ok()?,
    })
}
