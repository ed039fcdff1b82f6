//! Properties of datasets, snapshots and bookmarks, as `zfs get` gives them: the values that are set,
//! received or inherited, with their sources, and the figures that the pool keeps.
//!
//! ```no_run
//! use zsend_pool::pool::{OpenOptions, Pool};
//! use zsend_props::{Item, Native};
//!
//! let pool = Pool::open(&["disk0.img".into()], "tank", &OpenOptions::default())?;
//! let item = Item::open(&pool, "tank/home")?;
//! let compression = Native::by_name("compression").unwrap();
//! if let Some(property) = item.native(compression)? {
//!     println!("{} ({})", property.value.shown(false), property.source);
//! }
//! # Ok::<(), zsend_pool::PoolError>(())
//! ```
//!
//! Two properties depend on an imported pool and are not there: `available` and `mounted`.

mod index;
mod item;
mod native;
mod nice;
mod paths;
mod set;
mod stats;
mod value;

pub use item::{Item, Kind};
pub use native::{NATIVE, Native};
pub use nice::{date, nice_bytes, nice_number};
pub use value::{Property, Source, Value};
