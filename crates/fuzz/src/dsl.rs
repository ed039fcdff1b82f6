//! Any bytes as the DSL objects of a MOS: for each object `[kind]`, 320 bytes of its bonus, then 512 bytes of
//! its one block.
//!
//! Whatever the objects say of each other, all that a list and a send read of them ends. Names that are given
//! are well formed, no dataset is its own ancestor, a redaction list ascends, and properties that a package
//! would send have names of properties.

use crate::mos::{FREE, SECTOR, core, objset, pointer};
use zsend_ondisk::dnode::{DnodeBuilder, DnodePhys};
use zsend_package::properties::{self, Choice, Owner};
use zsend_pool::dsl::deadlist::{OldSpace, space_written};
use zsend_pool::dsl::redaction::RedactionList;
use zsend_pool::dsl::{bookmark, prop};
use zsend_pool::{Dataset, Datasets, Dir, Earlier, Encryption, Objset};
use zsend_records::nvlist::NvValue;
use zsend_records::types::DmuType;

/// Bytes of a bonus: as many as lie beside one block pointer.
const BONUS: usize = 320;
/// Objects that are made: as many as a block of dnodes has room for.
const MOST: usize = 31;
/// Types of an object and of its bonus: directory, dataset, either with fields in a ZAP, the ZAPs of children,
/// snapshots and properties, a deadlist of either kind, a list of redacted blocks, the ZAP of holds.
const KINDS: [(u8, u8); 12] = [
    (12, 12),
    (16, 16),
    (0xc4, 12),
    (0xc4, 16),
    (13, 0),
    (14, 0),
    (15, 0),
    (50, 51),
    (5, 6),
    (0xc3, 0xc3),
    (0xc4, 0),
    (37, 0),
];

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let objects = bytes.chunks_exact(1 + BONUS + SECTOR).take(MOST);
    let (mut dnodes, mut data) = (Vec::new(), Vec::new());
    for (sector, object) in (FREE..).zip(objects) {
        let (kind, bonustype) = KINDS[usize::from(object[0]) % KINDS.len()];
        dnodes.push(DnodeBuilder {
            core: DnodePhys { bonustype, ..core(DmuType(kind), 1, 0) },
            pointers: vec![pointer(DmuType(kind), sector, 1)],
            bonus: object[1..=BONUS].to_vec(),
            spill: None,
        });
        data.extend(&object[1 + BONUS..]);
    }
    let mos = objset(&dnodes, &data);
    let mut found = Vec::new();
    for object in 1..=dnodes.len() as u64 {
        if let Ok(dir) = Dir::open(&mos, object) {
            ask_dir(&mos, &dir);
        }
        if let Ok(dataset) = Dataset::open(&mos, object) {
            ask_dataset(&mos, &dataset);
            found.push(dataset);
        }
        if let Ok(mut list) = RedactionList::open(&mos, object) {
            let mut last = (0, 0);
            while let Ok(Some(run)) = list.next_run() {
                assert!((run.object, run.first) >= last && run.first < run.end);
                last = (run.object, run.end);
            }
        }
    }
    for (i, dataset) in found.iter().enumerate() {
        let other = &found[(i + 1) % found.len()];
        let _ = dataset.descends_from(&mos, Earlier::snapshot(other));
        let _ = space_written(&mos, &OldSpace::from(other), dataset);
        if dataset.is_snapshot {
            assert!(!matches!(dataset.descends_from(&mos, Earlier::snapshot(dataset)), Ok(true)));
        }
    }
}

fn ask_dir(mos: &Objset, dir: &Dir) {
    sent(mos, dir.props, Owner::Head(dir));
    let _ = properties::has_received(mos, dir.props);
    if let Ok(children) = dir.children_unsorted(mos) {
        children.items.iter().filter(|(_, child)| child.is_ok()).for_each(|(name, _)| short(name));
    }
    let _ = Encryption::open(mos, dir);
    if let Ok(children) = dir.children(mos) {
        children.items.iter().filter(|(_, child)| child.is_ok()).for_each(|(name, _)| short(name));
    }
    // Each directory is met once, so that there are no more names than entries of all directories.
    let all = Datasets::new(mos, "pool", dir.object).count();
    assert!(all <= 1 + MOST * (SECTOR / 64 + 1), "{all} datasets");
}

fn ask_dataset(mos: &Objset, dataset: &Dataset) {
    sent(mos, dataset.props, Owner::Snapshot);
    if let Ok(holds) = properties::holds(mos, dataset.holds) {
        assert!(holds.len() <= SECTOR / 64);
        assert!(holds.iter().all(|(_, time)| matches!(time, NvValue::Uint64(_))));
    }
    let _ = (dataset.redacted_for(), dataset.uses("org.open-zfs:large_blocks"));
    for name in ["recordsize", "dedup"] {
        let _ = prop::inherited_u64(mos, dataset, name);
    }
    if let Ok(bookmarks) = bookmark::all(mos, dataset) {
        for (name, bookmark) in bookmarks.items {
            if bookmark.is_ok() {
                short(&name);
                assert!(bookmark::find(mos, dataset, &name).is_ok_and(|found| found.is_some()));
            }
        }
    }
}

/// Checks what a package would have of a ZAP of properties.
fn sent(mos: &Objset, props: u64, of: Owner<'_>) {
    for choice in [Choice::Effective, Choice::Local, Choice::Received] {
        let Ok(list) = properties::own(mos, props, of, choice) else { continue };
        for (name, value) in list.iter() {
            assert!(!name.contains('$') && (name.contains(':') || name.is_ascii()), "{name:?}");
            assert!(matches!(value, NvValue::Uint64(_) | NvValue::String(_)));
        }
    }
}

/// Checks the name of a child, a snapshot or a bookmark.
fn short(name: &str) {
    assert!(!name.is_empty() && !name.contains(|c: char| c.is_control() || "/@#".contains(c)));
}
