//! `bench --scale`: whether the cost of a record, and the memory, stay the same as streams grow.

use crate::make::{self, MadePool};
use crate::measure::{self, Programs, Side, in_turn};
use crate::options::Options;
use crate::table::{Table, WHAT, number};
use serde_json::{Value, json};
use std::path::Path;

/// Above this number of records, one run of the reference is enough: it takes a minute.
const MANY: f64 = 5e6;

/// A row: a stream that is large in one way.
struct Scale {
    what: &'static str,
    /// The pool's only dataset with a snapshot.
    dataset: &'static str,
    pool: MadePool,
}

/// The streams. Blocks of 512 bytes are on sectors of 512 and not compressed: what they cost is
/// records, not bytes. Each volume is ten times the one before.
const SCALES: [Scale; 7] = [
    volume(
        "10^3 blocks of 512 bytes",
        "scale/volume3.img",
        "VOLN=1000 VOLBS=512 BIG=0 SMALL=0 ASHIFT=9 VDEVMB=128",
    ),
    volume(
        "10^4 blocks of 512 bytes",
        "scale/volume4.img",
        "VOLN=10000 VOLBS=512 BIG=0 SMALL=0 ASHIFT=9 VDEVMB=128",
    ),
    volume(
        "10^5 blocks of 512 bytes",
        "scale/volume5.img",
        "VOLN=100000 VOLBS=512 BIG=0 SMALL=0 ASHIFT=9 VDEVMB=512",
    ),
    volume(
        "10^6 blocks of 512 bytes",
        "scale/volume6.img",
        "VOLN=1000000 VOLBS=512 BIG=0 SMALL=0 ASHIFT=9 VDEVMB=1024",
    ),
    volume(
        "10^7 blocks of 512 bytes",
        "scale/volume7.img",
        "VOLN=10000000 VOLBS=512 BIG=0 SMALL=0 ASHIFT=9 VDEVMB=6661",
    ),
    Scale {
        what: "10^6 one-block objects",
        dataset: "small",
        pool: MadePool {
            name: "objects",
            compression: "lz4",
            place: "scale/objects6.img",
            vdevs: 1,
            sizes: "SMALL=1000000 BIG=0 VOL=0 ASHIFT=9 VDEVMB=2053",
        },
    },
    Scale {
        what: "1025 blocks of 128K in 1 TiB",
        dataset: "sparse",
        pool: MadePool {
            name: "sparse",
            compression: "lz4",
            place: "scale/sparse.img",
            vdevs: 1,
            sizes: "SPARSE=1024 BIG=0 VOL=0 SMALL=0 VDEVMB=512",
        },
    },
];

const fn volume(what: &'static str, place: &'static str, sizes: &'static str) -> Scale {
    let pool = MadePool { name: "volume", compression: "off", place, vdevs: 1, sizes };
    Scale { what, dataset: "vol512", pool }
}

/// Makes the pools of the rows that are asked for.
pub(super) fn make(dir: &Path, options: &Options) -> Result<(), String> {
    let wanted = SCALES.iter().filter(|s| options.wants(&[s.what]));
    make::run(dir, wanted.map(|s| &s.pool))
}

/// Measures the rows that are asked for, as far as their pools are there, and prints them.
pub(super) fn run(programs: &Programs, dir: &Path, options: &Options) -> Result<(), String> {
    let mut table = Table::new(options, &heading(), line);
    for scale in SCALES.iter().filter(|s| options.wants(&[s.what])) {
        let pool = dir.join(scale.pool.place);
        if pool.exists() {
            table.push(scale.measure(programs, &pool, options)?);
        } else {
            eprintln!("{}: no such pool; its row is left out", pool.display());
        }
    }
    table.end();
    Ok(())
}

impl Scale {
    fn measure(
        &self,
        programs: &Programs,
        pool: &Path,
        options: &Options,
    ) -> Result<Value, String> {
        let target = format!("{}/{}@s", measure::pool_name(programs, pool)?, self.dataset);
        let images = measure::images(pool)?;
        let ours = measure::ours(&programs.zsend, &images, &[], &target);
        let records = measure::count(programs, &ours, "records")?;
        let runs = options.runs;
        let exact = Side { line: measure::sized(&ours), runs };
        let zdb = measure::zdb(programs, pool, &target, "", measure::exact(&ours)?)?;
        let mut sides = vec![Side { line: ours, runs }, exact];
        sides.extend(zdb.map(|line| Side { line, runs: if records > MANY { 1 } else { runs } }));
        let took = in_turn("null", &images, &sides)?;
        let (ours, exact, zdb) = (took[0], took[1], took.get(2));
        Ok(json!({
            WHAT: self.what,
            "records": records,
            "seconds": ours.seconds,
            "ns_per_record": ours.seconds / records * 1e9,
            "peak_mib": ours.peak_kib / 1024.0,
            "exact_seconds": exact.seconds,
            "exact_peak_mib": exact.peak_kib / 1024.0,
            "zdb_seconds": zdb.map(|z| z.seconds),
            "zdb_ns_per_record": zdb.map(|z| z.seconds / records * 1e9),
            "zdb_peak_mib": zdb.map(|z| z.peak_kib / 1024.0),
        }))
    }
}

/// Columns: heading, key, width, and places after the point.
const COLUMNS: [(&str, &str, usize, usize); 9] = [
    ("records", "records", 9, 0),
    ("s", "seconds", 8, 3),
    ("ns each", "ns_per_record", 9, 0),
    ("MiB", "peak_mib", 6, 0),
    ("--exact s", "exact_seconds", 10, 3),
    ("MiB", "exact_peak_mib", 6, 0),
    ("zdb s", "zdb_seconds", 8, 3),
    ("ns each", "zdb_ns_per_record", 9, 0),
    ("MiB", "zdb_peak_mib", 6, 0),
];

fn heading() -> String {
    columns(WHAT, |(heading, ..)| (*heading).to_owned())
}

fn line(row: &Value) -> String {
    columns(row[WHAT].as_str().unwrap_or_default(), |(_, key, _, places)| number(row, key, *places))
}

fn columns(what: &str, cell: impl Fn(&(&str, &str, usize, usize)) -> String) -> String {
    let mut line = format!("{what:<28}");
    for column in &COLUMNS {
        line += &format!(" {:>width$}", cell(column), width = column.2);
    }
    line.trim_end().to_owned()
}
