//! Stored streams: dump and verify, beside `zstream dump` and `cat`.

use crate::measure::{self, BEFORE, Line, Programs, Took, in_turn};
use crate::options::Options;
use crate::table::{Table, row};
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::run::succeed;

/// Pool of which the streams are made.
pub(super) const POOL: &str = "perf.img";

/// A stream, which is kept beside the pool.
struct Stored {
    what: &'static str,
    file: &'static str,
    target: &'static str,
    flags: &'static [&'static str],
    verbs: &'static [Verb],
}

/// Command that is measured.
struct Verb {
    what: &'static str,
    args: &'static [&'static str],
}

const DUMP: Verb = Verb { what: "dump", args: &["dump"] };
const QUICK: Verb = Verb { what: "verify --quick", args: &["verify", "--quick"] };
const VERIFY: Verb = Verb { what: "verify", args: &["verify"] };

const STREAMS: [Stored; 3] = [
    Stored {
        what: "stored 128K records",
        file: "big.zsend",
        target: "perf/big@s",
        flags: &[],
        verbs: &[DUMP, QUICK],
    },
    Stored {
        what: "stored 8K records",
        file: "vol8k.zsend",
        target: "perf/vol8k@s",
        flags: &[],
        verbs: &[DUMP, QUICK],
    },
    Stored {
        what: "stored 128K records, -Lec",
        file: "big-Lec.zsend",
        target: "perf/big@s",
        flags: &["-Lec"],
        verbs: &[DUMP, VERIFY],
    },
];

impl Stored {
    fn row(&self, verb: &Verb) -> String {
        format!("{}: {}", self.what, verb.what)
    }

    fn peak_memory(&self, verb: &Verb) -> String {
        format!("{}: peak memory", self.row(verb))
    }

    /// The verbs whose rows are asked for.
    fn wanted(&self, options: &Options) -> impl Iterator<Item = &Verb> {
        let rows = |verb: &Verb| [self.row(verb), self.peak_memory(verb)];
        let wants = move |verb: &&Verb| options.wants(&rows(verb).each_ref().map(String::as_str));
        self.verbs.iter().filter(wants)
    }

    /// The stream's file, which is made if it is not there.
    fn made(&self, programs: &Programs, dir: &Path) -> Result<PathBuf, String> {
        let path = dir.join(self.file);
        if !path.exists() {
            let mut send = Command::new(&programs.zsend);
            send.args(["send", "-q", "-d"]).arg(dir.join(POOL)).args(self.flags);
            send.arg("-o").arg(&path).arg(self.target);
            succeed(send)?;
        }
        Ok(path)
    }
}

/// Returns true if any of the rows is asked for.
pub(super) fn is_wanted(options: &Options) -> bool {
    STREAMS.iter().any(|stored| stored.wanted(options).next().is_some())
}

/// Measures the rows that are asked for, if their pool is there.
pub(super) fn rows(
    programs: &Programs,
    dir: &Path,
    options: &Options,
    table: &mut Table<'_>,
) -> Result<(), String> {
    if is_wanted(options) && !measure::is_there(&dir.join(POOL)) {
        return Ok(());
    }
    for stored in &STREAMS {
        for verb in stored.wanted(options) {
            let path = stored.made(programs, dir)?;
            measure(stored, verb, &path, programs, options, table)?;
        }
    }
    Ok(())
}

fn measure(
    stored: &Stored,
    verb: &Verb,
    path: &Path,
    programs: &Programs,
    options: &Options,
    table: &mut Table<'_>,
) -> Result<(), String> {
    let file = path.display().to_string();
    let line = |program: &Path, args: &[&str]| -> Line {
        let args = args.iter().map(|arg| (*arg).to_owned());
        [program.display().to_string()].into_iter().chain(args).chain([file.clone()]).collect()
    };
    let zstream = options.is_against("zstream");
    let lines = [
        Some(line(&programs.zsend, verb.args)),
        zstream.then(|| line(Path::new("zstream"), &["dump"])),
        options.is_against("cat").then(|| line(Path::new("cat"), &[])),
        options.before().map(|before| line(before, verb.args)),
    ];
    let sides = measure::sides(lines.iter().flatten(), options);
    let mut took = in_turn("null", &[path.to_owned()], &sides)?.into_iter();
    let [ours, zstream, cat, before] = lines.map(|line| line.and_then(|_| took.next()));
    let ours = ours.ok_or("no run of our own")?;
    let size = measure::size(path)? as f64 / 1e9;
    let speed = |took: Took| size / took.seconds;
    let others = [("zstream dump", zstream), ("cat", cat), (BEFORE, before)];
    let others: Vec<_> = others.iter().filter_map(|(name, took)| Some((*name, (*took)?))).collect();
    let what = stored.row(verb);
    if others.is_empty() {
        table.push(row(&what, "GB/s", speed(ours), None));
    }
    for (name, other) in others {
        table.push(row(&what, "GB/s", speed(ours), Some((name, speed(other)))));
    }
    table.push(row(&stored.peak_memory(verb), "MiB", ours.peak_kib / 1024.0, None));
    Ok(())
}
