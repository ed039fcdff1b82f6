//! A record header of either byte order, and the record in it in one order.

use super::error::StreamErrorKind;
use crate::Order;
use crate::byteswap::byteswap_with;
use crate::chain::{Chain, ChecksumMismatch};
use crate::describe::Description;
use crate::drr::{Begin, MAGIC, RECORD_SIZE, RecordType, ReplayRecord};
use static_assertions::assert_eq_size;
use zerocopy::byteorder::{BE, LE};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A record whose body is that of a BEGIN, or is taken for one.
#[derive(FromBytes, KnownLayout, Immutable)]
#[repr(C)]
struct AsBegin {
    _before: [u8; 8],
    begin: Begin<LE>,
}
assert_eq_size!(AsBegin, [u8; RECORD_SIZE]);

/// A record header as it lies in a stream: nothing of it is checked but the magic number of a BEGIN.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Header<'a> {
    raw: &'a [u8; RECORD_SIZE],
    /// Byte order in which it lies there.
    pub order: Order,
    /// Description of its type; `None` for a type that is not known.
    pub description: Option<&'static Description>,
}

impl<'a> Header<'a> {
    /// Reads a header. `order` is that of the stream, which a BEGIN tells by its magic number; `None` takes
    /// nothing but a BEGIN. `described` are record types that are not of this crate.
    ///
    /// # Errors
    /// If a BEGIN, or what should be one, does not have the magic number in either byte order.
    #[inline]
    pub fn read(
        raw: &'a [u8; RECORD_SIZE],
        order: Option<Order>,
        described: &'static [Description],
    ) -> Result<Self, StreamErrorKind> {
        let little: &ReplayRecord<LE> = zerocopy::transmute_ref!(raw);
        let big: &ReplayRecord<BE> = zerocopy::transmute_ref!(raw);
        // Zero, the type of BEGIN, is the same in both orders; before the first BEGIN there is
        // none, and what is no stream at all is told by its magic.
        let order = match order {
            Some(order) if little.record_type() != RecordType::BEGIN => order,
            Some(_) | None => {
                let AsBegin { begin, .. }: &AsBegin = zerocopy::transmute_ref!(raw);
                match begin.magic.get() {
                    MAGIC => Order::Little,
                    found if found.swap_bytes() == MAGIC => Order::Big,
                    found => return Err(StreamErrorKind::Magic { found }),
                }
            }
        };
        let kind = match order {
            Order::Little => little.record_type(),
            Order::Big => big.record_type(),
        };
        let described = described.iter().find(|d| d.record_type == kind);
        let description = kind.description().or(described);
        Ok(Self { raw, order, description })
    }

    /// The record in little-endian order: where it lies, if it has that order, else turned, in `room`.
    #[inline]
    pub fn record<'r>(&self, room: &'r mut Option<ReplayRecord<LE>>) -> &'r ReplayRecord<LE>
    where
        'a: 'r,
    {
        match self.order {
            Order::Little => zerocopy::transmute_ref!(self.raw),
            Order::Big => {
                let big: &ReplayRecord<BE> = zerocopy::transmute_ref!(self.raw);
                let fields = self.description.map_or(&[][..], |description| description.fields);
                room.insert(byteswap_with(big, fields))
            }
        }
    }

    /// Goes on with the header along the chain of sums: see [`Chain::check`].
    ///
    /// # Errors
    /// As [`Chain::check`].
    #[inline]
    pub fn check(&self, chain: &mut Chain) -> Result<(), ChecksumMismatch> {
        match self.order {
            Order::Little => chain.check::<LE>(zerocopy::transmute_ref!(self.raw)),
            Order::Big => chain.check::<BE>(zerocopy::transmute_ref!(self.raw)),
        }
    }
}
