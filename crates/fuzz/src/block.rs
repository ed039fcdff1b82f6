//! Any bytes as a block of any object type: `[type]`, then the block.
//!
//! Turning a block to the other byte order and back changes nothing but what free dnode slots hold.
//! Every dnode and block pointer in it can be asked everything.

use bytes::Bytes;
use zsend_ondisk::byteswap::{swap, swap_out};
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{Dnode, DnodeRef};
use zsend_pool::Zbookmark;
use zsend_records::types::DmuType;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [kind, block @ ..] = bytes else { return };
    let kind = DmuType(*kind);
    let mut data = block.to_vec();
    if let Some(swap_kind) = kind.byteswap() {
        swap(swap_kind, &mut data);
        let settled = data.clone();
        swap_out(swap_kind, &mut data);
        swap(swap_kind, &mut data);
        assert_eq!(data, settled);
    }
    for data in [block, &data] {
        let data = Bytes::copy_from_slice(data);
        let at = Zbookmark::default();
        for start in (0..data.len()).step_by(512) {
            if let Ok(dnode) = Dnode::parse(&data, start, &at) {
                ask_dnode(&dnode);
            }
        }
        for outline in DnodeRef::all(&data).flatten() {
            assert!(outline.size() <= data.len() as u64);
            outline.pointers().for_each(|bp| ask_pointer(&bp));
        }
        for i in 0..data.len() / 128 {
            ask_pointer(&BlkPtr::at(&data, i).expect("inside the block"));
        }
        assert_eq!(BlkPtr::at(&data, data.len() / 128), None);
    }
}

fn ask_dnode(dnode: &Dnode) {
    let _ = (dnode.datablksz(), dnode.epb_shift(), dnode.slots(), dnode.max_bonus_len());
    assert!(dnode.bonus().len() <= dnode.bytes().len());
    assert!(dnode.bonus_area(usize::MAX).len() <= dnode.bytes().len());
    for i in 0..4 {
        let _ = dnode.blkptr(i);
    }
    let _ = dnode.spill();
}

fn ask_pointer(bp: &BlkPtr) {
    let sound = bp.check().is_ok();
    if sound && !bp.is_hole() && !bp.is_redacted() {
        assert!(bp.lsize() <= 16 << 20 && bp.psize() <= 16 << 20);
    }
    let _ = (
        bp.is_gang(),
        bp.level(),
        bp.checksum(),
        (bp.salt(), bp.iv(), bp.mac()),
        bp.physical_birth(),
    );
    let _ = (bp.is_encrypted(), bp.is_authenticated(), bp.is_dedup(), bp.logical_birth());
    let (payload, len) = bp.embedded_payload();
    assert!(len <= payload.len());
    for dva in bp.dvas() {
        let _ = (dva.vdev(), dva.offset(), dva.asize());
    }
}
