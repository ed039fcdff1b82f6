//! New keys of a dataset that is encrypted on its way, what a raw stream's BEGIN says of them, and blocks sealed with
//! them.

use super::super::blocks::SECTOR;
use super::super::error::ChangeError;
use super::super::given::{Given, GivenError};
use std::io;
use zeroize::Zeroizing;
use zsend_crypto::{
    CryptoError, DatasetKey, KeyFormat, KeyObject, MetaDnode, NewKeys, RawKeyData, Suite,
    WrappingKey,
};
use zsend_records::nvlist::NvList;
use zsend_records::types::DmuType;

/// `pbkdf2iters` if none is given, and the least that ZFS takes.
///
/// Source: OpenZFS `include/sys/zio_crypt.h`, `DEFAULT_PBKDF2_ITERATIONS` and `MIN_PBKDF2_ITERATIONS`, zfs-2.3.2.
const ITERATIONS: u64 = 350_000;
const LEAST_ITERATIONS: u64 = 100_000;

/// The user's key, and how it is made one that wraps others.
#[derive(Debug)]
pub(super) struct UserKey {
    /// The dataset that becomes an encryption root.
    pub(super) dataset: String,
    pub(super) suite: Suite,
    format: KeyFormat,
    iterations: u64,
    salt: u64,
    wrapping: WrappingKey,
}

/// New keys of a dataset.
#[derive(Debug)]
pub(super) struct MadeKeys {
    pub(super) key: DatasetKey,
    pub(super) object: KeyObject,
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A random guid: any number but zero.
pub(super) fn random_guid() -> Result<u64, getrandom::Error> {
    loop {
        let guid = u64::from_le_bytes(random()?);
        if guid != 0 {
            return Ok(guid);
        }
    }
}

impl UserKey {
    pub(super) fn of(given: &Given) -> Result<Self, GivenError> {
        let [(dataset, material)] = &given.keys[..] else {
            return Err(GivenError::new("one --key DATASET=FILE is needed"));
        };
        let suite = match given.value("suite") {
            None => Suite::AES_256_GCM,
            Some(name) => {
                (3..=8).map(Suite).find(|suite| suite.to_string() == name).ok_or_else(|| {
                    GivenError::new(format!(
                        "'{name}' is no suite: aes-256-gcm, or with 128, 192, ccm"
                    ))
                })?
            }
        };
        let format = match given.value("keyformat").unwrap_or("raw") {
            "raw" => KeyFormat::RAW,
            "hex" => KeyFormat::HEX,
            "passphrase" => KeyFormat::PASSPHRASE,
            name => {
                let why = format!("'{name}' is no form of a key: raw, hex or passphrase");
                return Err(GivenError::new(why));
            }
        };
        let is_phrase = format == KeyFormat::PASSPHRASE;
        let iterations = match given.value("pbkdf2iters") {
            None => ITERATIONS,
            Some(_) if !is_phrase => {
                return Err(GivenError::new("--pbkdf2iters goes with --keyformat passphrase"));
            }
            Some(number) => number
                .parse()
                .ok()
                .filter(|&number| number >= LEAST_ITERATIONS)
                .ok_or_else(|| {
                    GivenError::new(format!(
                        "--pbkdf2iters is '{number}', expected a number from {LEAST_ITERATIONS} on"
                    ))
                })?,
        };
        let salt = random().map_err(|e| GivenError::new(format!("random numbers: {e}")))?;
        let (iterations, salt) =
            if is_phrase { (iterations, u64::from_le_bytes(salt)) } else { (0, 0) };
        let wrapping = WrappingKey::new(format, material, salt, iterations)
            .map_err(|e| GivenError::new(e.to_string()))?;
        Ok(Self { dataset: dataset.clone(), suite, format, iterations, salt, wrapping })
    }

    /// Makes keys of a dataset, and wraps them.
    pub(super) fn make(&self) -> Result<Result<MadeKeys, CryptoError>, getrandom::Error> {
        let mut new = NewKeys {
            master_key: Zeroizing::new([0; 32]),
            hmac_key: Zeroizing::new([0; 64]),
            iv: random()?,
            guid: random_guid()?,
        };
        getrandom::fill(new.master_key.as_mut_slice())?;
        getrandom::fill(new.hmac_key.as_mut_slice())?;
        let made = KeyObject::wrap(&self.wrapping, self.suite, &new);
        Ok(made.map(|(object, key)| MadeKeys { key, object }))
    }

    /// The list `crypt_keydata`.
    pub(super) fn key_data(&self, object: KeyObject, end: &AtEnd) -> NvList {
        let data = RawKeyData {
            key_object: object,
            portable_mac: end.portable_mac,
            format: self.format,
            iterations: self.iterations,
            salt: self.salt,
            meta: MetaDnode {
                checksum: end.meta.checksum,
                compress: end.meta.compress,
                nlevels: end.meta.nlevels,
                blksz: u64::from(end.meta.datablkszsec.get()) * SECTOR as u64,
                indblkshift: end.meta.indblkshift,
                nblkptr: end.meta.nblkptr,
                maxblkid: end.meta.maxblkid.get(),
            },
            to_ivset: end.ivset_guid,
            from_ivset: 0,
        };
        data.to_nvlist()
    }
}

/// Numbers of a raw stream's BEGIN that are known at its end.
#[derive(Debug)]
pub(super) struct AtEnd {
    pub(super) portable_mac: [u8; 32],
    pub(super) meta: zsend_ondisk::dnode::DnodePhys,
    pub(super) ivset_guid: u64,
}

/// Blocks that have one salt: `ZFS_KEY_MAX_SALT_USES_DEFAULT`.
const MAX_SALT_USES: u64 = 400_000_000;

/// The salts of blocks, which make their keys.
#[derive(Debug)]
pub(super) struct Salts {
    salt: [u8; 8],
    /// Blocks that have this salt.
    used: u64,
}

impl Salts {
    pub(super) fn new() -> Result<Self, ChangeError> {
        Ok(Self { salt: random().map_err(no_random)?, used: 0 })
    }

    /// The salt of the next block: another one after as many as ZFS takes one for.
    ///
    /// Source: OpenZFS `module/os/linux/zfs/zio_crypt.c`, `zfs_key_max_salt_uses`, zfs-2.3.2.
    pub(super) fn next(&mut self) -> Result<[u8; 8], ChangeError> {
        if self.used == MAX_SALT_USES {
            *self = Self::new()?;
        }
        self.used += 1;
        Ok(self.salt)
    }
}

/// Salt, IV and MAC.
pub(super) type Sealed = ([u8; 8], [u8; 12], [u8; 16]);

/// Encrypts a block in place. A type that is not encrypted gets a MAC alone.
pub(super) fn seal(
    key: &DatasetKey,
    salt: [u8; 8],
    kind: DmuType,
    block: &mut [u8],
) -> Result<Result<Sealed, CryptoError>, ChangeError> {
    if !kind.is_encrypted() {
        return Ok(Ok(([0; 8], [0; 12], key.data_mac(block))));
    }
    let iv = random().map_err(no_random)?;
    Ok(key.encrypt(salt, iv, &[], block).map(|mac| (salt, iv, mac)))
}

/// Failure to get random numbers.
pub(super) fn no_random(error: getrandom::Error) -> ChangeError {
    ChangeError::Random(io::Error::other(error))
}
