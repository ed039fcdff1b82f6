//! Fletcher-4: the sum of streams and of most blocks, in one pass, in pieces, and combined.

use crate::Order;

/// The four running sums of Fletcher-4 over 32-bit words.
///
/// `a` is the sum of the words, `b` the sum of the running `a`, and so on, all modulo 2^64.
/// Source: OpenZFS `module/zcommon/zfs_fletcher.c`, zfs-2.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Fletcher4 {
    /// Sum of the words.
    pub a: u64,
    /// Sum of the sums.
    pub b: u64,
    /// Third order.
    pub c: u64,
    /// Fourth order.
    pub d: u64,
}

impl Fletcher4 {
    /// The sum of nothing.
    pub const ZERO: Self = Self { a: 0, b: 0, c: 0, d: 0 };

    /// The sum of `data` read as little-endian words. Up to three bytes at the end that do not
    /// fill a word are ignored, as the reference ignores them.
    pub fn of(data: &[u8]) -> Self {
        Self::from_words(zsend_metal::fletcher4(data))
    }

    /// The sum of `data` read as big-endian words.
    pub fn of_byteswapped(data: &[u8]) -> Self {
        Self::from_words(zsend_metal::fletcher4_byteswapped(data))
    }

    /// The sum of `data` read as words of this order.
    pub fn in_order(order: Order, data: &[u8]) -> Self {
        match order {
            Order::Little => Self::of(data),
            Order::Big => Self::of_byteswapped(data),
        }
    }

    /// Goes on with `data`, little-endian words.
    pub fn update(&mut self, data: &[u8]) {
        *self = self.then(Self::of(data), data.len() as u64);
    }

    /// Goes on with `data`, big-endian words.
    pub fn update_byteswapped(&mut self, data: &[u8]) {
        *self = self.then(Self::of_byteswapped(data), data.len() as u64);
    }

    /// The sum of a concatenation, from the sum of its first part (`self`), the sum of its second
    /// part taken from zero, and the second part's length in bytes (a multiple of four).
    ///
    /// Fletcher-4 is linear: after `m` more words each sum is itself plus binomial multiples of the
    /// lower ones, plus what the new words add alone. So payload bytes need be read only once, by
    /// whoever has them, in any order.
    #[must_use]
    pub fn then(self, tail: Self, tail_bytes: u64) -> Self {
        // Words are fewer than 2^62. Of two or three numbers in a row one is even and one a multiple of three, so each
        // division is exact on one factor, and the products are then taken modulo 2^64.
        let m1 = tail_bytes / 4;
        let (half, odd) =
            if m1.is_multiple_of(2) { (m1 / 2, m1 + 1) } else { (m1.div_ceil(2), m1) };
        let m2 = half.wrapping_mul(odd);
        let next = m1 + 2;
        let m3 = match (half % 3, odd % 3) {
            (0, _) => (half / 3).wrapping_mul(odd).wrapping_mul(next),
            (_, 0) => half.wrapping_mul(odd / 3).wrapping_mul(next),
            _ => m2.wrapping_mul(next / 3),
        };
        Self {
            a: self.a.wrapping_add(tail.a),
            b: self.b.wrapping_add(m1.wrapping_mul(self.a)).wrapping_add(tail.b),
            c: self
                .c
                .wrapping_add(m1.wrapping_mul(self.b))
                .wrapping_add(m2.wrapping_mul(self.a))
                .wrapping_add(tail.c),
            d: self
                .d
                .wrapping_add(m1.wrapping_mul(self.c))
                .wrapping_add(m2.wrapping_mul(self.b))
                .wrapping_add(m3.wrapping_mul(self.a))
                .wrapping_add(tail.d),
        }
    }

    /// The four sums in the order in which they are stored.
    pub const fn words(self) -> [u64; 4] {
        [self.a, self.b, self.c, self.d]
    }

    /// The sums from their stored order.
    pub const fn from_words(w: [u64; 4]) -> Self {
        Self { a: w[0], b: w[1], c: w[2], d: w[3] }
    }
}

/// Cuts data that comes in pieces into whole words: the sums are over words, and a piece may end within one.
#[derive(Clone, Copy, Debug, Default)]
pub struct WholeWords {
    partial: [u8; 4],
    len: usize,
}

impl WholeWords {
    /// Gives `sum` the next piece, in whole words, in one or two parts. What does not fill a word is kept for
    /// the next piece.
    pub fn feed(&mut self, mut data: &[u8], mut sum: impl FnMut(&[u8])) {
        if self.len > 0 {
            let take = data.len().min(4 - self.len);
            self.partial[self.len..self.len + take].copy_from_slice(&data[..take]);
            self.len += take;
            data = &data[take..];
            if self.len == 4 {
                sum(&self.partial);
                self.len = 0;
            }
        }
        let (words, rest) = data.split_at(data.len() / 4 * 4);
        sum(words);
        if !rest.is_empty() {
            self.partial[..rest.len()].copy_from_slice(rest);
            self.len = rest.len();
        }
    }

    /// Forgets what does not fill a word: the data are over, and the reference leaves it out.
    pub const fn clear(&mut self) {
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn words_one_two_three() {
        let data: Vec<u8> = [1u32, 2, 3].iter().flat_map(|w| w.to_le_bytes()).collect();
        assert_eq!(Fletcher4::of(&data).words(), [6, 10, 15, 21]);
        let swapped: Vec<u8> = [1u32, 2, 3].iter().flat_map(|w| w.to_be_bytes()).collect();
        assert_eq!(Fletcher4::of_byteswapped(&swapped).words(), [6, 10, 15, 21]);
    }

    #[test]
    fn combining_takes_every_length() {
        let words: Vec<u8> =
            (0..3 * 4 * 64).map(|i: u32| u8::try_from(i * 89 % 256).expect("a byte")).collect();
        for at in (0..words.len()).step_by(4) {
            let (head, tail) = words.split_at(at);
            let both = Fletcher4::of(head).then(Fletcher4::of(tail), tail.len() as u64);
            assert_eq!(both, Fletcher4::of(&words), "{at}");
        }
        // The longest that there is: three numbers in a row that are beyond 32 bits.
        let (head, long) = (Fletcher4 { a: 1, ..Fletcher4::ZERO }, u64::MAX / 4 * 4);
        let m = u128::from(long / 4);
        let low = |sum: u128| u64::try_from(sum % (1 << 64)).expect("64 bits");
        // m (m + 1) (m + 2) / 6, where m = 2^62 - 1 is a multiple of three and m + 1 is even.
        let third = low(u128::from(low((m / 3) * m.div_ceil(2))) * (m + 2));
        let expected = [1, low(m), low(m * (m + 1) / 2), third];
        assert_eq!(head.then(Fletcher4::ZERO, long).words(), expected);
    }

    #[test]
    fn combining_a_very_long_tail_wraps_as_one_pass_would() {
        // 2^40 zero bytes: adding them in two halves must equal adding them at once.
        let head = Fletcher4::of(&[0xff; 400]);
        let half = head.then(Fletcher4::ZERO, 1 << 39).then(Fletcher4::ZERO, 1 << 39);
        assert_eq!(half, head.then(Fletcher4::ZERO, 1 << 40));
    }

    proptest! {
        #[test]
        fn combine_equals_one_pass(
            data in prop::collection::vec(any::<u8>(), 0..4096),
            cut in 0usize..1024,
        ) {
            let data = &data[..data.len() / 4 * 4];
            let cut = (cut * 4).min(data.len());
            let (head, tail) = data.split_at(cut);
            prop_assert_eq!(
                Fletcher4::of(head).then(Fletcher4::of(tail), tail.len() as u64),
                Fletcher4::of(data)
            );
            let mut pieces = Fletcher4::ZERO;
            pieces.update(head);
            pieces.update(tail);
            prop_assert_eq!(pieces, Fletcher4::of(data));
            let mut swapped = data.to_vec();
            for w in swapped.as_chunks_mut::<4>().0 { w.reverse(); }
            prop_assert_eq!(Fletcher4::of_byteswapped(&swapped), Fletcher4::of(data));
        }
    }
}
