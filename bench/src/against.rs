//! Whole sends of a benchmark pool, ours and the reference's in turn.

use crate::measure::{self, BEFORE, Line, Programs, Took, in_turn};
use crate::options::Options;
use crate::table::{Table, row};
use std::path::{Path, PathBuf};

/// Some rows of the benchmark.
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
    /// Number of images of a folder that are left out for us, never for the reference.
    missing: usize,
    /// Encryption root whose key lies beside the image. The reference has no way to a key for a
    /// send: it makes raw streams only.
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

const ENCRYPTED: Send = Send { pool: "enc.img", dataset: "gcm", zdb: None, ..PLAIN };

const SENDS: [Send; 11] = [
    PLAIN,
    Send { flags: &["-Lec"], zdb: Some("eLc"), what: "128K records, -Lec", ..PLAIN },
    Send { dataset: "bigrec", flags: &["-L"], zdb: Some("L"), what: "1M records, -L", ..PLAIN },
    Send { dataset: "vol8k", what: "8K volume", ..PLAIN },
    Send { dataset: "small", what: "one-block objects", objects: true, ..PLAIN },
    Send { pool: "zstd.img", what: "zstd, plain", ..PLAIN },
    Send { pool: "gzip.img", what: "gzip, plain", ..PLAIN },
    Send { pool: "raidz2", what: "raidz2, two images missing", missing: 2, ..PLAIN },
    Send { what: "AES-256-GCM, decrypted", key: Some("gcm"), ..ENCRYPTED },
    Send { what: "AES-256-GCM, raw", flags: &["-w"], zdb: Some("w"), ..ENCRYPTED },
    Send { dataset: "ccm", what: "AES-256-CCM, decrypted", key: Some("ccm"), ..ENCRYPTED },
];

/// Pools of the rows that are asked for, by their place in `target/perf`.
pub(super) fn pools(options: &Options) -> Vec<&'static str> {
    let wanted = |s: &&Send| s.sets().iter().any(|set| set.is_wanted(options));
    SENDS.iter().filter(wanted).map(|s| s.pool).collect()
}

/// Measures the rows that are asked for, as far as their pools are there.
pub(super) fn rows(
    programs: &Programs,
    dir: &Path,
    options: &Options,
    table: &mut Table<'_>,
) -> Result<(), String> {
    for send in &SENDS {
        let sets = send.sets();
        if !sets.iter().any(|set| set.is_wanted(options)) {
            continue;
        }
        let pool = dir.join(send.pool);
        if !measure::is_there(&pool) {
            continue;
        }
        let sides = Sides::new(send, programs, &pool, options)?;
        for set in sets.iter().filter(|set| set.is_wanted(options)) {
            match set.sink {
                Some(sink) => sides.speed(set, sink, table)?,
                None => sides.exact(set, table)?,
            }
        }
    }
    Ok(())
}

/// Rows that come from the same runs.
struct Set {
    what: String,
    /// Destination of the stream; a set without a sink compares `--exact` with the send.
    sink: Option<&'static str>,
}

impl Set {
    fn first_byte(&self) -> String {
        format!("{}: first byte", self.what)
    }

    fn peak_memory(&self) -> String {
        format!("{}: peak memory", self.what)
    }

    fn is_wanted(&self, options: &Options) -> bool {
        options.wants(&[&self.what])
            || self.sink.is_some() && options.wants(&[&self.peak_memory()])
            || self.sink == Some("pipe") && options.wants(&[&self.first_byte()])
    }
}

impl Send {
    fn sets(&self) -> [Set; 3] {
        let set = |end: &str, sink| Set { what: format!("{}{end}", self.what), sink };
        [set(", /dev/null", Some("null")), set(", pipe", Some("pipe")), set(": --exact", None)]
    }
}

/// Command lines for the rows of one send.
struct Sides<'a> {
    options: &'a Options,
    ours: Line,
    zdb: Option<Line>,
    /// Another build of ours.
    before: Option<Line>,
    cat: Option<Line>,
    images: Vec<PathBuf>,
    /// Size of the stream, in GB.
    size: f64,
    /// Size of the stream in `unit`, less the time.
    scale: f64,
    unit: &'static str,
}

impl<'a> Sides<'a> {
    fn new(
        send: &Send,
        programs: &Programs,
        pool: &Path,
        options: &'a Options,
    ) -> Result<Self, String> {
        let name = measure::pool_name(programs, pool)?;
        let target = format!("{name}/{}@s", send.dataset);
        let images = measure::images(pool)?;
        let mut flags: Line = send.flags.iter().map(|f| (*f).to_owned()).collect();
        if let Some(root) = send.key {
            let key = pool.with_extension("key");
            flags.extend(["--key".into(), format!("{name}/{root}={}", key.display())]);
        }
        let there = &images[send.missing.min(images.len())..];
        let ours = measure::ours(&programs.zsend, there, &flags, &target);
        let before = options.before().map(|b| measure::ours(b, there, &flags, &target));
        let bytes = measure::exact(&ours)?;
        let zdb = match send.zdb {
            Some(flags) => measure::zdb(programs, pool, &target, flags, bytes)?,
            None => None,
        };
        let size = bytes as f64 / 1e9;
        let (scale, unit) = if send.objects {
            (measure::count(programs, &ours, "DRR_OBJECT records")? / 1e3, "k objects/s")
        } else {
            (size, "GB/s")
        };
        let cat = pool.is_file() && options.is_against("cat");
        let cat = cat.then(|| vec!["cat".into(), pool.display().to_string()]);
        Ok(Self { options, ours, zdb, before, cat, images, size, scale, unit })
    }

    /// Speed into a sink, beside every reference.
    fn speed(&self, set: &Set, sink: &str, table: &mut Table<'_>) -> Result<(), String> {
        let cat = self.cat.as_ref().filter(|_| sink == "pipe");
        let lines = [Some(&self.ours), self.zdb.as_ref(), self.before.as_ref(), cat];
        let sides = measure::sides(lines.iter().flatten().copied(), self.options);
        let mut took = in_turn(sink, &self.images, &sides)?.into_iter();
        let [ours, zdb, before, cat] = lines.map(|line| line.and_then(|_| took.next()));
        let ours = ours.ok_or("no run of our own")?;
        let speed = |took: Took| self.scale / took.seconds;
        let mut alone = true;
        for (name, other) in [("zdb", zdb), (BEFORE, before)] {
            let Some(other) = other else { continue };
            alone = false;
            table.push(row(&set.what, self.unit, speed(ours), Some((name, speed(other)))));
        }
        if let Some(cat) = cat {
            alone &= self.unit != "GB/s";
            // What cat writes is the image, not the stream: its bytes a second.
            let other = ("cat", cat.bytes as f64 / 1e9 / cat.seconds);
            table.push(row(&set.what, "GB/s", self.size / ours.seconds, Some(other)));
        }
        if alone {
            table.push(row(&set.what, self.unit, speed(ours), None));
        }
        let beside = |figure: fn(Took) -> f64| before.map(|took| (BEFORE, figure(took)));
        if sink == "pipe" {
            let ms = |took: Took| took.first_byte * 1e3;
            table.push(row(&set.first_byte(), "ms", ms(ours), beside(ms)));
        }
        let mib = |took: Took| took.peak_kib / 1024.0;
        table.push(row(&set.peak_memory(), "MiB", mib(ours), beside(mib)));
        Ok(())
    }

    /// Cost of the exact size, as a share of the send's.
    fn exact(&self, set: &Set, table: &mut Table<'_>) -> Result<(), String> {
        let lines = [Some(&self.ours), self.before.as_ref()];
        let lines: Vec<Line> = lines
            .into_iter()
            .flatten()
            .flat_map(|line| [measure::sized(line), line.clone()])
            .collect();
        let sides = measure::sides(&lines, self.options);
        let took = in_turn("null", &self.images, &sides)?;
        let mut shares = took.chunks(2).map(|t| t[0].seconds / t[1].seconds * 100.0);
        let share = shares.next().ok_or("no run of our own")?;
        let before = shares.next().map(|share| (BEFORE, share));
        table.push(row(&set.what, "% of the send", share, before));
        Ok(())
    }
}
