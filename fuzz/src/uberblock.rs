//! Any bytes as the uberblock ring of a label, and as a checkpoint's uberblock.
//!
//! The checksums are put right first, as somebody who means harm would. What reads as an uberblock
//! reads the same in the other byte order.

use sha2::{Digest, Sha256};
use zsend_pool::uberblock::{Uberblock, newest, ring};

const SLOT: usize = 1024;
/// `ZEC_MAGIC`.
const ECK_MAGIC: u64 = 0x0210_da7a_b10c_7a11;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
    let _ = Uberblock::from_words(&words);
    let mut both = Vec::new();
    for big in [false, true] {
        let mut slots = Vec::new();
        for (i, words) in words.chunks(SLOT / 8 - 5).take(128).enumerate() {
            slots.extend(slot(words, (i * SLOT) as u64, big));
        }
        let good: Vec<_> = ring(&slots, 0, 9).filter_map(|slot| slot.verify()).collect();
        let best = good.iter().map(Uberblock::rank).max();
        assert_eq!(newest(ring(&slots, 0, 9)).map(|u| u.rank()), best);
        both.push(good);
        for ashift in [0, 12, 63] {
            let _ = newest(ring(&slots, 0, ashift));
        }
    }
    assert_eq!(both[0], both[1]);
}

/// A slot at `offset` with these words, as either kind of machine writes it.
fn slot(words: &[u64], offset: u64, big: bool) -> Vec<u8> {
    let word = if big { u64::to_be_bytes } else { u64::to_le_bytes };
    let mut slot: Vec<u8> = words.iter().copied().flat_map(word).collect();
    slot.resize(SLOT - 40, 0);
    slot.extend([ECK_MAGIC, offset, 0, 0, 0].into_iter().flat_map(word));
    let digest = Sha256::digest(&slot);
    let sum = digest.as_chunks::<8>().0.iter().map(|b| u64::from_be_bytes(*b));
    let sum: Vec<u8> = sum.flat_map(word).collect();
    slot[SLOT - 32..].copy_from_slice(&sum);
    slot
}
