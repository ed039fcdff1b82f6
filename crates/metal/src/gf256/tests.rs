//! Every kernel against the twin, and the twin against the definition.

use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// Lengths in the tests of any terms are below this: several steps of every kernel, but under Miri,
/// a thousand times slower, just more than the longest.
const LONGEST: usize = if cfg!(miri) { 270 } else { 1500 };
/// Most terms in those tests.
const MOST_TERMS: usize = if cfg!(miri) { 3 } else { 9 };

/// Sums by the definition, byte by byte.
fn by_definition<const M: usize>(lengths: [usize; M], terms: &[Term<'_, M>]) -> [Vec<u8>; M] {
    core::array::from_fn(|j| {
        let product =
            |b: usize, t: &Term<'_, M>| t.bytes.get(b).map_or(0, |&x| mul(x, t.factors[j]));
        (0..lengths[j]).map(|b| terms.iter().fold(0, |sum, t| sum ^ product(b, t))).collect()
    })
}

/// Bytes behind each sum that must stay as they were.
const BEHIND: usize = 7;

/// The sums of one kernel, each `shift` bytes into a buffer of its own.
fn sums_of<const M: usize>(
    kernel: Kernel<M>,
    lengths: [usize; M],
    shift: usize,
    terms: &[Term<'_, M>],
) -> [Vec<u8>; M] {
    let mut buffers = lengths.map(|len| vec![0xee; shift + len + BEHIND]);
    let inner = |buffer: &Vec<u8>| shift..buffer.len() - BEHIND;
    let sums = buffers.each_mut().map(|b| {
        let inner = inner(b);
        &mut b[inner]
    });
    in_stretches(sums, terms, kernel);
    buffers.map(|buffer| {
        let Range { start, end } = inner(&buffer);
        assert!(buffer[..start].iter().chain(&buffer[end..]).all(|&b| b == 0xee));
        buffer[start..end].to_vec()
    })
}

/// All kernels that this machine can run, the twin's first.
fn kernels<const M: usize>() -> Vec<(&'static str, Kernel<M>)> {
    #[allow(unused_mut, reason = "only some machines have more")]
    let mut all: Vec<(&'static str, Kernel<M>)> =
        vec![("twin", |_, _, range| range.start), ("chosen", vectors)];
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was just found.
            all.push(("AVX2", |s, t, r| unsafe { avx2::sum(s, t, r) }));
        }
        #[cfg(feature = "avx512")]
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("gfni")
        {
            // SAFETY: AVX-512F and GFNI were just found.
            all.push(("AVX-512", |s, t, r| unsafe { avx512::sum(s, t, r) }));
        }
    }
    all
}

fn check<const M: usize>(lengths: [usize; M], shift: usize, terms: &[Term<'_, M>]) {
    let want = by_definition(lengths, terms);
    for (name, kernel) in kernels() {
        let got = sums_of(kernel, lengths, shift, terms);
        assert!(got == want, "{name}: {lengths:?} of {} terms", terms.len());
    }
}

/// Bytes without a pattern.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn the_field_is_that_of_0x11d() {
    assert_eq!(mul(0x80, 2), 0x1d);
    assert_eq!(mul(0x53, inverse(0x53)), 1);
    for a in 1..=255 {
        assert_eq!(mul(a, inverse(a)), 1);
        assert_eq!(mul(a, 2), times_two(a));
    }
    assert_eq!((exp(0), exp(8), exp(255)), (1, 0x1d, 1));
}

#[test]
fn every_factor_times_every_byte_is_the_product() {
    let bytes: Vec<u8> = (0..=255).collect();
    for factor in (0..=255).step_by(if cfg!(miri) { 97 } else { 1 }) {
        check([256], 0, &[Term { bytes: &bytes, factors: [factor] }]);
    }
}

#[test]
fn every_length_up_to_two_steps_has_its_tail() {
    let bytes = noise(600, 1);
    for len in (0..600).filter(|len| !cfg!(miri) || matches!(len, 0 | 1 | 65 | 257)) {
        let terms = [
            Term { bytes: &bytes[..len], factors: [3, 0x8e] },
            Term { bytes: &bytes[600 - len..], factors: [1, 0xff] },
        ];
        check([len, len], len % 5, &terms);
    }
}

#[test]
fn sums_of_nothing_are_zero() {
    check([LONGEST, 3, 0], 1, &[]);
    check::<0>([], 0, &[Term { bytes: &[1, 2], factors: [] }]);
}

proptest! {
    #[test]
    fn any_terms_give_the_twins_sums(
        lengths in prop::array::uniform3(0..LONGEST),
        terms in prop::collection::vec(
            (0..LONGEST, 0..70usize, prop::array::uniform3(any::<u8>())), 0..MOST_TERMS,
        ),
        shift in 0..70usize,
        seed: u64,
    ) {
        let bytes = noise(LONGEST + 70, seed);
        let terms: Vec<Term<'_, 3>> = terms
            .iter()
            .map(|&(len, from, factors)| Term { bytes: &bytes[from..from + len], factors })
            .collect();
        check(lengths, shift, &terms);
    }

    #[test]
    fn columns_of_a_row_give_the_twins_sums(
        short in 0..LONGEST,
        sector in 0..LONGEST / 2,
        tall in 0..MOST_TERMS,
        factors in prop::collection::vec(prop::array::uniform2(any::<u8>()), 1..MOST_TERMS),
        shift in 0..70usize,
        seed: u64,
    ) {
        // As in a raidz: the first columns are one sector longer.
        let bytes = noise(2 * LONGEST + 31 * MOST_TERMS, seed);
        let len = |i: usize| short + if i < tall { sector } else { 0 };
        let terms: Vec<Term<'_, 2>> = factors
            .iter()
            .enumerate()
            .map(|(i, &factors)| Term { bytes: &bytes[31 * i..][..len(i)], factors })
            .collect();
        check([len(0), len(MOST_TERMS - 1)], shift, &terms);
    }
}
