//! Catching up against a set of blocks.

use super::*;
use crate::read::model::{Case, blocks};
use crate::walk::{DatasetWalk, Stop, Threads};
use proptest::prelude::*;
use std::cell::Cell;
use std::sync::Arc;
use zsend_pool::CancelToken;
use zsend_pool::dsl::name::Name;
use zsend_pool::{OpenOptions, Pool};

#[test]
fn listed_blocks_come_where_they_belong_once_and_none_is_lost() {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("basic")).unwrap();
    let pool = Pool::open(&[dir], "basic", &OpenOptions::default()).unwrap();
    let older = pool.dataset(&Name::parse("basic/fs@a").unwrap()).unwrap();
    let cases = [
        Case::new(&pool, "basic/fs@c", older.creation_txg),
        Case::new(&pool, "basic/fs@c", 0),
        Case::new(&pool, "basic/vol@1", u64::MAX),
    ];
    let threads = Arc::new(Threads::start(1).unwrap());
    let inside = Cell::new(0);
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() };
    proptest!(config, |(
        which in 0..cases.len(),
        choice in prop::collection::vec((any::<usize>(), any::<u64>(), 1..50u64), 1..40),
    )| {
        let Case { spec, objects, .. } = &cases[which];
        let listed = cases[which].runs(choice);
        let walk = || {
            let stop = Stop::new(&CancelToken::default());
            DatasetWalk::new(spec.clone(), Arc::clone(&threads), stop)
        };
        // The model: blocks that the walk meets, and those that are listed as far as they exist.
        let mut walked = Vec::new();
        walk().for_each(|leaf| blocks(&leaf.unwrap(), spec, &mut walked));
        let mut want = walked.clone();
        for run in &listed {
            let Some(dnode) = objects.get(&run.object) else { continue };
            for blkid in run.first..run.end.min(dnode.blocks()) {
                let bp = spec.objset.block_pointer(dnode, run.object, blkid).unwrap();
                want.push((run.object, blkid, bp.is_hole()));
            }
        }
        want.sort_unstable();
        want.dedup();
        inside.set(inside.get() + want.len() - walked.len());

        let cursor = RedactionCursor::of_runs(listed);
        let (mut found, mut dnode) = (Vec::new(), 0);
        for leaf in CatchUp::new(walk(), spec.clone(), cursor, Stop::new(&CancelToken::default())) {
            let leaf = leaf.unwrap();
            // A dnode comes before all blocks of its object, and behind those of the objects before.
            if let Leaf::Dnode { object, .. } = &leaf {
                prop_assert!(dnode <= *object);
                prop_assert_eq!(found.len(), want.partition_point(|block| block.0 < *object));
                dnode = *object;
            }
            blocks(&leaf, spec, &mut found);
        }
        prop_assert_eq!(found, want);
    });
    assert!(inside.get() > 1000, "{inside:?}");
}
