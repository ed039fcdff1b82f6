//! ZFS native encryption, the reading side: from a user's key to verified plain blocks.
//!
//! The crate knows bytes and values only. Whoever reads the pool hands it the key object's entries,
//! block pointers' parameters and stored blocks, and gets back plain blocks or an error.
//!
//! ```text
//! passphrase, hex or raw key --> WrappingKey
//! KeyObject + WrappingKey ----> DatasetKey
//! DatasetKey + BlockParams + stored bytes --> plain bytes      (level 0, encrypted types)
//!                                             decrypt_dnode_block, verify_data, verify_objset
//! no key at all                               verify_indirect  (level 1 and up)
//! ```
//!
//! A dataset's key object belongs to its encryption root's wrapping key; clones share their
//! origin's key object, so one [`DatasetKey`] serves them all.
//!
//! # Example
//!
//! ```
//! use zsend_crypto::{BlockParams, CryptoError, KeyObject, KeyVersion, Suite, WrappingKey};
//!
//! // What a key object in the pool holds; here of a key that nobody has.
//! let object = KeyObject {
//!     suite: Suite::AES_256_GCM,
//!     guid: 0x1234,
//!     version: KeyVersion::CURRENT,
//!     master_key: [0; 32],
//!     hmac_key: [0; 64],
//!     iv: [0; 12],
//!     mac: [0; 16],
//! };
//! let wrapping = WrappingKey::from_hex(&b"07".repeat(32))?;
//! match object.unwrap(&wrapping) {
//!     Ok(key) => {
//!         let params = BlockParams { salt: [0; 8], iv: [0; 12], mac: [0; 16] };
//!         let mut block = [0; 512]; // Read from the pool, still compressed.
//!         key.decrypt(&params, &[], &mut block)?;
//!     }
//!     Err(CryptoError::WrongKey { guid }) => assert_eq!(guid, 0x1234),
//!     Err(other) => return Err(other),
//! }
//! # Ok::<(), CryptoError>(())
//! ```
//!
//! Secrets are wiped when they are dropped, and are never printed. MACs are compared in constant
//! time.

mod aead;
mod auth;
mod ccm;
mod dataset;
mod dnode;
mod error;
mod key_object;
mod objset;
mod suite;
#[cfg(test)]
mod test_keys;
mod wrapping;

pub use auth::{AuthBp, BlockParams, indirect_mac, verify_indirect};
pub use dataset::DatasetKey;
pub use dnode::decrypt_dnode_block;
pub use error::CryptoError;
pub use key_object::{KeyObject, KeyVersion};
pub use objset::{LocalMac, verify_objset};
pub use suite::{KeyFormat, Mode, Suite};
pub use wrapping::{PBKDF2_ITERATIONS_MAX, WrappingKey};

// Threads share a key, and no secret is printed.
static_assertions::assert_impl_all!(DatasetKey: Send, Sync, std::fmt::Debug);
static_assertions::assert_impl_all!(WrappingKey: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_impl_all!(CryptoError: Send, Sync, std::error::Error);
