//! `zsend chain`: the order in which streams can be received, and what is missing.

use crate::args::ChainArgs;
use crate::catalogue;
use crate::exit::{CHAIN_BROKEN, CUT, CommandResult, Failure, warn};
use crate::text::{Head, count, one_line, or_dash, table};
use crate::{stdin, stdout};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zsend_catalogue::Catalogue;
use zsend_pool::ErrorClass;
use zsend_stream::Segment;
use zsend_stream::chain::{
    ChainReport, ChainStep, ChainVerdict, Fate, fault_json, step_json, verdict_json,
};
use zsend_stream::outline::{Budget, Outline, outline_file};

/// The inputs.
#[derive(Default)]
struct Inputs {
    outlines: Vec<Outline>,
    budget: Budget,
    /// Names of snapshots, by their guids, that the streams themselves do not say.
    names: BTreeMap<u64, String>,
    /// Failures of files that cannot be read.
    unread: Vec<Failure>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &ChainArgs) -> CommandResult {
    let mut inputs = Inputs::default();
    for path in &args.files {
        if path.is_dir() {
            inputs.folder(path)?;
        } else {
            inputs.file(path)?;
        }
    }
    let Inputs { outlines, names, unread, .. } = inputs;
    let chain = ChainReport::of(outlines, &args.have, &names);
    let text =
        if args.json { as_json(&chain, unread.len()) } else { as_text(&chain, args.scripted) };
    stdout::print(text.as_bytes())?;
    if !args.json {
        chain.notes.iter().for_each(warn);
    }
    let (number, broken) = (unread.len(), unread.into_iter());
    if number > 0 {
        broken.for_each(|failure| {
            failure.report();
        });
        let why = format!("{} could not be read", count(number as u64, "file"));
        return Err(Failure::new(ErrorClass::Device, why));
    }
    let of =
        |fate: fn(&Fate) -> bool| chain.steps.iter().filter(|step| fate(&step.fate)).count() as u64;
    let (code, why) = match chain.verdict() {
        ChainVerdict::Whole => return Ok(()),
        ChainVerdict::Cut => (CUT, format!("{} cut", count(of(|f| *f == Fate::Cut), "file"))),
        ChainVerdict::Broken => {
            let files = count(of(|f| *f == Fate::Broken), "file");
            (CHAIN_BROKEN, format!("{files} cannot be received"))
        }
        _ => {
            let files = count(of(|f| matches!(f, Fate::Damaged(_) | Fate::NoStream)), "file");
            (1, format!("{files} with damaged headers, or with no stream"))
        }
    };
    Err(Failure::with_code(code, why))
}

impl Inputs {
    fn file(&mut self, path: &Path) -> CommandResult {
        let read = || {
            let (name, file) = stdin::open(Some(path))?;
            outline_file(&name, file).map_err(|e| Failure::io("read", Path::new(&name), &e))
        };
        match read() {
            Ok(outline) => {
                let over = |why| {
                    let why = one_line(&format!("{}: {why}", outline.file));
                    Failure::new(ErrorClass::Unsupported, why)
                };
                self.budget.take(&outline).map_err(over)?;
                self.outlines.push(outline);
            }
            Err(failure) => self.unread.push(failure),
        }
        Ok(())
    }

    /// Adds the streams that the catalogues of a folder list.
    fn folder(&mut self, folder: &Path) -> CommandResult {
        let catalogue = Catalogue::open(folder).map_err(catalogue::failure)?;
        catalogue::tell_of_torn(&catalogue);
        if catalogue.entries().is_empty() {
            let folder = folder.display();
            return Err(Failure::usage(format!(
                "'{folder}' is a folder without a catalogue of streams"
            )));
        }
        for entry in catalogue.in_order() {
            let path: PathBuf = folder.join(&entry.file);
            self.names.insert(entry.guid, entry.name());
            if let Some((guid, from)) = entry.fromguid.zip(entry.from.clone()) {
                self.names.entry(guid).or_insert(from);
            }
            self.file(&path)?;
        }
        Ok(())
    }
}

fn as_json(chain: &ChainReport, unread: usize) -> String {
    let steps = chain.steps.iter().map(step_json);
    let faults = chain.faults.iter().map(fault_json);
    let lines = steps.chain(faults).chain([verdict_json(chain, unread)]);
    lines.map(|line| line + "\n").collect()
}

fn as_text(chain: &ChainReport, scripted: bool) -> String {
    let head = ["STEP", "SNAPSHOT", "GUID", "FROM", "KIND", "FATE", "FILE"];
    let mut number = 0;
    let mut rows = Vec::new();
    for step in &chain.steps {
        let is_taken = matches!(step.fate, Fate::Received | Fate::Cut);
        number += u64::from(is_taken);
        let place = or_dash(if is_taken { number } else { 0 });
        if step.streams.is_empty() {
            rows.push(row(&place, step, None));
        }
        rows.extend(step.streams.iter().map(|stream| row(&place, step, Some(stream))));
    }
    let mut text = table(head.map(Head::of).into(), rows, scripted);
    for step in &chain.steps {
        let why = match &step.fate {
            Fate::Damaged(error) => error.to_string(),
            Fate::NoStream => "no stream".to_owned(),
            _ => continue,
        };
        text += &format!("{}\n", one_line(&format!("{}: {why}", step.file)));
    }
    for fault in &chain.faults {
        text += &format!("{}\n", one_line(&fault.to_string()));
    }
    text
}

fn row(place: &str, step: &ChainStep, stream: Option<&Segment>) -> Vec<String> {
    let kind = stream.map_or("-", |stream| match (stream.fromguid, stream.resumed_at) {
        (_, Some(_)) => "rest",
        (0, None) => "full",
        (_, None) if stream.is_clone() => "clone",
        (_, None) => "increment",
    });
    let raw = if stream.is_some_and(Segment::is_raw) { " raw" } else { "" };
    vec![
        place.to_owned(),
        stream.map_or_else(|| "-".to_owned(), |stream| one_line(&stream.toname)),
        or_dash(stream.map_or(0, |stream| stream.toguid)),
        or_dash(stream.map_or(0, |stream| stream.fromguid)),
        format!("{kind}{raw}"),
        match &step.fate {
            // Nothing was done yet.
            Fate::Received => "receivable",
            fate => fate.word(),
        }
        .to_owned(),
        one_line(&step.file),
    ]
}
