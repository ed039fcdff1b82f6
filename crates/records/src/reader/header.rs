//! A record header of either byte order, turned to one.

use super::error::StreamErrorKind;
use crate::Order;
use crate::byteswap::byteswap_with;
use crate::describe::Description;
use crate::drr::{Begin, MAGIC, RECORD_SIZE, RecordType, ReplayRecord};
use zerocopy::FromBytes;
use zerocopy::byteorder::{BE, LE};

/// A record header as it was read: nothing of it is checked but the magic number of a BEGIN.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Byte order in which it lay in the stream.
    pub order: Order,
    /// The header in little-endian order.
    pub header: ReplayRecord<LE>,
    /// Description of its type; `None` for a type that is not known.
    pub description: Option<&'static Description>,
}

impl Header {
    /// Reads a header. `order` is that of the stream, which a BEGIN tells by its magic number; `None` takes
    /// nothing but a BEGIN. `described` are record types that are not of this crate.
    ///
    /// # Errors
    /// If a BEGIN, or what should be one, does not have the magic number in either byte order.
    #[inline]
    pub fn read(
        raw: &[u8; RECORD_SIZE],
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
                let magic =
                    Begin::<LE>::ref_from_prefix(&raw[8..]).map(|(begin, _)| begin.magic.get());
                match magic {
                    Ok(MAGIC) => Order::Little,
                    Ok(found) if found.swap_bytes() == MAGIC => Order::Big,
                    found => return Err(StreamErrorKind::Magic { found: found.unwrap_or(0) }),
                }
            }
        };
        let kind = match order {
            Order::Little => little.record_type(),
            Order::Big => big.record_type(),
        };
        let described = described.iter().find(|d| d.record_type == kind);
        let description = kind.description().or(described);
        let fields = description.map_or(&[][..], |description| description.fields);
        let header = match order {
            Order::Little => *little,
            Order::Big => byteswap_with(big, fields),
        };
        Ok(Self { order, header, description })
    }
}
