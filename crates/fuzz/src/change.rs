//! Any bytes as a stream that steps change, as they are and with every checksum mended; and streams of fixtures whose
//! records are changed, doubled and left out, as the bytes say. The first byte chooses the steps, the second the fixture.
//!
//! The output is the beginning of a stream with right checksums, and all of one if the change comes to its end. The
//! same comes of the same, however the input is cut into pieces. Nothing changes where there is no step, and what is
//! turned is turned back.

use crate::edits::{decrypted, edited, fixture};
use crate::verify::SplitReads;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::OnceLock;
use zsend_records::reader::{ReaderOptions, StreamReader, StreamRecord};
use zsend_stream::Segment;
use zsend_stream::change::{
    Apart, ChangeError, Destinations, Given, Packager, ChangeInput, ToVolume, Transform, Verb, Volume,
    change,
};
use zsend_stream::outline::outline;
use zsend_testkit::damage::reseal;

/// Steps, each its name, operands and options.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const CHANGES: &[&[Step]] = &[
    &[],
    &[("decompress", &[], &[])],
    &[("decompress", &["1,0", "2,0,zstd", "3,0,off"], &[("verbose", "")])],
    &[("recompress", &["lz4"], &[])],
    &[("recompress", &["zstd-fast-10"], &[])],
    &[("recompress", &["lzjb"], &[])],
    &[("drop-record", &["1,0", "8,131072"], &[("verbose", "")])],
    &[("convert", &[], &[("byteorder", "big")])],
    &[("convert", &[], &[("byteorder", "little"), ("nvlist", "xdr")])],
    &[("convert", &[], &[("byteorder", "big"), ("nvlist", "native")])],
    &[("rechunk", &["512"], &[])],
    &[("rechunk", &["128K"], &[])],
    &[("downgrade", &[], &[("to", "SA_SPILL")])],
    &[("downgrade", &[], &[("to", "openzfs-0.8")])],
    &[("decompress", &[], &[]), ("rechunk", &["4K"], &[]), ("recompress", &["gzip-1"], &[])],
    &[("rechunk", &["1K"], &[("split", "")])],
    &[("dedup", &[], &[])],
    &[("policy", &[RULES], &[])],
    &[(RAW, &[], &[])],
    &[(PACKAGE, &[], &[])],
    &[(UNPACKAGE, &[], &[])],
];

/// Steps that are no verbs of the table.
const RAW: &str = "raw";
const PACKAGE: &str = "package";
const UNPACKAGE: &str = "unpackage";

/// Stands for the file of rules.
const RULES: &str = "rules";
const RULES_TEXT: &str = r#"
types = ["filesystem", "volume"]
raw = "allowed"
datasets = ["*/**", "*"]
mountpoints = ["/mnt/**"]
[properties]
deny = ["exec"]
"#;

/// An increment of a volume, a stream in the order of illumos, one of every record, a raw one.
const FIXTURES: [&str; 4] = [
    "volume-increment-Lec.zsend.zst",
    "deep-object-numbers-illumos.zsend.zst",
    "synthetic-little.zsend.zst",
    "becrypt-full-root-zpl-c-w-xdr.zsend.zst",
];

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let Some((&choice, stream)) = bytes.split_first() else { return };
    let steps = CHANGES[usize::from(choice) % CHANGES.len()];
    judge(stream, steps);
    if let Ok(mended) = reseal(stream) {
        judge(&mended, steps);
    }
    if let Some((&which, edits)) = stream.split_first() {
        judge(&edited(&seeds()[usize::from(which) % seeds().len()], edits), steps);
    }
}

/// Records of the fixtures, and of what the encrypted one decrypts to.
fn seeds() -> &'static [Vec<StreamRecord>] {
    static SEEDS: OnceLock<Vec<Vec<StreamRecord>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut seeds: Vec<_> = FIXTURES.iter().map(|name| fixture(name)).collect();
        seeds.push(decrypted());
        seeds
    })
}

fn judge(stream: &[u8], steps: &[Step]) {
    let (out, done) = run(Cursor::new(stream.to_vec()), steps);
    let (again, also) = run(SplitReads::of(stream), steps);
    assert!(out == again, "the same comes of the same");
    assert_eq!(done.is_ok(), also.is_ok());
    if let Err(error) = &done {
        assert!(!error.to_string().is_empty());
    }
    if steps.is_empty() && done.is_ok() {
        assert!(out == again && out.len() == stream.len());
    }
    if out.is_empty() {
        return; // the first record was refused: not one byte is written
    }
    let options = ReaderOptions::new().with_missing_end(true).with_concatenated(true);
    for record in StreamReader::with_options(&out[..], options) {
        let record = record.expect("what is written is a stream");
        assert!(record.payload.len() as u64 == record.frame.payload_len);
    }
    if done.is_ok() {
        let (same, done) = run(Cursor::new(out.clone()), &[]);
        assert!(done.is_ok() && same == out, "what was written is whole");
    }
}

fn run(source: impl Read + Send + 'static, steps: &[Step]) -> (Vec<u8>, Result<(), ChangeError>) {
    let mut source: Box<dyn Read + Send> = Box::new(source);
    let mut made: Vec<Box<dyn Transform>> = Vec::new();
    for step in steps {
        made.push(match step.0 {
            RAW => Box::new(ToVolume::new(Nowhere, None).0),
            UNPACKAGE => Box::new(Apart::new(Nowhere)),
            PACKAGE => {
                let mut bytes = Vec::new();
                source.read_to_end(&mut bytes).expect("it is in memory");
                let outline = outline("in", &bytes[..]).expect("it is in memory");
                let segments: Vec<Segment> =
                    outline.streams.into_iter().map(|stream| stream.segment).collect();
                source = Box::new(Cursor::new(bytes));
                match Packager::new(&segments) {
                    Ok(package) => Box::new(package),
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        return (Vec::new(), Ok(()));
                    }
                }
            }
            _ => of_table(step),
        });
    }
    let source = ChangeInput::of_reader("in", source);
    let mut out = Vec::new();
    let done = change(vec![source], made, &mut out, |note| assert!(!note.is_empty()));
    (out, done.map(drop))
}

fn of_table((name, operands, options): &Step) -> Box<dyn Transform> {
    let operands = operands.iter().map(|&word| match word {
        RULES => rules().display().to_string(),
        word => word.to_owned(),
    });
    let options =
        options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let given = Given { operands: operands.collect(), options, ..Given::default() };
    let verb = Verb::named(name).expect("the table has it");
    (verb.make)(&given).expect("the words are right")
}

/// The file of rules.
fn rules() -> &'static PathBuf {
    static RULES: OnceLock<PathBuf> = OnceLock::new();
    RULES.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("zsend-fuzz-{}.toml", std::process::id()));
        std::fs::write(&path, RULES_TEXT).expect("the folder of temporary files can be written");
        path
    })
}

/// A volume, and a place of streams, of which nothing is kept.
#[derive(Debug)]
struct Nowhere;

impl Volume for Nowhere {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        assert!(offset.checked_add(bytes.len() as u64).is_some());
        Ok(())
    }

    fn free(&mut self, _offset: u64, _len: Option<u64>) -> io::Result<()> {
        Ok(())
    }

    fn set_size(&mut self, _size: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Destinations for Nowhere {
    type Stream = io::Sink;

    fn open(&mut self, segment: &Segment) -> io::Result<io::Sink> {
        assert!(segment.dataset().len() <= segment.toname.len());
        Ok(io::sink())
    }

    fn close(&mut self, _stream: io::Sink) -> io::Result<()> {
        Ok(())
    }
}
