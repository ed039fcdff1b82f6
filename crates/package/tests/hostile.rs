//! Packages of pools whose tree of datasets makes no sense: what is wrong is named, the rest is sent, and
//! every walk ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use core::mem::offset_of;
use zsend_ondisk::dnode::DnodePhys;
use zsend_ondisk::dsl::{DatasetPhys, DirPhys};
use zsend_ondisk::zerocopy::FromBytes;
use zsend_package::{Package, PackageOptions};
use zsend_pool::Name;
use zsend_pool::Pool;
use zsend_pool::dsl::dir::Dir;
use zsend_testkit::pool::MendedPool;
use zsend_traverse::CancelToken;

fn options() -> PackageOptions {
    PackageOptions::default().with_replicate(true)
}

/// The object of a snapshot in the MOS.
fn object(pool: &MendedPool, name: &str) -> u64 {
    pool.open().unwrap().dataset(&Name::parse(name).unwrap()).unwrap().object
}

/// Puts a number into the bonus of an object of the MOS.
fn set(pool: &mut MendedPool, object: u64, offset: usize, value: u64) {
    pool.change_dnode(0, object, |dnode| {
        let (core, _) = DnodePhys::read_from_prefix(dnode).unwrap();
        dnode[core.bonus_start() + offset..][..8].copy_from_slice(&value.to_le_bytes());
    })
    .unwrap();
}

/// Directories of datasets in the fixture `basic`, and the snapshot `basic/fs@c`.
struct Basic {
    pool: MendedPool,
    root: Dir,
    fs: Dir,
    clone: Dir,
    vol: Dir,
    fs_c: u64,
}

fn basic() -> Basic {
    let mended = MendedPool::fixture("basic").unwrap();
    let pool = mended.open().unwrap();
    let dir = |name: &str| pool.dir(name).unwrap();
    let (root, fs, clone, vol) = (dir("basic"), dir("basic/fs"), dir("basic/cl"), dir("basic/vol"));
    let fs_c = object(&mended, "basic/fs@c");
    Basic { pool: mended, root, fs, clone, vol, fs_c }
}

/// Names of what is sent, and what is said of the rest.
fn sent(pool: &Pool, target: &str) -> (Vec<String>, Vec<String>) {
    let package = Package::open(pool, target, &options()).unwrap();
    package.write(std::io::sink(), &CancelToken::default(), |_| {}).unwrap();
    let said = package.omitted().iter().map(ToString::to_string).collect();
    (package.members().map(|member| member.name).collect(), said)
}

/// Fails unless everything but this dataset, and what is below or cloned from it, is sent.
fn all_but(names: &[String], lost: &[&str]) {
    for name in ["basic@all", "basic/fs@all", "basic/cl@all", "basic/empty@all", "basic/vol@all"] {
        let is_lost = lost.iter().any(|l| name.starts_with(&format!("{l}@")));
        assert_eq!(names.iter().any(|n| n == name), !is_lost, "{name} of {names:?}");
    }
}

#[test]
fn a_dataset_that_holds_its_own_ancestor_is_named_and_costs_that_alone() {
    let Basic { mut pool, root, vol, .. } = basic();
    set(&mut pool, vol.object, offset_of!(DirPhys, child_dir_zapobj), root.children);
    let (names, said) = sent(&pool.open().unwrap(), "basic@all");
    all_but(&names, &[]);
    // All four children of the root are met again below the volume.
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said.iter().all(|s| s.contains("in two places of the tree")), "{said:?}");
    assert!(said.iter().any(|s| s.contains("basic/vol/vol")), "{said:?}");
}

#[test]
fn a_directory_whose_parents_are_a_loop_is_refused_or_named() {
    let Basic { mut pool, fs, root, .. } = basic();
    set(&mut pool, root.object, offset_of!(DirPhys, parent_obj), fs.object);
    let pool = pool.open().unwrap();
    let refused = Package::open(&pool, "basic@all", &options()).map(|_| ()).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("chain of parents") && text.contains("a loop"), "{text}");
}

#[test]
fn clones_of_each_other_are_refused_by_name() {
    // The origin becomes a clone of its clone's snapshot.
    let Basic { mut pool, fs, .. } = basic();
    let x = object(&pool, "basic/cl@x");
    set(&mut pool, fs.object, offset_of!(DirPhys, origin_obj), x);
    let pool = pool.open().unwrap();
    let refused = Package::open(&pool, "basic@all", &options()).map(|_| ()).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("basic/fs") || text.contains("basic/cl"), "{text}");
}

#[test]
fn a_clone_of_its_own_snapshot_is_refused_by_name() {
    let Basic { mut pool, clone, .. } = basic();
    let x = object(&pool, "basic/cl@x");
    set(&mut pool, clone.object, offset_of!(DirPhys, origin_obj), x);
    let pool = pool.open().unwrap();
    let refused = Package::open(&pool, "basic@all", &options()).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("basic/cl"), "{refused}");
}

#[test]
fn a_chain_of_snapshots_that_turns_back_ends() {
    // The oldest of four snapshots has the newest before it.
    let Basic { mut pool, fs_c, .. } = basic();
    let a = object(&pool, "basic/fs@a");
    set(&mut pool, a, offset_of!(DatasetPhys, prev_snap_obj), fs_c);
    // Snapshots are listed by their names, so that the chain is asked for the source of a stream alone.
    let (names, _) = sent(&pool.open().unwrap(), "basic@all");
    all_but(&names, &[]);
}

#[test]
fn more_children_than_a_package_has_room_for_are_refused_by_name() {
    // A ZAP of a million names has more bytes than this many blocks.
    let Basic { mut pool, vol, root, .. } = basic();
    let far = 1_u64 << 30;
    pool.change_dnode(0, vol.children, |dnode| {
        dnode[offset_of!(DnodePhys, maxblkid)..][..8].copy_from_slice(&far.to_le_bytes());
    })
    .unwrap();
    let (names, said) = sent(&pool.open().unwrap(), "basic@all");
    all_but(&names, &[]);
    assert!(said.len() == 1 && said[0].contains("basic/vol/"), "{said:?}");
    // Of the top dataset all is lost but itself.
    pool.change_dnode(0, root.children, |dnode| {
        dnode[offset_of!(DnodePhys, maxblkid)..][..8].copy_from_slice(&far.to_le_bytes());
    })
    .unwrap();
    let (names, said) = sent(&pool.open().unwrap(), "basic@all");
    assert_eq!(names, ["basic@all"]);
    assert!(said[0].contains("children"), "{said:?}");
}
