//! Structures that are words of 64 bits, of which older software wrote fewer.

use alloc::vec::Vec;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A structure from words as values. Those that are missing count as zero, those that are too many as
/// nothing.
pub(crate) fn from_words<T: FromBytes + IntoBytes>(words: &[u64]) -> T {
    let mut phys = T::new_zeroed();
    for (to, word) in phys.as_mut_bytes().as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *to = word.to_le_bytes();
    }
    phys
}

/// The words of a structure as values.
pub(crate) fn to_words<T: IntoBytes + Immutable>(phys: &T) -> Vec<u64> {
    phys.as_bytes().as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

/// A structure from the whole words of a bonus. Those that are missing count as zero, those that are too
/// many as nothing.
pub(crate) fn of_bonus<T: FromBytes + IntoBytes>(bonus: &[u8]) -> T {
    let mut phys = T::new_zeroed();
    let words = phys.as_mut_bytes().as_chunks_mut::<8>().0;
    for (to, word) in words.iter_mut().zip(bonus.as_chunks::<8>().0) {
        *to = *word;
    }
    phys
}
