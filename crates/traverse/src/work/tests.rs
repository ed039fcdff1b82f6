//! What is counted and what is read is refused for the same.

use super::*;
use crate::error::SendError;
use proptest::prelude::*;
use std::io;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::policy::Policy;
use zsend_pool::BlockCache;
use zsend_pool::config::VdevConfig;
use zsend_pool::device::{Device, Source};
use zsend_pool::dmu::objset::Objset;
use zsend_pool::label::DATA_START;
use zsend_pool::uberblock::Reflow;
use zsend_pool::vdev::{Dtls, Known, Leaves, Member, Tree};
use zsend_pool::zio::Zio;
use zsend_records::types::DmuType;
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
fn pointer(kind: u64, sector: u64, sectors: u64) -> [u64; 16] {
    let mut words = [0; 16];
    (words[0], words[1], words[10]) = (sectors, sector, 1);
    words[6] = ((sectors - 1) * 0x1_0001) | 2 << 32 | 2 << 40 | kind << 48 | 1 << 63;
    words
}

/// An empty filesystem.
fn objset() -> Objset {
    let mut root = vec![0; 1024];
    root[..8].copy_from_slice(&[10, 14, 1, 1, 0, 2, 2, 0]);
    root[8] = 32;
    let dnodes: Vec<u8> = pointer(10, 4, 32).iter().flat_map(|w| w.to_le_bytes()).collect();
    root[64..192].copy_from_slice(&dnodes);
    root[704] = 2;
    let device = Device::new("memory", Arc::new(Memory(root)));
    let leaves = Leaves::from([(1, vec![Member { device, txg: 1 }])]);
    let top = VdevConfig { kind: "file".into(), guid: 1, ashift: 9, ..VdevConfig::default() };
    let (reflow, dtls) = (Reflow::default(), &Dtls::default());
    let known = Known { leaves: &leaves, reflow, dtls, txg: 1, exported: None };
    let zio = Arc::new(Zio::new(Tree::build(&[top], 1, known)));
    let cache = Arc::new(BlockCache::default());
    Objset::open(&zio, &cache, 1, BlkPtr::from_words(pointer(11, 0, 2)), None).unwrap()
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
        compress in prop_oneof![Just(2u64), Just(15), 0..32u64],
        checksum in prop_oneof![Just(2u64), Just(0), 0..20u64],
        kind in prop_oneof![Just(19u64), Just(44), 0..80u64, 128..256u64],
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
        let mut words = pointer(kind, 100, 1);
        words[6] = compress << 32 | checksum << 40 | kind << 48 | u64::from(!big) << 63;
        words[6] |= if embedded {
            // Sizes in bytes less one, the stored one of seven bits.
            (lsize * 512 + 511) | (psize % 128) << 25 | 1 << 39
        } else {
            lsize | psize << 16
        };
        if hole {
            (words[0], words[1]) = (0, 0);
        }
        let bp = BlkPtr::from_words(words);
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
