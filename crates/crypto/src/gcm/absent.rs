//! No AES-GCM: this build has neither of the two.

/// A key that cannot be made.
pub(crate) enum Gcm {}

impl Gcm {
    /// `None`, whatever the key, which refuses the suite by its name.
    pub(crate) fn new(_: &[u8]) -> Option<Self> {
        None
    }

    /// Never called: there is no key.
    pub(crate) fn open(&self, _: &[u8; 12], _: &[u8; 16], _: &[u8], _: &mut [u8]) -> bool {
        match *self {}
    }

    /// Never called either.
    pub(crate) fn seal(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> Option<[u8; 16]> {
        match *self {}
    }
}
