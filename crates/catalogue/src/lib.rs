#![doc = include_str!("../README.md")]

mod catalogue;
mod check;
mod entry;
mod error;
mod file_name;
mod merge;
mod read;
mod run;
mod shard;
mod units;
mod writer;

pub use catalogue::{Catalogue, Key};
pub use check::{Checked, Flaw, check};
pub use entry::{Entry, MAX_LINE};
pub use error::{CatalogueError, LineError, Result};
pub use file_name::END;
pub use merge::{Merged, merge};
pub use run::{Base, News, RunError, RunOptions, Store, Totals, run};
pub use shard::{BadShard, Shard};
pub use units::{Unit, Units};
pub use writer::CatalogueWriter;
