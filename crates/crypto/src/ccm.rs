//! AES-CCM with ZFS's sizes: a nonce of 12 bytes, a tag of 16, lengths in 3.
//!
//! Hand-written on the `aes` crate's block cipher because the `ccm` crate, which tests compare it
//! with, enters the cipher anew for each block of its MAC: it is less than half as fast. Here key
//! stream and MAC are made a group of blocks at a time, inside the cipher.
//!
//! Source: RFC 3610, "Counter with CBC-MAC (CCM)", with M = 16 and L = 3.

use aes::cipher::array::Array;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit,
    ParBlocks, ParBlocksSizeUser,
};
use subtle::ConstantTimeEq;

type Block = Array<u8, U16>;

/// Lengths have three bytes.
const LEN_END: usize = 1 << 24;
/// L - 1, in the first byte of a counter block.
const L: u8 = 2;
/// (M - 2) / 2 at bits 3 to 5, and L - 1: the flags of the MAC's first block.
const FLAGS: u8 = 7 << 3 | L;
/// The flag that authenticated data follow.
const FLAG_AAD: u8 = 1 << 6;

/// One AES key for CCM. `C` is one of the `aes` crate's three ciphers, which wipe themselves.
pub(crate) struct Ccm<C> {
    cipher: C,
}

impl<C> Ccm<C>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
{
    /// Returns true if a message of this many bytes can have been encrypted at all.
    pub(crate) const fn fits(len: usize) -> bool {
        len < LEN_END
    }

    /// `None` if the key has another length than the cipher's.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        C::new_from_slice(key).ok().map(|cipher| Self { cipher })
    }

    /// Decrypts `data` in place; `false` if it, `aad` or `nonce` is not what `tag` was made of.
    /// `data` must [fit](Self::fits); nothing may be made of it when the answer is `false`.
    #[must_use]
    pub(crate) fn open(
        &self,
        nonce: &[u8; 12],
        tag: &[u8; 16],
        aad: &[u8],
        data: &mut [u8],
    ) -> bool {
        self.crypt::<false>(nonce, aad, data).is_some_and(|made| made.ct_eq(tag).into())
    }

    /// Encrypts `data` in place; the tag, or `None` if they do not [fit](Self::fits).
    pub(crate) fn seal(&self, nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Option<[u8; 16]> {
        self.crypt::<true>(nonce, aad, data)
    }

    /// Encrypts or decrypts in place, and makes the tag.
    fn crypt<const SEAL: bool>(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        data: &mut [u8],
    ) -> Option<[u8; 16]> {
        let mut state = first_block(nonce, aad, data.len())?;
        self.cipher.encrypt_block(&mut state);
        self.cipher.encrypt_with_backend(AadMac { state: &mut state, aad });
        self.cipher.encrypt_with_backend(Crypt::<SEAL> { state: &mut state, nonce, data });
        let mut mask = counter_block(nonce, 0);
        self.cipher.encrypt_block(&mut mask);
        xor(&mut state, &mask);
        Some(state.0)
    }
}

/// B_0: flags, nonce and length. `None` for a length that does not fit.
fn first_block(nonce: &[u8; 12], aad: &[u8], len: usize) -> Option<Block> {
    let [0, high, mid, low] = u32::try_from(len).ok()?.to_be_bytes() else {
        return None;
    };
    let mut block = Block::default();
    block[0] = if aad.is_empty() { FLAGS } else { FLAGS | FLAG_AAD };
    block[1..13].copy_from_slice(nonce);
    block[13..].copy_from_slice(&[high, mid, low]);
    Some(block)
}

/// A_i: the block that is encrypted to the key stream's block `i`, which has 24 bits.
#[inline(always)]
fn counter_block(nonce: &[u8; 12], i: u32) -> Block {
    let mut block = Block::default();
    block[0] = L;
    block[1..13].copy_from_slice(nonce);
    block[13..].copy_from_slice(&i.to_be_bytes()[1..]);
    block
}

#[inline(always)]
fn xor(into: &mut Block, other: &Block) {
    let sum = u128::from_ne_bytes(into.0) ^ u128::from_ne_bytes(other.0);
    into.0 = sum.to_ne_bytes();
}

/// The MAC's chain over the authenticated data, behind their length.
struct AadMac<'a> {
    state: &'a mut Block,
    aad: &'a [u8],
}

impl BlockSizeUser for AadMac<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for AadMac<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { state, mut aad } = self;
        if aad.is_empty() {
            return;
        }
        let mut first = Block::default();
        let header = match u16::try_from(aad.len()) {
            Ok(len) if len < 0xff00 => {
                first[..2].copy_from_slice(&len.to_be_bytes());
                2
            }
            _ => match u32::try_from(aad.len()) {
                Ok(len) => {
                    first[..2].copy_from_slice(&[0xff, 0xfe]);
                    first[2..6].copy_from_slice(&len.to_be_bytes());
                    6
                }
                Err(_) => {
                    first[..2].copy_from_slice(&[0xff, 0xff]);
                    first[2..10].copy_from_slice(&(aad.len() as u64).to_be_bytes());
                    10
                }
            },
        };
        let taken = aad.len().min(first.len() - header);
        first[header..header + taken].copy_from_slice(&aad[..taken]);
        aad = &aad[taken..];
        xor(state, &first);
        backend.encrypt_block_inplace(state);
        for part in aad.chunks(16) {
            let mut block = Block::default();
            block[..part.len()].copy_from_slice(part);
            xor(state, &block);
            backend.encrypt_block_inplace(state);
        }
    }
}

/// Encrypts or decrypts the data in place, and takes the plain ones into the MAC's chain.
struct Crypt<'a, const SEAL: bool> {
    state: &'a mut Block,
    nonce: &'a [u8; 12],
    data: &'a mut [u8],
}

impl<const SEAL: bool> BlockSizeUser for Crypt<'_, SEAL> {
    type BlockSize = U16;
}

impl<const SEAL: bool> BlockCipherEncClosure for Crypt<'_, SEAL> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { state, nonce, data } = self;
        let mut counter = 0;
        let mut next = || {
            counter += 1;
            counter_block(nonce, counter)
        };
        let side_by_side = 16 * <B as ParBlocksSizeUser>::ParBlocksSize::USIZE;
        let mut groups = data.chunks_exact_mut(side_by_side);
        for group in &mut groups {
            let mut stream = ParBlocks::<B>::default();
            stream.iter_mut().for_each(|block| *block = next());
            backend.encrypt_par_blocks((&mut stream).into());
            for (bytes, stream) in group.as_chunks_mut::<16>().0.iter_mut().zip(&stream) {
                let mut block = Array(*bytes);
                if SEAL {
                    xor(state, &block);
                }
                xor(&mut block, stream);
                *bytes = block.0;
                if !SEAL {
                    xor(state, &block);
                }
                backend.encrypt_block_inplace(state);
            }
        }
        for bytes in groups.into_remainder().chunks_mut(16) {
            let mut stream = next();
            backend.encrypt_block_inplace(&mut stream);
            let mut block = Block::default();
            for ((byte, plain), stream) in bytes.iter_mut().zip(&mut block).zip(&stream) {
                *plain = if SEAL { *byte } else { *byte ^ stream };
                *byte ^= stream;
            }
            xor(state, &block);
            backend.encrypt_block_inplace(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::ccm::aead::AeadInOut;
    use aes::{Aes128, Aes192, Aes256};
    use proptest::prelude::*;

    type Reference<C> = ::ccm::Ccm<C, U16, aes::cipher::consts::U12>;

    fn seal<C>(key: &[u8], nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> [u8; 16]
    where
        C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
    {
        let cipher = Reference::<C>::from(C::new_from_slice(key).unwrap());
        cipher.encrypt_inout_detached(&Array(*nonce), aad, data.into()).unwrap().0
    }

    fn opens_and_seals_as_the_reference_does<C>(
        key: &[u8],
        nonce: [u8; 12],
        aad: &[u8],
        plain: &[u8],
    ) where
        C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit,
    {
        let mut data = plain.to_vec();
        let tag = seal::<C>(key, &nonce, aad, &mut data);
        let ours = Ccm::<C>::new(key).unwrap();
        let sealed = data.clone();
        assert!(ours.open(&nonce, &tag, aad, &mut data));
        assert_eq!(data, plain);
        assert_eq!(ours.seal(&nonce, aad, &mut data), Some(tag));
        assert_eq!(data, sealed);
    }

    #[test]
    fn long_authenticated_data_have_a_long_length() {
        for len in [0xfeff, 0xff00, 0xff01, 0x10000] {
            opens_and_seals_as_the_reference_does::<Aes256>(
                &[1; 32],
                [2; 12],
                &vec![3; len],
                b"plain",
            );
        }
    }

    #[test]
    fn sixteen_mebibytes_do_not_fit() {
        assert!(Ccm::<Aes256>::fits(LEN_END - 1) && !Ccm::<Aes256>::fits(LEN_END));
        assert_eq!(first_block(&[0; 12], &[], LEN_END), None);
    }

    #[test]
    fn keys_have_their_cipher_s_length() {
        assert!(Ccm::<Aes192>::new(&[0; 16]).is_none());
        assert!(Ccm::<Aes192>::new(&[0; 24]).is_some());
    }

    proptest! {
        #[test]
        fn opens_what_another_implementation_seals(
            key in any::<[u8; 32]>(),
            nonce in any::<[u8; 12]>(),
            aad in prop::collection::vec(any::<u8>(), 0..70),
            plain in prop::collection::vec(any::<u8>(), 0..3000),
        ) {
            opens_and_seals_as_the_reference_does::<Aes128>(&key[..16], nonce, &aad, &plain);
            opens_and_seals_as_the_reference_does::<Aes192>(&key[..24], nonce, &aad, &plain);
            opens_and_seals_as_the_reference_does::<Aes256>(&key, nonce, &aad, &plain);
        }
    }
}
