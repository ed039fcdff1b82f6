//! Runs of `zsend send --all` that end early, and runs that are parts of one.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::all::{Folder, all, command, lines};
use crate::support::{self, pool_dir, stderr};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

/// A pool of many streams, and what it takes to send all.
const POOL: &str = "crypt";
const FLAGS: &[&str] = &["-w"];

/// Numbers that are the same in each run of the tests: xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn undisturbed() -> Folder {
    let out = Folder::new();
    let sent = all(&pool_dir(POOL), POOL, &out, FLAGS);
    assert!(sent.status.success(), "{}", stderr(&sent));
    out
}

/// The lines of a run's catalogue, or none if it was not begun.
fn listed(out: &Folder) -> usize {
    let path = out.path().join("catalogue.jsonl");
    // The last may be torn.
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

#[test]
fn a_run_that_was_killed_at_any_moment_is_made_whole_by_the_next() {
    let (whole, mut random) = (undisturbed(), Random(0x5eed_0014));
    let (streams, mut early) = (whole.streams(), 0);
    for round in 0..20 {
        let out = Folder::new();
        let mut run =
            command(&pool_dir(POOL), POOL, &out, &[FLAGS, &["-v"]].concat()).spawn().unwrap();
        // A stream's line on standard error comes when it is whole; the rest is a matter of time.
        let after = usize::try_from(random.below(streams.len() as u64)).unwrap();
        let told = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut told =
            told.filter(|line| line.starts_with("full send") || line.starts_with("send from"));
        let told = told.by_ref().take(after).count();
        let (_sender, timer) = mpsc::channel::<()>();
        let _ = timer.recv_timeout(Duration::from_micros(random.below(8000)));
        run.kill().unwrap();
        run.wait().unwrap();
        early += usize::from(listed(&out) < streams.len());
        assert!(listed(&out) >= told, "round {round}: {told} streams were told of");
        // The catalogue is true: of each line the stream is there, whole, and so is its chain.
        let check = out.check();
        assert!(
            check.status.success(),
            "round {round}: {}",
            String::from_utf8_lossy(&check.stdout)
        );
        let again = all(&pool_dir(POOL), POOL, &out, FLAGS);
        assert!(again.status.success(), "round {round}: {}", stderr(&again));
        assert_eq!(out.streams(), streams, "round {round}");
        let mut names = out.names();
        names.retain(|name| !name.starts_with("catalogue."));
        assert_eq!(names.len(), streams.len(), "round {round}: {names:?}");
        assert_eq!(listed(&out), streams.len(), "round {round}");
    }
    assert!(early >= 10, "{early} of 20 runs were killed before their end");
}

#[test]
fn shards_together_are_one_run() {
    let (whole, out) = (undisturbed(), Folder::new());
    let pool = pool_dir(POOL);
    let shards: Vec<String> = (1..=8).map(|k| format!("{k}/8")).collect();
    let begin = |shard: &String| {
        command(&pool, POOL, &out, &[FLAGS, &["--shard", shard]].concat()).spawn().unwrap()
    };
    let runs: Vec<_> = shards.iter().map(begin).collect();
    for run in runs {
        let sent = run.wait_with_output().unwrap();
        assert!(sent.status.success(), "{}", stderr(&sent));
    }
    assert_eq!(out.streams(), whole.streams());
    let shard = |k: usize| out.path().join(format!("catalogue-{k}-of-8.jsonl"));
    let counts: Vec<usize> = (1..=8).map(|k| lines(&shard(k)).len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), whole.streams().len());
    assert!(counts.iter().filter(|&&count| count > 0).count() > 1, "{counts:?}");
    let check = out.check();
    assert!(check.status.success() && check.stderr.is_empty(), "{}", stderr(&check));

    // One run goes on from what the shards have listed, before they are merged and after.
    let merge = || {
        let merged = support::zsend(&["catalogue", "merge", out.path().to_str().unwrap()]);
        assert!(merged.status.success(), "{}", stderr(&merged));
        String::from_utf8(merged.stdout).unwrap()
    };
    let again = all(&pool, POOL, &out, &[FLAGS, &["-v"]].concat());
    assert!(
        again.status.success() && stderr(&again).contains("0 streams sent"),
        "{}",
        stderr(&again)
    );
    let count = whole.streams().len();
    assert_eq!(merge(), format!("{count} streams added, 0 streams known\n"));
    assert_eq!(merge(), format!("0 streams added, {count} streams known\n"));
    for k in 1..=8 {
        std::fs::remove_file(shard(k)).unwrap();
    }
    assert!(out.check().status.success());
}

#[test]
fn a_merge_names_what_contradicts() {
    let out = undisturbed();
    let catalogue = out.path().join("catalogue.jsonl");
    let text = std::fs::read_to_string(&catalogue).unwrap();
    let other = tempfile::tempdir().unwrap();
    let shard = other.path().join("catalogue-1-of-2.jsonl");
    let (first, rest) = text.split_once('\n').unwrap();
    std::fs::write(&shard, format!("{}\n{rest}", first.replace(r#""size":"#, r#""size":9"#)))
        .unwrap();
    let merged = support::zsend(&[
        "catalogue",
        "merge",
        out.path().to_str().unwrap(),
        shard.to_str().unwrap(),
    ]);
    assert_eq!(merged.status.code(), Some(1), "{}", stderr(&merged));
    let told = stderr(&merged);
    assert!(
        told.contains("catalogue-1-of-2.jsonl, line 1: ") && told.contains("another stream"),
        "{told}"
    );
    assert_eq!(std::fs::read_to_string(&catalogue).unwrap(), text);
}

#[test]
fn a_scheduler_says_which_shard_it_is() {
    let (pool, out) = (pool_dir(POOL), Folder::new());
    let run = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = command(&pool, POOL, &out, &[FLAGS, more].concat());
        command.envs(variables.iter().copied()).output().unwrap()
    };
    let slurm = [
        ("SLURM_ARRAY_TASK_ID", "3"),
        ("SLURM_ARRAY_TASK_COUNT", "2"),
        ("SLURM_ARRAY_TASK_MIN", "2"),
        ("SLURM_ARRAY_TASK_MAX", "3"),
    ];
    let sent = run(&slurm, &[]);
    assert!(sent.status.success() && stderr(&sent).contains("shard 2/2"), "{}", stderr(&sent));
    let sent = run(&[("JOB_COMPLETION_INDEX", "0")], &["--shards", "2"]);
    assert!(sent.status.success() && stderr(&sent).contains("shard 1/2"), "{}", stderr(&sent));
    assert_eq!(out.streams(), undisturbed().streams());
    let sent = run(&[("JOB_COMPLETION_INDEX", "0")], &[]);
    assert_eq!(sent.status.code(), Some(2), "{}", stderr(&sent));
    // What the command line says goes first.
    let sent = run(&slurm, &["--shard", "1/1"]);
    assert!(sent.status.success() && !stderr(&sent).contains("shard"), "{}", stderr(&sent));
}

/// A file that may not grow, as on a disk that is full.
fn limited(pool: &Path, out: &Folder, blocks: u32) -> std::process::Output {
    let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_zsend"), "send", "--all", "-w", "-d"])
        .arg(pool)
        .arg("-o")
        .arg(out.path())
        .arg(POOL)
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_ends_the_run_and_leaves_the_catalogue_true() {
    let (whole, out) = (undisturbed(), Folder::new());
    // In units of 512 bytes: even the catalogue has no room, then some streams have none.
    for blocks in [1, 100, 1000, 2000] {
        let sent = limited(&pool_dir(POOL), &out, blocks);
        assert_eq!(sent.status.code(), Some(3), "{blocks}: {}", stderr(&sent));
        assert!(stderr(&sent).contains("File too large"), "{blocks}: {}", stderr(&sent));
        let check = out.check();
        assert!(check.status.success(), "{blocks}: {}", String::from_utf8_lossy(&check.stdout));
        assert!(!out.names().iter().any(|name| name.contains("partial")), "{:?}", out.names());
    }
    let again = all(&pool_dir(POOL), POOL, &out, FLAGS);
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(out.streams(), whole.streams());
    assert!(out.check().stderr.is_empty());
}
