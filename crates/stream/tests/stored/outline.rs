//! Outlines of every stream in `fixtures/streams`, from files and pipes, whole and cut.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use zsend_records::drr::Begin;
use zsend_records::reader::{ReaderOptions, Role, StreamReader};
use zsend_records::zerocopy::byteorder::LE;
use zsend_stream::outline::{Outline, OutlineEnd, outline, outline_file};

fn streams() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/streams");
    let named = fs::read_dir(folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name()?.to_str()?.strip_suffix(".zsend.zst")?.to_owned();
        Some((name, zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap()))
    });
    named.collect()
}

/// An outline, which is the same from a file, sought through, as from a pipe.
fn outlined(name: &str, stream: &[u8]) -> Outline {
    // Tests run side by side.
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("outline-{call}-{name}"));
    fs::write(&path, stream).unwrap();
    let of_file = outline_file(name, File::open(&path).unwrap()).unwrap();
    fs::remove_file(&path).unwrap();
    let of_pipe = outline(name, stream).unwrap();
    assert_eq!(format!("{of_file:?}"), format!("{of_pipe:?}"));
    of_pipe
}

#[test]
fn an_outline_has_every_stream_and_counts_every_record() {
    let mut keys = 0;
    for (name, stream) in streams() {
        let options = ReaderOptions::new().with_missing_end(true);
        let mut reader = StreamReader::with_options(&stream[..], options);
        let (mut guids, mut records) = (Vec::new(), 0);
        while let Some(frame) = reader.next_frame().unwrap() {
            records += 1;
            let begin = reader.header().body_as::<Begin<LE>>();
            guids.extend(begin.filter(|_| frame.role == Role::Stream).map(|b| b.toguid.get()));
        }
        let found = outlined(&name, &stream);
        let of: Vec<u64> = found.streams.iter().map(|s| s.segment.toguid).collect();
        assert_eq!(
            (of, found.records, found.bytes),
            (guids, records, stream.len() as u64),
            "{name}"
        );
        let is_whole = matches!(found.end, OutlineEnd::Whole);
        assert_eq!(is_whole, reader.parser().is_done(), "{name}");
        assert!(!is_whole || found.streams.iter().all(|stream| stream.is_whole), "{name}");
        for stream in &found.streams {
            let segment = &stream.segment;
            assert_eq!(segment.is_raw(), segment.keys.is_some(), "{name}");
            let Some(data) = &segment.keys else { continue };
            let object = data.key_object.as_ref().unwrap();
            assert_eq!((object.guid, object.suite), (data.key_guid, data.suite), "{name}");
            assert!((3..=8).contains(&data.suite.0) && data.to_ivset != 0, "{name}");
            assert_eq!(segment.fromguid == 0, data.from_ivset == 0, "{name}");
            keys += 1;
        }
    }
    assert!(keys > 0, "no raw stream");
}

#[test]
fn what_is_cut_is_never_whole() {
    for (name, stream) in streams() {
        let step = stream.len() / 37 + 1;
        for cut in (0..stream.len()).step_by(step) {
            let found = outlined(&name, &stream[..cut]);
            assert!(matches!(found.end, OutlineEnd::Cut), "{name} cut at {cut}: {:?}", found.end);
            assert_eq!(found.bytes.max(cut as u64), cut as u64, "{name} cut at {cut}");
        }
    }
}

#[test]
fn what_follows_the_end_is_damage() {
    let (name, mut stream) = streams().pop().unwrap();
    stream.extend_from_slice(b"more");
    assert!(matches!(outlined(&name, &stream).end, OutlineEnd::Damaged(_)));
    let name = "junk";
    assert!(matches!(outlined(name, &[7; 1000]).end, OutlineEnd::Damaged(_)));
}
