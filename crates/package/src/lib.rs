#![doc = include_str!("../README.md")]
#![warn(missing_debug_implementations)]

mod error;
mod header;
mod options;
mod order;
mod package;
pub mod properties;
mod resume;
mod scope;
mod tree;

pub use error::{Omission, PackageError, PackageRefusal, Result};
pub use options::PackageOptions;
pub use package::{Package, PackageNotice, PackageStream, PackageSummary};
