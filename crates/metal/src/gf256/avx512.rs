//! Sums of products in vectors of 64 bytes: a product is one instruction of GFNI, which multiplies the bits of a byte by a
//! matrix. That a product is linear in its bits holds for any polynomial.

use super::{Term, mul};
use core::arch::x86_64::{
    __m512i, _mm512_gf2p8affine_epi64_epi8, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_xor_si512,
};
use core::ops::Range;

/// Vectors in a step.
const VECTORS: usize = 4;

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
#[target_feature(enable = "avx512f,gfni")]
pub(super) fn sum<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    const STEP: usize = 64 * VECTORS;
    let mut at = range.start;
    while range.end - at >= STEP {
        let mut acc = [[_mm512_setzero_si512(); VECTORS]; M];
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

convert!(from_64, [u8; 64], __m512i);
convert!(to_64, __m512i, [u8; 64]);
