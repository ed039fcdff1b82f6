#![doc = include_str!("../README.md")]

mod available;
mod index;
mod item;
mod native;
mod nice;
mod paths;
mod set;
mod stats;
mod value;

pub use item::{Item, ItemKind};
pub use native::{NATIVE, Native};
pub use nice::{date, nice_bytes, nice_number};
pub use value::{Property, PropertySource, Value};
