#![doc = include_str!("../README.md")]

mod aead;
mod auth;
mod bonus;
mod ccm;
mod dataset;
mod dnode;
mod error;
mod gcm;
pub mod key_data;
mod key_object;
mod objset;
mod suite;
#[cfg(test)]
mod test_keys;
mod wrapping;

pub use auth::{AuthBp, BlockParams, IndirectMac, indirect_mac, verify_indirect};
pub use bonus::BonusCipher;
pub use dataset::DatasetKey;
pub use dnode::{decrypt_dnode_block, encrypt_dnode_block};
pub use error::CryptoError;
pub use key_data::{MetaDnode, RawKeyData};
pub use key_object::{KeyObject, KeyVersion, NewKeys};
pub use objset::{LocalMac, portable_mac, verify_objset};
pub use suite::{KeyFormat, Mode, Suite};
pub use wrapping::{PBKDF2_ITERATIONS_MAX, WrappingKey};

// Threads share a key, and no secret is printed.
static_assertions::assert_impl_all!(DatasetKey: Send, Sync, std::fmt::Debug);
static_assertions::assert_impl_all!(WrappingKey: Send, Sync, Clone, std::fmt::Debug);
static_assertions::assert_impl_all!(CryptoError: Send, Sync, std::error::Error);
