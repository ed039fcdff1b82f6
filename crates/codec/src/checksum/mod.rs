//! The checksums of a block: the four words of a block pointer.

mod edonr;
mod fletcher2;
mod skein;

use edonr::{BLOCK, DIGEST, EdonR};
use fletcher2::fletcher2;
use sha2::{Digest, Sha256, Sha512_256};
use skein::SkeinMac;
use std::fmt;
use zsend_records::fletcher::Fletcher4;
use zsend_records::types::Checksum;

/// Reason why a checksum cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// The block pointer names an algorithm that does not exist, or one that no block carries.
    #[error("checksum {} is not known", .0.0)]
    Unknown(Checksum),
    /// The algorithm's sum lies in the block: a label's, a gang header's, an intent log's.
    #[error("checksum {} lies in its block, not in a block pointer", .0.name())]
    Embedded(Checksum),
    /// The algorithm is salted, and the pool's salt was not given.
    #[error("checksum {} needs the pool's salt", .0.name())]
    NoSalt(Checksum),
}

/// The salted algorithms' states after the pool's salt, made once.
///
/// The salt is the 32 bytes under `org.illumos:checksum_salt` in the MOS directory. A pool keeps it
/// to itself, so it is not printed.
#[derive(Clone)]
pub struct ChecksumSalt {
    skein: SkeinMac,
    edonr: EdonR,
    blake3: [u8; 32],
}

impl ChecksumSalt {
    /// Prepares the algorithms.
    ///
    /// Edon-R has no keyed mode: its first block is H(salt) followed by H(H(salt)). Source:
    /// OpenZFS `module/zfs/{skein,edonr,blake3}_zfs.c`, zfs-2.3.2.
    pub fn new(salt: [u8; 32]) -> Self {
        let first = EdonR::new().finish(&salt);
        let second = EdonR::new().finish(&first);
        let mut block = [0; BLOCK];
        block[..DIGEST].copy_from_slice(&first);
        block[DIGEST..].copy_from_slice(&second);
        let mut edonr = EdonR::new();
        edonr.block(&block);
        Self { skein: SkeinMac::new(&salt), edonr, blake3: salt }
    }
}

impl fmt::Debug for ChecksumSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChecksumSalt").finish_non_exhaustive()
    }
}

/// The four words that a block pointer of a block with these PSIZE bytes carries.
///
/// `byteswapped` is whether the pointer's byte-order bit says big-endian; the words are values, as
/// the pointer gives them after its own swap. `off` and `noparity` give zeros; with them the caller
/// compares nothing. For a block whose pointer has the crypt bit see [`fold_for_mac`].
///
/// Source: OpenZFS `module/zfs/zio_checksum.c`, `zio_checksum_table`, zfs-2.3.2; but its
/// byteswapped Edon-R swaps words that it has not set, and here the digest's are swapped, as for
/// the other hashes.
pub fn compute(
    kind: Checksum,
    data: &[u8],
    byteswapped: bool,
    salt: Option<&ChecksumSalt>,
) -> Result<[u64; 4], ChecksumError> {
    let word = if byteswapped { u64::from_be_bytes } else { u64::from_le_bytes };
    let salt = salt.ok_or(ChecksumError::NoSalt(kind));
    Ok(match kind {
        Checksum::OFF | Checksum::NOPARITY => [0; 4],
        Checksum::FLETCHER_2 => fletcher2(data, word),
        Checksum::FLETCHER_4 if byteswapped => Fletcher4::of_byteswapped(data).words(),
        Checksum::FLETCHER_4 => Fletcher4::of(data).words(),
        Checksum::SHA256 => sha256_words(Sha256::digest(data).as_ref()),
        Checksum::SHA512 => words(Sha512_256::digest(data).as_ref(), word),
        Checksum::SKEIN => words(&salt?.skein.mac(data), word),
        Checksum::EDONR => words(&salt?.edonr.clone().finish(data), word),
        Checksum::BLAKE3 => words(blake3::keyed_hash(&salt?.blake3, data).as_bytes(), word),
        Checksum::LABEL | Checksum::GANG_HEADER | Checksum::ZILOG | Checksum::ZILOG2 => {
            return Err(ChecksumError::Embedded(kind));
        }
        _ => return Err(ChecksumError::Unknown(kind)),
    })
}

/// The rest of computed words in a block pointer whose last two words are a MAC: the first
/// two, into which an algorithm that is not fit for dedup folds the others.
///
/// Holds for pointers with the crypt bit and a type other than OBJSET. Source: OpenZFS
/// `zio_checksum.c`, `zio_checksum_handle_crypt()`, zfs-2.3.2.
pub const fn fold_for_mac(kind: Checksum, words: [u64; 4]) -> [u64; 2] {
    let [a, b, c, d] = words;
    if kind.is_dedup() { [a, b] } else { [a ^ c, b ^ d] }
}

/// SHA-256 counts as a string of big-endian words, whatever the writer's byte order.
fn sha256_words(digest: &[u8; 32]) -> [u64; 4] {
    words(digest, u64::from_be_bytes)
}

/// The first four words of a digest.
fn words<const N: usize>(digest: &[u8; N], word: fn([u8; 8]) -> u64) -> [u64; 4] {
    const { assert!(N >= 32) };
    let mut out = [0; 4];
    for (out, &bytes) in out.iter_mut().zip(digest.as_chunks::<8>().0) {
        *out = word(bytes);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every algorithm that a block pointer may carry a sum of.
    fn kinds() -> Vec<Checksum> {
        (0..=u8::MAX).map(Checksum).filter(|kind| kind.is_in_pointer()).collect()
    }

    #[test]
    fn every_sum_of_a_pointer_is_computed() {
        let salt = ChecksumSalt::new([7; 32]);
        assert!(kinds().len() >= 7);
        for kind in kinds() {
            assert!(compute(kind, b"12345678", false, Some(&salt)).is_ok(), "{}", kind.name());
        }
    }

    #[test]
    fn published_digests() {
        let sum = |kind| compute(kind, b"abc", false, None).unwrap();
        assert_eq!(
            sum(Checksum::SHA256),
            [0xba7816bf8f01cfea, 0x414140de5dae2223, 0xb00361a396177a9c, 0xb410ff61f20015ad]
        );
        // SHA-512/256 of "abc" begins 53 04 8e 26 81 94 1e f9.
        assert_eq!(
            sum(Checksum::SHA512).map(u64::swap_bytes),
            [0x53048e2681941ef9, 0x9b2e29b76b4c7dab, 0xe4c2d0c634fc6d46, 0xe0e2f13107e7af23]
        );
    }

    #[test]
    fn published_keyed_blake3() {
        // BLAKE3's test_vectors.json: its key, and the empty input.
        let salt = ChecksumSalt::new(*b"whats the Elvish word for friend");
        let sum = compute(Checksum::BLAKE3, b"", true, Some(&salt)).unwrap();
        assert_eq!(
            sum,
            [0x92b2b75604ed3c76, 0x1f9d6f62392c8a92, 0x27ad0ea3f09573e7, 0x83f1498a4ed60d26]
        );
    }

    #[test]
    fn edonr_starts_with_the_expanded_salt() {
        let salt = [3; 32];
        let first = EdonR::new().finish(&salt);
        let second = EdonR::new().finish(&first);
        let whole: Vec<u8> = [&first[..], &second, &[9; 512]].concat();
        assert_eq!(
            compute(Checksum::EDONR, &[9; 512], false, Some(&ChecksumSalt::new(salt))).unwrap(),
            words(&EdonR::new().finish(&whole), u64::from_le_bytes)
        );
    }

    #[test]
    fn a_big_endian_writer_sums_its_own_words() {
        let salt = ChecksumSalt::new([1; 32]);
        let data: Vec<u8> = (0..=255).cycle().take(1024).collect();
        for kind in kinds() {
            let little = compute(kind, &data, false, Some(&salt)).unwrap();
            let big = compute(kind, &data, true, Some(&salt)).unwrap();
            match kind {
                Checksum::SHA256 => assert_eq!(little, big),
                Checksum::FLETCHER_2 => {
                    let mut swapped = data.clone();
                    swapped.chunks_exact_mut(8).for_each(<[u8]>::reverse);
                    assert_eq!(big, compute(kind, &swapped, false, None).unwrap());
                }
                Checksum::FLETCHER_4 => {
                    let mut swapped = data.clone();
                    swapped.chunks_exact_mut(4).for_each(<[u8]>::reverse);
                    assert_eq!(big, compute(kind, &swapped, false, None).unwrap());
                }
                _ => assert_eq!(little.map(u64::swap_bytes), big),
            }
        }
    }

    #[test]
    fn off_is_zero_and_others_are_refused() {
        for kind in [Checksum::OFF, Checksum::NOPARITY] {
            assert_eq!(compute(kind, &[1; 512], false, None), Ok([0; 4]));
        }
        for id in [0, 1, 254, 255] {
            let kind = Checksum(id);
            assert_eq!(compute(kind, &[], false, None), Err(ChecksumError::Unknown(kind)));
        }
        for id in [3, 4, 5, 9] {
            let kind = Checksum(id);
            assert_eq!(compute(kind, &[], false, None), Err(ChecksumError::Embedded(kind)));
        }
        for id in [12, 13, 14] {
            let kind = Checksum(id);
            assert_eq!(compute(kind, &[], false, None), Err(ChecksumError::NoSalt(kind)));
        }
    }

    #[test]
    fn only_weak_sums_are_folded() {
        assert_eq!(fold_for_mac(Checksum::FLETCHER_4, [1, 2, 4, 8]), [5, 10]);
        assert_eq!(fold_for_mac(Checksum::EDONR, [1, 2, 4, 8]), [5, 10]);
        assert_eq!(fold_for_mac(Checksum::SHA256, [1, 2, 4, 8]), [1, 2]);
    }

    proptest! {
        #[test]
        fn any_data_has_a_sum(kind in 0u8..18, data in prop::collection::vec(any::<u8>(), 0..700)) {
            let salt = ChecksumSalt::new([0; 32]);
            let _ = compute(Checksum(kind), &data, false, Some(&salt));
        }
    }
}
