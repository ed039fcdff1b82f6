//! The permutations by which dRAID spreads its groups over the children, made from a seed.

use super::seeds::SEEDS;
use crate::error::ShapeError;
use zsend_records::fletcher::Fletcher4;

/// The other half of the generator's first state: `VDEV_DRAID_SEED`.
const FIRST_SEED: u64 = 0x000d_7a1d_5eed;

/// Rows of child numbers; each row is a permutation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Permutations {
    children: usize,
    rows: Vec<u8>,
}

impl Permutations {
    /// Those for a number of children, 2 to 255.
    ///
    /// Source: `vdev_draid_generate_perms()`, OpenZFS `module/zfs/vdev_draid.c`, zfs-2.3.2.
    pub(super) fn new(children: usize) -> Result<Self, ShapeError> {
        let unknown = || ShapeError::Children { children };
        let (seed, checksum) =
            *children.checked_sub(2).and_then(|i| SEEDS.get(i)).ok_or_else(unknown)?;
        let count = if children <= 31 { 256 } else { 512 };
        let last = u8::try_from(children - 1).map_err(|_| unknown())?;
        let mut state = [FIRST_SEED, seed];
        let mut row: Vec<u8> = (0..=last).collect();
        let mut rows = Vec::with_capacity(count * children);
        for _ in 0..count {
            for j in (1..children).rev() {
                let k = random(&mut state) % (j as u64 + 1);
                row.swap(j, usize::try_from(k).map_err(|_| unknown())?);
            }
            rows.extend_from_slice(&row);
        }
        let found = Fletcher4::of(&rows).words()[0];
        if found != checksum {
            return Err(ShapeError::Permutations { children, found, expected: checksum });
        }
        Ok(Self { children, rows })
    }

    /// The child in place `index` of the slice with this number.
    ///
    /// Each row of the table serves as many slices as there are children, turned by one each time.
    ///
    /// Source: `vdev_draid_get_perm()` and `vdev_draid_permute_id()`.
    pub(super) fn child(&self, slice: u64, index: usize) -> Option<usize> {
        let children = self.children as u64;
        let offset = usize::try_from(slice % self.rows.len() as u64).ok()?;
        let (row, turn) = (offset / self.children, offset as u64 % children);
        let base = *self.rows.get(row * self.children..)?.get(..self.children)?.get(index)?;
        usize::try_from((u64::from(base) + turn) % children).ok()
    }
}

/// `vdev_draid_rand()`: the generator xoroshiro128++ 1.0 of David Blackman and Sebastiano Vigna,
/// which is in the public domain.
fn random(state: &mut [u64; 2]) -> u64 {
    let [a, b] = *state;
    let result = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
    let t = a ^ b;
    *state = [a.rotate_left(49) ^ t ^ (t << 21), t.rotate_left(28)];
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_checksum_and_rows_that_are_permutations() {
        for children in 2..=255 {
            let table = Permutations::new(children).unwrap();
            for row in table.rows.chunks(children) {
                let mut sorted = row.to_vec();
                sorted.sort_unstable();
                assert!(sorted.iter().enumerate().all(|(i, &c)| usize::from(c) == i));
            }
        }
    }

    #[test]
    fn no_other_number_of_children_has_one() {
        assert!(Permutations::new(0).is_err());
        assert!(Permutations::new(1).is_err());
        assert!(Permutations::new(256).is_err());
    }

    #[test]
    fn a_row_serves_as_many_slices_as_there_are_children() {
        let table = Permutations::new(3).unwrap();
        let slice = |s| -> Vec<_> { (0..3).map(|i| table.child(s, i).unwrap()).collect() };
        let turned: Vec<_> = slice(0).iter().map(|c| (c + 1) % 3).collect();
        assert_eq!(slice(1), turned);
        assert_eq!(slice(3 * 256), slice(0));
        assert_eq!(table.child(0, 3), None);
    }
}
