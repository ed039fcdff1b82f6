#![doc = include_str!("../README.md")]

mod catalogue;
mod check;
mod entry;
mod error;
mod file_name;
mod files;
mod merge;
mod order;
mod read;
mod run;
mod settings;
mod shard;
mod units;
mod writer;

pub use catalogue::{Catalogue, Key};
pub use check::{Checked, Flaw, check};
pub use entry::{Entry, MAX_LINE};
pub use error::{CatalogueError, LineError, Result};
pub use file_name::{END, of_begin as file_name_of};
pub use files::{MissingShards, missing_shards};
pub use merge::{LeftOut, Merged, merge};
pub use order::Receipt;
pub use run::{Base, News, RunError, RunOptions, Store, Totals, run};
pub use settings::Settings;
pub use shard::{BadShard, Shard};
pub use units::{Unit, Units};
pub use writer::CatalogueWriter;
