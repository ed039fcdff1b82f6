//! A source with latency: how many reads are in flight, and how much of the wait is hidden.

use super::options::Options;
use super::table::{Table, row};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use zsend_pool::device::{Device, Source};
use zsend_pool::discover::discover_devices;
use zsend_pool::pool::{OpenOptions, Pool};
use zsend_traverse::options::SendOptions;
use zsend_traverse::send::SendPlan;

/// What each read waits.
const LATENCY: Duration = Duration::from_millis(5);
/// Reads in flight that the bound is computed for.
const IN_FLIGHT: f64 = 64.0;

/// A file each of whose reads takes at least [`LATENCY`], as over a network.
struct Slow {
    file: File,
    now: AtomicUsize,
    most: AtomicUsize,
    reads: AtomicUsize,
}

impl Source for Slow {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
        // The one sleep of the project: it stands for a device, in a benchmark.
        std::thread::sleep(LATENCY);
        let result = self.file.read_at(buf, offset);
        self.now.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn size(&self) -> u64 {
        Source::size(&self.file)
    }
}

/// Names of the rows, which one run gives.
const NAMES: [&str; 4] = [
    "5 ms a read: mean reads in flight",
    "5 ms a read: most reads in flight",
    "5 ms a read: whole send",
    "5 ms a read: time, of that with 64 in flight",
];

/// The pool with the volume, in `target/perf`.
const POOL: &str = "perf.img";

/// The pool, if one of the rows is asked for.
pub(super) fn pool(options: &Options) -> Option<&'static str> {
    options.wants(&NAMES).then_some(POOL)
}

/// Measures the rows for the volume of the benchmark pool, if one of them is asked for.
///
/// There is one run, whatever `--runs` says: it is waiting that is measured.
pub(super) fn rows(dir: &Path, options: &Options, table: &mut Table<'_>) -> Result<(), String> {
    let Some(path) = pool(options).map(|p| dir.join(p)).filter(|p| p.exists()) else {
        return Ok(());
    };
    let values = measure(&path)?;
    for ((name, unit), value) in NAMES.iter().zip(["reads", "reads", "s", "times"]).zip(values) {
        table.push(row(name, unit, value, None));
    }
    Ok(())
}

/// The values of the rows.
fn measure(path: &Path) -> Result<[f64; 4], String> {
    let slow = Arc::new(Slow {
        file: File::open(path).map_err(|e| e.to_string())?,
        now: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        reads: AtomicUsize::new(0),
    });
    let device = Device::new(path.display().to_string(), Arc::clone(&slow) as Arc<dyn Source>);
    let found = discover_devices(&[device]).map_err(|e| e.to_string())?;
    let found = found.first().ok_or("no pool")?;
    let pool = Pool::open_found(found, &OpenOptions::default()).map_err(|e| e.to_string())?;
    let name = format!("{}/vol8k@s", pool.name());
    let plan = SendPlan::by_name(&pool, &name, None, SendOptions::default());
    let plan = plan.map_err(|e| e.to_string())?;
    let before = slow.reads.load(Ordering::Relaxed);
    let begun = Instant::now();
    plan.write(io::sink(), &AtomicBool::new(false), |_| {}).map_err(|e| e.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();
    let reads = (slow.reads.load(Ordering::Relaxed) - before) as f64;
    let bound = reads * LATENCY.as_secs_f64() / IN_FLIGHT;
    Ok([
        reads * LATENCY.as_secs_f64() / seconds,
        slow.most.load(Ordering::Relaxed) as f64,
        seconds,
        seconds / bound,
    ])
}
