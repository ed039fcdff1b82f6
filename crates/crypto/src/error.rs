//! Errors between a user's key and a plain block.

use crate::suite::{KeyFormat, Suite};
use crate::wrapping::PBKDF2_ITERATIONS_MAX;

/// Reason why a key was refused or a block is not to be trusted. Lengths are in bytes.
///
/// Positions on disk are the caller's to add; secrets are never part of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The key object names a cipher that is not known.
    #[error("encryption suite {} is not supported", .0.0)]
    Suite(Suite),
    /// The key object has a format version that is not known.
    #[error("encryption key version {found} is not supported, expected 0 or 1")]
    Version {
        /// `DSL_CRYPTO_VERSION`.
        found: u64,
    },
    /// A part of a raw stream's `crypt_keydata` is not there, or is not what it must be.
    #[error("crypt_keydata: {what} is {found}")]
    KeyData {
        /// Name of the part.
        what: &'static str,
        /// Its fault, in words.
        found: &'static str,
    },
    /// The dataset's `keyformat` is not known.
    #[error("keyformat {} is not supported", .0.0)]
    Format(KeyFormat),
    /// A raw key that is not 32 bytes.
    #[error("raw key is {found} bytes, expected 32")]
    RawLength {
        /// Bytes given.
        found: usize,
    },
    /// A hex key that is not 64 digits.
    #[error("hex key is {found} characters, expected 64")]
    HexLength {
        /// Bytes given, without the newline.
        found: usize,
    },
    /// A hex key with something else in it.
    #[error("hex key has no hex digit at character {at}")]
    HexDigit {
        /// Its position, from 0.
        at: usize,
    },
    /// A passphrase that ZFS would not have taken.
    #[error("passphrase is {found} bytes, expected 8 to 512")]
    PassphraseLength {
        /// Bytes given, without the newline.
        found: usize,
    },
    /// `pbkdf2iters` is zero or beyond what this crate computes.
    #[error("pbkdf2iters is {found}, expected 1 to {PBKDF2_ITERATIONS_MAX}")]
    Iterations {
        /// The property's value.
        found: u64,
    },
    /// The wrapping key does not open the key object, or the object was altered.
    #[error("the key does not open key object {guid:#x}")]
    WrongKey {
        /// `DSL_CRYPTO_GUID`.
        guid: u64,
    },
    /// A block's MAC is not that of its bytes: damage, tampering, or another dataset's key.
    #[error("{what} does not match")]
    Mac {
        /// Name of the MAC.
        what: &'static str,
    },
    /// A block whose size its kind cannot have.
    #[error("{what} block is {found} bytes")]
    BlockLength {
        /// The kind of block.
        what: &'static str,
        /// Bytes given.
        found: usize,
    },
    /// A dnode whose fields lead out of its slots.
    #[error("dnode slot {slot}: {what} is {found}, expected at most {max}")]
    Dnode {
        /// The slot in its block, from 0; in an objset block, the dnode's offset / 512.
        slot: usize,
        /// The field.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The largest that fits.
        max: usize,
    },
}
