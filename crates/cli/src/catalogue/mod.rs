//! `zsend catalogue`: what lies in a folder of streams.

use crate::args::{CatalogueArgs, CatalogueVerb};
use crate::exit::{Done, Failure, warn};
use crate::progress::Gauge;
use crate::text::{Head, count, table};
use crate::{signals, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zsend_catalogue::{Catalogue, CatalogueError, Entry, Flaw};
use zsend_pool::{CancelToken, ErrorClass};
use zsend_props::{date, nice_bytes};

/// Runs the subcommand.
pub(crate) fn run(args: &CatalogueArgs) -> Done {
    match &args.verb {
        CatalogueVerb::Ls { json, scripted, folder } => list(folder, *json, *scripted),
        CatalogueVerb::Check { threads, folder } => check(folder, (*threads).into()),
        CatalogueVerb::Merge { folder, from } => merge(folder, from),
    }
}

/// A failure of reading or writing a catalogue.
pub(crate) fn failure(e: CatalogueError) -> Failure {
    let class = if e.is_io() { ErrorClass::Device } else { ErrorClass::Damaged };
    Failure::new(class, e)
}

fn list(folder: &Path, json: bool, scripted: bool) -> Done {
    let catalogue = Catalogue::open(folder).map_err(failure)?;
    if json {
        let lines: String = catalogue.entries().iter().map(Entry::to_line).collect();
        return stdout::print(lines.as_bytes());
    }
    let number = |text: &str| Head { is_right: true, ..Head::of(text) };
    let head = vec![
        Head::of("SNAPSHOT"),
        Head::of("FROM"),
        number("SIZE"),
        number("RECORDS"),
        Head::of("FLAGS"),
        Head::of("CREATION"),
        Head::of("FILE"),
    ];
    let mut entries: Vec<&Entry> = catalogue.entries().iter().collect();
    entries.sort_by(|a, b| (&a.dataset, a.createtxg).cmp(&(&b.dataset, b.createtxg)));
    let rows = entries.into_iter().map(|entry| {
        let size = if scripted { entry.size.to_string() } else { nice_bytes(entry.size) };
        let creation =
            if scripted { entry.creation.to_string() } else { date(entry.creation, false) };
        let flags = match entry.flags.as_str() {
            "" => "-".to_owned(),
            flags => flags.to_owned(),
        };
        let from = entry.from.clone().unwrap_or_else(|| "-".to_owned());
        let records = entry.records.to_string();
        vec![entry.name(), from, size, records, flags, creation, entry.file.clone()]
    });
    stdout::print(table(head, rows, scripted).as_bytes())
}

fn check(folder: &Path, threads: usize) -> Done {
    let cancel = CancelToken::default();
    signals::take(cancel.clone(), Arc::new(Gauge::new()), folder.display().to_string())?;
    let catalogue = Catalogue::open(folder).map_err(failure)?;
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if threads == 0 { cores() } else { threads };
    let checked = zsend_catalogue::check(folder, &catalogue, threads, &cancel).map_err(failure)?;
    if cancel.is_cancelled() {
        return Err(Failure::new(ErrorClass::Device, "interrupted"));
    }
    for stray in &checked.strays {
        warn(format!("'{stray}' is in no catalogue"));
    }
    let mut text = String::new();
    for (file, flaw) in &checked.flaws {
        let name = catalogue.by_file(file).map(Entry::name).unwrap_or_default();
        text += &format!("{name} in {file}: {flaw}\n");
    }
    let (streams, bytes) = (count(checked.streams, "stream"), nice_bytes(checked.bytes));
    let flaws = count(checked.flaws.len() as u64, "flaw");
    text += &format!("{streams}, {bytes}, {flaws}\n");
    stdout::print(text.as_bytes())?;
    if checked.flaws.is_empty() {
        return Ok(());
    }
    let is_io = checked.flaws.iter().all(|(_, flaw)| matches!(flaw, Flaw::Io(_)));
    let class = if is_io { ErrorClass::Device } else { ErrorClass::Damaged };
    Err(Failure::new(
        class,
        format!("{} is not what its catalogue says: {flaws}", folder.display()),
    ))
}

fn merge(folder: &Path, from: &[PathBuf]) -> Done {
    let merged = zsend_catalogue::merge(folder, from).map_err(failure)?;
    let (added, known) = (count(merged.added, "stream"), count(merged.known, "stream"));
    stdout::print(format!("{added} added, {known} known\n").as_bytes())?;
    for (path, number, why) in &merged.conflicts {
        warn(format!("{}, line {number}: {why}", path.display()));
    }
    match merged.conflicts.len() as u64 {
        0 => Ok(()),
        conflicts => {
            let what = format!("{} left out", count(conflicts, "line that contradicts another"));
            Err(Failure::new(ErrorClass::Damaged, what))
        }
    }
}
