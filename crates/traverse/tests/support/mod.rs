//! Shared by the tests of whole sends.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::PathBuf;
use zsend_pool::{OpenOptions, Pool};
use zsend_records::writer::{OutHeader, Payload, RecordSink, StreamWriter, WriteError};
use zsend_traverse::CancelToken;

/// The images of a fixture.
pub fn images(fixture: &str) -> PathBuf {
    zsend_testkit::images::unpack(&zsend_testkit::fixture(fixture)).unwrap()
}

/// The pool of a fixture.
pub fn pool(fixture: &str) -> Pool {
    Pool::open(&[images(fixture)], fixture, &OpenOptions::default()).unwrap()
}

/// A sink that writes into memory, and cancels when it has taken a number of records.
pub struct Cut<'a> {
    writer: StreamWriter<&'a mut Vec<u8>>,
    left: u64,
    cancel: CancelToken,
}

impl<'a> Cut<'a> {
    /// A sink that cancels after `records` records.
    pub fn after(records: u64, stream: &'a mut Vec<u8>, cancel: &CancelToken) -> Self {
        Self { writer: StreamWriter::new(stream), left: records, cancel: cancel.clone() }
    }
}

impl RecordSink for Cut<'_> {
    type Payload = Payload;

    fn take(&mut self, header: OutHeader, payload: &Payload) -> Result<(), WriteError> {
        self.writer.take(header, payload)?;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.cancel.cancel();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.flush()
    }
}
