//! Parity over GF(2^8): the factors of P, Q and R, and the columns that they give back.
//!
//! With data columns d_0 … d_(n-1), P is the sum of d_i, Q of 2^(n-1-i) d_i and R of 4^(n-1-i) d_i.
//! Short columns count as if zeros followed.
//!
//! Source: OpenZFS `module/zfs/vdev_raidz.c`, zfs-2.3.2.

use core::ops::Range;
use zsend_metal::gf256::{self, Term, inverse, mul};

/// Most parity columns of a raidz: `VDEV_RAIDZ_MAXPARITY`.
pub(crate) const MAX_PARITY: usize = 3;

/// Factor of data column `i` of `n` in parity `k`: 2^(k (n-1-i)).
fn coefficient(k: usize, n: usize, i: usize) -> u8 {
    gf256::exp(k * (n - 1 - i))
}

/// Computes the `missing` columns of `block` from the others and as many parity columns.
///
/// `data` are the bytes of all data columns in the block, those that are not empty in ascending order; `missing` are indices among them, and `parity` pairs of 0, 1 or 2 for P, Q or R with that
/// column's bytes. Returns whether it was possible, and then every byte of the missing columns was
/// written: not so if the numbers of missing and parity columns differ.
pub(super) fn reconstruct(
    block: &mut [u8],
    data: impl ExactSizeIterator<Item = Range<usize>>,
    missing: &[usize],
    parity: &[(usize, &[u8])],
) -> bool {
    let done = match missing.len() {
        0 => solve::<0>(block, data, missing, parity),
        1 => solve::<1>(block, data, missing, parity),
        2 => solve::<2>(block, data, missing, parity),
        MAX_PARITY => solve::<MAX_PARITY>(block, data, missing, parity),
        _ => None,
    };
    done.is_some()
}

/// [`reconstruct`] of `M` columns; `None` if it is not possible.
///
/// Parity `k` without the columns that are there is the sum of the missing ones, each times its
/// coefficient. So the missing columns are that matrix's inverse times those sums, and since the
/// sums are linear in what is there, so are the missing columns: no sum has to be kept.
fn solve<const M: usize>(
    block: &mut [u8],
    data: impl ExactSizeIterator<Item = Range<usize>>,
    missing: &[usize],
    parity: &[(usize, &[u8])],
) -> Option<()> {
    let missing: [usize; M] = missing.try_into().ok()?;
    let parity: [(usize, &[u8]); M] = parity.try_into().ok()?;
    let n = data.len();
    if n > 255 || missing.iter().any(|&i| i >= n) {
        return None;
    }
    let solution = invert(parity.map(|(k, _)| missing.map(|i| coefficient(k, n, i))))?;
    let factors = |coefficients: [u8; M]| {
        solution.map(|row| row.iter().zip(coefficients).fold(0, |sum, (&s, c)| sum ^ mul(s, c)))
    };
    let mut columns: [&mut [u8]; M] = core::array::from_fn(|_| Default::default());
    let mut terms = Vec::with_capacity(n);
    let (mut rest, mut done) = (block, 0);
    for (i, Range { start, end }) in data.enumerate().filter(|(_, column)| !column.is_empty()) {
        let (_, from) = rest.split_at_mut_checked(start.checked_sub(done)?)?;
        let (bytes, behind) = from.split_at_mut_checked(end - start)?;
        (rest, done) = (behind, end);
        match missing.iter().position(|&m| m == i) {
            Some(m) => columns[m] = bytes,
            None => {
                let factors = factors(parity.map(|(k, _)| coefficient(k, n, i)));
                terms.push(Term { bytes, factors });
            }
        }
    }
    for (i, (_, bytes)) in parity.iter().enumerate() {
        if columns.iter().any(|c| c.len() > bytes.len()) {
            return None;
        }
        terms.push(Term { bytes, factors: solution.map(|row| row[i]) });
    }
    gf256::dot(columns, &terms);
    Some(())
}

/// Inverts a matrix by Gauss and Jordan; `None` if it is singular.
fn invert<const M: usize>(mut a: [[u8; M]; M]) -> Option<[[u8; M]; M]> {
    let mut out = [[0; M]; M];
    for (i, row) in out.iter_mut().enumerate() {
        row[i] = 1;
    }
    for col in 0..M {
        let pivot = (col..M).find(|&r| a[r][col] != 0)?;
        a.swap(col, pivot);
        out.swap(col, pivot);
        let scale = inverse(a[col][col]);
        for i in 0..M {
            a[col][i] = mul(a[col][i], scale);
            out[col][i] = mul(out[col][i], scale);
        }
        for r in (0..M).filter(|&r| r != col) {
            let factor = a[r][col];
            for i in 0..M {
                let (x, y) = (a[col][i], out[col][i]);
                a[r][i] ^= mul(factor, x);
                out[r][i] ^= mul(factor, y);
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Parity by the definition, byte by byte.
    fn by_definition(columns: &[Vec<u8>], k: usize) -> Vec<u8> {
        let n = columns.len();
        let height = columns.iter().map(Vec::len).max().unwrap_or_default();
        (0..height)
            .map(|b| {
                columns.iter().enumerate().fold(0, |acc, (i, c)| {
                    acc ^ mul(coefficient(k, n, i), c.get(b).copied().unwrap_or_default())
                })
            })
            .collect()
    }

    /// Columns of a block in which the first `tall` are one sector longer than the others.
    fn columns() -> impl Strategy<Value = Vec<Vec<u8>>> {
        (1..12usize, 1..20usize, any::<u64>(), 1..700usize).prop_map(|(n, tall, seed, sector)| {
            let mut state = seed | 1;
            (0..n)
                .map(|i| {
                    let len = if i < tall { 2 * sector } else { sector };
                    (0..len)
                        .map(|_| {
                            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                            (state >> 56) as u8
                        })
                        .collect()
                })
                .collect()
        })
    }

    fn subsets(n: usize, most: usize) -> Vec<Vec<usize>> {
        (0u32..1 << n)
            .filter(|s| s.count_ones() as usize <= most)
            .map(|s| (0..n).filter(|i| s >> i & 1 != 0).collect())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_subset_of_columns_comes_back_from_every_subset_of_parity(cols in columns()) {
            let parity: Vec<Vec<u8>> = (0..3).map(|k| by_definition(&cols, k)).collect();
            let mut at = 0;
            let places: Vec<Range<usize>> = cols.iter().map(|c| {
                at += c.len();
                at - c.len()..at
            }).collect();
            let whole = cols.concat();
            for missing in subsets(cols.len(), 3) {
                for chosen in subsets(3, 3).iter().filter(|s| s.len() == missing.len()) {
                    let mut block = whole.clone();
                    for &i in &missing {
                        block[places[i].clone()].fill(0xee);
                    }
                    let given: Vec<_> = chosen.iter().map(|&k| (k, parity[k].as_slice())).collect();
                    prop_assert!(reconstruct(&mut block, places.iter().cloned(), &missing, &given));
                    prop_assert!(block == whole, "{missing:?} from {chosen:?}");
                }
            }
        }
    }

    #[test]
    fn too_little_parity_or_a_column_out_of_range_is_refused() {
        let data = [0..4, 4..8];
        let refused = |data: [Range<usize>; 2], missing: &[usize], parity: &[(usize, &[u8])]| {
            !reconstruct(&mut [0; 8], data.into_iter(), missing, parity)
        };
        assert!(!refused(data.clone(), &[0, 1], &[(0, &[0; 4]), (1, &[0; 4])]));
        assert!(refused(data.clone(), &[0, 1], &[(0, &[0; 4])]));
        assert!(refused(data.clone(), &[2], &[(0, &[0; 4])]));
        assert!(refused(data.clone(), &[0], &[(0, &[0; 3])]));
        assert!(refused(data.clone(), &[0, 1], &[(0, &[0; 4]), (0, &[0; 4])]));
        assert!(refused(data.clone(), &[1, 1], &[(0, &[0; 4]), (1, &[0; 4])]));
        let [first, second] = data;
        assert!(refused([second, first.clone()], &[0], &[(0, &[0; 4])]));
        assert!(refused([first.clone(), 3..7], &[0], &[(0, &[0; 4])]));
        assert!(refused([first, 4..9], &[0], &[(0, &[0; 5])]));
    }
}
