//! `zsend send --all`: every dataset of a pool, and a catalogue.

mod folder;
mod shard;

use crate::args::{BaseArg, SendArgs};
use crate::catalogue::{failure, tell_of_torn};
use crate::exit::{CommandResult, Failure, be_quiet, warn, warn_of};
use crate::list::collect::Failures;
use crate::output::Guard;
use crate::progress::Gauge;
use crate::send::common::{options, tell_of_reading, tell_of_replaced};
use crate::text::count;
use crate::{keys, signals};
use folder::Folder;
use std::collections::BTreeSet;
use std::io::{Write, stderr};
use std::path::Path;
use std::sync::Arc;
use zsend_catalogue::{
    Base, CatalogueWriter, Entry, News, RunError, RunOptions, Totals, Units, run as run_all,
};
use zsend_pool::dsl::name::{Name, Suffix};
use zsend_pool::{CancelToken, ErrorClass, Pool};
use zsend_props::nice_bytes;
use zsend_records::payload::UNREADABLE;
use zsend_traverse::{Progress, Refusal, SendError};

/// Runs `zsend send --all`.
pub(crate) fn run(args: &SendArgs) -> CommandResult {
    be_quiet(args.pool.quiet);
    let (Some(target), Some(path)) = (&args.target, &args.output) else {
        return Err(Failure::usage("--all takes a pool, and a folder with -o"));
    };
    if path == Path::new("-") {
        return Err(Failure::usage("--all takes a folder with -o, not standard output"));
    }
    let name = Name::parse(target)?;
    if name.suffix != Suffix::None || name.dataset.contains('/') {
        return Err(Failure::usage(format!(
            "--all takes a pool, not '{target}'; for a dataset and those below it: -r DATASET"
        )));
    }
    let shard = shard::of(&args.all)?;
    let options = RunOptions::default()
        .with_send(options(args)?)
        .with_newest(args.all.newest)
        .with_at_once(args.all.at_once.into())
        .with_base(match args.all.base {
            BaseArg::Snapshot => Base::Snapshot,
            BaseArg::Bookmark => Base::Bookmark,
        });
    let (gauge, cancel) = (Arc::new(Gauge::new()), CancelToken::default());
    signals::take(cancel.clone(), Arc::clone(&gauge), target.clone())?;
    let pool = Pool::open(&args.pool.devices, name.pool(), &args.pool.options(&cancel))?;
    warn_of(&pool);
    if !args.raw {
        keys::load(&pool, args, &name, false)?;
    }
    let root = args.all.root.as_deref().map(|root| pool.full_name(root));
    let units = Units::find(&pool, root.as_deref(), shard)?;
    folder::make(path)?;
    let catalogue = CatalogueWriter::open(path, shard, &options.settings()).map_err(failure)?;
    tell_of_torn(catalogue.known());
    let store = Folder::new(path, Guard::new(&pool.devices()), &gauge);
    let mut shown = Shown { verbose: args.verbose > 0, gauge, ..Shown::default() };
    let ended =
        run_all(&pool, &units, catalogue, &store, &options, &cancel, |news| shown.take(news));
    tell_of_reading(args, pool.zio(), &[]);
    let replaced = shown.replaced;
    let locked = std::mem::take(&mut shown.locked);
    let done = match ended {
        Ok(totals) => shown.end(&totals),
        Err(e) => {
            // The rest was told of when it happened; this is why there is no more.
            if let Err(failure) = shown.failures.end() {
                let _ = failure.report();
            }
            Err(broken(e, path))
        }
    };
    tell_of_replaced(replaced);
    let advice: BTreeSet<String> =
        locked.iter().filter_map(|dataset| keys::how_to_send(&pool, dataset)).collect();
    advice.iter().for_each(warn);
    done
}

/// News of a run as they are shown.
#[derive(Default)]
struct Shown {
    verbose: bool,
    gauge: Arc<Gauge>,
    progress: Progress,
    failures: Failures,
    without_snapshot: u64,
    replaced: u64,
    /// Datasets whose key is lacking.
    locked: Vec<String>,
}

impl Shown {
    fn take(&mut self, news: News<'_>) {
        match news {
            News::Written(bytes) => {
                self.progress.bytes = self.progress.bytes.saturating_add(bytes);
                self.gauge.set(&self.progress);
            }
            News::Sent(entry) => {
                self.progress.records = self.progress.records.saturating_add(entry.records);
                if self.verbose {
                    say(&format!("{} {}", described(entry), nice_bytes(entry.size)));
                }
            }
            News::Failed { snapshot, error, left_out } => {
                if let SendError::CannotSend { why: Refusal::KeyNotLoaded, .. } = error {
                    self.locked.extend(snapshot.split('@').next().map(str::to_owned));
                }
                self.failures.note(not_sent(snapshot, error, left_out));
            }
            News::Lost { dataset, error } => {
                let failure = Failure::new(error.class(), error);
                self.failures.note(failure.context(format!("cannot read '{dataset}'")));
            }
            News::NoSnapshot { dataset } => {
                self.without_snapshot += 1;
                if self.verbose {
                    say(&format!("no snapshot of {dataset}"));
                }
            }
            News::Warning(text) => warn(text),
            News::Replaced(error) => {
                self.replaced += 1;
                warn(format!("replaced by the pattern {UNREADABLE:#x}: {error}"));
            }
            _ => {}
        }
    }

    fn end(self, totals: &Totals) -> CommandResult {
        if self.verbose {
            say(&format!(
                "{} sent, {}; {} had been sent before",
                count(totals.streams, "stream"),
                nice_bytes(totals.bytes),
                count(totals.known, "snapshot"),
            ));
        }
        if self.without_snapshot > 0 {
            let datasets = count(self.without_snapshot, "dataset");
            warn(format!("{datasets} without a snapshot, of which nothing is sent"));
        }
        if totals.failed > 0 {
            warn(format!("{} not sent whole", count(totals.failed, "dataset")));
        }
        self.failures.end()
    }
}

fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// A stream in the words of `zfs send -v`.
fn described(entry: &Entry) -> String {
    match &entry.from {
        None => format!("full send of {}", entry.name()),
        Some(from) => format!("send from {from} to {}", entry.name()),
    }
}

fn not_sent(snapshot: &str, error: &SendError, left_out: usize) -> Failure {
    let failure = Failure::new(error.class(), error);
    let failure = match error {
        // It has the name.
        SendError::CannotSend { .. } | SendError::NoDataset(_) => failure,
        _ => failure.context(format!("cannot send '{snapshot}'")),
    };
    match left_out {
        0 => failure,
        n => failure.and(format!("{} of it left out", count(n as u64, "later snapshot"))),
    }
}

/// Failure of a run that ended early.
fn broken(e: RunError<Failure>, folder: &Path) -> Failure {
    match e {
        RunError::Store(failure) => failure,
        RunError::Output(name, e) => {
            Failure::io("write to", folder, &e).context(format!("cannot send '{name}'"))
        }
        RunError::Catalogue(e) => failure(e),
        RunError::Cancelled => Failure::new(ErrorClass::Device, "interrupted"),
        _ => Failure::new(ErrorClass::Device, "the run ended early"),
    }
}
