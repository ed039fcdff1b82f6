//! Catching up against a set of blocks.

use super::*;
use crate::walk::{DatasetWalk, Stop, Threads, Visit};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use zsend_pool::CancelToken;
use zsend_pool::dsl::name::Name;
use zsend_pool::pool::{OpenOptions, Pool};

/// A level-0 block: its object, its number, and true if it is a hole.
type Block = (u64, u64, bool);

/// The blocks that a leaf's pointers stand for, as far as the object reaches. A pointer to an indirect
/// block stands for none.
fn blocks(leaf: &Leaf, spec: &WalkSpec, into: &mut Vec<Block>) {
    let visited = leaf.visit(spec, |visit| {
        if let Visit::Pointer { dnode, node, bp } = visit
            && node.object != 0
        {
            if node == Node::spill(node.object) {
                into.push((node.object, node.blkid, bp.is_hole()));
            } else {
                let end = node.end_block(dnode).min(dnode.blocks());
                let numbers = node.first_block(dnode)..end;
                into.extend(numbers.map(|blkid| (node.object, blkid, bp.is_hole())));
            }
        }
        Ok(())
    });
    visited.unwrap();
}

/// Objects that exist, with their dnodes.
fn objects(spec: &WalkSpec) -> BTreeMap<u64, Dnode> {
    let exists = |object: &u64| Some((*object, spec.objset.dnode(*object).ok()?));
    (1..400).filter_map(|object| exists(&object)).collect()
}

/// A dataset of a fixture, and what is walked of it: what is younger than a txg.
struct Case {
    spec: WalkSpec,
    /// Its objects.
    objects: BTreeMap<u64, Dnode>,
    /// Objects of which blocks are listed, most of them with several.
    candidates: Vec<u64>,
}

impl Case {
    fn new(pool: &Pool, to: &str, fromtxg: u64) -> Self {
        let dataset = pool.dataset(&Name::parse(to).unwrap()).unwrap();
        let objset = Arc::new(pool.objset(&dataset).unwrap());
        let spec = WalkSpec { objset, fromtxg, resume: None };
        let objects = objects(&spec);
        let large =
            objects.iter().filter(|(_, dnode)| dnode.blocks() > 3).map(|(object, _)| *object);
        // Some that are small, and some that are not there.
        let mut candidates: Vec<u64> = large.chain((3..500).step_by(50)).collect();
        candidates.sort_unstable();
        candidates.dedup();
        Self { spec, objects, candidates }
    }

    /// Runs from a choice of objects and blocks: ascending, each block once.
    fn runs(&self, choice: Vec<(usize, u64, u64)>) -> Vec<Run> {
        let mut runs: Vec<Run> = choice
            .into_iter()
            .map(|(which, first, count)| {
                let object = self.candidates[which % self.candidates.len()];
                // A few of them lie past the end.
                let first = first % (self.objects.get(&object).map_or(0, Dnode::blocks) + 4);
                Run { object, first, end: first + count }
            })
            .collect();
        runs.sort_unstable_by_key(|run| (run.object, run.first));
        let mut last = (0, 0);
        runs.retain_mut(|run| {
            if last.0 == run.object {
                run.first = run.first.max(last.1);
            }
            let is_new = run.first < run.end;
            if is_new {
                last = (run.object, run.end);
            }
            is_new
        });
        runs
    }
}

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
