//! Reading a stream: a parser without I/O, and a blocking reader over it.

#[cfg(feature = "std")]
mod blocking;
mod error;
mod header;
mod options;
mod parser;
mod place;
mod record;
mod slice;

#[cfg(feature = "std")]
pub use blocking::StreamReader;
#[cfg(feature = "std")]
pub use error::ReadError;
pub use error::{StreamError, StreamErrorKind};
pub use header::Header;
pub use options::ReaderOptions;
pub use parser::{Parser, ReaderEvent};
pub use place::Place;
pub use record::{Frame, Record, Role, StreamRecord};
pub use slice::SliceReader;
