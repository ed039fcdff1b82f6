//! Trees of directories made in memory, sound ones and others.

use super::*;
use crate::dmu::made::{self, DnodeFields, FREE, pointer};
use zerocopy::{FromZeros, IntoBytes};
use zsend_ondisk::dsl::{DatasetPhys, DirPhys};
use zsend_ondisk::zap::{NewEntry, ZapBuilder, ZapHash};

/// `DMU_OT_DSL_DIR`, `DMU_OT_DSL_DATASET`, `DMU_OT_DSL_DIR_CHILD_MAP`.
const DIR: u8 = 12;
const DATASET: u8 = 16;
const CHILD_MAP: u8 = 13;

/// The MOS of some directories, each with its children. Directory `i` is object 3i + 1, its head the next
/// object, with the directory's number as guid, and its children's names the one after.
fn mos(dirs: &[&[(&str, u64)]]) -> Objset {
    let mut objects = Vec::new();
    let mut blocks = Vec::new();
    for (i, children) in (0..).zip(dirs) {
        let mut dir = DirPhys::new_zeroed();
        dir.head_dataset_obj = (3 * i + 2).into();
        dir.child_dir_zapobj = (3 * i + 3).into();
        let mut head = DatasetPhys::new_zeroed();
        head.guid = i.into();
        let bonus = |kind, bonus: &[u8]| DnodeFields {
            kind,
            bonustype: kind,
            levels: 1,
            sectors: 1,
            pointers: vec![Default::default()],
            bonus: bonus.to_vec(),
            ..DnodeFields::default()
        };
        objects.push(bonus(DIR, dir.as_bytes()));
        objects.push(bonus(DATASET, head.as_bytes()));
        let at = FREE + i * 512;
        let pointers = vec![pointer(CHILD_MAP, 0, at, 512)];
        objects.push(DnodeFields {
            kind: CHILD_MAP,
            levels: 1,
            sectors: 1,
            pointers,
            ..DnodeFields::default()
        });
        blocks.push((at, names(children)));
    }
    let parts: Vec<_> = blocks.iter().map(|(at, block)| (*at, &block[..])).collect();
    made::objset(&objects, &[], &parts)
}

/// A micro ZAP of names and the numbers of their directories.
fn names(children: &[(&str, u64)]) -> Vec<u8> {
    let number = |(name, dir): &(&str, u64)| NewEntry::number(name, 3 * dir + 1);
    let hash = ZapHash { salt: 1, ..ZapHash::default() };
    ZapBuilder { hash, entries: children.iter().map(number).collect() }.micro(512).unwrap()
}

/// The names, and the guids of those that could be read.
fn listed(mos: &Objset) -> Vec<(String, Option<u64>)> {
    let all = Datasets::new(mos, "tank", 1);
    all.map(|(name, dataset)| (name, dataset.ok().map(|dataset| dataset.guid))).collect()
}

#[test]
fn each_dataset_comes_before_those_below_it_and_after_its_elder_siblings() {
    let mos = mos(&[&[("b", 1), ("$MOS", 3), ("a", 2), ("%recv", 3)], &[("c", 4)], &[], &[], &[]]);
    let name = |name: &str, guid| (name.to_owned(), Some(guid));
    let want = [name("tank", 0), name("tank/a", 2), name("tank/b", 1), name("tank/b/c", 4)];
    assert_eq!(listed(&mos), want);
    for (depth, count) in [(0, 1), (1, 3), (2, 4), (usize::MAX, 4)] {
        let names: Vec<String> = want.iter().map(|(name, _)| name.clone()).collect();
        let mut near: Vec<_> =
            Datasets::new(&mos, "tank", 1).to_depth(depth).map(|(name, _)| name).collect();
        assert_eq!(near.len(), count, "{near:?}");
        near.retain(|name| !names.contains(name));
        assert!(near.is_empty(), "{near:?}");
    }
}

#[test]
fn a_tree_that_leads_back_to_itself_ends() {
    let mos = mos(&[&[("a", 1), ("b", 0)], &[("c", 1), ("d", 0)]]);
    let found = listed(&mos);
    let names: Vec<_> = found.iter().map(|(name, guid)| (name.as_str(), guid.is_some())).collect();
    let lost = |name| (name, false);
    let want =
        [("tank", true), ("tank/a", true), lost("tank/a/c"), lost("tank/a/d"), lost("tank/b")];
    assert_eq!(names, want);
}

#[test]
fn a_directory_that_cannot_be_read_hides_no_other() {
    // Object 28 does not exist.
    let found = listed(&mos(&[&[("a", 9), ("b", 1)], &[]]));
    let want =
        [("tank".to_owned(), Some(0)), ("tank/a".to_owned(), None), ("tank/b".to_owned(), Some(1))];
    assert_eq!(found, want);
}
