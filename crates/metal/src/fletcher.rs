//! Fletcher-4 in lanes: `L` sums over every `L`th word, which vectorise, and their combination.

/// Words are read in this order.
trait WordOrder {
    /// One word from its four bytes.
    fn word(bytes: [u8; 4]) -> u32;
}

struct Little;
struct Big;

impl WordOrder for Little {
    #[inline(always)]
    fn word(bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(bytes)
    }
}

impl WordOrder for Big {
    #[inline(always)]
    fn word(bytes: [u8; 4]) -> u32 {
        u32::from_be_bytes(bytes)
    }
}

/// The four sums of `data`, little-endian words, from zero. Bytes that do not fill a word at the
/// end are left out.
pub fn fletcher4(data: &[u8]) -> [u64; 4] {
    dispatch::<Little>(data)
}

/// As [`fletcher4`], big-endian words.
pub fn fletcher4_byteswapped(data: &[u8]) -> [u64; 4] {
    dispatch::<Big>(data)
}

/// The safe twin of [`fletcher4`]: one word at a time.
pub fn fletcher4_portable(data: &[u8]) -> [u64; 4] {
    scalar::<Little>([0; 4], data)
}

/// Below this many bytes, combining the lanes costs more than it saves.
const SHORT: usize = 256;

fn dispatch<O: WordOrder>(data: &[u8]) -> [u64; 4] {
    if data.len() < SHORT {
        return scalar::<O>([0; 4], data);
    }
    // Only `std` can ask the machine what it has.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    {
        #[cfg(feature = "avx512")]
        if std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: the function needs AVX-512F and AVX-512BW, which the machine has, as was just
            // found; it has no other condition, being safe code throughout.
            return unsafe { avx512::<O>(data) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the function needs AVX2, which the machine has, as was just found; it has no
            // other condition, being safe code throughout.
            return unsafe { avx2::<O>(data) };
        }
    }
    // The compiler makes NEON of the lanes: with four vectors a sum, no addition waits for the one before.
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    return lanes::<O, 8>(data);
    // With vectors of two words, lanes are slower than one word at a time.
    #[cfg(not(all(target_arch = "aarch64", target_feature = "neon")))]
    scalar::<O>([0; 4], data)
}

#[cfg(all(target_arch = "x86_64", feature = "avx512"))]
#[target_feature(enable = "avx512f,avx512bw")]
fn avx512<O: WordOrder>(data: &[u8]) -> [u64; 4] {
    lanes::<O, 16>(data)
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
#[target_feature(enable = "avx2")]
fn avx2<O: WordOrder>(data: &[u8]) -> [u64; 4] {
    lanes::<O, 8>(data)
}

#[inline(always)]
fn scalar<O: WordOrder>([mut a, mut b, mut c, mut d]: [u64; 4], data: &[u8]) -> [u64; 4] {
    for word in data.as_chunks::<4>().0 {
        a = a.wrapping_add(u64::from(O::word(*word)));
        b = b.wrapping_add(a);
        c = c.wrapping_add(b);
        d = d.wrapping_add(c);
    }
    [a, b, c, d]
}

/// Sums in `L` lanes, then one result; the rest that fills no row of lanes goes word by word.
#[cfg(any(
    all(target_arch = "x86_64", feature = "std"),
    all(target_arch = "aarch64", target_feature = "neon"),
    test
))]
#[inline(always)]
fn lanes<O: WordOrder, const L: usize>(data: &[u8]) -> [u64; 4] {
    let (rows, _) = data.as_chunks::<4>().0.as_chunks::<L>();
    let (mut a, mut b, mut c, mut d) = ([0u64; L], [0u64; L], [0u64; L], [0u64; L]);
    for row in rows {
        for j in 0..L {
            a[j] = a[j].wrapping_add(u64::from(O::word(row[j])));
            b[j] = b[j].wrapping_add(a[j]);
            c[j] = c[j].wrapping_add(b[j]);
            d[j] = d[j].wrapping_add(c[j]);
        }
    }
    scalar::<O>(combine(&a, &b, &c, &d), &data[rows.len() * L * 4..])
}

/// The sums over all words from the sums of the lanes.
///
/// Lane `j` has every word that is `j` past a multiple of `L`. A word that is counted `k` times in
/// its lane's `b` is counted `m = Lk - j` times in the whole's, and `m(m+1)/2` and `m(m+1)(m+2)/6`
/// times in the higher sums. Written in `k`, `k(k+1)/2` and `k(k+1)(k+2)/6`, which are how often
/// the lane's own sums count it, those give the factors below. All are whole numbers.
#[cfg(any(
    all(target_arch = "x86_64", feature = "std"),
    all(target_arch = "aarch64", target_feature = "neon"),
    test
))]
#[inline(always)]
fn combine<const L: usize>(a: &[u64; L], b: &[u64; L], c: &[u64; L], d: &[u64; L]) -> [u64; 4] {
    let mut sums = [0u64; 4];
    let l = L as i64;
    for (j, n) in (0..l).zip(0..L) {
        let add = |sum: &mut u64, factor: i64, lane: u64| {
            // Two's complement makes a negative factor what it has to be modulo 2^64.
            *sum = sum.wrapping_add(factor.cast_unsigned().wrapping_mul(lane));
        };
        add(&mut sums[0], 1, a[n]);

        add(&mut sums[1], l, b[n]);
        add(&mut sums[1], -j, a[n]);

        add(&mut sums[2], l * l, c[n]);
        add(&mut sums[2], (l - 2 * l * j - l * l) / 2, b[n]);
        add(&mut sums[2], (j * j - j) / 2, a[n]);

        add(&mut sums[3], l * l * l, d[n]);
        add(&mut sums[3], l * l * (1 - j) - l * l * l, c[n]);
        let k = l * l * l - 3 * l * l * (1 - j) + 3 * l * j * j - 6 * l * j + 2 * l;
        add(&mut sums[3], k / 6, b[n]);
        add(&mut sums[3], (3 * j * j - j * j * j - 2 * j) / 6, a[n]);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// Lengths in the tests are below this; Miri is a thousand times slower.
    const LONGEST: usize = if cfg!(miri) { 600 } else { 5001 };

    #[test]
    fn every_width_agrees_with_one_word_at_a_time() {
        let data: Vec<u8> =
            (0u32..).take(LONGEST).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for len in [0, 3, 4, 255, 256, 260, 1000, 4096, 5000] {
            let Some(data) = data.get(..len) else { break };
            let want = scalar::<Little>([0; 4], data);
            assert_eq!(lanes::<Little, 2>(data), want);
            assert_eq!(lanes::<Little, 4>(data), want);
            assert_eq!(lanes::<Little, 8>(data), want);
            assert_eq!(lanes::<Little, 16>(data), want);
            assert_eq!(fletcher4(data), want);
            assert_eq!(fletcher4_byteswapped(data), scalar::<Big>([0; 4], data));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_the_twins_sums(data in prop::collection::vec(any::<u8>(), 0..LONGEST)) {
            prop_assert_eq!(fletcher4(&data), fletcher4_portable(&data));
            prop_assert_eq!(fletcher4_byteswapped(&data), scalar::<Big>([0; 4], &data));
        }

        #[test]
        fn full_words_wrap_as_the_twin_does(len in 0..LONGEST) {
            let data = vec![0xff; len];
            prop_assert_eq!(fletcher4(&data), fletcher4_portable(&data));
        }
    }
}
