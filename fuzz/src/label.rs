//! Any bytes as the nvlist of a label, or of the configuration in the MOS.
//!
//! A configuration that is accepted makes a tree of bounded size, and reading any block by it ends.

use zsend_pool::blkptr::Dva;
use zsend_pool::config::{LabelConfig, VdevConfig};
use zsend_pool::uberblock::Reflow;
use zsend_pool::vdev::{Leaves, Member, Request, Tree};
use zsend_records::nvlist::NvList;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Ok((list, ..)) = NvList::decode_prefix(bytes) else { return };
    if let Ok(config) = LabelConfig::parse(&list) {
        read(&[config.top], config.vdev_children);
    }
    if let Some(Ok(config)) = list.list("vdev_tree").map(VdevConfig::parse) {
        let count = config.children.len() as u64;
        read(&config.children, count);
    }
}

/// Reads some blocks of each vdev; all devices are there, and zero.
fn read(tops: &[VdevConfig], count: u64) {
    let mut leaves = Leaves::new();
    for top in tops {
        add(top, &mut leaves);
    }
    let reflow = Reflow { offset: 1 << 20, scratch_valid: true };
    let tree = Tree::build(tops, count, &leaves, reflow);
    let _ = (tree.unsupported(), tree.missing().count());
    assert!(tree.tops().len() <= 1 << 24);
    for id in (0..tree.tops().len() as u64).take(8) {
        for (offset, size) in [(0, 512), (1 << 20, 4096), (3 << 20, 131_072), (1 << 62, 512)] {
            let dva = Dva::from_words([id << 32 | 1, offset >> 9]);
            let mut attempts = Vec::new();
            let mut check = |bytes: &[u8]| {
                assert_eq!(bytes.len(), size);
                if bytes.iter().all(|&b| b == 0) { Ok(()) } else { Err("not zero".to_owned()) }
            };
            let mut request = Request { check: &mut check, attempts: &mut attempts, txg: 5 };
            let _ = tree.read(dva, size, &mut request);
        }
    }
}

fn add(config: &VdevConfig, leaves: &mut Leaves) {
    if leaves.len() < 64 {
        let device = crate::memory::device(&[], 16 << 20);
        leaves.entry(config.guid).or_insert(Member { device, txg: 5 });
        config.children.iter().for_each(|c| add(c, leaves));
    }
}
