//! Every stream in `fixtures/streams`: our dump beside the one of OpenZFS's own `zstream dump`.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::env;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use zsend_records::drr::RecordType;
use zsend_records::nvlist::NvList;
use zsend_records::reader::{Role, SliceReader, StreamReader};
use zsend_records::writer::StreamWriter;
use zsend_stream::dump::{DumpOptions, DumpSummary, Format, dump, dump_file};
use zsend_stream::verify::{Fault, Outcome, VerifyError, VerifyOptions, verify, verify_file};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/streams")
}

/// The streams, by name.
fn streams() -> Vec<(String, Vec<u8>)> {
    let mut streams: Vec<(String, Vec<u8>)> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name()?.to_str()?.strip_suffix(".zsend.zst")?.to_owned();
            Some((name, zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap()))
        })
        .collect();
    streams.sort();
    assert!(!streams.is_empty(), "no streams in {}", folder().display());
    streams
}

fn dumped(stream: &[u8], options: &DumpOptions) -> (Vec<u8>, DumpSummary) {
    let mut out = Vec::new();
    let summary = dump(stream, &mut out, options).unwrap();
    (out, summary)
}

#[track_caller]
fn assert_same(path: &Path, got: &[u8], want: &[u8]) {
    if let Some(at) = (0..want.len().max(got.len())).find(|&i| want.get(i) != got.get(i)) {
        panic!("{}: first difference at byte {at:#x}", path.display());
    }
}

#[test]
fn dumps_are_those_of_openzfs() {
    let default = DumpOptions::default();
    let kinds = [
        ("dump", default),
        ("dump-v", default.with_verbose(true)),
        ("dump-vv", default.with_checksums(true)),
        ("dump-d", default.with_payload(true)),
    ];
    let mut compared = 0;
    for (name, stream) in streams() {
        let before = compared;
        for (suffix, options) in &kinds {
            let path = folder().join(format!("{name}.{suffix}"));
            let Ok(want) = fs::read(&path) else { continue };
            assert_same(&path, &dumped(&stream, options).0, &want);
            // Whether checksums are verified does not show in the dump of a sound stream.
            let unverified = options.with_verify(false);
            assert_same(&path, &dumped(&stream, &unverified).0, &want);
            compared += 1;
        }
        assert!(compared > before, "{name} has no reference");
    }
    assert_eq!(compared, 15);
}

/// Additions of master to the text of 2.3.2, as its published dumps show: the encoding before a list,
/// and two rows of the summary.
fn as_master_prints(text: &str, encoding: &str) -> String {
    let count = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        // Lists in a list are indented.
        if line == "nvlist version: 0\n" {
            out.push_str(&format!("nvlist encoding = {encoding}\n"));
        }
        out.push_str(line);
        if line.starts_with("\tTotal DRR_SPILL") {
            for name in ["OBJECT_RANGE", "REDACT"] {
                let records = count(&format!("{name} "));
                out.push_str(&format!("\tTotal DRR_{name} records = {records} (0 bytes)\n"));
            }
        }
    }
    out
}

#[test]
fn master_tells_encodings_and_counts_all_types() {
    let options = DumpOptions::default().with_verbose(true).with_format(Format::TextMaster);
    let mut lists = 0;
    for (name, stream) in streams() {
        let path = folder().join(format!("{name}.dump-v"));
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let begin = StreamReader::new(&stream[..]).next().unwrap().unwrap();
        let encoding = match (begin.payload.first(), begin.payload.get(1)) {
            (Some(1), _) => "NV_ENCODE_XDR",
            (Some(0), Some(0)) => "NV_ENCODE_NATIVE (big-endian)",
            _ => "NV_ENCODE_NATIVE (little-endian)",
        };
        lists += usize::from(!begin.payload.is_empty());
        let want = as_master_prints(&text, encoding);
        assert_same(&path, &dumped(&stream, &options).0, want.as_bytes());
    }
    assert!(lists >= 2);
}

#[test]
fn fixtures_have_every_record_type() {
    let mut seen = [0; RecordType::COUNT];
    for (_, stream) in streams() {
        let (_, summary) = dumped(&stream, &DumpOptions::default());
        assert!(summary.complete);
        assert_eq!(summary.payload_bytes() + summary.header_bytes(), stream.len() as u64);
        for (seen, count) in seen.iter_mut().zip(summary.types) {
            *seen += count.records;
        }
    }
    assert!(!seen.contains(&0), "records by type: {seen:?}");
}

/// Reading, writing again, and the lists packed again: all the same bytes.
#[test]
fn streams_are_written_as_they_were_read() {
    let mut orders = std::collections::HashSet::new();
    for (name, stream) in streams() {
        let first = StreamReader::new(&stream[..]).next().unwrap().unwrap();
        let mut writer = StreamWriter::in_order(Vec::new(), first.frame.order);
        orders.insert(first.frame.order);
        for record in SliceReader::new(stream.clone().into()) {
            let record = record.unwrap();
            let kind = record.frame.record_type();
            if kind == RecordType::BEGIN && !record.payload.is_empty() {
                let (list, encoding, used) = NvList::decode_prefix(&record.payload).unwrap();
                assert_same(
                    Path::new(&name),
                    &list.encode(encoding).unwrap(),
                    &record.payload[..used],
                );
                assert!(record.payload.len() - used < 8);
            }
            if record.frame.role == Role::PackageEnd {
                writer.package_end().unwrap();
            } else {
                writer.record(record.header, &record.payload).unwrap();
            }
        }
        assert_same(Path::new(&name), &writer.into_inner().unwrap(), &stream);
    }
    assert_eq!(orders.len(), 2, "streams of either byte order");
}

#[test]
fn json_has_a_line_for_each_record() {
    for (name, stream) in streams() {
        let options = DumpOptions::default().with_format(Format::Json);
        let (out, summary) = dumped(&stream, &options);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count() as u64, summary.records());
        let mut at = 0;
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["at"], at);
            at += 312 + line["payload_len"].as_u64().unwrap();
        }
        assert_eq!(at, stream.len() as u64);
        let path = folder().join(format!("{name}.json"));
        if !path.exists() {
            continue;
        }
        let options = options.with_payload(true);
        let (got, _) = dumped(&stream, &options);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, got).unwrap();
        } else {
            assert_same(&path, &got, &fs::read(&path).unwrap());
        }
    }
}

/// A verification by one way of reading: what it found, as text.
fn verified(
    done: impl FnOnce(&VerifyOptions, &mut Vec<Fault>) -> Result<Outcome, VerifyError>,
) -> String {
    let (options, mut faults) = (VerifyOptions::default(), Vec::new());
    let outcome = done(&options.with_quick(true).with_all_faults(true), &mut faults);
    format!("{:?} {faults:?}", outcome.unwrap())
}

#[test]
fn a_file_has_the_same_verdict_as_a_pipe() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("in-turn.zsend");
    for (name, stream) in streams() {
        let times = (3 << 20) / stream.len() + 1;
        let long = stream.repeat(times);
        let mut damaged = long.clone();
        let middle = long.len() / 2;
        damaged[middle] ^= 1;
        for input in [long[..middle + 700_001].to_vec(), long, damaged] {
            fs::write(&path, &input).unwrap();
            let file = || fs::File::open(&path).unwrap();
            let of_file = verified(|options, faults| verify_file("a", file(), options, faults));
            let source = Cursor::new(input);
            let of_pipe = verified(|options, faults| verify("a", source, options, faults));
            assert_eq!(of_file, of_pipe, "{name}");
        }
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_file_has_the_same_dump_as_a_pipe() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("read-ahead.zsend");
    let options = DumpOptions::default().with_verbose(true).with_payload(true);
    for (name, stream) in streams() {
        // Several times over, it is longer than what is read at once, and headers lie across its ends.
        let times = (3 << 20) / stream.len() + 1;
        for input in [stream.repeat(times), stream[..stream.len() - 100].to_vec(), vec![]] {
            fs::write(&path, &input).unwrap();
            let (mut of_file, mut of_pipe) = (Vec::new(), Vec::new());
            let file = dump_file(fs::File::open(&path).unwrap(), &mut of_file, &options);
            let pipe = dump(&input[..], &mut of_pipe, &options);
            assert!(of_file == of_pipe, "{name}, {} bytes", input.len());
            let told = |done: Result<DumpSummary, _>| done.map_err(|e| format!("{e}"));
            let summaries = (told(file), told(pipe));
            assert_eq!(format!("{:?}", summaries.0), format!("{:?}", summaries.1), "{name}");
        }
    }
    fs::remove_file(&path).unwrap();
}
