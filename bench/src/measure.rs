//! Command lines of both sides, run in turn and measured.

use crate::options::Options;
use crate::{make, median, one};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use xtask::run::{Profile, zsend};

/// Name of another build of ours in the table.
pub(super) const BEFORE: &str = "zsend";

/// Programs of both sides.
pub(super) struct Programs {
    /// Our program.
    pub(super) zsend: PathBuf,
    /// Beginning of the reference's command line, if that is to run.
    zdb: Option<Line>,
}

impl Programs {
    /// Builds what the options ask for.
    pub(super) fn build(dir: &Path, options: &Options) -> Result<Self, String> {
        let mut zdb = options.is_against("zdb").then(|| vec!["zdb".to_owned()]);
        if let Some(line) = zdb.as_mut().filter(|_| !options.zdb_whole) {
            let shared = ["-shared", "-fPIC"];
            let library = make::compile(dir, "zdb-at-once.c", "zdb-at-once.so", &shared)?;
            line.splice(0..0, ["env".to_owned(), format!("LD_PRELOAD={}", library.display())]);
        }
        Ok(Self { zsend: zsend(Profile::Release)?, zdb })
    }
}

/// A program and its arguments.
pub(super) type Line = Vec<String>;

/// Costs of a run, or the medians of some.
#[derive(Clone, Copy)]
pub(super) struct Took {
    pub(super) seconds: f64,
    /// Seconds to the first byte; not a number if there is no pipe.
    pub(super) first_byte: f64,
    /// Bytes that came through the pipe.
    pub(super) bytes: u64,
    pub(super) peak_kib: f64,
}

/// A side: its command line, and how often it runs.
pub(super) struct Side {
    pub(super) line: Line,
    pub(super) runs: usize,
}

/// Reads the images through, then runs the sides one after another and over again until each has
/// had its runs. Gives each side's medians.
pub(super) fn in_turn(sink: &str, images: &[PathBuf], sides: &[Side]) -> Result<Vec<Took>, String> {
    for image in images {
        warm(image)?;
    }
    let mut runs: Vec<Vec<Took>> = vec![Vec::new(); sides.len()];
    for round in 0..sides.iter().map(|s| s.runs).max().unwrap_or(0) {
        for (side, took) in sides.iter().zip(&mut runs).filter(|(s, _)| round < s.runs) {
            took.push(one(sink, &side.line)?);
        }
    }
    let pick = |runs: &[Took], f: fn(&Took) -> f64| median(runs.iter().map(f).collect());
    Ok(runs
        .iter()
        .map(|r| Took {
            seconds: pick(r, |x| x.seconds),
            first_byte: pick(r, |x| x.first_byte),
            bytes: r.first().map_or(0, |x| x.bytes),
            peak_kib: pick(r, |x| x.peak_kib),
        })
        .collect())
}

/// Reads a file through, so that it is in the page cache.
fn warm(image: &Path) -> Result<(), String> {
    let tell = |e: std::io::Error| format!("{}: {e}", image.display());
    let mut file = File::open(image).map_err(tell)?;
    let mut piece = vec![0; 1 << 20];
    while file.read(&mut piece).map_err(tell)? > 0 {}
    Ok(())
}

/// Bytes of a file.
pub(super) fn size(path: &Path) -> Result<u64, String> {
    let metadata = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(metadata.len())
}

/// One run, in a process of its own.
fn one(sink: &str, line: &[String]) -> Result<Took, String> {
    let text = stdout(&mut one::command(sink, line)?)?;
    let json: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let number = |key: &str| json[key].as_f64().unwrap_or(f64::NAN);
    Ok(Took {
        seconds: number("seconds"),
        first_byte: number("first_byte"),
        bytes: json["bytes"].as_u64().unwrap_or(0),
        peak_kib: number("peak_kib"),
    })
}

fn stdout(command: &mut Command) -> Result<String, String> {
    let out = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if !out.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&out.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Returns true if a pool is there; says that its rows are left out if it is not.
pub(super) fn is_there(pool: &Path) -> bool {
    let is_there = pool.exists();
    if !is_there {
        eprintln!("{}: no such pool; its rows are left out", pool.display());
    }
    is_there
}

/// The sides that these lines are, each with all runs that were asked for.
pub(super) fn sides<'a>(lines: impl IntoIterator<Item = &'a Line>, options: &Options) -> Vec<Side> {
    lines.into_iter().map(|line| Side { line: line.clone(), runs: options.runs }).collect()
}

/// The images of a pool: itself, or the files of a folder.
pub(super) fn images(pool: &Path) -> Result<Vec<PathBuf>, String> {
    if !pool.is_dir() {
        return Ok(vec![pool.to_owned()]);
    }
    let entries = fs::read_dir(pool).map_err(|e| format!("{}: {e}", pool.display()))?;
    let mut images: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    images.sort();
    Ok(images)
}

/// The name of the pool on these images.
pub(super) fn pool_name(programs: &Programs, pool: &Path) -> Result<String, String> {
    list(programs, pool, "name", &[])
}

fn list(programs: &Programs, pool: &Path, column: &str, target: &[&str]) -> Result<String, String> {
    let mut command = Command::new(&programs.zsend);
    command.args(["list", "-H", "-p", "-o", column, "-d"]).arg(pool).args(target);
    let text = stdout(&mut command)?;
    text.lines().next().map(str::to_owned).ok_or_else(|| "nothing was listed".into())
}

/// The command line of a build of ours.
pub(super) fn ours(zsend: &Path, images: &[PathBuf], flags: &[String], target: &str) -> Line {
    let mut line = vec![zsend.display().to_string(), "send".into()];
    for image in images {
        line.extend(["-d".into(), image.display().to_string()]);
    }
    line.extend_from_slice(flags);
    line.push(target.to_owned());
    line
}

/// Our command line, asking for the stream's size.
pub(super) fn sized(ours: &[String]) -> Line {
    ours.iter().cloned().chain(["-n", "-P", "--exact"].map(String::from)).collect()
}

/// The reference's command line for `POOL/DATASET@SNAPSHOT`, if the reference is to run: it wants
/// the number of the object set, and the image or the folder. The line is tried once: the exit code
/// does not tell whether the send failed, but the size of the stream does.
pub(super) fn zdb(
    programs: &Programs,
    pool: &Path,
    target: &str,
    flags: &str,
    size: u64,
) -> Result<Option<Line>, String> {
    let Some(mut line) = programs.zdb.clone() else { return Ok(None) };
    let id = list(programs, pool, "objsetid", &[target])?;
    let name = target.split('/').next().unwrap_or_default();
    line.extend(["-e", "-p"].map(String::from));
    line.extend([pool.display().to_string(), "-B".into(), format!("{name}/{id}")]);
    if !flags.is_empty() {
        line.push(flags.to_owned());
    }
    let bytes = one("pipe", &line)?.bytes;
    if bytes != size {
        return Err(format!("{line:?}: a stream of {bytes} bytes, ours has {size}"));
    }
    Ok(Some(line))
}

/// The stream's size, by asking for it.
pub(super) fn exact(ours: &[String]) -> Result<u64, String> {
    let line = sized(ours);
    let text = stdout(Command::new(&line[0]).args(&line[1..]))?;
    text.lines()
        .find_map(|line| line.strip_prefix("size\t")?.parse().ok())
        .ok_or_else(|| format!("no size in {text:?}"))
}

/// A count of the stream, by the name that our own dump gives it, as `DRR_OBJECT records`.
pub(super) fn count(programs: &Programs, ours: &[String], name: &str) -> Result<f64, String> {
    let mut child = Command::new(&ours[0])
        .args(&ours[1..])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let stream = child.stdout.take().ok_or("no standard output")?;
    let text = stdout(Command::new(&programs.zsend).arg("dump").stdin(stream))?;
    let status = child.wait().map_err(|e| e.to_string())?;
    if !status.success() {
        return Err(format!("{ours:?}: {status}"));
    }
    let count = |line: &str| {
        let rest = line.trim().strip_prefix("Total ")?.strip_prefix(name)?.strip_prefix(" = ")?;
        rest.split(' ').next()?.parse().ok()
    };
    text.lines().find_map(count).ok_or_else(|| format!("the dump counts no {name}"))
}
