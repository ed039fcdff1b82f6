#![doc = include_str!("../README.md")]

use static_assertions::assert_impl_all;

pub mod blkptr;
mod buffer;
mod cache;
mod cancel;
mod capacity;
pub mod config;
mod device;
pub mod discover;
pub mod dmu;
pub mod dsl;
pub mod error;
pub mod feature;
mod file;
mod label;
mod open;
mod options;
mod pool;
pub mod space_map;
pub mod uberblock;
pub mod vdev;
pub mod zap;
mod zbookmark;
mod zio;

pub use blkptr::{BlkPtr, Dva};
pub use cache::BlockCache;
pub use cancel::CancelToken;
pub use device::{Device, ReadRange, Source};
pub use discover::{Discovery, FoundPool, discover, discover_devices, select};
pub use dmu::dnode::Dnode;
pub use dmu::objset::Objset;
pub use dmu::zil;
pub use dsl::bookmark::DsBookmark;
pub use dsl::crypt::Encryption;
pub use dsl::dataset::{Dataset, Earlier};
pub use dsl::dir::Dir;
pub use dsl::listing::Listing;
pub use dsl::name::{Name, Suffix};
pub use dsl::tree::Datasets;
pub use error::{ErrorClass, Health, Listed, NoPool, PassedOver, PoolError, Result, Unsupported};
pub use open::{KnownTxg, known_txgs};
pub use options::OpenOptions;
pub use pool::Pool;
pub use zbookmark::{ROOT_LEVEL, SPILL_BLKID, Zbookmark};
pub use zio::{Access, Crypt, Doubted, Extent, Healed, Missed, Recovered, StoredBlock, Zio};

pub use zsend_records::bytes;

// A pool is opened once and read by many threads.
assert_impl_all!(Pool: Send, Sync, std::fmt::Debug);
assert_impl_all!(Objset: Send, Sync, Clone, std::fmt::Debug);
assert_impl_all!(Zio: Send, Sync, std::fmt::Debug);
assert_impl_all!(Device: Send, Sync, Clone, std::fmt::Debug);
assert_impl_all!(OpenOptions: Send, Sync, Clone, std::fmt::Debug);
assert_impl_all!(PoolError: Send, Sync, std::error::Error);
