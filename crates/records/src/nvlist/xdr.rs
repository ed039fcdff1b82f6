//! The XDR encoding: big-endian, in units of four bytes.
//!
//! Source: OpenZFS `module/nvpair/nvpair.c`, `nvs_xdr_*`, and `module/os/linux/spl/spl-xdr.c`,
//! zfs-2.3.2. Bytes and shorts take a whole unit each, but for the elements of a byte array.
//!
//! The reference has a quirk that writer and reader must share: an empty array with a count is
//! written without the count, but the sizes of its pair, of all that it lies in, and of the whole
//! list include it. So the bytes that were counted and not written lie behind the list, as zeros.

use super::cursor::Cursor;
use super::native::{boolean, check_elements};
use super::{MAX_DEPTH, MAX_NAME, NvError, NvList, NvString, NvType, NvValue, PAIR_MEMORY, Packed};
use alloc::sync::Arc;
use alloc::vec::Vec;

const fn align4(len: usize) -> usize {
    len.saturating_add(3) & !3
}

const fn align8(len: usize) -> usize {
    len.saturating_add(7) & !7
}

/// Bytes that sizes include for the count of each empty array, and that are not written.
const UNWRITTEN: usize = 4;

/// Reads the list just past the four-byte header, with the zeros behind it.
pub(super) fn outer_list(at: &mut Cursor<'_>) -> Result<NvList, NvError> {
    let mut empties = 0;
    let list = list(at, 0, &mut empties)?;
    at.bytes(empties * UNWRITTEN, "zeros behind the list")?;
    Ok(list)
}

/// Reads the list at the cursor, its version and flags first; counts empty arrays in it.
fn list(at: &mut Cursor<'_>, depth: usize, empties: &mut usize) -> Result<NvList, NvError> {
    if depth >= MAX_DEPTH {
        return Err(NvError::TooDeep { offset: at.pos, limit: MAX_DEPTH });
    }
    let flags = at.list_head()?;
    let mut pairs = Vec::new();
    loop {
        let start = at.pos;
        let size = at.count("pair size")?;
        let decoded_offset = at.pos;
        let decoded = at.count("decoded pair size")?;
        if size == 0 && decoded == 0 {
            return Ok(NvList::from_pairs(flags, pairs));
        }
        if decoded == 0 {
            return Err(NvError::Invalid {
                offset: decoded_offset,
                what: "decoded pair size",
                found: 0,
                expected: "not zero, as the pair size is not",
            });
        }
        at.pos = start;
        at.clone().bytes(size, "pair")?;
        let mut pair = at.clone();
        pair.data = &at.data[..start + size];
        pair.pos = start + 8;
        let before = *empties;
        pairs.push(read_pair(&mut pair, depth, empties)?);
        let expected = pair.pos - start + (*empties - before) * UNWRITTEN;
        if size != expected {
            return Err(NvError::PairSize {
                offset: start,
                found: size as u64,
                expected: expected as u64,
            });
        }
        at.pos = pair.pos;
        at.signed |= pair.signed;
    }
}

fn read_pair(
    at: &mut Cursor<'_>,
    depth: usize,
    empties: &mut usize,
) -> Result<(Arc<str>, NvValue), NvError> {
    let name_offset = at.pos;
    let name = opaque(at, "name")?;
    if name.len() > MAX_NAME {
        return Err(NvError::Invalid {
            offset: name_offset,
            what: "name length",
            found: name.len() as u64,
            expected: "at most 32766",
        });
    }
    at.charge(1, PAIR_MEMORY + name.len())?;
    let name = super::checked_name(name, name_offset + 4)?;
    let nv_type = NvType(at.u32("pair type")?);
    let elements_offset = at.pos;
    let elements = at.count("number of elements")?;
    check_elements(nv_type, elements, elements_offset)?;
    if elements == 0 && has_count(nv_type) {
        *empties += 1;
    }
    Ok((name, value(at, nv_type, elements, depth, empties)?))
}

/// Returns true if the type is an array whose count is written once more before its elements.
fn has_count(nv_type: NvType) -> bool {
    use NvType as T;
    nv_type.is_array() && ![T::BYTE_ARRAY, T::STRING_ARRAY, T::NVLIST_ARRAY].contains(&nv_type)
}

/// A length and that many bytes, padded.
fn opaque<'a>(at: &mut Cursor<'a>, what: &'static str) -> Result<&'a [u8], NvError> {
    let len = at.count(what)?;
    fixed_opaque(at, len, what)
}

/// Bytes without a length, padded.
fn fixed_opaque<'a>(
    at: &mut Cursor<'a>,
    len: usize,
    what: &'static str,
) -> Result<&'a [u8], NvError> {
    Ok(&at.bytes(align4(len), what)?[..len])
}

fn string(at: &mut Cursor<'_>) -> Result<NvString, NvError> {
    let offset = at.pos + 4;
    let bytes = opaque(at, "string")?;
    at.charge(1, bytes.len())?;
    if let Some(nul) = bytes.iter().position(|&byte| byte == 0) {
        return Err(NvError::Invalid {
            offset: offset + nul,
            what: "byte in a string",
            found: 0,
            expected: "not zero",
        });
    }
    Ok(bytes.into())
}

/// A byte or short in a unit of four bytes.
///
/// Writers extend negative values with zeros (kernel) or with the sign (user space).
fn narrow(at: &mut Cursor<'_>, bits: u32, what: &'static str) -> Result<u16, NvError> {
    let offset = at.pos;
    let word = at.u32(what)?;
    let high = word >> bits;
    let negative = word >> (bits - 1) & 1 == 1;
    if high != 0 && !(negative && high == u32::MAX >> bits) {
        return Err(NvError::Invalid {
            offset,
            what,
            found: word.into(),
            expected: "a value of the type's width",
        });
    }
    let [_, _, a, b] = word.to_be_bytes();
    Ok(u16::from_be_bytes([a, b]))
}

fn narrow8(at: &mut Cursor<'_>) -> Result<u8, NvError> {
    let [above, byte] = narrow(at, 8, "byte")?.to_be_bytes();
    at.signed |= above != 0;
    Ok(byte)
}

fn narrow16(at: &mut Cursor<'_>) -> Result<u16, NvError> {
    narrow(at, 16, "short")
}

/// An array with its count, which must be the pair's number of elements; nothing if that is zero.
fn array<T>(
    at: &mut Cursor<'_>,
    elements: usize,
    each: usize,
    mut one: impl FnMut(&mut Cursor<'_>) -> Result<T, NvError>,
) -> Result<Vec<T>, NvError> {
    if elements == 0 {
        return Ok(Vec::new());
    }
    let offset = at.pos;
    let count = at.count("array count")?;
    if count != elements {
        return Err(NvError::Invalid {
            offset,
            what: "array count",
            found: count as u64,
            expected: "the pair's number of elements",
        });
    }
    at.room(count, each, "array")?;
    at.charge(count, 2 * size_of::<T>())?;
    (0..count).map(|_| one(at)).collect()
}

fn value(
    at: &mut Cursor<'_>,
    nv_type: NvType,
    n: usize,
    depth: usize,
    empties: &mut usize,
) -> Result<NvValue, NvError> {
    let i8s = |at: &mut Cursor<'_>| narrow8(at).map(u8::cast_signed);
    let i16s = |at: &mut Cursor<'_>| narrow16(at).map(u16::cast_signed);
    let i32s = |at: &mut Cursor<'_>| at.int("int32").map(i32::from_be_bytes);
    let i64s = |at: &mut Cursor<'_>| at.int("int64").map(i64::from_be_bytes);
    let u64s = |at: &mut Cursor<'_>| at.int("uint64").map(u64::from_be_bytes);
    Ok(match nv_type {
        NvType::BOOLEAN => NvValue::Boolean,
        NvType::BYTE => NvValue::Byte(narrow8(at)?),
        NvType::INT16 => NvValue::Int16(i16s(at)?),
        NvType::UINT16 => NvValue::Uint16(narrow16(at)?),
        NvType::INT32 => NvValue::Int32(i32s(at)?),
        NvType::UINT32 => NvValue::Uint32(at.u32("uint32")?),
        NvType::INT64 => NvValue::Int64(i64s(at)?),
        NvType::UINT64 => NvValue::Uint64(u64s(at)?),
        NvType::STRING => NvValue::String(string(at)?),
        NvType::BYTE_ARRAY => {
            at.charge(1, n)?;
            NvValue::ByteArray(fixed_opaque(at, n, "byte array")?.to_vec())
        }
        NvType::INT16_ARRAY => NvValue::Int16Array(array(at, n, 4, i16s)?),
        NvType::UINT16_ARRAY => NvValue::Uint16Array(array(at, n, 4, narrow16)?),
        NvType::INT32_ARRAY => NvValue::Int32Array(array(at, n, 4, i32s)?),
        NvType::UINT32_ARRAY => NvValue::Uint32Array(array(at, n, 4, |at| at.u32("uint32"))?),
        NvType::INT64_ARRAY => NvValue::Int64Array(array(at, n, 8, i64s)?),
        NvType::UINT64_ARRAY => NvValue::Uint64Array(array(at, n, 8, u64s)?),
        NvType::STRING_ARRAY => {
            at.room(n, 4, "string array")?;
            at.charge(n, 2 * size_of::<NvString>())?;
            let strings: Result<_, _> = (0..n).map(|_| string(at)).collect();
            NvValue::StringArray(strings?)
        }
        NvType::HRTIME => NvValue::HrTime(i64s(at)?),
        NvType::NVLIST => NvValue::List(list(at, depth + 1, empties)?),
        NvType::NVLIST_ARRAY => {
            // The least list is its head and its end.
            at.room(n, 16, "list array")?;
            at.charge(n, 2 * size_of::<NvList>())?;
            let lists: Result<_, _> = (0..n).map(|_| list(at, depth + 1, empties)).collect();
            NvValue::ListArray(lists?)
        }
        NvType::BOOLEAN_VALUE => NvValue::BooleanValue(boolean(at)?),
        NvType::INT8 => NvValue::Int8(i8s(at)?),
        NvType::UINT8 => NvValue::Uint8(narrow8(at)?),
        NvType::BOOLEAN_ARRAY => NvValue::BooleanArray(array(at, n, 4, boolean)?),
        NvType::INT8_ARRAY => NvValue::Int8Array(array(at, n, 4, i8s)?),
        NvType::UINT8_ARRAY => NvValue::Uint8Array(array(at, n, 4, narrow8)?),
        NvType::DOUBLE => NvValue::Double(at.int("double").map(f64::from_be_bytes)?),
        other => return Err(super::unknown_type(other, at.pos)),
    })
}

/// Packs a list behind `out`.
pub(super) struct XdrPacker {
    pub(super) out: Packed,
    /// Single bytes are extended with their sign.
    pub(super) signed: bool,
}

impl XdrPacker {
    /// Packs a list, and the zeros that belong behind it.
    pub(super) fn outer_list(mut self, list: &NvList) -> Packed {
        let empties = self.list(list, 0);
        self.fill(empties * UNWRITTEN);
        self.out
    }

    /// Packs a list, its version and flags first; the number is the empty arrays in it.
    fn list(&mut self, list: &NvList, depth: usize) -> usize {
        if !self.out.is_within(depth) {
            return 0;
        }
        self.word(0);
        self.word(list.flags());
        let mut empties = 0;
        for (name, value) in list.iter() {
            let start = self.out.bytes.len();
            self.word(0);
            let decoded = align8(16 + name.len() + 1) + align8(value.native_size());
            self.size(decoded, "decoded size of a pair");
            self.out.name_size(name);
            self.opaque(name.as_bytes(), "length of a name");
            self.word(value.nv_type().0);
            self.size(value.elements(), "number of elements");
            let inside = if value.elements() == 0 {
                usize::from(has_count(value.nv_type()))
            } else {
                self.value(value, depth)
            };
            let size = self.out.bytes.len() - start + inside * UNWRITTEN;
            let size = self.out.int(size, "size of a pair");
            self.out.bytes[start..start + 4].copy_from_slice(&size.to_be_bytes());
            empties += inside;
        }
        self.word(0);
        self.word(0);
        empties
    }

    fn word(&mut self, word: u32) {
        self.put(word.to_be_bytes());
    }

    fn byte(&mut self, byte: u8) {
        self.word(if self.signed {
            i32::from(byte.cast_signed()).cast_unsigned()
        } else {
            byte.into()
        });
    }

    fn size(&mut self, size: usize, what: &'static str) {
        let size = self.out.int(size, what);
        self.put(size.to_be_bytes());
    }

    /// Adds zeros.
    fn fill(&mut self, count: usize) {
        self.out.bytes.resize(self.out.bytes.len() + count, 0);
    }

    fn opaque(&mut self, bytes: &[u8], what: &'static str) {
        self.size(bytes.len(), what);
        self.fixed_opaque(bytes);
    }

    fn fixed_opaque(&mut self, bytes: &[u8]) {
        self.out.bytes.extend_from_slice(bytes);
        self.fill(align4(bytes.len()) - bytes.len());
    }

    fn string(&mut self, s: &NvString) {
        self.opaque(s.as_bytes(), "length of a string");
    }

    fn array<T: Copy>(&mut self, values: &[T], one: impl Fn(&mut Self, T)) {
        self.size(values.len(), "number of elements");
        values.iter().for_each(|&v| one(self, v));
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.out.bytes.extend_from_slice(&bytes);
    }

    /// Packs a value of a list at this depth; the number is the empty arrays in the lists in it.
    fn value(&mut self, value: &NvValue, depth: usize) -> usize {
        match value {
            NvValue::List(inner) => return self.list(inner, depth + 1),
            NvValue::ListArray(lists) => {
                return lists.iter().map(|inner| self.list(inner, depth + 1)).sum();
            }
            NvValue::Boolean => {}
            NvValue::Byte(v) | NvValue::Uint8(v) => self.byte(*v),
            NvValue::Int8(v) => self.byte(v.cast_unsigned()),
            NvValue::Int16(v) => self.put(i32::from(*v).to_be_bytes()),
            NvValue::Uint16(v) => self.word((*v).into()),
            NvValue::Int32(v) => self.put(v.to_be_bytes()),
            NvValue::Uint32(v) => self.word(*v),
            NvValue::Int64(v) | NvValue::HrTime(v) => self.put(v.to_be_bytes()),
            NvValue::Uint64(v) => self.put(v.to_be_bytes()),
            NvValue::Double(v) => self.put(v.to_be_bytes()),
            NvValue::BooleanValue(v) => self.word((*v).into()),
            NvValue::String(s) => self.string(s),
            NvValue::ByteArray(v) => self.fixed_opaque(v),
            NvValue::Uint8Array(v) => self.array(v, Self::byte),
            NvValue::Int8Array(v) => self.array(v, |out, v| out.byte(v.cast_unsigned())),
            NvValue::Int16Array(v) => self.array(v, |out, v| out.put(i32::from(v).to_be_bytes())),
            NvValue::Uint16Array(v) => self.array(v, |out, v| out.word(v.into())),
            NvValue::Int32Array(v) => self.array(v, |out, v| out.put(v.to_be_bytes())),
            NvValue::Uint32Array(v) => self.array(v, Self::word),
            NvValue::Int64Array(v) => self.array(v, |out, v| out.put(v.to_be_bytes())),
            NvValue::Uint64Array(v) => self.array(v, |out, v| out.put(v.to_be_bytes())),
            NvValue::BooleanArray(v) => self.array(v, |out, v| out.word(v.into())),
            NvValue::StringArray(v) => v.iter().for_each(|s| self.string(s)),
        }
        0
    }
}
