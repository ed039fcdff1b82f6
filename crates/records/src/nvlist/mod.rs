//! Name-value lists, packed as `libnvpair` packs them: in native order or in XDR.
//!
//! ```
//! use zsend_records::nvlist::{Encoding, NvList, NvValue};
//!
//! let mut list = NvList::new();
//! list.insert("resume_object", NvValue::Uint64(7));
//! list.insert("raw", NvValue::Boolean);
//! let packed = list.encode(Encoding::Native)?;
//! let (read, encoding) = NvList::decode(&packed)?;
//! assert_eq!(read.u64("resume_object"), Some(7));
//! assert!(read.contains("raw"));
//! assert_eq!((read, encoding), (list, Encoding::Native));
//! # Ok::<(), zsend_records::nvlist::NvError>(())
//! ```

mod build;
mod cursor;
mod encoding;
mod error;
mod native;
mod packed;
mod value;
mod visit;
mod xdr;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
pub use encoding::Encoding;
pub use error::NvError;
pub use value::{NvString, NvType, NvValue};
pub use visit::{NvCheck, NvElement, NvSource, NvVisitor, STRETCH, visit, visit_prefix};

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use build::Builder;
use core::fmt;
use packed::Packed;

/// Deepest nesting of lists; `libnvpair` has the same limit.
pub const MAX_DEPTH: usize = 100;
/// Bytes of memory that reading a list may take. The least pairs, strings and lists take several
/// times their packed bytes, so the packed size alone bounds nothing. A list that names half a million
/// snapshots takes less.
pub const MAX_MEMORY: usize = 256 << 20;
/// Longest name in bytes, its NUL not counted: its size is packed in 16 bits.
pub const MAX_NAME: usize = i16::MAX as usize - 1;

/// `NV_UNIQUE_NAME`, the flag of every list in a pool or a stream.
pub const UNIQUE_NAME: u32 = 1;
/// Up to this many pairs a list is searched without an index.
const UNINDEXED: usize = 8;

/// An ordered list of named values; a name occurs once.
#[derive(Clone)]
pub struct NvList {
    pairs: Vec<(Arc<str>, NvValue)>,
    /// Index of each name in `pairs`; `None` while the list is short. Most lists are, and are small
    /// for it.
    #[expect(clippy::box_collection, reason = "a list without an index is a third of the size")]
    index: Option<Box<BTreeMap<Arc<str>, usize>>>,
    flags: u32,
}

impl Default for NvList {
    fn default() -> Self {
        Self::with_flags(UNIQUE_NAME)
    }
}

impl PartialEq for NvList {
    fn eq(&self, other: &Self) -> bool {
        (self.flags, &self.pairs) == (other.flags, &other.pairs)
    }
}

impl fmt::Debug for NvList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl NvList {
    /// A list of nothing, with the flag [`UNIQUE_NAME`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A list of nothing, with these flags. Names occur once whatever they say.
    pub const fn with_flags(flags: u32) -> Self {
        Self { pairs: Vec::new(), index: None, flags }
    }

    /// The list's flags, `nvl_nvflag`: [`UNIQUE_NAME`], or what it was read with.
    ///
    /// Every number is read, as by `libnvpair`, and packed again. Source: OpenZFS `module/nvpair/nvpair.c`,
    /// `nvs_operation()` and `nvs_embedded()`, zfs-2.3.2, which look at none of its bits.
    pub const fn flags(&self) -> u32 {
        self.flags
    }

    /// Appends a pair; one of the same name is removed first, as from a `NV_UNIQUE_NAME` list.
    ///
    /// A name is taken up to its first NUL. One longer than [`MAX_NAME`] can be looked up, but a
    /// list with it cannot be packed.
    pub fn insert(&mut self, name: impl Into<String>, value: NvValue) {
        let mut name: String = name.into();
        if let Some(nul) = name.find('\0') {
            name.truncate(nul);
        }
        if let Some(at) = self.position(&name) {
            self.pairs.remove(at);
            if let Some(index) = &mut self.index {
                index.remove(name.as_str());
                for place in index.values_mut().filter(|place| **place > at) {
                    *place -= 1;
                }
            }
        }
        self.push(name.into(), value);
    }

    /// Appends a pair whose name is not in the list.
    fn push(&mut self, name: Arc<str>, value: NvValue) {
        if let Some(index) = &mut self.index {
            index.insert(Arc::clone(&name), self.pairs.len());
        }
        self.pairs.push((name, value));
        if self.index.is_none() && self.pairs.len() > UNINDEXED {
            self.index = Some(Box::new(Self::index_of(&self.pairs)));
        }
    }

    /// Returns the index of each name; of two places the later.
    fn index_of(pairs: &[(Arc<str>, NvValue)]) -> BTreeMap<Arc<str>, usize> {
        pairs.iter().enumerate().map(|(at, (name, _))| (Arc::clone(name), at)).collect()
    }

    /// A list of these pairs; of two with one name the later stays, in its place.
    fn from_pairs(flags: u32, mut pairs: Vec<(Arc<str>, NvValue)>) -> Self {
        let later = |i: usize| pairs[i + 1..].iter().any(|(name, _)| *name == pairs[i].0);
        if pairs.len() <= UNINDEXED && !(0..pairs.len()).any(later) {
            return Self { pairs, index: None, flags };
        }
        let mut index = Self::index_of(&pairs);
        if index.len() < pairs.len() {
            let mut at = 0..;
            pairs.retain(|(name, _)| index.get(name).copied() == at.next());
            index = Self::index_of(&pairs);
        }
        let index = (pairs.len() > UNINDEXED).then(|| Box::new(index));
        Self { pairs, index, flags }
    }

    fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            None => self.pairs.iter().position(|(n, _)| **n == *name),
            Some(index) => index.get(name).copied(),
        }
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&NvValue> {
        self.position(name).and_then(|at| self.pairs.get(at)).map(|(_, value)| value)
    }

    /// Returns true if there is a pair of that name, of any type.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &NvValue)> {
        self.pairs.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Returns true if there is no pair.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The value of that name, if it is a [`NvValue::Uint64`].
    pub fn u64(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(NvValue::Uint64(v)) => Some(*v),
            _ => None,
        }
    }

    /// The value of that name, if it is a string, and UTF-8.
    pub fn str(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(NvValue::String(v)) => v.as_str(),
            _ => None,
        }
    }

    /// The value of that name, if it is a list.
    pub fn list(&self, name: &str) -> Option<&NvList> {
        match self.get(name) {
            Some(NvValue::List(v)) => Some(v),
            _ => None,
        }
    }

    /// The value of that name, if it is an array of lists.
    pub fn list_array(&self, name: &str) -> Option<&[NvList]> {
        match self.get(name) {
            Some(NvValue::ListArray(v)) => Some(v),
            _ => None,
        }
    }

    /// The value of that name, if it is a [`NvValue::Uint64Array`].
    pub fn u64_array(&self, name: &str) -> Option<&[u64]> {
        match self.get(name) {
            Some(NvValue::Uint64Array(v)) => Some(v),
            _ => None,
        }
    }

    /// The value of that name, if it is a [`NvValue::Uint8Array`] or [`NvValue::ByteArray`].
    pub fn u8_array(&self, name: &str) -> Option<&[u8]> {
        match self.get(name) {
            Some(NvValue::Uint8Array(v) | NvValue::ByteArray(v)) => Some(v),
            _ => None,
        }
    }

    /// Reads a packed list that fills `data`, but for zeros after it.
    ///
    /// # Errors
    /// As [`NvList::decode_prefix`], and when what follows the list is not zero.
    pub fn decode(mut data: &[u8]) -> Result<(Self, Encoding), NvError> {
        let mut builder = Builder::within(MAX_MEMORY);
        let encoding = visit(&mut data, &mut builder)?;
        Ok((builder.finish(), encoding))
    }

    /// Reads a packed list at the start of `data`; the number is the bytes that it takes.
    ///
    /// The encoding is one with signed bytes only where that makes a difference.
    ///
    /// Memory is bounded by [`MAX_MEMORY`], whatever the bytes say. Of two pairs with one name, which
    /// no writer of streams or pools makes, the later stays.
    ///
    /// # Errors
    /// If the bytes end early, a size or type is not what it can be, a name or a truth value is
    /// malformed, lists are nested deeper than [`MAX_DEPTH`], or the list would take more than
    /// [`MAX_MEMORY`].
    pub fn decode_prefix(data: &[u8]) -> Result<(Self, Encoding, usize), NvError> {
        Self::decode_within(data, MAX_MEMORY)
    }

    /// As [`NvList::decode_prefix`], in `memory` bytes at the most.
    ///
    /// # Errors
    /// As [`NvList::decode_prefix`].
    pub fn decode_within(
        mut data: &[u8],
        memory: usize,
    ) -> Result<(Self, Encoding, usize), NvError> {
        let mut builder = Builder::within(memory);
        let (encoding, used) = visit_prefix(&mut data, &mut builder)?;
        Ok((builder.finish(), encoding, used))
    }

    /// Packs the list, without padding after it.
    ///
    /// # Errors
    /// If nobody could read it: a name is longer than [`MAX_NAME`], a size or count does not fit a C `int`, or
    /// lists are nested deeper than [`MAX_DEPTH`].
    pub fn encode(&self, encoding: Encoding) -> Result<Vec<u8>, NvError> {
        use native::NativePacker as Native;
        use xdr::XdrPacker as Xdr;
        let out = Packed { bytes: encoding.header().to_vec(), fault: None };
        let out = match encoding {
            Encoding::Native => Native { out, big: false }.outer_list(self),
            Encoding::NativeBig => Native { out, big: true }.outer_list(self),
            Encoding::Xdr | Encoding::XdrBig => Xdr { out, signed: false }.outer_list(self),
            Encoding::XdrSigned | Encoding::XdrSignedBig => {
                Xdr { out, signed: true }.outer_list(self)
            }
        };
        out.fault.map_or(Ok(out.bytes), Err)
    }
}

/// A name as it is packed, its NUL not with it.
fn checked_name(bytes: &[u8], offset: usize) -> Result<&str, NvError> {
    if let Some(nul) = bytes.iter().position(|&byte| byte == 0) {
        return Err(NvError::Invalid {
            offset: offset + nul,
            what: "byte in a name",
            found: 0,
            expected: "not zero",
        });
    }
    core::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        NvError::Invalid {
            offset: offset + at,
            what: "byte in a name",
            found: bytes.get(at).copied().unwrap_or_default().into(),
            expected: "UTF-8",
        }
    })
}

fn unknown_type(found: NvType, offset: usize) -> NvError {
    NvError::Invalid {
        offset,
        what: "type of the pair with its value here",
        found: found.0.into(),
        expected: "1 to 27",
    }
}

#[cfg(test)]
mod tests;
