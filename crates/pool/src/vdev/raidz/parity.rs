//! Parity over GF(2^8): the syndromes of P, Q and R, and the columns that they give back.
//!
//! With data columns d_0 … d_(n-1), P is the sum of d_i, Q of 2^(n-1-i) d_i and R of 4^(n-1-i) d_i,
//! in the field of polynomial 0x11D. Short columns count as if zeros followed.
//!
//! Source: OpenZFS `module/zfs/vdev_raidz.c`, zfs-2.3.2.

/// The field's polynomial without its highest term.
const POLYNOMIAL: u8 = 0x1d;
/// Most parity columns of a raidz: `VDEV_RAIDZ_MAXPARITY`.
pub(crate) const MAX_PARITY: usize = 3;
/// Bytes of each column that are worked on together, so that syndromes stay in the first cache.
const CHUNK: usize = 4096;

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

fn mul(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[usize::from(LOG[usize::from(a)]) + usize::from(LOG[usize::from(b)])]
}

/// The inverse of a number that is not zero.
fn inverse(a: u8) -> u8 {
    EXP[255 - usize::from(LOG[usize::from(a)])]
}

/// What parity `k` multiplies data column `i` of `n` by: 2^(k (n-1-i)).
fn coefficient(k: usize, n: usize, i: usize) -> u8 {
    EXP[(k * (n - 1 - i)) % 255]
}

/// The place of a column in the block's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Where it starts.
    pub(super) at: usize,
    /// Its bytes; may be fewer than parity's.
    pub(super) len: usize,
}

/// Computes the `missing` columns of `block` from the others and as many parity columns.
///
/// `data` are all data columns in order, `missing` indices among them, and `parity` pairs of 0, 1
/// or 2 for P, Q or R with that column's bytes. Returns whether it was possible: not so if the
/// numbers of missing and parity columns differ.
pub(super) fn reconstruct(
    block: &mut [u8],
    data: &[Extent],
    missing: &[usize],
    parity: &[(usize, &[u8])],
) -> bool {
    let n = data.len();
    let m = missing.len();
    if m != parity.len() || m > MAX_PARITY || n > 255 || missing.iter().any(|&i| i >= n) {
        return false;
    }
    let mut matrix = [[0; MAX_PARITY]; MAX_PARITY];
    for (row, (k, _)) in matrix.iter_mut().zip(parity) {
        for (cell, &i) in row.iter_mut().zip(missing) {
            *cell = coefficient(*k, n, i);
        }
    }
    let Some(solution) = invert(matrix, m) else { return false };
    let height = missing.iter().map(|&i| data[i].len).max().unwrap_or(0);
    if parity.iter().any(|(_, p)| p.len() < height) {
        return false;
    }
    let mut syndromes = [[0; CHUNK]; MAX_PARITY];
    for start in (0..height).step_by(CHUNK) {
        let end = (start + CHUNK).min(height);
        for (syndrome, (k, bytes)) in syndromes.iter_mut().zip(parity) {
            let syndrome = &mut syndrome[..end - start];
            sum(block, data, missing, *k, start, syndrome);
            add(syndrome, &bytes[start..end]);
        }
        for (&i, row) in missing.iter().zip(&solution) {
            let column = data[i];
            let end = end.min(column.len);
            if start < end {
                let out = &mut block[column.at + start..column.at + end];
                out.fill(0);
                for (syndrome, &c) in syndromes.iter().zip(row).take(m) {
                    add_product(out, &syndrome[..end - start], c);
                }
            }
        }
    }
    true
}

/// Computes parity `k` of the data columns, but for those `missing`, from byte `start` of each.
fn sum(block: &[u8], data: &[Extent], missing: &[usize], k: usize, start: usize, out: &mut [u8]) {
    out.fill(0);
    for (i, column) in data.iter().enumerate() {
        let len = if missing.contains(&i) { 0 } else { column.len };
        let end = (start + out.len()).min(len);
        let part = if start < end { &block[column.at + start..column.at + end] } else { &[] };
        let (head, tail) = out.split_at_mut(part.len());
        match k {
            0 => add(head, part),
            1 => {
                for (o, d) in head.iter_mut().zip(part) {
                    *o = times_two(*o) ^ d;
                }
                tail.iter_mut().for_each(|o| *o = times_two(*o));
            }
            _ => {
                for (o, d) in head.iter_mut().zip(part) {
                    *o = times_two(times_two(*o)) ^ d;
                }
                tail.iter_mut().for_each(|o| *o = times_two(times_two(*o)));
            }
        }
    }
}

fn add(out: &mut [u8], other: &[u8]) {
    for (o, x) in out.iter_mut().zip(other) {
        *o ^= x;
    }
}

/// Adds `c` times `other` to `out`.
fn add_product(out: &mut [u8], other: &[u8], c: u8) {
    match c {
        0 => {}
        1 => add(out, other),
        _ => {
            // Doubling and adding by the bits of the constant is what vector units are good at; a
            // table would be looked up byte by byte.
            let masks: [u8; 8] = core::array::from_fn(|bit| 0u8.wrapping_sub((c >> bit) & 1));
            for (o, &x) in out.iter_mut().zip(other) {
                let mut power = x;
                let mut product = power & masks[0];
                for mask in &masks[1..] {
                    power = times_two(power);
                    product ^= power & mask;
                }
                *o ^= product;
            }
        }
    }
}

/// Inverts the `m` by `m` corner of a matrix by Gauss and Jordan; `None` if it is singular.
fn invert(
    mut a: [[u8; MAX_PARITY]; MAX_PARITY],
    m: usize,
) -> Option<[[u8; MAX_PARITY]; MAX_PARITY]> {
    let mut out = [[0; MAX_PARITY]; MAX_PARITY];
    for (i, row) in out.iter_mut().enumerate() {
        row[i] = 1;
    }
    for col in 0..m {
        let pivot = (col..m).find(|&r| a[r][col] != 0)?;
        a.swap(col, pivot);
        out.swap(col, pivot);
        let scale = inverse(a[col][col]);
        for i in 0..m {
            a[col][i] = mul(a[col][i], scale);
            out[col][i] = mul(out[col][i], scale);
        }
        for r in (0..m).filter(|&r| r != col) {
            let factor = a[r][col];
            for i in 0..m {
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
        let height = columns.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|b| {
                columns.iter().enumerate().fold(0, |acc, (i, c)| {
                    acc ^ mul(coefficient(k, n, i), c.get(b).copied().unwrap_or(0))
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
            let extents: Vec<Extent> = cols.iter().map(|c| {
                at += c.len();
                Extent { at: at - c.len(), len: c.len() }
            }).collect();
            let whole = cols.concat();
            for missing in subsets(cols.len(), 3) {
                for chosen in subsets(3, 3).iter().filter(|s| s.len() == missing.len()) {
                    let mut block = whole.clone();
                    for &i in &missing {
                        block[extents[i].at..][..extents[i].len].fill(0xee);
                    }
                    let given: Vec<_> = chosen.iter().map(|&k| (k, parity[k].as_slice())).collect();
                    prop_assert!(reconstruct(&mut block, &extents, &missing, &given));
                    prop_assert!(block == whole, "{missing:?} from {chosen:?}");
                }
            }
        }
    }

    #[test]
    fn the_field_is_that_of_0x11d() {
        assert_eq!(mul(0x80, 2), 0x1d);
        assert_eq!(mul(0x53, inverse(0x53)), 1);
        for a in 1..=255 {
            assert_eq!(mul(a, inverse(a)), 1);
            assert_eq!(mul(a, 2), times_two(a));
        }
    }

    #[test]
    fn too_little_parity_or_a_column_out_of_range_is_refused() {
        let data = [Extent { at: 0, len: 4 }, Extent { at: 4, len: 4 }];
        let mut block = [0; 8];
        assert!(!reconstruct(&mut block, &data, &[0, 1], &[(0, &[0; 4])]));
        assert!(!reconstruct(&mut block, &data, &[2], &[(0, &[0; 4])]));
        assert!(!reconstruct(&mut block, &data, &[0], &[(0, &[0; 3])]));
        assert!(!reconstruct(&mut block, &data, &[0, 1], &[(0, &[0; 4]), (0, &[0; 4])]));
    }
}
