//! The native encoding: pairs as the C structs that they are in memory, aligned to eight bytes.
//!
//! Source: OpenZFS `module/nvpair/nvpair.c`, `nvs_native_*`, zfs-2.3.2. A list in a list is a pair
//! with an empty `nvlist_t` as its value; the inner pairs and their end follow after that pair.

use super::cursor::Cursor;
use super::value::{LIST_STRUCT, POINTER};
use super::visit::{NvElement, NvVisitor, STRETCH};
use super::{MAX_DEPTH, NvError, NvList, NvSource, NvString, NvType, NvValue, Packed};
use alloc::vec::Vec;

/// Bytes of a pair before its name.
const PAIR_HEAD: usize = 16;

const fn align8(len: usize) -> usize {
    len.saturating_add(7) & !7
}

/// Reads the list at the cursor, which is just past the four-byte header.
pub(super) fn outer_list<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let flags = at.list_head()?;
    list(at, flags, 0, visitor)
}

/// Reads a list with these flags: its pairs, up to their end marker.
fn list<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    flags: u32,
    depth: usize,
    visitor: &mut V,
) -> Result<(), V::Error> {
    if depth >= MAX_DEPTH {
        return Err(NvError::TooDeep { offset: at.pos, limit: MAX_DEPTH }.into());
    }
    visitor.list(flags, at.pos)?;
    loop {
        let start = at.pos;
        let size = at.count("pair size")?;
        if size == 0 {
            return visitor.list_end();
        }
        let end = at.enter_pair(start, size)?;
        let lists = read_pair(at, start, visitor)?;
        at.leave_pair(end);
        let expected = align8(at.pos - start);
        if size != expected {
            return Err(NvError::PairSize {
                offset: start,
                found: size as u64,
                expected: expected as u64,
            }
            .into());
        }
        at.pos = start + size;
        for flags in lists {
            list(at, flags, depth + 1, visitor)?;
        }
        visitor.pair_end()?;
    }
}

/// Reads the pair that begins at `start`, but not the pairs of lists in it: those come behind it. Returns the flags of
/// each of these lists.
fn read_pair<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    start: usize,
    visitor: &mut V,
) -> Result<Vec<u32>, V::Error> {
    let name_offset = at.pos;
    let name_size = u16::from_be_bytes(at.int("name size")?);
    at.skip(2, "pair")?;
    if name_size == 0 || name_size > i16::MAX as u16 {
        return Err(NvError::Invalid {
            offset: name_offset,
            what: "name size",
            found: name_size.into(),
            expected: "1 to 32767",
        }
        .into());
    }
    let name_size = usize::from(name_size);
    let elements_offset = at.pos;
    let elements = at.count("number of elements")?;
    let nv_type = NvType(at.u32("pair type")?);
    let name_at = at.pos;
    let name = name(at.bytes(name_size, "name")?, name_at)?;
    check_elements(nv_type, elements, elements_offset)?;
    visitor.pair(name, nv_type, elements, name_offset)?;
    at.pos = start + align8(PAIR_HEAD + name_size);
    value(at, nv_type, elements, visitor)
}

/// Returns the name of bytes that end with its NUL, and lie at an offset.
fn name(bytes: &[u8], offset: usize) -> Result<&str, NvError> {
    match bytes.split_last() {
        Some((0, name)) => super::checked_name(name, offset),
        last => Err(NvError::Invalid {
            offset: offset + bytes.len().saturating_sub(1),
            what: "last byte of name",
            found: last.map_or(0, |(byte, _)| u64::from(*byte)),
            expected: "0",
        }),
    }
}

/// Checks the element count of what is not an array; arrays may have any.
pub(super) fn check_elements(
    nv_type: NvType,
    elements: usize,
    offset: usize,
) -> Result<(), NvError> {
    let (right, expected) = match nv_type {
        NvType::BOOLEAN => (elements == 0, "0"),
        array if array.is_array() => (true, ""),
        _ => (elements == 1, "1"),
    };
    if right {
        return Ok(());
    }
    Err(NvError::Invalid { offset, what: "number of elements", found: elements as u64, expected })
}

/// Reads a value; returns the flags of the lists that are its elements.
fn value<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    nv_type: NvType,
    n: usize,
    visitor: &mut V,
) -> Result<Vec<u32>, V::Error> {
    use NvElement as E;
    use NvType as T;
    // One value is read as an array of one.
    match nv_type {
        T::BOOLEAN => visitor.element(E::Boolean, at.pos)?,
        T::BYTE => ints(at, (n, "byte"), visitor, |b| E::Byte(u8::from_be_bytes(b)))?,
        T::INT8 | T::INT8_ARRAY => {
            ints(at, (n, "int8"), visitor, |b| E::Int8(i8::from_be_bytes(b)))?
        }
        T::UINT8 => ints(at, (n, "uint8"), visitor, |b| E::Uint8(u8::from_be_bytes(b)))?,
        T::INT16 | T::INT16_ARRAY => {
            ints(at, (n, "int16"), visitor, |b| E::Int16(i16::from_be_bytes(b)))?
        }
        T::UINT16 | T::UINT16_ARRAY => {
            ints(at, (n, "uint16"), visitor, |b| E::Uint16(u16::from_be_bytes(b)))?
        }
        T::INT32 | T::INT32_ARRAY => {
            ints(at, (n, "int32"), visitor, |b| E::Int32(i32::from_be_bytes(b)))?
        }
        T::UINT32 | T::UINT32_ARRAY => {
            ints(at, (n, "uint32"), visitor, |b| E::Uint32(u32::from_be_bytes(b)))?
        }
        T::INT64 | T::INT64_ARRAY => {
            ints(at, (n, "int64"), visitor, |b| E::Int64(i64::from_be_bytes(b)))?
        }
        T::UINT64 | T::UINT64_ARRAY => {
            ints(at, (n, "uint64"), visitor, |b| E::Uint64(u64::from_be_bytes(b)))?
        }
        T::HRTIME => ints(at, (n, "hrtime"), visitor, |b| E::HrTime(i64::from_be_bytes(b)))?,
        T::DOUBLE => ints(at, (n, "double"), visitor, |b| E::Double(f64::from_be_bytes(b)))?,
        T::BYTE_ARRAY => at.tell_bytes(n, "byte array", visitor)?,
        T::UINT8_ARRAY => at.tell_bytes(n, "uint8 array", visitor)?,
        T::BOOLEAN_VALUE | T::BOOLEAN_ARRAY => {
            at.room(n, 4, "boolean")?;
            at.tell_each(n, visitor, |at| boolean(at).map(E::BooleanValue))?;
        }
        T::STRING => string(at, visitor)?,
        T::STRING_ARRAY => {
            at.room(n, POINTER + 1, "string array")?;
            at.skip(n * POINTER, "string array")?;
            (0..n).try_for_each(|_| string(at, visitor))?;
        }
        T::NVLIST => return Ok(lists(at, 1)?),
        T::NVLIST_ARRAY => {
            at.room(n, POINTER + LIST_STRUCT, "list array")?;
            at.skip(n * POINTER, "list array")?;
            return Ok(lists(at, n)?);
        }
        other => return Err(super::unknown_type(other, at.pos).into()),
    }
    Ok(Vec::new())
}

/// Reads the flags of `count` structs `nvlist_t`.
fn lists<S: NvSource>(at: &mut Cursor<'_, S>, count: usize) -> Result<Vec<u32>, NvError> {
    at.room(count, LIST_STRUCT, "embedded list")?;
    let flags = (0..count).map(|_| {
        let start = at.pos;
        let flags = at.list_head()?;
        at.pos = start + LIST_STRUCT;
        Ok(flags)
    });
    flags.collect()
}

/// Tells a visitor the integers of an array.
fn ints<S: NvSource, V: NvVisitor, const N: usize>(
    at: &mut Cursor<'_, S>,
    (count, what): (usize, &'static str),
    visitor: &mut V,
    from: fn([u8; N]) -> NvElement<'static>,
) -> Result<(), V::Error> {
    at.room(count, N, what)?;
    at.tell_each(count, visitor, |at| at.int(what).map(from))
}

/// Reads a string up to its NUL.
fn string<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let (start, have) = (at.pos, at.left() as u64);
    loop {
        let some = at.left().min(STRETCH);
        if some == 0 {
            let what = "string with its NUL";
            return Err(NvError::Truncated { offset: start, what, need: have + 1, have }.into());
        }
        let from = at.pos;
        let bytes = at.bytes(some, "string")?;
        let nul = bytes.iter().position(|&byte| byte == 0);
        let text = &bytes[..nul.unwrap_or(bytes.len())];
        visitor.element(NvElement::Text(text), from + text.len())?;
        if let Some(nul) = nul {
            at.pos = from + nul + 1;
            return visitor.element(NvElement::TextEnd, at.pos);
        }
    }
}

/// A C `boolean_t`: four bytes, zero or one.
pub(super) fn boolean<S: NvSource>(at: &mut Cursor<'_, S>) -> Result<bool, NvError> {
    let offset = at.pos;
    match at.u32("boolean")? {
        0 => Ok(false),
        1 => Ok(true),
        found => Err(NvError::Invalid {
            offset,
            what: "boolean",
            found: found.into(),
            expected: "0 or 1",
        }),
    }
}

/// Packs a list behind `out`.
pub(super) struct NativePacker {
    pub(super) out: Packed,
    /// Integers are big-endian.
    pub(super) big: bool,
}

impl NativePacker {
    pub(super) fn outer_list(mut self, list: &NvList) -> Packed {
        self.list_head(list);
        self.pairs(list, 0);
        self.out
    }

    fn list_head(&mut self, list: &NvList) {
        self.u32(0);
        self.u32(list.flags());
    }

    fn int<const N: usize>(&mut self, mut big: [u8; N]) {
        if !self.big {
            big.reverse();
        }
        self.put(&big);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.bytes.extend_from_slice(bytes);
    }

    fn u32(&mut self, v: u32) {
        self.int(v.to_be_bytes());
    }

    fn size(&mut self, v: usize, what: &'static str) {
        let v = self.out.int(v, what);
        self.int(v.to_be_bytes());
    }

    /// Fills up to this length.
    fn fill(&mut self, len: usize) {
        self.out.bytes.resize(len, 0);
    }

    fn pad_from(&mut self, start: usize) {
        self.fill(start + align8(self.out.bytes.len() - start));
    }

    fn pairs(&mut self, list: &NvList, depth: usize) {
        if !self.out.is_within(depth) {
            return;
        }
        for (name, value) in list.iter() {
            let start = self.out.bytes.len();
            let size = align8(PAIR_HEAD + name.len() + 1) + align8(value.native_size());
            self.size(size, "size of a pair");
            let name_size = self.out.name_size(name);
            self.int(name_size.to_be_bytes());
            self.int(0i16.to_be_bytes());
            self.size(value.elements(), "number of elements");
            self.u32(value.nv_type().0);
            self.put(name.as_bytes());
            self.put(&[0]);
            self.pad_from(start);
            self.value(value);
            self.pad_from(start);
            match value {
                NvValue::List(inner) => self.pairs(inner, depth + 1),
                NvValue::ListArray(lists) => {
                    lists.iter().for_each(|inner| self.pairs(inner, depth + 1));
                }
                _ => {}
            }
        }
        self.u32(0);
    }

    fn array<T: Copy, const N: usize>(&mut self, values: &[T], to: fn(T) -> [u8; N]) {
        values.iter().for_each(|&v| self.int(to(v)));
    }

    fn string(&mut self, s: &NvString) {
        self.put(s.as_bytes());
        self.put(&[0]);
    }

    /// Room for the pointers of as many strings or lists.
    fn pointers(&mut self, count: usize) {
        self.fill(self.out.bytes.len() + count * POINTER);
    }

    fn list_struct(&mut self, list: &NvList) {
        let start = self.out.bytes.len();
        self.list_head(list);
        self.fill(start + LIST_STRUCT);
    }

    fn value(&mut self, value: &NvValue) {
        match value {
            NvValue::Boolean => {}
            NvValue::Byte(v) | NvValue::Uint8(v) => self.put(&[*v]),
            NvValue::Int8(v) => self.int(v.to_be_bytes()),
            NvValue::Int16(v) => self.int(v.to_be_bytes()),
            NvValue::Uint16(v) => self.int(v.to_be_bytes()),
            NvValue::Int32(v) => self.int(v.to_be_bytes()),
            NvValue::Uint32(v) => self.u32(*v),
            NvValue::Int64(v) | NvValue::HrTime(v) => self.int(v.to_be_bytes()),
            NvValue::Uint64(v) => self.int(v.to_be_bytes()),
            NvValue::Double(v) => self.int(v.to_be_bytes()),
            NvValue::BooleanValue(v) => self.u32((*v).into()),
            NvValue::String(s) => self.string(s),
            NvValue::ByteArray(v) | NvValue::Uint8Array(v) => self.put(v),
            NvValue::Int8Array(v) => self.array(v, i8::to_be_bytes),
            NvValue::Int16Array(v) => self.array(v, i16::to_be_bytes),
            NvValue::Uint16Array(v) => self.array(v, u16::to_be_bytes),
            NvValue::Int32Array(v) => self.array(v, i32::to_be_bytes),
            NvValue::Uint32Array(v) => self.array(v, u32::to_be_bytes),
            NvValue::Int64Array(v) => self.array(v, i64::to_be_bytes),
            NvValue::Uint64Array(v) => self.array(v, u64::to_be_bytes),
            NvValue::BooleanArray(v) => v.iter().for_each(|&b| self.u32(b.into())),
            NvValue::StringArray(v) => {
                self.pointers(v.len());
                v.iter().for_each(|s| self.string(s));
            }
            NvValue::List(list) => self.list_struct(list),
            NvValue::ListArray(v) => {
                self.pointers(v.len());
                v.iter().for_each(|list| self.list_struct(list));
            }
        }
    }
}
