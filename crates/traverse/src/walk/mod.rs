//! The walk: depth first over the block tree of a dataset, in the order in which blocks are sent.
//!
//! [`DatasetWalk`] yields leaves, and prefetches the metadata that lead to them. Whoever has a leaf can
//! visit what is in it without reading more ([`Leaf::visit`]), on any thread.

mod blocks;
mod dataset;
mod frame;
mod leaf;
mod node;
mod prefetch;
mod spec;
mod stop;
mod threads;

pub use blocks::Blocks;
pub(crate) use dataset::DatasetWalk;
pub(crate) use leaf::{Leaf, Visit};
pub(crate) use node::{Node, above};
pub(crate) use spec::{ResumePoint, WalkSpec};
pub(crate) use stop::Stop;
pub(crate) use threads::Threads;
