//! Objects: dnodes, object sets, and the intent logs in them.

mod array;
pub mod dnode;
#[cfg(test)]
pub(crate) mod made;
pub mod objset;
pub mod zil;

pub(crate) use array::{each_block, size};
