//! Reads a ZFS pool from image files or block devices, read-only, with no kernel module.
//!
//! ```no_run
//! use zsend_pool::dsl::name::Name;
//! use zsend_pool::pool::{OpenOptions, Pool};
//!
//! let devices = ["disk0.img".into(), "disk1.img".into()];
//! let pool = Pool::open(&devices, "tank", &OpenOptions::default())?;
//! let snapshot = pool.dataset(&Name::parse("tank/home@monday")?)?;
//! println!("guid {}, txg {}", snapshot.guid, snapshot.creation_txg);
//! let objset = pool.objset(&snapshot)?;
//! println!("object 1 has {} levels", objset.dnode(1)?.nlevels);
//! # Ok::<(), zsend_pool::PoolError>(())
//! ```

pub mod blkptr;
mod buffer;
mod cache;
mod cancel;
pub mod config;
pub mod crypt;
pub mod device;
pub mod discover;
pub mod dmu;
pub mod dsl;
mod error;
pub mod feature;
pub mod label;
mod open;
pub mod place;
pub mod pool;
pub mod uberblock;
pub mod vdev;
pub mod zap;
pub mod zil;
pub mod zio;

pub use cache::BlockCache;
pub use cancel::CancelToken;
pub use error::{ErrorClass, Listed, PoolError, Result};
