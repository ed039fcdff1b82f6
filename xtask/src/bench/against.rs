//! Whole sends of a benchmark pool, ours and the reference's in turn.

use super::{RUNS, median, row};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::run::zsend;

/// Dataset, flags as `zsend` and as `zdb -B` takes them, what it is, and whether records or bytes
/// are counted.
const SENDS: [(&str, &[&str], &str, &str, bool); 5] = [
    ("big", &[], "", "128K records, plain", false),
    ("big", &["-Lec"], "eLc", "128K records, -Lec", false),
    ("bigrec", &["-L"], "L", "1M records, -L", false),
    ("vol8k", &[], "", "8K volume", false),
    ("small", &[], "", "one-block objects", true),
];

/// The rows of the table.
pub(super) fn rows(pool: &Path, against: &[String]) -> Result<Vec<Value>, String> {
    let zsend = zsend()?;
    let name = pool_name(&zsend, pool)?;
    let device = pool.display().to_string();
    let folder = pool.parent().unwrap_or(Path::new(".")).display().to_string();
    let mut rows = Vec::new();
    for (dataset, flags, zdb_flags, what, objects) in SENDS {
        let target = format!("{name}/{dataset}@s");
        let mut ours =
            vec![zsend.display().to_string(), "send".into(), "-d".into(), device.clone()];
        ours.extend(flags.iter().map(|f| (*f).to_owned()));
        ours.push(target.clone());
        let size = exact(&zsend, pool, flags, &target)?;
        let (scale, unit) = if objects {
            (object_count(&zsend, &ours)? / 1e3, "k objects/s")
        } else {
            (size as f64 / 1e9, "GB/s")
        };
        let id = objset(&zsend, pool, &target)?;
        let mut zdb = vec!["zdb".to_owned(), "-e".into(), "-p".into(), folder.clone(), "-B".into()];
        zdb.push(format!("{name}/{id}"));
        if !zdb_flags.is_empty() {
            zdb.push(zdb_flags.into());
        }
        for sink in ["null", "pipe"] {
            let mut sides = vec![("zsend", ours.clone())];
            if against.iter().any(|a| a == "zdb") {
                sides.push(("zdb", zdb.clone()));
            }
            if sink == "pipe" && against.iter().any(|a| a == "cat") {
                sides.push(("cat", vec!["cat".into(), device.clone()]));
            }
            let results = in_turn(sink, &sides)?;
            let speed = |i: usize| scale / results[i].seconds;
            let what = format!("{what}, {}", if sink == "null" { "/dev/null" } else { "pipe" });
            rows.push(row(&what, unit, speed(0), None));
            for (i, (side, _)) in sides.iter().enumerate().skip(1) {
                // What cat writes is the image, not the stream.
                let other = if *side == "cat" {
                    results[i].bytes as f64 / 1e9 / results[i].seconds
                } else {
                    speed(i)
                };
                rows.push(row(&what, unit, speed(0), Some((side, other))));
            }
            if sink == "pipe" && dataset == "big" && flags.is_empty() {
                rows.push(row("first byte", "ms", results[0].first_byte * 1e3, None));
            }
            rows.push(row(
                &format!("{what}: peak memory"),
                "MiB",
                results[0].peak_kib / 1024.0,
                None,
            ));
        }
        let exact: Vec<String> =
            ours.iter().cloned().chain(["-n", "-P", "--exact"].map(String::from)).collect();
        let both = in_turn("null", &[("exact", exact), ("send", ours)])?;
        let share = both[0].seconds / both[1].seconds * 100.0;
        rows.push(row(&format!("{what}: --exact"), "% of the send", share, None));
    }
    Ok(rows)
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

fn pool_name(zsend: &Path, pool: &Path) -> Result<String, String> {
    list(zsend, pool, "name", &[])
}

fn objset(zsend: &Path, pool: &Path, target: &str) -> Result<String, String> {
    list(zsend, pool, "objsetid", &[target])
}

fn exact(zsend: &Path, pool: &Path, flags: &[&str], target: &str) -> Result<u64, String> {
    let mut command = Command::new(zsend);
    command.args(["send", "-n", "-P", "--exact", "-d"]).arg(pool).args(flags).arg(target);
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
