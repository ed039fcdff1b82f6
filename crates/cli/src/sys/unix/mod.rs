//! Systems of the Unix family.

pub(crate) mod files;
pub(crate) mod signals;
pub(crate) mod terminal;
