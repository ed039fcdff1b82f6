//! AES-GCM by aws-lc.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// A key that is ready. Its key schedule is wiped when it is dropped.
pub(crate) struct Gcm(LessSafeKey);

impl Gcm {
    /// `key` is 16, 24 or 32 bytes; `None` for another length.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new).map(Self)
    }

    /// Decrypts `data` in place; false if the tag does not match, and `data` is then anything.
    pub(crate) fn open(&self, iv: &[u8; 12], mac: &[u8; 16], aad: &[u8], data: &mut [u8]) -> bool {
        // The name warns of nonces used twice, which is the writer's care.
        let nonce = Nonce::assume_unique_for_key(*iv);
        self.0.open_in_place_separate_tag(nonce, Aad::from(aad), mac, data).is_ok()
    }

    /// Encrypts `data` in place; the tag, or `None` if they are longer than the mode takes.
    pub(crate) fn seal(&self, iv: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = Nonce::assume_unique_for_key(*iv);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), data).ok()?;
        tag.as_ref().try_into().ok()
    }
}
