//! The field GF(2^8) of raidz parity, and sums of products over it.
//!
//! Its polynomial is x^8 + x^4 + x^3 + x^2 + 1. Every column of a raidz row is a sum of products of
//! enough others, so one pass over those gives up to three missing ones: nothing is computed in
//! between, and each byte is loaded once.

/// Defines a safe conversion between bytes and a vector, which has none in `core` yet.
#[allow(unused_macros, reason = "not every machine has vectors that are known here")]
macro_rules! convert {
    ($name:ident, $from:ty, $to:ty) => {
        #[inline(always)]
        fn $name(from: $from) -> $to {
            // SAFETY: both are of one size, which `transmute` checks, have no padding, and any
            // bits are a value of either.
            unsafe { core::mem::transmute::<$from, $to>(from) }
        }
    };
}

#[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
mod aarch64;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod avx2;
#[cfg(all(target_arch = "x86_64", feature = "avx512"))]
#[allow(clippy::incompatible_msrv, reason = "the feature needs a newer compiler than the rest")]
mod avx512;
#[cfg(any(
    all(target_arch = "x86_64", feature = "std"),
    all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
))]
mod halves;

use core::ops::Range;

/// The field's polynomial without its highest term.
const POLYNOMIAL: u8 = 0x1d;

/// Powers of two, twice over, so that a sum of two logarithms needs no reduction.
const EXP: [u8; 510] = {
    let mut exp = [0; 510];
    let mut x = 1u8;
    let mut i = 0;
    while i < 255 {
        exp[i] = x;
        exp[i + 255] = x;
        x = times_two(x);
        i += 1;
    }
    exp
};

/// Logarithms to base two; that of zero is not used.
const LOG: [u8; 256] = {
    let mut log = [0; 256];
    let mut i = 0u8;
    while i < 255 {
        log[EXP[i as usize] as usize] = i;
        i += 1;
    }
    log
};

// Written without a branch or a table, so that the compiler makes vector code of the loops.
const fn times_two(x: u8) -> u8 {
    (x << 1) ^ (0u8.wrapping_sub(x >> 7) & POLYNOMIAL)
}

/// Two to the power of `n`.
pub const fn exp(n: usize) -> u8 {
    EXP[n % 255]
}

/// The product of two numbers.
pub const fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[LOG[a as usize] as usize + LOG[b as usize] as usize]
}

/// The inverse of a number; zero has none and gives one.
pub const fn inverse(a: u8) -> u8 {
    EXP[255 - LOG[a as usize] as usize]
}

/// One term of `M` sums.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a, const M: usize> {
    /// Its bytes; as if zeros followed where a sum is longer.
    pub bytes: &'a [u8],
    /// Factor of each sum.
    pub factors: [u8; M],
}

/// Fills each of `sums` with the sum of the terms times its own factors.
///
/// Whatever the lengths, every byte of every sum is written. Vectors keep up to three sums in
/// registers; more are correct, but slower than several calls.
///
/// ```
/// use zsend_metal::gf256::{Term, dot, mul};
///
/// let (mut p, mut q) = ([0xee; 3], [0xee; 3]);
/// let terms = [
///     Term { bytes: &[1, 2, 3], factors: [1, 2] },
///     Term { bytes: &[0x80, 5], factors: [1, 1] },
/// ];
/// dot([&mut p, &mut q], &terms);
/// assert_eq!(p, [1 ^ 0x80, 2 ^ 5, 3]);
/// assert_eq!(q, [2 ^ 0x80, 4 ^ 5, mul(3, 2)]);
/// ```
pub fn dot<const M: usize>(sums: [&mut [u8]; M], terms: &[Term<'_, M>]) {
    in_stretches(sums, terms, vectors);
}

/// The safe twin of [`dot`]: no vectors but those that the compiler makes of loops.
pub fn dot_portable<const M: usize>(sums: [&mut [u8]; M], terms: &[Term<'_, M>]) {
    in_stretches(sums, terms, |_, _, range| range.start);
}

/// Sums a range of bytes in steps of its own width, and returns where the rest begins, which is
/// shorter than one step. Each slice either has the whole range or ends before it.
type Kernel<const M: usize> = fn(&mut [&mut [u8]; M], &[Term<'_, M>], Range<usize>) -> usize;

/// Goes from each length of any slice to the next, so that a kernel meets no end in between.
fn in_stretches<const M: usize>(
    mut sums: [&mut [u8]; M],
    terms: &[Term<'_, M>],
    kernel: Kernel<M>,
) {
    let longest = sums.iter().map(|s| s.len()).max().unwrap_or_default();
    let mut start = 0;
    while start < longest {
        let lengths = sums.iter().map(|s| s.len()).chain(terms.iter().map(|t| t.bytes.len()));
        let end = lengths.filter(|&l| l > start).min().unwrap_or(longest);
        let done = kernel(&mut sums, terms, start..end);
        let rest = strips::<M, 64>(&mut sums, terms, done..end);
        strips::<M, 1>(&mut sums, terms, rest..end);
        start = end;
    }
}

/// The widest kernel that the machine has.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
fn vectors<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    #[cfg(feature = "avx512")]
    if std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("gfni")
    {
        // SAFETY: the function needs AVX-512F and GFNI, which the machine has, as was just
        // found; it has no other condition, its slices being checked.
        return unsafe { avx512::sum(sums, terms, range) };
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the function needs AVX2, which the machine has, as was just found; it has no
        // other condition, its slices being checked.
        return unsafe { avx2::sum(sums, terms, range) };
    }
    range.start
}

/// The one kernel of a machine that always has NEON.
#[cfg(all(target_arch = "aarch64", target_endian = "little", target_feature = "neon"))]
fn vectors<const M: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    // SAFETY: the function needs NEON, which this is built for; it has no other condition, its slices
    // being checked.
    unsafe { aarch64::neon(sums, terms, range) }
}

/// No kernel: the machine has no vectors that are known here, or cannot be asked without `std`.
#[cfg(not(any(
    all(target_arch = "x86_64", feature = "std"),
    all(target_arch = "aarch64", target_endian = "little", target_feature = "neon")
)))]
fn vectors<const M: usize>(
    _: &mut [&mut [u8]; M],
    _: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    range.start
}

/// The kernel of the safe twin: Horner's rule over the bits of the factors, `W` bytes at a time.
fn strips<const M: usize, const W: usize>(
    sums: &mut [&mut [u8]; M],
    terms: &[Term<'_, M>],
    range: Range<usize>,
) -> usize {
    let end = range.end - range.len() % W;
    for (j, sum) in sums.iter_mut().enumerate() {
        let Some(sum) = sum.get_mut(range.start..end) else { continue };
        for (at, out) in (range.start..).step_by(W).zip(sum.as_chunks_mut::<W>().0) {
            let mut acc = [0; W];
            for bit in (0..8).rev() {
                acc.iter_mut().for_each(|a| *a = times_two(*a));
                for term in terms.iter().filter(|t| t.factors[j] >> bit & 1 != 0) {
                    let rest = term.bytes.get(at..).unwrap_or_default();
                    let Some(strip) = rest.first_chunk::<W>() else { continue };
                    acc.iter_mut().zip(strip).for_each(|(a, x)| *a ^= x);
                }
            }
            *out = acc;
        }
    }
    end
}

#[cfg(test)]
mod tests;
