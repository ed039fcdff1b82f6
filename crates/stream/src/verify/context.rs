//! A stream as its BEGIN announces it: what the records behind it may be.

use crate::begin_list::{BeginList, ListError, begin_list};
use crate::raw::Keys;
use crate::segment::resumed_at;
use std::sync::Arc;
use zsend_crypto::{CryptoError, DatasetKey};
use zsend_records::drr::Begin;
use zsend_records::flags::{BeginFlags, Features};
use zsend_records::nvlist::{NvError, NvList};
use zsend_records::zerocopy::FromZeros;
use zsend_records::zerocopy::byteorder::LE;

/// The list behind a BEGIN.
#[derive(Clone, Debug, Default)]
pub(super) enum List {
    /// It is not there yet.
    #[default]
    NotRead,
    /// It is longer than is looked at, or takes more memory.
    TooLarge,
    /// There is none.
    Absent,
    /// It was read; bytes that follow it are counted, and those among them that are not zero.
    Read(NvList, usize, usize),
    /// It is no list.
    Malformed(NvError),
}

/// A BEGIN and its list.
#[derive(Clone, Debug)]
pub(super) struct Context {
    begin: Begin<LE>,
    /// Shared, because a package's may be large.
    list: Arc<List>,
    /// Keys of a raw stream, if the user's are of its dataset, or why they do not open.
    key: Option<Result<Arc<DatasetKey>, CryptoError>>,
}

impl Default for Context {
    fn default() -> Self {
        Self::new(&Begin::new_zeroed())
    }
}

impl Context {
    pub(super) fn new(begin: &Begin<LE>) -> Self {
        Self { begin: *begin, list: Arc::default(), key: None }
    }

    /// Takes the list in; `None` if it is longer than is looked at.
    pub(super) fn read_list(&mut self, bytes: Option<&[u8]>, keys: &Keys) {
        self.list = Arc::new(match bytes {
            None => List::TooLarge,
            Some(bytes) => match begin_list(bytes) {
                Ok(None) => List::Absent,
                Ok(Some(BeginList { list, used, .. })) => {
                    let rest = &bytes[used..];
                    List::Read(list, rest.len(), rest.iter().filter(|&&byte| byte != 0).count())
                }
                Err(ListError::TooLarge { .. }) => List::TooLarge,
                Err(ListError::Malformed(error)) => List::Malformed(error),
            },
        });
        if let (true, List::Read(list, ..)) = (self.is_raw(), &*self.list) {
            self.key = keys.open(&String::from_utf8_lossy(self.begin.toname()), list);
        }
    }

    /// The keys of a raw stream, if the user's are of its dataset, or why they do not open.
    pub(super) const fn key(&self) -> Option<&Result<Arc<DatasetKey>, CryptoError>> {
        self.key.as_ref()
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
            List::NotRead | List::TooLarge | List::Absent | List::Malformed(_) => None,
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
        resumed_at(self.nvlist()?)
    }

    /// True if the stream may hold blocks of objects that it does not announce: those that an earlier stream
    /// had redacted.
    pub(super) fn fills_redacted(&self) -> bool {
        self.nvlist().is_some_and(|list| list.contains("redact_from_snaps"))
    }
}
