//! `zsend verify`: verdicts, exit codes, reports, and what it passes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{self, pool_dir, send, stderr, zsend};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use zsend_records::drr::RecordType;
use zsend_records::reader::{Role, SliceReader, StreamRecord};
use zsend_testkit::damage::stamp;

/// A folder with a stream of the fixture `basic`, made with these arguments.
struct Stored {
    dir: TempDir,
    stream: Vec<u8>,
}

impl Stored {
    fn new(args: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("whole.zsend");
        let out = send(&pool_dir("basic"), &[&["-q", "-o", path.to_str().unwrap()], args].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        Self { stream: fs::read(path).unwrap(), dir }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("whole.zsend")
    }

    fn records(&self) -> Vec<StreamRecord> {
        SliceReader::new(self.stream.clone().into()).map(Result::unwrap).collect()
    }
}

fn verify(args: &[&str], files: &[&Path]) -> Output {
    let files = files.iter().map(|path| path.to_str().unwrap());
    zsend(&["verify"].into_iter().chain(args.iter().copied()).chain(files).collect::<Vec<_>>())
}

fn code(out: &Output) -> i32 {
    out.status.code().unwrap()
}

fn stdout(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).unwrap()
}

/// Gives bytes to `zsend verify` on its standard input.
fn piped(args: &[&str], bytes: &[u8]) -> Output {
    support::piped(&[&["verify"], args].concat(), bytes)
}

#[test]
fn a_whole_stream_is_whole() {
    let stored = Stored::new(&["-Lec", "basic/fs@b"]);
    for args in [&[][..], &["--quick"], &["--all-faults"]] {
        let out = verify(args, &[&stored.path()]);
        assert_eq!(code(&out), 0, "{}{}", stdout(&out), stderr(&out));
        assert!(stdout(&out).contains("whole.zsend: whole: "), "{}", stdout(&out));
        assert_eq!(stderr(&out), "");
    }
    let out = piped(&[], &stored.stream);
    assert!(stdout(&out).starts_with("standard input: whole: "), "{}", stdout(&out));
}

#[test]
fn a_damaged_stream_is_told_by_its_place() {
    let stored = Stored::new(&["-Lec", "basic/fs@b"]);
    let mut bytes = stored.stream.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = stored.write("damaged.zsend", &bytes);
    let out = verify(&[], &[&damaged]);
    assert_eq!(code(&out), 1);
    let text = stdout(&out);
    assert!(text.contains("damaged.zsend: byte "), "{text}");
    assert!(text.contains(": stream.checksum: checksum is "), "{text}");
    assert!(stderr(&out).ends_with("damaged.zsend is damaged\n"), "{}", stderr(&out));

    let out = verify(&["--json", "--all-faults"], &[&damaged]);
    let text = stdout(&out);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (verdict, faults) = lines.split_last().unwrap();
    assert_eq!((&verdict["kind"], &verdict["verdict"]), (&"verdict".into(), &"damaged".into()));
    assert_eq!(verdict["faults"], faults.len());
    assert_eq!(verdict["bytes"], bytes.len());
    assert_eq!(faults[0]["rule"], "stream.checksum");
    let at = faults[0]["byte"].as_u64().unwrap();
    assert!(at.abs_diff(middle as u64) <= 1 << 20, "{at} beside {middle}");
}

#[test]
fn the_check_goes_on_behind_each_fault() {
    let stored = Stored::new(&["-Lec", "basic/fs@b"]);
    let records = stored.records();
    let mut bytes = stored.stream.clone();
    let writes: Vec<u64> = records
        .iter()
        .filter(|record| record.frame.record_type() == RecordType::FREE)
        .map(|record| record.frame.offset)
        .collect();
    let places = [writes[1], writes[writes.len() / 2], writes[writes.len() - 1]];
    for place in places {
        // A byte of the sum itself: each is wrong, and what comes behind is summed up from it.
        bytes[usize::try_from(place).unwrap() + 300] ^= 0x40;
    }
    let damaged = stored.write("damaged.zsend", &bytes);
    let out = verify(&["--json", "--all-faults"], &[&damaged]);
    let found: Vec<u64> = stdout(&out)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["kind"] == "fault")
        .map(|line| line["byte"].as_u64().unwrap())
        .collect();
    for place in places {
        assert!(found.contains(&place), "{place} in {found:?}");
    }
}

#[test]
fn a_header_that_cannot_be_followed_is_passed_over() {
    let stored = Stored::new(&["basic/fs@b"]);
    let records = stored.records();
    let at = |i: usize| usize::try_from(records[i].frame.offset).unwrap();
    let lost = (records.len() / 2..).find(|&i| records[i].payload.is_empty()).unwrap();
    let mut bytes = stored.stream.clone();
    bytes[at(lost)..at(lost) + 4].copy_from_slice(&[0xff; 4]);
    // And three bytes are gone altogether.
    bytes.drain(at(lost) + 100..at(lost) + 103);
    let damaged = stored.write("damaged.zsend", &bytes);
    let out = verify(&["--json", "--all-faults"], &[&damaged]);
    assert_eq!(code(&out), 1);
    let text = stdout(&out);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["rule"], "stream.type", "{text}");
    let verdict = lines.last().unwrap();
    // All others were seen, END among them.
    assert_eq!(verdict["records"], records.len(), "{text}");
    assert!(!text.contains("stream.checksum"), "{text}");
}

#[test]
fn a_cut_stream_has_the_token_to_go_on_with() {
    let stored = Stored::new(&["-Lec", "basic/fs@b"]);
    let cut = stored.write("cut.zsend", &stored.stream[..stored.stream.len() * 2 / 3]);
    let out = verify(&["--json"], &[&cut]);
    assert_eq!(code(&out), 10, "{}", stderr(&out));
    let verdict: Value = serde_json::from_str(stdout(&out).trim()).unwrap();
    assert_eq!(verdict["verdict"], "cut");
    let length = usize::try_from(verdict["cut"]["length"].as_u64().unwrap()).unwrap();
    let token = verdict["cut"]["token"].as_str().unwrap().to_owned();
    // What is left when it is cut there leads to the same token.
    let shorter = stored.write("shorter.zsend", &stored.stream[..length]);
    let again = verify(&["--json"], &[&shorter]);
    let again: Value = serde_json::from_str(stdout(&again).trim()).unwrap();
    assert_eq!(again["cut"]["token"].as_str(), Some(&*token));
    let rest = stored.dir.path().join("rest.zsend");
    let out = send(&pool_dir("basic"), &["-q", "-o", rest.to_str().unwrap(), "-t", &token]);
    assert!(out.status.success(), "{}", stderr(&out));
    let out = verify(&[], &[&rest]);
    assert_eq!(code(&out), 0, "{}", stdout(&out));

    let text = stdout(&verify(&[], &[&cut]));
    assert!(text.contains(&format!("zsend send -t {token}")), "{text}");
    assert!(text.contains(&format!("truncate -s {length}")), "{text}");
}

#[test]
fn a_cut_anywhere_is_no_damage() {
    let stored = Stored::new(&["basic/fs@a"]);
    let ends: Vec<u64> = stored.records().iter().map(|record| record.frame.offset).collect();
    let steps = (1..40).map(|i| stored.stream.len() * i / 40);
    let borders = ends.iter().skip(1).step_by(7).map(|&end| usize::try_from(end).unwrap());
    for at in steps.chain(borders) {
        let out = piped(&[], &stored.stream[..at]);
        assert_eq!(code(&out), 10, "{at}: {}", stdout(&out));
    }
    for at in [0, 312, 311, 20, 16, 8, 3] {
        let out = piped(&[], &stored.stream[..at]);
        assert_eq!(code(&out), if at == 0 { 1 } else { 10 }, "{at}: {}", stdout(&out));
    }
    assert_eq!(code(&piped(&[], b"no stream at all, but a text")), 1);
}

#[test]
fn of_several_files_the_worst_counts() {
    let stored = Stored::new(&["basic/fs@b"]);
    let cut = stored.write("cut.zsend", &stored.stream[..5000]);
    let mut bytes = stored.stream.clone();
    bytes[400] ^= 1;
    let damaged = stored.write("damaged.zsend", &bytes);
    let whole = stored.path();
    assert_eq!(code(&verify(&[], &[&whole, &whole])), 0);
    assert_eq!(code(&verify(&[], &[&cut, &whole])), 10);
    let out = verify(&[], &[&cut, &damaged, &whole]);
    assert_eq!(code(&out), 1);
    assert!(stderr(&out).contains("2 of 3 files are not whole"), "{}", stderr(&out));
    assert_eq!(stdout(&out).matches(": whole: ").count(), 1);
    let out = verify(&[], &[&whole, Path::new("/nonexistent/file")]);
    assert_eq!(code(&out), 3, "{}", stderr(&out));
    assert_eq!(code(&verify(&[], &[Path::new("/")])), 3);
    assert_eq!(code(&verify(&["--tee"], &[&whole, &whole])), 2);
}

#[test]
fn a_package_whose_middle_is_missing_is_no_chain() {
    let stored = Stored::new(&["-I", "@a", "basic/fs@c"]);
    assert_eq!(code(&verify(&[], &[&stored.path()])), 0);
    let records = stored.records();
    let begins: Vec<usize> = (0..records.len())
        .filter(|&i| {
            records[i].frame.record_type() == RecordType::BEGIN
                && records[i].frame.role == Role::Stream
        })
        .collect();
    assert_eq!(begins.len(), 2, "a to b, b to c");
    // The other way round: each is whole, and the first starts from what has not come.
    let (first, second) = (&records[begins[0]..begins[1]], &records[begins[1]..records.len() - 1]);
    let end = &records[records.len() - 1..];
    let turned = [&records[..begins[0]], second, first, end].concat();
    let turned = stored.write("turned.zsend", &stamp(&turned, false));
    let out = verify(&[], &[&turned]);
    assert_eq!(code(&out), 11, "{}", stdout(&out));
    assert!(stdout(&out).contains(": chain.base: fromguid is "), "{}", stdout(&out));
    assert!(stdout(&out).contains(": chain-broken: "), "{}", stdout(&out));
}

#[test]
fn increments_in_files_belong_to_one_chain() {
    let full = Stored::new(&["basic/fs@a"]);
    let next = Stored::new(&["-i", "@a", "basic/fs@b"]);
    let last = Stored::new(&["-i", "@b", "basic/fs@c"]);
    assert_eq!(code(&verify(&[], &[&last.path(), &next.path()])), 0);
    assert_eq!(code(&verify(&[], &[&last.path(), &full.path(), &next.path()])), 0);
    // The one between is missing: its dataset begins here, so no receiver has it.
    for files in [[&full.path(), &last.path()], [&last.path(), &full.path()]] {
        let out = verify(&[], &files.map(|path| path.as_path()));
        assert_eq!(code(&out), 11, "{}", stdout(&out));
        let words =
            "which no stream brings (no-base), expected the snapshot of one of these streams";
        assert!(stdout(&out).contains(words), "{}", stdout(&out));
        assert!(stdout(&out).contains(": chain.base: fromguid is "), "{}", stdout(&out));
    }
    // What the one brings whose base is missing, a full stream brings too.
    let begun = Stored::new(&["basic/fs@b"]);
    for files in [[&begun, &next, &last], [&last, &next, &begun]] {
        let paths = files.map(Stored::path);
        assert_eq!(code(&verify(&[], &paths.each_ref().map(|path| path.as_path()))), 0);
    }
    // A package of one dataset begins with what the others have to bring.
    let rest = Stored::new(&["-I", "@b", "basic/fs@c"]);
    assert_eq!(code(&verify(&[], &[&full.path(), &rest.path()])), 11);
    assert_eq!(code(&verify(&[], &[&full.path(), &next.path(), &rest.path()])), 0);
    // A package brings it.
    let package = Stored::new(&["-I", "@a", "basic/fs@b"]);
    assert_eq!(code(&verify(&[], &[&full.path(), &last.path(), &package.path()])), 0);
    let package = Stored::new(&["-R", "basic/fs@a"]);
    assert_eq!(code(&verify(&[], &[&package.path(), &next.path(), &last.path()])), 0);
    assert_eq!(code(&verify(&[], &[&package.path(), &last.path()])), 11);
    let other = Stored::new(&["-i", "@a", "basic/fs@c"]);
    assert_eq!(code(&verify(&[], &[&other.path(), &last.path()])), 11);
    // One of the two can be received, as `chain` says too.
    let out = verify(&[], &[&full.path(), &next.path(), &other.path()]);
    assert_eq!(code(&out), 11);
    assert!(stdout(&out).contains(": chain.fork: fromguid is "), "{}", stdout(&out));
    let out = verify(&["--json"], &[&full.path(), &next.path(), &other.path()]);
    let all: Value = serde_json::from_str(stdout(&out).lines().last().unwrap()).unwrap();
    let expected = serde_json::json!({
        "kind": "all", "verdict": "chain-broken", "files": 3, "not_whole": 0, "broken": 1,
    });
    assert_eq!(all, expected);
}

#[test]
fn what_is_passed_on_ends_at_the_first_fault() {
    let stored = Stored::new(&["-Lec", "basic/fs@b"]);
    let out = piped(&["--tee"], &stored.stream);
    assert_eq!(code(&out), 0, "{}", stderr(&out));
    assert!(out.stdout == stored.stream);
    assert!(stderr(&out).starts_with("standard input: whole: "), "{}", stderr(&out));
    let records = stored.records();
    let record = &records[records.len() / 2];
    let mut bytes = stored.stream.clone();
    let at = usize::try_from(record.frame.offset).unwrap();
    bytes[at + 12] ^= 1;
    let out = piped(&["--tee", "--quick"], &bytes);
    assert_eq!(code(&out), 1);
    // The payload before the fault is summed up in the header that is wrong.
    let before = &records[records.len() / 2 - 1];
    assert_eq!(out.stdout.len() as u64, before.frame.offset);
    assert!(stored.stream.starts_with(&out.stdout));
}

/// A raw stream of the fixture `crypt`, with the key of its encryption root as `--key` takes it.
fn raw(dataset: &str, args: &[&str]) -> (Stored, String) {
    let fixture = zsend_testkit::fixture("crypt");
    let cases = zsend_testkit::cases::read(&fixture).unwrap();
    let is_of = |root: &str| {
        dataset.strip_prefix(root).is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    let key = cases.iter().find_map(|case| case.key.as_ref().filter(|(root, _)| is_of(root)));
    let (root, file) = key.unwrap_or_else(|| panic!("no key is of {dataset}"));
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("whole.zsend");
    let all = [&["-q", "-w", "-o", path.to_str().unwrap()], args].concat();
    let out = send(&pool_dir("crypt"), &all);
    assert!(out.status.success(), "{}", stderr(&out));
    let stored = Stored { stream: fs::read(path).unwrap(), dir };
    (stored, format!("{root}={}", fixture.join(file).display()))
}

/// Datasets of the fixture `crypt`, one for each suite.
fn encrypted() -> Vec<(String, String)> {
    let fixture = zsend_testkit::fixture("crypt");
    let mut datasets: Vec<(String, String)> = zsend_testkit::cases::read(&fixture)
        .unwrap()
        .iter()
        .filter(|case| case.key.is_some())
        .filter_map(|case| case.args.last()?.split_once('@').map(|(d, s)| (d.into(), s.into())))
        .collect();
    datasets.sort();
    datasets.dedup();
    datasets
}

#[test]
fn an_increment_fits_any_of_the_streams_that_bring_its_base() {
    let snapshot = |name: &str| format!("crypt/raw@{name}");
    let (raw_full, key) = raw("crypt/raw", &[&snapshot("a")]);
    let (raw_next, _) = raw("crypt/raw", &["-i", "@a", &snapshot("b")]);
    let dir = TempDir::new().unwrap();
    let plain = |name: &str, args: &[&str]| {
        let path = dir.path().join(name);
        let all = [&["-q", "--key", &key, "-o", path.to_str().unwrap()], args].concat();
        let out = send(&pool_dir("crypt"), &all);
        assert!(out.status.success(), "{}", stderr(&out));
        path
    };
    let full = plain("full", &[&snapshot("a")]);
    let next = plain("next", &["-i", "@a", &snapshot("b")]);
    let (raw_full, raw_next) = (raw_full.path(), raw_next.path());
    for files in [[&full, &raw_full, &next, &raw_next], [&raw_full, &full, &raw_next, &next]] {
        let out = verify(&[], &files.map(|path| path.as_path()));
        assert_eq!(code(&out), 0, "{}", stdout(&out));
    }
    let out = verify(&[], &[&raw_full, &next]);
    assert_eq!(code(&out), 11, "{}", stdout(&out));
    let words = ": chain.fits: stream is plain-on-raw: it is not raw, and its base is";
    assert!(stdout(&out).contains(words), "{}", stdout(&out));
    // In a package the base is the same.
    let package = dir.path().join("package");
    let pack = ["package", "-o", package.to_str().unwrap(), raw_full.to_str().unwrap()];
    assert!(zsend(&pack).status.success());
    assert_eq!(code(&verify(&[], &[&package, &raw_next])), 0);
    assert_eq!(code(&verify(&[], &[&package, &next])), 11);
}

#[test]
fn a_raw_stream_is_opened_with_its_key() {
    let datasets = encrypted();
    assert!(datasets.len() >= 6, "{datasets:?}");
    for (dataset, snapshot) in datasets {
        let (stored, key) = raw(&dataset, &[&format!("{dataset}@{snapshot}")]);
        let out = verify(&["--json", "--all-faults", "--key", &key], &[&stored.path()]);
        assert_eq!(code(&out), 0, "{dataset}@{snapshot}: {}{}", stdout(&out), stderr(&out));
        let verdict: Value = serde_json::from_str(stdout(&out).lines().last().unwrap()).unwrap();
        assert_eq!(verdict["opened"], 1, "{dataset}@{snapshot}: {}", stderr(&out));
    }
}

/// Streams of pools that keep every rule, though rarely seen: blocks without checksums, and what a redacted stream lacks.
const RARE: [(&str, &str, &str); 2] =
    [("comp", "", "comp/k-off@s"), ("bredact", "-i bredact/fs#book2", "bredact/fs@a")];

#[test]
fn rare_streams_are_whole() {
    for (pool, words, target) in RARE {
        for flags in ["-q", "-q -c", "-q -Lec"] {
            let words = flags.split(' ').chain(words.split_terminator(' ')).chain([target]);
            let out = send(&pool_dir(pool), &words.collect::<Vec<_>>());
            assert!(out.status.success(), "{}", stderr(&out));
            let out = piped(&[], &out.stdout);
            assert_eq!(code(&out), 0, "{target} {flags}: {}", stdout(&out));
        }
    }
}
