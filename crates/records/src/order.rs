//! Byte order, of streams and of what lies on a disk.

use zerocopy::ByteOrder;
use zerocopy::byteorder::U16;

/// The byte order of the machine that wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Little-endian.
    #[default]
    Little,
    /// Big-endian.
    Big,
}

impl Order {
    /// The order that a type parameter of [`zerocopy`] names.
    pub fn of<O: ByteOrder>() -> Self {
        Self::from_big_endian(U16::<O>::from_bytes([0, 1]).get() == 1)
    }

    /// Big-endian if true, little-endian if not.
    pub const fn from_big_endian(is_big_endian: bool) -> Self {
        if is_big_endian { Self::Big } else { Self::Little }
    }

    /// The value of a word in this order.
    pub const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// A word's bytes in this order.
    pub const fn bytes(self, word: u64) -> [u8; 8] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::byteorder::{BE, LE};

    #[test]
    fn a_type_parameter_names_its_order() {
        assert_eq!(Order::of::<LE>(), Order::Little);
        assert_eq!(Order::of::<BE>(), Order::Big);
    }
}
