//! Ordered delivery: work is numbered as it begins, is done in any order, and is delivered by number.
//!
//! Nothing here knows what is delivered: `B` is what one piece of work gives, `E` an error of
//! delivering it.

mod budget;
mod relay;

pub(crate) use relay::{Relay, Ticket};
