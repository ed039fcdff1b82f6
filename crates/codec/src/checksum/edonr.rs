//! Edon-R-512, the hash of the checksum `edonr`.
//!
//! A double pipe of sixteen 64-bit words takes in blocks of 128 bytes through a quasigroup of
//! order 2^512. What ZFS has is Edon-R', the submission's function with a later feedback: the old
//! pipe and the block, its halves exchanged, are added to the new pipe by XOR.
//!
//! Source of the constants: OpenZFS `module/icp/algs/edonr/edonr.c`, zfs-2.4.4, set down here as
//! tables. The designers' paper is D. Gligoroski and others, "Cryptographic Hash Function
//! Edon-R'"; the tables have not been compared with it.

/// The bytes of a block.
pub(super) const BLOCK: usize = 128;
/// The bytes of a digest.
pub(super) const DIGEST: usize = 64;

/// An element of the quasigroup.
type Half = [u64; 8];

/// One row of a Latin square: the five words that are added, and the rotation of their sum.
type Row = ([usize; 5], u32);

/// Spread of the left operand; a constant is added to word 0.
const LEFT: [Row; 8] = [
    ([0, 1, 2, 4, 7], 0),
    ([0, 1, 3, 4, 7], 5),
    ([0, 1, 4, 6, 7], 15),
    ([2, 3, 5, 6, 7], 22),
    ([1, 2, 3, 5, 6], 31),
    ([0, 2, 3, 4, 5], 40),
    ([0, 1, 5, 6, 7], 50),
    ([2, 3, 4, 5, 6], 59),
];
const LEFT_CONSTANT: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// Spread of the right operand; the constant's complement is added to word 0.
const RIGHT: [Row; 8] = [
    ([0, 1, 2, 5, 7], 0),
    ([0, 1, 3, 4, 6], 10),
    ([0, 1, 2, 3, 5], 19),
    ([2, 3, 4, 6, 7], 29),
    ([0, 1, 3, 4, 5], 36),
    ([2, 4, 5, 6, 7], 44),
    ([1, 2, 5, 6, 7], 48),
    ([0, 3, 4, 6, 7], 55),
];

/// For each word of a product, the three words of the left spread that are joined by XOR, and the
/// three of the right one; the two are then added.
const JOIN: [([usize; 3], [usize; 3]); 8] = [
    ([0, 1, 4], [0, 1, 5]),
    ([0, 4, 7], [2, 6, 7]),
    ([1, 6, 7], [0, 1, 3]),
    ([2, 3, 4], [0, 3, 4]),
    ([0, 1, 7], [1, 2, 5]),
    ([3, 5, 6], [3, 4, 6]),
    ([2, 5, 6], [2, 5, 7]),
    ([2, 3, 5], [4, 6, 7]),
];

#[inline(always)]
fn spread(x: &Half, rows: &[Row; 8], constant: u64) -> Half {
    let mut out = [0; 8];
    for (i, (terms, rotation)) in rows.iter().enumerate() {
        let start = if i == 0 { constant } else { 0 };
        let sum = terms.iter().fold(start, |sum, &j| sum.wrapping_add(x[j]));
        out[i] = sum.rotate_left(*rotation);
    }
    out
}

/// The quasigroup's operation.
#[inline(always)]
fn product(x: &Half, y: &Half) -> Half {
    let s = spread(x, &LEFT, LEFT_CONSTANT);
    let t = spread(y, &RIGHT, !LEFT_CONSTANT);
    let mut out = [0; 8];
    for (word, (a, b)) in out.iter_mut().zip(&JOIN) {
        *word = (s[a[0]] ^ s[a[1]] ^ s[a[2]]).wrapping_add(t[b[0]] ^ t[b[1]] ^ t[b[2]]);
    }
    out
}

fn reversed(x: &Half) -> Half {
    let mut out = *x;
    out.reverse();
    out
}

/// A hash that has taken in whole blocks.
#[derive(Clone)]
pub(super) struct EdonR {
    pipe: [Half; 2],
    /// Bytes taken in, a multiple of [`BLOCK`].
    taken: u64,
}

impl EdonR {
    /// The hash of nothing yet. The first pipe is the bytes 0x80 to 0xff, big-endian.
    pub(super) const fn new() -> Self {
        let mut pipe = [[0; 8]; 2];
        let mut word = 0x8081_8283_8485_8687_u64;
        let mut i = 0;
        while i < 16 {
            pipe[i / 8][i % 8] = word;
            word = word.wrapping_add(0x0808_0808_0808_0808);
            i += 1;
        }
        Self { pipe, taken: 0 }
    }

    /// Takes in one block.
    pub(super) fn block(&mut self, block: &[u8; BLOCK]) {
        let mut data = [[0; 8]; 2];
        for (word, bytes) in data.as_flattened_mut().iter_mut().zip(block.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let [low, high] = &data;
        let [old_low, old_high] = &self.pipe;
        // Four rows of the e-transformation: a leader, then each element by the one before it.
        let a = product(&reversed(high), low);
        let b = product(&a, high);
        let a = product(old_high, &a);
        let b = product(&a, &b);
        let a = product(&a, old_low);
        let b = product(&b, &a);
        let a = product(&reversed(low), &a);
        let b = product(&a, &b);
        for i in 0..8 {
            self.pipe[0][i] ^= high[i] ^ a[i];
            self.pipe[1][i] ^= low[i] ^ b[i];
        }
        self.taken = self.taken.wrapping_add(BLOCK as u64);
    }

    /// Takes in the rest and gives the digest: the pipe's second half.
    ///
    /// Padding is one bit, zeros, and the length in bits as a little-endian word.
    pub(super) fn finish(mut self, data: &[u8]) -> [u8; DIGEST] {
        let (blocks, tail) = data.as_chunks::<BLOCK>();
        for block in blocks {
            self.block(block);
        }
        let bits = self.taken.wrapping_add(tail.len() as u64).wrapping_mul(8);
        let mut last = [0; BLOCK];
        last[..tail.len()].copy_from_slice(tail);
        last[tail.len()] = 0x80;
        if tail.len() + 1 + 8 > BLOCK {
            self.block(&last);
            last = [0; BLOCK];
        }
        last[BLOCK - 8..].copy_from_slice(&bits.to_le_bytes());
        self.block(&last);
        let mut digest = [0; DIGEST];
        for (bytes, word) in digest.chunks_exact_mut(8).zip(self.pipe[1]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two messages and their digests from OpenZFS `tests/zfs-tests/cmd/checksum/edonr_test.c`.
    #[test]
    fn known_answers() {
        assert_eq!(
            EdonR::new().finish(b"abc").as_slice(),
            hex::decode(
                "1b14db155f1d406594b8cef70a4362ec6b5de6a5daf50ec999e987c19d3049e2\
                 de5977bb05b1bb220050a1ea5b46a9f1740acafbf6b45032adc90c628372c22b"
            )
            .unwrap()
        );
        let long = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
                     hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
        assert_eq!(
            EdonR::new().finish(long).as_slice(),
            hex::decode(
                "5351070dc51c3b2baca5a60d0252ccb4e4921a96fe5a69e76dad48fd21a0845a\
                 d57f880b3e4a907bc503151842bb949e1cba7439a6409a34b8436cb46921583c"
            )
            .unwrap()
        );
    }

    #[test]
    fn latin_squares_are_square() {
        for rows in [&LEFT, &RIGHT] {
            for word in 0..8 {
                // Five of the eight rows take in each word.
                assert_eq!(rows.iter().filter(|(terms, _)| terms.contains(&word)).count(), 5);
            }
        }
        for word in 0..8 {
            assert_eq!(JOIN.iter().filter(|(a, _)| a.contains(&word)).count(), 3);
            assert_eq!(JOIN.iter().filter(|(_, b)| b.contains(&word)).count(), 3);
        }
    }

    #[test]
    fn padding_takes_a_second_block_when_the_length_does_not_fit() {
        let data = [5; 2 * BLOCK];
        for len in [0, 1, 119, 120, 127, 128, 129] {
            // Whole blocks may be taken in before or at the end.
            let mut hash = EdonR::new();
            let (blocks, tail) = data[..len].as_chunks::<BLOCK>();
            for block in blocks {
                hash.block(block);
            }
            assert_eq!(hash.finish(tail), EdonR::new().finish(&data[..len]));
        }
    }
}
