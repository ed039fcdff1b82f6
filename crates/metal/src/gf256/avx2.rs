//! Sums of products in vectors of 32 bytes: a product is that of the low half of each byte and that of the high half, both
//! looked up by a shuffle.

use super::Term;
use super::halves::HALVES;
use core::arch::x86_64::{
    __m128i, __m256i, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_xor_si256,
};
use core::ops::Range;

/// Vectors in a step: as many as fit into registers with three sums.
const VECTORS: usize = 2;

/// A [`super::Kernel`].
#[target_feature(enable = "avx2")]
pub(super) fn sum<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    const STEP: usize = 32 * VECTORS;
    let zero = _mm256_setzero_si256();
    let low_bits = _mm256_set1_epi8(0xf);
    let mut at = range.start;
    while range.end - at >= STEP {
        let mut acc = [[zero; VECTORS]; M];
        for term in terms {
            let Some(bytes) = term.bytes.get(at..at + STEP) else { continue };
            let (mut low, mut high) = ([zero; VECTORS], [zero; VECTORS]);
            for (v, bytes) in bytes.as_chunks::<32>().0.iter().enumerate() {
                let bytes = from_32(*bytes);
                low[v] = _mm256_and_si256(bytes, low_bits);
                high[v] = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low_bits);
            }
            for (acc, &factor) in acc.iter_mut().zip(&term.factors) {
                let [of_low, of_high] = &HALVES[usize::from(factor)];
                let of_low = _mm256_broadcastsi128_si256(from_16(*of_low));
                let of_high = _mm256_broadcastsi128_si256(from_16(*of_high));
                for (v, acc) in acc.iter_mut().enumerate() {
                    let low = _mm256_shuffle_epi8(of_low, low[v]);
                    let high = _mm256_shuffle_epi8(of_high, high[v]);
                    *acc = _mm256_xor_si256(*acc, _mm256_xor_si256(low, high));
                }
            }
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            let Some(out) = sum.get_mut(at..at + STEP) else { continue };
            for (out, acc) in out.as_chunks_mut::<32>().0.iter_mut().zip(acc) {
                *out = to_32(acc);
            }
        }
        at += STEP;
    }
    at
}

convert!(from_16, [u8; 16], __m128i);
convert!(from_32, [u8; 32], __m256i);
convert!(to_32, __m256i, [u8; 32]);
