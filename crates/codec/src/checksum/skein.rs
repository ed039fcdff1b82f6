//! Skein-512-256 as a MAC: the checksum `skein`, keyed with the pool's salt.
//!
//! Skein is the chaining mode UBI over the block cipher Threefish-512, once for each part: the
//! key, the configuration, the message, the output. The `skein` crate has no keyed mode, and the
//! `threefish` crate, which tests compare the cipher here with, is half as fast.
//!
//! The algorithm is that of "The Skein Hash Function Family", version 1.3; its keyed set-up was
//! read in OpenZFS `module/icp/algs/skein/skein.c`, zfs-2.4.4.

/// The bytes of a block and of the chaining value.
const BLOCK: usize = 64;

/// The types of a UBI part: the tweak's field at bits 120 to 125.
#[derive(Clone, Copy)]
#[repr(u8)]
enum UbiType {
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
            chain = ubi(chain, key, UbiType::Key);
        }
        Self { chain: ubi(chain, &CONFIG, UbiType::Config) }
    }

    /// The MAC of `data`.
    pub(super) fn mac(&self, data: &[u8]) -> [u8; 32] {
        let message = ubi(self.chain, data, UbiType::Message);
        let output = ubi(message, &[0; 8], UbiType::Output);
        let mut mac = [0; 32];
        for (bytes, word) in mac.chunks_exact_mut(8).zip(output) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        mac
    }
}

/// One part: chains `data` in blocks, the last of them padded with zeros. No data is one block.
fn ubi(mut chain: [u64; 8], data: &[u8], kind: UbiType) -> [u64; 8] {
    let kind = u64::from(kind as u8) << 56;
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
    let mut text = threefish(chain, tweak, plain);
    for (word, plain) in text.iter_mut().zip(plain) {
        *word ^= plain;
    }
    text
}

/// The last word of the key schedule is the XOR of the key and this: C240 of the specification.
const KEY_PARITY: u64 = 0x1bd1_1bda_a9fc_1a22;

/// Threefish-512: 72 rounds, a subkey before each fourth and one after the last.
#[inline]
fn threefish(key: [u64; 8], [t0, t1]: [u64; 2], mut x: [u64; 8]) -> [u64; 8] {
    // Subkey `s` is eight words of the key's nine and two of the tweak's three, from `s` on round
    // and round; written out, no index needs a remainder.
    let parity = key.iter().fold(KEY_PARITY, |parity, word| parity ^ word);
    let mut keys = [parity; 27];
    for third in keys.chunks_exact_mut(9) {
        third[..8].copy_from_slice(&key);
    }
    let mut tweaks = [t0 ^ t1; 21];
    for third in tweaks.chunks_exact_mut(3) {
        third[..2].copy_from_slice(&[t0, t1]);
    }
    let add_subkey = |x: &mut [u64; 8], s: usize| {
        for (word, key) in x.iter_mut().zip(&keys[s..s + 8]) {
            *word = word.wrapping_add(*key);
        }
        x[5] = x[5].wrapping_add(tweaks[s]);
        x[6] = x[6].wrapping_add(tweaks[s + 1]);
        x[7] = x[7].wrapping_add(s as u64);
    };
    for s in (0..18).step_by(2) {
        add_subkey(&mut x, s);
        four_rounds(
            &mut x,
            [[46, 36, 19, 37], [33, 27, 14, 42], [17, 49, 36, 39], [44, 9, 54, 56]],
        );
        add_subkey(&mut x, s + 1);
        four_rounds(
            &mut x,
            [[39, 30, 34, 24], [13, 50, 10, 17], [25, 29, 39, 43], [8, 35, 56, 22]],
        );
    }
    add_subkey(&mut x, 18);
    x
}

/// Four rounds, after which each word is in its place again: instead of moving the words, each
/// round says which pairs it mixes.
#[inline(always)]
fn four_rounds(x: &mut [u64; 8], rotations: [[u32; 4]; 4]) {
    const PAIRS: [[(usize, usize); 4]; 4] = [
        [(0, 1), (2, 3), (4, 5), (6, 7)],
        [(2, 1), (4, 7), (6, 5), (0, 3)],
        [(4, 1), (6, 3), (0, 5), (2, 7)],
        [(6, 1), (0, 7), (2, 5), (4, 3)],
    ];
    for (pairs, rotations) in PAIRS.iter().zip(rotations) {
        for (&(a, b), rotation) in pairs.iter().zip(rotations) {
            x[a] = x[a].wrapping_add(x[b]);
            x[b] = x[b].rotate_left(rotation) ^ x[a];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::threefish::Threefish512;
    use proptest::prelude::*;

    #[test]
    fn published_hash_of_nothing() {
        assert_eq!(
            SkeinMac::new(b"").mac(b"").as_slice(),
            hex::decode("39ccc4554a8b31853b9de7a1fe638a24cce6b35a55f2431009e18780335d2621")
                .unwrap()
        );
    }

    #[test]
    fn published_hash_of_a_pangram() {
        assert_eq!(
            SkeinMac::new(b"").mac(b"The quick brown fox jumps over the lazy dog").as_slice(),
            hex::decode("b3250457e05d3060b1a4bbc1428bc75a3f525ca389aeab96cfa34638d96e492a")
                .unwrap()
        );
    }

    proptest! {
        #[test]
        fn the_cipher_is_another_implementation_s(
            key in any::<[u64; 8]>(),
            tweak in any::<[u64; 2]>(),
            text in any::<[u64; 8]>(),
        ) {
            let mut want = text;
            Threefish512::new_with_tweak_u64(&key, &tweak).encrypt_block_u64(&mut want);
            prop_assert_eq!(threefish(key, tweak, text), want);
        }
    }

    #[test]
    fn a_full_last_block_is_the_final_one() {
        // An independent writing of the chain: one block alone, then two.
        let mac = SkeinMac::new(&[7; 32]);
        let kind = 48 << 56;
        let once = step(mac.chain, &[1; 64], [64, kind | FIRST | FINAL]);
        assert_eq!(once, ubi(mac.chain, &[1; 64], UbiType::Message));
        let half = step(mac.chain, &[1; 64], [64, kind | FIRST]);
        let twice = step(half, &[1; 64], [128, kind | FINAL]);
        assert_eq!(twice, ubi(mac.chain, &[1; 128], UbiType::Message));
    }
}
