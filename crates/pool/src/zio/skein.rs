//! Skein-512-256 as a MAC: the checksum `skein`, keyed with the pool's salt.
//!
//! Skein is the chaining mode UBI over the block cipher Threefish-512, once for each part: the
//! key, the configuration, the message, the output. The `skein` crate has no keyed mode, so the
//! mode is here and the cipher is the `threefish` crate's.
//!
//! Source: "The Skein Hash Function Family", version 1.3, sections 3.4 to 3.6.

use threefish::Threefish512;

/// The bytes of a block and of the chaining value.
const BLOCK: usize = 64;

/// The types of a UBI part: the tweak's field at bits 120 to 125.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Part {
    Key = 0,
    Config = 4,
    Message = 48,
    Output = 63,
}

/// The tweak's bit 126 and bit 127, in its high word.
const FIRST: u64 = 1 << 62;
const FINAL: u64 = 1 << 63;

/// The configuration string: "SHA3", version 1, 256 bits of output, no tree.
const CONFIG: [u8; 32] = {
    let mut config = [0; 32];
    config[0] = b'S';
    config[1] = b'H';
    config[2] = b'A';
    config[3] = b'3';
    config[4] = 1;
    config[9] = 1; // 256, little-endian, at byte 8.
    config
};

/// Skein-512-256 after its key and its configuration: what every block's checksum starts from.
#[derive(Clone)]
pub(super) struct SkeinMac {
    chain: [u64; 8],
}

impl SkeinMac {
    /// Takes in the key; an empty one gives the plain hash.
    pub(super) fn new(key: &[u8]) -> Self {
        let mut chain = [0; 8];
        if !key.is_empty() {
            chain = ubi(chain, key, Part::Key);
        }
        Self { chain: ubi(chain, &CONFIG, Part::Config) }
    }

    /// The MAC of `data`.
    pub(super) fn mac(&self, data: &[u8]) -> [u8; 32] {
        let message = ubi(self.chain, data, Part::Message);
        let output = ubi(message, &[0; 8], Part::Output);
        let mut mac = [0; 32];
        for (bytes, word) in mac.chunks_exact_mut(8).zip(output) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        mac
    }
}

/// One part: chains `data` in blocks, the last of them padded with zeros. No data is one block.
fn ubi(mut chain: [u64; 8], data: &[u8], part: Part) -> [u64; 8] {
    let kind = u64::from(part as u8) << 56;
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    // The last block carries the final flag, so a last one that is full is held back.
    let (blocks, last) = match blocks.split_last() {
        Some((last, before)) if tail.is_empty() => (before, last.as_slice()),
        _ => (blocks, tail),
    };
    let mut first = FIRST;
    let mut position = 0;
    for block in blocks {
        position += BLOCK as u64;
        chain = step(chain, block, [position, kind | first]);
        first = 0;
    }
    let mut block = [0; BLOCK];
    block[..last.len()].copy_from_slice(last);
    position += last.len() as u64;
    step(chain, &block, [position, kind | first | FINAL])
}

/// Encrypts a block under the chaining value and the tweak; the next chaining value is the cipher
/// text XOR the block.
#[inline]
fn step(chain: [u64; 8], block: &[u8; BLOCK], tweak: [u64; 2]) -> [u64; 8] {
    let mut plain = [0; 8];
    for (word, bytes) in plain.iter_mut().zip(block.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let mut text = plain;
    Threefish512::new_with_tweak_u64(&chain, &tweak).encrypt_block_u64(&mut text);
    for (word, plain) in text.iter_mut().zip(plain) {
        *word ^= plain;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn published_hash_of_nothing() {
        assert_eq!(
            SkeinMac::new(b"").mac(b"").as_slice(),
            hex("39ccc4554a8b31853b9de7a1fe638a24cce6b35a55f2431009e18780335d2621")
        );
    }

    #[test]
    fn published_hash_of_a_pangram() {
        assert_eq!(
            SkeinMac::new(b"").mac(b"The quick brown fox jumps over the lazy dog").as_slice(),
            hex("b3250457e05d3060b1a4bbc1428bc75a3f525ca389aeab96cfa34638d96e492a")
        );
    }

    #[test]
    fn a_full_last_block_is_the_final_one() {
        // An independent writing of the chain: one block alone, then two.
        let mac = SkeinMac::new(&[7; 32]);
        let kind = 48 << 56;
        let once = step(mac.chain, &[1; 64], [64, kind | FIRST | FINAL]);
        assert_eq!(once, ubi(mac.chain, &[1; 64], Part::Message));
        let half = step(mac.chain, &[1; 64], [64, kind | FIRST]);
        let twice = step(half, &[1; 64], [128, kind | FINAL]);
        assert_eq!(twice, ubi(mac.chain, &[1; 128], Part::Message));
    }
}
