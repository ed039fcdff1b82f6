//! Gang headers of both sizes and both byte orders, and what is wrong with some.

use super::super::read::tests::zio_of;
use super::*;
use crate::PoolError;
use crate::blkptr::BlkPtrBuilder;
use crate::zbookmark::Zbookmark;
use crate::zio::Access;
use proptest::prelude::*;
use zsend_records::types::DmuType;

/// Byte of the vdev at which the header lies, and its birth.
const AT: u64 = 1 << 20;
const BIRTH: u64 = 77;

/// A pointer to `len` bytes at `offset`; `gang` says whether a header lies there. There is no
/// checksum, so that whatever is assembled is accepted.
fn builder(offset: u64, len: u64, gang: bool) -> BlkPtrBuilder {
    let dva = Dva::new(0, offset, len).unwrap();
    let bp = BlkPtr::builder().object_type(DmuType::PLAIN_FILE_CONTENTS).size(len);
    bp.dva(0, if gang { dva.gang() } else { dva }).logical_birth(BIRTH)
}

fn pointer(offset: u64, len: u64, gang: bool) -> BlkPtr {
    builder(offset, len, gang).build().unwrap()
}

/// A header of `size` bytes at `at`, as either kind of machine writes it.
fn header(at: u64, children: &[BlkPtr], size: usize, big: bool) -> Vec<u8> {
    header_for(Sum::Whole, at, children, size, big)
}

/// As [`header`], with as much of the sum as the block's pointer asks for.
fn header_for(sum: Sum, at: u64, children: &[BlkPtr], size: usize, big: bool) -> Vec<u8> {
    let order = if big { Order::Big } else { Order::Little };
    let verifier = gang_verifier(Dva::new(0, at, 512).unwrap(), BIRTH);
    gang::build(children, size, verifier, sum, order).unwrap()
}

fn read(parts: &[(u64, &[u8])], ashift: u64, len: u64) -> crate::Result<Vec<u8>> {
    read_by(pointer(AT, len, true), parts, ashift)
}

fn read_by(bp: BlkPtr, parts: &[(u64, &[u8])], ashift: u64) -> crate::Result<Vec<u8>> {
    zio_of(parts, ashift).read(&bp, &Zbookmark::default(), Access::default()).map(Vec::from)
}

fn why(parts: &[(u64, &[u8])], len: u64) -> String {
    match read(parts, 9, len) {
        Err(e @ PoolError::Unreadable { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pieces_follow_each_other_whatever_the_headers_order() {
    let children = [pointer(4096, 512, false), BlkPtr::default(), pointer(8192, 1024, false)];
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

#[test]
fn a_header_of_a_block_with_a_mac_has_a_folded_sum() {
    // Encrypted data, and metadata that is authenticated: user space accounting.
    for object_type in [DmuType(19), DmuType(47), DmuType::OBJSET] {
        for big in [false, true] {
            let bp = builder(AT, 512, true).object_type(object_type).uses_crypt(true);
            let bp = bp.build().unwrap();
            let [whole, folded] = [Sum::Whole, Sum::ForMac]
                .map(|sum| header_for(sum, AT, &[pointer(4096, 512, false)], 512, big));
            let data = [3; 512];
            let takes = |header: &[u8]| {
                let zio = zio_of(&[(AT, header), (4096, &data)], 9);
                zio.read_stored(&bp, &Zbookmark::default()).is_ok()
            };
            let has_mac = object_type != DmuType::OBJSET;
            assert_eq!((takes(&folded), takes(&whole)), (has_mac, !has_mac), "{object_type}");
        }
    }
}

#[test]
fn headers_that_point_at_themselves_end() {
    let dva = Dva::new(0, AT, 1024).unwrap().gang();
    let bp = builder(AT, 1024, true).dva(1, dva).dva(2, dva).build().unwrap();
    let header = header(AT, &[bp], 512, false);
    let why = match read_by(bp, &[(AT, &header)], 9) {
        Err(e @ PoolError::Unreadable { .. }) => e.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(why.contains("nest too deeply"), "{why}");
    // Three to the depth would be more than half a million.
    assert!(max_headers(1024) < 100);
}

proptest! {
    /// Copies are written with the sum of the first copy's place, or with their own where a dedup
    /// table has put copies of several writes together; any of them may be the one that is left.
    #[test]
    fn any_copy_of_a_header_is_taken(
        places in prop::collection::btree_set(8u64..64, 3),
        order in Just([0usize, 1, 2]).prop_shuffle(),
        left in 0usize..3,
        own in any::<bool>(),
        big in any::<bool>(),
    ) {
        let places: Vec<u64> = places.into_iter().map(|p| p * 4096).collect();
        let places = order.map(|i| places[i]);
        let mut bp = builder(places[0], 512, true);
        for (i, place) in places.into_iter().enumerate() {
            bp = bp.dva(i, Dva::new(0, place, 512).unwrap().gang());
        }
        let bp = bp.build().unwrap();
        let sealed_at = if own { places[left] } else { places[0] };
        let header = header(sealed_at, &[pointer(0, 512, false)], 512, big);
        let parts: [(u64, &[u8]); 2] = [(places[left], &header), (0, &[9; 512])];
        prop_assert_eq!(read_by(bp, &parts, 9).unwrap(), [9; 512]);
        // Not one that was written for another block.
        let mut foreign = header.clone();
        foreign[0] ^= 1;
        let parts: [(u64, &[u8]); 2] = [(places[left], &foreign), (0, &[9; 512])];
        prop_assert!(read_by(bp, &parts, 9).is_err());
    }
}
