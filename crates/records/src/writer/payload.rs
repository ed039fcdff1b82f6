//! Payloads as a writer takes them: bytes with their sum, or only how many there are.

use crate::Order;
use crate::fletcher::Fletcher4;
use bytes::Bytes;
use core::fmt::Debug;

/// Stand-in for the bytes after a record header.
///
/// A stream that is written takes a [`Payload`], one that is only counted a [`Counted`]. They are two
/// types, so that a stream cannot be written of payloads whose bytes are not there.
pub trait Measured: Clone + Debug + Send + Sync + 'static {
    /// No payload.
    const NONE: Self;

    /// Bytes of payload.
    fn size(&self) -> u64;
}

/// Bytes that follow a record header, with their Fletcher-4, which whoever has read them may have
/// computed: sums combine, see [`Fletcher4::then`].
#[derive(Clone, Debug)]
pub struct Payload {
    data: Bytes,
    sum: Fletcher4,
    /// Order of the words that the sum is of.
    order: Order,
}

impl Payload {
    /// Bytes whose sum is not known yet.
    pub fn new(data: impl Into<Bytes>) -> Self {
        let data = data.into();
        let sum = Fletcher4::of(&data);
        Self::with_sum(data, sum)
    }

    /// Bytes whose sum, taken from zero over little-endian words, is known.
    pub const fn with_sum(data: Bytes, sum: Fletcher4) -> Self {
        Self::with_sum_in(Order::Little, data, sum)
    }

    /// Bytes whose sum, taken from zero over words of this order, is known. A writer of another order sums up by itself.
    pub const fn with_sum_in(order: Order, data: Bytes, sum: Fletcher4) -> Self {
        Self { data, sum, order }
    }

    /// The bytes.
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// Their sum, from zero, over words of [`Self::order`].
    pub const fn sum(&self) -> Fletcher4 {
        self.sum
    }

    /// Order of the words that the sum is of.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// The sum, from zero, over words of this order: summed up anew if another is known.
    pub fn sum_in(&self, order: Order) -> Fletcher4 {
        if order == self.order { self.sum } else { Fletcher4::in_order(order, &self.data) }
    }
}

impl Measured for Payload {
    const NONE: Self = Self::with_sum(Bytes::new(), Fletcher4::ZERO);

    fn size(&self) -> u64 {
        self.data.len() as u64
    }
}

/// A payload of which only the length is known.
///
/// It cannot be written:
///
/// ```compile_fail,E0308
/// use zerocopy::{FromZeros, byteorder::LE};
/// use zsend_records::drr::WriteEmbedded;
/// use zsend_records::writer::{Counted, OutHeader, RecordSink, StreamWriter};
///
/// let embedded = WriteEmbedded::<LE>::new_zeroed();
/// StreamWriter::new(Vec::new()).take(OutHeader::of(&embedded), &Counted(0)).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted(
    /// Bytes.
    pub u64,
);

impl Measured for Counted {
    const NONE: Self = Self(0);

    fn size(&self) -> u64 {
        self.0
    }
}
