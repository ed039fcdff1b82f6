//! Makes `crates/cli/layout.ld`: what `cargo xtask layout` runs.
//!
//! The system maps a program's file in windows of 64 KiB around what is used of it. Functions that a send runs lie
//! scattered over the program, so that most of it is mapped, which takes time at the start and counts as memory.
//! The list has the linker put the functions that sends run in one place, and those of the verbs for stored
//! streams behind them. The functions are taken from runs over fixtures, by Callgrind.

mod functions;
mod script;

use functions::{Functions, section_size};
use script::{Use, script};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use xtask::run::{Profile, exit_code, no_arguments, root, succeed, target, zsend};
use zsend_testkit::{cases, fixture, images};

/// Pools whose streams are sent.
const POOLS: [&str; 9] =
    ["basic", "dedup", "holes", "xmix", "removal", "bvol", "comp", "crypt", "berz2"];
/// Most streams of a pool.
const MOST: usize = 8;
/// Most bytes of a stream.
const LARGEST: u64 = 8 << 20;

/// Streams for the verbs of stored ones: name, pool and case.
const STREAMS: [(&str, &str, &str); 3] =
    [("plain", "basic", "full-fs@a"), ("packed", "comp", "c-Lec-lz4"), ("raw", "crypt", RAW)];
const RAW: &str = "full-w-aes-256-gcm";

/// Command lines about stored streams. A name of [`STREAMS`] stands for its file, `KEY` for the key of the raw
/// one, `PARTS` for an empty folder, and `OUT` for a file.
const STORED: [&[&str]; 20] = [
    &["dump", "plain"],
    &["dump", "-v", "packed"],
    &["verify", "packed"],
    &["verify", "--quick", "plain"],
    &["verify", "--key", "KEY", "raw"],
    &["chain", "plain"],
    &["keys", "raw"],
    &["convert", "--byteorder", "big", "plain"],
    &["convert", "--nvlist", "xdr", "plain"],
    &["decompress", "packed"],
    &["recompress", "lz4", "plain"],
    &["recompress", "zstd-3", "plain"],
    &["recompress", "gzip-6", "plain"],
    &["rechunk", "--split", "4K", "plain"],
    &["decrypt", "--key", "KEY", "raw"],
    &["pipe", "decompress | recompress lz4", "packed", "-o", "OUT"],
    &["dedup", "plain"],
    &["downgrade", "--to", "openzfs-0.6.5", "packed"],
    &["split", "--size", "1M", "plain", "PARTS"],
    &["join", "PARTS"],
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    exit_code(no_arguments("cargo xtask layout", &args).and_then(|()| run()))
}

fn run() -> Result<(), String> {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    version.map_err(|e| format!("valgrind, which this needs: {e}"))?;
    let program = zsend(Profile::Release)?;
    let dir = target().join("layout");
    fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let runs = Runs { program: &program, out: dir.join("callgrind.out") };
    let functions = Functions::of(&program)?;
    let sends = sends()?;
    let stored = stored(&program, &dir)?;
    let mut uses = vec![Use::default(); functions.len()];
    for line in &stored {
        runs.functions(line, &functions)?
            .into_iter()
            .for_each(|function| uses[function].stored += 1);
    }
    for line in &sends {
        runs.functions(line, &functions)?
            .into_iter()
            .for_each(|function| uses[function].sends += 1);
    }
    let path = root().join("crates/cli/layout.ld");
    let text = script(&functions, &uses, sends.len());
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    has_its_place(&zsend(Profile::Release)?)?;
    let count = uses.iter().filter(|count| count.is_any()).count();
    let lines = sends.len() + stored.len();
    println!("{}: {count} functions of {lines} runs", path.display());
    Ok(())
}

/// Least bytes of the functions that lie together: those of sends are a million.
const LEAST: u64 = 256 << 10;

/// Refuses a program that was not built by the script: the build leaves it away where the linker does not take it.
fn has_its_place(program: &Path) -> Result<(), String> {
    let mut readelf = Command::new("readelf");
    let out = readelf.args(["--sections", "--wide"]).arg(program).output();
    let out = out.map_err(|e| format!("readelf, of binutils: {e}"))?;
    let lies_together = match section_size(&String::from_utf8_lossy(&out.stdout), ".text.first") {
        Some(size) if size >= LEAST => return Ok(()),
        Some(size) => format!("{size} bytes of functions lie together"),
        None => "no functions lie together".to_owned(),
    };
    Err(format!("{}: {lies_together}: the script has no effect", program.display()))
}

type Line = Vec<String>;

/// Command lines of sends: of each pool some streams, from all over its cases.
fn sends() -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for pool in POOLS {
        let fixture = fixture(pool);
        let dir = images::unpack(&fixture)?;
        let mut cases = cases::read(&fixture)?;
        cases.retain(|case| {
            let sent = |r: &cases::Reference| r.rc == 0 && r.bytes.is_some_and(|n| n <= LARGEST);
            case.txg.is_none() && case.references.first().is_some_and(sent)
        });
        let step = cases.len().div_ceil(MOST).max(1);
        for case in cases.into_iter().step_by(step) {
            lines.push(send(&fixture, &dir, case));
        }
    }
    Ok(lines)
}

/// Command line of a case.
fn send(fixture: &Path, dir: &Path, case: cases::Case) -> Line {
    let mut line = vec!["send".to_owned(), "-d".to_owned(), dir.display().to_string()];
    let key = case.key_value(fixture);
    line.extend(key.into_iter().flat_map(|key| ["--key".to_owned(), key]));
    line.extend(case.args);
    line
}

/// Command lines of [`STORED`], whose streams are made.
fn stored(program: &Path, dir: &Path) -> Result<Vec<Line>, String> {
    let mut names = vec![];
    for (name, pool, id) in STREAMS {
        let fixture = fixture(pool);
        let mut cases = cases::read(&fixture)?;
        let at = cases.iter().position(|case| case.id == id);
        let case = cases.swap_remove(at.ok_or_else(|| format!("{pool} has no case {id}"))?);
        // A raw send takes no key: a plain one of the same snapshot has it.
        let key = cases.into_iter().filter(|other| other.args.last() == case.args.last());
        names.extend(
            key.filter_map(|other| other.key_value(&fixture)).next().map(|key| ("KEY", key)),
        );
        let file = dir.join(name).display().to_string();
        let mut command = Command::new(program);
        command.args(send(&fixture, &images::unpack(&fixture)?, case)).args(["-o", &file]);
        succeed(command)?;
        names.push((name, file));
    }
    let parts = dir.join("parts");
    if parts.exists() {
        fs::remove_dir_all(&parts).map_err(|e| format!("{}: {e}", parts.display()))?;
    }
    names.push(("PARTS", parts.display().to_string()));
    names.push(("OUT", dir.join("out").display().to_string()));
    let path = |arg: &&str| {
        let found = names.iter().find(|(name, _)| name == arg);
        found.map_or_else(|| (*arg).to_owned(), |(_, path)| path.clone())
    };
    Ok(STORED.iter().map(|line| line.iter().map(path).collect()).collect())
}

/// Runs of the program under Callgrind.
struct Runs<'a> {
    program: &'a Path,
    /// The file that Callgrind writes.
    out: PathBuf,
}

impl Runs<'_> {
    /// Numbers of the functions that a command line calls.
    fn functions(&self, line: &Line, functions: &Functions) -> Result<Vec<usize>, String> {
        println!("zsend {}", line.join(" "));
        let _ = io::stdout().flush();
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--demangle=no", "--quiet"]);
        command.arg(format!("--callgrind-out-file={}", self.out.display()));
        command.arg(self.program).args(line);
        // A pipe is written to by other functions than a device is.
        let mut run =
            command.stdout(Stdio::piped()).spawn().map_err(|e| format!("valgrind: {e}"))?;
        if let Some(stdout) = &mut run.stdout {
            io::copy(stdout, &mut io::sink()).map_err(|e| format!("{line:?}: {e}"))?;
        }
        let status = run.wait().map_err(|e| format!("valgrind: {e}"))?;
        if !status.success() {
            return Err(format!("zsend {}: {status}", line.join(" ")));
        }
        let text = fs::read(&self.out).map_err(|e| format!("{}: {e}", self.out.display()))?;
        Ok(functions.called(&String::from_utf8_lossy(&text)))
    }
}
