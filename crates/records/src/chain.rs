//! The running checksum of a stream: what each record header is stamped with and checked against.

use crate::Order;
use crate::byteswap::byteswap_with;
use crate::describe::Field;
use crate::drr::{CHECKSUM_OFFSET, End, RecordType, ReplayRecord};
use crate::fletcher::Fletcher4;
use zerocopy::byteorder::{BE, LE, U64};
use zerocopy::{ByteOrder, IntoBytes};

/// The running Fletcher-4 of one stream, or of one substream of a package.
///
/// It starts at zero with each BEGIN, in the order of that BEGIN (which [`Chain::stamp`] and
/// [`Chain::check`] see to), and runs over every header and payload byte. A header's `checksum` field holds the sum up to that field,
/// and the field is then itself part of what follows.
///
/// Follows `dump_record()`, OpenZFS `module/zfs/dmu_send.c`, and `receive_read_record()`,
/// `module/zfs/dmu_recv.c`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    sum: Fletcher4,
    order: Order,
}

/// A stored checksum is not the sum of the bytes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("checksum is {}, expected {}", Hex4(found), Hex4(expected))]
pub struct ChecksumMismatch {
    /// Sum that the record holds.
    pub found: Fletcher4,
    /// Sum of the bytes before it.
    pub expected: Fletcher4,
}

/// Prints the four sums as `zstream dump` does: hexadecimal, slashes between.
struct Hex4<'a>(&'a Fletcher4);

impl core::fmt::Display for Hex4<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Fletcher4 { a, b, c, d } = self.0;
        write!(f, "{a:x}/{b:x}/{c:x}/{d:x}")
    }
}

impl Chain {
    /// The sum of nothing, as before a BEGIN.
    pub const fn new() -> Self {
        Self::in_order(Order::Little)
    }

    /// The sum of nothing, over words of this order.
    pub const fn in_order(order: Order) -> Self {
        Self { sum: Fletcher4::ZERO, order }
    }

    /// A chain that goes on from this sum, over words of this order: where the bytes before are not there, or
    /// not to be trusted.
    pub const fn from_sum(sum: Fletcher4, order: Order) -> Self {
        Self { sum, order }
    }

    /// The sum of everything so far.
    pub const fn sum(&self) -> Fletcher4 {
        self.sum
    }

    /// The order of the words that are summed.
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Goes on with a record header that is to be written, and stores the sum in it.
    ///
    /// A BEGIN starts the chain afresh, in its order, and gets no checksum: its name lies there. The
    /// `end_checksum` of an END must have been set to [`Chain::sum`] before; [`Chain::end`] does
    /// both.
    pub fn stamp<O: ByteOrder>(&mut self, record: &mut ReplayRecord<O>) {
        let begin = record.record_type() == RecordType::BEGIN;
        if begin {
            *self = Self::in_order(Order::of::<O>());
        }
        self.payload(&record.as_bytes()[..CHECKSUM_OFFSET]);
        if !begin {
            record.checksum = self.sum.words().map(U64::new);
        }
        self.payload(&record.as_bytes()[CHECKSUM_OFFSET..]);
    }

    /// The stamped END of a stream that sent the snapshot with guid `toguid`.
    pub fn end<O: ByteOrder>(&mut self, toguid: u64) -> ReplayRecord<O> {
        let mut record = ReplayRecord::new(&End::<O> {
            end_checksum: self.sum.words().map(U64::new),
            toguid: U64::new(toguid),
        });
        self.stamp(&mut record);
        record
    }

    /// Goes on with payload bytes, in the order of the stream.
    ///
    /// A payload may come in pieces if all but the last are multiples of four bytes long; up to
    /// three bytes at the end that do not fill a word are ignored, as the reference ignores them.
    pub fn payload(&mut self, data: &[u8]) {
        match self.order {
            Order::Little => self.sum.update(data),
            Order::Big => self.sum.update_byteswapped(data),
        }
    }

    /// Goes on with a payload of `len` bytes whose own sum, taken from zero over words of the chain's
    /// order, is `tail`.
    pub fn payload_sum(&mut self, tail: Fletcher4, len: u64) {
        self.sum = self.sum.then(tail, len);
    }

    /// As [`Self::check`], of a header that was turned to little-endian order and lay in the stream in this one.
    /// `fields` are those of its type.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_turned(
        &mut self,
        record: &ReplayRecord<LE>,
        order: Order,
        fields: &[Field],
    ) -> Result<(), ChecksumMismatch> {
        match order {
            Order::Little => self.check(record),
            Order::Big => self.check::<BE>(&byteswap_with(record, fields)),
        }
    }

    /// Goes on with a record header that was read, and checks its stored checksum.
    ///
    /// A BEGIN starts the chain afresh, in its order. A stored checksum of all zeros is accepted unchecked, as receivers do; the END records of a package
    /// are written so. An END's `end_checksum` is not looked at; see [`Chain::check_end`].
    ///
    /// # Errors
    /// If the stored checksum differs; the chain has then gone on all the same.
    pub fn check<O: ByteOrder>(
        &mut self,
        record: &ReplayRecord<O>,
    ) -> Result<(), ChecksumMismatch> {
        let begin = record.record_type() == RecordType::BEGIN;
        if begin {
            *self = Self::in_order(Order::of::<O>());
        }
        let (head, tail) = record.as_bytes().split_at(CHECKSUM_OFFSET);
        self.payload(head);
        let expected = self.sum;
        self.payload(tail);
        let found = Fletcher4::from_words(record.checksum.map(U64::get));
        if begin || found == Fletcher4::ZERO || found == expected {
            Ok(())
        } else {
            Err(ChecksumMismatch { found, expected })
        }
    }

    /// Checks the `end_checksum` of an END, to be called before [`Chain::check`] takes the record
    /// in. The last END of a package passes: it is all zeros, and so is the sum of nothing.
    ///
    /// # Errors
    /// If it is not the sum of everything before that record.
    pub fn check_end<O: ByteOrder>(&self, end: &End<O>) -> Result<(), ChecksumMismatch> {
        let found = Fletcher4::from_words(end.end_checksum.map(U64::get));
        if found == self.sum { Ok(()) } else { Err(ChecksumMismatch { found, expected: self.sum }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drr::{Begin, Free, MAGIC, NAME_SIZE};
    use alloc::string::ToString;
    use zerocopy::FromZeros;
    use zerocopy::byteorder::{BE, LE};

    fn begin() -> ReplayRecord<LE> {
        let mut begin = Begin::<LE>::new_zeroed();
        begin.magic = U64::new(MAGIC);
        begin.toname = [b'n'; NAME_SIZE];
        ReplayRecord::new(&begin)
    }

    fn free() -> ReplayRecord<LE> {
        let mut free = Free::<LE>::new_zeroed();
        free.object = U64::new(7);
        ReplayRecord::new(&free)
    }

    #[test]
    fn what_is_stamped_checks() {
        let mut chain = Chain::new();
        // Left over from before; BEGIN must forget it.
        chain.payload(b"old!");
        let (mut first, mut second) = (begin(), free());
        chain.stamp(&mut first);
        assert_eq!(first.as_bytes(), begin().as_bytes());
        chain.payload(&[1, 2, 3, 4]);
        chain.stamp(&mut second);
        let end = chain.end::<LE>(9);

        let mut reader = Chain::default();
        assert_eq!(reader.check(&first), Ok(()));
        reader.payload_sum(Fletcher4::of(&[1, 2, 3, 4]), 4);
        assert_eq!(reader.check(&second), Ok(()));
        let body = end.body_as::<End<LE>>().expect("an END");
        assert_eq!(reader.check_end(body), Ok(()));
        assert_eq!(reader.check(&end), Ok(()));
        assert_eq!(reader, chain);
    }

    #[test]
    fn a_wrong_sum_is_told_beside_the_right_one() {
        let mut chain = Chain::new();
        let mut record = free();
        chain.stamp(&mut record);
        let right = Fletcher4::from_words(record.checksum.map(U64::get));
        record.checksum[3] = U64::new(5);
        let error = Chain::new().check(&record).expect_err("differs");
        assert_eq!(error.expected, right);
        assert_eq!(error.found.d, 5);
        assert!(error.to_string().starts_with("checksum is "));
    }

    #[test]
    fn a_zero_sum_is_not_checked_but_is_summed() {
        let mut chain = Chain::new();
        assert_eq!(chain.check(&free()), Ok(()));
        assert_eq!(chain.sum(), Fletcher4::of(free().as_bytes()));
    }

    #[test]
    fn a_swapped_record_sums_to_the_same() {
        let mut chain = Chain::new();
        let mut record = free();
        chain.stamp(&mut record);
        // Word-swap what the sums are over, then put 64-bit values in order.
        let mut swapped = ReplayRecord::<BE>::new_zeroed();
        swapped.drr_type = 4.into();
        swapped.body[6..8].copy_from_slice(&[0, 7]);
        let mut expected = Chain::in_order(Order::Big);
        expected.payload(&swapped.as_bytes()[..CHECKSUM_OFFSET]);
        swapped.checksum = expected.sum().words().map(U64::new);
        assert_eq!(Chain::in_order(Order::Big).check(&swapped), Ok(()));
        assert!(Chain::new().check(&swapped).is_err());
    }
}
