//! A source with latency: how many reads are in flight, and how much of the wait is hidden.

use crate::measure::images;
use crate::options::Options;
use crate::table::{Table, row};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use zsend_pool::CancelToken;
use zsend_pool::discover::discover_devices;
use zsend_pool::{Device, Source};
use zsend_pool::{OpenOptions, Pool};
use zsend_traverse::{SendOptions, SendPlan};

/// Wait of each read.
const LATENCY: Duration = Duration::from_millis(5);
/// Reads in flight that the bound is computed for.
const IN_FLIGHT: f64 = 64.0;

/// Reads of all devices.
#[derive(Default)]
struct Reads {
    /// Under way now.
    now: AtomicUsize,
    /// Under way at once, at most.
    most: AtomicUsize,
    all: AtomicUsize,
}

/// A file each of whose reads takes at least [`LATENCY`], as over a network.
struct Slow {
    file: File,
    reads: Arc<Reads>,
}

impl Source for Slow {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let now = self.reads.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.reads.most.fetch_max(now, Ordering::Relaxed);
        self.reads.all.fetch_add(1, Ordering::Relaxed);
        // The one sleep of the project: it stands for a device, in a benchmark.
        std::thread::sleep(LATENCY);
        let result = self.file.read_at(buf, offset);
        self.reads.now.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn size(&self) -> u64 {
        Source::size(&self.file)
    }
}

/// Send from such a source.
struct Case {
    /// Pool in `target/perf`: an image, or a folder of them.
    pool: &'static str,
    dataset: &'static str,
    what: &'static str,
}

const CASES: [Case; 2] = [
    Case { pool: "perf.img", dataset: "vol8k", what: "5 ms a read" },
    Case { pool: "raidz2", dataset: "big", what: "5 ms a read, raidz2" },
];

/// Ends of the names of a case's rows, and their units.
const ROWS: [(&str, &str); 5] = [
    ("finding and opening the pool", "s"),
    ("mean reads in flight", "reads"),
    ("most reads in flight", "reads"),
    ("whole send", "s"),
    ("time, of that with 64 in flight", "times"),
];

impl Case {
    fn names(&self) -> [String; 5] {
        ROWS.map(|(row, _)| format!("{}: {row}", self.what))
    }

    fn is_wanted(&self, options: &Options) -> bool {
        options.wants(&self.names().each_ref().map(String::as_str))
    }
}

/// The pools of the rows that are asked for.
pub(super) fn pools(options: &Options) -> impl Iterator<Item = &'static str> {
    CASES.iter().filter(|case| case.is_wanted(options)).map(|case| case.pool)
}

/// Measures the cases that are asked for, as far as their pools are there.
///
/// There is one run, whatever `--runs` says: it is waiting that is measured.
pub(super) fn rows(dir: &Path, options: &Options, table: &mut Table<'_>) -> Result<(), String> {
    for case in CASES.iter().filter(|case| case.is_wanted(options)) {
        let pool = dir.join(case.pool);
        if !pool.exists() {
            continue;
        }
        let values = measure(&images(&pool)?, case.dataset)?;
        for ((name, (_, unit)), value) in case.names().iter().zip(ROWS).zip(values) {
            table.push(row(name, unit, value, None));
        }
    }
    Ok(())
}

/// The values of the rows.
fn measure(images: &[PathBuf], dataset: &str) -> Result<[f64; 5], String> {
    let reads = Arc::new(Reads::default());
    let device = |path: &PathBuf| {
        let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let source = Slow { file, reads: Arc::clone(&reads) };
        Ok::<_, String>(Device::new(path.display().to_string(), Arc::new(source)))
    };
    let devices: Vec<Device> = images.iter().map(device).collect::<Result<_, _>>()?;
    let begun = Instant::now();
    let found = discover_devices(&devices, &CancelToken::default()).map_err(|e| e.to_string())?;
    let found = found.first().ok_or("no pool")?;
    let pool = Pool::open_found(found, &OpenOptions::default()).map_err(|e| e.to_string())?;
    let opening = begun.elapsed().as_secs_f64();
    let name = format!("{}/{dataset}@s", pool.name());
    let plan = SendPlan::by_name(&pool, &name, None, SendOptions::default());
    let plan = plan.map_err(|e| e.to_string())?;
    let before = reads.all.load(Ordering::Relaxed);
    let begun = Instant::now();
    plan.write(io::sink(), &CancelToken::default(), |_| {}).map_err(|e| e.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();
    let count = (reads.all.load(Ordering::Relaxed) - before) as f64;
    let bound = count * LATENCY.as_secs_f64() / IN_FLIGHT;
    Ok([
        opening,
        count * LATENCY.as_secs_f64() / seconds,
        reads.most.load(Ordering::Relaxed) as f64,
        seconds,
        seconds / bound,
    ])
}
