//! Ordered delivery: how far ahead work may run, and in which order its results leave.

pub(crate) mod budget;
pub(crate) mod relay;
