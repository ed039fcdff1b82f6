//! Objects: dnodes, object sets, space maps, and the byte order of what they hold.

pub mod byteswap;
pub mod dnode;
pub mod objset;
pub mod space_map;
