//! Whole vdevs in memory: blocks are written by the maps, damaged, and read back through the tree.

mod cancel;
mod lacking;
mod rows;
mod spread;

use super::build::{KnownDevices, Leaves, Member};
use super::{Dtls, Request, Trust, VdevKind, VdevTree, Want};
use crate::config::VdevConfig;
use crate::device::{Device, Source};
use crate::error::{Attempt, Mismatch};
use crate::uberblock::Reflow;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

/// A sparse device; what was not written reads as zeros.
#[derive(Default)]
struct Memory {
    bytes: Mutex<HashMap<u64, u8>>,
    broken: bool,
}

impl Source for Memory {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::Other.into());
        }
        let bytes = self.bytes.lock().unwrap();
        for (i, b) in buf.iter_mut().enumerate() {
            *b = bytes.get(&(offset + i as u64)).copied().unwrap_or_default();
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        1 << 40
    }
}

impl Memory {
    fn write(&self, pos: u64, data: &[u8]) {
        self.bytes.lock().unwrap().extend((pos..).zip(data.iter().copied()));
    }

    /// Turns every byte that was written into another one.
    fn lie(&self) {
        self.bytes.lock().unwrap().values_mut().for_each(|b| *b ^= 0x5a);
    }

    /// A device of the same contents.
    fn copy(&self) -> Arc<Self> {
        let bytes = self.bytes.lock().unwrap().clone();
        Arc::new(Self { bytes: Mutex::new(bytes), broken: false })
    }
}

/// A pool of one or more top-level vdevs over memory devices, which are named by their guids.
#[derive(Default)]
struct Lab {
    devices: HashMap<u64, Arc<Memory>>,
    txgs: HashMap<u64, u64>,
    reflow: Reflow,
    dtls: Dtls,
    exported: Option<u64>,
    /// Counts the reads of all devices, if it is there.
    alarm: Option<Arc<cancel::Alarm>>,
}

fn leaf(guid: u64) -> VdevConfig {
    let path = Some(format!("d{guid}"));
    VdevConfig { kind: "file".into(), guid, path, ..VdevConfig::default() }
}

fn parent(kind: &str, children: Vec<VdevConfig>) -> VdevConfig {
    VdevConfig { kind: kind.into(), guid: 1000, ashift: 9, children, ..VdevConfig::default() }
}

fn raidz(nparity: u64, children: u64) -> VdevConfig {
    VdevConfig { nparity, ..parent("raidz", (0..children).map(leaf).collect()) }
}

/// Data that no two sectors of have in common.
fn data(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[2]).collect()
}

impl Lab {
    fn with(devices: impl IntoIterator<Item = u64>) -> Self {
        let devices = devices.into_iter().map(|guid| (guid, Arc::default())).collect();
        Self { devices, ..Self::default() }
    }

    /// The tree of one top-level vdev.
    fn tree(&self, top: &VdevConfig) -> VdevTree {
        self.trees(std::slice::from_ref(top))
    }

    fn trees(&self, tops: &[VdevConfig]) -> VdevTree {
        let leaves: Leaves = self
            .devices
            .iter()
            .map(|(guid, memory)| {
                let mut source: Arc<dyn Source> = Arc::<Memory>::clone(memory);
                if let Some(alarm) = &self.alarm {
                    source = Arc::new(cancel::Watched { source, alarm: Arc::clone(alarm) });
                }
                let device = Device::new(format!("d{guid}"), source);
                (*guid, vec![Member { device, txg: self.txgs.get(guid).copied().unwrap_or(9) }])
            })
            .collect();
        let Self { reflow, dtls, .. } = self;
        let known = KnownDevices {
            leaves: &leaves,
            reflow: *reflow,
            dtls,
            txg: u64::MAX,
            exported: self.exported,
        };
        VdevTree::build(tops, tops.len() as u64, known)
    }
}

/// Reads a block, of which the check knows the contents or, without a checksum, nothing.
fn read(
    tree: &VdevTree,
    offset: u64,
    want: &[u8],
    txg: u64,
    checked: bool,
) -> (Option<Vec<u8>>, Vec<Attempt>) {
    let mut attempts = Vec::new();
    let mut check = |bytes: &[u8]| match !checked || bytes == want {
        true => Ok(()),
        false => Err(Mismatch::Unwanted),
    };
    let (doubts, want_of) = (&mut Vec::new(), Want::written_in(txg));
    let mut request = Request::new(&mut check, &mut attempts, doubts, want_of);
    let found = tree.read_at(0, offset, want.len(), &mut request);
    (found.map(|bytes| bytes.to_vec()), attempts)
}

#[test]
fn a_mirror_prefers_sides_that_are_up_to_date() {
    let mut lab = Lab::with([1, 2, 3]);
    let mut config = parent("mirror", vec![parent("spare", vec![leaf(1), leaf(2)]), leaf(3)]);
    let want = data(1024);
    lab.devices[&3].write(zsend_ondisk::label::DATA_START, &want);
    lab.devices.remove(&1);
    config.children[0].children[1].resilver_txg = 4;
    assert_eq!(read(&lab.tree(&config), 0, &want, 0, false).0, Some(want.clone()));
    config.children[0].children[1].resilver_txg = 0;
    config.children[0].is_behind = true;
    assert_eq!(read(&lab.tree(&config), 0, &want, 0, false).0, Some(want.clone()));
    lab.devices.remove(&3);
    let (found, attempts) = read(&lab.tree(&config), 0, &want, 0, true);
    assert_eq!((found, attempts.len()), (None, 3));
}

#[test]
fn a_device_that_an_export_passed_by_is_older_than_the_others() {
    let mut lab = Lab::with([1]);
    lab.txgs.insert(1, 7);
    let trust = |lab: &Lab, txg| {
        let VdevKind::Copies(copies) = &lab.tree(&leaf(1)).tops[0].kind else { panic!() };
        copies.sides()[0].record.trust(Want::written_in(txg))
    };
    assert_eq!([5, 9].map(|txg| trust(&lab, txg)), [Trust::Fit; 2]);
    lab.exported = Some(12);
    assert_eq!([5, 9].map(|txg| trust(&lab, txg)), [Trust::Doubtful, Trust::Lacking]);
}

#[test]
fn a_torn_block_is_joined_from_the_good_copies_of_its_pieces() {
    let lab = Lab::with([1, 2, 3, 4]);
    let tops = [
        VdevConfig { kind: "indirect".into(), ..VdevConfig::default() },
        VdevConfig { id: 1, ..parent("mirror", vec![leaf(1), leaf(2)]) },
        VdevConfig { id: 2, ..parent("mirror", vec![leaf(3), leaf(4)]) },
    ];
    let tree = lab.trees(&tops);
    tree.set_mapping(0, &[(0, 3, 1, 8), (3, 5, 2, 2)], None);
    let want = data(8 * 512);
    let start = zsend_ondisk::label::DATA_START;
    // Each mirror has one good side, and not the same one.
    lab.devices[&2].write(start + 8 * 512, &want[..3 * 512]);
    lab.devices[&3].write(start + 2 * 512, &want[3 * 512..]);
    assert_eq!(read(&tree, 0, &want, 0, true).0, Some(want.clone()));
    lab.devices[&3].lie();
    let (found, attempts) = read(&tree, 0, &want, 0, true);
    assert_eq!(found, None);
    assert!(attempts.iter().any(|a| a.device == "mirror-2"), "{attempts:?}");
}

#[test]
fn configurations_that_no_pool_has_are_refused_by_name() {
    let lab = Lab::with(0..4);
    let unsupported = |config: VdevConfig| {
        let tree = lab.tree(&config);
        tree.unsupported().unwrap().to_string()
    };
    assert!(unsupported(raidz(4, 9)).contains("raidz of 9 columns with parity 4"));
    assert!(unsupported(raidz(1, 1)).contains("raidz"));
    assert!(unsupported(VdevConfig { ashift: 70, ..raidz(1, 3) }).contains("ashift"));
    assert!(unsupported(parent("raidz", vec![raidz(1, 3), leaf(1)])).contains("raidz as a part"));
    assert!(unsupported(parent("mirror", vec![raidz(1, 3)])).contains("raidz as a part"));
    assert!(unsupported(parent("draid", vec![leaf(0), leaf(1)])).contains("draid"));
    assert!(unsupported(parent("quantum", vec![])).contains("quantum"));
}
