//! An object set in memory, for the unit tests of several modules.

use std::io;
use std::sync::Arc;
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_ondisk::label::DATA_START;
use zsend_ondisk::objset::ObjsetBuilder;
use zsend_pool::BlockCache;
use zsend_pool::Zio;
use zsend_pool::blkptr::{BlkPtr, BlkPtrBuilder, Dva};
use zsend_pool::config::VdevConfig;
use zsend_pool::dmu::objset::Objset;
use zsend_pool::vdev::{Dtls, KnownDevices, Leaves, Member, VdevTree};
use zsend_pool::{Device, Source};
use zsend_records::types::{DmuType, ObjsetType};

/// Called with the offset of each read, from the start of the device's data.
type OnRead = dyn Fn(u64) + Send + Sync;

/// A device of zeros behind these bytes.
struct MemoryDisk(Vec<u8>, Box<OnRead>);

impl Source for MemoryDisk {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.1(offset.saturating_sub(DATA_START));
        for (i, b) in buf.iter_mut().enumerate() {
            let at =
                (offset + i as u64).checked_sub(DATA_START).and_then(|n| usize::try_from(n).ok());
            *b = at.and_then(|at| self.0.get(at)).copied().unwrap_or_default();
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        64 << 20
    }
}

/// A pointer without checksum to `sectors` at `sector`.
pub(crate) fn pointer(kind: u8, sector: u64, sectors: u64) -> BlkPtrBuilder {
    let dva = Dva::new(0, sector * 512, sectors * 512).unwrap();
    let bp = BlkPtr::builder().object_type(DmuType(kind)).size(sectors * 512);
    bp.dva(0, dva).logical_birth(1)
}

/// An empty filesystem.
pub(crate) fn objset() -> Arc<Objset> {
    objset_of(&[], |_| {})
}

/// A filesystem with one block of dnodes, whose bytes begin with these. Free slots follow.
pub(crate) fn objset_of(
    dnodes: &[u8],
    on_read: impl Fn(u64) + Send + Sync + 'static,
) -> Arc<Objset> {
    let core = DnodePhys { kind: 10, nlevels: 1, datablkszsec: 32.into(), ..DnodePhys::default() };
    let pointers = vec![pointer(10, 4, 32).build().unwrap()];
    let meta = DnodeBuilder { core, pointers, ..DnodeBuilder::default() };
    let mut root = ObjsetBuilder::new(ObjsetType::ZFS, meta).build(Order::Little).unwrap();
    root.resize(2048, 0);
    root.extend(dnodes);
    let device = Device::new("memory", Arc::new(MemoryDisk(root, Box::new(on_read))));
    let leaves = Leaves::from([(1, vec![Member { device, txg: 1 }])]);
    let top = VdevConfig { kind: "file".into(), guid: 1, ashift: 9, ..VdevConfig::default() };
    let dtls = &Dtls::default();
    let known = KnownDevices::new(&leaves, dtls, 1);
    let zio = Arc::new(Zio::new(VdevTree::build(&[top], 1, known)));
    let cache = Arc::new(BlockCache::default());
    let root = pointer(11, 0, 2).build().unwrap();
    Arc::new(Objset::open(&zio, &cache, 1, root, None).unwrap())
}
