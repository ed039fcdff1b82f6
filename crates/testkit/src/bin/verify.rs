//! Runs `zsend verify` over stored streams, which must all be whole: `cargo xtask verify DIR...`.
//!
//! A folder is one of a pool, with `streams.tar.zst` beside its `cases.json`; a folder of such folders; or one
//! of `*.zsend.bz2` and `*.zsend.zst`. Of a pool's streams those count that are a case's reference, by name and digest.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use xtask::run::{Profile, exit_code, zsend};
use zsend_testkit::{cases, hex, stored};

/// Exit code of a stream that is cut.
const CUT: i32 = 10;

/// Results of a folder.
#[derive(Default)]
struct Tally {
    whole: usize,
    /// Streams whose MACs were checked.
    opened: usize,
    /// Streams that interrupted receives left, which have no END.
    saved: usize,
    /// Streams that are no case's reference.
    passed_over: usize,
    failed: Vec<String>,
}

fn main() -> ExitCode {
    let dirs: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    exit_code(run(&dirs))
}

fn run(dirs: &[PathBuf]) -> Result<(), String> {
    if dirs.is_empty() {
        return Err("usage: cargo xtask verify DIR...".into());
    }
    let zsend = zsend(Profile::Release)?;
    let mut all = Tally::default();
    println!(
        "{:<24} {:>6} {:>6} {:>6} {:>11} {:>6}",
        "folder", "whole", "opened", "saved", "passed over", "failed"
    );
    for dir in dirs {
        for folder in stored::folders(dir)? {
            let tally = check(&zsend, &folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let Tally { whole, opened, saved, passed_over, failed } = tally;
            println!(
                "{name:<24} {whole:>6} {opened:>6} {saved:>6} {passed_over:>11} {:>6}",
                failed.len()
            );
            all.opened += opened;
            all.whole += whole;
            all.saved += saved;
            all.passed_over += passed_over;
            all.failed.extend(failed.into_iter().map(|why| format!("{name}: {why}")));
        }
    }
    for why in &all.failed {
        println!("{why}");
    }
    println!(
        "{} whole, {} of them opened, {} saved, {} failed",
        all.whole,
        all.opened,
        all.saved,
        all.failed.len()
    );
    if all.whole == 0 || !all.failed.is_empty() {
        return Err("not every stream is whole".into());
    }
    Ok(())
}

fn check(zsend: &Path, folder: &Path) -> Result<Tally, String> {
    // Beside a corrected reference lies what a known bug made: it has another digest.
    let references = stored::has_archive(folder).then(|| references(folder)).transpose()?;
    let mut tally = Tally::default();
    stored::each(folder, |name, stream| {
        let expected = match &references {
            Some(references) => references.get(name),
            // Of records with random fields; no sender wrote them.
            None => (!name.starts_with("synthetic")).then_some(&WHOLE),
        };
        one(zsend, name, stream, expected, &mut tally)
    })?;
    Ok(tally)
}

/// A case's reference.
struct Expected {
    sha256: String,
    /// It is what an interrupted receive left.
    saved: bool,
    /// Keys of the pool's encryption roots, as `--key` takes them.
    keys: Vec<String>,
}

/// The references in an archive, by `dialect/case.zsend`.
fn references(dir: &Path) -> Result<BTreeMap<String, Expected>, String> {
    let mut references = BTreeMap::new();
    let cases = cases::read(dir)?;
    let keys = cases.iter().filter_map(|case| case.key.as_ref());
    let keys = keys.map(|(root, file)| format!("{root}={}", dir.join(file).display()));
    // A case of a raw stream names none: it is sent without.
    let keys: BTreeSet<String> = keys.collect();
    let keys: Vec<String> = keys.into_iter().collect();
    for case in cases {
        let saved = case.args.iter().any(|arg| arg == "-S" || arg == "--saved");
        for reference in &case.references {
            if let (0, Some(sha256), None) = (reference.rc, &reference.sha256, case.corrected) {
                let name = format!("{}/{}.zsend", reference.dialect, case.id);
                references
                    .insert(name, Expected { sha256: sha256.clone(), saved, keys: keys.clone() });
            }
        }
    }
    Ok(references)
}

/// A stream of which nothing is known but that it is whole.
static WHOLE: Expected = Expected { sha256: String::new(), saved: false, keys: Vec::new() };

/// Gives a stream to the program, on its standard input.
fn one(
    zsend: &Path,
    name: &str,
    stream: &mut dyn Read,
    expected: Option<&Expected>,
    tally: &mut Tally,
) -> Result<(), String> {
    let Some(expected) = expected else {
        tally.passed_over += 1;
        return Ok(());
    };
    let mut command = Command::new(zsend);
    command.arg("verify").arg("--json");
    for key in &expected.keys {
        command.arg("--key").arg(key);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = stream.read(&mut piece).map_err(|e| format!("{name}: {e}"))?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        // A program that has found a fault reads no further.
        let _ = stdin.write_all(&piece[..read]);
    }
    drop(stdin);
    let out = child.wait_with_output().map_err(|e| e.to_string())?;
    let digest = hex(hash.finalize());
    if !expected.sha256.is_empty() && digest != expected.sha256 {
        tally.passed_over += 1;
        return Ok(());
    }
    let said = String::from_utf8_lossy(&out.stdout);
    let verdict = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let verdict: serde_json::Value = verdict.unwrap_or_default();
    tally.opened += usize::from(verdict["opened"].as_u64() > Some(0));
    match out.status.code() {
        Some(0) if !expected.saved => tally.whole += 1,
        Some(CUT) if expected.saved => tally.saved += 1,
        code => {
            let said = said.lines().next().unwrap_or_default();
            tally.failed.push(format!("{name}: exit {code:?}: {said}"));
        }
    }
    Ok(())
}
