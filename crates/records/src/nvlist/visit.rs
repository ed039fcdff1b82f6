//! A packed list as it is read: its pairs one by one, so that nothing is made of the whole.

use super::NvType;
use super::cursor::Cursor;
use super::encoding::HEADER;
use super::{Encoding, NvError, NvList, NvValue, native, xdr};

/// Longest stretch that is asked of a [`NvSource`] at a time: more than any name takes.
pub const STRETCH: usize = 64 << 10;

/// Bytes of a packed list, in memory or not.
pub trait NvSource {
    /// Returns the number of bytes that there are.
    fn size(&self) -> usize;

    /// Returns `len` bytes from `offset` on: no more than [`STRETCH`], and all within [`Self::size`].
    ///
    /// # Errors
    /// [`NvError::Unread`], if they cannot be read; why is the source's to keep.
    fn stretch(&mut self, offset: usize, len: usize) -> Result<&[u8], NvError>;
}

impl NvSource for &[u8] {
    fn size(&self) -> usize {
        self.len()
    }

    fn stretch(&mut self, offset: usize, len: usize) -> Result<&[u8], NvError> {
        self.get(offset..offset.saturating_add(len)).ok_or(NvError::Unread { offset })
    }
}

/// A value, or an element of an array, or a part of either.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NvElement<'a> {
    /// Present, without a value.
    Boolean,
    /// A byte that is not an array's.
    Byte(u8),
    /// A 16-bit integer.
    Int16(i16),
    /// An unsigned 16-bit integer.
    Uint16(u16),
    /// A 32-bit integer.
    Int32(i32),
    /// An unsigned 32-bit integer.
    Uint32(u32),
    /// A 64-bit integer.
    Int64(i64),
    /// An unsigned 64-bit integer.
    Uint64(u64),
    /// A high-resolution time, nanoseconds.
    HrTime(i64),
    /// True or false.
    BooleanValue(bool),
    /// An 8-bit integer.
    Int8(i8),
    /// An unsigned 8-bit integer; of an array where it is packed as XDR.
    Uint8(u8),
    /// A floating-point number.
    Double(f64),
    /// The next bytes of a byte array, or of one of unsigned 8-bit integers that is packed as native.
    Bytes(&'a [u8]),
    /// The next bytes of a string, which [`Self::TextEnd`] ends.
    Text(&'a [u8]),
    /// The end of a string.
    TextEnd,
}

/// A reader of the pairs of a list, in their order, the lists in it with theirs.
///
/// A pair is [`Self::pair`], its elements or its lists, and [`Self::pair_end`]; a list is [`Self::list`], its pairs, and
/// [`Self::list_end`]. Of what was told before an error nothing is taken back. Pairs of one name are told each.
pub trait NvVisitor {
    /// Error that ends the reading: a fault of the list, or one of the visitor's own.
    type Error: From<NvError>;

    /// Takes the beginning of a list, with its flags: the outer one, or a value or an element of the pair that is open; and
    /// the offset of its first pair in the packed list.
    ///
    /// # Errors
    /// Those of the visitor.
    fn list(&mut self, flags: u32, offset: usize) -> Result<(), Self::Error>;

    /// Takes the end of a list.
    ///
    /// # Errors
    /// Those of the visitor.
    fn list_end(&mut self) -> Result<(), Self::Error>;

    /// Takes the head of a pair: its name, its type, the number of its elements, and its offset in the packed list. The
    /// elements were not looked at yet.
    ///
    /// # Errors
    /// Those of the visitor.
    fn pair(
        &mut self,
        name: &str,
        nv_type: NvType,
        elements: usize,
        offset: usize,
    ) -> Result<(), Self::Error>;

    /// Takes a value or an element of the pair that is open, and where it ends in the packed list.
    ///
    /// # Errors
    /// Those of the visitor.
    fn element(&mut self, element: NvElement<'_>, offset: usize) -> Result<(), Self::Error>;

    /// Takes the end of a pair.
    ///
    /// # Errors
    /// Those of the visitor.
    fn pair_end(&mut self) -> Result<(), Self::Error>;
}

/// Looks whether a list can be read, and keeps nothing of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NvCheck;

impl NvVisitor for NvCheck {
    type Error = NvError;

    fn list(&mut self, _: u32, _: usize) -> Result<(), NvError> {
        Ok(())
    }

    fn list_end(&mut self) -> Result<(), NvError> {
        Ok(())
    }

    fn pair(&mut self, _: &str, _: NvType, _: usize, _: usize) -> Result<(), NvError> {
        Ok(())
    }

    fn element(&mut self, _: NvElement<'_>, _: usize) -> Result<(), NvError> {
        Ok(())
    }

    fn pair_end(&mut self) -> Result<(), NvError> {
        Ok(())
    }
}

/// Reads a packed list that fills its source, but for zeros after it, in a bounded memory.
///
/// # Errors
/// As [`NvList::decode`], but for the memory that a list takes; and those of the visitor.
pub fn visit<S: NvSource, V: NvVisitor>(
    source: &mut S,
    visitor: &mut V,
) -> Result<Encoding, V::Error> {
    let (encoding, mut at) = visit_prefix(source, visitor)?;
    while at < source.size() {
        let bytes = source.stretch(at, STRETCH.min(source.size() - at))?;
        if let Some((i, byte)) = bytes.iter().enumerate().find(|(_, byte)| **byte != 0) {
            let (offset, found) = (at + i, u64::from(*byte));
            return Err(NvError::Invalid {
                offset,
                what: "byte after the list",
                found,
                expected: "zero",
            }
            .into());
        }
        at += bytes.len();
    }
    Ok(encoding)
}

/// Reads a packed list at the start of its source; the number is the bytes that it takes.
///
/// # Errors
/// As [`NvList::decode_prefix`], but for the memory that a list takes; and those of the visitor.
pub fn visit_prefix<S: NvSource, V: NvVisitor>(
    source: &mut S,
    visitor: &mut V,
) -> Result<(Encoding, usize), V::Error> {
    let mut at = Cursor::new(source, true);
    let head: [u8; HEADER] = at.array("nvlist header")?;
    let encoding = match (head[0], head[1]) {
        (0, 1) => Encoding::Native,
        (0, 0) => Encoding::NativeBig,
        (1, 1) => Encoding::Xdr,
        (1, 0) => Encoding::XdrBig,
        (0 | 1, order) => {
            return Err(NvError::Invalid {
                offset: 1,
                what: "nvlist byte order",
                found: u64::from(order),
                expected: "0 (big-endian) or 1 (little-endian)",
            }
            .into());
        }
        (encoding, _) => {
            return Err(NvError::Invalid {
                offset: 0,
                what: "nvlist encoding",
                found: u64::from(encoding),
                expected: "0 (native) or 1 (XDR)",
            }
            .into());
        }
    };
    at.big = encoding != Encoding::Native;
    if encoding.is_xdr() {
        xdr::outer_list(&mut at, visitor)?;
    } else {
        native::outer_list(&mut at, visitor)?;
    }
    Ok((if at.signed { encoding.signed() } else { encoding }, at.pos))
}

impl NvList {
    /// Tells a visitor the pairs, as if the list were read; offsets are zero.
    ///
    /// # Errors
    /// Those of the visitor.
    pub fn visit<V: NvVisitor>(&self, visitor: &mut V) -> Result<(), V::Error> {
        visitor.list(self.flags(), 0)?;
        for (name, value) in self.iter() {
            visitor.pair(name, value.nv_type(), value.elements(), 0)?;
            tell(value, visitor)?;
            visitor.pair_end()?;
        }
        visitor.list_end()
    }
}

/// Tells a visitor the elements of a value, or its lists.
fn tell<V: NvVisitor>(value: &NvValue, visitor: &mut V) -> Result<(), V::Error> {
    use NvElement as E;
    fn each<T: Copy, V: NvVisitor>(
        values: &[T],
        visitor: &mut V,
        element: fn(T) -> NvElement<'static>,
    ) -> Result<(), V::Error> {
        values.iter().try_for_each(|&value| visitor.element(element(value), 0))
    }
    let text = |text: &[u8], visitor: &mut V| {
        visitor.element(E::Text(text), 0)?;
        visitor.element(E::TextEnd, 0)
    };
    match value {
        NvValue::Boolean => visitor.element(E::Boolean, 0),
        NvValue::Byte(v) => visitor.element(E::Byte(*v), 0),
        NvValue::Int16(v) => visitor.element(E::Int16(*v), 0),
        NvValue::Uint16(v) => visitor.element(E::Uint16(*v), 0),
        NvValue::Int32(v) => visitor.element(E::Int32(*v), 0),
        NvValue::Uint32(v) => visitor.element(E::Uint32(*v), 0),
        NvValue::Int64(v) => visitor.element(E::Int64(*v), 0),
        NvValue::Uint64(v) => visitor.element(E::Uint64(*v), 0),
        NvValue::HrTime(v) => visitor.element(E::HrTime(*v), 0),
        NvValue::BooleanValue(v) => visitor.element(E::BooleanValue(*v), 0),
        NvValue::Int8(v) => visitor.element(E::Int8(*v), 0),
        NvValue::Uint8(v) => visitor.element(E::Uint8(*v), 0),
        NvValue::Double(v) => visitor.element(E::Double(*v), 0),
        NvValue::ByteArray(v) | NvValue::Uint8Array(v) => visitor.element(E::Bytes(v), 0),
        NvValue::Int8Array(v) => each(v, visitor, E::Int8),
        NvValue::Int16Array(v) => each(v, visitor, E::Int16),
        NvValue::Uint16Array(v) => each(v, visitor, E::Uint16),
        NvValue::Int32Array(v) => each(v, visitor, E::Int32),
        NvValue::Uint32Array(v) => each(v, visitor, E::Uint32),
        NvValue::Int64Array(v) => each(v, visitor, E::Int64),
        NvValue::Uint64Array(v) => each(v, visitor, E::Uint64),
        NvValue::BooleanArray(v) => each(v, visitor, E::BooleanValue),
        NvValue::String(v) => text(v.as_bytes(), visitor),
        NvValue::StringArray(v) => v.iter().try_for_each(|v| text(v.as_bytes(), visitor)),
        NvValue::List(v) => v.visit(visitor),
        NvValue::ListArray(v) => v.iter().try_for_each(|v| v.visit(visitor)),
    }
}
