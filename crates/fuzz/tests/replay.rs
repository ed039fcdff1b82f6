//! The corpora of the fuzz targets, each input through its target once.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use zsend_fuzz::{TARGETS, bounded};

/// Folder of the targets.
fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &str, end: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz().join(folder)).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap()).strip_suffix(end).unwrap().to_owned()).collect()
}

/// One test: the targets share the memory that is bounded.
#[test]
fn every_input_of_every_corpus_holds_what_its_target_asserts() {
    for (name, check) in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(fuzz().join("corpus").join(name)).unwrap() {
            let path = entry.unwrap().path();
            // The test's output is shown if it fails, and its last line names the input.
            println!("{}", path.display());
            bounded(&fs::read(&path).unwrap(), check);
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has a corpus");
    }
}

/// The targets themselves are built with `cargo fuzz` alone.
#[test]
fn each_target_has_a_corpus_and_a_program_and_no_other_does() {
    let table: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("corpus", ""), table);
    assert_eq!(names("fuzz_targets", ".rs"), table);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let bins =
        manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let bins: BTreeSet<String> = bins.skip(1).map(str::to_owned).collect();
    assert_eq!(bins, table);
    for name in table {
        let program = fuzz().join("fuzz_targets").join(format!("{name}.rs"));
        let text = fs::read_to_string(&program).unwrap();
        assert!(text.contains(&format!("zsend_fuzz::target!({name});")), "{}", program.display());
    }
}
