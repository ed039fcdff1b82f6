//! Words whose bytes are reversed: what a machine of the other byte order has written.

/// Reverses the bytes of every word of `N` bytes, in place. A rest that fills no word is left alone.
pub fn reverse_words<const N: usize>(data: &mut [u8]) {
    // Only `std` can ask the machine what it has.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the function needs AVX2, which the machine has, as was just found; it has no other condition, being
        // safe code throughout.
        return unsafe { avx2::<N>(data) };
    }
    each::<N>(data);
}

#[cfg(all(target_arch = "x86_64", feature = "std"))]
#[target_feature(enable = "avx2")]
fn avx2<const N: usize>(data: &mut [u8]) {
    each::<N>(data);
}

/// The compiler makes shuffles of it, as wide as whoever inlines it may have.
#[inline(always)]
fn each<const N: usize>(data: &mut [u8]) {
    for word in data.as_chunks_mut::<N>().0 {
        word.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn twin(data: &[u8], len: usize) -> Vec<u8> {
        let words = data.chunks_exact(len);
        let rest = words.remainder();
        let turned = words.flat_map(|word| word.iter().rev());
        turned.chain(rest).copied().collect()
    }

    proptest! {
        #[test]
        fn any_bytes_are_turned_as_the_twin_turns_them(
            data in prop::collection::vec(any::<u8>(), 0..if cfg!(miri) { 100 } else { 700 }),
            from in 0..9usize,
        ) {
            let data = &data[from.min(data.len())..];
            let mut turned = vec![data.to_vec(); 3];
            reverse_words::<2>(&mut turned[0]);
            reverse_words::<4>(&mut turned[1]);
            reverse_words::<8>(&mut turned[2]);
            prop_assert_eq!(&turned[0], &twin(data, 2));
            prop_assert_eq!(&turned[1], &twin(data, 4));
            prop_assert_eq!(&turned[2], &twin(data, 8));
        }
    }
}
