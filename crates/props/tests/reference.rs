//! Properties of whole pools are those that `zfs get all` gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use zsend_pool::{OpenOptions, Pool};
use zsend_props::{Item, Native};
use zsend_records::token;

fn reference(pool: &str) -> Vec<[String; 4]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{pool}.get-p.zst"));
    let text = zstd::decode_all(&*fs::read(path).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .map(|line| {
            let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            <[String; 4]>::try_from(cells).unwrap()
        })
        .collect()
}

/// Puts what is in a token in its place: deflate encoders pack the same list in different ways.
fn unpack_token([_, property, value, _]: &mut [String; 4]) {
    if property == "receive_resume_token" {
        *value = format!("{:?}", token::unpack(value).unwrap());
    }
}

/// Compares all properties of all datasets, and gives their number.
fn compare(name: &str) -> usize {
    let images = zsend_testkit::images::unpack(&zsend_testkit::fixture(name)).unwrap();
    let pool = Pool::open(&[images], name, &OpenOptions::default()).unwrap();
    let reference = reference(name);
    let names: BTreeSet<&String> = reference.iter().map(|[name, ..]| name).collect();
    for name in names {
        let item = Item::open(&pool, name).unwrap();
        let natives = item.natives().unwrap().into_iter();
        let natives = natives.map(|(native, property)| (native.name.to_owned(), property));
        let mut got: Vec<[String; 4]> = natives
            .chain(item.user().unwrap())
            .map(|(property, found)| {
                [name.clone(), property, found.value.shown(true), found.source.to_string()]
            })
            .collect();
        let mut want: Vec<_> = reference.iter().filter(|[of, ..]| of == name).cloned().collect();
        got.iter_mut().chain(&mut want).for_each(unpack_token);
        let differ: Vec<_> = got.iter().zip(&want).filter(|(got, want)| got != want).collect();
        assert!(differ.is_empty(), "{name}: {:?}", differ[0]);
        assert_eq!(got.len(), want.len(), "{name}");
    }
    reference.len()
}

#[test]
fn every_property_of_every_dataset_is_that_of_zfs_get() {
    let pools = [
        "basic", "crypt", "comp", "misc", "bredact", "bcase", "dedup", "holes", "bvol", "brlist",
        "recv",
    ];
    let compared: usize = pools.iter().map(|pool| compare(pool)).sum();
    assert!(compared > 8000, "{compared} properties");
    let tokens = reference("recv").iter().filter(|[_, p, ..]| p == "receive_resume_token").count();
    assert_eq!(tokens, 3);
}

/// The space that a pool has depends on its layout: here are disks, mirrors, raidz, draid, special and
/// removed devices, deduplication, quotas and reservations.
#[test]
fn available_is_that_of_the_kernel_for_every_layout() {
    let text = include_str!("data/available.tsv");
    let mut opened: Option<(String, Pool)> = None;
    let mut compared = 0;
    for line in text.lines() {
        let [fixture, name, want] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        if opened.as_ref().is_none_or(|(of, _)| of != fixture) {
            let images = zsend_testkit::images::unpack(&zsend_testkit::fixture(fixture)).unwrap();
            let pool = name.split('/').next().unwrap();
            let pool = Pool::open(&[images], pool, &OpenOptions::default().force(true)).unwrap();
            opened = Some((fixture.to_owned(), pool));
        }
        let item = Item::open(&opened.as_ref().unwrap().1, name).unwrap();
        let native = Native::by_name("available").unwrap();
        let got = item.native(native).unwrap().map(|property| property.value.shown(true));
        assert_eq!(got.as_deref(), Some(want), "{fixture} {name}");
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
}
