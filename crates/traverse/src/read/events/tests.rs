//! Blocks that are counted are refused for the same as blocks that are read.

use super::*;
use crate::error::SendError;
use crate::testing::{objset, pointer};
use proptest::prelude::*;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::policy::Policy;
use zsend_ondisk::Order;
use zsend_pool::CancelToken;
use zsend_pool::blkptr::{Dva, EmbeddedType};
use zsend_records::types::{Checksum, Compress, DmuType};
use zsend_records::writer::{Counted, Payload};

fn reader(features: Features, is_replacing: bool) -> BlockReader {
    BlockReader {
        spec: WalkSpec { objset: objset(), fromtxg: 0, resume: None },
        rules: Rules { policy: Policy::new(Dialect::OpenZfs, features), unmodified_spill: true },
        latency: Duration::ZERO,
        is_replacing,
        stop: Stop::new(&CancelToken::default()),
    }
}

/// Bytes of the payloads that an item gives.
fn sizes<P: SendPayload>(reader: &BlockReader, item: SendItem<P>) -> Result<Vec<u64>> {
    let (mut sizes, mut replaced) = (Vec::new(), Vec::new());
    let mut maker = Maker { reader, replaced: &mut replaced };
    maker.item(item, None, &mut |event: Event<P>| {
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

/// True if an error can only be found by reading the block.
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
        // What an embedded pointer holds lies where another has its copies and its checksum.
        let bp = if embedded {
            let (kind, payload) = (DmuType(kind), EmbeddedType(checksum));
            let bp = BlkPtr::builder().object_type(kind).embedded(payload, &[]).logical_birth(1);
            bp.psize(psize % 128 + 1)
        } else {
            let bp = pointer(kind, 100, 1).checksum_type(Checksum(checksum)).psize((psize + 1) * 512);
            if hole { bp.dva(0, Dva::default()) } else { bp }
        };
        let order = Order::from_big_endian(big);
        let bp = bp.lsize((lsize + 1) * 512).compress(Compress(compress)).order(order);
        let bp = bp.build().unwrap();
        let at = Zbookmark::new(1, 3, 0, 2);
        let blksz = bp.lsize();
        let mut features = features;
        features.set(Features::EMBED_DATA, embed);
        features.set(Features::RAW, raw);
        let data = DataBlock { at, bp, dnode_type: DmuType(19), blksz };
        let (counted, read) = if spill {
            let counted = SendItem::<Counted>::Spill { at, bp, unmodified: false };
            let read = SendItem::<Payload>::Spill { at, bp, unmodified: false };
            (sizes(&reader(features, replace), counted), sizes(&reader(features, replace), read))
        } else {
            let (counted, read) = (SendItem::<Counted>::Data(data.clone()), SendItem::<Payload>::Data(data));
            (sizes(&reader(features, replace), counted), sizes(&reader(features, replace), read))
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

/// A block that was not read since the caller cancelled is not lost: nothing is written in its place.
#[test]
fn a_block_that_was_not_read_is_not_replaced() {
    let cancel = CancelToken::default();
    let mut reader = reader(Features::empty(), true);
    reader.spec.objset = std::sync::Arc::new(reader.spec.objset.with_cancel(cancel.clone()));
    let (bp, at) = (pointer(19, 100, 1).build().unwrap(), Zbookmark::new(1, 3, 0, 2));
    let data = DataBlock { at, bp, dnode_type: DmuType(19), blksz: 512 };
    cancel.cancel();
    let mut replaced = Vec::new();
    let mut maker = Maker { reader: &reader, replaced: &mut replaced };
    let made = maker.item(SendItem::<Payload>::Data(data), None, &mut |event| panic!("{event:?}"));
    assert!(matches!(made, Err(SendError::Cancelled)), "{made:?}");
    assert!(replaced.is_empty(), "{replaced:?}");
}
