//! Reading a stream: a parser without I/O, and a blocking reader over it.

#[cfg(feature = "std")]
mod blocking;
mod error;
mod options;
mod parser;
mod record;
mod slice;

#[cfg(feature = "std")]
pub use blocking::StreamReader;
#[cfg(feature = "std")]
pub use error::ReadError;
pub use error::{StreamError, StreamErrorKind};
pub use options::Options;
pub use parser::{Parser, ReaderEvent};
pub use record::{Frame, Record, Role, StreamRecord};
pub use slice::SliceReader;
