//! The values of an nvlist: the 27 types, and the string that may hold any bytes.

use super::NvList;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The type number of a pair, as packed. Source: OpenZFS `include/sys/nvpair.h`, `data_type_t`,
/// zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NvType(pub u32);

/// A string of an nvlist: bytes without NUL, nearly always UTF-8.
///
/// A user property may be set to any bytes, and a list that is read must be written back exactly.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NvString(Vec<u8>);

impl NvString {
    /// The bytes, without the terminating NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The string, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }
}

impl From<&[u8]> for NvString {
    /// Takes the bytes up to the first NUL, as C does.
    fn from(bytes: &[u8]) -> Self {
        let len = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Self(bytes[..len].to_vec())
    }
}

impl From<&str> for NvString {
    fn from(s: &str) -> Self {
        s.as_bytes().into()
    }
}

impl From<String> for NvString {
    fn from(s: String) -> Self {
        s.as_bytes().into()
    }
}

impl From<&String> for NvString {
    fn from(s: &String) -> Self {
        s.as_bytes().into()
    }
}

impl PartialEq<str> for NvString {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for NvString {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for NvString {
    /// Shows bytes that are not UTF-8 as the replacement character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for NvString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident $(($ty:ty))? = $id:literal, $konst:ident;)+) => {
        /// A value, of one of the 27 types that `libnvpair` has.
        #[derive(Clone, Debug, PartialEq)]
        pub enum NvValue {
            $($(#[$doc])* $name $(($ty))?,)+
        }

        impl NvType {
            $(#[doc = concat!("The type of [`NvValue::", stringify!($name), "`].")]
            pub const $konst: Self = Self($id);)+
        }

        impl NvValue {
            /// The value's type number.
            pub const fn nv_type(&self) -> NvType {
                match self {
                    $(values!(@pat $name $(, $ty)?) => NvType::$konst,)+
                }
            }
        }
    };
    (@pat $name:ident) => { Self::$name };
    (@pat $name:ident, $ty:ty) => { Self::$name(_) };
}

values! {
    /// Present, without a value.
    Boolean = 1, BOOLEAN;
    /// A byte.
    Byte(u8) = 2, BYTE;
    /// A 16-bit integer.
    Int16(i16) = 3, INT16;
    /// An unsigned 16-bit integer.
    Uint16(u16) = 4, UINT16;
    /// A 32-bit integer.
    Int32(i32) = 5, INT32;
    /// An unsigned 32-bit integer.
    Uint32(u32) = 6, UINT32;
    /// A 64-bit integer.
    Int64(i64) = 7, INT64;
    /// An unsigned 64-bit integer.
    Uint64(u64) = 8, UINT64;
    /// A string.
    String(NvString) = 9, STRING;
    /// Bytes.
    ByteArray(Vec<u8>) = 10, BYTE_ARRAY;
    /// 16-bit integers.
    Int16Array(Vec<i16>) = 11, INT16_ARRAY;
    /// Unsigned 16-bit integers.
    Uint16Array(Vec<u16>) = 12, UINT16_ARRAY;
    /// 32-bit integers.
    Int32Array(Vec<i32>) = 13, INT32_ARRAY;
    /// Unsigned 32-bit integers.
    Uint32Array(Vec<u32>) = 14, UINT32_ARRAY;
    /// 64-bit integers.
    Int64Array(Vec<i64>) = 15, INT64_ARRAY;
    /// Unsigned 64-bit integers.
    Uint64Array(Vec<u64>) = 16, UINT64_ARRAY;
    /// Strings.
    StringArray(Vec<NvString>) = 17, STRING_ARRAY;
    /// A high-resolution time, nanoseconds.
    HrTime(i64) = 18, HRTIME;
    /// A list.
    List(NvList) = 19, NVLIST;
    /// Lists.
    ListArray(Vec<NvList>) = 20, NVLIST_ARRAY;
    /// True or false.
    BooleanValue(bool) = 21, BOOLEAN_VALUE;
    /// An 8-bit integer.
    Int8(i8) = 22, INT8;
    /// An unsigned 8-bit integer.
    Uint8(u8) = 23, UINT8;
    /// Truth values.
    BooleanArray(Vec<bool>) = 24, BOOLEAN_ARRAY;
    /// 8-bit integers.
    Int8Array(Vec<i8>) = 25, INT8_ARRAY;
    /// Unsigned 8-bit integers.
    Uint8Array(Vec<u8>) = 26, UINT8_ARRAY;
    /// A floating-point number.
    Double(f64) = 27, DOUBLE;
}

impl NvType {
    /// Returns true if the type holds any number of elements.
    pub const fn is_array(self) -> bool {
        matches!(self.0, 10..=17 | 20 | 24..=26)
    }
}

/// Bytes of an embedded `nvlist_t` in a native pair.
pub(super) const LIST_STRUCT: usize = 24;
/// Bytes of a pointer, for which native arrays of strings and lists keep room.
pub(super) const POINTER: usize = 8;

impl NvValue {
    /// Returns the number of elements: one, none for [`NvValue::Boolean`], or an array's length.
    pub fn elements(&self) -> usize {
        match self {
            Self::Boolean => 0,
            Self::ByteArray(v) | Self::Uint8Array(v) => v.len(),
            Self::Int16Array(v) => v.len(),
            Self::Uint16Array(v) => v.len(),
            Self::Int32Array(v) => v.len(),
            Self::Uint32Array(v) => v.len(),
            Self::Int64Array(v) => v.len(),
            Self::Uint64Array(v) => v.len(),
            Self::StringArray(v) => v.len(),
            Self::ListArray(v) => v.len(),
            Self::BooleanArray(v) => v.len(),
            Self::Int8Array(v) => v.len(),
            _ => 1,
        }
    }

    /// Bytes of the value in a native pair, its padding and a list's own pairs not counted.
    pub(super) fn native_size(&self) -> usize {
        let each = match self {
            Self::Boolean => 0,
            Self::Byte(_) | Self::Int8(_) | Self::Uint8(_) => 1,
            Self::ByteArray(_) | Self::Int8Array(_) | Self::Uint8Array(_) => 1,
            Self::Int16(_) | Self::Uint16(_) | Self::Int16Array(_) | Self::Uint16Array(_) => 2,
            Self::Int32(_) | Self::Uint32(_) | Self::BooleanValue(_) => 4,
            Self::Int32Array(_) | Self::Uint32Array(_) | Self::BooleanArray(_) => 4,
            Self::Int64(_) | Self::Uint64(_) | Self::HrTime(_) | Self::Double(_) => 8,
            Self::Int64Array(_) | Self::Uint64Array(_) => 8,
            Self::String(s) => s.0.len() + 1,
            Self::StringArray(v) => return v.iter().map(|s| POINTER + s.0.len() + 1).sum(),
            Self::List(_) => LIST_STRUCT,
            Self::ListArray(_) => POINTER + LIST_STRUCT,
        };
        each * self.elements()
    }
}
