//! The walk against a recursion that reads nothing ahead and hands nothing out.

use super::*;
use crate::walk::leaf::Visit;
use crate::walk::node::{Node, above};
use crate::walk::spec::ResumePoint;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::HashMap;
use zsend_ondisk::Level;
use zsend_pool::CancelToken;
use zsend_pool::Zbookmark;
use zsend_pool::blkptr::BlkPtr;
use zsend_pool::dmu::dnode::{DNODE_SIZE, DNODES_PER_BLOCK, Dnode};
use zsend_pool::dsl::name::Name;
use zsend_pool::{OpenOptions, Pool};

/// One thing that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Opening(u64),
    Dnode(u64),
    Block(Node),
}

/// A recursion, and all that it met, in order.
struct Model<'a> {
    spec: &'a WalkSpec,
    met: Vec<Met>,
}

impl Model<'_> {
    fn of(spec: &WalkSpec) -> Vec<Met> {
        let mut model = Model { spec, met: Vec::new() };
        if spec.objset.root().logical_birth() > spec.fromtxg {
            model.object(0, spec.objset.meta());
        }
        model.met
    }

    fn object(&mut self, object: u64, dnode: &Dnode) {
        let level = (1..dnode.nlevels).fold(Level::DATA, |l, _| above(l, dnode).unwrap());
        for i in 0..dnode.nblkptr {
            let bp = dnode.blkptr(i.into()).unwrap();
            self.block(dnode, Node { object, level, blkid: i.into() }, &bp);
        }
        if let Some(bp) = dnode.spill() {
            self.block(dnode, Node::spill(object), &bp);
        }
    }

    /// True if a block is left out, with all below it.
    fn is_left_out(&self, dnode: &Dnode, node: Node, bp: &BlkPtr) -> bool {
        let is_old = bp.logical_birth() != 0 && bp.logical_birth() <= self.spec.fromtxg;
        let per_block = u128::from(dnode.datablksz()) / DNODE_SIZE as u128;
        let end = (u128::from(node.blkid) + 1) << dnode.shift(node.level);
        let is_sent = self.spec.resume.is_some_and(|resume| {
            let (object, blkid) = (u128::from(resume.object), u128::from(resume.blkid));
            if node.object == 0 {
                end * per_block <= object
            } else {
                (u128::from(node.object), end) <= (object, blkid)
            }
        });
        is_old || is_sent
    }

    fn block(&mut self, dnode: &Dnode, node: Node, bp: &BlkPtr) {
        if self.is_left_out(dnode, node, bp) {
            return;
        }
        let at = Zbookmark::new(self.spec.objset.id(), node.object, node.level.into(), node.blkid);
        if bp.is_hole() || (node.level == Level::DATA && node.object != 0) {
            self.met.push(Met::Block(node));
            return;
        }
        let data = self.spec.objset.read_block(bp, &at).unwrap();
        if node.level == Level::DATA {
            self.dnodes(node.blkid, &data, &at);
            return;
        }
        self.met.push(Met::Block(node));
        let fanout = data.len() / BLKPTR_SIZE;
        let level = (1..node.level.get()).fold(Level::DATA, |l, _| above(l, dnode).unwrap());
        for i in 0..fanout {
            let blkid = node.blkid * fanout as u64 + i as u64;
            let bp = BlkPtr::at(&data, i).unwrap();
            self.block(dnode, Node { object: node.object, level, blkid }, &bp);
        }
    }

    fn dnodes(&mut self, blkid: u64, data: &bytes::Bytes, at: &Zbookmark) {
        self.met.push(Met::Opening(blkid));
        let mut slot = 0;
        while slot < DNODES_PER_BLOCK {
            let dnode =
                Dnode::parse(data, usize::try_from(slot).unwrap() * DNODE_SIZE, at).unwrap();
            let object = blkid * DNODES_PER_BLOCK + slot;
            slot += dnode.slots();
            if self.spec.resume.is_some_and(|resume| object < resume.object) {
                continue;
            }
            self.met.push(Met::Dnode(object));
            if dnode.object_type != DmuType::NONE {
                self.object(object, &dnode);
            }
        }
    }
}

/// All that the leaves of a walk have.
fn met(spec: &WalkSpec, threads: &Arc<Threads>) -> Vec<Met> {
    let stop = Stop::new(&CancelToken::default());
    let mut met = Vec::new();
    for leaf in DatasetWalk::new(spec.clone(), Arc::clone(threads), stop) {
        let visited = leaf.unwrap().visit(spec, |visit| {
            met.push(match visit {
                Visit::Opening { blkid, .. } => Met::Opening(blkid),
                Visit::Dnode { object, .. } => Met::Dnode(object),
                Visit::Indirect { node, .. } | Visit::Pointer { node, .. } => Met::Block(node),
            });
            Ok(())
        });
        visited.unwrap();
    }
    met
}

#[test]
fn the_walk_meets_what_a_recursion_meets_in_its_order() {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("basic")).unwrap();
    let pool = Pool::open(&[dir], "basic", &OpenOptions::default()).unwrap();
    let names = ["basic/fs@a", "basic/fs@c", "basic/vol@1"];
    let objset = |name: &str| {
        let dataset = pool.dataset(&Name::parse(name).unwrap()).unwrap();
        (dataset.creation_txg, Arc::new(pool.objset(&dataset).unwrap()))
    };
    let objsets: Vec<_> = names.map(objset).into();
    let threads: HashMap<usize, Arc<Threads>> =
        [1, 3].map(|n| (n, Arc::new(Threads::start(n).unwrap()))).into();
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() };
    let longest = Cell::new(0);
    proptest!(config, |(
        which in 0..names.len(),
        // None, or the txg of a snapshot.
        from in prop::option::of(0..names.len()),
        resume in prop::option::of((1..200u64, 0..300u64)),
        count in prop_oneof![Just(1usize), Just(3)],
    )| {
        let spec = WalkSpec {
            objset: Arc::clone(&objsets[which].1),
            fromtxg: from.map_or(0, |from| objsets[from].0),
            resume: resume.map(|(object, blkid)| ResumePoint { object, blkid }),
        };
        let found = met(&spec, &threads[&count]);
        longest.set(longest.get().max(found.len()));
        prop_assert_eq!(found, Model::of(&spec));
    });
    assert!(longest.get() > 500, "{longest:?}");
}

#[test]
fn a_walk_that_is_stopped_says_so_once() {
    let dir = zsend_testkit::images::unpack(&zsend_testkit::fixture("basic")).unwrap();
    let pool = Pool::open(&[dir], "basic", &OpenOptions::default()).unwrap();
    let dataset = pool.dataset(&Name::parse("basic/fs@c").unwrap()).unwrap();
    let spec = WalkSpec { objset: pool.objset(&dataset).unwrap().into(), fromtxg: 0, resume: None };
    let cancel = CancelToken::default();
    let threads = Arc::new(Threads::start(1).unwrap());
    let mut walk = DatasetWalk::new(spec, threads, Stop::new(&cancel));
    assert!(walk.next().unwrap().is_ok());
    cancel.cancel();
    // What was prefetched by then may still be handed out; a read is not begun.
    assert!(walk.any(|leaf| matches!(leaf, Err(crate::SendError::Cancelled))));
    assert!(walk.next().is_none());
}
