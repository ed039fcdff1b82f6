use super::*;
use proptest::prelude::*;

/// A stream by dataset, number of the snapshot (its guid and txg), and of its source.
fn stream(dataset: &str, guid: u64, from: Option<u64>, clone: bool) -> Entry {
    Entry {
        dataset: dataset.to_owned(),
        snapshot: format!("s{guid}"),
        guid,
        createtxg: guid,
        from: from.map(|from| format!("somewhere@s{from}")),
        fromguid: from,
        clone,
        file: format!("{guid}.{}.zsend", from.unwrap_or_default()),
        ..Entry::default()
    }
}

fn catalogue(entries: impl IntoIterator<Item = Entry>) -> Catalogue {
    let mut all = Catalogue::default();
    for entry in entries {
        all.add(entry).unwrap();
    }
    all
}

fn names(all: &Catalogue) -> Vec<String> {
    all.in_order().iter().map(|entry| entry.name()).collect()
}

#[test]
fn what_a_stream_stands_on_goes_before_it_wherever_its_line_is() {
    // As after the line of a stream was removed, and the stream sent again.
    let all = catalogue([
        stream("t/cl", 5, Some(2), true),
        stream("t/fs", 3, Some(2), false),
        stream("t/fs", 2, Some(1), false),
        stream("t/fs", 1, None, false),
        stream("t", 4, None, false),
    ]);
    assert_eq!(names(&all), ["t@s4", "t/fs@s1", "t/fs@s2", "t/cl@s5", "t/fs@s3"]);
}

#[test]
fn the_dataset_above_goes_first_unless_it_stands_on_what_is_below() {
    let all = catalogue([
        stream("t/a/b", 1, None, false),
        stream("t/a", 2, None, false),
        stream("t", 3, None, false),
    ]);
    assert_eq!(names(&all), ["t@s3", "t/a@s2", "t/a/b@s1"]);
    // t/c was cloned from t/a, and t/a from t/c/b: what is above must yield.
    let all = catalogue([
        stream("t/a", 2, Some(1), true),
        stream("t/c", 3, Some(2), true),
        stream("t/c/b", 1, None, false),
    ]);
    assert_eq!(names(&all), ["t/c/b@s1", "t/a@s2", "t/c@s3"]);
}

#[test]
fn a_stream_goes_where_its_source_went() {
    let all = catalogue([
        stream("t/old", 1, None, false),
        // Renamed between two runs.
        stream("t/new", 2, Some(1), false),
        stream("t/new/cl", 3, Some(2), true),
        // Destroyed, and made anew.
        stream("t/old", 4, None, false),
        // Nothing gives its source.
        stream("t/lost", 6, Some(5), false),
        stream("t/lost", 7, Some(6), false),
    ]);
    let receipts = all.receipts();
    let shown: Vec<String> = receipts
        .iter()
        .map(|r| format!("{} > {} {:?} {:?}", r.entry.name(), r.into, r.origin, r.parents))
        .collect();
    assert_eq!(
        shown,
        [
            "t/old@s1 > t/old None [\"t\"]",
            "t/new@s2 > t/old None []",
            "t/new/cl@s3 > t/new/cl Some(\"t/old@s2\") [\"t/new\"]",
            "t/old@s4 > t/old.2 None []",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever stands on whatever, and in whatever order the lines are.
    #[test]
    fn every_source_goes_first(
        draws in prop::collection::vec((0u8..6, 0u8..6, any::<Option<u8>>(), any::<bool>()), 1..40),
        turn in any::<prop::sample::Index>(),
    ) {
        let mut entries: Vec<Entry> = (1..).zip(&draws).map(|(guid, (a, b, from, clone))| {
            let from = from.map(|from| u64::from(from) % (guid + 1)).filter(|&from| from > 0 && from < guid);
            stream(&format!("t/{a}/{b}"), guid, from, *clone && from.is_some())
        }).collect();
        let middle = turn.index(entries.len());
        entries.rotate_left(middle);
        let all = catalogue(entries);
        let order = all.in_order();
        prop_assert_eq!(order.len(), all.entries().len());
        let place = |guid: u64| order.iter().position(|entry| entry.guid == guid);
        for (at, entry) in order.iter().enumerate() {
            if let Some(from) = entry.fromguid {
                prop_assert!(place(from).unwrap() < at);
            }
        }
        // Every receipt goes into what is there.
        let mut there: HashSet<String> = HashSet::new();
        let mut snapshots: HashSet<String> = HashSet::new();
        for receipt in all.receipts() {
            there.extend(receipt.parents.iter().cloned());
            let is_new = receipt.entry.fromguid.is_none() || receipt.entry.clone;
            prop_assert_eq!(there.insert(receipt.into.clone()), is_new);
            if let Some((above, _)) = receipt.into.rsplit_once('/') {
                prop_assert!(there.contains(above));
            }
            if let Some(origin) = &receipt.origin {
                prop_assert!(snapshots.contains(origin));
            }
            snapshots.insert(format!("{}@{}", receipt.into, receipt.entry.snapshot));
        }
    }
}
