//! `zsend verify`: verdicts on stored streams.

use crate::args::VerifyArgs;
use crate::exit::{CHAIN_BROKEN, CUT, CommandResult, Failure, warn};
use crate::text::one_line;
use crate::{against, keys, stdin, stdout};
use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use zsend_pool::ErrorClass;
use zsend_stream::Segment;
use zsend_stream::split::part_name;
use zsend_stream::verify::{
    Cut, Fault, Outcome, Report, Together, Verdict, VerifyError, VerifyOptions, fault_json,
    outcome_json, verify_file, verify_tee,
};

/// Grades of the end of a check, from best to worst. Of several files the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Whole,
    Cut,
    ChainBroken,
    Damaged,
    /// There is no verdict.
    Unread,
}

impl Grade {
    const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Whole => Self::Whole,
            Verdict::Cut(_) => Self::Cut,
            Verdict::ChainBroken => Self::ChainBroken,
            // A verdict that is not known here is none to trust.
            _ => Self::Damaged,
        }
    }

    /// The word for it in JSON, as [`Verdict::word`] has it.
    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Cut => "cut",
            Self::ChainBroken => "chain-broken",
            Self::Damaged => "damaged",
            Self::Unread => "unread",
        }
    }

    /// The exit code, and what a file of that grade is called.
    const fn code(self) -> (u8, &'static str) {
        match self {
            Self::Whole => (0, "whole"),
            Self::Cut => (CUT, "cut, and whole so far"),
            Self::ChainBroken => (CHAIN_BROKEN, "no continuation of what came before"),
            Self::Damaged => (1, "damaged"),
            Self::Unread => (3, "not read"),
        }
    }
}

/// Destination of faults and verdicts: standard output, or standard error where that has the stream.
struct Reporter {
    out: Box<dyn Write + Send>,
    json: bool,
    written: io::Result<()>,
    /// Streams of all files.
    streams: Together,
}

impl Reporter {
    fn line(&mut self, line: &str) {
        if self.written.is_ok() {
            self.written = writeln!(self.out, "{line}");
        }
    }

    fn outcome(&mut self, name: &str, outcome: &Outcome) {
        let line = if self.json { outcome_json(name, outcome) } else { text(name, outcome) };
        self.line(&line);
    }
}

impl Report for Reporter {
    fn fault(&mut self, fault: &Fault) {
        // A name in a stream may have anything in it, as a line of a report that was not made here.
        let line = if self.json { fault_json(fault) } else { one_line(&fault.to_string()) };
        self.line(&line);
    }

    fn segment(&mut self, segment: &Segment) {
        self.streams.add(segment);
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &VerifyArgs) -> CommandResult {
    if let Some(target) = &args.against {
        return against::run(args, target);
    }
    zsend_metal::heap::keep();
    if args.tee && args.files.len() > 1 {
        return Err(Failure::usage("--tee passes one stream on, not several"));
    }
    let out: Box<dyn Write + Send> =
        if args.tee { Box::new(io::stderr()) } else { Box::new(stdout::open()?) };
    let mut report =
        Reporter { out, json: args.json, written: Ok(()), streams: Together::default() };
    let keys = args.keys.iter().map(|key| keys::of_stream(key)).collect::<Result<Vec<_>, _>>()?;
    let options = VerifyOptions::default()
        .with_quick(args.quick)
        .with_all_faults(args.all_faults)
        .with_keys(keys);
    let stdin_alone = [Path::new("-").to_owned()];
    let files = if args.files.is_empty() { &stdin_alone[..] } else { &args.files };
    let mut worst = Grade::Whole;
    let (mut last, mut not_whole) = (String::new(), 0);
    for path in files {
        let grade = match stdin::open(Some(path)) {
            Ok((name, file)) => {
                let grade = one(&name, file, args, &options, &mut report)?;
                last = name;
                grade
            }
            Err(failure) if files.len() == 1 => return Err(failure),
            Err(failure) => {
                failure.report();
                Grade::Unread
            }
        };
        not_whole += usize::from(grade > Grade::Whole);
        worst = worst.max(grade);
    }
    let broken = report.streams.broken();
    for fault in &broken {
        report.fault(fault);
    }
    if !broken.is_empty() {
        worst = worst.max(Grade::ChainBroken);
    }
    let (code, called) = worst.code();
    if args.json && files.len() > 1 {
        let all = json!({
            "kind": "all", "verdict": worst.word(), "files": files.len(), "not_whole": not_whole,
            "broken": broken.len(),
        });
        report.line(&all.to_string());
    }
    stdout::finish(report.written)?;
    match (code, files.len()) {
        (0, _) => Ok(()),
        (_, 1) => Err(Failure::with_code(code, format!("{last} is {called}"))),
        (_, all) if not_whole == 0 => {
            Err(Failure::with_code(code, format!("one of {all} streams is {called}")))
        }
        (_, all) => {
            let message =
                format!("{not_whole} of {all} files are not whole; the worst is {called}");
            Err(Failure::with_code(code, message))
        }
    }
}

/// Checks one stream.
fn one(
    name: &str,
    file: File,
    args: &VerifyArgs,
    options: &VerifyOptions,
    report: &mut Reporter,
) -> Result<Grade, Failure> {
    let checked = if args.tee {
        verify_tee(name, file, stdout::open()?, options, report)
    } else {
        verify_file(name, file, options, report)
    };
    match checked {
        Ok(outcome) => {
            report.outcome(name, &outcome);
            if !args.keys.is_empty() && outcome.opened == 0 && outcome.faults == 0 {
                warn(format!("{name} has no raw stream of a dataset whose key was given"));
            }
            if outcome.verdict != Verdict::Whole && is_part(Path::new(name)) {
                let folder = Path::new(name).parent().unwrap_or(Path::new(""));
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                let how = format!("zsend join --check {}", folder.display());
                warn(format!("{name} is a part of a stream, which `{how}` looks at"));
            }
            Ok(Grade::of(&outcome.verdict))
        }
        Err(e @ VerifyError::Write(_)) => {
            Err(Failure::caused(ErrorClass::Device, "standard output", &e))
        }
        Err(e) => {
            let class = match e {
                VerifyError::TooLarge { .. } => ErrorClass::Unsupported,
                _ => ErrorClass::Device,
            };
            let failure = Failure::caused(class, name, &e);
            if args.files.len() <= 1 {
                return Err(failure);
            }
            failure.report();
            Ok(Grade::Unread)
        }
    }
}

/// Returns true for the name of a part of a stream: see `zsend split`.
fn is_part(path: &Path) -> bool {
    path.extension().is_some() && path.extension() == Path::new(&part_name(1)).extension()
}

/// A verdict in words, without the end of the line.
fn text(name: &str, outcome: &Outcome) -> String {
    let Outcome { verdict, records, bytes, streams, faults, .. } = outcome;
    let name = one_line(name);
    let seen = format!("{records} records in {bytes} bytes, streams: {streams}");
    match verdict {
        Verdict::Whole => format!("{name}: whole: {seen}"),
        Verdict::Cut(cut) => format!("{name}: cut, whole so far: {seen}{}", how_to_go_on(cut)),
        other => format!("{name}: {}: {seen}, broken rules: {faults}", other.word()),
    }
}

/// Lines that say what there is, and what to do with it.
fn how_to_go_on(cut: &Cut) -> String {
    let mut text = String::new();
    if let Some(part) = cut.part {
        text += &format!("\n  it ends in a {}: {} of {} bytes", part.what, part.have, part.need);
    }
    text += &format!("\n  checked to byte {}: cut it there (truncate -s {0})", cut.length);
    let token = cut.token.as_ref().map(|token| token.encode());
    if let Some(Err(error)) = &token {
        text += &format!("\n  it has no token to go on with: {error}");
    }
    if let Some(Ok(token)) = token {
        text += &format!(
            "\n  receive it with `zfs receive -s`, then the rest of {}: zsend send -t {token}",
            one_line(&cut.toname)
        );
    }
    text
}
