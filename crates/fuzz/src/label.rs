//! Any bytes as the nvlist of a label, or of the configuration in the MOS.
//!
//! A configuration that is accepted makes a tree of bounded size, and reading any block by it ends.

use zsend_pool::blkptr::Dva;
use zsend_pool::config::{LabelConfig, VdevConfig};
use zsend_pool::error::Mismatch;
use zsend_pool::uberblock::Reflow;
use zsend_pool::vdev::{Dtl, Dtls, KnownDevices, Leaves, Member, Request, VdevTree, Trust, Want};
use zsend_records::nvlist::NvList;

/// Top-level vdevs that a tree has at most, whatever the configuration says.
const MAX_TOPS: usize = 1 << 16;

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
    let mut dtls = Dtls::default();
    for guid in leaves.keys().filter(|guid| *guid % 2 == 0) {
        dtls.insert(*guid, Dtl::Unreadable);
    }
    let tree = VdevTree::build(
        tops,
        count,
        KnownDevices::new(&leaves, &dtls, 9).with_reflow(reflow).with_exported(Some(7)),
    );
    let _ = (tree.unsupported(), tree.health().iter().map(ToString::to_string).count());
    assert!(tree.tops().len() <= MAX_TOPS);
    for id in (0..tree.tops().len() as u64).take(8) {
        for (offset, size) in [(0, 512), (1 << 20, 4096), (3 << 20, 131_072), (1 << 62, 512)] {
            let dva = Dva::from_words([id << 32 | 1, offset >> 9]);
            let (mut attempts, mut doubts) = (Vec::new(), Vec::new());
            let mut check = |bytes: &[u8]| {
                assert_eq!(bytes.len(), size);
                if bytes.iter().all(|&b| b == 0) { Ok(()) } else { Err(Mismatch::Unwanted) }
            };
            for limit in Trust::ALL {
                let mut request = Request::new(
                    &mut check,
                    &mut attempts,
                    &mut doubts,
                    Want::written_in(5).within(limit),
                );
                let _ = tree.read(dva, size, &mut request);
            }
        }
    }
}

fn add(config: &VdevConfig, leaves: &mut Leaves) {
    if leaves.len() < 64 {
        let device = crate::memory::device(&[], 16 << 20);
        leaves.entry(config.guid).or_insert(vec![Member { device, txg: 5 }]);
        config.children.iter().for_each(|c| add(c, leaves));
    }
}
