//! Checksums that lie in what they are of: the last 40 bytes of a label's parts, of an uberblock, of
//! a gang header (`zio_eck_t`).
//!
//! The sum is SHA-256 of the region with a *verifier* in place of the sum: for a label's parts
//! {byte offset on the device, 0, 0, 0}, for a gang header {vdev, byte offset in the vdev, physical
//! birth, 0} of the block's first copy. The magic says in which byte order the region was written,
//! verifier included.
//!
//! Source: `zio_checksum_compute()` and `zio_checksum_error_impl()`, OpenZFS
//! `module/zfs/zio_checksum.c`, zfs-2.3.2.

use crate::Order;
use crate::blkptr::Dva;
use sha2::{Digest, Sha256};

/// `sizeof (zio_eck_t)`: a magic word and four checksum words.
pub const LEN: usize = 40;
/// `ZEC_MAGIC`. Source: OpenZFS `include/sys/zio.h`, zfs-2.3.2.
pub const MAGIC: u64 = 0x0210_da7a_b10c_7a11;

/// The verifier of a label's part that begins at byte `at` of its device.
pub const fn label_verifier(at: u64) -> [u64; 4] {
    [at, 0, 0, 0]
}

/// The verifier of a gang header: the place of its block's first copy, and the block's physical birth.
pub const fn gang_verifier(dva: Dva, birth: u64) -> [u64; 4] {
    [dva.vdev(), dva.offset(), birth, 0]
}

/// The part of the sum that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// All four words.
    Whole,
    /// Two words, into which the others are folded: in the gang header of a block whose pointer has
    /// a MAC. Readers do not compare the other two; writers leave zeros.
    ForMac,
}

impl Sum {
    /// The words that are kept of those that were computed.
    const fn keep(self, [a, b, c, d]: [u64; 4]) -> [u64; 4] {
        match self {
            Self::Whole => [a, b, c, d],
            Self::ForMac => [a ^ c, b ^ d, 0, 0],
        }
    }
}

/// Reason why a region is not what its checksum says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The region is shorter than the checksum.
    #[error("a region of {found} bytes has no room for a checksum of {LEN}")]
    Short {
        /// Bytes of the region.
        found: usize,
    },
    /// The checksum does not begin with its magic.
    #[error("embedded checksum's magic is {found:#018x}, expected {MAGIC:#018x}")]
    Magic {
        /// The word that is there, as little-endian.
        found: u64,
    },
    /// The checksum is not that of the region.
    #[error("embedded checksum is {found:016x?}, expected {expected:016x?}")]
    Mismatch {
        /// The words in the region.
        found: [u64; 4],
        /// The words computed from it.
        expected: [u64; 4],
    },
}

/// Checks a region, and says in which order it was written.
///
/// # Errors
/// The region is not what its checksum says. The reference leaves a wrong magic for the sum to find.
pub fn verify(region: &[u8], verifier: [u64; 4], sum: Sum) -> Result<Order, EmbeddedError> {
    Siblings::default().verify(region, verifier, sum)
}

/// Checks regions that are mostly equal but for their sums, as the labels of a device are: what is
/// equal to the region before is summed once.
#[derive(Clone, Debug, Default)]
pub struct Siblings<'a> {
    /// All before the sum of the last region, and its state of SHA-256 there.
    last: Option<(&'a [u8], Sha256)>,
}

impl<'a> Siblings<'a> {
    /// Checks a region as [`verify`] does.
    ///
    /// # Errors
    /// Those of [`verify`].
    pub fn verify(
        &mut self,
        region: &'a [u8],
        verifier: [u64; 4],
        sum: Sum,
    ) -> Result<Order, EmbeddedError> {
        let short = EmbeddedError::Short { found: region.len() };
        let (body, stored) = region.split_last_chunk::<32>().ok_or(short)?;
        let &magic = body.last_chunk::<8>().ok_or(short)?;
        let order = match u64::from_le_bytes(magic) {
            MAGIC => Order::Little,
            found if found.swap_bytes() == MAGIC => Order::Big,
            found => return Err(EmbeddedError::Magic { found }),
        };
        let hash = match &self.last {
            Some((last, hash)) if *last == body => hash.clone(),
            _ => {
                let hash = Sha256::new_with_prefix(body);
                self.last = Some((body, hash.clone()));
                hash
            }
        };
        let expected = sum.keep(digest(hash, verifier, order));
        let (words, _) = stored.as_chunks::<8>();
        let mut found = [0; 4];
        for (found, &word) in found.iter_mut().zip(words) {
            *found = order.u64(word);
        }
        let same = match sum {
            Sum::Whole => found == expected,
            Sum::ForMac => found[..2] == expected[..2],
        };
        if same { Ok(order) } else { Err(EmbeddedError::Mismatch { found, expected }) }
    }
}

/// Puts magic and sum at a region's end, as a writer of that order leaves them.
///
/// # Errors
/// [`EmbeddedError::Short`].
pub fn seal(
    region: &mut [u8],
    verifier: [u64; 4],
    sum: Sum,
    order: Order,
) -> Result<(), EmbeddedError> {
    let short = EmbeddedError::Short { found: region.len() };
    let (body, stored) = region.split_last_chunk_mut::<32>().ok_or(short)?;
    *body.last_chunk_mut::<8>().ok_or(short)? = order.bytes(MAGIC);
    let words = sum.keep(digest(Sha256::new_with_prefix(&*body), verifier, order));
    stored.copy_from_slice(words.map(|word| order.bytes(word)).as_flattened());
    Ok(())
}

/// Ends the sum of a region, all before its checksum taken. SHA-256 counts as a string of big-endian
/// words, whatever the writer's byte order.
fn digest(mut hash: Sha256, verifier: [u64; 4], order: Order) -> [u64; 4] {
    for word in verifier {
        hash.update(order.bytes(word));
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut words = [0; 4];
    for (word, &bytes) in words.iter_mut().zip(digest.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn room_and_magic_are_needed() {
        for found in [0, 31, 39] {
            let short = Err(EmbeddedError::Short { found });
            assert_eq!(verify(&vec![0; found], [0; 4], Sum::Whole), short);
            let sealed = seal(&mut vec![0; found], [0; 4], Sum::Whole, Order::Big);
            assert_eq!(sealed, Err(EmbeddedError::Short { found }));
        }
        let magic = Err(EmbeddedError::Magic { found: 0 });
        assert_eq!(verify(&[0; 512], [0; 4], Sum::Whole), magic);
    }

    #[test]
    fn a_sealed_region_is_what_it_was() {
        // The uberblock of a real pool has this form; its sum was computed by hand once.
        let mut region = vec![0; 1024];
        seal(&mut region, [4096, 0, 0, 0], Sum::Whole, Order::Little).unwrap();
        let mut again = vec![0; 1024 - LEN];
        again.extend(MAGIC.to_le_bytes());
        again.extend(4096_u64.to_le_bytes());
        again.extend([0; 24]);
        let sum: [u8; 32] = Sha256::digest(&again).into();
        let sum: Vec<u8> =
            sum.as_chunks::<8>().0.iter().flat_map(|w| w.iter().rev()).copied().collect();
        assert_eq!(region[992..], sum);
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_verified_and_nothing_else(
            mut region in prop::collection::vec(any::<u8>(), LEN..700),
            verifier in any::<[u64; 4]>(),
            sum in prop::sample::select(vec![Sum::Whole, Sum::ForMac]),
            order in prop::sample::select(vec![Order::Little, Order::Big]),
            bit in any::<prop::sample::Index>(),
        ) {
            seal(&mut region, verifier, sum, order).unwrap();
            prop_assert_eq!(verify(&region, verifier, sum), Ok(order));
            let other = [verifier[0] ^ 1, verifier[1], verifier[2], verifier[3]];
            prop_assert!(verify(&region, other, sum).is_err());
            // The last two words of a folded sum are the one place that nobody looks at.
            let looked_at = if sum == Sum::ForMac { region.len() - 16 } else { region.len() };
            let bit = bit.index(looked_at * 8);
            region[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify(&region, verifier, sum).is_err());
        }

        /// Each region of a row is judged as by itself, whatever came before it.
        #[test]
        fn siblings_are_judged_one_by_one(
            bodies in prop::collection::vec(prop::collection::vec(0..2_u8, LEN + 8), 2..5),
            row in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
        ) {
            let regions: Vec<(Vec<u8>, [u64; 4])> = row
                .into_iter()
                .map(|(body, at, damage)| {
                    let mut region = body.get(&bodies).clone();
                    let verifier = [at.into(), 0, 0, 0];
                    seal(&mut region, verifier, Sum::Whole, Order::Little).unwrap();
                    match damage {
                        0 => {}
                        1 => region[LEN - 1] ^= 1,
                        _ => region[0] ^= 4,
                    }
                    (region, verifier)
                })
                .collect();
            let mut siblings = Siblings::default();
            for (region, verifier) in &regions {
                let alone = verify(region, *verifier, Sum::Whole);
                prop_assert_eq!(siblings.verify(region, *verifier, Sum::Whole), alone);
            }
        }

        #[test]
        fn any_bytes_are_refused(region in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(verify(&region, [0; 4], Sum::Whole).is_err());
        }
    }
}
