//! `zsend resume-point` and `zsend send --append`: a stream that was cut becomes the one that was not.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support::{pool_dir, send, stderr, zsend};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use zsend_encoder::dialect::Dialect;
use zsend_encoder::encoder::Encoder;
use zsend_pool::CancelToken;
use zsend_pool::{OpenOptions, Pool};
use zsend_records::Order;
use zsend_records::drr::RecordType;
use zsend_records::reader::{SliceReader, StreamRecord};
use zsend_records::token::ResumeToken;
use zsend_records::writer::StreamWriter;
use zsend_stream::resume::GoingOn;
use zsend_stream::verify::{Cut, Fault, Verdict, VerifyOptions, verify};
use zsend_testkit::damage::stamp;
use zsend_traverse::{ResumePosition, SendOptions, SendPlan};

fn pool(fixture: &str) -> Pool {
    Pool::open(&[pool_dir(fixture)], fixture, &OpenOptions::default()).unwrap()
}

/// A send by the flags of `zfs send`: `-L`, `-e`, `-c`, `-w`, `-i FROM`, and what is sent.
fn plan<'p>(pool: &'p Pool, line: &str, options: SendOptions) -> SendPlan<'p> {
    let words: Vec<&str> = line.split(' ').collect();
    let (target, flags) = words.split_last().unwrap();
    let (mut options, mut from, mut book) = (options, None, None);
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        match *flag {
            "-i" => from = flags.next().map(|from| from.to_string()),
            "--redact" => book = flags.next(),
            "-w" => options = options.with_raw(true),
            "-c" => options = options.with_compress(true),
            "-Lec" => {
                options = options.with_compress(true).with_embed(true).with_large_block(true);
            }
            other => panic!("{other} is not known here"),
        }
    }
    let dataset = target.split('@').next().unwrap();
    let from = from.map(|from| match from.find(['@', '#']) {
        Some(0) => format!("{dataset}{from}"),
        _ => from,
    });
    let plan = SendPlan::by_name(pool, target, from.as_deref(), options).unwrap();
    match book {
        Some(book) => plan.redacted(book).unwrap(),
        None => plan,
    }
}

fn whole(plan: &SendPlan<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    plan.write(&mut stream, &CancelToken::default(), |_| {}).unwrap();
    stream
}

/// Report on a stream that was cut.
fn cut(beginning: &[u8]) -> Cut {
    let mut faults: Vec<Fault> = Vec::new();
    let options = VerifyOptions::default().with_quick(true);
    let outcome = verify("cut", Cursor::new(beginning.to_vec()), &options, &mut faults).unwrap();
    match outcome.verdict {
        Verdict::Cut(cut) => *cut,
        other => panic!("{} bytes: {other:?}: {faults:?}", beginning.len()),
    }
}

/// The stream that becomes of a beginning.
fn gone_on(pool: &Pool, cut: &Cut, beginning: &[u8], options: &SendOptions) -> Vec<u8> {
    let (seam, token) = (cut.seam.as_deref().unwrap(), cut.token.clone().unwrap());
    let (object, offset) = seam.position().unwrap_or_default();
    let token = ResumeToken { object, offset, ..token };
    let plan = SendPlan::by_token(pool, &token, options.clone()).unwrap();
    let mut stream = beginning[..usize::try_from(seam.end()).unwrap()].to_vec();
    let encoder = Encoder::new(plan.params(), GoingOn::new(seam, &mut stream));
    plan.write_to(encoder, &CancelToken::default(), |_| {}).unwrap();
    stream
}

fn records(stream: &[u8]) -> Vec<StreamRecord> {
    SliceReader::new(stream.to_vec().into()).map(Result::unwrap).collect()
}

/// Most records of a stream whose borders are cut at, and most bytes that are looked at for it.
const MOST: usize = 120;
const MOST_BYTES: usize = 96 << 20;

/// Cuts a stream at, before and behind many borders of headers and payloads, and within them; goes on from every
/// place that comes of it. The number of those places.
fn cut_everywhere(pool: &Pool, whole: &[u8], options: &SendOptions) -> usize {
    let records = records(whole);
    let most = (MOST_BYTES / whole.len() / 4).clamp(6, MOST);
    let step = records.len().div_ceil(most);
    let (mut seen, mut last) = (0, None);
    let is_near_an_end = |i: usize| i < 5 || i + 3 > records.len();
    for (i, record) in
        records.iter().enumerate().filter(|(i, _)| i % step == 0 || is_near_an_end(*i))
    {
        let start = usize::try_from(record.frame.offset).unwrap();
        let next = records
            .get(i + 1)
            .map_or(whole.len(), |next| usize::try_from(next.frame.offset).unwrap());
        let middle = (start + 312 + next) / 2;
        let mut cuts = vec![start + 1, start + 200, start + 311, start + 312, start + 313, middle];
        cuts.extend([next - 1, next]);
        for at in cuts.into_iter().filter(|&at| at < whole.len()) {
            let beginning = &whole[..at];
            let found = cut(beginning);
            let Some(seam) = found.seam.as_deref() else {
                assert!(i <= 1 && found.token.is_none(), "{at}");
                continue;
            };
            assert!(seam.end() <= found.length && found.length <= at as u64, "{at}");
            // The place stays where it is when the file is cut where it is said to be.
            let kept = usize::try_from(found.length).unwrap();
            if Some(seam.end()) != last {
                let again = cut(&whole[..kept]);
                assert_eq!((again.token, again.seam), (found.token.clone(), found.seam.clone()));
                let stream = gone_on(pool, &found, beginning, options);
                assert!(stream == whole, "cut at {at}, gone on from {}", seam.end());
                (seen, last) = (seen + 1, Some(seam.end()));
            }
        }
    }
    seen
}

/// Sends of every kind, each with what is said of its dialect.
const SENDS: [(&str, &str); 24] = [
    ("misc", "misc/ln@s"),
    ("basic", "basic/fs@b"),
    ("basic", "-Lec basic/fs@c"),
    ("basic", "-i @a basic/fs@b"),
    ("basic", "-Lec -i @a basic/fs@c"),
    ("comp", "-i @s comp/r-1M@t"),
    ("bvol", "-i @1 bvol/v4k@2"),
    ("bvol", "-Lec -i @1 bvol/v8k@2"),
    ("crypt", "-w crypt/aes-128-ccm@b"),
    ("crypt", "-w -i @a crypt/aes-128-ccm@b"),
    ("becrypt", "-w becrypt/aes-256-gcm@a"),
    ("becrypt", "-w -i becrypt/aes-128-ccm@a becrypt/aes-128-ccm@b"),
    ("bredact", "bredact/rx@a"),
    ("bredact", "-i @a bredact/rx@b"),
    ("bredact", "--redact book bredact/fs@a"),
    ("bredact", "-i #book bredact/fs@b"),
    ("comp", "-c comp/c-gzip-9@s"),
    ("holes", "holes/fs@c"),
    ("holes", "-i @a holes/fs@c"),
    ("misc", "-i @a misc/many@b"),
    ("misc", "misc/spill@a"),
    ("misc", "-Lec -i @a misc/spill@b"),
    ("basic", "-Lec -i @1 basic/vol@2"),
    ("later", "-i @x later/clone@c"),
];

fn everywhere(sends: &[(&str, &str)], dialect: Dialect) {
    for (fixture, line) in sends {
        let pool = pool(fixture);
        let options = SendOptions::default().with_dialect(dialect);
        let whole = whole(&plan(&pool, line, options.clone()));
        let seen = cut_everywhere(&pool, &whole, &options);
        assert!(seen > 1, "{line}: {seen} places");
    }
}

#[test]
fn a_stream_cut_anywhere_becomes_the_whole() {
    let (first, second) = SENDS.split_at(12);
    std::thread::scope(|scope| {
        scope.spawn(|| everywhere(first, Dialect::OpenZfs));
        scope.spawn(|| everywhere(second, Dialect::OpenZfs));
    });
}

#[test]
fn so_does_one_of_another_dialect() {
    let plain: Vec<_> = SENDS
        .into_iter()
        .filter(|(fixture, line)| *fixture == "misc" || line.contains("basic"))
        .collect();
    everywhere(&plain, Dialect::Illumos);
    everywhere(&SENDS[8..12], Dialect::OpenZfsXdr);
}

#[test]
fn so_does_one_that_is_the_rest_of_another() {
    for dialect in [Dialect::OpenZfs, Dialect::Illumos] {
        let pool = pool("misc");
        let options = SendOptions::default().with_dialect(dialect);
        let first = whole(&plan(&pool, "misc/spill@a", options.clone()));
        // The first object that has a second block, from that block on.
        let second = records(&first).iter().find_map(|record| match record.record() {
            zsend_records::reader::Record::Write(write) if write.offset.get() > 0 => {
                Some((write.object.get(), write.offset.get()))
            }
            _ => None,
        });
        let (object, offset) = second.unwrap();
        for offset in [offset, 0] {
            let resumed = options.clone().with_resume(ResumePosition::new(object, offset));
            let rest = whole(&plan(&pool, "misc/spill@a", resumed));
            assert!(cut_everywhere(&pool, &rest, &options) > 1);
        }
    }
}

#[test]
fn every_byte_of_a_beginning_leads_to_a_place_before_it() {
    let pool = pool("basic");
    let stream = whole(&plan(&pool, "-i @a basic/fs@b", SendOptions::default()));
    let mut last = 0;
    for at in 1..stream.len().min(3000) {
        let found = cut(&stream[..at]);
        let end = found.seam.map_or(0, |seam| seam.end());
        assert!(end >= last && found.length <= at as u64 && end <= found.length, "{at}");
        last = end;
    }
    assert!(last > 0);
}

/// A stream of the fixture `basic`, and a place for files.
struct Stored {
    dir: TempDir,
    whole: Vec<u8>,
}

impl Stored {
    fn new(args: &[&str]) -> Self {
        let out = send(&pool_dir("basic"), args);
        assert!(out.status.success(), "{}", stderr(&out));
        Self { dir: TempDir::new().unwrap(), whole: out.stdout }
    }

    fn beginning(&self, at: usize) -> PathBuf {
        let path = self.dir.path().join("cut.zsend");
        fs::write(&path, &self.whole[..at]).unwrap();
        path
    }
}

fn append(path: &Path, args: &[&str]) -> Output {
    send(&pool_dir("basic"), &[&["-q", "--append", path.to_str().unwrap()], args].concat())
}

fn point(args: &[&str], path: &Path) -> (i32, String, String) {
    let out = zsend(&[&["resume-point"], args, &[path.to_str().unwrap()]].concat());
    let code = out.status.code().unwrap();
    (code, String::from_utf8_lossy(&out.stdout).into_owned(), stderr(&out))
}

#[test]
fn a_send_cut_at_twenty_bytes_is_appended_to_with_the_token_and_without() {
    let stored = Stored::new(&["-Lec", "basic/fs@c"]);
    // Places that look random and are the same in every run.
    let mut state = 7_u64;
    for i in 0..20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = usize::try_from(state >> 33).unwrap() % (stored.whole.len() - 700) + 700;
        let path = stored.beginning(at);
        let (code, line, said) = point(&["-H"], &path);
        assert_eq!(code, 0, "{at}: {said}");
        let (length, token) = line.trim_end().split_once('\t').unwrap();
        assert!(length.parse::<usize>().unwrap() <= at);
        if i % 2 == 0 {
            assert_eq!(point(&["--cut"], &path).0, 0);
            assert_eq!(fs::metadata(&path).unwrap().len().to_string(), length);
            assert_eq!(point(&["-H"], &path).1, line);
        }
        let args: &[&str] = if i % 3 == 0 { &[] } else { &["-t", token] };
        let out = append(&path, args);
        assert!(out.status.success(), "{at}: {}", stderr(&out));
        assert!(out.stdout.is_empty() && fs::read(&path).unwrap() == stored.whole, "{at}");
    }
    let (code, said, _) = point(&[], &stored.beginning(stored.whole.len()));
    assert!(code == 0 && said.contains(": whole: "), "{said}");
    assert!(append(&stored.beginning(stored.whole.len()), &[]).status.success());
}

/// Streams of two dialects begin with the same records, up to the first block of dnodes with two objects.
#[test]
fn a_file_of_another_dialect_is_refused_unless_both_begin_so() {
    let (openzfs, illumos) = (&["basic/fs@b"][..], &["--dialect", "illumos", "basic/fs@b"][..]);
    let (mut refused, mut same) = (0, 0);
    for (there, asked) in [(openzfs, illumos), (illumos, openzfs)] {
        let (there, whole) = (Stored::new(there), Stored::new(asked).whole);
        assert!(there.whole != whole);
        let records = records(&there.whole);
        let ends = records.iter().map(|record| usize::try_from(record.frame.offset).unwrap());
        for at in ends.filter(|&at| at > 700).step_by(records.len().div_ceil(40)) {
            let path = there.beginning(at);
            let out = append(&path, &asked[..asked.len() - 1]);
            let left = fs::read(&path).unwrap();
            if out.status.success() {
                assert!(left == whole, "{at}");
                same += 1;
            } else {
                assert_eq!(out.status.code(), Some(1), "{at}: {}", stderr(&out));
                assert!(stderr(&out).contains("dialect"), "{at}: {}", stderr(&out));
                assert!(left == there.whole[..at], "{at}");
                refused += 1;
            }
        }
    }
    assert!(refused > 40 && same > 0, "{refused} refused, {same} the same");
}

#[test]
fn what_ends_in_its_begin_is_sent_from_the_start() {
    let stored = Stored::new(&["basic/fs@b"]);
    let token = point(&["-H"], &stored.beginning(5000)).1;
    let token = token.trim_end().split_once('\t').unwrap().1.to_owned();
    for at in [0, 1, 100, 311, 312, 500, 623] {
        let path = stored.beginning(at);
        let (code, said, _) = point(&["--json"], &path);
        assert_eq!(code, 10, "{at}: {said}");
        assert_eq!(append(&path, &[]).status.code(), Some(10), "{at}");
        let out = append(&path, &["-t", &token]);
        assert!(out.status.success(), "{at}: {}", stderr(&out));
        assert!(fs::read(&path).unwrap() == stored.whole, "{at}");
    }
}

#[test]
fn what_is_no_beginning_is_refused_and_left_as_it_is() {
    let stored = Stored::new(&["basic/fs@b"]);
    let other = Stored::new(&["-c", "basic/fs@c"]);
    let at = stored.whole.len() / 2;
    let token = |stored: &Stored| {
        let line = point(&["-H"], &stored.beginning(stored.whole.len() / 2)).1;
        line.trim_end().split_once('\t').unwrap().1.to_owned()
    };
    let refused = |bytes: &[u8], args: &[&str], code: i32, says: &str| {
        let path = stored.dir.path().join("file");
        fs::write(&path, bytes).unwrap();
        let out = append(&path, args);
        assert_eq!(out.status.code(), Some(code), "{}", stderr(&out));
        assert!(stderr(&out).contains(says), "{}", stderr(&out));
        assert!(fs::read(&path).unwrap() == bytes, "{says}");
    };
    let half = &stored.whole[..at];
    refused(half, &["-t", &token(&other)], 1, "no beginning of the stream that the token names");
    // Right in itself, and not what the pool has: one byte of the record at the end is another.
    refused(&changed(&stored.whole, at), &[], 1, "is not what would be sent now");
    let mut damaged = half.to_vec();
    damaged[at / 2] ^= 1;
    refused(&damaged, &[], 1, "damaged");
    refused(b"no stream, but a text that somebody keeps", &[], 1, "damaged");
    let begin = &[&stored.whole[..100], &[7; 50][..]].concat();
    refused(begin, &["-t", &token(&stored)], 1, "it begins with other bytes");
    let package = send(&pool_dir("basic"), &["-p", "basic/fs@b"]).stdout;
    refused(&package[..package.len() / 2], &[], 4, "--continue-from");
    assert_eq!(point(&[], &stored.dir.path().join("file")).0, 4);
    let mut big = StreamWriter::in_order(Vec::new(), Order::Big);
    for record in records(&stored.whole) {
        big.record(record.header, &record.payload).unwrap();
    }
    let big = big.into_inner().unwrap();
    refused(&big[..big.len() / 2], &[], 4, "big-endian");
    for args in [&["-n"][..], &["-o", "x"], &["-R"], &["-S"], &["basic/fs@b"], &["-i", "@a"]] {
        refused(half, args, 2, "--append");
    }
    for special in ["/dev/null", "/dev"] {
        let out = append(Path::new(special), &[]);
        assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
        assert_eq!(point(&["--cut"], Path::new(special)).0, 2);
    }
    assert_eq!(point(&["--cut"], Path::new("-")).0, 2);
}

/// A right beginning of a stream, of which the last block that is summed up has another byte in it.
fn changed(whole: &[u8], at: usize) -> Vec<u8> {
    let mut records = records(whole);
    let kept = records.iter().take_while(|record| record.frame.offset <= at as u64).count();
    records.truncate(kept);
    let last = records[..kept - 1].iter().rposition(|r| r.frame.record_type() == RecordType::WRITE);
    let last = last.unwrap();
    let mut payload = records[last].payload.to_vec();
    payload[9] ^= 1;
    records[last].payload = payload.into();
    stamp(&records[..=last + 1], false)
}
