//! Pools that are made here: what was put in is read, and any change of it ends in no checksum error.

mod mended;

use bytes::Bytes;
use mended::{healthy, objset};
use prop::sample::Index;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use zsend_pool::{CancelToken, Zbookmark};
use zsend_records::reader::StreamReader;
use zsend_records::types::Compress;
use zsend_testkit::pool::change::small_pool;
use zsend_testkit::pool::make::{SNAPSHOT, SNAPSHOT_OBJECT, SmallObject, SmallPool};
use zsend_traverse::{SendOptions, SendPlan};

/// Contents of a block of an object, or `None` for a hole.
fn wanted(object: &SmallObject, blkid: usize) -> Option<Vec<u8>> {
    let mut block = object.blocks.get(blkid)?.clone()?;
    block.resize(usize::from(object.sectors) * 512, 0);
    Some(block)
}

/// Digests of `zdb -e -p DIR -B small/13 c` of zdb 2.3.2, of the default pool on a disk, and of its volume
/// as nine blocks with a hole, stored with zstd on a mirror of sectors of 4 KiB.
const BY_ZDB: [&str; 2] = [
    "540432c96ff61afaa8ad057098fae26a3f6ba5527f582a57186d1ef990e0668b",
    "06f64c676f40806bcf01e2a33741172df48ea4c4796110a89369640bd4d78e99",
];

#[test]
fn zdb_reads_the_same_from_it() {
    let disk = SmallPool::default();
    let mut mirror = SmallPool { sides: 2, ashift: 12, ..disk.clone() };
    for object in mirror.objects.iter_mut().flatten() {
        object.compress = Compress::ZSTD;
        object.blocks = (0..9).map(|i| (i != 4).then(|| vec![i; 9000])).collect();
    }
    for (small, want) in [disk, mirror].into_iter().zip(BY_ZDB) {
        let pool = small.build().unwrap().open().unwrap();
        let options = SendOptions::default().with_compress(true);
        let plan = SendPlan::by_name(&pool, SNAPSHOT, None, options).unwrap();
        let mut stream = Vec::new();
        plan.write(&mut stream, &CancelToken::default(), |_| {}).unwrap();
        let digest = Bytes::copy_from_slice(&Sha256::digest(&stream));
        assert_eq!(format!("{digest:x}"), want);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_put_in_is_read(small in small_pool()) {
        let pool = small.build().unwrap().open().unwrap();
        let os = objset(&pool, SNAPSHOT_OBJECT).unwrap();
        for (number, object) in (1..).zip(&small.objects) {
            let dnode = os.dnode(number);
            let Some(object) = object else {
                prop_assert!(dnode.is_err());
                continue;
            };
            let dnode = dnode.unwrap();
            prop_assert_eq!((dnode.object_type, dnode.bonus().to_vec()), (object.object_type, object.bonus.1.clone()));
            for blkid in 0..object.blocks.len() {
                let found = os.block(&dnode, number, blkid as u64).unwrap();
                prop_assert!(found.map(|b| b.to_vec()) == wanted(object, blkid));
            }
        }
        healthy(&pool);
        prop_assert_eq!(pool.devices().len(), small.sides);
        let mut stream = Vec::new();
        let plan = SendPlan::by_name(&pool, SNAPSHOT, None, SendOptions::default()).unwrap();
        plan.write(&mut stream, &CancelToken::default(), |_| {}).unwrap();
        let records = StreamReader::new(&stream[..]).collect::<Result<Vec<_>, _>>().unwrap();
        prop_assert!(records.len() >= 2 + small.objects.iter().flatten().count());
    }

    #[test]
    fn a_change_of_data_is_read_and_nothing_else(
        small in small_pool(),
        picks in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..5),
    ) {
        let mut pool = small.build().unwrap();
        let mut model = Vec::new();
        for (number, object) in (1..).zip(&small.objects) {
            let blocks = object.iter().flat_map(|o| (0..o.blocks.len()).map(|i| (i, wanted(o, i))));
            let blocks = blocks.filter_map(|(blkid, block)| Some((blkid as u64, block?)));
            model.extend(blocks.map(|(blkid, block)| (number, blkid, block)));
        }
        prop_assume!(!model.is_empty());
        for (which, at, byte) in picks {
            let which = which.index(model.len());
            let (object, blkid, block) = &mut model[which];
            let at = at.index(block.len());
            block[at] = byte;
            let place = Zbookmark::new(SNAPSHOT_OBJECT, *object, 0, *blkid);
            pool.change_block(place, |block| block[at] = byte).unwrap();
        }
        let pool = pool.open().unwrap();
        let os = objset(&pool, SNAPSHOT_OBJECT).unwrap();
        for (object, blkid, block) in model {
            let found = os.block(&os.dnode(object).unwrap(), object, blkid).unwrap();
            prop_assert!(found.is_some_and(|found| found == block), "object {object} block {blkid}");
        }
        healthy(&pool);
    }
}
