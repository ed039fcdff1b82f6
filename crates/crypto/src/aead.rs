//! One AES key in a suite's mode: AES-GCM by a library, AES-CCM by this crate.

use crate::ccm::Ccm;
use crate::error::CryptoError;
use crate::gcm::Gcm;
use crate::suite::{Mode, Suite};
use aes::{Aes128, Aes192, Aes256};

/// A key that is ready. Each variant wipes its key schedule when it is dropped.
pub(crate) enum Aead {
    Gcm(Gcm),
    Ccm128(Box<Ccm<Aes128>>),
    Ccm192(Box<Ccm<Aes192>>),
    Ccm256(Box<Ccm<Aes256>>),
}

/// A tag did not match.
pub(crate) struct Forged;

impl Aead {
    /// `key` is 16, 24 or 32 bytes. `suite` is what a key of another length is blamed on.
    pub(crate) fn new(mode: Mode, key: &[u8], suite: Suite) -> Result<Self, CryptoError> {
        let unsupported = CryptoError::Suite(suite);
        let made = match (mode, key.len()) {
            (Mode::Ccm, 16) => Ccm::new(key).map(Box::new).map(Self::Ccm128),
            (Mode::Ccm, 24) => Ccm::new(key).map(Box::new).map(Self::Ccm192),
            (Mode::Ccm, 32) => Ccm::new(key).map(Box::new).map(Self::Ccm256),
            (Mode::Gcm, _) => Gcm::new(key).map(Self::Gcm),
            (Mode::Ccm, _) => None,
        };
        made.ok_or(unsupported)
    }

    /// Returns true if a message of this many bytes can have been encrypted: CCM counts them in 24 bits.
    pub(crate) const fn fits(&self, len: usize) -> bool {
        matches!(self, Self::Gcm(_)) || Ccm::<Aes256>::fits(len)
    }

    /// Decrypts `data` in place, or wipes it.
    pub(crate) fn open(
        &self,
        iv: &[u8; 12],
        mac: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<(), Forged> {
        let genuine = match self {
            Self::Gcm(key) => key.open(iv, mac, aad, data),
            Self::Ccm128(key) => key.open(iv, mac, aad, data),
            Self::Ccm192(key) => key.open(iv, mac, aad, data),
            Self::Ccm256(key) => key.open(iv, mac, aad, data),
        };
        if genuine {
            return Ok(());
        }
        data.fill(0);
        Err(Forged)
    }

    /// Encrypts `data` in place; the tag, or `None` if they do not [fit](Self::fits).
    pub(crate) fn seal(&self, iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        match self {
            Self::Gcm(key) => key.seal(iv, aad, data),
            Self::Ccm128(key) => key.seal(iv, aad, data),
            Self::Ccm192(key) => key.seal(iv, aad, data),
            Self::Ccm256(key) => key.seal(iv, aad, data),
        }
    }
}

#[cfg(test)]
mod tests;
