use super::*;
use crate::catalogue::Catalogue;
use crate::entry::tests::entry as any_entry;
use crate::settings::Settings;
use crate::writer::CatalogueWriter;
use proptest::prelude::*;
use std::fs;

/// The settings of the tests' streams.
fn settings() -> Settings {
    Settings::new("Lec", "openzfs")
}

/// An entry of a folder with [`settings`].
fn entry() -> impl Strategy<Value = Entry> {
    any_entry().prop_map(|entry| Entry { flags: settings().flags, ..entry })
}

fn read(bytes: &[u8]) -> Result<Lines> {
    lines(bytes, Path::new("catalogue.jsonl"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..Default::default() })]

    /// A catalogue that is cut at any byte has its whole lines, and a run goes on behind them.
    #[test]
    fn a_torn_line_costs_itself_alone(entries in prop::collection::vec(entry(), 1..4), more in entry()) {
        let bytes: String = entries.iter().map(Entry::to_line).collect();
        let ends: Vec<usize> = bytes.match_indices('\n').map(|(at, _)| at + 1).collect();
        for cut in 0..=bytes.len() {
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            let lines = read(&bytes.as_bytes()[..cut]).unwrap();
            prop_assert_eq!(&lines.entries[..], &entries[..whole]);
            prop_assert_eq!(lines.whole, whole.checked_sub(1).map_or(0, |last| ends[last]) as u64);
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("catalogue.jsonl");
        let last = ends.len().checked_sub(2).map_or(0, |last| ends[last]);
        for cut in [last, last + 1, (last + bytes.len()) / 2, bytes.len() - 1] {
            fs::write(&path, &bytes.as_bytes()[..cut]).unwrap();
            let mut writer = CatalogueWriter::open(dir.path(), None, &settings()).unwrap();
            prop_assert_eq!(writer.known().entries().len(), entries.len() - 1);
            writer.append(more.clone()).unwrap();
            drop(writer);
            let expected = [&bytes[..last], &more.to_line()].concat();
            prop_assert_eq!(fs::read(&path).unwrap(), expected.into_bytes());
        }
    }
}

fn good() -> Vec<u8> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tree = entry().new_tree(&mut runner).unwrap();
    prop::strategy::ValueTree::current(&tree).to_line().into_bytes()
}

#[test]
fn a_last_line_of_which_the_beginning_is_lost_is_torn() {
    let good = good();
    // A crash of the machine may leave zeros where a page was not written.
    let mut holed = good.clone();
    holed[..10].fill(0);
    let mut middle = good.clone();
    middle[60..70].fill(0);
    for end in [&holed[..], &middle, &[0; 100], &good[..1], b"{\"version\":1,\"da"] {
        let lines = read(&[&good[..], end].concat()).unwrap();
        assert_eq!((lines.entries.len(), lines.whole), (1, good.len() as u64), "{end:?}");
        assert!(lines.is_torn);
    }
}

#[test]
fn what_no_crash_leaves_is_refused_by_its_line() {
    let good = good();
    let long = [b"{".repeat(MAX_LINE + 1), b"}\n".to_vec()].concat();
    for (bad, why) in [
        (&b"\xff\xfe\n"[..], "no JSON"),
        (b"\n", "no JSON"),
        (b"{}\n", "missing field"),
        (&long, "longer than"),
    ] {
        let all = [&good, bad, &good].concat();
        let refused = read(&all).unwrap_err().to_string();
        assert!(refused.starts_with("catalogue.jsonl, line 2: "), "{refused}");
        assert!(refused.contains(why), "{refused}");
    }
    // At the end, too: it is JSON, or longer than any line that is written.
    for bad in [&b"{}\n"[..], &long, &[0; MAX_LINE + 1]] {
        assert!(read(&[&good, bad].concat()).is_err());
    }
    // What somebody else has written is no torn line, with its end or without, alone or not.
    for foreign in [&b"my own notes\n"[..], b"my own notes", b"{\"ver", b"\xff\xfe\n", b"\n"] {
        let is_beginning = foreign == b"{\"ver";
        assert_eq!(read(foreign).is_ok(), is_beginning, "{foreign:?}");
        assert_eq!(read(&[&good, foreign].concat()).is_ok(), is_beginning);
    }
}

#[test]
fn a_foreign_file_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalogue.jsonl");
    fs::write(&path, "my own notes\n").unwrap();
    assert!(CatalogueWriter::open(dir.path(), None, &settings()).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"my own notes\n");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn streams_of_other_settings_are_refused_before_the_folder_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("catalogue-1-of-2.jsonl"), good()).unwrap();
    let other = Settings::new("", "openzfs");
    let refused = CatalogueWriter::open(dir.path(), None, &other).unwrap_err();
    assert!(
        matches!(&refused, CatalogueError::Settings { settings: pair, .. } if pair.0 == settings())
    );
    CatalogueWriter::open(dir.path(), None, &settings()).unwrap();
    let refused = CatalogueWriter::open(dir.path(), Some("2/2".parse().unwrap()), &other);
    assert!(matches!(refused, Err(CatalogueError::Settings { .. })));
}

#[test]
fn a_line_that_contradicts_another_is_refused_and_one_that_repeats_it_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalogue-1-of-2.jsonl");
    let good = good();
    fs::write(&path, good.repeat(3)).unwrap();
    assert_eq!(Catalogue::open(dir.path()).unwrap().entries().len(), 1);
    let mut other = Entry::parse(&good).unwrap();
    other.blake3 = "0".repeat(64);
    fs::write(dir.path().join("catalogue.jsonl"), other.to_line()).unwrap();
    let refused = Catalogue::open(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("catalogue-1-of-2.jsonl, line 1, says"), "{refused}");
}

#[test]
fn a_catalogue_is_one_runs_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let open = |shard: Option<&str>| {
        CatalogueWriter::open(dir.path(), shard.map(|s| s.parse().unwrap()), &settings())
    };
    let is_refused = |shard| matches!(open(shard), Err(CatalogueError::InUse(_)));
    let first = open(None).unwrap();
    assert!(is_refused(None) && is_refused(Some("1/1")) && is_refused(Some("2/3")));
    drop(first);
    // Shards are there together, each with a catalogue of its own.
    let second = open(Some("2/3")).unwrap();
    assert!(second.path().ends_with("catalogue-2-of-3.jsonl"));
    let third = open(Some("1/3")).unwrap();
    assert!(is_refused(None) && is_refused(Some("2/3")));
    drop((second, third));
    open(None).unwrap();
}
