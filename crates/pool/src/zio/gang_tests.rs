//! Gang headers of both sizes and both byte orders, and what is wrong with some.

use super::super::read::tests::zio_of;
use super::*;
use crate::PoolError;
use crate::place::Bookmark;
use crate::zio::Access;
use sha2::{Digest, Sha256};

/// Where the header lies on the vdev, and when it was born.
const AT: u64 = 1 << 20;
const BIRTH: u64 = 77;

/// A pointer to `len` bytes at `offset`; `gang` says whether a header lies there. There is no
/// checksum, so that whatever is assembled is accepted.
fn pointer(offset: u64, len: u64, gang: bool) -> [u64; 16] {
    let sectors = len / 512;
    let mut words = [0; 16];
    words[0] = sectors;
    words[1] = offset >> 9 | u64::from(gang) << 63;
    words[6] = ((sectors - 1) * 0x1_0001) | 2 << 32 | 2 << 40 | 19 << 48 | 1 << 63;
    words[10] = BIRTH;
    words
}

/// A header of `size` bytes at `at`, as either kind of machine writes it.
fn header(at: u64, children: &[[u64; 16]], size: usize, big: bool) -> Vec<u8> {
    let word = if big { u64::to_be_bytes } else { u64::to_le_bytes };
    let mut header: Vec<u8> = children.iter().flatten().copied().flat_map(word).collect();
    header.resize(size - 40, 0);
    let tail = [0x0210_da7a_b10c_7a11, 0, at, BIRTH, 0];
    header.extend(tail.into_iter().flat_map(word));
    let digest = Sha256::digest(&header);
    let sum = digest.as_chunks::<8>().0.iter().map(|b| u64::from_be_bytes(*b));
    let sum: Vec<u8> = sum.flat_map(word).collect();
    header[size - 32..].copy_from_slice(&sum);
    header
}

fn read(parts: &[(u64, &[u8])], ashift: u64, len: u64) -> crate::Result<Vec<u8>> {
    let bp = BlkPtr::from_words(pointer(AT, len, true));
    zio_of(parts, ashift).read(&bp, &Bookmark::default(), Access::default()).map(Vec::from)
}

fn why(parts: &[(u64, &[u8])], len: u64) -> String {
    match read(parts, 9, len) {
        Err(e @ PoolError::Unreadable { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pieces_follow_each_other_whatever_the_headers_order() {
    let children = [pointer(4096, 512, false), [0; 16], pointer(8192, 1024, false)];
    for big in [false, true] {
        let header = header(AT, &children, 512, big);
        let parts: [(u64, &[u8]); 3] = [(AT, &header), (4096, &[1; 512]), (8192, &[2; 1024])];
        assert_eq!(read(&parts, 9, 1536).unwrap(), [[1; 512], [2; 512], [2; 512]].concat());
    }
}

#[test]
fn a_header_may_fill_the_smallest_allocation() {
    let children: Vec<_> = (0..31).map(|i| pointer(i * 512, 512, false)).collect();
    let data: Vec<u8> = (0..31_u8).flat_map(|i| [i; 512]).collect();
    let large = header(AT, &children, 4096, false);
    assert_eq!(read(&[(AT, &large), (0, &data)], 12, 31 * 512).unwrap(), data);
    // On the same vdev, one from before the feature. What follows it is not looked at.
    let mut small = header(AT, &children[..3], 512, true);
    small.resize(4096, 0xff);
    assert_eq!(read(&[(AT, &small), (0, &data)], 12, 1536).unwrap(), data[..1536]);
}

#[test]
fn a_piece_may_be_a_gang() {
    let inner = header(8192, &[pointer(0, 512, false), pointer(512, 512, false)], 512, true);
    let outer = header(AT, &[pointer(8192, 1024, true), pointer(0, 512, false)], 512, false);
    let parts: [(u64, &[u8]); 3] = [(AT, &outer), (8192, &inner), (0, &[7; 1024])];
    assert_eq!(read(&parts, 9, 1536).unwrap(), [7; 1536]);
}

#[test]
fn a_gang_that_leads_to_itself_ends() {
    let header = header(AT, &[pointer(AT, 1024, true)], 512, false);
    assert!(why(&[(AT, &header)], 1024).contains("nest too deeply"));
}

#[test]
fn pieces_that_do_not_add_up_are_refused() {
    let children = [pointer(0, 512, false), pointer(0, 512, false)];
    let header = header(AT, &children, 512, false);
    assert!(why(&[(AT, &header)], 512).contains("more than the block"));
    assert!(why(&[(AT, &header)], 2048).contains("hold 1024 bytes, the block has 2048"));
    assert!(why(&[(AT, &[0; 512])], 2048).contains("magic"));
}
