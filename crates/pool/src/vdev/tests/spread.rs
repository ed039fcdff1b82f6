//! Raidz and draid: blocks spread over devices in memory, read back with any of them hurt.

use super::{Lab, Memory, data, leaf, parent, raidz, read};
use crate::config::VdevConfig;
use crate::device::Source;
use crate::error::{Cause, Health, Mismatch};
use crate::uberblock::Reflow;
use crate::vdev::raidz::map::{Col, Map};
use crate::vdev::{Request, VdevKind, VdevTree, Want};
use std::sync::Arc;

impl Lab {
    /// Writes a block's columns to the devices whose guids are the children's numbers.
    pub(super) fn write(&self, map: &Map, block: &[u8]) {
        for (col, bytes) in columns(map, block) {
            self.devices[&(col.child as u64)].write(col.pos, &bytes);
        }
    }
}

/// Bytes of a block in each of its columns.
pub(super) fn columns(map: &Map, block: &[u8]) -> Vec<(Col, Vec<u8>)> {
    let mut all = Vec::new();
    for row in map.rows() {
        let data: Vec<&[u8]> =
            row[map.nparity..].iter().map(|c| &block[c.at..c.at + c.len]).collect();
        let first = row.iter().enumerate().take(map.nparity);
        all.extend(first.map(|(k, col)| (*col, parity(k, col.len, &data))));
        all.extend(row[map.nparity..].iter().zip(data).map(|(col, bytes)| (*col, bytes.to_vec())));
    }
    all
}

/// Parity k by Horner's rule, a byte at a time.
fn parity(k: usize, len: usize, columns: &[&[u8]]) -> Vec<u8> {
    let double = |x: u8| (x << 1) ^ if x & 0x80 != 0 { 0x1d } else { 0 };
    let byte = |b: usize| {
        columns.iter().fold(0, |acc, c| {
            (0..k).fold(acc, |x, _| double(x)) ^ c.get(b).copied().unwrap_or_default()
        })
    };
    (0..len).map(byte).collect()
}

pub(super) fn raidz_map(tree: &VdevTree, offset: u64, size: usize, txg: u64) -> Map {
    match &tree.tops[0].kind {
        VdevKind::Raidz(raidz) => raidz.map(offset, size, txg).unwrap(),
        VdevKind::Draid(draid) => draid.map(offset, size).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn subsets(n: u64, most: u64) -> Vec<Vec<u64>> {
    (0u64..1 << n)
        .filter(|s| u64::from(s.count_ones()) <= most)
        .map(|s| (0..n).filter(|i| s >> i & 1 != 0).collect())
        .collect()
}

#[test]
fn a_raidz_survives_any_mix_of_missing_broken_and_lying_children_up_to_its_parity() {
    for nparity in 1..=3u64 {
        let children = nparity + 3;
        for (offset, len) in [(0, 512), ((1 << 20) + 3 * 512, 4608), (512 * 7, 1000), (0, 16384)] {
            let want = data(len);
            let lab = Lab::with(0..children);
            let config = raidz(nparity, children);
            lab.write(&raidz_map(&lab.tree(&config), offset, len, 0), &{
                let mut padded = want.clone();
                padded.resize(len.next_multiple_of(512), 0);
                padded
            });
            for bad in subsets(children, nparity) {
                // Each bad child is missing, broken or lying: a digit to the base of three.
                for how in 0..(0..bad.len()).fold(1, |n, _| n * 3) {
                    let mut digits = how;
                    let mut hurt = Lab::default();
                    for (guid, memory) in &lab.devices {
                        hurt.devices.insert(*guid, Arc::clone(memory));
                    }
                    for guid in &bad {
                        let digit = digits % 3;
                        digits /= 3;
                        match digit {
                            0 => drop(hurt.devices.remove(guid)),
                            1 => {
                                let broken = Memory { broken: true, ..Memory::default() };
                                hurt.devices.insert(*guid, Arc::new(broken));
                            }
                            _ => {
                                let liar = lab.devices[guid].copy();
                                liar.lie();
                                hurt.devices.insert(*guid, liar);
                            }
                        }
                    }
                    let tree = hurt.tree(&config);
                    let (found, attempts) = read(&tree, offset, &want, 0, true);
                    assert_eq!(found.as_ref(), Some(&want), "{bad:?} {how}: {attempts:?}");
                }
            }
        }
    }
}

/// All candidates for a block, none of which is accepted.
fn candidates(tree: &VdevTree, offset: u64, len: usize, txg: u64) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let mut refuse = |bytes: &[u8]| {
        seen.push(bytes.to_vec());
        Err(Mismatch::Unwanted)
    };
    let (attempts, doubts, want) = (&mut vec![], &mut vec![], Want::written_in(txg));
    let mut request = Request { check: &mut refuse, attempts, doubts, want, cancel: None };
    assert!(tree.read_at(0, offset, len, &mut request).is_none());
    seen
}

#[test]
fn no_candidate_holds_what_its_buffer_held_before() {
    // In a debug build no two buffers begin alike, so a byte that is not written shows.
    let expanded = VdevConfig { raidz_expand_txgs: vec![10], ..raidz(2, 6) };
    for (config, len) in [(raidz(2, 6), 9 * 512), (raidz(3, 7), 16384), (expanded, 40 * 512)] {
        let lab = Lab::with(0..config.children.len() as u64);
        let want = data(len);
        lab.write(&raidz_map(&lab.tree(&config), 0, len, 5), &want);
        for missing in subsets(lab.devices.len() as u64, config.nparity) {
            let mut hurt = Lab::default();
            let present = lab.devices.iter().filter(|(guid, _)| !missing.contains(guid));
            hurt.devices.extend(present.map(|(guid, memory)| (*guid, Arc::clone(memory))));
            let tree = hurt.tree(&config);
            let seen = candidates(&tree, 0, len, 5);
            assert!(seen.iter().all(|c| *c == want), "nothing lies: {missing:?}");
            for guid in hurt.devices.keys() {
                let mut lying = Lab { devices: hurt.devices.clone(), ..Lab::default() };
                let liar = lab.devices[guid].copy();
                liar.lie();
                lying.devices.insert(*guid, liar);
                let tree = lying.tree(&config);
                let seen = candidates(&tree, 0, len, 5);
                assert!(!seen.is_empty() && seen == candidates(&tree, 0, len, 5), "{missing:?}");
            }
        }
    }
}

#[test]
fn one_bad_child_too_many_is_an_error_that_names_them() {
    let lab = Lab::with(0..5);
    let config = raidz(2, 5);
    let want = data(6 * 512);
    lab.write(&raidz_map(&lab.tree(&config), 0, want.len(), 0), &want);
    for guid in [0, 2, 4] {
        lab.devices[&guid].lie();
    }
    let (found, attempts) = read(&lab.tree(&config), 0, &want, 0, true);
    assert_eq!(found, None);
    for guid in 0..5 {
        assert!(attempts.iter().any(|a| a.device == format!("d{guid}")), "{attempts:?}");
    }
    // Where devices are missing, those are named, and nothing is said of the others.
    let gone = Lab::with(0..2);
    let tree = gone.tree(&config);
    let [health] = &tree.health()[..] else { panic!("{:?}", tree.health()) };
    assert!(health.is_broken() && health.vdev == "raidz2-0", "{health}");
    let (found, attempts) = read(&tree, 0, &want, 0, true);
    assert_eq!(found, None);
    assert!(attempts.iter().all(|a| a.cause == Cause::Missing), "{attempts:?}");
}

#[test]
fn an_expansion_in_progress_reads_both_geometries_and_the_scratch_area() {
    for (synced, scratch_valid) in [(0, false), (40 * 512, false), (40 * 512, true)] {
        let mut lab = Lab::with(0..4);
        lab.reflow = Reflow { offset: synced, scratch_valid };
        let config = VdevConfig { raidz_expanding: true, ..raidz(1, 4) };
        for offset in [0, 31 * 512, 38 * 512, 100 * 512] {
            let want = data(9 * 512);
            lab.write(&raidz_map(&lab.tree(&config), offset, want.len(), 5), &want);
            for bad in subsets(4, 1) {
                let mut hurt = Lab { reflow: lab.reflow, ..Lab::default() };
                hurt.devices.extend(lab.devices.iter().map(|(g, m)| (*g, m.copy())));
                for guid in &bad {
                    hurt.devices[guid].lie();
                }
                let (found, attempts) = read(&hurt.tree(&config), offset, &want, 5, true);
                assert_eq!(found, Some(want.clone()), "{bad:?}: {attempts:?}");
            }
        }
    }
}

#[test]
fn errors_that_an_expansion_spread_over_all_devices_are_found() {
    let lab = Lab::with(0..5);
    let config = VdevConfig { raidz_expand_txgs: vec![10], ..raidz(1, 5) };
    let tree = lab.tree(&config);
    let want = data(40 * 512);
    let map = raidz_map(&tree, 0, want.len(), 5);
    lab.write(&map, &want);
    // Sectors that were on the second of four devices before the fifth came.
    for col in map.cols.iter().filter(|c| c.sector % 4 == 1 && c.len > 0) {
        lab.devices[&(col.child as u64)].write(col.pos, &[0xff; 512]);
    }
    assert_eq!(read(&tree, 0, &want, 5, true).0, Some(want));
}

#[test]
fn a_block_without_checksum_is_not_read_from_a_child_that_is_behind() {
    let mut lab = Lab::with(0..4);
    lab.txgs.insert(2, 7);
    let config = raidz(1, 4);
    let want = data(6 * 512);
    lab.write(&raidz_map(&lab.tree(&config), 0, want.len(), 0), &want);
    lab.devices[&2].lie();
    assert_eq!(read(&lab.tree(&config), 0, &want, 0, false).0, Some(want.clone()));
    // But it is read rather than nothing, and a checksum tells.
    let behind = lab.devices.remove(&2).unwrap();
    behind.lie();
    lab.devices.insert(2, behind);
    lab.devices.remove(&0);
    assert_eq!(read(&lab.tree(&config), 0, &want, 0, true).0, Some(want));
}

#[test]
fn a_column_is_read_from_the_other_side_of_a_replacement() {
    let mut lab = Lab::with(0..4);
    let mut replaced = raidz(1, 4);
    let want = data(9 * 512);
    lab.write(&raidz_map(&lab.tree(&replaced), 0, want.len(), 0), &want);
    // Two children are being replaced and lie on one side, and another is missing altogether.
    for (child, liar, good) in [(1, 11, 12), (2, 21, 22)] {
        lab.devices.insert(liar, lab.devices[&child].copy());
        lab.devices.insert(good, lab.devices[&child].copy());
        lab.devices[&liar].lie();
        replaced.children[usize::try_from(child).unwrap()] =
            parent("replacing", vec![leaf(liar), leaf(good)]);
    }
    lab.devices.remove(&3);
    let (found, attempts) = read(&lab.tree(&replaced), 0, &want, 0, true);
    assert_eq!(found, Some(want.clone()), "{attempts:?}");
    // A side that is still being filled is not trusted with a block that has no checksum.
    lab.devices.insert(3, Arc::default());
    replaced.children[1].children[0].resilver_txg = 3;
    replaced.children[2].children[0].resilver_txg = 3;
    replaced.children[3].resilver_txg = 3;
    assert_eq!(read(&lab.tree(&replaced), 0, &want, 0, false).0, Some(want));
}

#[test]
fn a_distributed_spare_stands_for_a_device() {
    let spare = |id| VdevConfig {
        kind: "dspare".into(),
        top_guid: 77,
        spare_id: id,
        ..VdevConfig::default()
    };
    let config = VdevConfig {
        guid: 77,
        nparity: 1,
        draid_ndata: 2,
        draid_nspares: 2,
        draid_ngroups: 4,
        ..parent("draid", (0..6).map(leaf).collect())
    };
    for slice in 0..12 {
        let offset = slice * (12 * (16 << 20)) + 3 * 512;
        let lab = Lab::with(0..6);
        let whole = lab.tree(&config);
        let want = data(4 * 512);
        let map = raidz_map(&whole, offset, want.len(), 0);
        lab.write(&map, &want);
        // The first child of the block fails, then the second, each onto a spare; the second of
        // the spares may lie on the first of the devices, and then leads on to the first spare.
        let mut config = config.clone();
        let mut lab = lab;
        for id in 0..2u8 {
            let child = map.cols[usize::from(id)].child;
            let guid = child as u64;
            let old = lab.devices.remove(&guid).unwrap();
            config.children[child] = parent("spare", vec![leaf(guid), spare(id.into())]);
            let tree = lab.tree(&config);
            let VdevKind::Draid(draid) = &tree.tops[0].kind else { panic!() };
            for col in map.cols.iter().filter(|c| c.child == child) {
                let mut bytes = vec![0; col.len];
                old.read_at(&mut bytes, col.pos).unwrap();
                let mut target: u64 = id.into();
                let on = loop {
                    let on =
                        draid.spare(target, col.pos - zsend_ondisk::label::DATA_START).unwrap();
                    if lab.devices.contains_key(&(on as u64)) {
                        break on;
                    }
                    assert!(target == 1 && on == map.cols[0].child);
                    target = 0;
                };
                lab.devices[&(on as u64)].write(col.pos, &bytes);
            }
            assert!(!tree.health().iter().any(Health::is_broken));
            let (found, attempts) = read(&tree, offset, &want, 0, false);
            assert_eq!(found, Some(want.clone()), "slice {slice}: {attempts:?}");
        }
    }
}
