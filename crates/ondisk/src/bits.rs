//! Fields of a few bits in a word.

use crate::LayoutError;

/// A field of some bits in a word of 64, at most 63 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    low: u32,
    len: u32,
}

impl Bits {
    /// `len` bits from bit `low` on.
    ///
    /// # Panics
    /// For no bit, for all 64, and for bits past the end of the word; a constant that is such does not
    /// compile.
    pub const fn new(low: u32, len: u32) -> Self {
        assert!(len > 0 && len < 64 && low + len <= 64);
        Self { low, len }
    }

    /// The greatest value that it can have.
    pub const fn most(self) -> u64 {
        (1 << self.len) - 1
    }

    /// Its bits in the word.
    pub const fn mask(self) -> u64 {
        self.most() << self.low
    }

    /// Its value in a word.
    #[inline]
    pub const fn get(self, word: u64) -> u64 {
        (word >> self.low) & self.most()
    }

    /// Returns true if a field of one bit is set, or one of several is not zero.
    #[inline]
    pub const fn is_set(self, word: u64) -> bool {
        word & self.mask() != 0
    }

    /// The value of a field of at most eight bits.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a field of at most eight bits fits")]
    pub(crate) const fn small(self, word: u64) -> u8 {
        debug_assert!(self.len <= 8);
        self.get(word) as u8
    }

    /// The word with another value in the field, of which only the bits that it has are taken.
    pub const fn put(self, word: u64, value: u64) -> u64 {
        (word & !self.mask()) | ((value & self.most()) << self.low)
    }

    /// A value at its place in a word, or an error if it is too great for the field.
    pub(crate) fn place(self, what: &'static str, value: u64) -> Result<u64, LayoutError> {
        if value > self.most() {
            return Err(LayoutError::field(what, value, format_args!("at most {}", self.most())));
        }
        Ok(value << self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_got_and_nothing_else_changes(
            (low, len) in (0..63u32).prop_flat_map(|low| (Just(low), 1..=(64 - low).min(63))),
            word in any::<u64>(),
            value in any::<u64>(),
        ) {
            let field = Bits::new(low, len);
            let cut = value & field.most();
            let put = field.put(word, value);
            prop_assert_eq!(field.get(put), cut);
            prop_assert_eq!(put & !field.mask(), word & !field.mask());
            prop_assert_eq!(field.is_set(put), cut != 0);
            let placed = field.place("field", value);
            prop_assert_eq!(placed.is_ok(), value == cut);
            prop_assert!(placed.is_err() || placed == Ok(put & field.mask()));
        }
    }
}
