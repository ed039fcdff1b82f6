//! Compares `zsend dump` with `zstream dump` over stored streams: `cargo xtask dumps DIR...`. Where `zstream` of
//! OpenZFS 2.3 is not installed, nothing is compared.
//!
//! The texts and exit codes are the same but for what [`Difference`] names.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use xtask::run::{Profile, exit_code, target, zsend};
use zsend_testkit::stored;

/// Flags of every comparison.
const FLAGS: [&[&str]; 4] = [&[], &["-v"], &["-vd"], &["-C"]];
/// Line at which zstream 2.3.2 stops, in the second record of a big-endian stream: it takes the stored sum in its own
/// byte order (`read_hdr()`, OpenZFS `cmd/zstream/zstream_dump.c`).
const STOPPED: &[u8] = b"Incorrect checksum in record header.\n";

/// Most bytes of texts that are compared without their lists.
const MOST_REST: u64 = 1 << 20;

/// Known difference between the programs. docs/compat.md has the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    /// There is none.
    None,
    /// A big-endian stream, of which the texts are the same up to where zstream stops.
    BigEndian,
    /// A list that a big-endian sender has packed in its own encoding: with -C zstream goes on, and leaves it out.
    List,
    /// An input that is shorter than a header, of which zstream prints a summary of nothing.
    Short,
}

#[derive(Default)]
struct Tally {
    same: usize,
    big_endian: usize,
    lists: usize,
    short: usize,
    failed: Vec<String>,
}

fn main() -> ExitCode {
    let dirs: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    exit_code(run(&dirs))
}

fn run(dirs: &[PathBuf]) -> Result<(), String> {
    if dirs.is_empty() {
        return Err("usage: cargo xtask dumps DIR...".into());
    }
    if Command::new("zstream").stderr(Stdio::null()).status().is_err() {
        println!("zstream is not installed: nothing is compared");
        return Ok(());
    }
    let zsend = zsend(Profile::Release)?;
    let files = Files::new()?;
    let mut tally = Tally::default();
    println!(
        "{:<24} {:>6} {:>10} {:>6} {:>6} {:>6}",
        "folder", "same", "big-endian", "lists", "short", "failed"
    );
    for dir in dirs {
        for folder in stored::folders(dir)? {
            let mut own = Tally::default();
            stored::each(&folder, |name, stream| one(&zsend, &files, name, stream, &mut own))?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let Tally { same, big_endian, lists, short, failed } = own;
            println!(
                "{name:<24} {same:>6} {big_endian:>10} {lists:>6} {short:>6} {:>6}",
                failed.len()
            );
            tally.same += same;
            tally.big_endian += big_endian;
            tally.lists += lists;
            tally.short += short;
            tally.failed.extend(failed.into_iter().map(|why| format!("{name}: {why}")));
        }
    }
    for why in &tally.failed {
        println!("{why}");
    }
    let Tally { same, big_endian, lists, short, failed } = tally;
    let failed = failed.len();
    println!(
        "{same} the same, {big_endian} big-endian up to where zstream stops, {lists} but for lists, {short} short, {failed} failed"
    );
    if same == 0 || failed > 0 {
        return Err("not every dump is that of zstream".into());
    }
    Ok(())
}

/// Places of the unpacked stream and of both texts.
struct Files {
    stream: PathBuf,
    ours: PathBuf,
    theirs: PathBuf,
}

impl Files {
    fn new() -> Result<Self, String> {
        let dir = target().join("dumps");
        std::fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let [stream, ours, theirs] =
            ["stream", "zsend.txt", "zstream.txt"].map(|name| dir.join(name));
        Ok(Self { stream, ours, theirs })
    }
}

/// Compares all dumps of a stream.
fn one(
    zsend: &Path,
    files: &Files,
    name: &str,
    stream: &mut dyn Read,
    tally: &mut Tally,
) -> Result<(), String> {
    let told = |e: io::Error| format!("{name}: {e}");
    let mut file = File::create(&files.stream).map_err(told)?;
    io::copy(stream, &mut file).map_err(told)?;
    for flags in FLAGS {
        let ours = dumped(zsend, flags, &files.stream, &files.ours).map_err(told)?;
        let theirs =
            dumped(Path::new("zstream"), flags, &files.stream, &files.theirs).map_err(told)?;
        let difference = compare(files, ours == theirs).map_err(told)?;
        match difference {
            Ok(Difference::None) => tally.same += 1,
            Ok(Difference::BigEndian) => tally.big_endian += 1,
            Ok(Difference::List) => tally.lists += 1,
            Ok(Difference::Short) => tally.short += 1,
            Err(why) => tally.failed.push(format!("{name} {flags:?}: {why}")),
        }
    }
    Ok(())
}

/// Writes a dump into a file; gives the exit code.
fn dumped(program: &Path, flags: &[&str], stream: &Path, to: &Path) -> io::Result<Option<i32>> {
    let mut command = Command::new(program);
    command.arg("dump").args(flags).arg(stream);
    command.stdin(Stdio::null()).stdout(File::create(to)?).stderr(Stdio::null());
    Ok(command.status()?.code())
}

/// The known difference of both texts, or where they differ otherwise.
fn compare(files: &Files, is_same_code: bool) -> io::Result<Result<Difference, String>> {
    let mut ours = BufReader::new(File::open(&files.ours)?);
    let mut theirs = BufReader::new(File::open(&files.theirs)?);
    let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut before = 0;
    loop {
        let (m, n) = (fill(&mut ours, &mut a)?, fill(&mut theirs, &mut b)?);
        let at = a[..m].iter().zip(&b[..n]).position(|(a, b)| a != b);
        let at = at.or((m != n).then(|| m.min(n)));
        if let Some(at) = at {
            return Ok(known(files, before + at as u64)?
                .ok_or_else(|| format!("the texts differ from byte {}", before + at as u64)));
        }
        if m == 0 {
            let right = is_same_code.then_some(Difference::None);
            return Ok(right.ok_or_else(|| "the exit codes differ".into()));
        }
        before += m as u64;
    }
}

/// The known difference that is first seen at this byte of the texts.
fn known(files: &Files, at: u64) -> io::Result<Option<Difference>> {
    let mut stream = [0; 312];
    let len = fill(&mut File::open(&files.stream)?, &mut stream)?;
    if len < stream.len() {
        return Ok(Some(Difference::Short));
    }
    // The magic of a BEGIN in big-endian order begins with zeros.
    if stream[8..12] != [0, 0, 0, 2] {
        return Ok(None);
    }
    let rest = |path: &Path| -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut rest = Vec::new();
        file.take(MOST_REST).read_to_end(&mut rest)?;
        Ok(rest)
    };
    let (ours, theirs) = (rest(&files.ours)?, rest(&files.theirs)?);
    if theirs.starts_with(STOPPED) {
        return Ok(Some(Difference::BigEndian));
    }
    Ok((without_lists(&ours) == theirs).then_some(Difference::List))
}

/// A text without its lists: a line that names each, and those behind it that begin with a tab.
fn without_lists(text: &[u8]) -> Vec<u8> {
    let (mut kept, mut is_list) = (Vec::new(), false);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        // Behind a list in a list stands an empty line.
        let goes_on = is_list && (line.starts_with(b"\t") || line == b"\n");
        is_list = line.starts_with(b"nvlist version:") || goes_on;
        if !is_list {
            kept.extend_from_slice(line);
        }
    }
    kept
}

fn fill(from: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match from.read(&mut buf[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
