//! Objects: dnodes, object sets, and the byte order of what they hold.

pub mod byteswap;
pub mod dnode;
pub mod objset;
