//! Any bytes as a packed nvlist.
//!
//! A list that is accepted can be packed in every encoding, and what was packed reads the same. In its own encoding
//! it becomes what it was, but for the bytes that no reader looks at: see `Read`.

use zsend_records::nvlist::{self, Encoding, NvCheck, NvError, NvList, NvValue};

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let checked = nvlist::visit_prefix(&mut &*bytes, &mut NvCheck);
    let (list, found, used) = match NvList::decode_prefix(bytes) {
        Ok(read) => read,
        // Who keeps nothing reads what is too large to be kept.
        Err(NvError::TooLarge { .. }) => return,
        Err(error) => return assert_eq!(checked, Err(error)),
    };
    assert_eq!(checked, Ok((found, used)));
    assert!(used <= bytes.len());
    for encoding in Encoding::ALL {
        let packed = list.encode(encoding).expect("what was read can be packed");
        let (again, _) = NvList::decode(&packed).expect("a packed list can be read");
        assert_eq!(again.encode(encoding).as_ref(), Ok(&packed), "{encoding:?}");
        if encoding == found {
            is_as_it_was(&bytes[..used], &packed, &list, encoding);
        }
    }
    let mut text = Vec::new();
    zsend_stream::dump::nvlist_text(&mut text, &list).expect("memory does not fail");
    text.clear();
    zsend_stream::dump::nvlist_json(&mut text, &list).expect("memory does not fail");
    serde_json::from_slice::<serde_json::Value>(&text).expect("it is JSON");
}

/// Fails if a byte that readers look at is another than it was.
fn is_as_it_was(was: &[u8], packed: &[u8], list: &NvList, encoding: Encoding) {
    assert!(packed.len() <= was.len(), "a list does not grow");
    // Of two pairs with one name the reader keeps the later, as a list of unique names does.
    if packed.len() < was.len() {
        return;
    }
    let read = Read::of(list, encoding);
    assert!(read.0.len() <= packed.len());
    for (at, _) in read.0.iter().enumerate().filter(|(_, is_read)| **is_read) {
        assert_eq!(was[at], packed[at], "byte {at} of a list in {encoding:?}");
    }
}

/// Bytes of a packed list, each true if a reader looks at it. The others are zero, or in XDR what follows from the
/// rest: padding and the room for pointers, the size that a pair has once it is unpacked, the extension of a byte or
/// a short to four bytes, and what lies behind the list. A list with other ones is not as a writer packs it.
struct Read(Vec<bool>);

impl Read {
    fn of(list: &NvList, encoding: Encoding) -> Self {
        let mut read = Self(vec![true, true, false, false]);
        if encoding.is_xdr() {
            read.xdr(list);
        } else {
            read.some(8);
            read.native(list);
        }
        read
    }

    fn some(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, true);
    }

    fn free(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, false);
    }

    fn pad(&mut self, start: usize, unit: usize) {
        let len = self.0.len() - start;
        self.free(len.next_multiple_of(unit) - len);
    }

    fn native(&mut self, list: &NvList) {
        for (name, value) in list.iter() {
            let start = self.0.len();
            self.some(6);
            self.free(2);
            self.some(8 + name.len() + 1);
            self.pad(start, 8);
            match value {
                NvValue::List(_) => self.list_struct(),
                NvValue::ListArray(lists) => {
                    self.free(8 * lists.len());
                    lists.iter().for_each(|_| self.list_struct());
                }
                NvValue::StringArray(strings) => {
                    self.free(8 * strings.len());
                    strings.iter().for_each(|s| self.some(s.as_bytes().len() + 1));
                }
                NvValue::String(s) => self.some(s.as_bytes().len() + 1),
                other => self.some(width(other) * other.elements()),
            }
            self.pad(start, 8);
            lists_in(value).iter().for_each(|inner| self.native(inner));
        }
        self.some(4);
    }

    /// An `nvlist_t`: behind its version and flags, what a process has in memory.
    fn list_struct(&mut self) {
        self.some(8);
        self.free(16);
    }

    fn xdr(&mut self, list: &NvList) {
        self.some(8);
        for (name, value) in list.iter() {
            self.some(4);
            self.free(4);
            self.xdr_string(name.as_bytes());
            self.some(8);
            match value {
                NvValue::List(_) | NvValue::ListArray(_) => {
                    lists_in(value).iter().for_each(|inner| self.xdr(inner));
                }
                NvValue::String(s) => self.xdr_string(s.as_bytes()),
                NvValue::StringArray(all) => all.iter().for_each(|s| self.xdr_string(s.as_bytes())),
                NvValue::ByteArray(bytes) => {
                    let start = self.0.len();
                    self.some(bytes.len());
                    self.pad(start, 4);
                }
                other => {
                    let has_count = other.nv_type().is_array() && other.elements() > 0;
                    self.some(if has_count { 4 } else { 0 });
                    for _ in 0..other.elements() {
                        self.free(4_usize.saturating_sub(width(other)));
                        self.some(width(other));
                    }
                }
            }
        }
        self.some(8);
    }

    fn xdr_string(&mut self, bytes: &[u8]) {
        self.some(4);
        let start = self.0.len();
        self.some(bytes.len());
        self.pad(start, 4);
    }
}

fn lists_in(value: &NvValue) -> &[NvList] {
    match value {
        NvValue::List(list) => std::slice::from_ref(list),
        NvValue::ListArray(lists) => lists,
        _ => &[],
    }
}

/// Bytes of an element in memory.
fn width(value: &NvValue) -> usize {
    match value {
        NvValue::Boolean
        | NvValue::String(_)
        | NvValue::StringArray(_)
        | NvValue::List(_)
        | NvValue::ListArray(_) => 0,
        NvValue::Byte(_) | NvValue::Int8(_) | NvValue::Uint8(_) => 1,
        NvValue::ByteArray(_) | NvValue::Int8Array(_) | NvValue::Uint8Array(_) => 1,
        NvValue::Int16(_) | NvValue::Uint16(_) => 2,
        NvValue::Int16Array(_) | NvValue::Uint16Array(_) => 2,
        NvValue::Int32(_) | NvValue::Uint32(_) | NvValue::BooleanValue(_) => 4,
        NvValue::Int32Array(_) | NvValue::Uint32Array(_) | NvValue::BooleanArray(_) => 4,
        NvValue::Int64(_) | NvValue::Uint64(_) | NvValue::HrTime(_) | NvValue::Double(_) => 8,
        NvValue::Int64Array(_) | NvValue::Uint64Array(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of each type that has bytes nobody reads.
    fn list() -> NvList {
        let mut list = NvList::with_flags(2);
        for (name, value) in [
            ("a", NvValue::Byte(0x85)),
            ("shorts", NvValue::Int16Array(vec![-2, 3])),
            ("strings", NvValue::StringArray(vec!["one".into(), "".into()])),
            ("none", NvValue::Uint64Array(Vec::new())),
            ("bytes", NvValue::ByteArray(vec![1, 2, 3, 4, 5])),
            ("list", NvValue::List(NvList::with_flags(0))),
            ("lists", NvValue::ListArray(vec![NvList::new(), NvList::with_flags(3)])),
        ] {
            list.insert(name, value);
        }
        list
    }

    #[test]
    fn a_byte_is_read_if_another_one_makes_another_list_or_none() {
        let list = list();
        for encoding in Encoding::ALL {
            let packed = list.encode(encoding).expect("a short list");
            check(&packed);
            let read = Read::of(&list, encoding);
            for at in 4..packed.len() {
                let mut other = packed.clone();
                other[at] ^= 0x10;
                let same = NvList::decode_prefix(&other).is_ok_and(|(read, ..)| read == list);
                // An extension may be of zeros or of ones, and of nothing else.
                let is_read = read.0.get(at).copied().unwrap_or(false);
                assert!(!is_read || !same, "byte {at} in {encoding:?}");
                check(&other);
            }
        }
    }
}
