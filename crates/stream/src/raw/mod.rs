//! Raw streams and their keys: what `verify` and the steps of a change both ask of them.

mod keys;
mod macs;
mod tree;

pub(crate) use keys::Keys;
pub(crate) use macs::{MacFault, Macs, Over, WrongMac, bonus_type, core_of, turn};
