//! Properties of whole pools are those that `zfs get all` gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use zsend_pool::pool::{OpenOptions, Pool};
use zsend_props::Item;

/// Properties that depend on an imported pool.
const NOWHERE: [&str; 2] = ["available", "mounted"];

fn reference(pool: &str) -> Vec<[String; 4]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{pool}.get-p.zst"));
    let text = zstd::decode_all(&*fs::read(path).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .map(|line| {
            let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            <[String; 4]>::try_from(cells).unwrap()
        })
        .filter(|[_, property, ..]| !NOWHERE.contains(&property.as_str()))
        .collect()
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
        let got: Vec<[String; 4]> = natives
            .chain(item.user().unwrap())
            .map(|(property, found)| {
                [name.clone(), property, found.value.shown(true), found.source.to_string()]
            })
            .collect();
        let want: Vec<_> = reference.iter().filter(|[of, ..]| of == name).cloned().collect();
        let differ: Vec<_> = got.iter().zip(&want).filter(|(got, want)| got != want).collect();
        assert!(differ.is_empty(), "{name}: {:?}", differ[0]);
        assert_eq!(got.len(), want.len(), "{name}");
    }
    reference.len()
}

#[test]
fn every_property_of_every_dataset_is_that_of_zfs_get() {
    let pools =
        ["basic", "crypt", "comp", "misc", "bredact", "bcase", "dedup", "holes", "bvol", "brlist"];
    let compared: usize = pools.iter().map(|pool| compare(pool)).sum();
    assert!(compared > 8000, "{compared} properties");
}
