//! Sums of products in vectors of 16 bytes.
//!
//! A product is that of the low half of each byte and that of the high half, both looked up in a vector.

use super::Term;
use super::halves::HALVES;
use core::arch::aarch64::{uint8x16_t, vandq_u8, vdupq_n_u8, veorq_u8, vqtbl1q_u8, vshrq_n_u8};
use core::ops::Range;

/// Vectors in a step: as many as fit into registers with three sums.
const VECTORS: usize = 4;

/// A [`super::Kernel`].
#[target_feature(enable = "neon")]
pub(super) fn neon<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    const STEP: usize = 16 * VECTORS;
    let zero = vdupq_n_u8(0);
    let low_bits = vdupq_n_u8(0xf);
    let mut at = range.start;
    while range.end - at >= STEP {
        let mut acc = [[zero; VECTORS]; M];
        for term in terms {
            let Some(bytes) = term.bytes.get(at..at + STEP) else { continue };
            let (mut low, mut high) = ([zero; VECTORS], [zero; VECTORS]);
            for (v, bytes) in bytes.as_chunks::<16>().0.iter().enumerate() {
                let bytes = from_16(*bytes);
                low[v] = vandq_u8(bytes, low_bits);
                high[v] = vshrq_n_u8::<4>(bytes);
            }
            for (acc, &factor) in acc.iter_mut().zip(&term.factors) {
                let [of_low, of_high] = HALVES[usize::from(factor)].map(from_16);
                for (v, acc) in acc.iter_mut().enumerate() {
                    let product =
                        veorq_u8(vqtbl1q_u8(of_low, low[v]), vqtbl1q_u8(of_high, high[v]));
                    *acc = veorq_u8(*acc, product);
                }
            }
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            let Some(out) = sum.get_mut(at..at + STEP) else { continue };
            for (out, acc) in out.as_chunks_mut::<16>().0.iter_mut().zip(acc) {
                *out = to_16(acc);
            }
        }
        at += STEP;
    }
    at
}

convert!(from_16, [u8; 16], uint8x16_t);
convert!(to_16, uint8x16_t, [u8; 16]);
