//! The dataset and snapshot layer: names to object sets, and what is known about each dataset.

pub mod bookmark;
pub mod crypt;
pub mod dataset;
pub mod deadlist;
pub mod dir;
pub mod listing;
pub mod name;
pub mod prop;
mod receive;
pub mod redaction;
pub mod tree;
