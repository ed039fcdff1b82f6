//! Runs the cases of pools through the program and compares every byte: `cargo xtask conform`.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use xtask::run::{Profile, exit_code, root, zsend};
use zsend_testkit::cases::{self, Case, Reference};
use zsend_testkit::{hex, images};

/// Results of a pool's cases.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    /// Cases whose reference was corrected.
    corrected: Vec<String>,
}

/// Options of a send that change no byte; all cases are run once for each that is given.
const VARIANTS: [&str; 2] = ["--threads", "--latency"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    exit_code(run(&args))
}

/// Runs the cases of folders of pools, or of folders of such folders.
fn run(args: &[String]) -> Result<(), String> {
    let (mut dirs, mut variants, mut program) = (Vec::new(), Vec::new(), None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            option if VARIANTS.contains(&option) => {
                let n = args.next().filter(|n| n.parse::<u32>().is_ok());
                let n = n.ok_or_else(|| format!("{option} takes a number"))?;
                variants.push(vec![option.to_owned(), n.clone()]);
            }
            "--program" => {
                program = Some(args.next().map(PathBuf::from).ok_or("--program takes a path")?);
            }
            option if option.starts_with('-') => {
                let known = VARIANTS.join(", ");
                return Err(format!("no option is called {option}; there are {known}, --program"));
            }
            dir => dirs.push(PathBuf::from(dir)),
        }
    }
    if dirs.is_empty() {
        dirs.push(root().join("fixtures"));
    }
    if variants.is_empty() {
        variants.push(Vec::new());
    }
    let mut pools = Vec::new();
    for dir in &dirs {
        pools.extend(pool_dirs(dir)?);
    }
    let zsend = match program {
        Some(path) => path,
        None => zsend(Profile::Release)?,
    };
    let mut failed = 0;
    for variant in &variants {
        failed += all(&zsend, &pools, variant)?;
    }
    if failed > 0 { Err(format!("{failed} cases differ from their references")) } else { Ok(()) }
}

/// Runs the cases of all pools, with the options of a variant; prints the table, and says how many
/// failed.
fn all(zsend: &Path, pools: &[PathBuf], variant: &[String]) -> Result<usize, String> {
    if !variant.is_empty() {
        println!("{}", variant.join(" "));
    }
    println!("{:<16} {:>6} {:>6}", "pool", "passed", "failed");
    let (mut passed, mut failed) = (0, 0);
    let mut failures = String::new();
    for pool in pools {
        let tally = conform(zsend, pool, variant)?;
        let name = pool.file_name().unwrap_or_default().to_string_lossy();
        println!("{name:<16} {:>6} {:>6}", tally.passed, tally.failed.len());
        for f in tally.corrected.iter().chain(&tally.failed) {
            let _ = writeln!(failures, "{name}: {f}");
        }
        passed += tally.passed;
        failed += tally.failed.len();
    }
    print!("{failures}");
    println!("{passed} passed, {failed} failed");
    if passed + failed == 0 { Err("no case was found".into()) } else { Ok(failed) }
}

fn pool_dirs(dir: &Path) -> Result<Vec<PathBuf>, String> {
    if dir.join("cases.json").exists() {
        return Ok(vec![dir.to_owned()]);
    }
    let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut dirs: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.join("cases.json").exists()).collect();
    dirs.sort();
    Ok(dirs)
}

fn conform(zsend: &Path, pool: &Path, variant: &[String]) -> Result<Tally, String> {
    let images = images::unpack(pool)?;
    let mut tally = Tally::default();
    for case in cases::read(pool)? {
        if let Some(why) = case.corrected {
            tally
                .corrected
                .push(format!("{}: compared with the corrected reference: {why}", case.id));
        }
        for reference in &case.references {
            let command = || command(zsend, pool, &images, &case, reference.dialect, variant);
            match check(command, reference) {
                Ok(()) => tally.passed += 1,
                Err(why) => {
                    tally.failed.push(format!("{} ({}): {why}", case.id, reference.dialect))
                }
            }
        }
    }
    Ok(tally)
}

/// The command line of one case in one dialect.
fn command(
    zsend: &Path,
    pool: &Path,
    images: &Path,
    case: &Case,
    dialect: &str,
    variant: &[String],
) -> Command {
    let mut command = Command::new(zsend);
    command.arg("send").arg("-d").arg(images).args(["--dialect", dialect]);
    command.args(variant);
    if let Some(key) = case.key_value(pool) {
        command.arg("--key").arg(key);
    }
    if let Some(txg) = case.txg {
        command.arg("--txg").arg(txg.to_string());
    }
    command.args(&case.args).stdin(Stdio::null());
    command
}

/// Runs one case, then asks for its exact size.
fn check(command: impl Fn() -> Command, reference: &Reference) -> Result<(), String> {
    check_output(command(), reference)?;
    let Some(want) = reference.bytes else { return Ok(()) };
    let out = command().args(["-n", "-P", "--exact"]).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&out.stdout);
    let got = text.lines().find_map(|line| line.strip_prefix("size\t")?.parse::<u64>().ok());
    if got == Some(want) {
        return Ok(());
    }
    Err(format!("--exact printed {text:?}, the stream has {want} bytes"))
}

fn check_output(mut command: Command, reference: &Reference) -> Result<(), String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut stream = child.stdout.take().ok_or("no standard output")?;
    let mut hash = Sha256::new();
    let mut head = Vec::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let n = stream.read(&mut piece).map_err(|e| e.to_string())?;
        if n == 0 {
            break;
        }
        hash.update(&piece[..n]);
        if head.len() < 4096 {
            head.extend_from_slice(&piece[..n.min(4096)]);
        }
    }
    let out = child.wait_with_output().map_err(|e| e.to_string())?;
    let stderr = String::from_utf8_lossy(&out.stderr);
    let rc = out.status.code().map_or(-1, i64::from);
    // The reference's failures are 1, 2 and 255 without a rule; ours tell kinds of failure apart.
    if (rc == 0) != (reference.rc == 0) {
        return Err(format!("exit {rc}, the reference {}: {}", reference.rc, stderr.trim()));
    }
    if let Some(want) = &reference.sha256 {
        let got = hex(hash.finalize());
        if got != *want {
            return Err(format!("sha256 {got}, the reference {want}"));
        }
    }
    if let Some(want) = &reference.stdout
        && head != want.as_bytes()
    {
        return Err(format!(
            "printed {:?}, the reference {want:?}",
            String::from_utf8_lossy(&head)
        ));
    }
    if let Some(want) = reference.stderr.as_ref().and_then(|s| s.lines().next())
        && !stderr.lines().any(|line| line == want)
    {
        return Err(format!("said {:?}, the reference {want:?}", stderr.trim()));
    }
    Ok(())
}
