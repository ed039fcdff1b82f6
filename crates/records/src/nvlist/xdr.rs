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
use super::visit::{NvElement, NvVisitor, STRETCH};
use super::{MAX_DEPTH, MAX_NAME, NvError, NvList, NvSource, NvString, NvType, NvValue, Packed};

const fn align4(len: usize) -> usize {
    len.saturating_add(3) & !3
}

const fn align8(len: usize) -> usize {
    len.saturating_add(7) & !7
}

/// Bytes that sizes include for the count of each empty array, and that are not written.
const UNWRITTEN: usize = 4;

/// Reads the list just past the four-byte header, with the zeros behind it.
pub(super) fn outer_list<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let mut empties = 0;
    list(at, 0, &mut empties, visitor)?;
    Ok(at.skip(empties * UNWRITTEN, "zeros behind the list")?)
}

/// Reads the list at the cursor, its version and flags first; counts empty arrays in it.
fn list<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    depth: usize,
    empties: &mut usize,
    visitor: &mut V,
) -> Result<(), V::Error> {
    if depth >= MAX_DEPTH {
        return Err(NvError::TooDeep { offset: at.pos, limit: MAX_DEPTH }.into());
    }
    let flags = at.list_head()?;
    visitor.list(flags, at.pos)?;
    loop {
        let start = at.pos;
        let size = at.count("pair size")?;
        let decoded_offset = at.pos;
        let decoded = at.count("decoded pair size")?;
        if size == 0 && decoded == 0 {
            return visitor.list_end();
        }
        if decoded == 0 {
            return Err(NvError::Invalid {
                offset: decoded_offset,
                what: "decoded pair size",
                found: 0,
                expected: "not zero, as the pair size is not",
            }
            .into());
        }
        let end = at.enter_pair(start, size)?;
        let before = *empties;
        read_pair(at, depth, empties, visitor)?;
        at.leave_pair(end);
        let expected = at.pos - start + (*empties - before) * UNWRITTEN;
        if size != expected {
            return Err(NvError::PairSize {
                offset: start,
                found: size as u64,
                expected: expected as u64,
            }
            .into());
        }
        visitor.pair_end()?;
    }
}

fn read_pair<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    depth: usize,
    empties: &mut usize,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let name_offset = at.pos;
    let len = at.count("name")?;
    at.room(align4(len), 1, "name")?;
    if len > MAX_NAME {
        return Err(NvError::Invalid {
            offset: name_offset,
            what: "name length",
            found: len as u64,
            expected: "at most 32766",
        }
        .into());
    }
    let mut name = core::mem::take(&mut at.name);
    name.clear();
    name.push_str(super::checked_name(&at.bytes(align4(len), "name")?[..len], name_offset + 4)?);
    let nv_type = NvType(at.u32("pair type")?);
    let elements_offset = at.pos;
    let elements = at.count("number of elements")?;
    check_elements(nv_type, elements, elements_offset)?;
    if elements == 0 && has_count(nv_type) {
        *empties += 1;
    }
    visitor.pair(&name, nv_type, elements, name_offset)?;
    at.name = name;
    value(at, nv_type, elements, depth, empties, visitor)
}

/// Returns true if the type is an array whose count is written once more before its elements.
fn has_count(nv_type: NvType) -> bool {
    use NvType as T;
    nv_type.is_array() && ![T::BYTE_ARRAY, T::STRING_ARRAY, T::NVLIST_ARRAY].contains(&nv_type)
}

/// Reads a length and that many bytes of text, padded.
fn string<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    visitor: &mut V,
) -> Result<(), V::Error> {
    let mut len = at.count("string")?;
    at.room(align4(len), 1, "string")?;
    let end = at.pos + align4(len);
    while len > 0 {
        let (some, from) = (len.min(STRETCH), at.pos);
        let text = at.bytes(some, "string")?;
        if let Some(nul) = text.iter().position(|&byte| byte == 0) {
            return Err(NvError::Invalid {
                offset: from + nul,
                what: "byte in a string",
                found: 0,
                expected: "not zero",
            }
            .into());
        }
        visitor.element(NvElement::Text(text), from + some)?;
        len -= some;
    }
    at.pos = end;
    visitor.element(NvElement::TextEnd, at.pos)
}

/// A byte or short in a unit of four bytes.
///
/// Writers extend negative values with zeros (kernel) or with the sign (user space).
fn narrow<S: NvSource>(
    at: &mut Cursor<'_, S>,
    bits: u32,
    what: &'static str,
) -> Result<u16, NvError> {
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

fn narrow8<S: NvSource>(at: &mut Cursor<'_, S>) -> Result<u8, NvError> {
    let [above, byte] = narrow(at, 8, "byte")?.to_be_bytes();
    at.signed |= above != 0;
    Ok(byte)
}

/// Tells a visitor a value, or an array with its count, which must be the pair's number of elements; nothing if that is
/// zero. An element takes at least `each` bytes.
fn values<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    (nv_type, elements): (NvType, usize),
    (each, what): (usize, &'static str),
    visitor: &mut V,
    one: impl Fn(&mut Cursor<'_, S>) -> Result<NvElement<'static>, NvError>,
) -> Result<(), V::Error> {
    if nv_type.is_array() && elements > 0 {
        let offset = at.pos;
        let count = at.count("array count")?;
        if count != elements {
            return Err(NvError::Invalid {
                offset,
                what: "array count",
                found: count as u64,
                expected: "the pair's number of elements",
            }
            .into());
        }
    }
    at.room(elements, each, what)?;
    at.tell_each(elements, visitor, one)
}

fn value<S: NvSource, V: NvVisitor>(
    at: &mut Cursor<'_, S>,
    nv_type: NvType,
    n: usize,
    depth: usize,
    empties: &mut usize,
    visitor: &mut V,
) -> Result<(), V::Error> {
    use NvElement as E;
    use NvType as T;
    let a = (nv_type, n);
    match nv_type {
        T::BOOLEAN => visitor.element(E::Boolean, at.pos),
        T::BYTE => values(at, a, (4, "byte"), visitor, |at| narrow8(at).map(E::Byte)),
        T::INT8 | T::INT8_ARRAY => {
            values(at, a, (4, "int8"), visitor, |at| narrow8(at).map(u8::cast_signed).map(E::Int8))
        }
        T::UINT8 => values(at, a, (4, "uint8"), visitor, |at| narrow8(at).map(E::Uint8)),
        T::INT16 | T::INT16_ARRAY => values(at, a, (4, "int16"), visitor, |at| {
            Ok(E::Int16(narrow(at, 16, "short")?.cast_signed()))
        }),
        T::UINT16 | T::UINT16_ARRAY => {
            values(at, a, (4, "uint16"), visitor, |at| narrow(at, 16, "short").map(E::Uint16))
        }
        T::INT32 | T::INT32_ARRAY => {
            values(at, a, (4, "int32"), visitor, |at| Ok(E::Int32(at.u32("int32")?.cast_signed())))
        }
        T::UINT32 | T::UINT32_ARRAY => {
            values(at, a, (4, "uint32"), visitor, |at| at.u32("uint32").map(E::Uint32))
        }
        T::INT64 | T::INT64_ARRAY => values(at, a, (8, "int64"), visitor, |at| {
            Ok(E::Int64(i64::from_be_bytes(at.int("int64")?)))
        }),
        T::UINT64 | T::UINT64_ARRAY => values(at, a, (8, "uint64"), visitor, |at| {
            Ok(E::Uint64(u64::from_be_bytes(at.int("uint64")?)))
        }),
        T::HRTIME => values(at, a, (8, "hrtime"), visitor, |at| {
            Ok(E::HrTime(i64::from_be_bytes(at.int("int64")?)))
        }),
        T::DOUBLE => values(at, a, (8, "double"), visitor, |at| {
            Ok(E::Double(f64::from_be_bytes(at.int("double")?)))
        }),
        T::BOOLEAN_VALUE | T::BOOLEAN_ARRAY => {
            values(at, a, (4, "boolean"), visitor, |at| boolean(at).map(E::BooleanValue))
        }
        T::BYTE_ARRAY => {
            at.room(align4(n), 1, "byte array")?;
            let end = at.pos + align4(n);
            at.tell_bytes(n, "byte array", visitor)?;
            at.pos = end;
            Ok(())
        }
        T::UINT8_ARRAY => values(at, a, (4, "uint8"), visitor, |at| narrow8(at).map(E::Uint8)),
        T::STRING => string(at, visitor),
        T::STRING_ARRAY => {
            at.room(n, 4, "string array")?;
            (0..n).try_for_each(|_| string(at, visitor))
        }
        T::NVLIST => list(at, depth + 1, empties, visitor),
        T::NVLIST_ARRAY => {
            // The least list is its head and its end.
            at.room(n, 16, "list array")?;
            (0..n).try_for_each(|_| list(at, depth + 1, empties, visitor))
        }
        other => Err(super::unknown_type(other, at.pos).into()),
    }
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
