//! Any bytes as a gang header and what it points to: `[flags, sectors of the block]`, the header,
//! then more of the device; flag 1 is a header of 4 KiB, flag 2 a big-endian one.
//!
//! The header's checksum is put right first. Reading ends, whatever points to what.

use zsend_ondisk::Order;
use zsend_ondisk::embedded::{self, Sum, gang_verifier};
use zsend_pool::blkptr::{BlkPtr, Dva};
use zsend_pool::Zbookmark;
use zsend_pool::Access;
use zsend_records::types::DmuType;

const BIRTH: u64 = 5;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [flags, sectors, device @ ..] = bytes else { return };
    let (large, big) = (flags & 1 != 0, flags & 2 != 0);
    let mut device = device.to_vec();
    let size = if large { 4096 } else { 512 };
    if device.len() < size {
        return;
    }
    let order = if big { Order::Big } else { Order::Little };
    let place = Dva::new(0, 0, 512).expect("a sector at the start");
    let verifier = gang_verifier(place, BIRTH);
    let sealed = embedded::seal(&mut device[..size], verifier, Sum::Whole, order);
    sealed.expect("a header is longer than its checksum");

    let len = (u64::from(*sectors) + 1) * 512;
    let bp = BlkPtr::builder()
        .object_type(DmuType::PLAIN_FILE_CONTENTS)
        .size(len)
        .dva(0, place.gang())
        .logical_birth(BIRTH)
        .build()
        .expect("at most 256 sectors");
    let zio = crate::memory::zio(&device, if large { 12 } else { 9 });
    if let Ok(data) = zio.read(&bp, &Zbookmark::default(), Access::default()) {
        assert_eq!(data.len() as u64, len);
    }
}
