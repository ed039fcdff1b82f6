//! Descriptions of record types, each given once; names, byte order and payloads follow from them.
//!
//! A type of this crate is a struct in [`crate::drr`] and a line in its list. Another crate describes
//! a type of its own by [`crate::body!`], which makes a struct with [`crate::drr::Body`], and a
//! [`Description::of`] it, which a parser takes in its options.

use crate::drr::{Body, RecordType, ReplayRecord};
use crate::payload::PayloadBound;
use zerocopy::ByteOrder;
use zerocopy::byteorder::{LE, U16, U32, U64};

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the struct.
    pub name: &'static str,
    /// Bytes from the start of the record.
    pub offset: usize,
    /// Bytes of each of its integers; one for bytes that are no number too.
    pub width: usize,
    /// Number of integers in it.
    pub count: usize,
    /// Its doc comment, the lines joined: what it means, and its unit.
    pub doc: &'static str,
}

impl Field {
    /// The field's bytes in a record.
    pub fn bytes<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        record.get(self.offset..self.offset + self.width * self.count).unwrap_or_default()
    }

    /// The field's integers in a little-endian record.
    pub fn ints<'a>(&self, record: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        self.bytes(record)
            .chunks_exact(self.width)
            .map(|int| int.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// Returns true if it only fills up the struct.
    pub fn is_padding(&self) -> bool {
        self.name.starts_with("pad")
    }
}

/// Types that a field may be made of.
pub trait FieldType {
    /// Bytes of an integer.
    const WIDTH: usize;
    /// Integers.
    const COUNT: usize;
}

impl FieldType for u8 {
    const WIDTH: usize = 1;
    const COUNT: usize = 1;
}

impl<O: ByteOrder> FieldType for U16<O> {
    const WIDTH: usize = 2;
    const COUNT: usize = 1;
}

impl<O: ByteOrder> FieldType for U32<O> {
    const WIDTH: usize = 4;
    const COUNT: usize = 1;
}

impl<O: ByteOrder> FieldType for U64<O> {
    const WIDTH: usize = 8;
    const COUNT: usize = 1;
}

impl<T: FieldType, const N: usize> FieldType for [T; N] {
    const WIDTH: usize = T::WIDTH;
    const COUNT: usize = N * T::COUNT;
}

/// All that is known of a record type.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its number.
    pub record_type: RecordType,
    /// Its name, as `zstream dump` prints it.
    pub name: &'static str,
    /// Its fields, in the order of the record.
    pub fields: &'static [Field],
    /// Bytes of payload that follow a record. Nothing is bounded here.
    pub payload_len: fn(&ReplayRecord<LE>) -> u64,
    /// Bound of that payload.
    pub payload: PayloadBound,
}

impl Description {
    /// The description of the type whose body is `B`.
    pub const fn of<B: Body<LE>>() -> Self {
        Self {
            record_type: B::TYPE,
            name: B::NAME,
            fields: B::FIELDS,
            payload_len: |record| record.body_as::<B>().map_or(0, |body| body.payload_len(record)),
            payload: B::PAYLOAD,
        }
    }
}

/// Makes the struct of a record's body, in both byte orders, with its [`Body`](crate::drr::Body).
///
/// First come the struct's name, its number, its name in dumps, its bytes, and, if such a record has a
/// payload, what bounds that (a [`PayloadBound`](crate::payload::PayloadBound)), and how long it is by body and
/// header. Then come the fields without gaps, each with a doc comment, the
/// byte order being `O`, and its offset in the whole record: a body begins at byte 8. An offset or a size that is
/// not so does not compile. The crate that uses it needs `zerocopy`.
///
/// ```
/// use zerocopy::byteorder::{LE, U32, U64};
/// use zsend_records::drr::{Body, RecordType, ReplayRecord};
///
/// zsend_records::body! {
///     /// A remark on an object; its text follows as payload.
///     pub Note = RecordType(12), "NOTE", 16, payload: Block, |note, _| note.len.get().into();
///     /// Object number.
///     object: U64<O> = 8,
///     /// Bytes of text.
///     len: U32<O> = 16,
///     /// Zero.
///     pad: [u8; 4] = 20,
/// }
///
/// let note = Note::<LE> { object: 7.into(), len: 5.into(), pad: [0; 4] };
/// assert_eq!(note.payload_len(&ReplayRecord::new(&note)), 5);
/// ```
#[macro_export]
macro_rules! body {
    ($(#[$doc:meta])* $vis:vis $name:ident = $kind:expr, $called:expr, $size:literal
     $(, payload: $bound:ident, $payload:expr)?;
     $($(#[doc = $fdoc:literal])* $field:ident : $ty:ty = $off:literal,)+) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, ::zerocopy::FromBytes, ::zerocopy::IntoBytes,
            ::zerocopy::Immutable, ::zerocopy::KnownLayout, ::zerocopy::Unaligned,
        )]
        #[repr(C)]
        $vis struct $name<O: ::zerocopy::ByteOrder> {
            $($(#[doc = $fdoc])* pub $field: $ty,)+
        }
        const _: () = {
            type Little = $name<::zerocopy::byteorder::LE>;
            assert!(size_of::<Little>() == $size, "the body has this size");
            $(assert!(
                ::core::mem::offset_of!(Little, $field) + 8 == $off,
                "the field has this offset",
            );)+
        };
        impl<O: ::zerocopy::ByteOrder> $crate::drr::Body<O> for $name<O> {
            const TYPE: $crate::drr::RecordType = $kind;
            const NAME: &'static str = $called;
            const FIELDS: &'static [$crate::describe::Field] = &[$($crate::describe::Field {
                name: stringify!($field),
                offset: $off,
                width: <$ty as $crate::describe::FieldType>::WIDTH,
                count: <$ty as $crate::describe::FieldType>::COUNT,
                doc: concat!($($fdoc),*),
            }),+];
            $(
                const PAYLOAD: $crate::payload::PayloadBound =
                    $crate::payload::PayloadBound::$bound;

                fn payload_len(&self, record: &$crate::drr::ReplayRecord<O>) -> u64 {
                    let len: fn(&Self, &$crate::drr::ReplayRecord<O>) -> u64 = $payload;
                    len(self, record)
                }
            )?
        }
    };
}
