//! Any bytes as the data of a pool: `[flags]`, an object set's block of 1 KiB, then more of the
//! device; flag 1 says that it is big-endian.
//!
//! Whoever writes a pool chooses its checksums too, and may choose none, so block pointers lead
//! anywhere: to themselves, to blocks of another type, in circles. Every object can be read, as
//! data and as a ZAP, and it ends.

use std::sync::Arc;
use zsend_ondisk::Order;
use zsend_pool::BlockCache;
use zsend_pool::blkptr::{BlkPtr, Dva};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::zap;
use zsend_records::types::DmuType;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [flags, device @ ..] = bytes else { return };
    let zio = Arc::new(crate::memory::zio(device, 9));
    let cache = Arc::new(BlockCache::default());
    let bp = BlkPtr::builder()
        .object_type(DmuType::OBJSET)
        .size(1024)
        .order(Order::from_big_endian(flags & 1 != 0))
        // The first DVA of all zeros would be a hole; the size makes it none.
        .dva(0, Dva::new(0, 0, 1024).expect("two sectors at the start"))
        .logical_birth(1)
        .build()
        .expect("two sectors");
    let Ok(os) = Objset::open(&zio, &cache, 1, bp, None) else { return };
    for object in 0..40 {
        let Ok(dnode) = os.dnode(object) else { continue };
        for blkid in [0, 1, dnode.maxblkid] {
            let _ = os.block(&dnode, object, blkid);
        }
        let _ = os.read(&dnode, object, 100, 2000);
        let _ = zap::entries(&os, object);
    }
}
