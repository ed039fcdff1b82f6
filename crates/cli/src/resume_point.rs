//! `zsend resume-point`: where a cut stream can be gone on with.

use crate::args::ResumePointArgs;
use crate::exit::{CUT, CommandResult, Failure, warn};
use crate::output::{Guard, open_to_append};
use crate::text::one_line;
use crate::{stdin, stdout, token};
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::path::Path;
use zsend_pool::ErrorClass;
use zsend_stream::verify::{Cut, Fault, Outcome, Verdict, VerifyError, VerifyOptions, verify_file};

/// Runs the subcommand.
pub(crate) fn run(args: &ResumePointArgs) -> CommandResult {
    let (name, file) = match args.file.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) if args.cut => {
            (path.display().to_string(), open_to_append(path, &Guard::default())?)
        }
        _ if args.cut => return Err(Failure::usage("--cut takes a file by its name")),
        path => stdin::open(path)?,
    };
    let unread = |e: io::Error| Failure::io("read", Path::new(&name), &e);
    let kept = file.try_clone().map_err(unread)?;
    let outcome = checked(&name, file)?;
    let cut = match &outcome.verdict {
        Verdict::Whole => None,
        Verdict::Cut(cut) => Some(cut),
        _ if outcome.bytes == 0 => return Err(none_there(&name)),
        _ => return Err(damaged(&name, &outcome)),
    };
    if let Some(cut) = cut {
        refuse_package(&name, cut)?;
    }
    if let Some(cut) = cut.filter(|cut| args.cut && cut.token.is_some()) {
        let failed = |e: io::Error| Failure::io("cut", Path::new(&name), &e);
        kept.set_len(cut.length).map_err(failed)?;
        kept.sync_all().map_err(failed)?;
    }
    let text = if args.json {
        as_json(&name, &outcome, cut.map(|cut| &**cut))? + "\n"
    } else if args.scripted {
        scripted(cut.map(|cut| &**cut))?
    } else {
        text(&name, &outcome, cut.map(|cut| &**cut))?
    };
    stdout::print(text.as_bytes())?;
    match cut {
        Some(cut) if cut.token.is_none() => Err(none_there(&name)),
        Some(_) | None => Ok(()),
    }
}

/// Checks what is there of a stream, as `zsend verify --quick` does; a fault is told on standard error.
pub(crate) fn checked(name: &str, file: File) -> Result<Outcome, Failure> {
    let mut faults: Vec<Fault> = Vec::new();
    let options = VerifyOptions::default().with_quick(true);
    let checked = verify_file(name, file, &options, &mut faults);
    for fault in &faults {
        warn(one_line(&fault.to_string()));
    }
    checked.map_err(|e| {
        let class = match e {
            VerifyError::TooLarge { .. } => ErrorClass::Unsupported,
            _ => ErrorClass::Device,
        };
        Failure::caused(class, name, &e)
    })
}

/// Failure of a stream that is not only cut.
pub(crate) fn damaged(name: &str, outcome: &Outcome) -> Failure {
    let word = outcome.verdict.word();
    let why =
        format!("{name} is {word}: there is no place to go on from that is known to be right");
    Failure::new(ErrorClass::Damaged, why)
}

/// Refuses a package.
pub(crate) fn refuse_package(name: &str, cut: &Cut) -> CommandResult {
    if !cut.is_package {
        return Ok(());
    }
    let why = format!("{name} is a package: it is gone on with by zsend send --continue-from");
    Err(Failure::new(ErrorClass::Unsupported, why))
}

/// Failure of a stream of which not even BEGIN is known to be right.
pub(crate) fn none_there(name: &str) -> Failure {
    let why = format!("{name} ends before its first record: there is no place to go on from");
    Failure::with_code(CUT, why)
}

fn as_json(name: &str, outcome: &Outcome, cut: Option<&Cut>) -> Result<String, Failure> {
    let token = cut.and_then(|cut| cut.token.as_ref());
    Ok(json!({
        "kind": "resume-point",
        "file": name,
        "verdict": outcome.verdict.word(),
        "bytes": outcome.bytes,
        "length": cut.map_or(outcome.bytes, |cut| cut.length),
        "toname": cut.map(|cut| Value::from(&*cut.toname)),
        "object": token.map(|token| token.object),
        "offset": token.map(|token| token.offset),
        "token": token.map(token::text).transpose()?,
    })
    .to_string())
}

fn scripted(cut: Option<&Cut>) -> Result<String, Failure> {
    let Some(cut) = cut else { return Ok(String::new()) };
    let token = cut.token.as_ref().map(token::text).transpose()?.unwrap_or_default();
    Ok(format!("{}\t{token}\n", cut.length))
}

fn text(name: &str, outcome: &Outcome, cut: Option<&Cut>) -> Result<String, Failure> {
    let Outcome { bytes, .. } = outcome;
    let name = one_line(name);
    let Some(cut) = cut else { return Ok(format!("{name}: whole: {bytes} bytes\n")) };
    let Some(token) = &cut.token else { return Ok(String::new()) };
    let (object, offset, token) = (token.object, token.offset, token::text(token)?);
    Ok(format!(
        "{name}: cut, of {}: {bytes} bytes, checked to byte {}\n  it goes on at object {object}, offset {offset}\n  \
         length: {}\n  token: {token}\n  in the file itself: zsend send --append {name}\n  or receive it with \
         `zfs receive -s`, then the rest: zsend send -t {token}\n",
        one_line(&cut.toname),
        cut.length,
        cut.length,
    ))
}
