//! Datasets of a fixture as sets of blocks, and lists of some of them: what tests compare with.

use crate::walk::{Leaf, Node, Visit, WalkSpec};
use std::collections::BTreeMap;
use std::sync::Arc;
use zsend_pool::Pool;
use zsend_pool::dmu::dnode::Dnode;
use zsend_pool::dsl::name::Name;
use zsend_pool::dsl::redaction::BlockRun;

/// A level-0 block: its object, its number, and true if it is a hole.
pub(super) type Block = (u64, u64, bool);

/// The blocks that a leaf's pointers stand for, as far as the object reaches. A pointer to an indirect
/// block stands for none.
pub(super) fn blocks(leaf: &Leaf, spec: &WalkSpec, into: &mut Vec<Block>) {
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
pub(super) struct Case {
    pub(super) spec: WalkSpec,
    /// Its objects.
    pub(super) objects: BTreeMap<u64, Dnode>,
    /// Objects of which blocks are listed, most of them with several.
    candidates: Vec<u64>,
}

impl Case {
    pub(super) fn new(pool: &Pool, to: &str, fromtxg: u64) -> Self {
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
    pub(super) fn runs(&self, choice: Vec<(usize, u64, u64)>) -> Vec<BlockRun> {
        let mut runs: Vec<BlockRun> = choice
            .into_iter()
            .map(|(which, first, count)| {
                let object = self.candidates[which % self.candidates.len()];
                // A few of them lie past the end.
                let first = first % (self.objects.get(&object).map_or(0, Dnode::blocks) + 4);
                BlockRun { object, first, end: first + count }
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
