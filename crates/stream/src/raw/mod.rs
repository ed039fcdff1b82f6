//! Raw streams and their keys: what `verify` and the steps of a change both ask of them.

mod dnode;
mod keys;
mod macs;
mod tree;

pub(crate) use dnode::{RawDnode, block_of, core_of, nblkptr, objset_of, turn, turned};
pub(crate) use keys::Keys;
pub(crate) use macs::{MacFault, Macs, Over, WrongMac, is_part};
pub(crate) use tree::{BlockTree, TreeLeaf, TreeShape};
