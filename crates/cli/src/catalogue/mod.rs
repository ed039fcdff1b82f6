//! `zsend catalogue`: what lies in a folder of streams.

mod receive;

use crate::args::{CatalogueArgs, CatalogueVerb};
use crate::exit::{CommandResult, Failure, warn};
use crate::progress::Gauge;
use crate::text::{Head, count, table};
use crate::{signals, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zsend_catalogue::{Catalogue, CatalogueError, Entry, Flaw, missing_shards};
use zsend_pool::{CancelToken, ErrorClass};
use zsend_props::{date, nice_bytes};

/// Runs the subcommand.
pub(crate) fn run(args: &CatalogueArgs) -> CommandResult {
    match &args.verb {
        CatalogueVerb::Ls { receive: Some(target), folder, .. } => receive::print(folder, target),
        CatalogueVerb::Ls { json, scripted, folder, receive: None } => {
            list(folder, *json, *scripted)
        }
        CatalogueVerb::Check { threads, folder } => check(folder, (*threads).into()),
        CatalogueVerb::Merge { folder, from } => merge(folder, from),
    }
}

/// A failure of reading or writing a catalogue.
pub(crate) fn failure(e: CatalogueError) -> Failure {
    let class = match &e {
        CatalogueError::Settings { .. } | CatalogueError::Nothing(_) => ErrorClass::Usage,
        e if e.is_io() => ErrorClass::Device,
        _ => ErrorClass::Damaged,
    };
    let is_of_others = matches!(e, CatalogueError::Settings { .. });
    let failure = Failure::new(class, e);
    if is_of_others { failure.and("Take the same flags, or another folder.") } else { failure }
}

/// Says which catalogues end in a line that a crash has torn.
pub(crate) fn tell_of_torn(catalogue: &Catalogue) {
    for path in catalogue.torn() {
        warn(format!(
            "{}: the last line is torn, as a crash leaves it; its stream is sent again by the next run",
            path.display()
        ));
    }
}

/// The catalogues of a folder.
fn open(folder: &Path) -> Result<Catalogue, Failure> {
    let catalogue = Catalogue::open(folder).map_err(failure)?;
    tell_of_torn(&catalogue);
    Ok(catalogue)
}

/// Says which shards of a run have no catalogue in a folder; returns true if there are any.
fn tell_of_missing_shards(folder: &Path) -> Result<bool, Failure> {
    let runs = missing_shards(folder).map_err(failure)?;
    for run in &runs {
        let numbers: Vec<String> = run.numbers.iter().map(ToString::to_string).collect();
        let more = if run.numbers.len() < run.missing as usize { ", ..." } else { "" };
        let catalogues = count(run.missing.into(), "catalogue");
        let (numbers, of) = (numbers.join(", "), run.count);
        warn(format!("{catalogues} of {of} shards not there: {numbers}{more}"));
    }
    Ok(!runs.is_empty())
}

fn list(folder: &Path, json: bool, scripted: bool) -> CommandResult {
    let catalogue = open(folder)?;
    let entries = catalogue.in_order();
    if json {
        let lines: String = entries.into_iter().map(Entry::to_line).collect();
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

fn check(folder: &Path, threads: usize) -> CommandResult {
    let cancel = CancelToken::default();
    signals::take(cancel.clone(), Arc::new(Gauge::new()), folder.display().to_string())?;
    let catalogue = open(folder)?;
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if threads == 0 { cores() } else { threads };
    let checked = zsend_catalogue::check(folder, &catalogue, threads, &cancel).map_err(failure)?;
    if cancel.is_cancelled() {
        return Err(Failure::new(ErrorClass::Device, "interrupted"));
    }
    for stray in &checked.strays {
        warn(format!("'{stray}' is in no catalogue"));
    }
    if checked.replaced > 0 {
        let streams = count(checked.replaced, "stream");
        warn(format!(
            "{streams} with blocks that could not be read and were replaced by a pattern"
        ));
    }
    let lacks_shards = tell_of_missing_shards(folder)?;
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
        return if lacks_shards { Err(lacking(folder)) } else { Ok(()) };
    }
    let is_io = checked.flaws.iter().all(|(_, flaw)| matches!(flaw, Flaw::Io(_)));
    let class = if is_io { ErrorClass::Device } else { ErrorClass::Damaged };
    Err(Failure::new(
        class,
        format!("{} is not what its catalogue says: {flaws}", folder.display()),
    ))
}

fn merge(folder: &Path, from: &[PathBuf]) -> CommandResult {
    let merged = zsend_catalogue::merge(folder, from).map_err(failure)?;
    let (added, known) = (count(merged.added, "stream"), count(merged.known, "stream"));
    stdout::print(format!("{added} added, {known} known\n").as_bytes())?;
    for (path, number, why) in &merged.left_out {
        warn(format!("{}, line {number}: {why}", path.display()));
    }
    let lacks_shards = tell_of_missing_shards(folder)?;
    match merged.left_out.len() as u64 {
        0 if lacks_shards => Err(lacking(folder)),
        0 => Ok(()),
        lines => {
            Err(Failure::new(ErrorClass::Damaged, format!("{} left out", count(lines, "line"))))
        }
    }
}

/// Failure of a folder that has not all shards of any run.
fn lacking(folder: &Path) -> Failure {
    let folder = folder.display();
    Failure::new(ErrorClass::Damaged, format!("{folder} has not the streams of all shards"))
}
