//! Reading a stream: a parser without I/O, and a blocking reader over it.

mod blocking;
mod error;
mod parser;
mod record;

pub use blocking::{StreamReader, StreamRecord};
pub use error::{ReadError, StreamError, StreamErrorKind};
pub use parser::{Event, Options, Parser};
pub use record::{Frame, Record, Role};
