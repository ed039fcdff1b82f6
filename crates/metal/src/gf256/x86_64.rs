//! Sums of products in vectors of 32 and 64 bytes.
//!
//! With 32 bytes, a product is that of the low half of each byte and that of the high half, both
//! looked up by a shuffle. With 64, it is one instruction of GFNI, which multiplies the bits of a
//! byte by a matrix: that a product is linear in its bits holds for any polynomial.

use super::halves::HALVES;
use super::{Term, mul};
use core::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_set1_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16, _mm256_xor_si256,
    _mm512_gf2p8affine_epi64_epi8, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_xor_si512,
};
use core::ops::Range;

/// Vectors of 32 bytes in a step: as many as fit into registers with three sums.
const AVX2_VECTORS: usize = 2;
/// Vectors of 64 bytes in a step.
const AVX512_VECTORS: usize = 4;

/// For each factor the matrix that multiplies by it, as the instruction wants it: which input bits
/// make output bit `i` is byte `7 - i`.
static MATRICES: [u64; 256] = {
    let mut matrices = [0; 256];
    // A factor of zero has zeros.
    let mut factor = u8::MAX;
    while factor > 0 {
        let mut input = 0;
        while input < 8 {
            let product = mul(factor, 1 << input);
            let mut output = 0;
            while output < 8 {
                let bit = (product >> output & 1) as u64;
                matrices[factor as usize] |= bit << (8 * (7 - output) + input);
                output += 1;
            }
            input += 1;
        }
        factor -= 1;
    }
    matrices
};

/// A [`super::Kernel`].
#[target_feature(enable = "avx2")]
pub(super) fn avx2<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    const STEP: usize = 32 * AVX2_VECTORS;
    let zero = _mm256_setzero_si256();
    let low_bits = _mm256_set1_epi8(0xf);
    let mut at = range.start;
    while range.end - at >= STEP {
        let mut acc = [[zero; AVX2_VECTORS]; M];
        for term in terms {
            let Some(bytes) = term.bytes.get(at..at + STEP) else { continue };
            let (mut low, mut high) = ([zero; AVX2_VECTORS], [zero; AVX2_VECTORS]);
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

/// A [`super::Kernel`].
#[target_feature(enable = "avx512f,gfni")]
pub(super) fn avx512<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    const STEP: usize = 64 * AVX512_VECTORS;
    let mut at = range.start;
    while range.end - at >= STEP {
        let mut acc = [[_mm512_setzero_si512(); AVX512_VECTORS]; M];
        for term in terms {
            let Some(bytes) = term.bytes.get(at..at + STEP) else { continue };
            for (acc, &factor) in acc.iter_mut().zip(&term.factors) {
                let matrix = _mm512_set1_epi64(MATRICES[usize::from(factor)].cast_signed());
                for (acc, bytes) in acc.iter_mut().zip(bytes.as_chunks::<64>().0) {
                    let product = _mm512_gf2p8affine_epi64_epi8::<0>(from_64(*bytes), matrix);
                    *acc = _mm512_xor_si512(*acc, product);
                }
            }
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            let Some(out) = sum.get_mut(at..at + STEP) else { continue };
            for (out, acc) in out.as_chunks_mut::<64>().0.iter_mut().zip(acc) {
                *out = to_64(acc);
            }
        }
        at += STEP;
    }
    at
}

convert!(from_16, [u8; 16], __m128i);
convert!(from_32, [u8; 32], __m256i);
convert!(from_64, [u8; 64], __m512i);
convert!(to_32, __m256i, [u8; 32]);
convert!(to_64, __m512i, [u8; 64]);
