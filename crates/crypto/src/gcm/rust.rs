//! AES-GCM by the crate `aes-gcm`.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::AesGcm;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};

/// A key that is ready. Its key schedule is wiped when it is dropped.
pub(crate) enum Gcm {
    Aes128(Box<AesGcm<Aes128, U12>>),
    Aes192(Box<AesGcm<Aes192, U12>>),
    Aes256(Box<AesGcm<Aes256, U12>>),
}

impl Gcm {
    /// `key` is 16, 24 or 32 bytes; `None` for another length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => AesGcm::new_from_slice(key).ok().map(Box::new).map(Self::Aes128),
            24 => AesGcm::new_from_slice(key).ok().map(Box::new).map(Self::Aes192),
            32 => AesGcm::new_from_slice(key).ok().map(Box::new).map(Self::Aes256),
            _ => None,
        }
    }

    /// Decrypts `data` in place; false if the tag does not match, and `data` is then anything.
    pub(crate) fn open(&self, iv: &[u8; 12], mac: &[u8; 16], aad: &[u8], data: &mut [u8]) -> bool {
        let (iv, mac) = (&(*iv).into(), &(*mac).into());
        let done = match self {
            Self::Aes128(key) => key.decrypt_inout_detached(iv, aad, data.into(), mac),
            Self::Aes192(key) => key.decrypt_inout_detached(iv, aad, data.into(), mac),
            Self::Aes256(key) => key.decrypt_inout_detached(iv, aad, data.into(), mac),
        };
        done.is_ok()
    }

    /// Encrypts `data` in place; the tag, or `None` if they are longer than the mode takes.
    pub(crate) fn seal(&self, iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        let iv = &(*iv).into();
        let tag = match self {
            Self::Aes128(key) => key.encrypt_inout_detached(iv, aad, data.into()),
            Self::Aes192(key) => key.encrypt_inout_detached(iv, aad, data.into()),
            Self::Aes256(key) => key.encrypt_inout_detached(iv, aad, data.into()),
        };
        tag.ok().map(|tag| tag.0)
    }
}
