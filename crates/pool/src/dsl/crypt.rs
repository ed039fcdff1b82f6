//! Key objects: a dataset's wrapped keys, and how its encryption root's key was made.

use super::dir::Dir;
use crate::dmu::objset::Objset;
use crate::zap::{self, ZapEntry};
use crate::zbookmark::Zbookmark;
use crate::{PoolError, Result};
use zsend_crypto::key_data::names;
use zsend_crypto::{CryptoError, KeyFormat, KeyObject, KeyVersion, Suite};
use zsend_ondisk::names::{dir::CRYPTO_KEY, key};

/// Encryption of a dataset.
///
/// Source: OpenZFS `include/sys/dsl_crypt.h` and `module/zfs/dsl_crypt.c`, zfs-2.3.2.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// The wrapped keys.
    pub key_object: KeyObject,
    /// Directory object of the encryption root.
    pub root_dir: u64,
    /// The root's `keyformat`.
    pub format: KeyFormat,
    /// The root's `pbkdf2iters`, zero unless it is a passphrase.
    pub iterations: u64,
    /// The root's `pbkdf2salt`, likewise.
    pub salt: u64,
    /// Form of the user's key that the dataset's own keys were wrapped with last; `None` if its key object does not
    /// say it.
    pub own: Option<OwnForm>,
    at: Zbookmark,
}

/// Form of the user's key in a dataset's own key object. Whatever wraps the keys writes it, of a dataset that is no
/// root, too: `dsl_crypto_key_sync_impl()`, OpenZFS `module/zfs/dsl_crypt.c`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnForm {
    /// `keyformat`.
    pub format: KeyFormat,
    /// `pbkdf2iters`.
    pub iterations: u64,
    /// `pbkdf2salt`.
    pub salt: u64,
}

impl Encryption {
    /// Reads the key object of a directory; `None` if the directory is not encrypted.
    ///
    /// # Errors
    /// [`PoolError::Corrupt`] if an entry is missing or of a wrong size.
    pub fn open(mos: &Objset, dir: &Dir) -> Result<Option<Self>> {
        let Some(object) = key_object_of(mos, dir)? else { return Ok(None) };
        let at = Zbookmark::new(mos.id(), object, 0, 0);
        let entries = zap::entries(mos, object)?;
        let root_dir = number(&entries, key::ROOT_DIR, at)?;
        let key_object = KeyObject {
            suite: Suite(number(&entries, names::SUITE, at)?),
            guid: number(&entries, names::GUID, at)?,
            // The first pools with encryption had no such entry.
            version: KeyVersion(number_or_none(&entries, names::VERSION, at)?.unwrap_or_default()),
            master_key: bytes(&entries, names::MASTER_KEY, at)?,
            hmac_key: bytes(&entries, names::HMAC_KEY, at)?,
            iv: bytes(&entries, names::IV, at)?,
            mac: bytes(&entries, names::MAC, at)?,
        };
        let own = own_form(&entries, at)?;
        let root = if root_dir == dir.object {
            entries
        } else {
            let missing =
                || PoolError::corrupt(at, "encryption root", root_dir, "an encrypted dataset");
            let root = key_object_of(mos, &Dir::open(mos, root_dir)?)?.ok_or_else(missing)?;
            zap::entries(mos, root)?
        };
        let format = KeyFormat(number(&root, names::FORMAT, at)?);
        // Only a passphrase is stretched; `dsl_crypto_populate_key_nvlist()` asks for them of no other.
        let (iterations, salt) = if format == KeyFormat::PASSPHRASE {
            (number(&root, names::ITERATIONS, at)?, number(&root, names::SALT, at)?)
        } else {
            (0, 0)
        };
        Ok(Some(Self { key_object, root_dir, format, iterations, salt, own, at }))
    }

    /// Returns true if the dataset's keys are not wrapped with the key of its encryption root: a raw receive has put
    /// the sender's in the place of its own, and the root's key does not open them (openzfs #12614). Nothing
    /// can be told, without the key, of two keys that are no passphrases.
    pub fn is_orphaned(&self) -> bool {
        let Self { format, iterations, salt, .. } = *self;
        self.own.is_some_and(|own| own != OwnForm { format, iterations, salt })
    }

    /// A key error with the key object's place.
    pub(crate) fn error(&self, source: CryptoError) -> PoolError {
        PoolError::Crypto { at: self.at, source }
    }
}

fn own_form(entries: &[ZapEntry], at: Zbookmark) -> Result<Option<OwnForm>> {
    let number = |name| number_or_none(entries, name, at);
    let Some(format) = number(names::FORMAT)?.map(KeyFormat) else { return Ok(None) };
    if format != KeyFormat::PASSPHRASE {
        return Ok(Some(OwnForm { format, iterations: 0, salt: 0 }));
    }
    let form = number(names::ITERATIONS)?.zip(number(names::SALT)?);
    Ok(form.map(|(iterations, salt)| OwnForm { format, iterations, salt }))
}

fn key_object_of(mos: &Objset, dir: &Dir) -> Result<Option<u64>> {
    if !dir.zapified {
        return Ok(None);
    }
    zap::lookup_u64(mos, dir.object, CRYPTO_KEY)
}

fn find<'e>(entries: &'e [ZapEntry], name: &'static str, at: Zbookmark) -> Result<&'e ZapEntry> {
    entries
        .iter()
        .find(|e| e.name == name.as_bytes())
        .ok_or_else(|| PoolError::corrupt(at, name, "absent", "an entry of the key object"))
}

fn number_or_none(entries: &[ZapEntry], name: &'static str, at: Zbookmark) -> Result<Option<u64>> {
    match entries.iter().any(|e| e.name == name.as_bytes()) {
        true => number(entries, name, at).map(Some),
        false => Ok(None),
    }
}

fn number(entries: &[ZapEntry], name: &'static str, at: Zbookmark) -> Result<u64> {
    let entry = find(entries, name, at)?;
    entry.u64().ok_or_else(|| PoolError::corrupt(at, name, entry.int_size, "a 64-bit integer"))
}

fn bytes<const N: usize>(
    entries: &[ZapEntry],
    name: &'static str,
    at: Zbookmark,
) -> Result<[u8; N]> {
    let value = &find(entries, name, at)?.value;
    let array = value.as_slice().try_into();
    array.map_err(|_| PoolError::corrupt(at, name, value.len(), N))
}
