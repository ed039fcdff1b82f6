//! One AES key in a suite's mode: AES-GCM by aws-lc, AES-CCM by this crate.

use crate::ccm::Ccm;
use crate::error::CryptoError;
use crate::suite::{Mode, Suite};
use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// A key that is ready to decrypt. Each variant wipes its key schedule when it is dropped.
pub(crate) enum Aead {
    Gcm(LessSafeKey),
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
            (Mode::Gcm, len) => {
                let algorithm = match len {
                    16 => &AES_128_GCM,
                    24 => &AES_192_GCM,
                    32 => &AES_256_GCM,
                    _ => return Err(unsupported),
                };
                UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new).map(Self::Gcm)
            }
            _ => None,
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
            Self::Gcm(key) => {
                // The name warns of nonces used twice, which is the writer's care.
                let nonce = Nonce::assume_unique_for_key(*iv);
                key.open_in_place_separate_tag(nonce, Aad::from(aad), mac, data).is_ok()
            }
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
}

#[cfg(test)]
mod tests;
