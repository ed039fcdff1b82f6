//! The list `crypt_keydata`, which BEGIN of a raw stream has: wrapped keys, how the key that wraps them is made, and
//! what a receiver rebuilds the object set of.
//!
//! Source: OpenZFS `module/zfs/dsl_crypt.c`, `dsl_crypto_populate_key_nvlist()`, zfs-2.3.2.

use crate::error::CryptoError;
use crate::key_object::{KeyObject, KeyVersion};
use crate::suite::{KeyFormat, Suite};
use zsend_records::nvlist::{NvList, NvValue};

/// Names of the entries, of a key object's ZAP as of the list.
///
/// Source: OpenZFS `include/sys/dsl_crypt.h`, `DSL_CRYPTO_KEY_*`, and `module/zcommon/zfs_prop.c`, zfs-2.3.2.
pub mod names {
    /// The list itself, in the list behind BEGIN.
    pub const LIST: &str = "crypt_keydata";
    /// The suite.
    pub const SUITE: &str = "DSL_CRYPTO_SUITE";
    /// Guid of the keys.
    pub const GUID: &str = "DSL_CRYPTO_GUID";
    /// Version of the MACs.
    pub const VERSION: &str = "DSL_CRYPTO_VERSION";
    /// The wrapped master key: 32 bytes.
    pub const MASTER_KEY: &str = "DSL_CRYPTO_MASTER_KEY_1";
    /// The wrapped HMAC key: 64 bytes.
    pub const HMAC_KEY: &str = "DSL_CRYPTO_HMAC_KEY_1";
    /// IV of the wrapped keys: 12 bytes.
    pub const IV: &str = "DSL_CRYPTO_IV";
    /// MAC of the wrapped keys: 16 bytes.
    pub const MAC: &str = "DSL_CRYPTO_MAC";
    /// MAC of the object set: 32 bytes.
    pub const PORTABLE_MAC: &str = "portable_mac";
    /// Form of the user's key.
    pub const FORMAT: &str = "keyformat";
    /// Iterations that make a key of a passphrase.
    pub const ITERATIONS: &str = "pbkdf2iters";
    /// Salt of a passphrase.
    pub const SALT: &str = "pbkdf2salt";
    /// `dn_checksum` of the meta-dnode.
    pub const META_CHECKSUM: &str = "mdn_checksum";
    /// `dn_compress` of the meta-dnode.
    pub const META_COMPRESS: &str = "mdn_compress";
    /// Levels of the meta-dnode.
    pub const META_LEVELS: &str = "mdn_nlevels";
    /// Bytes of a block of the meta-dnode.
    pub const META_BLKSZ: &str = "mdn_blksz";
    /// log2 of the bytes of an indirect block of the meta-dnode.
    pub const META_INDBLKSHIFT: &str = "mdn_indblkshift";
    /// Block pointers of the meta-dnode.
    pub const META_BLKPTRS: &str = "mdn_nblkptr";
    /// The last block of the meta-dnode.
    pub const META_MAXBLKID: &str = "mdn_maxblkid";
    /// Guid of the set of IVs of the snapshot that is sent.
    pub const TO_IVSET: &str = "to_ivset_guid";
    /// Guid of the set of IVs of the incremental source.
    pub const FROM_IVSET: &str = "from_ivset_guid";
}

/// Numbers of a meta-dnode, of which a receiver makes that of a new object set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaDnode {
    /// `dn_checksum`.
    pub checksum: u8,
    /// `dn_compress`.
    pub compress: u8,
    /// `dn_nlevels`.
    pub nlevels: u8,
    /// Bytes of a block.
    pub blksz: u64,
    /// `dn_indblkshift`.
    pub indblkshift: u8,
    /// `dn_nblkptr`.
    pub nblkptr: u8,
    /// `dn_maxblkid`.
    pub maxblkid: u64,
}

/// All of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawKeyData {
    /// The wrapped keys.
    pub key_object: KeyObject,
    /// MAC of the object set.
    pub portable_mac: [u8; 32],
    /// `keyformat` of the encryption root.
    pub format: KeyFormat,
    /// `pbkdf2iters` of the encryption root; zero unless its key is a passphrase.
    pub iterations: u64,
    /// `pbkdf2salt` of the encryption root, likewise.
    pub salt: u64,
    /// The meta-dnode.
    pub meta: MetaDnode,
    /// Guid of the set of IVs that the snapshot's blocks have.
    pub to_ivset: u64,
    /// The same of the incremental source; zero for a full stream.
    pub from_ivset: u64,
}

impl RawKeyData {
    /// The list, in the order of the reference.
    pub fn to_nvlist(&self) -> NvList {
        let Self { key_object: key, portable_mac, format, iterations, salt, meta, .. } = self;
        let number = NvValue::Uint64;
        let bytes = |bytes: &[u8]| NvValue::Uint8Array(bytes.to_vec());
        let mut list = NvList::new();
        for (name, value) in [
            (names::SUITE, number(key.suite.0)),
            (names::GUID, number(key.guid)),
            (names::VERSION, number(key.version.0)),
            (names::MASTER_KEY, bytes(&key.master_key)),
            (names::HMAC_KEY, bytes(&key.hmac_key)),
            (names::IV, bytes(&key.iv)),
            (names::MAC, bytes(&key.mac)),
            (names::PORTABLE_MAC, bytes(portable_mac)),
            (names::FORMAT, number(format.0)),
            (names::ITERATIONS, number(*iterations)),
            (names::SALT, number(*salt)),
            (names::META_CHECKSUM, number(meta.checksum.into())),
            (names::META_COMPRESS, number(meta.compress.into())),
            (names::META_LEVELS, number(meta.nlevels.into())),
            (names::META_BLKSZ, number(meta.blksz)),
            (names::META_INDBLKSHIFT, number(meta.indblkshift.into())),
            (names::META_BLKPTRS, number(meta.nblkptr.into())),
            (names::META_MAXBLKID, number(meta.maxblkid)),
            (names::TO_IVSET, number(self.to_ivset)),
            (names::FROM_IVSET, number(self.from_ivset)),
        ] {
            list.insert(name, value);
        }
        list
    }
}

impl KeyObject {
    /// The wrapped keys in a list `crypt_keydata`.
    ///
    /// # Errors
    /// [`CryptoError::KeyData`] if a part is not there, or of another type or length.
    pub fn from_nvlist(list: &NvList) -> Result<Self, CryptoError> {
        Ok(Self {
            suite: Suite(number(list, names::SUITE)?),
            guid: number(list, names::GUID)?,
            version: KeyVersion(number(list, names::VERSION)?),
            master_key: bytes(list, names::MASTER_KEY)?,
            hmac_key: bytes(list, names::HMAC_KEY)?,
            iv: bytes(list, names::IV)?,
            mac: bytes(list, names::MAC)?,
        })
    }
}

impl MetaDnode {
    /// The meta-dnode in a list `crypt_keydata`.
    ///
    /// # Errors
    /// [`CryptoError::KeyData`] if a part is not there, or no number, or more than its field holds.
    pub fn from_nvlist(list: &NvList) -> Result<Self, CryptoError> {
        let byte = |what| {
            let number = number(list, what)?;
            u8::try_from(number).map_err(|_| CryptoError::KeyData { what, found: "above 255" })
        };
        Ok(Self {
            checksum: byte(names::META_CHECKSUM)?,
            compress: byte(names::META_COMPRESS)?,
            nlevels: byte(names::META_LEVELS)?,
            blksz: number(list, names::META_BLKSZ)?,
            indblkshift: byte(names::META_INDBLKSHIFT)?,
            nblkptr: byte(names::META_BLKPTRS)?,
            maxblkid: number(list, names::META_MAXBLKID)?,
        })
    }
}

/// The MAC of the object set in a list `crypt_keydata`.
///
/// # Errors
/// [`CryptoError::KeyData`] if it is not there, or of another type or length.
pub fn portable_mac_in(list: &NvList) -> Result<[u8; 32], CryptoError> {
    bytes(list, names::PORTABLE_MAC)
}

fn number(list: &NvList, what: &'static str) -> Result<u64, CryptoError> {
    list.u64(what).ok_or_else(|| missing(list, what))
}

fn bytes<const N: usize>(list: &NvList, what: &'static str) -> Result<[u8; N], CryptoError> {
    let bytes = list.u8_array(what).ok_or_else(|| missing(list, what))?;
    bytes.try_into().map_err(|_| CryptoError::KeyData { what, found: "of another length" })
}

fn missing(list: &NvList, what: &'static str) -> CryptoError {
    let found = if list.contains(what) { "of another type" } else { "absent" };
    CryptoError::KeyData { what, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> RawKeyData {
        let meta = MetaDnode {
            checksum: 7,
            compress: 15,
            nlevels: 6,
            blksz: 16 << 10,
            indblkshift: 17,
            nblkptr: 3,
            maxblkid: 9,
        };
        let key_object = KeyObject {
            suite: Suite::AES_256_GCM,
            guid: 11,
            version: KeyVersion::CURRENT,
            master_key: [1; 32],
            hmac_key: [2; 64],
            iv: [3; 12],
            mac: [4; 16],
        };
        RawKeyData {
            key_object,
            portable_mac: [5; 32],
            format: KeyFormat::PASSPHRASE,
            iterations: 100_000,
            salt: 12,
            meta,
            to_ivset: 13,
            from_ivset: 14,
        }
    }

    #[test]
    fn what_is_written_is_read_in_its_parts() {
        let data = data();
        let list = data.to_nvlist();
        assert_eq!(list.len(), 20);
        assert_eq!(KeyObject::from_nvlist(&list), Ok(data.key_object.clone()));
        assert_eq!(MetaDnode::from_nvlist(&list), Ok(data.meta));
        assert_eq!(portable_mac_in(&list), Ok(data.portable_mac));
    }

    #[test]
    fn a_part_that_is_not_there_is_named() {
        let error = |change: fn(&mut NvList)| {
            let mut list = NvList::new();
            for (name, value) in data().to_nvlist().iter().filter(|(name, _)| *name != names::IV) {
                list.insert(name, value.clone());
            }
            change(&mut list);
            KeyObject::from_nvlist(&list).expect_err("a part is wrong").to_string()
        };
        assert_eq!(error(|_| {}), "crypt_keydata: DSL_CRYPTO_IV is absent");
        assert_eq!(
            error(|list| list.insert(names::GUID, NvValue::Boolean)),
            "crypt_keydata: DSL_CRYPTO_GUID is of another type"
        );
        assert_eq!(
            error(|list| list.insert(names::IV, NvValue::Uint8Array(vec![0; 11]))),
            "crypt_keydata: DSL_CRYPTO_IV is of another length"
        );
        let mut list = data().to_nvlist();
        list.insert(names::META_LEVELS, NvValue::Uint64(256));
        let error = MetaDnode::from_nvlist(&list).expect_err("no byte").to_string();
        assert_eq!(error, "crypt_keydata: mdn_nlevels is above 255");
    }
}
