//! Any bytes as the uberblock ring of a label, and as a checkpoint's uberblock.
//!
//! The checksums are put right first, as somebody who means harm would. What reads as an uberblock
//! reads the same in the other byte order.

use zsend_ondisk::Order;
use zsend_ondisk::embedded::{self, Sum, label_verifier};
use zsend_pool::uberblock::{Uberblock, newest, ring};

const SLOT: usize = 1024;

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
        assert_eq!(newest(ring(&slots, 0, 9), |_| true).map(|u| u.rank()), best);
        both.push(good);
        for ashift in [0, 12, 63] {
            let _ = newest(ring(&slots, 0, ashift), |_| true);
        }
    }
    assert_eq!(both[0], both[1]);
}

/// A slot at `offset` with these words, as either kind of machine writes it.
fn slot(words: &[u64], offset: u64, big: bool) -> Vec<u8> {
    let order = if big { Order::Big } else { Order::Little };
    let mut slot: Vec<u8> = words.iter().flat_map(|&word| order.bytes(word)).collect();
    slot.resize(SLOT, 0);
    let sealed = embedded::seal(&mut slot, label_verifier(offset), Sum::Whole, order);
    sealed.expect("a slot is longer than its checksum");
    slot
}
