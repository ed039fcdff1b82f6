//! The native encoding: pairs as the C structs that they are in memory, aligned to eight bytes.
//!
//! Source: OpenZFS `module/nvpair/nvpair.c`, `nvs_native_*`, zfs-2.3.2. A list in a list is a pair
//! with an empty `nvlist_t` as its value; the inner pairs and their end follow after that pair.

use super::cursor::Cursor;
use super::value::{LIST_STRUCT, POINTER};
use super::{MAX_DEPTH, NvError, NvList, NvString, NvType, NvValue, PAIR_MEMORY, Packed};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Bytes of a pair before its name.
const PAIR_HEAD: usize = 16;

const fn align8(len: usize) -> usize {
    len.saturating_add(7) & !7
}

/// Reads the list at the cursor, which is just past the four-byte header.
pub(super) fn outer_list(at: &mut Cursor<'_>) -> Result<NvList, NvError> {
    let flags = at.list_head()?;
    pairs(at, flags, 0)
}

/// Reads the pairs of a list with these flags, up to their end marker.
fn pairs(at: &mut Cursor<'_>, flags: u32, depth: usize) -> Result<NvList, NvError> {
    if depth >= MAX_DEPTH {
        return Err(NvError::TooDeep { offset: at.pos, limit: MAX_DEPTH });
    }
    let mut pairs = Vec::new();
    loop {
        let start = at.pos;
        let size = at.count("pair size")?;
        if size == 0 {
            return Ok(NvList::from_pairs(flags, pairs));
        }
        at.pos = start;
        at.bytes(size, "pair")?;
        let mut pair = at.clone();
        pair.data = &at.data[..at.pos];
        pair.pos = start + 4;
        let (name, value_at, value) = read_pair(&mut pair, start)?;
        let value = match value {
            NvValue::List(empty) => NvValue::List(self::pairs(at, empty.flags(), depth + 1)?),
            NvValue::ListArray(mut lists) => {
                for list in &mut lists {
                    *list = self::pairs(at, list.flags(), depth + 1)?;
                }
                NvValue::ListArray(lists)
            }
            plain => plain,
        };
        let expected = value_at + align8(value.native_size());
        if size != expected {
            return Err(NvError::PairSize {
                offset: start,
                found: size as u64,
                expected: expected as u64,
            });
        }
        pairs.push((name, value));
    }
}

/// Reads one pair, but not the pairs of lists in it: those are left empty. The number is where
/// the value lies, from `start`, where the pair lies.
fn read_pair(at: &mut Cursor<'_>, start: usize) -> Result<(Arc<str>, usize, NvValue), NvError> {
    let name_offset = at.pos;
    let name_size = u16::from_be_bytes(at.int("name size")?);
    at.bytes(2, "pair")?;
    if name_size == 0 || name_size > i16::MAX as u16 {
        return Err(NvError::Invalid {
            offset: name_offset,
            what: "name size",
            found: name_size.into(),
            expected: "1 to 32767",
        });
    }
    let name_size = usize::from(name_size);
    at.charge(1, PAIR_MEMORY + name_size)?;
    let elements_offset = at.pos;
    let elements = at.count("number of elements")?;
    let nv_type = NvType(at.u32("pair type")?);
    let name = name(at, name_size)?;
    let value_at = align8(PAIR_HEAD + name_size);
    at.pos = start + value_at;
    check_elements(nv_type, elements, elements_offset)?;
    Ok((name, value_at, value(at, nv_type, elements)?))
}

fn name(at: &mut Cursor<'_>, size: usize) -> Result<Arc<str>, NvError> {
    let offset = at.pos;
    let bytes = at.bytes(size, "name")?;
    match bytes.split_last() {
        Some((0, name)) => super::checked_name(name, offset),
        last => Err(NvError::Invalid {
            offset: offset + size - 1,
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

fn value(at: &mut Cursor<'_>, nv_type: NvType, elements: usize) -> Result<NvValue, NvError> {
    Ok(match nv_type {
        NvType::BOOLEAN => NvValue::Boolean,
        NvType::BYTE => NvValue::Byte(u8::from_be_bytes(at.int("byte")?)),
        NvType::INT16 => NvValue::Int16(i16::from_be_bytes(at.int("int16")?)),
        NvType::UINT16 => NvValue::Uint16(u16::from_be_bytes(at.int("uint16")?)),
        NvType::INT32 => NvValue::Int32(i32::from_be_bytes(at.int("int32")?)),
        NvType::UINT32 => NvValue::Uint32(at.u32("uint32")?),
        NvType::INT64 => NvValue::Int64(i64::from_be_bytes(at.int("int64")?)),
        NvType::UINT64 => NvValue::Uint64(u64::from_be_bytes(at.int("uint64")?)),
        NvType::STRING => NvValue::String(string(at)?),
        NvType::BYTE_ARRAY => NvValue::ByteArray(bytes(at, elements, "byte array")?),
        NvType::INT16_ARRAY => NvValue::Int16Array(array(at, elements, i16::from_be_bytes)?),
        NvType::UINT16_ARRAY => NvValue::Uint16Array(array(at, elements, u16::from_be_bytes)?),
        NvType::INT32_ARRAY => NvValue::Int32Array(array(at, elements, i32::from_be_bytes)?),
        NvType::UINT32_ARRAY => NvValue::Uint32Array(array(at, elements, u32::from_be_bytes)?),
        NvType::INT64_ARRAY => NvValue::Int64Array(array(at, elements, i64::from_be_bytes)?),
        NvType::UINT64_ARRAY => NvValue::Uint64Array(array(at, elements, u64::from_be_bytes)?),
        NvType::STRING_ARRAY => {
            at.room(elements, POINTER + 1, "string array")?;
            at.charge(elements, 2 * size_of::<NvString>())?;
            at.bytes(elements * POINTER, "string array")?;
            let strings: Result<_, _> = (0..elements).map(|_| string(at)).collect();
            NvValue::StringArray(strings?)
        }
        NvType::HRTIME => NvValue::HrTime(i64::from_be_bytes(at.int("hrtime")?)),
        NvType::NVLIST => NvValue::List(list_struct(at)?),
        NvType::NVLIST_ARRAY => {
            at.room(elements, POINTER + LIST_STRUCT, "list array")?;
            at.charge(elements, 2 * size_of::<NvList>())?;
            at.bytes(elements * POINTER, "list array")?;
            let lists: Result<_, _> = (0..elements).map(|_| list_struct(at)).collect();
            NvValue::ListArray(lists?)
        }
        NvType::BOOLEAN_VALUE => NvValue::BooleanValue(boolean(at)?),
        NvType::INT8 => NvValue::Int8(i8::from_be_bytes(at.int("int8")?)),
        NvType::UINT8 => NvValue::Uint8(u8::from_be_bytes(at.int("uint8")?)),
        NvType::BOOLEAN_ARRAY => {
            at.room(elements, 4, "boolean array")?;
            at.charge(elements, 1)?;
            let values: Result<_, _> = (0..elements).map(|_| boolean(at)).collect();
            NvValue::BooleanArray(values?)
        }
        NvType::INT8_ARRAY => NvValue::Int8Array(array(at, elements, i8::from_be_bytes)?),
        NvType::UINT8_ARRAY => NvValue::Uint8Array(bytes(at, elements, "uint8 array")?),
        NvType::DOUBLE => NvValue::Double(f64::from_be_bytes(at.int("double")?)),
        other => return Err(super::unknown_type(other, at.pos)),
    })
}

/// An `nvlist_t` without its pairs.
fn list_struct(at: &mut Cursor<'_>) -> Result<NvList, NvError> {
    let flags = at.clone().list_head()?;
    at.bytes(LIST_STRUCT, "embedded list")?;
    Ok(NvList::with_flags(flags))
}

fn array<T, const N: usize>(
    at: &mut Cursor<'_>,
    elements: usize,
    from: fn([u8; N]) -> T,
) -> Result<Vec<T>, NvError> {
    at.room(elements, N, "array")?;
    at.charge(elements, 2 * N)?;
    (0..elements).map(|_| at.int("array element").map(from)).collect()
}

fn bytes(at: &mut Cursor<'_>, len: usize, what: &'static str) -> Result<Vec<u8>, NvError> {
    at.charge(1, len)?;
    at.bytes(len, what).map(<[u8]>::to_vec)
}

fn string(at: &mut Cursor<'_>) -> Result<NvString, NvError> {
    let rest = at.data.get(at.pos..).unwrap_or_default();
    let nul = rest.iter().position(|&byte| byte == 0);
    let len = nul.map_or(rest.len() + 1, |nul| nul + 1);
    at.charge(1, len)?;
    at.bytes(len, "string with its NUL").map(NvString::from)
}

/// A C `boolean_t`: four bytes, zero or one.
pub(super) fn boolean(at: &mut Cursor<'_>) -> Result<bool, NvError> {
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
