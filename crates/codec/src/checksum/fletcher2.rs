//! Fletcher-2: the checksum of old pools and of their intent logs.

/// The sums of `data`, read as pairs of 64-bit words through `word`.
///
/// In the order in which a block pointer has them: the sum of the first words of the pairs, that
/// of the second words, and the sums of those two running sums, modulo 2^64. Bytes at the end that
/// do not fill a pair are ignored; blocks have none.
///
/// Source: OpenZFS `module/zcommon/zfs_fletcher.c`, `fletcher_2_incremental_native`, zfs-2.3.2.
pub(super) fn fletcher2(data: &[u8], word: fn([u8; 8]) -> u64) -> [u64; 4] {
    let [mut a0, mut a1, mut b0, mut b1] = [0u64; 4];
    let (words, _) = data.as_chunks::<8>();
    let (pairs, _) = words.as_chunks::<2>();
    for &[w0, w1] in pairs {
        a0 = a0.wrapping_add(word(w0));
        a1 = a1.wrapping_add(word(w1));
        b0 = b0.wrapping_add(a0);
        b1 = b1.wrapping_add(a1);
    }
    [a0, a1, b0, b1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pairs_in_both_orders() {
        let words = [1u64, 10, 2, 20];
        let little: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let big: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        assert_eq!(fletcher2(&little, u64::from_le_bytes), [3, 30, 4, 40]);
        assert_eq!(fletcher2(&big, u64::from_be_bytes), [3, 30, 4, 40]);
    }

    #[test]
    fn sums_wrap() {
        assert_eq!(
            fletcher2(&[0xff; 32], u64::from_le_bytes),
            [u64::MAX - 1, u64::MAX - 1, u64::MAX - 2, u64::MAX - 2,]
        );
    }
}
