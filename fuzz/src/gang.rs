//! Any bytes as a gang header and what it points to: `[flags, sectors of the block]`, the header,
//! then more of the device; flag 1 is a header of 4 KiB, flag 2 a big-endian one.
//!
//! The header's checksum is put right first. Reading ends, whatever points to what.

use zsend_ondisk::Order;
use zsend_ondisk::embedded::{self, Sum};
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::place::Bookmark;
use zsend_pool::zio::Access;

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
    let sealed = embedded::seal(&mut device[..size], [0, 0, BIRTH, 0], Sum::Whole, order);
    sealed.expect("a header is longer than its checksum");

    let sectors = u64::from(*sectors);
    let mut words = [0; 16];
    words[0] = 1;
    words[1] = 1 << 63;
    words[6] = (sectors * 0x1_0001) | 2 << 32 | 2 << 40 | 19 << 48 | 1 << 63;
    words[10] = BIRTH;
    let zio = crate::memory::zio(&device, if large { 12 } else { 9 });
    if let Ok(data) = zio.read(&BlkPtr::from_words(words), &Bookmark::default(), Access::default())
    {
        assert_eq!(data.len() as u64, (sectors + 1) * 512);
    }
}
