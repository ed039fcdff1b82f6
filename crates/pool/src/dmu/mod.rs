//! Objects: dnodes, object sets, space maps, and the byte order of what they hold.

pub mod byteswap;
pub mod dnode;
#[cfg(test)]
pub(crate) mod made;
pub mod objset;
pub mod space_map;
