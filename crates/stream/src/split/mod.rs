//! Streams in parts: cut at the borders of records, each no longer than is asked for, with a list of them.
//!
//! The same stream and size give the same parts, so that one that was lost can be made again alone. The list is
//! written last; `docs/stored.md` describes it.

mod check;
mod cutter;
mod error;
mod join;
mod manifest;
mod pieces;
mod vouched;
mod write;

pub use check::{PartState, check_part};
pub(crate) use check::{find, hash_of};
pub use error::{ManifestError, SplitError};
pub use join::{JoinOrder, Joined, join};
pub(crate) use manifest::MAX_FILE as MAX_LIST;
pub use manifest::{MANIFEST, MAX_PARTS, Manifest, Part, part_name};
pub use write::{Remade, Split, remake, split, split_file};
