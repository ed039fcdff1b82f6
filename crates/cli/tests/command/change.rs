//! The verbs that change streams, on streams of the fixture `basic`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{piped, pool_dir, send, stderr, zsend};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

struct Streams(TempDir);

impl Streams {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A stream of the fixture, made with these arguments.
    fn make(&self, name: &str, args: &[&str]) -> Vec<u8> {
        let path = self.path(name);
        let out = send(&pool_dir("basic"), &[&["-q", "-o", text(&path)], args].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        fs::read(path).unwrap()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn code(out: &Output) -> i32 {
    out.status.code().unwrap()
}

#[track_caller]
fn done(args: &[&str]) -> Vec<u8> {
    let out = zsend(args);
    assert_eq!(code(&out), 0, "{args:?}: {}", stderr(&out));
    out.stdout
}

#[test]
fn a_file_and_a_pipe_and_o_give_the_same() {
    let streams = Streams::new();
    let stream = streams.make("a.zsend", &["-c", "basic/fs@a"]);
    let file = streams.path("a.zsend");
    let (plain, small) = (streams.path("plain"), streams.path("small"));
    done(&["decompress", text(&file), "-o", text(&plain)]);
    let plain = fs::read(plain).unwrap();
    assert!(plain.len() > stream.len());
    let out = piped(&["decompress"], &stream);
    assert!(out.status.success() && out.stdout == plain, "{}", stderr(&out));
    done(&["recompress", "zstd-10", text(&file), "-o", text(&small)]);
    assert!(fs::metadata(&small).unwrap().len() < stream.len() as u64);
    assert!(done(&["verify", text(&small)]).starts_with(text(&small).as_bytes()));
    let steps = "recompress zstd-10 | decompress";
    let both = done(&["pipe", steps, text(&file)]);
    assert!(both == done(&["decompress", text(&small)]));
    assert_eq!(code(&piped(&["pipe", steps, "-"], &stream)), 0);
}

#[test]
fn words_that_are_wrong_are_named() {
    let streams = Streams::new();
    streams.make("a.zsend", &["basic/fs@a"]);
    let file = streams.path("a.zsend");
    let file = text(&file);
    for (args, says) in [
        (&["recompress", "best", file][..], "compression 'best' is not known"),
        (&["recompress", "lz4", file, file], "unexpected argument"),
        (&["drop-record", file], "OBJECT,OFFSET is missing"),
        (&["decompress", "1,2,3", file], "'3' is no type of compression"),
        (&["rechunk", "100K", file], "power of two"),
        (&["convert", file], "one of --byteorder"),
        (&["convert", "--dialect", "illumos", file], "cannot become one of dialect illumos"),
        (&["downgrade", "--to", "solaris", file], "'solaris' is no release and no feature"),
        (&["pipe", "decompress | compress", file], "'compress' is no step"),
        (&["pipe", "decompress |", file], "a step is empty"),
        (&["pipe", "decompress x.zsend", file], "more than decompress takes"),
        (&["package", "-"], "each is a file"),
    ] {
        let out = zsend(args);
        assert_eq!(code(&out), 2, "{args:?}: {}", stderr(&out));
        assert!(stderr(&out).contains(says), "{args:?}: {}", stderr(&out));
    }
}

#[test]
fn a_damaged_stream_leaves_no_file_and_a_cut_one_does() {
    let streams = Streams::new();
    let mut stream = streams.make("a.zsend", &["basic/fs@a"]);
    let whole = stream.clone();
    let (made, partial) = (streams.path("made"), streams.path("made.partial"));
    stream[5000] ^= 1;
    let out = piped(&["decompress", "-o", text(&made)], &stream);
    assert_eq!(code(&out), 1, "{}", stderr(&out));
    assert!(stderr(&out).contains("checksum is "), "{}", stderr(&out));
    assert!(!made.exists() && !partial.exists());
    // As a saved stream: without its END.
    let out = piped(&["decompress", "-o", text(&made)], &whole[..whole.len() - 312]);
    assert_eq!(code(&out), 10, "{}", stderr(&out));
    assert!(fs::read(&made).unwrap() == whole[..whole.len() - 312]);
    let out = piped(&["decompress"], b"");
    assert_eq!(code(&out), 1, "{}", stderr(&out));
    let out = zsend(&[
        "decompress",
        text(&streams.path("a.zsend")),
        "-o",
        text(&streams.path("a.zsend")),
    ]);
    assert_eq!(code(&out), 2, "{}", stderr(&out));
}

#[test]
fn a_block_that_is_not_there_is_named() {
    let streams = Streams::new();
    let stream = streams.make("a.zsend", &["basic/fs@a"]);
    for verb in ["drop-record", "decompress"] {
        let out = piped(&[verb, "99999,0", "1,0", "7,512"], &stream);
        assert_eq!(code(&out), 0, "{}", stderr(&out));
        let said = stderr(&out);
        assert!(
            said.contains("not in the stream: 7,512 99999,0") && !said.contains("warning"),
            "{said}"
        );
    }
}

#[test]
fn what_is_read_is_not_written_to() {
    let streams = Streams::new();
    let stream = streams.make("a.zsend", &["basic/fs@a"]);
    let (file, rules) = (streams.path("a.zsend"), streams.path("rules"));
    fs::write(&rules, "raw = \"refused\"").unwrap();
    let out = zsend(&["policy", text(&rules), text(&file), "-o", text(&rules)]);
    assert_eq!(code(&out), 2, "{}", stderr(&out));
    assert!(fs::read(&rules).unwrap() == b"raw = \"refused\"");
    // Standard input has a file, too.
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zsend"));
        command.args(args).stdin(fs::File::open(&file).unwrap()).output().unwrap()
    };
    for args in [&["decompress", "-o", text(&file)][..], &["raw", text(&file)]] {
        let out = run(args);
        assert_eq!(code(&out), 2, "{args:?}: {}", stderr(&out));
        assert!(fs::read(&file).unwrap() == stream);
    }
    let parts = streams.path("parts");
    done(&["split", "--size", "1M", text(&file), text(&parts)]);
    let list = parts.join("manifest.jsonl");
    let out = zsend(&["join", text(&parts), "-o", text(&list)]);
    assert_eq!(code(&out), 2, "{}", stderr(&out));
    assert!(done(&["join", text(&parts)]) == stream);
}

#[test]
fn a_volume_is_written_and_its_increments_onto_it() {
    let streams = Streams::new();
    streams.make("1", &["-Lec", "basic/vol@1"]);
    streams.make("12", &["-c", "-i", "@1", "basic/vol@2"]);
    streams.make("2", &["basic/vol@2"]);
    streams.make("fs", &["basic/fs@a"]);
    let path = |name: &str| streams.path(name).to_str().unwrap().to_owned();
    let guid = done(&["raw", &path("image"), &path("1")]);
    let guid = String::from_utf8(guid).unwrap().trim().to_owned();
    let first = fs::read(path("image")).unwrap();
    let out = zsend(&["raw", &path("image"), &path("12")]);
    assert_eq!(code(&out), 1);
    assert!(
        stderr(&out).contains(&guid) && stderr(&out).contains("With -g GUID"),
        "{}",
        stderr(&out)
    );
    let out = zsend(&["raw", "-g", "5", &path("image"), &path("12")]);
    assert_eq!(code(&out), 1);
    assert!(stderr(&out).contains("guid 5 is there"), "{}", stderr(&out));
    assert!(fs::read(path("image")).unwrap() == first);
    done(&["raw", "-g", &guid, &path("image"), &path("12")]);
    done(&["raw", &path("other"), &path("2")]);
    let (image, other) = (fs::read(path("image")).unwrap(), fs::read(path("other")).unwrap());
    assert!(image == other && image != first);
    // A sender of illumos has both objects in front of their data.
    streams.make("illumos", &["--dialect", "illumos", "basic/vol@2"]);
    done(&["raw", &path("turned"), &path("illumos")]);
    assert!(fs::read(path("turned")).unwrap() == image);
    // Over what was there before, too.
    fs::write(path("old"), vec![0xff; image.len() + 4096]).unwrap();
    done(&["raw", &path("old"), &path("2")]);
    assert!(fs::read(path("old")).unwrap() == image);
    let out = zsend(&["raw", &path("image"), &path("fs")]);
    assert_eq!(code(&out), 4, "{}", stderr(&out));
    let out = zsend(&["raw", &path("1"), &path("1")]);
    assert_eq!(code(&out), 2, "{}", stderr(&out));
}

#[test]
fn a_package_is_taken_apart_and_made_again() {
    let streams = Streams::new();
    let package = streams.make("I", &["-I", "@a", "basic/fs@all"]);
    let dir = streams.path("apart");
    done(&["unpackage", "-o", text(&dir), text(&streams.path("I"))]);
    let mut files: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 3);
    // In the order of their snapshots.
    let place = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        ["@b.", "@c.", "@all."].iter().position(|part| name.contains(part)).unwrap()
    };
    files.sort_by_key(place);
    let names: Vec<&str> = files.iter().map(|path| text(path)).collect();
    assert!(done(&[&["package"], &names[..]].concat()) == package);
    let out = zsend(&["package", names[1], names[0]]);
    assert_eq!(code(&out), 4);
    assert!(stderr(&out).contains("`zsend chain` tells the order"), "{}", stderr(&out));
    let out = zsend(&["package", text(&streams.path("I"))]);
    assert_eq!(code(&out), 4, "{}", stderr(&out));
    // Nothing is overwritten.
    let out = zsend(&["unpackage", "-o", text(&dir), text(&streams.path("I"))]);
    assert_eq!(code(&out), 3, "{}", stderr(&out));
    assert!(stderr(&out).contains("is there already"), "{}", stderr(&out));

    let tree = streams.make("R", &["-R", "basic@all"]);
    let dir = streams.path("tree");
    let out = piped(&["unpackage", "-o", text(&dir)], &tree);
    assert_eq!(code(&out), 0, "{}", stderr(&out));
    let files: Vec<String> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    let names: Vec<&str> = files.iter().map(|name| &**name).collect();
    let order = String::from_utf8(done(&[&["chain", "-H"], &names[..]].concat())).unwrap();
    let order: Vec<&str> =
        order.lines().map(|line| line.split('\t').next_back().unwrap()).collect();
    let again = streams.path("R2");
    done(&[&["package", "-o", text(&again)], &order[..]].concat());
    done(&["verify", text(&again)]);
    let other = streams.path("tree2");
    done(&["unpackage", "-o", text(&other), text(&again)]);
    for name in &names {
        let name = Path::new(name).file_name().unwrap();
        assert!(fs::read(dir.join(name)).unwrap() == fs::read(other.join(name)).unwrap());
    }
}

#[test]
fn a_stream_that_breaks_a_rule_is_not_passed_on() {
    let streams = Streams::new();
    let stream = streams.make("a.zsend", &["-c", "basic/fs@a"]);
    let package = streams.make("R.zsend", &["-R", "basic@all"]);
    let rules = streams.path("rules.toml");
    let file = streams.path("a.zsend");
    let judged = |text: &str, input: &[u8]| {
        fs::write(&rules, text).unwrap();
        piped(&["policy", rules.to_str().unwrap()], input)
    };
    let out = judged("datasets = [\"basic/**\"]\ntypes = [\"filesystem\"]", &stream);
    assert!(out.status.success() && out.stdout == stream, "{}", stderr(&out));
    for (text, says) in [
        ("datasets = [\"tank/**\"]", "datasets: 'basic/fs'"),
        ("features = [\"SA_SPILL\", \"LZ4\"]", "features: the stream has COMPRESSED"),
        ("types = [\"volume\"]", "types: "),
        ("raw = \"required\"", "raw: the stream is not"),
    ] {
        let out = judged(text, &stream);
        assert_eq!(code(&out), 1, "{text}: {}", stderr(&out));
        assert!(stderr(&out).contains(says) && out.stdout.is_empty(), "{}", stderr(&out));
    }
    // A package is judged by its header.
    let out = judged("datasets = [\"basic\", \"basic/fs\", \"basic/cl\"]", &package);
    assert_eq!(code(&out), 1);
    assert!(
        stderr(&out).contains("is a name that no pattern has") && out.stdout.is_empty(),
        "{}",
        stderr(&out)
    );
    let out = judged("datasets = [\"basic\", \"basic/*\"]", &package);
    assert!(out.status.success() && out.stdout == package, "{}", stderr(&out));
    let out = judged("datasets = 1", &stream);
    assert_eq!(code(&out), 2, "{}", stderr(&out));
    let steps = format!("policy {} | decompress", text(&rules));
    fs::write(&rules, "").unwrap();
    assert!(done(&["pipe", &steps, text(&file)]) == done(&["decompress", text(&file)]));
}
