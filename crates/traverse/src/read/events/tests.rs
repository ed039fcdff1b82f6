//! What is counted and what is read is refused for the same.

use super::*;
use crate::error::SendError;
use proptest::prelude::*;
use std::io;
use std::mem::offset_of;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::policy::Policy;
use zsend_ondisk::Order;
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_ondisk::objset::ObjsetPhys;
use zsend_pool::BlockCache;
use zsend_pool::blkptr::{BlkPtr, BlkPtrBuilder, Dva, EmbeddedType};
use zsend_pool::config::VdevConfig;
use zsend_pool::device::{Device, Source};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::label::DATA_START;
use zsend_pool::uberblock::Reflow;
use zsend_pool::vdev::{Dtls, Known, Leaves, Member, Tree};
use zsend_pool::zio::Zio;
use zsend_records::types::{Checksum, Compress, DmuType};
use zsend_records::writer::{Counted, Payload};

/// A device of zeros behind these bytes.
struct Memory(Vec<u8>);

impl Source for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        for (i, b) in buf.iter_mut().enumerate() {
            let at =
                (offset + i as u64).checked_sub(DATA_START).and_then(|n| usize::try_from(n).ok());
            *b = at.and_then(|at| self.0.get(at)).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        64 << 20
    }
}

/// A pointer without checksum to `sectors` at `sector`.
fn pointer(kind: u8, sector: u64, sectors: u64) -> BlkPtrBuilder {
    let dva = Dva::new(0, sector * 512, sectors * 512).unwrap();
    let bp = BlkPtr::builder().object_type(DmuType(kind)).size(sectors * 512);
    bp.dva(0, dva).logical_birth(1)
}

/// An empty filesystem.
fn objset() -> Objset {
    let mut root = vec![0; 1024];
    let core = DnodePhys { kind: 10, nlevels: 1, datablkszsec: 32.into(), ..DnodePhys::default() };
    let pointers = vec![pointer(10, 4, 32).build().unwrap()];
    let meta = DnodeBuilder { core, pointers, ..DnodeBuilder::default() };
    root[..512].copy_from_slice(&meta.build(Order::Little).unwrap());
    root[offset_of!(ObjsetPhys, kind)] = 2;
    let device = Device::new("memory", Arc::new(Memory(root)));
    let leaves = Leaves::from([(1, vec![Member { device, txg: 1 }])]);
    let top = VdevConfig { kind: "file".into(), guid: 1, ashift: 9, ..VdevConfig::default() };
    let (reflow, dtls) = (Reflow::default(), &Dtls::default());
    let known = Known { leaves: &leaves, reflow, dtls, txg: 1, exported: None };
    let zio = Arc::new(Zio::new(Tree::build(&[top], 1, known)));
    let cache = Arc::new(BlockCache::default());
    Objset::open(&zio, &cache, 1, pointer(11, 0, 2).build().unwrap(), None).unwrap()
}

fn worker(features: Features, replace: bool) -> Worker {
    Worker {
        walk: WalkSpec { objset: Arc::new(objset()), fromtxg: 0, resume: None },
        rules: Rules {
            policy: Policy { dialect: Dialect::OpenZfs, features },
            fromtxg: 0,
            resume_object: 0,
            unmodified_spill: true,
        },
        latency: Duration::ZERO,
        replaced: replace.then(Arc::default),
    }
}

/// Bytes of the payloads that an item gives.
fn sizes<P: Wanted>(worker: &Worker, item: Item<P>) -> Result<Vec<u64>> {
    let mut sizes = Vec::new();
    worker.item(item, None, &mut |event| {
        sizes.push(match event {
            Event::Write(w) => w.payload.size(),
            Event::WriteEmbedded(w) => w.payload.size(),
            Event::Spill(s) => s.payload.size(),
            other => panic!("{other:?}"),
        });
        Ok(())
    })?;
    Ok(sizes)
}

/// Whether an error can only be found by reading the block.
fn needs_reading(e: &SendError) -> bool {
    match e {
        SendError::Pool(PoolError::Unreadable { .. }) => true,
        SendError::Pool(PoolError::Corrupt { what, .. }) => *what == "compressed block",
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn what_is_counted_and_what_is_read_is_refused_for_the_same(
        (lsize, psize) in (0..600u64, 0..600u64),
        same in any::<bool>(),
        compress in prop_oneof![Just(2u8), Just(15), 0..32u8],
        checksum in prop_oneof![Just(2u8), Just(0), 0..20u8],
        kind in prop_oneof![Just(19u8), Just(44), 0..80u8, 128..=255u8],
        (embedded, big) in (any::<bool>(), any::<bool>()),
        hole in prop::bool::weighted(0.1),
        (embed, raw, replace, spill) in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        features in prop_oneof![
            Just(Features::empty()),
            Just(Features::COMPRESSED | Features::LZ4),
            Just(Features::COMPRESSED | Features::LARGE_BLOCKS),
        ],
    ) {
        let psize = if same { lsize } else { psize };
        let mut bp = pointer(kind, 100, 1)
            .lsize((lsize + 1) * 512)
            .compress(Compress(compress))
            .checksum_type(Checksum(checksum))
            .order(Order::of(big));
        bp = if embedded {
            bp.embedded(EmbeddedType(checksum), &[]).psize(psize % 128 + 1)
        } else {
            bp.psize((psize + 1) * 512)
        };
        if hole {
            bp = bp.dva(0, Dva::default());
        }
        let bp = bp.build().unwrap();
        let at = Bookmark::new(1, 3, 0, 2);
        let blksz = bp.lsize();
        let mut features = features;
        features.set(Features::EMBED_DATA, embed);
        features.set(Features::RAW, raw);
        let data = Data { at, bp, dnode_type: DmuType(19), blksz };
        let (counted, read) = if spill {
            let counted = Item::<Counted>::Spill { at, bp, unmodified: false };
            let read = Item::<Payload>::Spill { at, bp, unmodified: false };
            (sizes(&worker(features, replace), counted), sizes(&worker(features, replace), read))
        } else {
            let (counted, read) = (Item::<Counted>::Data(data.clone()), Item::<Payload>::Data(data));
            (sizes(&worker(features, replace), counted), sizes(&worker(features, replace), read))
        };
        match (counted, read) {
            (Ok(counted), Ok(read)) if !replace => prop_assert_eq!(counted, read),
            // A block that is lost when it is read is replaced as a whole, which counting cannot know.
            (Ok(_), Ok(_)) => {}
            (Ok(_), Err(e)) => prop_assert!(needs_reading(&e), "only reading says: {e}"),
            (Err(counted), Err(read)) => prop_assert_eq!(counted.to_string(), read.to_string()),
            (Err(e), Ok(_)) => prop_assert!(false, "only counting says: {e}"),
        }
    }
}
