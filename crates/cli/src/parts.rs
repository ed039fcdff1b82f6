//! `zsend split` and `zsend join`: a stream in parts, and the whole of them.

use crate::args::{JoinArgs, SplitArgs};
use crate::exit::{CUT, CommandResult, Failure};
use crate::output::{Guard, Output};
use crate::progress::Gauge;
use crate::text::{count, one_line};
use crate::{stdin, stdout};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use zsend_pool::ErrorClass;
use zsend_stream::split::{
    JoinOrder, Manifest, PartState, SplitError, check_part, part_name, remake, split_file,
};

/// Runs `zsend split`.
pub(crate) fn split(args: &SplitArgs) -> CommandResult {
    let (name, file) = stdin::open(Some(&args.file))?;
    let mut has_end = true;
    let text = match (args.part, args.size) {
        (Some(number), size) => {
            let made = remake(file, &args.dir, size, number).map_err(|e| failure(&name, e))?;
            let state = match (made.is_found, made.is_listed) {
                (true, _) => "was there already",
                (false, true) => "made again, as the list has it",
                (false, false) => "made again; there is no list to compare it with",
            };
            format!("{}: {state}: {}", made.path.display(), count(made.length, "byte"))
        }
        (None, Some(size)) => {
            let done = split_file(file, &args.dir, size).map_err(|e| failure(&name, e))?;
            let list = &done.manifest;
            has_end = done.has_end;
            let parts = count(list.parts.len() as u64, "part");
            let found = match done.found {
                0 => String::new(),
                found => format!(", {found} of them there already"),
            };
            let (dir, bytes) = (args.dir.display(), count(list.length, "byte"));
            format!("{dir}: {parts}{found}: {} in {bytes}", count(list.records, "record"))
        }
        (None, None) => return Err(Failure::usage("--size says how long a part may be")),
    };
    stdout::print((one_line(&text) + "\n").as_bytes())?;
    if has_end {
        return Ok(());
    }
    let why = format!("{name}: the stream has no END: what is there was split");
    Err(Failure::with_code(CUT, why))
}

/// Runs `zsend join`.
pub(crate) fn join(args: &JoinArgs) -> CommandResult {
    let dir = args.dir.display().to_string();
    let list = Manifest::of_folder(&args.dir).map_err(|e| failure(&dir, e))?;
    if args.check {
        return check(args, &list);
    }
    let gauge = Arc::new(Gauge::new());
    // What is joined, and whatever else lies beside it.
    let beside = std::fs::read_dir(&args.dir).into_iter().flatten().flatten();
    let names: Vec<String> =
        beside.map(|entry| entry.path().to_string_lossy().into_owned()).collect();
    let guard = Guard::new(&names);
    let mut output = Output::open(args.output.as_deref(), true, &guard, &gauge)?;
    let order = match output.is_file() {
        true => JoinOrder::Meanwhile,
        // What is written there cannot be taken back.
        false => JoinOrder::Before,
    };
    match zsend_stream::split::join(&args.dir, &list, &mut output, order) {
        Ok(_) => output.commit(),
        Err(e) => {
            output.discard();
            Err(failure(&dir, e))
        }
    }
}

/// Says of each part what is wrong with it.
fn check(args: &JoinArgs, list: &Manifest) -> CommandResult {
    let all: Vec<u64> = (1..=list.parts.len() as u64).collect();
    let numbers = if args.parts.is_empty() { &all } else { &args.parts };
    let (mut text, mut not_whole) = (String::new(), 0);
    for &number in numbers {
        let state = check_part(&args.dir, list, number);
        let state = state.map_err(|e| failure(&args.dir.display().to_string(), e))?;
        not_whole += u64::from(state != PartState::Whole);
        text += &match args.json {
            true => part_json(number, &state),
            false => format!("{}: {state}", part_name(number)),
        };
        text.push('\n');
    }
    stdout::print(text.as_bytes())?;
    if not_whole == 0 {
        return Ok(());
    }
    let (dir, parts) = (args.dir.display(), count(numbers.len() as u64, "part"));
    Err(Failure::new(ErrorClass::Damaged, format!("{dir}: {not_whole} of {parts} not whole")))
}

fn part_json(number: u64, state: &PartState) -> String {
    let (record, byte) = match state {
        PartState::Damaged { before: Some((record, byte)) } => (Some(record), Some(byte)),
        _ => (None, None),
    };
    json!({
        "kind": "part",
        "part": number,
        "name": part_name(number),
        "state": state.word(),
        "record": record,
        "byte": byte,
        "text": state.to_string(),
    })
    .to_string()
}

/// A failure of the library, in which `name` stands for what was read.
pub(crate) fn failure(name: &str, e: SplitError) -> Failure {
    let class = match &e {
        SplitError::Io { .. } | SplitError::Read { .. } | SplitError::Write(_) => {
            ErrorClass::Device
        }
        SplitError::TooSmall { .. } | SplitError::TooMany { .. } | SplitError::NoPart { .. } => {
            ErrorClass::Usage
        }
        _ => ErrorClass::Damaged,
    };
    let is_of_stream = matches!(
        e,
        SplitError::Stream(_)
            | SplitError::Read { .. }
            | SplitError::TooSmall { .. }
            | SplitError::TooMany { .. }
    );
    let failure = Failure::new(class, &e);
    if is_of_stream { failure.context(Path::new(name).display()) } else { failure }
}
