//! Going on in the file of a stream that was cut: where, and with what, so that it becomes the stream that was
//! not cut, byte for byte.
//!
//! A sender that goes on begins with a BEGIN of its own, and repeats some records: the object's, and the block at
//! the place that it is told. [`GoingOn`] drops them, up to the record that the file ends with and that one too,
//! once it has seen that both are the same; what follows is summed up from the file's sum.

mod going_on;
mod seam;

pub use going_on::{GoingOn, SeamError};
pub(crate) use seam::Noted;
pub use seam::{BeginDiffers, Seam};
