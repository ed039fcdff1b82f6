//! Blocks without checksum on devices that lack some of them, against a model of which may be read:
//! whatever the tree and whatever is recorded of its devices.

use super::spread::{columns, raidz_map};
use super::{Lab, Memory, data, leaf, parent};
use crate::CancelToken;
use crate::blkptr::{BlkPtr, Dva};
use crate::config::{VdevConfig, VdevType};
use crate::space_map::{Log, Scale};
use crate::vdev::raidz::map::{Col, Map};
use crate::vdev::{Dtl, Trust, VdevKind, VdevTree};
use crate::zbookmark::Zbookmark;
use crate::zio::{Access, Extent, Zio};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use zsend_ondisk::label::DATA_START;
use zsend_ondisk::space_map::{NO_VDEV, SpaceMapEntry};
use zsend_records::fletcher::Fletcher4;
use zsend_records::types::{Checksum, DmuType};

/// Blocks are written in the txgs before this one.
const TXGS: u64 = 12;

/// Record of a device, and whether it is there.
#[derive(Clone, Debug)]
struct DeviceState {
    is_missing: bool,
    dtl: BTreeSet<u64>,
    is_offline: bool,
    is_resilvering: bool,
    is_rebuilding: bool,
    /// Txg of its newest uberblock.
    newest: u64,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(DeviceState),
    Group(&'static str, Vec<Node>),
    /// The only distributed spare of a draid.
    Spare(DeviceState),
}

#[derive(Clone, Debug)]
struct Top {
    kind: &'static str,
    nparity: u64,
    children: Vec<Node>,
}

fn state() -> impl Strategy<Value = DeviceState> {
    let dtl = prop_oneof![
        4 => Just(BTreeSet::new()),
        3 => prop::collection::btree_set(1..TXGS, 1..8),
        1 => Just((1..TXGS).collect()),
    ];
    let rarely = || prop::bool::weighted(0.12);
    let newest = prop_oneof![6 => Just(TXGS), 1 => 1..TXGS];
    (rarely(), dtl, rarely(), rarely(), rarely(), newest).prop_map(
        |(is_missing, dtl, is_offline, is_resilvering, is_rebuilding, newest)| DeviceState {
            is_missing,
            dtl,
            is_offline,
            is_resilvering,
            is_rebuilding,
            newest,
        },
    )
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = || state().prop_map(Node::Leaf);
    let group = |kind, inner: BoxedStrategy<Node>| {
        prop::collection::vec(inner, 2..=2).prop_map(move |nodes| Node::Group(kind, nodes))
    };
    let spare = group("spare", leaf().boxed());
    let nested = group("replacing", prop_oneof![leaf(), spare].boxed());
    prop_oneof![4 => leaf(), 1 => group("spare", leaf().boxed()), 1 => nested]
}

fn top() -> impl Strategy<Value = Top> {
    let of = |kind, nparity: u64, count| {
        prop::collection::vec(node(), count).prop_map(move |children| Top {
            kind,
            nparity,
            children,
        })
    };
    let draid = (of("draid", 1, 6..=6), 0..6usize, state(), state()).prop_map(
        |(mut top, replaced, old, spare)| {
            let nodes = vec![Node::Leaf(old), Node::Spare(spare)];
            top.children[replaced] = Node::Group("spare", nodes);
            top
        },
    );
    prop_oneof![
        of("mirror", 0, 1..=4usize),
        of("raidz", 1, 3..=5),
        of("raidz", 2, 4..=6),
        of("draid", 1, 6..=6),
        draid,
    ]
}

/// The devices of a tree, by guid.
#[derive(Default)]
struct Devices {
    states: HashMap<u64, DeviceState>,
}

impl Devices {
    fn config(&mut self, node: &Node) -> VdevConfig {
        match node {
            Node::Group(kind, nodes) => {
                parent(kind, nodes.iter().map(|node| self.config(node)).collect())
            }
            Node::Leaf(state) => self.add(state),
            Node::Spare(state) => {
                VdevConfig { kind: VdevType::DraidSpare, top_guid: 1000, ..self.add(state) }
            }
        }
    }

    fn add(&mut self, state: &DeviceState) -> VdevConfig {
        let guid = self.states.len() as u64;
        self.states.insert(guid, state.clone());
        VdevConfig {
            is_behind: state.is_offline,
            resilver_txg: u64::from(state.is_resilvering),
            rebuild_txg: u64::from(state.is_rebuilding),
            ..leaf(guid)
        }
    }
}

/// A test's knowledge: the tree, the devices, and the blocks as they were written.
struct Model {
    tree: VdevTree,
    config: VdevConfig,
    devices: Devices,
    /// Txg of the newest state that any device has.
    newest: u64,
    blocks: Vec<Block>,
}

struct Block {
    birth: u64,
    offset: u64,
    bytes: Vec<u8>,
}

impl Model {
    fn new(top: &Top, blocks: &[(u64, usize)]) -> Self {
        let mut devices = Devices::default();
        let children: Vec<VdevConfig> = top.children.iter().map(|n| devices.config(n)).collect();
        let (draid_ndata, draid_nspares, draid_ngroups) = (2, 1, 5);
        let nparity = top.nparity;
        let config = VdevConfig {
            nparity,
            draid_ndata,
            draid_nspares,
            draid_ngroups,
            ..parent(top.kind, children)
        };
        let mut lab = Lab::default();
        let is_device =
            |guid: &u64, state: &DeviceState| !state.is_missing && !is_spare(&config, *guid);
        for (guid, state) in devices.states.iter().filter(|(guid, state)| is_device(guid, state)) {
            lab.devices.insert(*guid, Arc::default());
            lab.txgs.insert(*guid, state.newest);
        }
        for (guid, state) in &devices.states {
            let mut log = Log::new(Scale::DTL);
            let entry =
                |offset| SpaceMapEntry::Run { is_free: false, offset, run: 1, vdev: NO_VDEV };
            let words =
                state.dtl.iter().flat_map(|txg| entry(*txg).encode().unwrap().0.to_le_bytes());
            log.push(&words.collect::<Vec<u8>>()).unwrap();
            lab.dtls.insert(*guid, Dtl::Read(Arc::new(log.segments())));
        }
        let newest = lab.txgs.values().copied().max().unwrap_or_default();
        let tree = lab.tree(&config);
        let mut model = Self { tree, config, devices, newest, blocks: Vec::new() };
        let mut offset = 0;
        for (i, (birth, sectors)) in blocks.iter().enumerate() {
            let bytes: Vec<u8> =
                data(sectors * 512 + i * 512).split_off(i * 512).iter().map(|b| b ^ 0x11).collect();
            let block = Block { birth: *birth, offset, bytes };
            offset += model.write(&lab, &block);
            model.blocks.push(block);
        }
        model
    }

    /// Writes a block to every device that has it, and other bytes to every one that lacks it.
    /// Returns how much of the vdev it takes.
    fn write(&self, lab: &Lab, block: &Block) -> u64 {
        if self.config.kind == VdevType::Mirror {
            let pos = block.offset + DATA_START;
            for child in &self.config.children {
                self.write_child(lab, child, pos, &block.bytes, block.birth);
            }
            return block.bytes.len() as u64;
        }
        let map = raidz_map(&self.tree, block.offset, block.bytes.len(), block.birth);
        for (col, bytes) in columns(&map, &block.bytes) {
            self.write_child(lab, &self.config.children[col.child], col.pos, &bytes, block.birth);
        }
        if self.config.kind == VdevType::Draid {
            // Each block takes whole rows.
            let rows = block.bytes.len().div_ceil(2 * 512) as u64;
            return rows * 3 * 512;
        }
        (map.len + map.parity_len) as u64
    }

    fn write_child(&self, lab: &Lab, child: &VdevConfig, pos: u64, bytes: &[u8], birth: u64) {
        for side in sides(child) {
            let lacks = self.trust(side.guid, birth) == Trust::Lacking;
            if is_spare(&self.config, side.guid) {
                let target = self.behind(pos);
                for leaf in sides(target).into_iter().filter(|s| s.kind != VdevType::DraidSpare) {
                    let lacks = lacks || self.trust(leaf.guid, birth) == Trust::Lacking;
                    write(lab, leaf.guid, pos, bytes, lacks);
                }
            } else {
                write(lab, side.guid, pos, bytes, lacks);
            }
        }
    }

    /// The child that the distributed spare leads to.
    fn behind(&self, pos: u64) -> &VdevConfig {
        let VdevKind::Draid(draid) = &self.tree.tops[0].kind else { panic!() };
        &self.config.children[draid.spare(0, pos - DATA_START).unwrap()]
    }

    /// Trust in one device for a block, by its records.
    fn trust(&self, guid: u64, birth: u64) -> Trust {
        let state = &self.devices.states[&guid];
        let is_spare = is_spare(&self.config, guid);
        let is_older = !is_spare && state.newest < self.newest;
        let is_half = (state.is_resilvering || state.is_rebuilding) && state.dtl.is_empty();
        if state.dtl.contains(&birth)
            || (is_older && birth > state.newest)
            || (is_spare && state.is_rebuilding)
        {
            Trust::Lacking
        } else if state.is_offline || is_older || is_half {
            Trust::Doubtful
        } else {
            Trust::Fit
        }
    }

    /// The best trust that any side of a child has, if one can be read.
    fn best(&self, child: &VdevConfig, pos: u64, birth: u64) -> Option<Trust> {
        let of = |side: &&VdevConfig| {
            let own = self.trust(side.guid, birth);
            if is_spare(&self.config, side.guid) {
                // There is one spare, so what it leads to is a device.
                let target = sides(self.behind(pos)).into_iter();
                let leaves = target.filter(|leaf| leaf.kind != VdevType::DraidSpare);
                let best = leaves.filter_map(|leaf| {
                    let state = &self.devices.states[&leaf.guid];
                    (!state.is_missing).then(|| self.trust(leaf.guid, birth))
                });
                return best.min().map(|best| best.max(own));
            }
            (!self.devices.states[&side.guid].is_missing).then_some(own)
        };
        sides(child).iter().filter_map(of).min()
    }

    /// The trust that it takes to read a block; `None` if it cannot be read.
    fn needed(&self, block: &Block) -> Option<Trust> {
        let Block { birth, offset, bytes } = block;
        if self.config.kind == VdevType::Mirror {
            let children = self.config.children.iter();
            return children.filter_map(|c| self.best(c, offset + DATA_START, *birth)).min();
        }
        let map = raidz_map(&self.tree, *offset, bytes.len(), *birth);
        Trust::ALL.into_iter().find(|limit| self.suffices(&map, *birth, *limit))
    }

    /// Returns true if what is trusted so much makes up for the rest.
    fn suffices(&self, map: &Map, birth: u64, limit: Trust) -> bool {
        map.rows().all(|row| {
            let is_there = |col: &Col| {
                let child = &self.config.children[col.child];
                self.best(child, col.pos, birth).is_some_and(|best| best <= limit)
            };
            let (parity, data) = row.split_at(map.nparity);
            let lost = data.iter().filter(|col| col.len > 0 && !is_there(col)).count();
            lost <= parity.iter().filter(|col| is_there(col)).count()
        })
    }
}

fn write(lab: &Lab, guid: u64, pos: u64, bytes: &[u8], lacks: bool) {
    let wrong: Vec<u8> = bytes.iter().map(|b| b ^ 0x5a).collect();
    if let Some(device) = lab.devices.get(&guid) {
        let device: &Memory = device;
        device.write(pos, if lacks { &wrong } else { bytes });
    }
}

/// The leaves below a vdev.
fn sides(config: &VdevConfig) -> Vec<&VdevConfig> {
    match config.children.is_empty() {
        true => vec![config],
        false => config.children.iter().flat_map(sides).collect(),
    }
}

fn is_spare(config: &VdevConfig, guid: u64) -> bool {
    sides(config).iter().any(|side| side.guid == guid && side.kind == VdevType::DraidSpare)
}

/// A pointer to an uncompressed block without checksum, or with one.
fn pointer(block: &Block, has_checksum: bool) -> BlkPtr {
    let len = block.bytes.len() as u64;
    let mut bp = BlkPtr::builder()
        .object_type(DmuType::PLAIN_FILE_CONTENTS)
        .size(len)
        .dva(0, Dva::new(0, block.offset, len).unwrap())
        .logical_birth(block.birth);
    if has_checksum {
        let sum = Fletcher4::of(&block.bytes).words();
        bp = bp.checksum_type(Checksum::FLETCHER_4).checksum(sum);
    }
    bp.build().unwrap()
}

/// Reads every block, and compares with the model.
fn check(zio: &Zio, model: &Model, extent: Option<&Extent>) -> Result<(), TestCaseError> {
    for (i, block) in (0..).zip(&model.blocks) {
        let at = Zbookmark::new(1, 2, 0, i);
        let before = zio.doubted().count;
        let needed = model.needed(block);
        let access = Access { extent, ..Access::default() };
        let found = zio.read(&pointer(block, false), &at, access);
        let doubted = zio.doubted();
        prop_assert_eq!(found.is_ok(), needed.is_some(), "{}: {:?}", i, found);
        // What is doubted is sent, and said.
        let is_doubted = needed.is_some_and(|needed| needed != Trust::Fit);
        prop_assert_eq!(doubted.count > before, is_doubted, "{}: {:?}", i, needed);
        for name in doubted.devices.keys() {
            let guid = name[1..].parse().unwrap();
            prop_assert!((1..TXGS).any(|txg| model.trust(guid, txg) != Trust::Fit), "{}", name);
        }
        let checked = zio.read(&pointer(block, true), &at, access);
        if needed.is_some_and(|needed| needed != Trust::Lacking) {
            prop_assert!(found.unwrap() == block.bytes, "{}: {:?}", i, needed);
            prop_assert!(checked.is_ok_and(|bytes| bytes == block.bytes), "{}", i);
        }
        prop_assert_eq!(zio.doubted().count, doubted.count, "a checksum tells");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn blocks_come_from_devices_that_do_not_lack_them(
        top in top(), blocks in prop::collection::vec((1..TXGS, 1..9usize), 1..7),
    ) {
        let model = Model::new(&top, &blocks);
        prop_assert_eq!(model.tree.unsupported(), None);
        let last = model.blocks.last().unwrap();
        // All that the blocks take, and what parity takes with them.
        let len = usize::try_from(last.offset).unwrap() + last.bytes.len() * 3 + 512;
        let Model { tree, .. } = Model::new(&top, &blocks);
        let zio = Zio::new(tree);
        check(&zio, &model, None)?;
        for extent in [zio.read_extent(0, 0, len), zio.read_rows(0, 0, len, &CancelToken::default())].iter().flatten() {
            check(&zio, &model, Some(extent))?;
        }
    }
}
