//! Withholding against a set of blocks.

use super::*;
use crate::read::model::{Case, blocks};
use crate::walk::{DatasetWalk, Threads, Visit};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use zsend_pool::CancelToken;
use zsend_pool::SPILL_BLKID;
use zsend_pool::dsl::name::Name;
use zsend_pool::{OpenOptions, Pool};

/// The blocks of runs, as far as their objects exist and reach.
fn listed(case: &Case, runs: &[BlockRun]) -> BTreeSet<(u64, u64)> {
    let mut all = BTreeSet::new();
    for run in runs {
        let end = run.end.min(case.objects.get(&run.object).map_or(0, Dnode::blocks));
        all.extend((run.first..end).map(|blkid| (run.object, blkid)));
    }
    all
}

/// The blocks that a leaf says are redacted.
fn redacted(leaf: &Leaf, spec: &WalkSpec, into: &mut Vec<(u64, u64)>) {
    let visited = leaf.visit(spec, |visit| {
        if let Visit::Pointer { dnode, node, bp } = visit
            && bp.is_redacted()
        {
            let blocks = node.first_block(dnode)..node.end_block(dnode);
            into.extend(blocks.map(|blkid| (node.object, blkid)));
        }
        Ok(())
    });
    visited.unwrap();
}

#[test]
fn listed_blocks_are_redacted_once_unless_they_are_known_and_no_other_is_lost() {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("basic")).unwrap();
    let pool = Pool::open(&[dir], "basic", &OpenOptions::default()).unwrap();
    let older = pool.dataset(&Name::parse("basic/fs@a").unwrap()).unwrap();
    let cases = [
        Case::new(&pool, "basic/fs@c", older.creation_txg),
        Case::new(&pool, "basic/fs@c", 0),
        Case::new(&pool, "basic/vol@1", 0),
    ];
    let threads = Arc::new(Threads::start(1).unwrap());
    let (told, held_back) = (Cell::new(0), Cell::new(0));
    let bp = super::redacted(&Zbookmark::new(0, 0, 0, 0)).unwrap();
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() };
    let choice = || prop::collection::vec((any::<usize>(), any::<u64>(), 1..50u64), 1..40);
    proptest!(config, |(which in 0..cases.len(), choice in choice(), known in choice())| {
        let case = &cases[which];
        let (runs, known) = (case.runs(choice), case.runs(known));
        let (withheld, knows) = (listed(case, &runs), listed(case, &known));
        let stop = || Stop::new(&CancelToken::default());
        let walk = || DatasetWalk::new(case.spec.clone(), Arc::clone(&threads), stop());
        let mut want = Vec::new();
        walk().for_each(|leaf| blocks(&leaf.unwrap(), &case.spec, &mut want));
        let walked = want.len();
        want.retain(|(object, blkid, _)| !withheld.contains(&(*object, *blkid)));
        held_back.set(held_back.get() + walked - want.len());
        let lists = Withheld {
            listed: RedactionCursor::of_runs(runs),
            known: RedactionCursor::of_runs(known),
        };
        let (mut found, mut gone, mut dnode) = (Vec::new(), Vec::new(), 0);
        for leaf in Withhold::new(walk(), case.spec.clone(), lists, bp, stop()) {
            let leaf = leaf.unwrap();
            let before = gone.len();
            redacted(&leaf, &case.spec, &mut gone);
            if gone.len() == before {
                blocks(&leaf, &case.spec, &mut found);
            }
            // What is withheld of an object comes behind its dnode, and before the next.
            if let Leaf::Dnode { object, .. } = &leaf {
                prop_assert!(dnode <= *object);
                dnode = *object;
            }
            prop_assert!(gone[before..].iter().all(|(object, _)| *object >= dnode));
        }
        // A hole that begins before the end of the data is sent to its own end.
        let ends = |object: &u64| case.objects.get(object).map_or(0, Dnode::blocks);
        found.retain(|(object, blkid, _)| *blkid == SPILL_BLKID || *blkid < ends(object));
        let want_gone: Vec<_> = withheld.difference(&knows).copied().collect();
        told.set(told.get() + want_gone.len());
        prop_assert!(gone == want_gone, "redacted");
        prop_assert!(found == want, "sent");
    });
    assert!(told.get() > 1000 && held_back.get() > 1000, "{told:?}, {held_back:?}");
}
