//! Helpers that the tests share: fixed keys, and a sealing side made of other code than the opening one.

use crate::auth::BlockParams;
use crate::dataset::DatasetKey;
use crate::key_object::{KeyObject, KeyVersion};
use crate::suite::{Mode, Suite};
use crate::wrapping::WrappingKey;
use aes::cipher::array::Array;
use aes::cipher::consts::{U12, U16};
use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::hkdf;
use ccm::aead::AeadInOut;
use ccm::{Ccm, KeyInit};

pub(crate) const MASTER: [u8; 32] = *b"The master key of every test set";
pub(crate) const HMAC: [u8; 64] = [0x2b; 64];
pub(crate) const PARAMS: BlockParams =
    BlockParams { salt: *b"a  salt!", iv: *b"twelve bytes", mac: [0; 16] };

/// The dataset key of [`MASTER`] and [`HMAC`].
pub(crate) fn dataset_key(suite: Suite, version: KeyVersion) -> DatasetKey {
    let len = suite.key_len().unwrap();
    DatasetKey::new(suite, version, &MASTER[..len], &HMAC).unwrap()
}

/// Encrypts in place; returns the tag.
pub(crate) fn seal(mode: Mode, key: &[u8], iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> [u8; 16] {
    match (mode, key.len()) {
        (Mode::Gcm, len) => {
            use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM};
            use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey};
            let algorithm = match len {
                16 => &AES_128_GCM,
                24 => &AES_192_GCM,
                _ => &AES_256_GCM,
            };
            let key = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
            let nonce = Nonce::assume_unique_for_key(*iv);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), data).unwrap();
            tag.as_ref().try_into().unwrap()
        }
        (Mode::Ccm, 16) => seal_ccm(Ccm::<Aes128, U16, U12>::new_from_slice(key), iv, aad, data),
        (Mode::Ccm, 24) => seal_ccm(Ccm::<Aes192, U16, U12>::new_from_slice(key), iv, aad, data),
        (Mode::Ccm, _) => seal_ccm(Ccm::<Aes256, U16, U12>::new_from_slice(key), iv, aad, data),
    }
}

fn seal_ccm<C, E: std::fmt::Debug>(
    key: Result<C, E>,
    iv: &[u8; 12],
    aad: &[u8],
    data: &mut [u8],
) -> [u8; 16]
where
    C: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    key.unwrap().encrypt_inout_detached(&Array(*iv), aad, data.into()).unwrap().0
}

/// Encrypts a block of the dataset of [`dataset_key`] in place; returns its parameters.
pub(crate) fn seal_block(suite: Suite, aad: &[u8], data: &mut [u8]) -> BlockParams {
    let len = suite.key_len().unwrap();
    let mut key = [0; 32];
    let info = [&PARAMS.salt[..]];
    hkdf::Salt::new(hkdf::HKDF_SHA512, &[])
        .extract(&MASTER[..len])
        .expand(&info, Length(len))
        .unwrap()
        .fill(&mut key[..len])
        .unwrap();
    let mac = seal(suite.mode().unwrap(), &key[..len], &PARAMS.iv, aad, data);
    BlockParams { mac, ..PARAMS }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// A key object with [`MASTER`] and [`HMAC`] in it.
pub(crate) fn wrap(wrapping: &WrappingKey, suite: Suite, version: KeyVersion) -> KeyObject {
    let len = suite.key_len().unwrap();
    let guid = 0x1122_3344_5566_7788_u64;
    let mut aad = guid.to_le_bytes().to_vec();
    if version != KeyVersion::V0 {
        aad.extend(suite.0.to_le_bytes());
        aad.extend(version.0.to_le_bytes());
    }
    let mut keys = [&MASTER[..len], &HMAC].concat();
    let iv = *b"wrapping iv!";
    let mac = seal(suite.mode().unwrap(), wrapping.0.as_slice(), &iv, &aad, &mut keys);
    let mut object =
        KeyObject { suite, guid, version, master_key: [0; 32], hmac_key: [0; 64], iv, mac };
    object.master_key[..len].copy_from_slice(&keys[..len]);
    object.hmac_key.copy_from_slice(&keys[len..]);
    object
}
