//! Whole sends of a benchmark pool, ours and the reference's in turn.

use super::{RUNS, median, row};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::run::zsend;

/// One row of the benchmark.
struct Send {
    /// Pool in `target/perf`: an image, or a folder of them.
    pool: &'static str,
    dataset: &'static str,
    flags: &'static [&'static str],
    /// The same flags as `zdb -B` takes them; `None` if it cannot make this stream.
    zdb: Option<&'static str>,
    what: &'static str,
    /// Objects a second count, not bytes.
    objects: bool,
    /// How many images of a folder are left out for us, never for the reference.
    missing: usize,
    /// Encryption root whose key lies beside the image.
    key: Option<&'static str>,
}

const PLAIN: Send = Send {
    pool: "perf.img",
    dataset: "big",
    flags: &[],
    zdb: Some(""),
    what: "128K records, plain",
    objects: false,
    missing: 0,
    key: None,
};

const SENDS: [Send; 9] = [
    PLAIN,
    Send { flags: &["-Lec"], zdb: Some("eLc"), what: "128K records, -Lec", ..PLAIN },
    Send { dataset: "bigrec", flags: &["-L"], zdb: Some("L"), what: "1M records, -L", ..PLAIN },
    Send { dataset: "vol8k", what: "8K volume", ..PLAIN },
    Send { dataset: "small", what: "one-block objects", objects: true, ..PLAIN },
    Send { pool: "zstd.img", what: "zstd, plain", ..PLAIN },
    Send { pool: "gzip.img", what: "gzip, plain", ..PLAIN },
    Send { pool: "raidz2", what: "raidz2, two images missing", missing: 2, ..PLAIN },
    Send {
        pool: "enc.img",
        dataset: "gcm",
        zdb: None,
        what: "AES-256-GCM, decrypted",
        key: Some("gcm"),
        ..PLAIN
    },
];

/// The rows of the table, for the pools that are there.
pub(super) fn rows(dir: &Path, against: &[String]) -> Result<Vec<Value>, String> {
    let zsend = zsend()?;
    let mut rows = Vec::new();
    for send in &SENDS {
        let pool = dir.join(send.pool);
        if pool.exists() {
            rows.extend(send.rows(&zsend, &pool, against)?);
        } else {
            eprintln!("{}: no such pool; that row is left out", pool.display());
        }
    }
    Ok(rows)
}

impl Send {
    fn rows(&self, zsend: &Path, pool: &Path, against: &[String]) -> Result<Vec<Value>, String> {
        let name = list(zsend, pool, "name", &[])?;
        let target = format!("{name}/{}@s", self.dataset);
        let ours = self.ours(zsend, pool, &name, &target)?;
        let size = exact(&ours)?;
        let (scale, unit) = if self.objects {
            (object_count(zsend, &ours)? / 1e3, "k objects/s")
        } else {
            (size as f64 / 1e9, "GB/s")
        };
        let what = self.what;
        let mut rows = Vec::new();
        for sink in ["null", "pipe"] {
            let mut sides = vec![("zsend", ours.clone())];
            if let Some(flags) = self.zdb.filter(|_| against.iter().any(|a| a == "zdb")) {
                sides.push(("zdb", zdb(zsend, pool, &name, &target, flags)?));
            }
            if sink == "pipe" && pool.is_file() && against.iter().any(|a| a == "cat") {
                sides.push(("cat", vec!["cat".into(), pool.display().to_string()]));
            }
            let results = in_turn(sink, &sides)?;
            let speed = |i: usize| scale / results[i].seconds;
            let what = format!("{what}, {}", if sink == "null" { "/dev/null" } else { "pipe" });
            if sides.len() == 1 {
                rows.push(row(&what, unit, speed(0), None));
            }
            for (i, (side, _)) in sides.iter().enumerate().skip(1) {
                // What cat writes is the image, holes and all, not the stream: its bytes a second.
                let other = if *side == "cat" {
                    results[i].bytes as f64 / 1e9 / results[i].seconds
                } else {
                    speed(i)
                };
                let ours =
                    if *side == "cat" { size as f64 / 1e9 / results[0].seconds } else { speed(0) };
                let unit = if *side == "cat" { "GB/s" } else { unit };
                rows.push(row(&what, unit, ours, Some((side, other))));
            }
            if sink == "pipe" {
                rows.push(row(
                    &format!("{what}: first byte"),
                    "ms",
                    results[0].first_byte * 1e3,
                    None,
                ));
            }
            let peak = results[0].peak_kib / 1024.0;
            rows.push(row(&format!("{what}: peak memory"), "MiB", peak, None));
        }
        let mut sized = ours.clone();
        sized.extend(["-n", "-P", "--exact"].map(String::from));
        let both = in_turn("null", &[("exact", sized), ("send", ours)])?;
        let share = both[0].seconds / both[1].seconds * 100.0;
        rows.push(row(&format!("{what}: --exact"), "% of the send", share, None));
        Ok(rows)
    }

    /// Our command line.
    fn ours(
        &self,
        zsend: &Path,
        pool: &Path,
        name: &str,
        target: &str,
    ) -> Result<Vec<String>, String> {
        let mut devices = vec![pool.to_owned()];
        if pool.is_dir() {
            let entries =
                std::fs::read_dir(pool).map_err(|e| format!("{}: {e}", pool.display()))?;
            devices = entries.flatten().map(|e| e.path()).collect();
            devices.sort();
            devices.drain(..self.missing.min(devices.len()));
        }
        let mut command = vec![zsend.display().to_string(), "send".into()];
        for device in devices {
            command.extend(["-d".into(), device.display().to_string()]);
        }
        if let Some(root) = self.key {
            let key = pool.with_extension("key");
            command.extend(["--key".into(), format!("{name}/{root}={}", key.display())]);
        }
        command.extend(self.flags.iter().map(|f| (*f).to_owned()));
        command.push(target.to_owned());
        Ok(command)
    }
}

/// The reference's command line: it looks for pools in folders.
fn zdb(
    zsend: &Path,
    pool: &Path,
    name: &str,
    target: &str,
    flags: &str,
) -> Result<Vec<String>, String> {
    let folder = if pool.is_dir() { pool } else { pool.parent().unwrap_or(Path::new(".")) };
    let id = list(zsend, pool, "objsetid", &[target])?;
    let mut command = ["zdb", "-e", "-p"].map(String::from).to_vec();
    command.extend([folder.display().to_string(), "-B".into(), format!("{name}/{id}")]);
    if !flags.is_empty() {
        command.push(flags.to_owned());
    }
    Ok(command)
}

#[derive(Clone, Copy)]
struct Result1 {
    seconds: f64,
    first_byte: f64,
    bytes: u64,
    peak_kib: f64,
}

/// Runs the sides one after another, [`RUNS`] times, and gives each one's medians.
fn in_turn(sink: &str, sides: &[(&str, Vec<String>)]) -> Result<Vec<Result1>, String> {
    let mut runs: Vec<Vec<Result1>> = vec![Vec::new(); sides.len()];
    for _ in 0..RUNS {
        for (i, (_, command)) in sides.iter().enumerate() {
            runs[i].push(one(sink, command)?);
        }
    }
    let pick = |runs: &[Result1], f: fn(&Result1) -> f64| median(runs.iter().map(f).collect());
    Ok(runs
        .iter()
        .map(|r| Result1 {
            seconds: pick(r, |x| x.seconds),
            first_byte: pick(r, |x| x.first_byte),
            bytes: r[0].bytes,
            peak_kib: pick(r, |x| x.peak_kib),
        })
        .collect())
}

fn one(sink: &str, command: &[String]) -> Result<Result1, String> {
    let this: PathBuf = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut run = Command::new(this);
    run.args(["bench", "--one", sink]).args(command);
    let json: Value = serde_json::from_str(&stdout(&mut run)?).map_err(|e| e.to_string())?;
    let number = |key: &str| json[key].as_f64().unwrap_or(f64::NAN);
    Ok(Result1 {
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

fn list(zsend: &Path, pool: &Path, column: &str, target: &[&str]) -> Result<String, String> {
    let mut command = Command::new(zsend);
    command.args(["list", "-H", "-p", "-o", column, "-d"]).arg(pool).args(target);
    let text = stdout(&mut command)?;
    text.lines().next().map(str::to_owned).ok_or_else(|| "nothing was listed".into())
}

/// The stream's size, by asking for it.
fn exact(send: &[String]) -> Result<u64, String> {
    let mut command = Command::new(&send[0]);
    command.args(&send[1..]).args(["-n", "-P", "--exact"]);
    let text = stdout(&mut command)?;
    text.lines()
        .find_map(|line| line.strip_prefix("size\t")?.parse().ok())
        .ok_or_else(|| format!("no size in {text:?}"))
}

/// OBJECT records in a stream, by our own dump.
fn object_count(zsend: &Path, send: &[String]) -> Result<f64, String> {
    use std::process::Stdio;
    let mut child = Command::new(&send[0])
        .args(&send[1..])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let stream = child.stdout.take().ok_or("no standard output")?;
    let text = stdout(Command::new(zsend).arg("dump").stdin(stream))?;
    child.wait().map_err(|e| e.to_string())?;
    text.lines()
        .find_map(|l| {
            l.trim().strip_prefix("Total DRR_OBJECT records = ")?.split(' ').next()?.parse().ok()
        })
        .ok_or_else(|| "the dump counts no objects".into())
}
