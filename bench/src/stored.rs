//! Stored streams: what reads, checks and changes them, beside `zstream dump`, `cat` and the codecs' own rate.

use crate::codec;
use crate::measure::{self, BEFORE, Line, Programs, Took, in_turn};
use crate::options::Options;
use crate::table::{Table, row};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::run::succeed;

/// A stream, which is kept beside the pool.
struct Stored {
    what: &'static str,
    file: &'static str,
    /// Image of the pool of which the stream is made.
    pool: &'static str,
    target: &'static str,
    flags: &'static [&'static str],
    /// Bytes of the blocks that what was sent is split into.
    split: Option<&'static str>,
    /// Encryption root whose key lies beside the image; the verbs get it.
    key: Option<&'static str>,
    verbs: &'static [Verb],
}

/// Command that is measured.
struct Verb {
    what: &'static str,
    args: &'static [&'static str],
    /// Place of the output, and for `cat`'s.
    work: Work,
    /// Value of `compression`, whose rate over the same blocks on all cores is the aim.
    codec: Option<&'static str>,
}

/// Direction of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A file is read, and what is written goes to `/dev/null`.
    Filter,
    /// A file becomes parts in a folder; `cat` writes it into a file. Both make durable what they wrote.
    Split,
    /// The parts become one file, likewise.
    Join,
    /// The parts become a stream, before which each is checked.
    JoinNull,
}

const fn filter(what: &'static str, args: &'static [&'static str]) -> Verb {
    Verb { what, args, work: Work::Filter, codec: None }
}

const DUMP: Verb = filter("dump", &["dump"]);
const QUICK: Verb = filter("verify --quick", &["verify", "--quick"]);
const VERIFY: Verb = filter("verify", &["verify"]);
const CONVERT: Verb = filter("convert", &["convert", "--byteorder", "big"]);
const CONVERT_LIST: Verb = filter("convert --nvlist", &["convert", "--nvlist", "xdr"]);
const DECOMPRESS: Verb = filter("decompress", &["decompress"]);
const VERIFY_KEY: Verb = filter("verify --key", &["verify"]);
const DECRYPT: Verb = filter("decrypt", &["decrypt"]);
const SPLIT: Verb =
    Verb { what: "split", args: &["split", "--size", "256M"], work: Work::Split, codec: None };
const JOIN: Verb = Verb { what: "join", args: &["join"], work: Work::Join, codec: None };
const JOIN_NULL: Verb =
    Verb { what: "join, /dev/null", args: &["join"], work: Work::JoinNull, codec: None };

const fn recompress(what: &'static str, args: &'static [&'static str]) -> Verb {
    Verb { what, args, work: Work::Filter, codec: Some(args[1]) }
}

const STREAMS: [Stored; 5] = [
    Stored {
        what: "stored 128K records",
        file: "big.zsend",
        pool: "perf.img",
        target: "perf/big@s",
        flags: &[],
        split: None,
        key: None,
        verbs: &[
            DUMP,
            QUICK,
            CONVERT,
            CONVERT_LIST,
            SPLIT,
            JOIN,
            JOIN_NULL,
            recompress("recompress lz4", &["recompress", "lz4"]),
            recompress("recompress zstd-3", &["recompress", "zstd-3"]),
        ],
    },
    Stored {
        what: "stored 8K records",
        file: "vol8k.zsend",
        pool: "perf.img",
        target: "perf/vol8k@s",
        flags: &[],
        split: None,
        key: None,
        verbs: &[DUMP, QUICK, CONVERT, CONVERT_LIST],
    },
    Stored {
        what: "stored 4K records",
        file: "vol4k.zsend",
        pool: "perf.img",
        target: "perf/vol8k@s",
        flags: &[],
        split: Some("4K"),
        key: None,
        verbs: &[DUMP, QUICK],
    },
    Stored {
        what: "stored 128K records, -Lec",
        file: "big-Lec.zsend",
        pool: "perf.img",
        target: "perf/big@s",
        flags: &["-Lec"],
        split: None,
        key: None,
        verbs: &[DUMP, VERIFY, DECOMPRESS],
    },
    Stored {
        what: "stored raw records, AES-256-GCM",
        file: "gcm-w.zsend",
        pool: "enc.img",
        target: "enc/gcm@s",
        flags: &["-w"],
        split: None,
        key: Some("gcm"),
        verbs: &[VERIFY_KEY, DECRYPT],
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
            let sent =
                if self.split.is_some() { path.with_extension("whole") } else { path.clone() };
            let mut send = Command::new(&programs.zsend);
            send.args(["send", "-q", "-d"]).arg(dir.join(self.pool)).args(self.flags);
            send.arg("-o").arg(&sent).arg(self.target);
            succeed(send)?;
            if let Some(size) = self.split {
                let mut split = Command::new(&programs.zsend);
                split.args(["rechunk", "--split", size, "-o"]).args([&path, &sent]);
                succeed(split)?;
                fs::remove_file(&sent).map_err(|e| format!("{}: {e}", sent.display()))?;
            }
        }
        Ok(path)
    }

    /// `--key DATASET=FILE`, or nothing.
    fn key(&self, dir: &Path) -> Line {
        let Some(root) = self.key else { return Line::new() };
        let name = self.target.split('/').next().unwrap_or_default();
        let file = dir.join(self.pool).with_extension("key");
        vec!["--key".into(), format!("{name}/{root}={}", file.display())]
    }
}

/// Pools of the rows that are asked for.
pub(super) fn pools(options: &Options) -> impl Iterator<Item = &'static str> {
    STREAMS.iter().filter(|stored| stored.wanted(options).next().is_some()).map(|s| s.pool)
}

/// Measures the rows that are asked for, if their pools are there.
pub(super) fn rows(
    programs: &Programs,
    dir: &Path,
    options: &Options,
    table: &mut Table<'_>,
) -> Result<(), String> {
    for stored in &STREAMS {
        let verbs: Vec<&Verb> = stored.wanted(options).collect();
        if verbs.is_empty() || !measure::is_there(&dir.join(stored.pool)) {
            continue;
        }
        let path = stored.made(programs, dir)?;
        for verb in verbs {
            let folder = path.with_extension("parts");
            if matches!(verb.work, Work::Join | Work::JoinNull) {
                clear(&folder)?;
                let mut split = Command::new(&programs.zsend);
                split.args(SPLIT.args).args([&path, &folder]);
                succeed(split)?;
            }
            let run = Run { stored, verb, dir, path: &path, folder: &folder };
            let done = run.measure(programs, options, table);
            clear(&folder)?;
            let joined = run.joined();
            if joined.exists() {
                fs::remove_file(&joined).map_err(|e| format!("{}: {e}", joined.display()))?;
            }
            done?;
        }
    }
    Ok(())
}

/// Removes a folder that may not be there.
fn clear(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))
}

/// A verb over a stream.
struct Run<'a> {
    stored: &'a Stored,
    verb: &'a Verb,
    /// Folder of the pools and their keys.
    dir: &'a Path,
    path: &'a Path,
    /// Folder of parts.
    folder: &'a Path,
}

impl Run<'_> {
    /// The command line of a build of ours.
    fn ours(&self, zsend: &Path) -> Line {
        let (program, path) = (zsend.display().to_string(), self.path.display().to_string());
        let args = self.verb.args.iter().map(|arg| (*arg).to_owned());
        let line = [program].into_iter().chain(args).chain(self.stored.key(self.dir));
        let folder = self.folder.display().to_string();
        match self.verb.work {
            Work::Filter => line.chain([path]).collect(),
            Work::JoinNull => line.chain([folder]).collect(),
            Work::Join => {
                let joined = self.joined().display().to_string();
                let line = line.chain([folder, "-o".to_owned(), joined.clone()]);
                emptied(&joined, &line.collect::<Line>().join(" "))
            }
            Work::Split => {
                let line = line.chain([path, folder.clone()]).collect::<Line>().join(" ");
                emptied(&folder, &line)
            }
        }
    }

    /// File that parts are joined to.
    fn joined(&self) -> PathBuf {
        self.path.with_extension("joined")
    }

    /// `cat`, with the same direction of the bytes.
    fn cat(&self) -> Line {
        let (path, folder) = (self.path.display(), self.folder.display());
        match self.verb.work {
            Work::Filter => vec!["cat".into(), path.to_string()],
            Work::JoinNull => shell(format!("cat {folder}/*.zpart")),
            Work::Join => {
                let joined = self.joined().display().to_string();
                let cat = format!("sh -c 'cat {folder}/*.zpart >{joined}; sync {joined}'");
                emptied(&joined, &cat)
            }
            Work::Split => {
                let one = format!("{folder}/1");
                let cat = format!("sh -c 'mkdir {folder}; cat {path} >{one}; sync {one}'");
                emptied(&folder.to_string(), &cat)
            }
        }
    }

    fn measure(
        &self,
        programs: &Programs,
        options: &Options,
        table: &mut Table<'_>,
    ) -> Result<(), String> {
        let (verb, path) = (self.verb, self.path.display().to_string());
        let zstream = options.is_against("zstream") && verb.work == Work::Filter;
        // A build of before there was the verb does not know its help.
        let knows = |zsend: &&Path| {
            let mut help = Command::new(zsend);
            help.arg(verb.args[0]).arg("--help");
            help.output().is_ok_and(|out| out.status.success())
        };
        let lines = [
            Some(self.ours(&programs.zsend)),
            zstream.then(|| vec!["zstream".into(), "dump".into(), path]),
            options.is_against("cat").then(|| self.cat()),
            options.before().filter(knows).map(|before| self.ours(before)),
        ];
        let sides = measure::sides(lines.iter().flatten(), options);
        let mut took = in_turn("null", &[self.path.to_owned()], &sides)?.into_iter();
        let [ours, zstream, cat, before] = lines.map(|line| line.and_then(|_| took.next()));
        let ours = ours.ok_or("no run of our own")?;
        let size = measure::size(self.path)? as f64 / 1e9;
        let speed = |took: Took| size / took.seconds;
        let codec = match verb.codec {
            Some(word) => Some(codec::rate(word, self.path, options.runs)?),
            None => None,
        };
        let others = [
            ("zstream dump", zstream.map(speed)),
            ("cat", cat.map(speed)),
            ("codec on all cores", codec),
            (BEFORE, before.map(speed)),
        ];
        let others: Vec<_> =
            others.iter().filter_map(|(name, speed)| Some((*name, (*speed)?))).collect();
        let what = self.stored.row(verb);
        if others.is_empty() {
            table.push(row(&what, "GB/s", speed(ours), None));
        }
        for other in others {
            table.push(row(&what, "GB/s", speed(ours), Some(other)));
        }
        let memory = self.stored.peak_memory(verb);
        table.push(row(&memory, "MiB", ours.peak_kib / 1024.0, None));
        Ok(())
    }
}

/// A command behind the removal of what an earlier run made, which both sides have to do.
fn emptied(made: &str, command: &str) -> Line {
    shell(format!("rm -rf {made}; exec {command}"))
}

fn shell(script: String) -> Line {
    vec!["sh".into(), "-c".into(), script]
}
