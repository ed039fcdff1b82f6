//! A stream as its BEGIN announces it: what the records behind it may be.

use std::sync::Arc;
use zsend_records::drr::Begin;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::nvlist::{NvError, NvList};
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// Most memory that a list may take.
const LIST_MEMORY: usize = 24 << 20;

/// Keys that raw streams are opened with.
#[derive(Debug, Default)]
pub(super) struct Keys {}

/// The list behind a BEGIN.
#[derive(Clone, Debug, Default)]
pub(super) enum List {
    /// It was not read: it is not there yet, or longer than is looked at.
    #[default]
    NotRead,
    /// There is none.
    Absent,
    /// It was read; bytes that follow it are counted.
    Read(NvList, usize),
    /// It is no list.
    Malformed(NvError),
}

/// A BEGIN and its list.
#[derive(Clone, Debug)]
pub(super) struct Context {
    begin: Begin<LE>,
    /// Shared, because a package's may be large.
    list: Arc<List>,
}

impl Default for Context {
    fn default() -> Self {
        Self { begin: Begin::new_zeroed(), list: Arc::default() }
    }
}

impl Context {
    pub(super) fn new(begin: &Begin<LE>) -> Self {
        Self { begin: *begin, list: Arc::default() }
    }

    /// Takes the list in; `None` if it is longer than is looked at.
    pub(super) fn read_list(&mut self, bytes: Option<&[u8]>, _: &Keys) {
        self.list = Arc::new(match bytes {
            None => List::NotRead,
            Some([]) => List::Absent,
            Some(bytes) => match NvList::decode_within(bytes, LIST_MEMORY) {
                Ok((list, _, used)) => List::Read(list, bytes.len() - used),
                Err(error) => List::Malformed(error),
            },
        });
    }

    /// The BEGIN; zeros before the first.
    pub(super) const fn begin(&self) -> &Begin<LE> {
        &self.begin
    }

    /// The list as it was read.
    pub(super) fn list(&self) -> &List {
        &self.list
    }

    /// The list, if there is one that can be read.
    pub(super) fn nvlist(&self) -> Option<&NvList> {
        match &*self.list {
            List::Read(list, ..) => Some(list),
            List::NotRead | List::Absent | List::Malformed(_) => None,
        }
    }

    /// Guid of the sent snapshot.
    pub(super) const fn toguid(&self) -> u64 {
        self.begin.toguid.get()
    }

    pub(super) fn features(&self) -> Features {
        self.begin.features()
    }

    /// True if the stream has these features.
    pub(super) fn has(&self, features: Features) -> bool {
        self.features().contains(features)
    }

    pub(super) fn is_raw(&self) -> bool {
        self.has(Features::RAW)
    }

    pub(super) fn flags(&self) -> BeginFlags {
        self.begin.flags()
    }

    /// Position at which a resumed stream goes on: object, and offset in bytes.
    pub(super) fn resumed_at(&self) -> Option<(u64, u64)> {
        let list = self.nvlist()?;
        list.u64("resume_object").zip(list.u64("resume_offset"))
    }

    /// True if the stream may hold blocks of objects that it does not announce: those that an earlier stream
    /// had redacted.
    pub(super) fn fills_redacted(&self) -> bool {
        self.nvlist().is_some_and(|list| list.contains("redact_from_snaps"))
    }
}
